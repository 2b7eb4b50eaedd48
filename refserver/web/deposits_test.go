package web_test

import (
	"bytes"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// leaves fills in the form for a paper that is left and sends it.
func (p *person) leaves(values url.Values, files ...file) *page {
	p.t.Helper()
	contentType, body := multipartOf(p.t, p.get("/deposits/paper").ok("Vous ne le verrez plus").form("/deposits/paper", values), files...)
	r, err := http.NewRequest(http.MethodPost, p.server.URL+"/deposits/paper", bytes.NewReader(body))
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", contentType)
	return p.do(r)
}

// inStage opens the person's space in the library, for what no page can do.
func (tn *town) inStage(p *person) *vault.Vault {
	tn.t.Helper()
	v, err := tn.stage.Unlock(tn.t.Context(), vault.Password{Login: p.login, Secret: password})
	require.NoError(tn.t, err)
	tn.t.Cleanup(v.Close)
	return v
}

func TestACentreLeavesPapersAndSeesNothing(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, samir := tn.amina(), tn.desk(tn.samir)
	shared := amina.upload(url.Values{"title": {"Attestation"}, "visibility": {"shared"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	amina.get("/sharing/relays/"+tn.harbor.ID.String()).ok("Déposer des papiers, sans rien voir", "seulement déposer")
	amina.follows(tn.harbor.Relay, url.Values{"scope": {"give"}}).ok("Il ne voit rien.", "déposer des papiers pour vous, sans rien voir")
	amina.get("/sharing").ok("Peuvent laisser des papiers, sans rien voir", "Personne d’autre que vous ne voit votre espace.")

	tn.opens(samir).ok("vous ne voyez rien de cet espace", "Laisser un papier", "Laisser un message").without("/papers", "/contacts")
	for _, path := range []string{"/papers", "/contacts", "/notes", "/papers/add", shared} {
		samir.get(path).is(http.StatusForbidden, "Vous êtes dans l’espace de Amina K.").without("Attestation")
	}
	done := "C’est laissé. La personne le trouvera à sa prochaine entrée. Vous ne le verrez plus."
	samir.leaves(url.Values{"title": {"Récépissé"}}, file{"file", "scan.pdf", "application/pdf", pdf}).ok(done)
	samir.leaves(nil, file{"file", "page.pdf", "application/pdf", []byte("<!DOCTYPE html><script>1</script>")}).is(http.StatusUnprocessableEntity, "Ce fichier est autre chose.")
	samir.leaves(nil).is(http.StatusUnprocessableEntity, "Choisissez un fichier")
	samir.leaves(nil, file{"file", "long.txt", "text/plain", bytes.Repeat([]byte("a"), int(vault.MaxLeft)+1)}).is(http.StatusUnprocessableEntity, "Ce fichier est trop grand : 25 Mo au plus.")
	samir.post("/deposits/message", url.Values{"title": {""}, "text": {"x"}}).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	message := samir.get("/deposits/message").form("", url.Values{"title": {"Passez nous voir"}, "text": {"Votre dossier avance."}})
	samir.post("/deposits/message", message).ok(done)
	samir.post("/deposits/message", message).ok(done) // a second click
	samir.get("/deposits/paper").ok().without("Récépissé")

	amina.get("/papers").ok().without("Récépissé")
	amina.get("/deposits").ok("Attend d’être pris", "Un papier", "Samir, Accueil du Port").without("Récépissé")
	amina.post("/deposits/take", nil).ok("C’est pris.", "Récépissé", "Passez nous voir", "C’est dans votre espace").without("Attend d’être pris")
	require.Equal(t, string(pdf), amina.get(amina.get("/papers").ok("Récépissé").link("/papers/[a-z2-7]{26}")+"/file").ok().Body)
	amina.get("/notes").ok("Passez nous voir")
	require.Equal(t, "/deposits", amina.get("/deposits/paper").Path, "the person adds instead")
	require.Equal(t, "/staff", samir.get("/deposits").Path)
}

func TestWhatIsMissingIsSaidFirstUntilThePersonKnows(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, samir := tn.amina(), tn.desk(tn.samir)
	amina.follows(tn.harbor.Relay, url.Values{"scope": {"add"}}).ok()
	tn.opens(samir).ok("Laisser un papier", "Papiers")
	samir.leaves(url.Values{"title": {"Récépissé"}}, file{"file", "scan.pdf", "application/pdf", pdf}).ok("C’est laissé.")
	inbox := tn.inStage(amina).ID().String() + "/in/"
	samir.post("/deposits/message", url.Values{"title": {"Passez"}, "text": {"x"}}).ok("C’est laissé.")
	require.NoError(t, tn.stage.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		waiting, err := tn.stage.Store.Scan(t.Context(), inbox, "", 10)
		require.Len(t, waiting, 1)
		tx.Delete(waiting[0].Key)
		return err
	}))

	amina.signIn(password).ok("Il manque quelque chose qu’on vous avait laissé", "Voir ce qui manque")
	g := amina.get("/deposits").ok("Un message", "Samir, Accueil du Port", "Demandez à qui l’a laissé", "Il manque : cela s’est perdu", "Récépissé")
	amina.post(g.link("/deposits/missing"), nil).ok("C’est noté.").without("Demandez à qui")
	amina.get("/").ok().without("Voir ce qui manque")
}

func TestSomebodyWhoIsBackSaysThatTheyAreNotDead(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina := tn.amina()
	id := tn.inStage(amina).ID()
	tn.stage.Clock.Advance(30 * 31 * 24 * time.Hour)
	_, err := tn.stage.Sweep(t.Context())
	require.NoError(t, err)
	_, err = tn.stage.RecordDeath(t.Context(), id, vault.DeathRecord{By: "Opératrice", Organisation: "Les Amis", Evidence: "acte de décès"})
	require.NoError(t, err)
	g := amina.signIn(password).ok("Quelqu’un a annoncé votre mort", "Opératrice, Les Amis", "acte de décès", "Vous n’étiez plus là depuis mars 2026")
	amina.post(g.link("/alive"), nil).ok("L’annonce n’est plus montrée").without("acte de décès")
	amina.get("/journal").ok("Le service avait noté un décès", "De retour après longtemps")
}

func TestACentreGivesUpAndThePersonSeesItAtOnce(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, samir := tn.amina(), tn.desk(tn.samir)
	amina.follows(tn.harbor.Relay, nil).ok()
	path := samir.get(tn.relayPath()).ok("Amina K.").link(tn.relayPath() + "/people/[a-z2-7]+")
	giveUp := samir.get(path).link(path + "/give-up")
	samir.get(giveUp).ok("Ne plus suivre cette personne", "Amina K.")
	samir.post(giveUp, url.Values{}).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	samir.post(giveUp, url.Values{"why": {"partie à Lyon"}}).ok("ce centre ne suit plus cette personne", "Ce centre ne suit encore personne.")
	require.Equal(t, tn.relayPath(), samir.post(giveUp, url.Values{"why": {"partie à Lyon"}}).ok().Path, "a second click")

	amina.get("/sharing").ok("Arrêté par le centre", "Personne d’autre que vous ne voit votre espace.")
	amina.get("/journal").ok("Accès terminé", "partie à Lyon", "Samir")
	amina.follows(tn.harbor.Relay, nil).ok("Reçu")
	tn.opens(samir).ok("Vous êtes dans l’espace de")
}

func TestWhoRepresentsAMinorIsNotedAndShown(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina := tn.amina()
	set := url.Values{"representative": {"Awa Diallo"}, "relation": {"ma mère"}, "ground": {"Samir, livret de famille"}, "majority": {"2001-01-01"}}
	amina.post("/wishes/representatives", url.Values{"representative": {"Awa"}}).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	amina.post("/wishes/representatives", set).is(http.StatusUnprocessableEntity, "Ce jour est passé.")
	set.Set("majority", "2030-05-01")
	amina.post("/wishes/representatives", set).ok("C’est noté.", "Awa Diallo", "ma mère", "jusqu’au 1er mai 2030", "Samir, livret de famille")
	amina.get("/sharing").ok("Qui me représente", "Awa Diallo", "ni clé ni accès", "Personne d’autre que vous ne voit votre espace.")
	remove := amina.get("/wishes").form("/wishes/representatives/remove", nil)
	amina.post("/wishes/representatives/remove", remove).ok("C’est retiré.").without("Awa Diallo")
	amina.get("/sharing").ok().without("Qui me représente")
}

// An opening that broke off after the account was made is taken up by somebody else
// of the team.
func TestAnotherWorkerTakesUpAnOpeningThatBrokeOff(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	tn.stage.Sign(t, consent.Change{Licence: &consent.Licence{Relay: tn.harbor.ID, Number: "1", From: "2020-01-01", To: "2030-01-01", Currency: "EUR"}})
	post := tn.samir.At(t, tn.harbor)
	draft, err := post.BeginAccount(t.Context(), "Idris")
	require.NoError(t, err)
	made := vaulttest.CreateRequest(password)
	made.Login = draft.Login
	v, err := tn.stage.Create(t.Context(), made)
	require.NoError(t, err)
	v.Close()

	lea := tn.desk(tn.harbor.Hire(t, "Léa", consent.RoleHelp))
	path := lea.get(tn.relayPath()).ok("Comptes à finir d’ouvrir", "Idris").link(tn.relayPath() + "/account[?]draft=[a-z2-7]+")
	form := lea.get(path).ok("L’ouverture a été interrompue").form("", url.Values{
		"called": {"Idris"}, "scope": {"give"}, "new": {"quite other words"}, "repeat": {"quite other words"}, "pin": {"482915"}, "again": {"482915"}, "consent": {"1"}, "agreed": {"1"},
	})
	lea.post(tn.relayPath()+"/account", form).is(http.StatusUnauthorized, "Ce n’est pas le bon mot de passe.")
	form.Set("new", password)
	form.Set("repeat", password)
	g := lea.post(tn.relayPath()+"/account", form).ok("Le compte est ouvert", "Code de la carte")
	require.Equal(t, draft.Login, g.word())
	lea.get(tn.relayPath()).ok("Idris", "Déposer des papiers, sans rien voir").without("Comptes à finir")
	lea.get(path).is(http.StatusNotFound)
	idris := tn.stranger()
	idris.login = draft.Login
	idris.signIn(password).ok("Mon espace")
	idris.get("/sharing").ok("Accueil du Port", "Peuvent laisser des papiers, sans rien voir")
}
