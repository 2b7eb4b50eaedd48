package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// asksAgain reads what it has read already, and returns the tag.
func (p *person) asksAgain(path string) (tag string) {
	p.t.Helper()
	first := p.call("GET", path, nil)
	require.Equal(p.t, http.StatusOK, first.Status)
	tag = first.Header.Get("ETag")
	require.NotEmpty(p.t, tag)
	for _, has := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
		again := p.call("GET", path, nil, "If-None-Match", has)
		require.Equal(p.t, http.StatusNotModified, again.Status)
		require.Equal(p.t, tag, again.Header.Get("ETag"))
		require.Empty(p.t, again.Body)
	}
	require.Equal(p.t, http.StatusOK, p.call("GET", path, nil, "If-None-Match", `"other"`).Status)
	return tag
}

func TestWhatIsThereAlreadyIsNotSentAgain(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	it := ok[Item](p.upload("Carte", paper(1, 900)), 201)
	require.Equal(t, `"1"`, p.asksAgain("/items/"+it.ID))
	rules, wish := p.asksAgain("/rules"), p.asksAgain("/wish")
	p.asksAgain("/openapi.json")
	p.call("PUT", "/rules", map[string]any{"kinds": map[string]any{"note": "shared"}, "folders": map[string]any{}}, "If-Match", rules).done(204)
	require.NotEqual(t, rules, p.asksAgain("/rules"))
	ok[struct{}](p.call("PUT", "/wish", map[string]any{"want": "keep"}, "If-Match", wish), 200)
	require.NotEqual(t, wish, p.asksAgain("/wish"))
}

// Of two devices that change rules or the wish, the one that has not seen what the other
// did is told.
func TestRulesAndWishAreNotOverwrittenUnseen(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	share := map[string]any{"kinds": map[string]any{"note": "shared"}, "folders": map[string]any{}}
	for path, body := range map[string]map[string]any{"/rules": share, "/wish": {"want": "keep"}} {
		seen := p.call("GET", path, nil).Header.Get("ETag")
		p.call("PUT", path, body).refused(http.StatusPreconditionRequired, "if-match-required")
		p.call("PUT", path, body, "If-Match", "7").refused(422, "invalid")
		p.call("PUT", path, body, "If-Match", `"7"`).refused(412, "revision")
		require.Less(t, p.call("PUT", path, body, "If-Match", seen).Status, 300)
		p.call("PUT", path, body, "If-Match", seen).refused(412, "revision")
	}
	p.call("DELETE", "/wish", nil).refused(http.StatusPreconditionRequired, "if-match-required")
	p.call("DELETE", "/wish", nil, "If-Match", `"7"`).refused(412, "revision")
	ok[struct{}](p.call("DELETE", "/wish", nil, "If-Match", p.call("GET", "/wish", nil).Header.Get("ETag")), 200)
}
