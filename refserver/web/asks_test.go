package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// office is where a public body asks, with the keys that it has.
func (tn *town) office(name string) (*consent.Office, consent.PartnerKeys) {
	tn.t.Helper()
	keys, err := consent.NewPartnerKeys()
	require.NoError(tn.t, err)
	p := consent.Partner{
		ID: vault.ID(consent.NewOrganisationID()), Organisation: tn.stage.Organisation.ID, Name: name, Key: keys.Key(), Box: keys.Box(),
		Scopes: consent.PartnerScopes(), Kinds: []consent.PaperKind{consent.PaperIdentity, consent.PaperIncome}, Since: "2026-01-01",
	}
	tn.stage.Sign(tn.t, consent.Change{Partner: &p})
	o, err := tn.stage.Service.Office(tn.t.Context(), p.ID)
	require.NoError(tn.t, err)
	return o, keys
}

var sixteen = regexp.MustCompile(`\d{4} \d{4} \d{4} \d{4}`)

// saysCode makes a code on the page.
func (p *person) saysCode() string {
	g := p.post("/asks/code", p.get("/asks").form("/asks/code", nil)).ok("Votre code", "Il ne voit rien de votre espace.")
	require.Contains(p.t, g.Body, `class="qr"`)
	return sixteen.FindString(g.text())
}

func (tn *town) wants() consent.NewAsk {
	return consent.NewAsk{
		Kinds: []consent.PaperKind{consent.PaperIdentity, consent.PaperIncome}, Lasts: tn.stage.Clock.Now().Add(30 * 24 * time.Hour),
		Purpose: consent.Purpose{Code: consent.PurposeBenefits, Text: "ouvrir votre droit"},
	}
}

// A code that was not read aloud yet is found again, as long as it can be used.
func TestACodeForAPartnerIsShownAgainUntilItIsUsed(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina := tn.amina()
	caf, _ := tn.office("CAF")
	amina.get("/asks").ok("Donner un code").without("Montrer encore le code")
	amina.get("/asks/code").ok("Ce code ne sert plus")
	code := amina.saysCode()
	amina.get("/asks").ok("Vous avez fait un code.", "Montrer encore le code", "Donner un autre code").without(code)
	require.Equal(t, code, sixteen.FindString(amina.get("/asks/code").ok().text()))
	_, err := tn.stage.Service.AskCodeWaits(t.Context(), tn.inStage(tn.amina()), code)
	require.ErrorIs(t, err, vault.ErrNotFound, "it is of one space")
	_, err = caf.Ask(t.Context(), code, tn.wants())
	require.NoError(t, err)
	amina.get("/asks").ok("CAF").without("Montrer encore le code")

	code = amina.saysCode()
	tn.stage.Clock.Advance(consent.AskCodeLasts)
	require.Equal(t, "/asks", amina.get("/asks/code").ok("Ce code ne sert plus").without(code).Path)
	code = amina.saysCode()
	amina.post("/leave", nil)
	amina.signIn(password).ok()
	amina.get("/asks").ok().without("Montrer encore le code", code)
}

// What a person reads and chooses when a public body asks: a private paper is in no list,
// nothing is chosen before they do, and what is out is taken back at a tap.
func TestAPersonReadsARequestPresentsAndTakesBack(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina := tn.amina()
	amina.upload(url.Values{"title": {"Carte"}, "visibility": {"shared"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok()
	amina.upload(url.Values{"title": {"Journal intime"}, "visibility": {"private"}}, file{"file", "b.pdf", "application/pdf", pdf}).ok()
	caf, keys := tn.office("CAF <b>de Lyon</b>")
	amina.get("/sharing").ok("Qui demande des papiers")
	amina.get("/asks").ok("Personne ne vous demande rien.")
	token, err := caf.Ask(t.Context(), amina.saysCode(), tn.wants())
	require.NoError(t, err)

	amina.get("/").ok("Un organisme vous demande des papiers.")
	at := amina.get("/asks").ok("CAF <b>de Lyon</b>", "Papier d’identité, Revenus et aides", "Aides et droits, ouvrir votre droit").link("/asks/[a-z2-7]{26}")
	g := amina.get(at).ok("Quels papiers donnez-vous ?", "Carte", "1 papier privé n’est pas dans cette liste", "Pendant un jour", "Ce qu’il a pris, il l’a").without("Journal intime")
	require.NotRegexp(t, `name="items"[^>]*checked`, g.Body, "nothing is chosen for the person")
	item := regexp.MustCompile(`name="items" value="([^"]+)"`).FindStringSubmatch(g.Body)[1]
	all := url.Values{"items": {item}, "lasts": {"day"}, "agreed": {"1"}, "password": {password}}
	without := func(field string, instead ...string) url.Values {
		out := url.Values{}
		for k, v := range all {
			out[k] = v
		}
		out[field] = instead
		return g.form("", out)
	}
	amina.post(at, without("items")).is(http.StatusUnprocessableEntity, "Choisissez")
	amina.post(at, without("agreed")).is(http.StatusUnprocessableEntity)
	amina.post(at, without("lasts", "year")).is(http.StatusUnprocessableEntity)
	amina.post(at, without("password", "another password")).is(http.StatusUnauthorized)
	_, err = caf.Take(t.Context(), token)
	require.ErrorIs(t, err, consent.ErrNoAnswer)

	same := g.form("", all)
	receipt := amina.post(at, same).ok("C’est donné. Voici votre reçu.", "prendre une copie de ce que vous avez choisi").Path
	require.Equal(t, receipt, amina.post(at, same).ok().Path, "a second click does nothing new")
	handed, err := caf.Take(t.Context(), token)
	require.NoError(t, err)
	papers, err := consent.OpenHanded(keys, caf.Partner().ID, tn.stage.Stage.Vaults.PublicKey(), handed)
	require.NoError(t, err)
	require.Len(t, papers.Items, 1)
	require.WithinDuration(t, tn.stage.Clock.Now().Add(24*time.Hour), handed.Until, time.Minute)

	out := amina.get("/asks").ok("Donnés, et pas encore finis", "Carte", "Personne ne vous demande rien.")
	back := out.link("/presented/[a-z2-7]+/end")
	amina.post(back, nil).ok("C’est repris.").without("Donnés, et pas encore finis")
	amina.post(back, nil).ok("C’est repris.")
	_, err = caf.Take(t.Context(), token)
	require.ErrorIs(t, err, consent.ErrNoAnswer)
	amina.get("/journal").ok("Copie prise par un organisme")
}

func TestAPersonRefusesAndBlocks(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina := tn.amina()
	caf, _ := tn.office("CAF")
	for _, c := range []struct{ button, done string }{{"/refuse", "C’est refusé."}, {"/block", "C’est bloqué."}} {
		token, err := caf.Ask(t.Context(), amina.saysCode(), tn.wants())
		require.NoError(t, err)
		at := amina.get("/asks").ok().link("/asks/[a-z2-7]{26}")
		g := amina.get(at).ok("Si vous refusez, l’organisme ne le sait pas.")
		amina.post(at+c.button, g.form(at+c.button, nil)).ok(c.done, "Personne ne vous demande rien.")
		amina.get(at).ok("Cette demande n’est plus là.")
		amina.post(at+c.button, g.form(at+c.button, nil)).ok(c.done)
		_, err = caf.Take(t.Context(), token)
		require.ErrorIs(t, err, consent.ErrNoAnswer)
	}
	_, err := caf.Ask(t.Context(), amina.saysCode(), tn.wants())
	require.NoError(t, err, "who is blocked does not see it")
	g := amina.get("/asks").ok("Personne ne vous demande rien.", "Organismes bloqués")
	amina.get("/").ok().without("/asks\"", "vous demande des papiers")
	amina.post(g.link("/partners/[a-z2-7]+/unblock"), nil).ok("C’est débloqué.", "Aides et droits")
	tn.desk(tn.samir).get("/asks").ok("Mes centres") // it is the person's own
}

func TestAPersonLinksTheirFile(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina := tn.amina()
	caf, _ := tn.office("CAF")
	blinded, err := consent.BlindTraits(consent.Traits{Number: "75 1234", FamilyName: "Keïta", FirstName: "Amina", BirthDate: "1990-05-01"})
	require.NoError(t, err)
	token, err := caf.AskLink(t.Context(), amina.saysCode(), consent.Purpose{Code: consent.PurposeBenefits, Text: "suivre votre dossier"}, blinded)
	require.NoError(t, err)
	at := amina.get("/asks").ok("Relier votre espace à votre dossier").link("/asks/[a-z2-7]{26}")
	typed := url.Values{"filenumber": {"75-1235"}, "familyname": {"KEITA"}, "firstname": {"amina"}, "birthdate": {"1990-05-01"}}
	g := amina.get(at).ok("Il reste 5 essais.", "ne sont pas gardés ici")
	amina.post(at, g.form("", typed)).is(http.StatusUnprocessableEntity, "Il reste 4 essais.", "ne correspond pas")
	typed.Set("filenumber", "75-1234")
	linked := amina.post(at, g.form("", typed)).ok("Votre dossier est relié.", "75-1234")
	link, err := caf.Link(t.Context(), token)
	require.NoError(t, err)
	_, err = caf.AskLinked(t.Context(), link, tn.wants())
	require.NoError(t, err)
	require.ErrorIs(t, caf.LeaveNote(t.Context(), link, "Rendez-vous", vault.Note{Text: "Lundi"}), vault.ErrNotTaken)
	lets := linked.ok("si vous êtes d’accord").link("/partners/[a-z2-7]+/leaves")
	leaves := amina.post(lets, nil).ok("L’organisme peut vous laisser des papiers.", "Ne plus rien recevoir").without("si vous êtes d’accord")
	require.NoError(t, caf.LeaveNote(t.Context(), link, "Rendez-vous", vault.Note{Text: "Lundi"}))
	amina.get("/deposits").ok("Organisme : CAF", "Un message")
	stop := leaves.link("/partners/[a-z2-7]+/stop")
	amina.post(stop, nil).ok("C’est arrêté.", "si vous êtes d’accord")
	amina.post(stop, nil).ok("C’est arrêté.")
	require.ErrorIs(t, caf.LeaveNote(t.Context(), link, "Rendez-vous", vault.Note{Text: "Lundi"}), vault.ErrNotTaken)
	amina.post(linked.link("/partners/[a-z2-7]+/end-links"), nil).ok("Votre dossier n’est plus relié.").without("75-1234")
	_, err = caf.AskLinked(t.Context(), link, tn.wants())
	require.ErrorIs(t, err, vault.ErrNotFound)
}

func TestThePagesOfRequestsSpeakEachLanguage(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina := tn.amina()
	caf, _ := tn.office("CAF")
	_, err := caf.Ask(t.Context(), amina.saysCode(), tn.wants())
	require.NoError(t, err)
	_, err = caf.AskLink(t.Context(), amina.saysCode(), tn.wants().Purpose, consent.BlindedTraits{})
	require.NoError(t, err)
	paths := []string{"/", "/asks"}
	for _, m := range regexp.MustCompile(`href="(/asks/[a-z2-7]{26})"`).FindAllStringSubmatch(amina.get("/asks").Body, -1) {
		paths = append(paths, m[1])
	}
	require.Len(t, paths, 4)
	missing := regexp.MustCompile(`\[[a-z]+[.-][a-z.-]+\]|%!|\(MISSING\)`)
	for _, language := range []string{"fr", "en", "ar"} {
		amina.post("/language", url.Values{"language": {language}, "here": {"/news"}}).ok()
		for _, path := range paths {
			g := amina.get(path).ok()
			require.Equal(t, path, g.Path)
			require.NotRegexp(t, missing, g.text(), path)
		}
		require.NotRegexp(t, missing, amina.post("/asks/code", nil).ok().text())
	}
}
