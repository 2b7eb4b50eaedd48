package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkeys"
)

func TestExampleLetsSomebodyBackInOnSiteAndByCall(t *testing.T) {
	t.Parallel()
	testkeys.UseCheapKDF()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), filepath.Join(t.TempDir(), "data"), &out))
	require.Equal(t, `on site, Amina is asked: What was the camp dog called?
one answer is wrong, and nobody says which
on site, Amina is back and has: Birth certificate
on site, what stays locked, with its folders: 9
with the old password, what comes back: 9
by call, Lina asks: Which login is written on your recovery sheet?
by call, Lina asks: What may I note to say how I recognised you? You will read it in your journal.
by call, Amina is back and has: Birth certificate
by call, Amina is back and has: Diary
by call, what stays locked, with its folders: 0
Amina reads: Lina of Line - request.opened
Amina reads: Lina of Line - path.seen
`, out.String())
}
