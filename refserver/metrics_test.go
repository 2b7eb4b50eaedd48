package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/api"
	"reconnect.example/refserver/engines"
)

func TestMetricsAreNumbersWithoutNames(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo", "--sweep-every", "1s", "--keys", aKey)
	v := visit(t, r) // 303
	v.get("/")
	status, path, _ := v.upload("Secret-title", pdf(10_000))
	require.Equal(t, http.StatusSeeOther, status)
	v.get(path + "/file")
	status, _ = fetch(t, r.url+"/nowhere")
	require.Equal(t, http.StatusNotFound, status)
	answer, _ := v.post("/sign-in", url.Values{"login": {r.login}, "password": {"not this one"}})
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
	breakBlobs(t, r.folder)
	answer, _, err := v.do(http.MethodGet, path+"/file", "", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusInternalServerError, answer.StatusCode)
	var text string
	require.Eventually(t, func() bool {
		_, text = fetch(t, r.url+"/metrics")
		return !strings.Contains(text, "reconnect_sweeps_total 0\n") && !strings.Contains(text, "reconnect_sessions 0\n")
	}, time.Minute, 100*time.Millisecond)
	for _, line := range []string{
		"reconnect_requests_under_way 1",
		`reconnect_requests_total{answer="3xx",kind="sign-in"} 1`, `reconnect_requests_total{answer="4xx",kind="sign-in"} 1`,
		`reconnect_requests_total{answer="3xx",kind="upload"} 1`,
		`reconnect_requests_total{answer="2xx",kind="download"} 1`, `reconnect_requests_total{answer="5xx",kind="download"} 1`,
		`reconnect_requests_total{answer="4xx",kind="page"} 1`, `reconnect_requests_total{answer="429",kind="sign-in"} 0`,
		`reconnect_request_duration_seconds_count{kind="upload"} 1`,
		`reconnect_failures_total{problem="tampered"} 1`, `reconnect_failures_total{problem="storage"} 0`, `reconnect_failures_total{problem="witness-away"} 0`,
		`reconnect_ways_back_total{what="opened"} 0`, `reconnect_ways_back_total{what="completed"} 0`,
		"# TYPE reconnect_requests_total counter", `reconnect_swept_total{what="failed"} 0`, "reconnect_witness_up 1",
	} {
		require.Contains(t, text, line+"\n")
	}
	for line := range strings.Lines(text) {
		require.Regexp(t, `^(# (HELP|TYPE) (reconnect|process|go)_[a-z0-9_]+ .*|(reconnect|process|go)_[a-z0-9_]+(\{((answer|kind|problem|what|le|quantile|version|revision|go)="[A-Za-z0-9.+()-]*",?)+\})? ([0-9.e+-]+|\+Inf))\n$`, line)
	}
	require.NotRegexp(t, personal, text)
	require.NotContains(t, text+r.logs.String()+r.out.String(), strings.TrimPrefix(aKey, "base64key://"))
	require.NotContains(t, text, r.login)
}

func TestMetricsMayBeForTheOperatorAlone(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--metrics-listen", "127.0.0.1:0")
	apart := found(regexp.MustCompile(`Numbers +(\S+)/metrics`), r.out.String())
	status, _ := fetch(t, r.url+"/metrics")
	require.Equal(t, http.StatusNotFound, status, "not beside the pages")
	status, text := fetch(t, apart+"/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, "reconnect_build_info{")
	status, _ = fetch(t, apart+"/")
	require.Equal(t, http.StatusNotFound, status, "and no page beside them")
	r.end(t)
	require.NoError(t, r.err)
}

// Names and units as Prometheus wants them: what reads them elsewhere relies on that.
func TestMetricsAreNamedAsPrometheusWants(t *testing.T) {
	t.Parallel()
	problems, err := testutil.GatherAndLint(newCounts(&engines.Helped{}).all)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestRequestsAreSortedByWhatTheyAre(t *testing.T) {
	t.Parallel()
	kindOf := newKinds()
	for _, c := range []struct{ method, path, kind string }{
		{"GET", "/", "page"}, {"GET", "/sign-in", "page"}, {"POST", "/sign-in", "sign-in"}, {"POST", "/staff/sign-in", "sign-in"},
		{"POST", "/api/v1/sessions", "sign-in"}, {"GET", "/api/v1/sessions", "api"}, {"POST", "/back", "way-back"},
		{"GET", "/papers/aaaa/file", "download"}, {"GET", "/papers/aaaa", "page"}, {"POST", "/papers/add", "upload"},
		{"PATCH", "/api/v1/uploads/aaaa", "upload"}, {"GET", "/static/x/style.css", "static"}, {"HEAD", "/healthz", "health"},
		{"GET", "//papers//aaaa/../file", "page"}, {"CONNECT", "x", "page"}, {"OPTIONS", "*", "page"},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.URL.Path = c.path
		require.Equal(t, c.kind, kindOf(r), c)
	}
}

// An address that moves would be counted as any page, and nobody would see it.
func TestEveryAddressThatIsSortedIsOneThatIsServed(t *testing.T) {
	t.Parallel()
	var sources strings.Builder
	for _, folder := range []string{".", "web", "api"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if file == "kinds.go" || strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			sources.Write(text)
		}
	}
	served := func(pattern string) bool {
		method, path, _ := strings.Cut(pattern, " ")
		if under, ok := strings.CutPrefix(path, api.Path); ok {
			name := map[string]string{"GET": "Get", "POST": "Post", "PUT": "Put", "PATCH": "Patch"}[method]
			return strings.Contains(sources.String(), `method: http.Method`+name+`, path: "`+under+`"`)
		}
		return strings.Contains(sources.String(), `"`+pattern+`"`)
	}
	for kind, patterns := range kinds {
		for _, pattern := range patterns {
			require.True(t, kind == "api" || kind == "page" || served(pattern), pattern)
		}
	}
	require.False(t, served("POST /gone"))
	require.False(t, served("POST /api/v1/gone"))
}
