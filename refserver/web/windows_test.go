package web_test

import (
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// A worker has one space open at a time, and more than one window: what they wrote of one
// person must not end in the space of the next, before other eyes.
func TestWhatWasWrittenForOnePersonDoesNotEndWithTheNext(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	samir, amina, bruno := tn.desk(tn.samir), tn.amina(), tn.amina()
	amina.follows(tn.harbor.Relay, nil).ok()
	bruno.follows(tn.harbor.Relay, url.Values{"called": {"Bruno"}}).ok()
	opens := func(name string) {
		g := samir.get(tn.relayPath()).ok(name)
		for _, path := range regexp.MustCompile(regexp.QuoteMeta(tn.relayPath())+"/people/[a-z2-7]{26}").FindAllString(g.Body, -1) {
			if regexp.MustCompile(name).MatchString(samir.get(path).ok().text()) {
				samir.post(path, url.Values{"purpose": {"housing"}}).ok("Vous êtes dans l’espace de", name)
				return
			}
		}
		require.FailNow(t, "nobody is called "+name)
	}
	forms := map[string]url.Values{
		"/notes/add":        {"title": {"Of Amina"}, "text": {"her diagnosis"}},
		"/contacts/add":     {"name": {"Of Amina"}},
		"/folders/add":      {"name": {"Of Amina"}},
		"/deposits/message": {"title": {"Of Amina"}, "text": {"her diagnosis"}},
		"/appointments/add": {"name": {"Of Amina"}, "date": {"2030-01-01"}, "time": {"10:00"}},
		"/papers/add":       {"title": {"Of Amina"}},
	}
	opens("Amina K.")
	for path, values := range forms {
		action := ""
		if path == "/papers/add" {
			action = path
		}
		forms[path] = samir.get(path).ok().form(action, values)
	}
	opens("Bruno")
	for path, values := range forms {
		if path == "/papers/add" {
			samir.upload(values, file{"file", "a.pdf", "application/pdf", pdf}).ok("Rien n’a été enregistré")
			continue
		}
		samir.post(path, values).ok("Rien n’a été enregistré", "Bruno")
		values.Del("title")
		samir.post(path, values).ok("Rien n’a été enregistré")
	}
	for _, path := range []string{"/papers", "/notes", "/contacts", "/appointments", "/deposits"} {
		bruno.get(path).ok().without("Of Amina", "Message")
	}
	opens("Amina K.")
	samir.post("/notes/add", samir.get("/notes/add").form("", url.Values{"title": {"Of Amina"}, "text": {"x"}})).ok("Of Amina")
}
