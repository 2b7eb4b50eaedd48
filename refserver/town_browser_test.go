package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/testkeys"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/refserver/api"
	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
	"reconnect.example/vault"
)

// pass is one way through the stories: the language of everybody, and what they have
// before them.
type pass struct {
	name, lang    string
	person, staff device
}

// frenchOnPhones is without JavaScript for persons: every page works without it.
var (
	frenchOnPhones = pass{"French on phones", "fr", oldPhone, newPhone}
	arabicOnDesks  = pass{"Arabic on desks", "ar", aDesk, aDesk}
)

// inArabic is what people write themselves, as who writes Arabic does.
var inArabic = map[string]string{
	"Idris": "إدريس", "Récépissé": "وصل الإيداع", "Ordonnance": "وصفة طبية", "Carte de séjour": "بطاقة الإقامة",
	"Journal intime": "مذكراتي", "Attestation": "شهادة السكن", "Bail": "عقد الإيجار", "Lettre de ma mère": "رسالة أمي",
	"demande de logement": "طلب سكن", "vient ici depuis un an": "تأتي إلى هنا منذ سنة", "la voix et le visage": "الصوت والوجه",
	"téléphone volé à la gare": "سُرق الهاتف في المحطة", "pour tous mes papiers": "لكل أوراقي",
	"Biscotte la tortue": "السلحفاة بسكوت", "Petit ouragan": "عاصفة صغيرة", "Youssouf Diabaté": "يوسف ديابتي",
}

// town is a server with a centre, a phone desk of another organisation and Amina, whom
// the centre follows. Its clock stands still until it is told to move. Workers have a
// second factor, as in life.
type town struct {
	*testing.T
	*recoverytest.Stage
	pass
	window *window
	url    string
}

func newTown(t *testing.T, w *window, p pass) *town {
	t.Helper()
	return newTownSending(t, w, p, nil)
}

// newTownSending is one where something else than lists carries messages to people.
func newTownSending(t *testing.T, w *window, p pass, by vault.Messenger) *town {
	t.Helper()
	testkeys.UseCheapKDF()
	opts := &recoverytest.Options{Consent: consenttest.Options{SecondFactor: true}}
	opts.Consent.Vault.Messenger = by
	stage := recoverytest.New(t, opts)
	tn := &town{T: t, Stage: stage, pass: p, window: w}
	tn.names(stage.Harbour, "Accueil du Port", "")
	tn.names(stage.Line, "Écoute Solidaire", "01 99 00 00 00")
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	limits := session.NewLimits(session.LimitsConfig{SignInsPerMinute: 1000, StaffPerMinute: 1000, RequestsPerSecond: 1000}) // the clock stands still
	pages, err := web.New(web.Config{
		Address: "https://espace.example.org",
		Vaults:  stage.Stage.Vaults, Staff: stage.Service, Directory: stage.Directory, Recovery: stage.Recovery, Zone: paris, Now: stage.Clock.Now,
		Limits: limits,
	})
	require.NoError(t, err)
	programs, err := api.New(api.Config{Vaults: stage.Stage.Vaults, Staff: stage.Service, Directory: stage.Directory, Recovery: stage.Recovery, Limits: limits})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle(api.Path+"/", programs)
	mux.Handle("/", pages)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	tn.url = server.URL
	return tn
}

// names has the authority sign what a centre is called and how it is reached.
func (tn *town) names(r *consenttest.Relay, name, contact string) {
	tn.Helper()
	entry, err := tn.Directory.Relay(tn.Context(), r.ID)
	require.NoError(tn, err)
	entry.Name, entry.Contact = name, contact
	tn.Sign(tn, consent.Change{Relay: &entry})
	r.Relay = entry
}

// licensed has the authority sign a licence for the year of the stage.
func (tn *town) licensed() {
	tn.Helper()
	tn.Sign(tn, consent.Change{Licence: &consent.Licence{Relay: tn.Harbour.ID, Number: "L-1", From: "2026-01-01", To: "2026-12-31", Currency: "EUR"}})
}

// writes is how people here write something.
func (tn *town) writes(french string) string {
	tn.Helper()
	if tn.lang == "fr" {
		return french
	}
	require.Contains(tn, inArabic, french)
	return inArabic[french]
}

// someone sits down before their own device.
func (tn *town) someone(name string) *surfer { return tn.window.surf(tn.T, name, tn.person, tn.lang) }

// aWorker sits down before the device of a centre.
func (tn *town) aWorker(name string) *surfer { return tn.window.surf(tn.T, name, tn.staff, tn.lang) }

// amina is signed in.
func (tn *town) amina(name string) *surfer {
	tn.Helper()
	s := tn.someone(name)
	s.enters(tn.url, tn.Amina.Login, tn.Amina.Password)
	return s
}

// atWork is a worker who is signed in.
func (tn *town) atWork(w *consenttest.Staff, name string) *surfer {
	tn.Helper()
	s := tn.aWorker(name)
	tn.comesToWork(s, w)
	return s
}

// comesToWork signs a worker in where nobody is.
func (tn *town) comesToWork(s *surfer, w *consenttest.Staff) {
	s.Helper()
	s.goTo(tn.url + "/staff/sign-in")
	s.look("staff-sign-in", "staff.sign-in")
	s.write("#f-login", w.Login)
	s.write("#f-password", w.Password)
	s.write("#f-factor", w.Code())
	s.press("main form button:not([type=button])")
	s.look("staff", "staff.title", w.Name())
}

// atTheirCentre goes from the first page of a worker to that of the only centre.
func (s *surfer) atTheirCentre() {
	s.Helper()
	s.press(`main a[href^="/staff/relays/"]`)
}

// enters signs a person in with the password.
func (s *surfer) enters(url, login, password string) {
	s.Helper()
	s.goTo(url + "/sign-in")
	s.look("sign-in", "sign-in.title")
	s.write("#f-login", login)
	s.write("#f-password", password)
	s.press(`form[action="/sign-in"] button:not([type=button])`)
	s.look("home", "layout.sign-out", "home.title")
}

// entersWithCard signs a person in with the access card.
func (s *surfer) entersWithCard(url, card string) {
	s.Helper()
	s.goTo(url)
	s.waitFor("sign-in.title")
	s.tap(`="/sign-in/card"`, "sign-in-card", "card.sign-in")
	s.write("#f-card", card)
	s.write("#f-pin", ownPIN)
	s.press(`form:has(#f-card) button:not([type=button])`)
	s.look("home", "layout.sign-out", "home.title")
}

// leavesQuietly signs whoever is there out.
func (s *surfer) leavesQuietly() {
	s.Helper()
	s.leavesBy(`.bottom form[action="/leave"] button`)
	s.look("left", "done.left")
}

// leavesBy presses what leads elsewhere, and once more where the page shows something once
// and asks.
func (s *surfer) leavesBy(selector string) {
	s.Helper()
	last := evaluated[string](s, `document.querySelector("[data-last]")?.getAttribute("data-last") ?? ""`)
	s.press(selector)
	if last != "" && s.device.scripts {
		s.waits(last)
		s.press(selector)
	}
}

// opensTheOnlyPerson opens somebody whom the centre follows, for housing.
func (s *surfer) opensTheOnlyPerson(name, why string) {
	s.Helper()
	s.atTheirCentre()
	s.look("people", "people.title", name)
	s.tap(`*="/people/"`, "open", "open.why")
	s.opensFor("housing", why)
	s.look("space", "guest.in", name, "purpose.housing", why)
}

// opensFor says why somebody is opened.
func (s *surfer) opensFor(purpose, why string) {
	s.Helper()
	s.press(`input[name="purpose"][value="` + purpose + `"]`)
	s.write("#f-why", why)
	s.press(`main form:has(input[name="purpose"]) button:not([type=button])`)
}

// tap follows a link.
func (s *surfer) tap(link, name string, says ...string) {
	s.Helper()
	s.press(`a[href` + link + `]`)
	s.look(name, says...)
}

// without fails if something stands anywhere on the page, or in what it is made of.
func (s *surfer) without(words ...string) {
	s.Helper()
	var source string
	require.Eventually(s, func() bool { // a page that is just coming has none
		source = s.source()
		return source != ""
	}, time.Minute, 50*time.Millisecond)
	for _, w := range words {
		for _, part := range s.parts(w) {
			require.NotContains(s, source, part)
		}
	}
}

// words are the large words of a page: what is to be noted.
func (s *surfer) words() []string {
	s.Helper()
	texts, err := chromedp.Run(s.ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll(".words")].map(w => w.textContent.trim())`))
	require.NoError(s, err)
	return texts
}

// missing fails if something can be found on the page.
func (s *surfer) missing(selector string) {
	s.Helper()
	require.False(s, evaluated[bool](s, `document.querySelector(`+quoted(selector)+`) !== null`), selector)
}

// canSee reports whether what a selector finds can be seen.
func (s *surfer) canSee(selector string) bool {
	s.Helper()
	return evaluated[bool](s, `document.querySelector(`+quoted(selector)+`).checkVisibility()`)
}

// fills writes over whatever a field that is no text holds.
func (s *surfer) fills(selector, value string) {
	s.Helper()
	s.do(chromedp.SetValue(chromedp.CSS(selector), value))
}
