package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMetricsAreNumbersWithoutNames(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo", "--sweep-every", "1s", "--keys", aKey)
	v := visit(t, r) // 303
	v.get("/")
	status, _, _ := v.upload("Secret-title", pdf(10_000))
	require.Equal(t, http.StatusSeeOther, status)
	status, _ = fetch(t, r.url+"/nowhere")
	require.Equal(t, http.StatusNotFound, status)
	var text string
	require.Eventually(t, func() bool {
		_, text = fetch(t, r.url+"/metrics")
		return !strings.Contains(text, "reconnect_sweeps_total 0")
	}, time.Minute, 100*time.Millisecond)
	for _, line := range []string{
		"reconnect_requests_under_way 1\n", `reconnect_requests_total{answer="3xx"} 2` + "\n",
		`reconnect_requests_total{answer="4xx"} 1` + "\n", `reconnect_requests_total{answer="5xx"} 0` + "\n",
		`reconnect_ways_back_total{what="opened"} 0` + "\n", `reconnect_ways_back_total{what="completed"} 0` + "\n",
		"# TYPE reconnect_requests_total counter\n", `reconnect_swept_total{what="failed"} 0` + "\n",
	} {
		require.Contains(t, text, line)
	}
	for line := range strings.Lines(text) {
		require.Regexp(t, `^(# (HELP|TYPE) reconnect_[a-z_]+ .*|reconnect_[a-z_]+(\{(answer|what)="[a-z0-9]+"\})? [0-9]+)\n$`, line)
	}
	require.NotRegexp(t, personal, text)
	require.NotContains(t, text+r.logs.String()+r.out.String(), strings.TrimPrefix(aKey, "base64key://"))
}
