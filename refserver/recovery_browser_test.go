package main

import (
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/testkeys"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
)

// Stories of people who come back without their password, each in browsers of their own.
func TestStoriesOfComingBackInABrowser(t *testing.T) {
	t.Parallel()
	w := openWindow(t)
	for name, story := range map[string]func(*testing.T, *window){
		"questions, at a centre, on the worker's own device": questionsAtACentre,
		"a sheet, by phone":                     aSheetByPhone,
		"nothing left: four people, and a wait": nothingLeft,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, w)
		})
	}
}

// helped is a server with a relay, and a desk of another organisation, whose clock stands
// still until it is told to move.
type helped struct {
	*town
	*recoverytest.Stage
}

func newHelped(t *testing.T, w *window) *helped {
	t.Helper()
	testkeys.UseCheapKDF()
	stage := recoverytest.New(t, nil)
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	line, err := stage.Directory.Relay(t.Context(), stage.Line.ID)
	require.NoError(t, err)
	line.Contact = "01 99 00 00 00"
	stage.Sign(t, consent.Change{Relay: &line})
	pages, err := web.New(web.Config{
		Address: "https://espace.example.org",
		Vaults:  stage.Stage.Vaults, Staff: stage.Service, Directory: stage.Directory, Recovery: stage.Recovery, Zone: paris, Now: stage.Clock.Now,
		Limits: session.NewLimits(session.LimitsConfig{SignInsPerMinute: 1000, StaffPerMinute: 1000, RequestsPerSecond: 1000}), // the clock stands still
	})
	require.NoError(t, err)
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)
	return &helped{&town{T: t, stage: stage.Stage, window: w, url: server.URL}, stage}
}

// person is Amina on the smallest phone, without JavaScript, with a private paper.
func (h *helped) person(name string) *surfing {
	h.town.Helper()
	s := h.window.surf(h.T, name, phone, false)
	s.entersWith(h.town, h.Amina.Login, h.Amina.Password)
	s.goTo(h.url + "/papers/add")
	s.waitFor("Prendre une photo")
	s.photographs("Lettre de ma mère")
	return s
}

// staff signs somebody in who works for the relay or the desk.
func (h *helped) staff(s *surfing, w *consenttest.Staff) {
	s.Helper()
	s.goTo(h.url + "/staff/sign-in")
	s.waitFor("Je travaille pour un centre")
	s.write("#f-login", w.Login)
	s.write("#f-password", w.Password)
	s.press("main button:not([type=button])")
	s.waitFor("Mes centres")
	s.press(`main a.main[href^="/staff/relays/"]`)
}

// words are the large words of a page: what is to be noted.
func (s *surfing) words(n int) string {
	s.Helper()
	text, err := chromedp.Run(s.ctx, chromedp.Evaluate[string](`document.querySelectorAll("p.words")[`+strconv.Itoa(n)+`].textContent`))
	require.NoError(s, err)
	return text
}

// canSee reports whether what a selector finds can be seen.
func (s *surfing) canSee(selector string) bool {
	s.Helper()
	seen, err := chromedp.Run(s.ctx, chromedp.Evaluate[bool](`document.querySelector(`+strconv.Quote(selector)+`).checkVisibility()`))
	require.NoError(s, err)
	return seen
}

// opensRequest opens a request by a way of the page, and returns the slip.
func (s *surfing) opensRequest(way string) (number, code string) {
	s.Helper()
	s.look("help", "Aider à revenir", way)
	at, err := chromedp.Run(s.ctx, chromedp.Evaluate[int](`[...document.querySelectorAll("fieldset.choice label")].findIndex(l => l.textContent.includes(`+strconv.Quote(way)+`))`))
	require.NoError(s, err)
	s.press(`fieldset.choice label:nth-of-type(` + strconv.Itoa(at+1) + `) input`)
	s.write("#f-recognised", "vient ici depuis un an")
	s.press("main form button.main")
	s.look("slip", "Pour cette personne seule", "Ne gardez ni copie ni photo", "Jamais")
	return s.words(0), s.words(1)
}

// entersCode types number and code on the page of the hand-over.
func (s *surfing) entersCode(url, number, code, desk string) {
	s.Helper()
	s.goTo(url + "/back")
	s.look("back", "Revenir dans mon espace")
	s.write("#f-number", number)
	s.write("#f-handcode", code)
	if desk != "" {
		s.press("details summary")
		s.write("#f-deskcode", desk)
	}
	s.press("main form button.main")
}

func (s *surfing) choosesPassword() {
	s.Helper()
	s.chooses()
	s.look("returned", "Vous êtes de retour", "Faire une nouvelle carte")
}

// agrees ticks what every way back in asks, and shows the password.
func (s *surfing) agrees(h *helped) {
	s.Helper()
	s.press(`input[name="agreed"]`)
	s.write("#f-password", h.Amina.Password)
	s.press("main form button.main")
}

// Story 4: the answers bring back what is shared; what is private stays locked, and the
// worker has seen nothing of it.
func questionsAtACentre(t *testing.T, w *window) {
	h := newHelped(t, w)
	amina := h.person("questions")
	amina.goTo(h.url + "/ways")
	amina.look("ways", "Mes moyens de revenir", "Rien ne peut être fait : tout est perdu.")
	amina.tap(`="/ways/questions"`, "choose", "Des questions proposées")
	for i := range 3 {
		amina.press(`fieldset label:nth-of-type(` + strconv.Itoa(i+1) + `) input[name="question"]`)
	}
	amina.press("main form button.main")
	amina.look("answer", "Répondre à mes questions", "Ce qui est privé revient aussi")
	given := []string{"Biscotte la tortue", "Petit ouragan", "Youssouf Diabaté"}
	for i, a := range given {
		amina.write("#f-answer"+strconv.Itoa(i), a)
	}
	amina.agrees(h)
	amina.look("made", "C’est prêt", "il n’a que vingt essais")
	amina.without(given...)

	desk := w.surf(t, "centre", 1024, true)
	h.staff(desk, h.Samir)
	desk.tap(`*="/people/"`, "person", "Aider à revenir")
	desk.press(`a[href$="/help"]`)
	number, code := desk.opensRequest("Questions, avec un centre")
	desk.press(`form[action="/staff/lock"] button`)
	desk.look("locked", "La session du centre est verrouillée.")
	desk.entersCode(h.url, number, code, "")
	desk.look("alone", "Cette page n’est que pour vous", "Le privé reste fermé")
	for i, a := range []string{"biscotte, LA TORTUE", "petit ouragan", "youssouf diabate"} {
		desk.write("#f-answer"+strconv.Itoa(i), a)
	}
	desk.choosesPassword()
	desk.waitFor("fermée") // counted, and named
	desk.without("Lettre de ma mère")
	desk.press(`.bottom button`)
	desk.look("left", "Vous êtes déconnecté.", "Reprendre ma session")
	desk.press(`a[href="/staff/unlock"]`)
	desk.look("unlock", "Reprendre ma session", "Me déconnecter")
	desk.write("#f-password", h.Samir.Password)
	desk.press("main form button.main")
	desk.look("unlocked", "Votre session est de nouveau ouverte.", "Samir")
	desk.without("Lettre de ma mère", recoverytest.NewPassword, given[0])

	amina.goTo(h.url + "/papers")
	amina.waitFor("Entrer dans mon espace") // every session of before is over
	amina.entersWith(h.town, h.Amina.Login, recoverytest.NewPassword)
	amina.look("home", "Vous êtes revenu avec de l’aide", "Samir, Harbour")
	amina.tap(`="/locked"`, "locked", "Ce qui est fermé")
	amina.write("#f-former", h.Amina.Password)
	amina.write("#f-today", recoverytest.NewPassword)
	amina.press(`form[action="/locked"] button`)
	amina.look("unlocked", "Tout est revenu.")
	amina.tap(`="/papers"`, "papers", "Lettre de ma mère")
}

// Story 5: far from any centre that follows her, with the sheet in her hand and an agent
// on the phone.
func aSheetByPhone(t *testing.T, w *window) {
	h := newHelped(t, w)
	amina := h.person("sheet")
	amina.goTo(h.url + "/ways/sheet")
	amina.look("make", "Faire une feuille de secours", "Line")
	amina.agrees(h)
	amina.look("sheet", "Feuille de secours", "Le même code en mots", "Appelez Line", "01 99 00 00 00", "espace.example.org/back")
	login, sheet := amina.words(0), amina.words(2) // she will read the words
	amina.press(`form[action="/ways/printed"] button`)
	amina.look("ways", "votre feuille est prête", "Par téléphone", "Line")
	amina.without(sheet)
	amina.tap(`="/ways/receipts"`, "receipts", "Vous avez accepté", "Feuille de secours, par téléphone")

	lina := w.surf(t, "desk", 1024, true)
	h.staff(lina, h.Lina)
	lina.look("desk", "Quelqu’un appelle", "Aucune demande n’attend.")
	lina.write("#f-login", login)
	lina.press("main form button.main")
	number, code := lina.opensRequest("Feuille de secours, par téléphone")
	lina.without("Amina", "Lettre")

	other := w.surf(t, "elsewhere", phone, false)
	other.entersCode(h.url, number, code, "")
	other.look("alone", "Code de votre feuille de secours", "Ce qui est privé revient aussi.")
	other.write("#f-sheet", sheet)
	other.choosesPassword()
	other.goTo(h.url + "/papers")
	other.look("papers", "Lettre de ma mère", "Privé")
	other.goTo(h.url + "/journal")
	other.look("journal", "Lina, Line", "A ouvert une demande pour vous aider à revenir", "vient ici depuis un an")
	amina.goTo(h.url)
	amina.waitFor("Entrer dans mon espace")
}

// Story 6: nothing is left. Two people of the relay and two of the desk agree; the person
// stops it once, because she has not asked; the second time it goes through.
func nothingLeft(t *testing.T, w *window) {
	h := newHelped(t, w)
	amina := h.person("nothing")
	amina.goTo(h.url + "/ways/helpers")
	amina.look("read", "Revenir sans rien", "Le risque")
	amina.press(`input[name="understood"]`)
	amina.press(`input[name="private"]`)
	amina.agrees(h)
	amina.look("made", "C’est prêt")

	samir, lina := w.surf(t, "relay", 1024, true), w.surf(t, "agent", 1024, true)
	begin := func() (number, code, part string) {
		h.staff(samir, h.Samir)
		samir.tap(`*="/people/"`, "person", "Aider à revenir")
		samir.press(`a[href$="/help"]`)
		samir.waitFor("qui est demandé de l’autre côté")
		require.False(t, samir.canSee(".ask"), "no way is chosen yet that takes a desk")
		samir.press("input.both")
		require.True(t, samir.canSee(".ask"))
		samir.look("asking", "Aider à revenir")
		samir.do(chromedp.SetValue(chromedp.CSS("#f-ask"), h.Line.ID.String()))
		number, code = samir.opensRequest("Sans rien")
		h.staff(lina, h.Lina)
		lina.tap(`*="/help/"`, "request", "Donner notre part")
		lina.press(`form[action$="/give"] button`)
		lina.look("part", "À dire à la personne seule")
		part = lina.words(0)
		for _, one := range []struct {
			s *surfing
			w *consenttest.Staff
		}{{lina, h.Omar}, {samir, h.Rosa}} { // another of each side, at the same desk
			one.s.press(`.bottom button`)
			one.s.waitFor("Vous êtes déconnecté.")
			h.staff(one.s, one.w)
			if one.w == h.Rosa {
				one.s.press(`a[href*="/people/"]`)
				one.s.waitFor("Aider à revenir")
				one.s.press(`a[href$="/help"]`)
				one.s.waitFor("Les demandes")
			}
			one.s.press(`a[href*="/help/"]`)
			one.s.waitFor("Je suis d’accord")
			one.s.write(`form[action$="/agree"] input`, "la voix et le visage")
			one.s.press(`form[action$="/agree"] button`)
			one.s.look("agreed", "Votre accord est noté.")
		}
		return number, code, part
	}
	number, code, part := begin()
	back := w.surf(t, "back", phone, false)
	back.entersCode(h.url, number, code, part)
	back.look("wait", "Il faut encore attendre", "Encore 7 jours")
	amina.goTo(h.url)
	amina.look("asked", "Quelqu’un a demandé à entrer dans votre espace", "personne ne pourra entrer avec elle")
	amina.press(`form[action^="/ways/requests/"] button`)
	amina.look("stopped", "La demande est arrêtée.")
	h.Stage.Clock.Advance(8 * 24 * time.Hour)
	back.entersCode(h.url, number, code, part)
	back.waitFor("n’est pas le bon")

	number, code, part = begin()
	h.Stage.Clock.Advance(7*24*time.Hour - time.Second)
	back.entersCode(h.url, number, code, part)
	back.look("nearly", "Il faut encore attendre", "Revenez le")
	h.Stage.Clock.Advance(time.Minute)
	back.look("ready", "C’est le moment") // the page has looked by itself, without JavaScript
	back.entersCode(h.url, number, code, part)
	back.look("alone", "le privé plus tard")
	back.choosesPassword()
	back.waitFor("Elles reviennent aussi sans l’ancien secret")
	h.Stage.Clock.Advance(24 * 24 * time.Hour)
	back.entersWith(h.town, h.Amina.Login, recoverytest.NewPassword)
	back.look("later", "Cela peut aussi revenir maintenant")
	back.tap(`="/locked"`, "over", "Le temps d’attente est passé")
	back.write("#f-password", recoverytest.NewPassword)
	back.press(`form[action="/locked/pending"] button`)
	back.look("whole", "Tout est revenu.")
	back.tap(`="/papers"`, "papers", "Lettre de ma mère")
}
