package web_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The keyboard and whoever listens to the page are where something is to be done, also
// without JavaScript.
func TestAFormThatCannotBeTakenBeginsAgainWhereItIsWrong(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	for name, c := range map[string]struct {
		path   string
		typed  url.Values
		begins string
	}{
		"an empty field":            {"/contacts/add", nil, `<input id="f-name"`},
		"the first of several":      {"/appointments/add", url.Values{"date": {"soon"}, "time": {"later"}}, `<input id="f-subject"`},
		"a box that was not ticked": {"/close", url.Values{"how": {"erase"}, "password": {password}}, `<p class="error" id="e-sure" tabindex="-1"`},
	} {
		body := p.post(c.path, c.typed).Body
		begins := regexp.MustCompile(`<[^>]* autofocus[ >]`).FindAllString(body, -1)
		require.Len(t, begins, 1, "%s: %s", name, body)
		require.True(t, strings.HasPrefix(begins[0], c.begins), "%s: %s", name, begins)
	}
	begins := regexp.MustCompile(`<[^>]* autofocus[ >]`).FindAllString(p.stranger().post("/sign-in", url.Values{"login": {p.login}, "password": {"another"}}).Body, -1)
	require.Equal(t, []string{`<p class="problem" role="alert" tabindex="-1" autofocus>`}, begins, "nothing says which field it was")
	require.NotContains(t, p.get("/contacts/add").Body, " autofocus", "nobody is sent anywhere before")
}
