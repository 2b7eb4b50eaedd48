package main

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestExampleLetsARelayHelpAndEndsIt(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), filepath.Join(t.TempDir(), "data"), &out, time.Now))
	require.Equal(t, `the worker sees: Birth certificate
the person reads: Samir of Harbour - items.listed - housing: the file for the town hall
then: vault: what was allowed has ended
`, out.String())
}
