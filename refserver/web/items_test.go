package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatIsWrongWithAFieldIsSaidBesideIt(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	p.post("/contacts/add", url.Values{"name": {strings.Repeat("n", 300)}, "role": {strings.Repeat("r", 300)}, "phones": {strings.Repeat("1\n", 11)}}).
		is(http.StatusUnprocessableEntity, "C’est trop long : 200 caractères au plus.", "Dix lignes au plus.", "Quelque chose est à corriger.").
		without("Il manque quelque chose")
	p.post("/appointments/add", url.Values{"subject": {"x"}, "date": {"2999-01-01"}}).is(http.StatusUnprocessableEntity, "Cette date est trop loin.")
	p.post("/notes/add", url.Values{"title": {"a\x01b"}, "text": {"x"}}).is(http.StatusUnprocessableEntity, "un caractère qui ne peut pas être gardé")
	p.post("/contacts/add", url.Values{"name": {""}}).is(http.StatusUnprocessableEntity, "Il manque quelque chose.", "Remplissez cette case.")
}

func TestContactsAreAddedChangedSharedAndBinned(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	p.get("/contacts").ok("Pas encore de contact.")
	g := p.get("/contacts/add").ok()
	p.post("/contacts/add", g.form("", url.Values{"name": {" "}})).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	g = p.post("/contacts/add", g.form("", url.Values{
		"name": {"Nadia Specimen"}, "role": {"Assistante sociale"}, "phones": {"01 99 00 12 34\r\n\r\n06 39 98 00 00"},
		"emails": {"nadia@accueil.example"}, "address": {"12 rue du Modèle\r\n75000 Exempleville"}, "note": {"Le mardi."},
	})).ok("C’est enregistré.", "Nadia Specimen", "Assistante sociale", "01 99 00 12 34", "06 39 98 00 00", "nadia@accueil.example", "12 rue du Modèle", "Le mardi.", "Privé")
	require.Contains(t, g.Body, `href="tel:01%2099%2000%2012%2034"`)
	edit := p.get(g.Path + "/edit").ok()
	require.Contains(t, edit.Body, "01 99 00 12 34\n06 39 98 00 00</textarea>")
	p.post(g.Path+"/edit", edit.form("", url.Values{"name": {"Nadia S."}, "phones": {"01 99 00 12 35"}})).ok("Nadia S.", "01 99 00 12 35").without("Assistante")
	p.get("/contacts").ok("Nadia S.")
	binIt := p.get(g.Path).link("/items/[a-z2-7]+/bin")
	p.post(binIt, p.get(g.Path).form(binIt, nil)).ok("Pas encore de contact.")
}

func TestAppointmentsShowTheNextFirstInTheHourThatWasTold(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	soon, later, before := time.Now().AddDate(0, 0, 2), time.Now().AddDate(0, 0, 9), time.Now().AddDate(0, 0, -3)
	add := func(subject string, day time.Time, more url.Values) *page {
		values := p.get("/appointments/add").form("", url.Values{"subject": {subject}, "date": {day.Format(time.DateOnly)}})
		for k, v := range more {
			values[k] = v
		}
		return p.post("/appointments/add", values)
	}
	add("Plus tard", later, nil).ok("Plus tard")
	g := add("CAF", soon, url.Values{"time": {"10:30"}, "minutes": {"45"}, "place": {"5 avenue du Modèle"}, "with": {"Service des droits"}}).
		ok("CAF", "de 10 h 30 à 11 h 15", "5 avenue du Modèle", "Service des droits")
	add("Avant", before, url.Values{"time": {"09:00"}}).ok("Avant")
	require.Regexp(t, `(?s)CAF.*Plus tard.*Passés.*Avant`, p.get("/appointments").ok().Body)
	require.Regexp(t, `(?s)Prochains rendez-vous.*CAF.*Plus tard`, p.get("/").ok().without("Avant").Body)
	edit := p.get(g.Path + "/edit").ok()
	for _, value := range []string{`value="10:30"`, `value="45"`, `name="zone" value="Europe/Paris"`} {
		require.Contains(t, edit.Body, value)
	}
	for field, value := range map[string]string{"time": "25:00", "minutes": "-5", "date": "2026-02-30"} {
		values := edit.form("", url.Values{"subject": {"CAF"}, "date": {soon.Format(time.DateOnly)}})
		values.Set(field, value)
		p.post(g.Path+"/edit", values).is(http.StatusUnprocessableEntity)
	}
	p.post(g.Path+"/edit", edit.form("", url.Values{"subject": {"CAF"}, "date": {soon.Format(time.DateOnly)}, "time": {"11:00:00"}})).ok("à 11 h 00")
}

func TestNotesKeepTheirLines(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	g := p.post("/notes/add", p.get("/notes/add").form("", url.Values{"title": {"Courses"}, "text": {"pain\r\nlait\r\n\r\nملاحظة"}, "visibility": {"shared"}}))
	g.ok("Courses", "ملاحظة", "Partagé")
	require.Contains(t, g.Body, "pain\nlait\n\nملاحظة")
	p.get("/notes").ok("Courses")
}

func TestTwoWhoChangeTheSameThingSeeBothVersions(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	for _, c := range []struct{ list, name, other string }{
		{"/notes", "title", "text"}, {"/contacts", "name", "role"}, {"/appointments", "subject", "place"}, {"/folders", "name", ""},
	} {
		first := url.Values{c.name: {"Premier"}, "text": {"x"}, "date": {"2030-01-02"}}
		path := p.post(c.list+"/add", first).ok().Path
		if c.list == "/folders" {
			continue // the last name wins
		}
		mine, theirs := p.get(path+"/edit").ok(), p.get(path+"/edit").ok()
		change := func(g *page, text string) *page {
			values := g.form("", first)
			values.Set(c.other, text)
			return p.post(path+"/edit", values)
		}
		change(theirs, "Leur version").ok("C’est modifié.")
		both := change(mine, "Ma version").is(http.StatusConflict, "a été changé entre-temps", "Changé entre-temps", "Leur version")
		require.Contains(t, both.Body, "Ma version")
		change(both, "Ma version").ok("C’est modifié.", "Ma version")
	}
}

func TestTheSameChangeTwiceIsOneChange(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	path := p.post("/notes/add", url.Values{"title": {"Note"}, "text": {"x"}}).ok().Path
	change := p.get(path+"/edit").form("", url.Values{"title": {"Note"}, "text": {"y"}})
	p.post(path+"/edit", change).ok("C’est modifié.")
	p.post(path+"/edit", change).ok("C’est modifié.")
}

func TestAnAddressOfAnotherKindOrOfAnotherPersonFindsNothing(t *testing.T) {
	t.Parallel()
	c := open(t, nil)
	p, other := c.newPerson(), c.newPerson()
	path := p.post("/notes/add", url.Values{"title": {"Note"}, "text": {"x"}}).ok().Path
	id := path[len("/notes/"):]
	for _, path := range []string{"/papers/" + id, "/contacts/" + id, "/folders/" + id, "/papers/" + id + "/file", "/notes/" + id + "x", "/notes/AAAA"} {
		require.GreaterOrEqual(t, p.get(path).Status, 400, path)
	}
	for _, path := range []string{path, path + "/edit", "/items/" + id + "/visibility", "/items/" + id + "/destroy"} {
		other.get(path).is(http.StatusNotFound)
	}
	for _, act := range []string{"bin", "restore", "destroy", "visibility"} {
		other.post("/items/"+id+"/"+act, url.Values{"revision": {"1"}, "to": {"shared"}}).is(http.StatusNotFound)
	}
	p.get(path).ok("Note")
}
