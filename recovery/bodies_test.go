package recovery

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
)

var updateBodies = flag.Bool("update", false, "write testdata/bodies.txt if it is not there")

// TestBodiesHaveTheBytesThatWerePublished: whoever changes what is stored, or how, sees it
// here.
func TestBodiesHaveTheBytesThatWerePublished(t *testing.T) {
	t.Parallel()
	got, err := testvectors.Bodies(map[string]any{
		"path-params": params{}, "path-shown": shown{}, "request": record{}, "request-opening": openingBody{}, "given": given{}, "given-body": givenBody{},
		"given-half": halfBody{}, "request-note": noteBody{}, "page": atPage{}, "later": laterBody{},
	}, seal.Marshal)
	require.NoError(t, err)
	const file = "testdata/bodies.txt"
	if _, err := os.Stat(file); os.IsNotExist(err) && *updateBodies {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}
