package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write openapi.json and what is made of it")

// kept is the document as partners have it, of a server that offers everything.
const keptDocument = "openapi.json"

// A change of the document is red, so that nobody breaks a partner's program unseen:
//
//	go test ./refserver/api -run TestTheDocumentIsTheOneThatIsKept -update
func TestTheDocumentIsTheOneThatIsKept(t *testing.T) {
	t.Parallel()
	s := newTown(t, &townOptions{recovery: independently}).server
	var now bytes.Buffer
	require.NoError(t, json.Indent(&now, s.stranger(t).call("GET", "/openapi.json", nil).Body, "", " "))
	now.WriteByte('\n')
	if *update {
		require.NoError(t, os.WriteFile(keptDocument, now.Bytes(), 0o644))
	}
	kept, err := os.ReadFile(keptDocument)
	require.NoError(t, err)
	require.True(t, bytes.Equal(kept, now.Bytes()), "the document has changed: look at the difference after -update")
}
