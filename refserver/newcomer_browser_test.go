package main

import (
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/recovery/recoverytest"
)

// Whoever has nothing but what the sample prints can follow each story of who forgot the
// password: whatever lies under the server, and wherever its witness runs.
func TestANewcomerFollowsWhatTheSamplePrints(t *testing.T) {
	t.Parallel()
	w := openWindow(t)
	for name, story := range map[string]func(*testing.T, *window){
		"SQLite, a witness inside: answers, on the worker's own device": answersAsPrinted,
		"SQLite, a witness beside: a lost phone, then a sheet by phone": aSheetAsPrinted,
		"PostgreSQL, a witness elsewhere: with nothing, but it was not": nothingAsPrinted,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, w)
		})
	}
}

// newcomer has started the sample, and reads what it printed.
type newcomer struct {
	*testing.T
	*running
	window *window
}

func startSample(t *testing.T, w *window, more ...string) *newcomer {
	t.Helper()
	return &newcomer{t, start(t, filepath.Join(shortDir(t), "data"), append([]string{"--demo", "--sign-ins-per-minute", "1000", "--staff-per-minute", "1000"}, more...)...), w}
}

// printed is what stands after some words in what was printed.
func (n *newcomer) printed(before, pattern string) string {
	n.Helper()
	text := n.out.String()
	value := found(regexp.MustCompile(regexp.QuoteMeta(before)+pattern), text)
	require.NotEmpty(n, value, "%s: %s", before, text)
	return value
}

// surf seats somebody who reads French.
func (n *newcomer) surf(name string, on device) *surfer { return n.window.surf(n.T, name, on, "fr") }

// camille is the sample person on the smallest phone, without JavaScript.
func (n *newcomer) camille(name string) *surfer {
	n.Helper()
	s := n.surf(name, oldPhone)
	s.signIn(n.running)
	return s
}

func (n *newcomer) enters(s *surfer, password string) {
	s.Helper()
	s.goTo(n.url + "/sign-in")
	s.write("#f-login", n.login)
	s.write("#f-password", password)
	s.press("main button:not([type=button])")
	s.waitFor("Mon espace")
}

// staff signs one in who works for the sample relays, in a window where nobody is.
func (n *newcomer) staff(s *surfer, name string) {
	s.Helper()
	s.goTo(n.url + "/staff/sign-in")
	s.waitFor("Je travaille pour un centre")
	s.write("#f-login", n.printed(name+", who ", `[^\n]*\n +Login +([0-9 ]+)\n`))
	s.write("#f-password", n.password(name))
	s.press("main button:not([type=button])")
	s.waitFor("Mes centres")
	s.press(`main a.main[href^="/staff/relays/"]`)
}

func (n *newcomer) password(name string) string {
	n.Helper()
	return n.printed(name+", who ", `[^\n]*\n[^\n]*\n +Password +([a-z ]+)\n`)
}

// Story 4, with what a worker tries who would rather do it themselves (F12).
func answersAsPrinted(t *testing.T, w *window) {
	n := startSample(t, w)
	lost, nadia := n.camille("story4-phone"), n.surf("story4-centre", aDesk)
	n.staff(nadia, "Nadia Specimen")
	nadia.helps()
	number, code := nadia.opensRequest("way.answers-relay", "vient ici depuis un an")
	nadia.goTo(n.url + "/back")
	nadia.look("not-yet", "Verrouillez d’abord cette session")
	nadia.missing("#f-number")
	nadia.leavesBy(`form[action="/staff/lock"] button`)
	nadia.look("locked", "La session du centre est verrouillée.")
	nadia.without("Nadia", "Camille", number, code)
	nadia.tap(`="/staff/unlock"`, "given-up", "Reprendre ma session")

	// Locked is locked: nothing of the worker's is on this device until their password is.
	for _, path := range []string{"/staff", "/staff/relays", "/papers", "/journal"} {
		nadia.goTo(n.url + path)
		nadia.without("Camille", "Accueil de jour", "Mes centres")
	}
	nadia.goesBack()
	nadia.without(code)
	nadia.goTo(n.url + "/staff/unlock")
	nadia.write("#f-password", n.password("Louise Modèle"))
	nadia.press("main form button.main")
	nadia.look("another", "Reprendre ma session")
	nadia.without("Camille", "Accueil de jour", "Mes centres")

	// The worker takes the device back in the middle: what the person had opened is over.
	nadia.entersCode(n.url, number, code, "")
	nadia.look("alone", "Cette page n’est que pour vous", "Comment s’appelait le chien du camping ?")
	nadia.goTo(n.url + "/staff/unlock")
	nadia.write("#f-password", n.password("Nadia Specimen"))
	nadia.press("main form button.main")
	nadia.waitFor("Votre session est de nouveau ouverte.")
	nadia.goTo(n.url + "/back/new")
	nadia.without("chien du camping")
	nadia.goTo(n.url + "/back")
	nadia.waitFor("Verrouillez d’abord cette session")
	nadia.leavesBy(`form[action="/staff/lock"] button`)
	nadia.waitFor("La session du centre est verrouillée.")

	// The person alone, after a slip of memory.
	nadia.entersCode(n.url, number, code, "")
	nadia.answers("Médor", "Boutons et rubans", "La rivière endormie")
	nadia.chooses()
	nadia.look("slip-of-memory", "Presque arrivé", "chien du camping")
	nadia.without("Médor", recoverytest.NewPassword)
	nadia.answers("moustache gris", "BOUTONS et rubans", "la riviere endormie")
	nadia.choosesPassword()
	nadia.look("back", "étaient privées sont fermées", n.login)
	nadia.goTo(n.url + "/papers")
	nadia.waitFor("Mes papiers")
	nadia.goTo(n.url + "/staff/unlock") // the person forgot to sign out
	nadia.write("#f-password", n.password("Nadia Specimen"))
	nadia.press("main form button.main")
	nadia.look("unlocked", "Votre session est de nouveau ouverte.", "Nadia Specimen")
	nadia.goTo(n.url + "/papers")
	nadia.without("Carte d’identité", "Ordonnance", recoverytest.NewPassword)
	nadia.goesBack()
	nadia.without(recoverytest.NewPassword)

	lost.goTo(n.url + "/papers")
	lost.look("out", "Entrer dans mon espace")
	n.enters(lost, recoverytest.NewPassword)
	lost.look("home", "Vous êtes revenu avec de l’aide", "Nadia Specimen, Accueil de jour Exemple", "Ce qu’il faut refaire")
	lost.goTo(n.url + "/ways")
	lost.look("anew", "Mes moyens de revenir")
	lost.goTo(n.url + "/papers")
	lost.waitFor("Santé 1 papier")
	lost.goTo(n.url + "/locked")
	lost.write("#f-former", n.secret)
	lost.write("#f-today", recoverytest.NewPassword)
	lost.press(`form[action="/locked"] button`)
	lost.look("whole", "Tout est revenu.")
	lost.goTo(n.url + "/papers")
	lost.waitFor("Santé 2 papiers")

	// The worker sees what was shared, as before, for a reason, and nothing else.
	nadia.goTo(n.url + "/staff")
	nadia.waitFor("Mes centres")
	nadia.opensTheOnlyPerson("Camille Exemple", "demande de logement")
	nadia.goTo(n.url + "/papers")
	nadia.look("gained-nothing", "Santé 1 papier")
}

// Stories 12 and 5: the desk signs a lost phone out, and then helps with the sheet.
func aSheetAsPrinted(t *testing.T, w *window) {
	n := startSample(t, w, "--demo-witness")
	lost, karim := n.camille("story5-phone"), n.surf("story5-desk", aDesk)
	n.staff(karim, "Karim Standard")
	karim.finds(n.login)
	karim.tap(`$="/stop-sessions"`, "stop", "Téléphone perdu : fermer partout")
	karim.without("Camille")
	karim.write("#f-why", "téléphone volé à la gare")
	karim.press("main form button.danger")
	karim.look("stopped", "tous les appareils de cette personne sont fermés", "Aider à revenir")
	lost.goTo(n.url + "/papers")
	lost.look("out", "Vous n’êtes plus connecté")
	lost.without("Carte d’identité")
	n.enters(lost, n.secret)
	lost.goTo(n.url + "/journal")
	lost.look("journal", "Karim Standard, Permanence Exemple", "téléphone volé à la gare")

	number, code := karim.opensRequest("way.sheet-desk", "vient ici depuis un an")
	karim.without("Camille")
	away := n.surf("story5-elsewhere", oldPhone)
	away.entersCode(n.url, number, code, "")
	away.look("alone", "Code de votre feuille de secours", "Ce qui est privé revient aussi.")
	away.write("#f-sheet", n.printed("Sheet ", ` +([0-9 ]+)\n`))
	away.choosesPassword()
	away.goTo(n.url + "/papers")
	away.look("papers", "Santé 2 papiers")
	lost.goTo(n.url + "/papers")
	lost.waitFor("Entrer dans mon espace")
	karim.goTo(n.url + "/staff")
	karim.waitFor("Mes centres")
	karim.press(`main a.main[href^="/staff/relays/"]`)
	karim.finds(n.login)
	karim.look("after", "Cette personne n’a préparé aucun moyen") // until there are new ones
	karim.without("Camille", "Ordonnance")
}

// Story 6, up to the wait, which no newcomer can pass: four people agree, and the person,
// who did not ask, only has to sign in.
func nothingAsPrinted(t *testing.T, w *window) {
	folder := shortDir(t)
	flags, _ := aWitness(t, folder)
	n := startSample(t, w, append(flags, "--records", testservices.Postgres(t), "--alone")...)
	centre, desk := n.surf("story6-centre", aDesk), n.surf("story6-desk", aDesk)
	n.staff(centre, "Nadia Specimen")
	centre.helps()
	centre.press("input.both")
	centre.waitFor("qui est demandé de l’autre côté")
	choice, err := chromedp.Run(centre.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("#f-ask option")].find(o => o.textContent.includes("Permanence Exemple")).value`))
	require.NoError(t, err)
	centre.do(chromedp.SetValue(chromedp.CSS("#f-ask"), choice))
	number, code := centre.opensRequest("way.helpers", "vient ici depuis un an")
	n.staff(desk, "Karim Standard")
	desk.press(`a[href*="/help/"]`)
	desk.waitFor("Donner notre part")
	desk.press(`form[action$="/give"] button`)
	desk.look("part", "À dire à la personne seule")
	part := desk.words()[0]
	desk.leavesQuietly()
	n.staff(desk, "Inès Standard")
	desk.agreesToTheOnlyRequest("la voix et le visage")
	centre.leavesQuietly()
	n.staff(centre, "Louise Modèle")
	centre.helps()
	centre.waitFor("Les demandes")
	centre.agreesToTheOnlyRequest("la voix et le visage")
	centre.without(code, part)

	back := n.surf("story6-back", oldPhone)
	back.entersCode(n.url, number, code, part)
	back.look("wait", "Il faut encore attendre", "Encore 7 jours")
	back.without("Il manque encore", "Camille")

	camille := n.camille("story6-camille")
	camille.look("told", "Quelqu’un a demandé à entrer dans votre espace", "La demande est arrêtée", "Nadia Specimen")
	back.entersCode(n.url, number, code, part)
	back.look("dead", "Cette demande est terminée.")
	desk.goTo(n.url + "/staff")
	desk.waitFor("Mes centres")
	desk.press(`main a.main[href^="/staff/relays/"]`)
	desk.look("over", "Aucune demande n’attend.")
}

// answers are typed in the order of the questions.
func (s *surfer) answers(all ...string) {
	s.Helper()
	for i, a := range all {
		s.write("#f-answer"+strconv.Itoa(i), a)
	}
}
