package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	pageRoute = regexp.MustCompile(`"(GET|POST) ?(/[^"]*)"`)
	variable  = regexp.MustCompile(`\{[^}]*\}`)
)

// routes are all that the pages and the document of the API name, with an id for each
// variable.
func routes(t *testing.T) (all [][2]string) {
	t.Helper()
	add := func(method, path string) {
		path = variable.ReplaceAllString(strings.TrimSuffix(path, "{$}"), strings.Repeat("a", 26))
		all = append(all, [2]string{method, path})
	}
	files, err := filepath.Glob("web/*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range pageRoute.FindAllStringSubmatch(string(source), -1) {
			add(m[1], m[2])
		}
	}
	require.Greater(t, len(all), 120, "the pages' routes were found")
	source, err := os.ReadFile("api/openapi.json")
	require.NoError(t, err)
	var document struct{ Paths map[string]map[string]any }
	require.NoError(t, json.Unmarshal(source, &document))
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		for method := range document.Paths[path] {
			if m := strings.ToUpper(method); slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, m) {
				add(m, "/api/v1"+path)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/nothing", "/static/style.css", "/static/nothing", "/api/v1/nothing", "/api/v1/docs", "/api/v1/openapi.json"} {
		add("GET", path)
		add("DELETE", path)
	}
	return all
}

// Whoever asks, and whatever the answer is: a page, an error, a refusal of the router.
func TestEveryAnswerIsProtectedAndNoPersonalOneIsKept(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	person := visit(t, r)
	stranger := &visitor{T: t, r: r, client: person.client}
	for _, route := range routes(t) {
		for _, v := range []*visitor{stranger, person} {
			if v == person && route[0] != http.MethodGet { // it would sign out
				continue
			}
			answer, body, err := v.do(route[0], route[1], "", nil)
			require.NoError(t, err, route)
			require.NotEqual(t, http.StatusInternalServerError, answer.StatusCode, route)
			h := answer.Header
			csp := h.Get("Content-Security-Policy")
			require.Contains(t, csp, "default-src 'none'", route)
			require.Contains(t, csp, "frame-ancestors 'none'", route)
			require.NotContains(t, csp, "unsafe", route)
			require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), route)
			require.Equal(t, "no-referrer", h.Get("Referrer-Policy"), route)
			require.Equal(t, "same-origin", h.Get("Cross-Origin-Opener-Policy"), route)
			require.Equal(t, "same-origin", h.Get("Cross-Origin-Resource-Policy"), route)
			require.Contains(t, h.Get("Permissions-Policy"), "microphone=()", route)
			require.Empty(t, h.Get("Access-Control-Allow-Origin"), route)
			require.Empty(t, h.Get("Server"), route)
			// Of everybody, and of nobody: how it looks, and the keys and numbers by which attestations are checked.
			if !strings.HasPrefix(route[1], "/static/") && !slices.Contains([]string{"/seen/revoked.json", "/.well-known/jwks.json"}, route[1]) {
				require.Contains(t, h.Get("Cache-Control"), "no-store", route)
			}
			if strings.HasPrefix(h.Get("Content-Type"), "text/html") {
				require.NotRegexp(t, `\sstyle=|<style|\son[a-z]+=|<script>`, body, route)
			}
		}
	}
}
