package web_test

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/vault"
)

// Story 7 of the pages: full, asked, granted, and the same upload passes.
func TestStory7_FullAskedGrantedAndTheSameUploadPasses(t *testing.T) {
	t.Parallel()
	p := open(t, room(1_500_000)).newPerson()
	kept := p.upload(url.Values{"title": {"Gardé"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	big := file{"file", "big.pdf", "application/pdf", append(bytes.Clone(pdf), bytes.Repeat([]byte("0123456789"), 180_000)...)}
	contentType, body := multipartOf(t, p.get("/papers/add").form("/papers/add", url.Values{"title": {"Grand papier"}}), big)

	g := p.send(contentType, bytes.NewReader(body)).is(http.StatusInsufficientStorage, "Il n’y a plus assez de place", "Rien n’a été perdu", "sur 1,5 Mo", "Demander plus de place")
	require.Equal(t, "/space", g.link("/space"))
	g.without("Vider la corbeille") // nothing is in it
	require.Equal(t, string(pdf), p.get(kept+"/file").Body, "what was there is whole")
	p.get("/papers").ok("Gardé").without("Grand papier")
	note := p.post("/notes/add", url.Values{"title": {"Note"}, "text": {"x"}}).ok()
	p.post(note.link("/items/[a-z2-7]+/bin"), note.form(note.link("/items/[a-z2-7]+/bin"), nil)).ok()
	p.send(contentType, bytes.NewReader(body)).is(http.StatusInsufficientStorage, "Vider la corbeille")

	g = p.get("/space").ok("Il reste 1,5 Mo sur 1,5 Mo")
	p.post("/space", g.form("", url.Values{"reason": {""}})).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	ask := g.form("", url.Values{"reason": {"J’ai beaucoup de papiers."}})
	p.post("/space", ask).ok("Votre demande est envoyée.", "En attente d’une réponse", "J’ai beaucoup de papiers.")
	p.post("/space", ask).ok("Votre demande est envoyée.") // a second click
	p.post("/space", url.Values{"reason": {"Encore"}}).is(http.StatusConflict, "Vous avez déjà demandé plus de place.")

	grant(t, p)
	p.get("/space").ok("Accordée", "Beaucoup de papiers, en effet", "sur 3 Mo", "Vous avez toute la place que l’on peut donner.").without(`name="reason"`)
	p.post("/space", url.Values{"reason": {"Encore"}}).ok("Refusée", "Réponse : Vous avez toute la place que l’on peut donner.")
	p.send(contentType, bytes.NewReader(body)).ok("C’est enregistré.", "Grand papier")
	p.get("/space").ok("Ce qui prend le plus de place", "Grand papier", "1,8 Mo")
}

func grant(t *testing.T, p *person) {
	t.Helper()
	ctx := context.Background()
	for inc, err := range p.data.Quota.Pending(ctx, p.data.Store) {
		require.NoError(t, err)
		id, err := vault.ParseID(inc.Owner)
		require.NoError(t, err)
		_, err = p.data.DecideSpace(ctx, id, quota.Decision{Number: inc.Number, Approve: true, By: "Dominique", Why: "Beaucoup de papiers, en effet."})
		require.NoError(t, err)
	}
}

func TestAFullSpaceSaysHowMuchIsLeftToItsOwnerAlone(t *testing.T) {
	t.Parallel()
	c := open(t, room(1_500_000))
	body := bytes.Repeat([]byte("x"), 2_000_000)
	contentType, form := multipartOf(t, nil, file{"file", "a.pdf", "application/pdf", body})
	c.stranger().send(contentType, bytes.NewReader(form)).ok("Entrer dans mon espace").without("\u00a0Mo", "octets")
}
