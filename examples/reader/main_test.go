package main

import (
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheSecondReaderAgreesOnEveryVector: whoever reads docs/format.md can open
// what this project stores, and refuses what it refuses.
func TestTheSecondReaderAgreesOnEveryVector(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../vault/testdata/vectors/*.txt")
	require.NoError(t, err)
	require.Greater(t, len(files), 200)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			v, err := load(name)
			require.NoError(t, err)
			got, shows := verdict(v)
			require.Equal(t, v.text("expect"), got)
			var want []string
			for _, f := range v.all("shows") {
				want = append(want, f.line)
			}
			slices.Sort(want)
			require.Equal(t, want, shows, "of what it shows")
		})
	}
}

// TestTheReaderSaysWhatItCannotRead: a vector with another outcome than expected
// is an error of the program.
func TestTheReaderSaysWhatItCannotRead(t *testing.T) {
	t.Parallel()
	require.NoError(t, run([]string{"../../vault/testdata/vectors/sealed.txt"}, io.Discard))
	require.Error(t, run([]string{"../../vault/testdata/vectors/nothing.txt"}, io.Discard))
	v, err := load("../../vault/testdata/vectors/sealed.txt")
	require.NoError(t, err)
	v.fields = append([]vectorField{{name: "key", line: "00"}}, v.fields...)
	got, _ := verdict(v)
	require.Equal(t, "open", got)
}
