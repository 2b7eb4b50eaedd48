package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const passing = `{"Action":"start","Package":"a"}
{"Action":"output","Package":"a","Test":"TestX","Output":"talk\n"}
{"Action":"pass","Package":"a","Test":"TestX","Elapsed":0.1}
{"Action":"output","Package":"a","Output":"PASS\n"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.2s\n"}
{"Action":"pass","Package":"a","Elapsed":0.2}
{"Action":"output","Package":"b","Output":"?   \tb\t[no test files]\n"}
{"Action":"skip","Package":"b","Elapsed":0}
`

func TestWhatPassedIsOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	ok, err := summarise(strings.NewReader(passing), &out)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "ok  \ta\t0.2s\n?   \tb\t[no test files]\n1 tests passed, 0 skipped; the slowest packages: a 0.2s b 0.0s\n", out.String())
}

func TestFailuresSkipsAndSilenceDoNotPass(t *testing.T) {
	t.Parallel()
	for name, log := range map[string]string{
		"a test fails": passing + `{"Action":"output","Package":"c","Test":"TestY","Output":"wrong\n"}
{"Action":"fail","Package":"c","Test":"TestY"}
{"Action":"fail","Package":"c"}`,
		"a package panics": passing + `{"Action":"output","Package":"c","Output":"wrong\n"}
{"Action":"fail","Package":"c"}`,
		"a package does not build": passing + `{"Action":"build-output","ImportPath":"c","Output":"wrong\n"}
{"Action":"build-fail","ImportPath":"c"}`,
		"a test is skipped": passing + `{"Action":"skip","Package":"c","Test":"wrong"}`,
		"nothing ran":       `{"Action":"output","Package":"b","Output":"wrong\n"}` + "\n" + `{"Action":"skip","Package":"b"}`,
		"not a log":         "wrong",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			ok, err := summarise(strings.NewReader(log), &out)
			require.False(t, ok)
			if err == nil {
				require.Contains(t, out.String(), "wrong")
			}
		})
	}
}
