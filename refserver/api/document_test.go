package api

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/refserver/language"
)

// recorder is a mux that remembers what it was given.
type recorder struct {
	*http.ServeMux
	patterns []string
}

func (r *recorder) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	r.patterns = append(r.patterns, pattern)
	r.ServeMux.HandleFunc(pattern, handler)
}

var _ humago.Mux = (*recorder)(nil)

func (s *server) document(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(s.stranger(t).call("GET", "/openapi.json", nil).Body)
	require.NoError(t, err)
	return doc
}

// withoutAndWith are a server of people alone, one with relays, and one that helps
// people back in.
func withoutAndWith(t *testing.T, check func(t *testing.T, s *server)) {
	t.Helper()
	t.Run("people alone", func(t *testing.T) { t.Parallel(); check(t, commonServer(t)) })
	t.Run("with relays", func(t *testing.T) { t.Parallel(); check(t, newTown(t, nil).server) })
	t.Run("with recovery", func(t *testing.T) { t.Parallel(); check(t, newTown(t, &townOptions{recovery: independently}).server) })
}

func TestRoutesAndDocumentAgree(t *testing.T) {
	t.Parallel()
	withoutAndWith(t, routesAndDocumentAgree)
}

func routesAndDocumentAgree(t *testing.T, s *server) {
	t.Helper()
	var documented []string
	for path, item := range s.document(t).Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+Path+path)
		}
	}
	require.ElementsMatch(t, append(documented, undocumented...), s.routes.patterns)
}

func TestDocumentIsValidAndSaysWhatEveryThingIs(t *testing.T) {
	t.Parallel()
	withoutAndWith(t, documentSaysWhatEveryThingIs)
}

func documentSaysWhatEveryThingIs(t *testing.T, s *server) {
	t.Helper()
	doc := s.document(t)
	require.NoError(t, doc.Validate(context.Background(), openapi3.EnableExamplesValidation()))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	require.Contains(t, doc.Info.Description, "nobody opens one by themself")

	tags := []string{}
	for _, tag := range doc.Tags {
		require.NotEmpty(t, tag.Description, tag.Name)
		tags = append(tags, tag.Name)
	}
	ids := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			where := method + " " + path
			require.Regexp(t, regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`), op.OperationID, where)
			require.False(t, ids[op.OperationID], where)
			ids[op.OperationID] = true
			require.NotEmpty(t, op.Summary, where)
			require.NotEmpty(t, op.Description, where)
			require.Len(t, op.Tags, 1, where)
			require.Contains(t, tags, op.Tags[0], where)
			lintParameters(t, where, path, op)
			lintAnswers(t, where, op)
		}
	}
	raw := string(s.stranger(t).call("GET", "/openapi.json", nil).Body)
	for name, schema := range doc.Components.Schemas {
		require.Contains(t, raw, `"#/components/schemas/`+name+`"`, "every schema is used")
		for field, property := range schema.Value.Properties {
			require.NotEmpty(t, property.Value.Description, "%s.%s", name, field)
			require.Nil(t, property.Value.Default, "%s.%s: only parameters have one that is carried out", name, field)
		}
	}
}

func lintParameters(t *testing.T, where, path string, op *openapi3.Operation) {
	t.Helper()
	for _, p := range op.Parameters {
		require.NotEmpty(t, p.Value.Description, "%s %s", where, p.Value.Name)
		if p.Value.In == "path" {
			require.Contains(t, path, "{"+p.Value.Name+"}", where)
		}
	}
	require.Equal(t, strings.Count(path, "{"), len(slices.Collect(func(yield func(string) bool) {
		for _, p := range op.Parameters {
			if p.Value.In == "path" && !yield(p.Value.Name) {
				return
			}
		}
	})), where)
}

func lintAnswers(t *testing.T, where string, op *openapi3.Operation) {
	t.Helper()
	good := 0
	open := slices.Contains([]string{"sign-in", "sign-in-with-card", "staff-sign-in", "enrol-worker", "enter-hand-over", "check-attestation", "attestation-keys", "revoked-attestations",
		"look-at-link", "leave-note-by-link", "leave-by-link", "open-link"}, op.OperationID)
	require.Equal(t, open, op.Security == nil, "%s: every operation but these needs a session", where)
	for status, answer := range op.Responses.Map() {
		require.NotEmpty(t, *answer.Value.Description, "%s %s", where, status)
		if status < "400" {
			good++
			continue
		}
		require.Contains(t, answer.Value.Content, problemType, "%s %s", where, status)
		require.Equal(t, "#/components/schemas/Problem", answer.Value.Content[problemType].Schema.Ref, "%s %s", where, status)
	}
	require.Positive(t, good, where)
	require.NotNil(t, op.Responses.Value("429"), where)
	if !open {
		require.NotNil(t, op.Responses.Value("401"), where)
	}
}

func TestDocumentIsTheSameInBothForms(t *testing.T) {
	t.Parallel()
	s := commonServer(t)
	var fromYAML, fromJSON any
	asYAML := s.stranger(t).call("GET", "/openapi.yaml", nil)
	require.Equal(t, "application/openapi+yaml", asYAML.Header.Get("Content-Type"))
	require.NoError(t, yaml.Unmarshal(asYAML.Body, &fromYAML))
	require.NoError(t, yaml.Unmarshal(s.stranger(t).call("GET", "/openapi.json", nil).Body, &fromJSON))
	require.Equal(t, fromJSON, fromYAML)
}

func TestPageOfTheDocumentShowsEveryOperationWithoutScriptOrOtherSite(t *testing.T) {
	t.Parallel()
	withoutAndWith(t, pageShowsEveryOperation)
}

func pageShowsEveryOperation(t *testing.T, s *server) {
	t.Helper()
	page := s.stranger(t).call("GET", "/docs", nil)
	require.Equal(t, 200, page.Status)
	html := string(page.Body)
	for path, item := range s.document(t).Paths.Map() {
		for _, op := range item.Operations() {
			require.Contains(t, html, `id="`+op.OperationID+`"`)
			require.Contains(t, html, path)
		}
	}
	require.NotContains(t, html, "<script")
	require.NotContains(t, html, "style=")
	require.NotContains(t, html, "//", "nothing is loaded from or points to another site")
	require.Equal(t, "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", page.Header.Get("Content-Security-Policy"))
	css := s.stranger(t).call("GET", "/docs.css", nil)
	require.Equal(t, "text/css; charset=utf-8", css.Header.Get("Content-Type"))
}

func TestEveryKindOfProblemThatAnOperationNamesExists(t *testing.T) {
	t.Parallel()
	all := kinds()
	for code, k := range all {
		require.Equal(t, code, k.code)
		for _, speaks := range language.Offered() {
			require.NotEmpty(t, k.sentence(language.In(speaks)), code)
		}
		require.NotEqual(t, k.sentence(language.In("fr")), k.sentence(language.In("en")), code)
	}
	require.Panics(t, func() { byStatus([]string{"no-such-kind"}) })
}

func TestConfigurationNamesEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Stall: -1, Directory: &consent.Directory{}, Recovery: &recovery.Service{}})
	for _, field := range []string{"Vaults", "Limits", "Stall", "Staff", "Recovery"} {
		require.ErrorContains(t, err, "Config."+field)
	}
}
