package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkeys"
)

func TestExampleMovesEverythingToAnotherOperator(t *testing.T) {
	t.Parallel()
	testkeys.UseCheapKDF()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), filepath.Join(t.TempDir(), "data"), &out))
	said := out.String()
	require.True(t, strings.HasPrefix(said, "it will go to https://south.example\nthe connection was cut; more is still to come: true\n"), said)
	for _, line := range []string{"from north.example it fits: true", "there now: Birth certificate", "the same receipt on both sides: true", "nothing was deleted before the person's word: true", "closed, and erased after 365 days"} {
		require.Contains(t, said, line+"\n")
	}
}
