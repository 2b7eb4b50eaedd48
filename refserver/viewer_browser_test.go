package main

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

// The page of the API in a browser: it has its style under its own policy and asks no
// other site for anything, which the surfer holds; it shows every operation, and each
// link within it leads somewhere, on a phone too.
func TestThePageOfTheAPIInABrowser(t *testing.T) {
	t.Parallel()
	w := openWindow(t)
	tn := newTown(t, w, arabicOnDesks)
	_, served := fetch(t, tn.url+"/api/v1/openapi.json")
	document, err := openapi3.NewLoader().LoadFromData([]byte(served))
	require.NoError(t, err)
	var operations []string
	for _, item := range document.Paths.Map() {
		for _, op := range item.Operations() {
			operations = append(operations, op.OperationID)
		}
	}
	s := w.surf(t, "api", newPhone, "fr")
	s.goTo(tn.url + "/api/v1/docs")
	s.waits("List items")
	require.ElementsMatch(t, operations, evaluated[[]string](s, `[...document.querySelectorAll("main section[id^='tag-'] article")].map(a => a.id)`))
	require.Empty(t, evaluated[[]string](s, `[...document.querySelectorAll("a[href^='#']")].filter(a => !document.getElementById(a.hash.slice(1))).map(a => a.hash)`), "links to nothing")
	require.Equal(t, 1, evaluated[int](s, `[...document.styleSheets].filter(s => s.cssRules.length > 0).length`), "its style is let in")
	require.Zero(t, evaluated[int](s, `document.scripts.length`))
	require.LessOrEqual(t, evaluated[int](s, `document.documentElement.scrollWidth`), int(newPhone.width), "the page is wider than a phone")
	s.press(`nav a[href="#tag-Items"]`)
	require.True(t, strings.HasSuffix(s.at(), "#tag-Items"))
	s.shoots("docs")

	// What somebody smuggled into the page would not run.
	require.Equal(t, "refused", evaluated[string](s, `(() => {
		const script = document.createElement("script");
		script.textContent = "window.ran = true";
		document.body.append(script);
		document.body.setAttribute("style", "color: red");
		return window.ran || getComputedStyle(document.body).color === "rgb(255, 0, 0)" ? "it ran" : "refused";
	})()`))
	s.forgives("Content Security Policy")
}
