//go:build !services

package engines

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/config"
	"reconnect.example/storage"
)

// The program that is tried first knows one machine. Who needs more is told how to
// build it, and nothing that the URL holds.
func TestAProgramWithoutServicesSaysHowOneIsBuilt(t *testing.T) {
	t.Parallel()
	none := fmt.Errorf("%w: no driver", storage.ErrInvalid)
	for _, u := range []config.URL{"postgres://safe:geheim@db/safe", "s3://geheim?region=x"} {
		err := elsewhere(u, none)
		require.ErrorIs(t, err, storage.ErrInvalid)
		require.ErrorContains(t, err, "go build -tags services ./refserver")
		require.NotContains(t, err.Error(), "geheim")
		require.NoError(t, elsewhere(u, nil))
		require.Equal(t, storage.ErrUnavailable, elsewhere(u, storage.ErrUnavailable))
	}
	require.Equal(t, none, elsewhere("file:///documents", none))
}
