package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestACardOpensTheSpaceUntilItIsBlocked(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	g := p.get("/card").ok("Vous n’avez pas de carte.")
	p.post("/card", g.form("", url.Values{"password": {password}, "pin": {"482915"}, "again": {"482916"}})).is(http.StatusUnprocessableEntity, "Les deux codes PIN ne sont pas les mêmes.")
	for pin, says := range map[string]string{"123456": "C’est trop facile à deviner.", "48291": "Il faut six chiffres."} {
		p.post("/card", url.Values{"password": {password}, "pin": {pin}, "again": {pin}}).is(http.StatusUnprocessableEntity, says)
	}
	p.post("/card", url.Values{"password": {"wrong words here"}, "pin": {"482915"}, "again": {"482915"}}).is(http.StatusUnauthorized, "Ce n’est pas le bon mot de passe").without("482915")
	g = p.post("/card", url.Values{"password": {password}, "pin": {"482915"}, "again": {"482915"}}).ok("Vous avez une carte.")
	words := strings.Split(g.Body, `<p class="words" dir="ltr">`)
	require.Len(t, words, 3)
	card, _, _ := strings.Cut(words[2], "<")
	p.get("/card").ok().without(card)

	other := p.stranger()
	other.get("/sign-in").ok("Entrer avec ma carte")
	for _, wrong := range []url.Values{{"card": {card}, "pin": {"000000"}}, {"card": {"no card"}, "pin": {"482915"}}} {
		other.post("/sign-in/card", wrong).is(http.StatusUnauthorized, "Ce n’est pas la bonne carte ou le bon code PIN.")
	}
	other.post("/sign-in/card", url.Values{"card": {card}, "pin": {"482915"}}).ok("Mon espace")
	p.post("/card/revoke", nil).ok("La carte est bloquée.")
	require.Equal(t, "/sign-in", other.get("/").Path)
	other.post("/sign-in/card", url.Values{"card": {card}, "pin": {"482915"}}).is(http.StatusUnauthorized)
}

func TestRulesAndWishesAreNoted(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	require.Regexp(t, `value="private" checked`, p.get("/notes/add").ok().Body)
	p.get("/rules").ok("Ce que j’ajoute")
	p.post("/rules", url.Values{"notes": {"shared"}}).ok("C’est noté.")
	require.Regexp(t, `value="shared" checked`, p.get("/notes/add").ok().Body)
	require.Regexp(t, `value="private" checked`, p.get("/contacts/add").ok().Body)
	p.get("/wishes").ok("Pour plus tard", "Personne n’est noté.")
	p.post("/wishes", url.Values{"wish": {"erase"}}).ok("C’est noté.", "Choisi")
	note := p.post("/notes/add", p.get("/notes/add").form("", url.Values{"title": {"a"}, "text": {"b"}})).ok().Path
	p.get(p.get(note).link("/items/[a-z2-7]+/seen")).ok("Personne d’autre que vous ne l’a ouvert.")
}
