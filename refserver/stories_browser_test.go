package main

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/testkeys"
	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
)

// Stories of people, relays and workers whom time matters to, each in browsers of
// their own: nothing is signed in, clicked or read beside the pages.
func TestStoriesOfRelaysInABrowser(t *testing.T) {
	t.Parallel()
	w := openWindow(t)
	for name, story := range map[string]func(*testing.T, *window){
		"an account opened together, and two visits elsewhere": anAccountAndTwoVisits,
		"a worker leaves":     aWorkerLeaves,
		"the licence expires": theLicenceExpires,
		"a phone is lost":     aPhoneIsLost,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, w)
		})
	}
}

// town is a server with two relays, whose clock stands still until it is told to
// move. Workers have a second factor, as in life.
type town struct {
	*testing.T
	stage  *consenttest.Stage
	harbor *consenttest.Relay
	hostel *consenttest.Relay
	nadia  *consenttest.Staff // helps at the harbor
	window *window
	url    string
}

func newTown(t *testing.T, w *window) *town {
	t.Helper()
	testkeys.UseCheapKDF()
	stage := consenttest.New(t, &consenttest.Options{SecondFactor: true})
	tn := &town{T: t, stage: stage, window: w, harbor: stage.Relay(t, "Accueil du Port"), hostel: stage.Relay(t, "Foyer du Modèle")}
	stage.Sign(t, consent.Change{Licence: &consent.Licence{Relay: tn.harbor.ID, Number: "L-1", From: "2026-01-01", To: "2026-12-31", Currency: "EUR"}})
	tn.nadia = tn.harbor.Hire(t, "Nadia Specimen", consent.RoleHelp)
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	pages, err := web.New(web.Config{
		Vaults: stage.Vaults, Staff: stage.Service, Directory: stage.Directory, Zone: paris, Now: stage.Clock.Now,
		Limits: session.NewLimits(session.LimitsConfig{SignInsPerMinute: 1000, StaffPerMinute: 1000, RequestsPerSecond: 1000}), // the clock stands still
	})
	require.NoError(t, err)
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)
	tn.url = server.URL
	return tn
}

// desk signs a worker in, on the screen of a desk.
func (tn *town) desk(w *consenttest.Staff, name string) *surfing {
	tn.Helper()
	s := tn.window.surf(tn.T, name, 1024, true)
	s.entersWithCode(tn, w)
	return s
}

func (s *surfing) entersWithCode(tn *town, w *consenttest.Staff) {
	s.Helper()
	s.goTo(tn.url + "/staff/sign-in")
	s.look("staff-sign-in", "Je travaille pour un centre")
	s.write("#f-login", w.Login)
	s.write("#f-password", w.Password)
	s.write("#f-factor", w.Code())
	s.press("main button:not([type=button])")
	s.look("staff", "Mes centres", w.Name())
}

// amina has a space and signs in on the smallest phone, without JavaScript.
func (tn *town) amina() *surfing {
	tn.Helper()
	p := tn.stage.Person(tn)
	s := tn.window.surf(tn.T, "amina", phone, false)
	s.entersWith(tn, p.Login, p.Password)
	s.goTo(tn.url + "/sharing/relays")
	s.look("relays", "Accueil du Port")
	s.press(`a[href$="` + tn.harbor.ID.String() + `"]`)
	s.look("follow", "À lire avant", "Que peut faire ce centre ?")
	s.press(`input[name="scope"][value="add"]`)
	s.write("#f-called", "Amina K.")
	s.press(`input[name="agreed"]`)
	s.write("#f-password", p.Password)
	s.press("main form button.main")
	s.look("followed", "Ce centre peut maintenant voir ce que vous partagez.", "Reçu")
	s.goTo(tn.url + "/papers/add")
	s.waitFor("Prendre une photo")
	s.press(`input[name="visibility"][value="shared"]`)
	s.photographs("Attestation")
	return s
}

func (s *surfing) entersWith(tn *town, login, password string) {
	s.Helper()
	s.goTo(tn.url + "/sign-in")
	s.write("#f-login", login)
	s.write("#f-password", password)
	s.press("main button:not([type=button])")
	s.look("home", "Mon espace")
}

// tap follows a link.
func (s *surfing) tap(link, name string, words ...string) {
	s.Helper()
	s.press(`a[href` + link + `]`)
	s.look(name, words...)
}

// without fails if something stands anywhere on the page.
func (s *surfing) without(words ...string) {
	s.Helper()
	source := s.source()
	require.NotEmpty(s, source)
	for _, w := range words {
		require.NotContains(s, source, w)
	}
}

// What the person knows by heart, and nobody else.
const ownPassword, ownPIN = "bato kiru mesa lova", "482915"

// Stories 1 and 2: an account is opened by two, for somebody who has nothing but one
// paper. With the card the person is at home in any centre, where an hour is an hour
// and a sign-out is the end.
func anAccountAndTwoVisits(t *testing.T, w *window) {
	tn := newTown(t, w)
	nadia := tn.desk(tn.nadia, "opening")
	card := nadia.opensAnAccount()
	nadia.addsThePaperOfIdris()

	idris := tn.window.surf(t, "idris", phone, false)
	idris.entersWithCard(tn, card)
	idris.waitFor("1 papier")
	idris.tap(`="/papers"`, "papers", "Récépissé", "Partagé")
	idris.tap(`^="/papers/"][class="row"`, "paper", "Nadia Specimen")
	idris.press(`a[href$="/file"]`)
	idris.isThePhoto(idris.downloaded("R*.jpg"))
	idris.goTo(tn.url + "/journal")
	idris.look("journal", "Nadia Specimen, Accueil du Port", "Logement, demande de logement")

	var papers []string
	for _, title := range []string{"Ordonnance", "Carte de séjour", "Journal intime"} {
		idris.goTo(tn.url + "/papers/add")
		idris.photographs(title)
		at, err := chromedp.Run(idris.ctx, chromedp.Location())
		require.NoError(t, err)
		papers = append(papers, regexp.MustCompile(`[a-z2-7]{26}`).FindString(at))
	}
	samir := tn.hostel.Hire(t, "Samir Fictif", consent.RoleHelp)
	visited := tn.desk(samir, "visited")
	anHour(tn, idris, visited, card, papers)
	untilSignedOut(tn, idris, visited, card, papers)
}

// opensAnAccount goes through the form with a person, who makes a mistake first, and
// prints the card.
func (s *surfing) opensAnAccount() (card string) {
	s.Helper()
	s.press(`main a.main[href^="/staff/relays/"]`)
	s.tap(`$="/account"`, "account", "À lire ensemble avant", "Votre espace Reconnect garde des copies", "Vous pouvez laisser un centre voir", "Tournez l’écran vers elle.")
	s.write("#f-called", "Idris")
	s.fillsIn("482916")
	s.press(`input[name="agreed"]`)
	s.press("main form button.main")
	s.look("mistake", "Les deux codes PIN ne sont pas les mêmes.", "Cochez la case pour confirmer.")
	s.without(ownPassword, ownPIN)     // what was typed does not come back for the worker to read
	s.without("choisissez le fichier") // words of another form
	s.fillsIn(ownPIN)
	s.press(`input[name="consent"]`)
	s.press("main form button.main")
	s.look("opened", "Le compte est ouvert", "Code de la carte", "Imprimez cette page")
	login, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](`document.querySelectorAll("p.words")[0].textContent`))
	require.NoError(s, err)
	card, err = chromedp.Run(s.ctx, chromedp.Evaluate[string](`document.querySelectorAll("p.words")[1].textContent`))
	require.NoError(s, err)
	s.without(ownPassword, ownPIN)
	s.printed("card", login, card)
	return card
}

// fillsIn is what the person types while the worker looks away.
func (s *surfing) fillsIn(again string) {
	s.Helper()
	for field, text := range map[string]string{"new": ownPassword, "repeat": ownPassword, "pin": ownPIN, "again": again} {
		s.write("#f-"+field, text)
	}
}

// printed prints the page and finds the words on the paper, however the lines break.
func (s *surfing) printed(name string, words ...string) {
	s.Helper()
	paper, err := chromedp.Run(s.ctx, chromedp.PrintToPDF())
	require.NoError(s, err)
	at := filepath.Join(s.downloads, name+".pdf")
	if s.shots != "" {
		at = filepath.Join(s.shots, s.name+"-"+name+".pdf")
	}
	require.NoError(s, os.WriteFile(at, paper, 0o600))
	program, err := exec.LookPath("pdftotext")
	if err != nil && os.Getenv("RECONNECT_TEST_ALL") != "1" {
		return // nobody here can read the paper
	}
	require.NoError(s, err, "the test needs Debian's package poppler-utils")
	text, err := exec.Command(program, at, "-").Output() //nolint:gosec // the test's own file
	require.NoError(s, err)
	whole := strings.Join(strings.Fields(string(text)), "")
	for _, w := range words {
		require.Contains(s, whole, strings.Join(strings.Fields(w), ""))
	}
	require.NotContains(s, whole, "Quitter", "buttons are not printed")
}

func (s *surfing) addsThePaperOfIdris() {
	s.Helper()
	s.press(".back a")
	s.waitFor("Les personnes suivies")
	s.tap(`*="/people/"`, "open", "Idris", "Pourquoi ?")
	s.press(`input[value="housing"]`)
	s.write("#f-why", "demande de logement")
	s.press("main form button.main")
	s.look("space", "Vous êtes dans l’espace de Idris", "Logement, demande de logement")
	s.tap(`="/papers/add"`, "add-paper", "Prendre une photo")
	s.photographs("Récépissé")
	s.look("paper", "Récépissé", "Partagé")
	s.press(".guest button")
	s.look("closed", "L’espace est fermé.")
}

func (s *surfing) entersWithCard(tn *town, card string) {
	s.Helper()
	s.goTo(tn.url)
	s.waitFor("Entrer dans mon espace")
	s.tap(`="/sign-in/card"`, "sign-in-card", "Entrer avec ma carte")
	s.write("#f-card", card)
	s.write("#f-pin", ownPIN)
	s.press("main form button.main")
	s.look("home", "Mon espace")
}

// Story 9: a worker is taken out of the team in the middle of their work.
func aWorkerLeaves(t *testing.T, w *window) {
	tn := newTown(t, w)
	lea := tn.harbor.Hire(t, "Léa Exemple", consent.RoleHelp)
	amina, manager, leaving, staying := tn.amina(), tn.desk(tn.harbor.Manager, "manager"), tn.desk(tn.nadia, "leaving"), tn.desk(lea, "staying")
	for _, s := range []*surfing{leaving, staying} {
		s.opensTheOnlyPerson("Amina K.")
		s.tap(`="/papers"`, "papers", "Attestation")
	}

	manager.tap(`$="/team"`, "team", "Nadia Specimen", "Léa Exemple", "En place")
	manager.tap(`$="`+tn.nadia.ID().String()+`"`, "member", "Nadia Specimen", "En place")
	manager.tap(`$="/remove"`, "remove", "Nadia Specimen", "Cette personne ne pourra plus rien ouvrir ici")
	manager.write("#f-password", tn.harbor.Manager.Password)
	manager.press(`form[action$="/remove"] button.danger`)
	manager.look("removed", "C’est fait.", "Léa Exemple")
	manager.without("Nadia Specimen")

	leaving.tap(`^="/papers/"][class="row"`, "out", "Aucun espace n’est ouvert. L’accès a pu être arrêté.", "Vous ne travaillez encore pour aucun centre.")
	leaving.without("Amina", "Attestation", tn.harbor.Name)
	leaving.goTo(tn.url + "/staff/relays/" + tn.harbor.ID.String())
	leaving.look("refused", "ne travaille pas, ou plus, pour ce centre")
	leaving.without("Amina")

	staying.tap(`^="/papers/"][class="row"`, "goes-on", "Attestation", "Vous êtes dans l’espace de Amina K.")
	staying.goTo(tn.url + "/papers/add")
	staying.photographs("Bail")
	staying.press(".guest button")
	staying.waitFor("L’espace est fermé.")
	staying.opensTheOnlyPerson("Amina K.")

	amina.goTo(tn.url + "/journal")
	amina.look("journal", "Nadia Specimen, Accueil du Port", "Léa Exemple, Accueil du Port", "« Bail »", "« Attestation »")
	amina.goTo(tn.url + "/sharing")
	amina.look("sharing", "Accueil du Port", "Voir et ajouter")
}

// Story 10: the licence of a relay ends at midnight, while an account is being opened.
// There is no new account, and everything else goes on.
func theLicenceExpires(t *testing.T, w *window) {
	tn := newTown(t, w)
	tn.stage.Clock.Set(time.Date(2026, 12, 31, 23, 50, 0, 0, time.UTC)) // by which licences go here
	amina, nadia, manager := tn.amina(), tn.desk(tn.nadia, "licence"), tn.desk(tn.harbor.Manager, "licence-manager")
	nadia.press(`main a.main[href^="/staff/relays/"]`)
	nadia.look("ends-soon", "La licence finit bientôt, le 31 décembre 2026.")
	nadia.tap(`$="/account"`, "account", "À lire ensemble avant")
	nadia.write("#f-called", "Idris")
	nadia.fillsIn(ownPIN)
	nadia.press(`input[name="consent"]`)
	nadia.press(`input[name="agreed"]`)
	tn.stage.Clock.Advance(12 * time.Minute)
	nadia.press("main form button.main")
	nadia.look("refused", "Ce centre n’a pas de licence en cours : il ne peut pas ouvrir de nouveau compte. Tout le reste continue.")
	nadia.without(ownPassword, ownPIN)
	nadia.press(`main a[href="/"]`)
	nadia.waitFor("Mes centres")
	nadia.press(`main a.main[href^="/staff/relays/"]`)
	nadia.look("expired", "La licence a fini le 31 décembre 2026. Pas de nouveaux comptes ; tout le reste continue.", "Amina K.")
	nadia.without("/account", "Idris")

	nadia.goTo(tn.url + "/staff")
	nadia.waitFor("Mes centres")
	nadia.opensTheOnlyPerson("Amina K.")
	nadia.tap(`="/papers"`, "papers", "Attestation")
	nadia.goTo(tn.url + "/papers/add")
	nadia.photographs("Bail")
	amina.goTo(tn.url + "/papers")
	amina.look("goes-on", "Attestation", "Bail")
	manager.tap(`$="/team"`, "team", "La licence a fini le 31 décembre 2026.")
	manager.press(`form[action$="/invite"] button`)
	manager.look("invited", "Donnez-le à une seule personne.")
}

// aPhoneIsLost is story 12: a worker of a relay that follows signs it out.
func aPhoneIsLost(t *testing.T, w *window) {
	tn := newTown(t, w)
	amina, nadia := tn.amina(), tn.desk(tn.nadia, "nadia-lost")
	nadia.press(`main a.main[href^="/staff/relays/"]`)
	nadia.look("people", "Amina K.")
	nadia.tap(`*="/people/"`, "open", "Téléphone perdu : fermer partout")
	nadia.tap(`$="/stop-sessions"`, "stop", "Téléphone perdu", "Amina K.")
	nadia.write("#f-why", "téléphone volé à la gare")
	nadia.press("main form button.danger")
	nadia.look("stopped", "tous les appareils de cette personne sont fermés")

	amina.goTo(tn.url + "/papers")
	amina.look("signed-out", "Vous n’êtes plus connecté")
	amina.without("Attestation")
}
