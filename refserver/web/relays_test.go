package web_test

import (
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/testkeys"
	"reconnect.example/refserver/notice"
	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// town is a server with relays: a day centre with its manager and a worker.
type town struct {
	*centre
	stage  *consenttest.Stage
	harbor *consenttest.Relay
	samir  *consenttest.Staff
}

func newTown(t *testing.T) *town {
	t.Helper()
	testkeys.UseCheapKDF()
	stage := consenttest.New(t, nil)
	tn := &town{centre: &centre{t: t}, stage: stage, harbor: stage.Relay(t, "Accueil du Port")}
	tn.samir = tn.harbor.Hire(t, "Samir", consent.RoleHelp)
	pages, err := web.New(web.Config{
		Vaults: stage.Vaults, Staff: stage.Service, Directory: stage.Directory, Now: stage.Clock.Now,
		Limits: session.NewLimits(session.LimitsConfig{SignInsPerMinute: 1000, StaffPerMinute: 1000, RequestsPerSecond: 1000}),
	})
	require.NoError(t, err)
	tn.server = httptest.NewTLSServer(pages)
	t.Cleanup(tn.server.Close)
	return tn
}

// amina has a space and is signed in.
func (tn *town) amina() *person {
	tn.t.Helper()
	v, err := tn.stage.Create(tn.t.Context(), vaulttest.CreateRequest(password))
	require.NoError(tn.t, err)
	defer v.Close()
	p := tn.stranger()
	p.login, err = v.Login(tn.t.Context())
	require.NoError(tn.t, err)
	p.signIn(password)
	p.get("/").ok("Mon espace", "Qui peut voir")
	return p
}

// desk is a worker with a browser of their own.
func (tn *town) desk(w *consenttest.Staff) *person {
	tn.t.Helper()
	p := tn.stranger()
	p.secret = w.Password
	p.post("/staff/sign-in", url.Values{"login": {w.Login}, "password": {w.Password}}).ok("Mes centres", w.Name())
	return p
}

// shows sends a form of a team with the password of who manages.
func (p *person) shows(path string, values url.Values) *page {
	all := url.Values{"password": {p.secret}}
	maps.Copy(all, values)
	return p.post(path, all)
}

func (tn *town) relayPath() string { return "/staff/relays/" + tn.harbor.ID.String() }

// follows lets the relay in.
func (p *person) follows(relay consent.Relay, set url.Values) *page {
	p.t.Helper()
	path := "/sharing/relays/" + relay.ID.String()
	values := url.Values{"scope": {"add"}, "called": {"Amina K."}, "agreed": {"1"}, "password": {password}}
	for key, value := range set {
		values[key] = value
	}
	return p.post(path, p.get(path).ok(relay.Name, "une copie").form("", values))
}

// opens opens the only person whom the relay follows.
func (tn *town) opens(w *person) *page {
	tn.t.Helper()
	g := w.get(tn.relayPath()).ok("Amina K.")
	path := g.link(tn.relayPath() + "/people/[a-z2-7]+")
	w.get(path).ok("Amina K.")
	return w.post(path, url.Values{"purpose": {"housing"}, "why": {"demande de logement"}})
}

func TestARelayIsLetInSeesWhatIsSharedAndIsStopped(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, samir := tn.amina(), tn.desk(tn.samir)
	shared := amina.upload(url.Values{"title": {"Attestation"}, "visibility": {"shared"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	private := amina.upload(url.Values{"title": {"Journal intime"}}, file{"file", "b.pdf", "application/pdf", pdf}).ok().Path

	amina.get("/sharing").ok("Personne d’autre que vous ne voit votre espace.")
	g := amina.get("/sharing/relays").ok("Accueil du Port")
	amina.post("/sharing/relays", url.Values{"code": {consent.QRText(tn.harbor.Relay)}}).ok("les chiffres sont les bons")
	amina.post("/sharing/relays", url.Values{"code": {"nothing"}}).is(http.StatusUnprocessableEntity, "Ce code n’a pas pu être lu.")
	require.Contains(t, g.Body, tn.harbor.ID.String())
	amina.follows(tn.harbor.Relay, url.Values{"password": {"wrong words here"}}).is(http.StatusUnauthorized, "Ce n’est pas le bon mot de passe ou code PIN.")
	amina.follows(tn.harbor.Relay, url.Values{"agreed": nil, "until": {"2001-01-01"}}).is(http.StatusUnprocessableEntity, "Cochez la case", "Ce jour est passé.")
	amina.follows(tn.harbor.Relay, nil).ok("Reçu", "Accueil du Port", "Ce centre peut maintenant voir")
	amina.follows(tn.harbor.Relay, nil).is(http.StatusConflict, "Ce centre vous suit déjà.")
	amina.get("/sharing").ok("Accueil du Port", "Voir et ajouter", "que vous l’arrêtiez")

	samir.get("/papers").ok("Aucun espace n’est ouvert.")
	path := samir.get(tn.relayPath()).link(tn.relayPath() + "/people/[a-z2-7]+")
	samir.post(path, url.Values{"purpose": {"other"}}).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	samir.post(path, url.Values{}).is(http.StatusUnprocessableEntity, "Choisissez pourquoi.")
	tn.opens(samir).ok("Vous êtes dans l’espace de", "Amina K.", "Accueil du Port", "Logement, demande de logement", "Fermer cet espace")
	samir.get("/papers").ok("Attestation", "Vous êtes dans l’espace de").without("Journal intime")
	require.Equal(t, string(pdf), samir.get(shared+"/file").ok().Body)
	samir.get(private).is(http.StatusNotFound)
	samir.get(private + "/file").is(http.StatusNotFound)
	samir.get(shared).ok("Rendre privé", "Cette personne et ceux").without("Mettre à la corbeille", "Garder pour moi", "Ceux que vous")
	samir.post("/items/"+strings.TrimPrefix(shared, "/papers/")+"/bin", url.Values{"revision": {"1"}}).is(http.StatusForbidden, "Ce geste n’est pas permis ici.")
	for _, own := range []string{"/journal", "/space", "/take", "/close", "/sharing"} {
		require.Equal(t, "/staff", samir.get(own).ok("Mes centres").Path, own)
	}
	for _, path := range []string{"/papers/add", "/notes/add", "/contacts/add", "/appointments/add"} { // there is nothing to choose, and a page must not say so
		samir.get(path).ok("Ce que vous ajoutez est partagé").without("Vous uniquement", `name="visibility"`, "Mes papiers", "Mes notes")
	}
	added := samir.upload(url.Values{"title": {"Récépissé"}, "visibility": {"private"}}, file{"file", "c.pdf", "application/pdf", pdf}).ok("Partagé").Path
	ask := samir.get("/items/" + strings.TrimPrefix(added, "/papers/") + "/visibility").ok("À faire seulement si la personne le demande.")
	samir.post(ask.Path, ask.form("", nil)).ok("C’est privé.").without("Récépissé")

	amina.get("/journal").ok("Samir, Accueil du Port", "Papier ouvert : « Attestation »", "Logement, demande de logement", "Accès donné : « Accueil du Port »", "· Rendu privé Pourquoi")
	end := amina.get("/sharing").link("/sharing/with/[a-z2-7]+/end")
	amina.post(end, url.Values{}).ok("C’est arrêté.", "Arrêté par vous")
	require.Equal(t, "/staff", samir.get("/").ok("L’accès à cet espace est terminé", "la personne ou le centre l’a arrêté").Path, "not silently")
	samir.get("/").ok("Mes centres").without("L’accès à cet espace est terminé")
	samir.get(shared).ok("Aucun espace n’est ouvert.")
	samir.get(tn.relayPath()).ok("Ce centre ne suit encore personne.")
	receipt := amina.get("/sharing").link("/receipts/[^\"]+")
	amina.get(receipt).ok("Reçu", "Accueil du Port")
}

func TestAWorkerIsToldThatSomebodysAccountIsClosedAndNotTheirOwn(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, samir := tn.amina(), tn.desk(tn.samir)
	amina.follows(tn.harbor.Relay, nil).ok()
	amina.post("/close", amina.get("/close").form("", url.Values{"how": {"keep"}, "password": {password}, "sure": {"1"}})).ok("Votre compte est fermé.")
	tn.opens(samir).is(http.StatusConflict, "Le compte de cette personne est fermé.").without("Votre compte")
}

func TestAWorkerWhoMayOnlySeeIsOfferedNothingElse(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, samir := tn.amina(), tn.desk(tn.samir)
	shared := amina.upload(url.Values{"title": {"Attestation"}, "visibility": {"shared"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	amina.follows(tn.harbor.Relay, url.Values{"scope": {"see"}}).ok()
	tn.opens(samir).ok().without("/papers/add")
	samir.get(shared).ok("Attestation").without("Modifier", "Garder pour moi")
	samir.post("/notes/add", url.Values{"title": {"a"}, "text": {"b"}}).is(http.StatusForbidden)
	samir.post("/staff/close", nil).ok("L’espace est fermé.").without("Vous êtes dans l’espace de")
	samir.get(shared).ok("Aucun espace n’est ouvert.")
	samir.post("/leave", nil).ok("Je travaille pour un centre")
	require.Equal(t, "/staff/sign-in", samir.get("/staff").Path)
}

func TestSomebodyJoinsATeamAndIsTakenOut(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	manager, amina := tn.desk(tn.harbor.Manager), tn.amina()
	amina.follows(tn.harbor.Relay, nil).ok()
	team := tn.relayPath() + "/team"
	tn.desk(tn.samir).get(team).is(http.StatusForbidden, "Il faut être responsable")
	manager.get(team).ok("Samir", "Manager of Accueil du Port", "<10", "Il n’y a pas encore de licence.")
	g := manager.post(team+"/invite", url.Values{"roles": {"help"}}).ok("Donnez-le à une seule personne.")
	code := g.word()

	lea := tn.stranger()
	join := url.Values{"invitation": {code}, "worker": {"Léa"}, "new": {password}, "repeat": {password}, "agreed": {"1"}}
	lea.post("/staff/join", url.Values{"invitation": {"nothing"}, "worker": {"Léa"}, "new": {password}, "repeat": {password}, "agreed": {"1"}}).is(http.StatusUnprocessableEntity, "Ce code ne permet pas d’entrer.")
	lea.post("/staff/join", url.Values{"new": {"short"}, "repeat": {"short"}}).is(http.StatusUnprocessableEntity, "Remplissez cette case.", "Cochez la case")
	require.NotEmpty(t, lea.post("/staff/join", join).ok("Votre compte est ouvert").word())
	lea.post("/staff/factor", url.Values{"password": {"wrong words here"}}).is(http.StatusUnauthorized, "Ce n’est pas le bon mot de passe")
	lea.post("/staff/factor", url.Values{"password": {password}}).ok("Lisez ceci avec l’application")
	lea.post("/staff/factor/confirm", url.Values{"factor": {"x"}}).ok("Ce n’était pas le bon code.")
	require.Contains(t, lea.get("/staff/ask").ok().Body, `value="`+code+`"`, "nobody types it twice")
	lea.post("/staff/ask", url.Values{"invitation": {code}}).ok("Lisez maintenant vos chiffres", "Un responsable doit encore vous laisser entrer").without("travaillez encore pour aucun")
	lea.get("/staff/ask").ok().without(code)
	digits := lea.get("/staff").ok("Mes chiffres").word()
	lea.get("/sessions").ok("Cet appareil")

	g = manager.get(team).ok("Léa", "Demandent à entrer")
	admit := g.form(team+"/admit", url.Values{"fingerprint": {"0000 0000 0000 0000 0000 0000"}, "roles": {"help"}})
	refused := manager.shows(team+"/admit", admit).ok("Ces chiffres ne sont pas ceux de cette clé.")
	require.Equal(t, team, refused.Path, "to go back sends nothing again")
	require.Contains(t, refused.Body, `value="0000 0000 0000 0000 0000 0000"`, "what was typed stays")
	require.NotContains(t, manager.get(team).ok().Body, "0000 0000", "once")
	manager.get(team + "/admit").ok("Demandent à entrer")
	admit.Set("fingerprint", digits)
	manager.shows(team+"/admit", admit).ok("cette personne est dans l’équipe")
	tn.opens(lea).ok("Vous êtes dans l’espace de")

	var one string
	for _, path := range regexp.MustCompile(regexp.QuoteMeta(team)+`/[a-z2-7]{26}`).FindAllString(manager.get(team).Body, -1) {
		if strings.Contains(manager.get(path).ok().text(), "Léa") {
			one = path
		}
	}
	manager.shows(one+"/suspend", nil).ok("Suspendu")
	lea.get("/papers").ok("L’accès à cet espace est terminé")
	manager.shows(one+"/resume", nil).ok("En place")
	manager.shows(one+"/remove", nil).ok("C’est fait.").without("Léa")
	lea.get(tn.relayPath()).is(http.StatusForbidden)
	tn.opens(tn.desk(tn.samir)).ok("Vous êtes dans l’espace de") // everyone else goes on
}

// word is what stands alone on the page to be written down.
func (g *page) word() string {
	g.t.Helper()
	found := regexp.MustCompile(`<p class="words" dir="ltr">([^<]+)</p>`).FindStringSubmatch(g.Body)
	require.NotNil(g.t, found, g.text())
	return found[1]
}

func TestAnAccountIsOpenedWithAPerson(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	samir := tn.desk(tn.samir)
	samir.get(tn.relayPath() + "/account").ok("Il n’y a pas encore de licence.")
	tn.stage.Sign(t, consent.Change{Licence: &consent.Licence{Relay: tn.harbor.ID, Number: "1", From: "2020-01-01", To: vault.Date(tn.stage.Clock.Now().AddDate(1, 0, 0).Format(time.DateOnly)), Currency: "EUR"}})
	path := tn.relayPath() + "/account"
	values := url.Values{"called": {"Idris"}, "scope": {"add"}, "new": {password}, "repeat": {password}, "pin": {"482915"}, "again": {"482915"}, "consent": {"1"}, "agreed": {"1"}}
	samir.post(path, url.Values{"new": {password}, "repeat": {"other words"}, "pin": {"1"}, "again": {"2"}}).
		is(http.StatusUnprocessableEntity, "ne sont pas les mêmes", "Les deux codes PIN", "Cochez la case", "À retaper")
	samir.post(path, url.Values{"new": {"password"}, "repeat": {"password"}, "pin": {"147147"}, "again": {"147147"}}).
		is(http.StatusUnprocessableEntity, "beaucoup de gens choisissent ce mot de passe", "C’est trop facile à deviner. Choisissez six autres chiffres.", "Cochez la case")
	form := samir.get(path).ok("Ouvrir un compte avec quelqu’un", "tapée par la personne").form("", values)
	easy := samir.get(path).form("", values)
	easy["pin"], easy["again"] = []string{"123456"}, []string{"123456"}
	samir.post(path, easy).is(http.StatusUnprocessableEntity, "C’est trop facile à deviner.")
	samir.get(tn.relayPath()).ok("Ce centre ne suit encore personne.").without("Idris", "Comptes à finir d’ouvrir")
	g := samir.post(path, form).ok("Le compte est ouvert", "Code de la carte")
	require.Contains(t, g.Body, `<svg class="qr"`)
	again := samir.post(path, form).ok("La carte ne peut pas être montrée à nouveau.").without("Imprimez cette page")
	require.Equal(t, g.word(), again.word(), "a second click opens no second account")
	samir.get(tn.relayPath()).ok("Idris")
	tn.desk(tn.harbor.Manager).get(tn.relayPath() + "/team/journal").ok("« Idris »").without(">opened<")
	idris := tn.stranger()
	idris.login = g.word()
	idris.signIn(password).ok("Mon espace")
	idris.get("/sharing").ok("Accueil du Port")

	whole := samir.get(path).ok("C’est gratuit, et jamais obligatoire.", "Tout lire", "ne pas être suivi ici")
	require.Contains(t, whole.Body, `class="text only-print" lang="fr">`+html.EscapeString(notice.In("fr").Text)[:60], "all of it is on the page, and on paper")
	none := whole.form("", url.Values{"called": {"Nour"}, "scope": {"none"}, "new": {password}, "repeat": {password}, "pin": {"482915"}, "again": {"482915"}, "consent": {"1"}})
	g = samir.post(path, none).ok("Le compte est ouvert").without("Ajouter un papier avec la personne")
	samir.get(tn.relayPath()).ok("Idris").without("Nour")
	nour := tn.stranger()
	nour.login = g.word()
	nour.signIn(password).ok("Mon espace")
	nour.get("/sharing").ok("Personne d’autre que vous ne voit votre espace.")

	tn.stage.Clock.Advance(3 * 365 * 24 * time.Hour)
	samir = tn.desk(tn.samir)
	samir.get(tn.relayPath()).ok("La licence a fini", "Idris").without(path)
	samir.get(path).ok("La licence a fini").without("Code PIN", "Ouvrir le compte") // nobody fills in a form for nothing
	samir.post(path, values).is(http.StatusConflict, "n’a pas de licence en cours")
}

func TestAVisitShowsWhatIsChosenAndEnds(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, samir := tn.amina(), tn.desk(tn.samir)
	one := amina.upload(url.Values{"title": {"Ordonnance"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	amina.upload(url.Values{"title": {"Journal intime"}}, file{"file", "b.pdf", "application/pdf", pdf}).ok()
	visits := tn.relayPath() + "/visits"
	g := samir.get(visits).ok("Mon code", "Personne ne vous montre rien")
	code := regexp.MustCompile(`<p class="digest" dir="ltr">([^<]+)</p>`).FindStringSubmatch(g.Body)[1]
	values := url.Values{"code": {code}, "what": {"chosen"}, "items": {strings.TrimPrefix(one, "/papers/")}, "lasts": {"15"}, "called": {"Amina"}, "agreed": {"1"}, "password": {password}}
	amina.post("/sharing/visit", url.Values{"code": {"x"}, "lasts": {"7"}}).is(http.StatusUnprocessableEntity, "Choisissez au moins un papier", "Remplissez cette case.")
	amina.post("/sharing/visit", amina.get("/sharing/visit").ok("Ordonnance").form("", values)).ok("peut maintenant voir", "Samir, Accueil du Port")
	amina.get("/sharing").ok("Visites en cours", "Voir 1 papier").without("Personne d’autre que vous")
	path := samir.get(visits).ok("Amina").link(visits + "/[a-z2-7]+")
	samir.get(path).ok("Pourquoi ?")
	samir.post(path, url.Values{"purpose": {"health"}}).ok("Vous êtes dans l’espace de", "Amina", "Santé", "a choisi de vous montrer", "Papiers").
		without("Rendez-vous", "Contacts") // whether there are any is not said
	samir.get("/papers").ok("Ordonnance").without("Journal intime", "Partagé", "Privé") // it is private, and which of both is not theirs to know
	samir.get("/print").ok("Liste des papiers").without("Partagé", "Privé", "Rendez-vous", "Contacts")
	require.Equal(t, string(pdf), samir.get(one+"/file").ok().Body)
	tn.stage.Clock.Advance(8 * time.Minute)
	samir.get("/papers").ok("Ordonnance")
	tn.stage.Clock.Advance(8 * time.Minute)
	samir.get("/staff").ok("L’accès à cet espace est terminé", "ou le temps est passé")
	samir.get("/papers").ok("Aucun espace n’est ouvert.")
	samir.get(visits).ok("Personne ne vous montre rien")
}

// Who lets somebody see something for a while finds them first, by their name, with what and
// until when, and ends it from wherever they read of it.
func TestARunningVisitStandsFirstByNameAndIsEndedFromItsReceipt(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, samir := tn.amina(), tn.desk(tn.samir)
	amina.follows(tn.harbor.Relay, nil).ok("C’est en cours")
	one := amina.upload(url.Values{"title": {"Ordonnance"}}, file{"file", "a.pdf", "application/pdf", pdf}).ok().Path
	code := regexp.MustCompile(`<p class="digest" dir="ltr">([^<]+)</p>`).FindStringSubmatch(samir.get(tn.relayPath() + "/visits").Body)[1]
	g := amina.post("/sharing/visit", amina.get("/sharing/visit").form("", url.Values{
		"code": {code}, "what": {"chosen"}, "items": {strings.TrimPrefix(one, "/papers/")}, "lasts": {"60"}, "called": {"Amina"}, "agreed": {"1"}, "password": {password},
	})).ok("peut maintenant voir", "Arrêter la visite de Samir, Accueil du Port")
	end := g.link("/sharing/with/[a-z2-7]+/end")
	before, after, folded := strings.Cut(g.Body, "<details")
	require.True(t, folded)
	require.NotContains(t, before, "SHA-256", "plain words first")
	require.Contains(t, after, "SHA-256")
	list := amina.get("/sharing").ok("Visites en cours Samir, Accueil du Port", "Voir 1 papier que vous avez choisi Ordonnance", "Arrêter la visite de Samir, Accueil du Port", "Arrêter · Accueil du Port")
	require.Less(t, strings.Index(list.text(), "Visites en cours"), strings.Index(list.text(), "Peuvent voir maintenant"))
	until := regexp.MustCompile(`Jusqu’à (lundi \d+ \S+ \d+ à \d+ h \d+)`).FindStringSubmatch(list.text())
	require.NotNil(t, until, list.text())
	amina.get("/journal").ok("Accès donné : « Samir, Accueil du Port » Voir 1 papier que vous avez choisi, jusqu’au "+until[1], "« Accueil du Port » Voir et ajouter")
	amina.get(strings.TrimSuffix(end, "/end")).ok("Ordonnance", "Samir, Accueil du Port")
	amina.post(end, nil).ok("C’est arrêté.").without("Visites en cours")
	amina.get(g.Path).ok("Samir, Accueil du Port").without("C’est en cours", end)
	amina.get("/journal").ok("Accès terminé : « Samir, Accueil du Port »")
}

func TestEveryPageOfRelaysSpeaksEachLanguage(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, samir, manager := tn.amina(), tn.desk(tn.samir), tn.desk(tn.harbor.Manager)
	amina.follows(tn.harbor.Relay, nil).ok()
	one := amina.get("/sharing").ok().link("/sharing/with/[a-z2-7]{26}")
	receipt := amina.get(one).ok().link("/receipts/[^\"]+")
	opening := samir.get(tn.relayPath()).link(tn.relayPath() + "/people/[a-z2-7]+")
	missing := regexp.MustCompile(`\[[a-z]+[.-][a-z.-]+\]|%!|\(MISSING\)`)
	for _, who := range []struct {
		*person
		paths []string
	}{
		{amina, []string{"/", "/sharing", one, receipt, "/sharing/relays", "/sharing/relays/" + tn.harbor.ID.String(), "/sharing/visit", "/card", "/rules", "/wishes", "/journal", "/deposits"}},
		{samir, []string{"/staff", tn.relayPath(), opening, opening + "/give-up", opening + "/stop-sessions", tn.relayPath() + "/visits", "/staff/ask", "/staff/factor", "/sessions", "/password", "/staff/recover", tn.relayPath() + "/leave"}},
		{manager, []string{
			tn.relayPath() + "/team", tn.relayPath() + "/team/keys", tn.relayPath() + "/team/journal", tn.relayPath() + "/leave", "/password",
			tn.memberPath(tn.samir, ""), tn.memberPath(tn.samir, "/roles"), tn.memberPath(tn.samir, "/replace"), tn.memberPath(tn.samir, "/suspend"), tn.memberPath(tn.samir, "/remove"),
		}},
		{tn.stranger(), []string{"/staff/sign-in", "/staff/join", "/sign-in/card", "/sign-in"}},
	} {
		for _, language := range []string{"fr", "en", "ar"} {
			who.post("/language", url.Values{"language": {language}, "here": {"/news"}}).ok()
			for _, path := range who.paths {
				g := who.get(path).ok()
				require.Equal(t, path, g.Path)
				require.Contains(t, g.Body, `<html lang="`+language+`"`)
				require.NotRegexp(t, missing, g.text(), path)
			}
		}
	}
	tn.opens(samir).ok("أنت في مساحة")
	for _, path := range []string{"/", "/papers", "/contacts", "/appointments", "/notes", "/deposits/paper", "/deposits/message"} {
		require.NotRegexp(t, missing, samir.get(path).ok("أنت في مساحة").text())
	}
}

func TestAWorkerLooksForANameWithoutPuttingItIntoAnAddress(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	amina, samir := tn.amina(), tn.desk(tn.samir)
	amina.follows(tn.harbor.Relay, nil).ok()
	samir.get(tn.relayPath()).ok("Amina").without("Chercher un nom") // one page is read faster than a name is typed
	samir.post(tn.relayPath(), url.Values{"sought": {"AMÏ"}}).ok("Amina", "Voir toute la liste")
	samir.post(tn.relayPath(), url.Values{"sought": {"Idris"}}).ok("Personne ici n’a ce nom.").without("Amina", "Idris")
	samir.post(tn.relayPath(), url.Values{"sought": {" "}}).is(http.StatusUnprocessableEntity, "Amina")
	tn.desk(tn.harbor.Manager).post(tn.relayPath(), url.Values{"sought": {"a"}}).ok()
}
