package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/language"
)

func TestEveryKindOfProblemHasAPageInTheLanguageOfWhoLooks(t *testing.T) {
	t.Parallel()
	p := commonServer(t).stranger(t)
	for code, k := range kinds() {
		for _, speaks := range language.Offered() {
			page := p.call("GET", "/problems/"+code, nil, "Accept-Language", speaks)
			require.Equal(t, 200, page.Status, code)
			require.Equal(t, speaks, page.Header.Get("Content-Language"))
			require.Equal(t, pagePolicy, page.Header.Get("Content-Security-Policy"))
			require.Contains(t, string(page.Body), `lang="`+speaks+`"`)
			require.NotContains(t, string(page.Body), "<script")
		}
		require.Contains(t, k.uri(), "/problems/"+code)
	}
	require.Contains(t, string(p.call("GET", "/problems/full", nil, "Accept-Language", "ar").Body), `dir="rtl"`)
	p.call("GET", "/problems/nothing-like-it", nil).refused(404, "no-page")
}
