package main

import (
	"archive/zip"
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// signIn opens the sample person's space.
func (s *surfing) signIn(r *running) {
	s.Helper()
	s.goTo(r.url)
	s.look("sign-in", "Entrer dans mon espace")
	s.write("#f-login", r.login)
	s.write("#f-password", r.secret)
	s.press("main button:not([type=button])")
	s.look("home", "Mon espace", "Prochains rendez-vous", "Rendez-vous CAF", "Bientôt plus valable")
}

// The story of one person from the first page to the last, in a real browser,
// with JavaScript on a desk and without it on the smallest phone.
func TestStoryInABrowser(t *testing.T) {
	t.Parallel()
	w := openWindow(t)
	for _, c := range []struct {
		name    string
		width   int64
		scripts bool
	}{{"phone-without-js", 320, false}, {"desk", 1024, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
			s := w.surf(t, c.name, c.width, c.scripts)
			s.signIn(r)
			s.addsAPaper(r)
			s.sharesIt()
			s.keepsContactsAndAppointments(r)
			s.looksAround(r)
			s.leavesWithEverything(r)
		})
	}
}

func (s *surfing) addsAPaper(r *running) {
	s.goTo(r.url + "/papers")
	s.look("papers", "Mes papiers", "Identité", "Santé")
	s.press(`main a[href="/papers/add"]`)
	s.look("add-paper", "Prendre une photo", "Choisir un fichier")
	s.photographs("Récépissé")
	s.look("paper", "Récépissé", "Privé")
	s.press(`a[href$="/file"]`)
	s.isThePhoto(s.downloaded("R*.jpg"))
	s.press(`a[href$="/show"]`)
	s.waitFor("Récépissé")
	require.Eventually(s, func() bool {
		width, err := chromedp.Run(s.ctx, chromedp.Evaluate[int](`document.querySelector("img.picture").naturalWidth`))
		return err == nil && width > 0
	}, 2*time.Minute, 50*time.Millisecond, "the picture is not shown")
	s.look("picture")
	s.press(".back a")
	s.waitFor("Détails")
}

func (s *surfing) sharesIt() {
	s.press(`a[href$="/visibility"]`)
	s.look("share", "personne d’autre ne le verra")
	s.press("main button:not([type=button])")
	s.look("shared", "Ceux que vous avez laissés entrer peuvent le voir maintenant.")
	s.press(`a[href$="/visibility"]`)
	s.waitFor("Ce sera privé à nouveau")
	s.press("main button:not([type=button])")
	s.look("private", "Il n’y a que vous qui pouvez le voir maintenant.")
}

func (s *surfing) keepsContactsAndAppointments(r *running) {
	s.goTo(r.url + "/contacts")
	s.look("contacts", "Nadia Specimen", "Ma sœur")
	s.press(`main a[href="/contacts/add"]`)
	s.write("#f-name", "Accueil de jour")
	s.write("#f-phones", "01 99 00 77 88")
	s.look("add-contact")
	s.press("main form button:not([type=button])")
	s.look("contact", "C’est enregistré.", "01 99 00 77 88")
	s.goTo(r.url + "/appointments")
	s.look("appointments", "Rendez-vous CAF", "Médecin")
	s.press(`main a[href="/appointments/add"]`)
	s.waitFor("Pour quoi ?")
	s.write("#f-subject", "Préfecture")
	s.do(chromedp.SetValue(chromedp.CSS("#f-date"), time.Now().AddDate(0, 0, 1).Format(time.DateOnly)),
		chromedp.SetValue(chromedp.CSS("#f-time"), "09:15"))
	s.look("add-appointment")
	s.press("main form button:not([type=button])")
	s.look("appointment", "C’est enregistré.", "Préfecture", "9 h 15")
}

func (s *surfing) looksAround(r *running) {
	for _, c := range []struct{ path, name, words string }{
		{"/", "home-again", "Préfecture"}, {"/space", "space", "Il reste"}, {"/journal", "journal", "Papier ouvert"},
		{"/sessions", "sessions", "Cet appareil"}, {"/password", "password", "Une idée"}, {"/bin", "bin", "La corbeille est vide"},
		{"/notes", "notes", "À demander mardi"}, {"/privacy", "privacy", "Comment mon espace est protégé"},
		{"/papers/aaaaaaaaaaaaaaaaaaaaaaaaaa", "problem", "Cela n’a pas marché"},
	} {
		s.goTo(r.url + c.path)
		s.look(c.name, c.words)
	}
	s.press(`.language`)
	s.press(`main button[lang=en]`)
	s.waitFor("That did not work")
	s.goTo(r.url)
	s.look("english", "My space", "Next appointments")
	s.press(`.language`)
	s.look("languages", "français", "English")
	s.press(`main button[lang=fr]`)
	s.waitFor("Mon espace")
}

func (s *surfing) leavesWithEverything(r *running) {
	s.goTo(r.url + "/take")
	s.look("take", "Tout emporter")
	s.press("main form button:not([type=button])")
	archive := s.downloaded("reconnect-*.zip")
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(s, err)
	require.Greater(s, len(z.File), 10)
	s.goTo(r.url + "/close")
	s.look("close", "Comment voulez-vous partir ?")
	s.press(`input[value="erase"]`)
	s.press(`input[name="sure"]`)
	s.write("#f-password", r.secret)
	s.press("main form button.danger")
	s.look("receipt", "Votre compte et tout ce qu’il contenait sont effacés.")
	s.press(`a[download="recu-reconnect.json"]`)
	receipt, err := vault.ParseReceipt(s.downloaded("recu-reconnect*.json"))
	require.NoError(s, err)
	require.Equal(s, vault.ActErased, receipt.Act)
	s.goTo(r.url)
	s.waitFor("Entrer dans mon espace")
}

func TestLeavingQuicklyInABrowser(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	s := browse(t, "leave", 600, true)
	s.signIn(r)
	s.goTo(r.url + "/papers")
	s.press(".quick button")
	s.look("news", "Météo", "Températures de saison")
	s.do(chromedp.NavigateBack())
	s.waitFor("Entrer dans mon espace") // nothing of the space is in the history
	require.NotContains(t, s.text(), "Prochains rendez-vous")
}

// Enlarged to 200 % a page of 1024 pixels is one of 512, with everything in reach.
func TestEveryPageFitsWhenEnlarged(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	s := browse(t, "zoom", 512, true)
	s.signIn(r)
	for _, path := range []string{"/", "/papers", "/papers/add", "/contacts", "/contacts/add", "/appointments", "/appointments/add", "/notes/add", "/space", "/journal", "/sessions", "/password", "/take", "/close", "/bin"} {
		for _, width := range []int64{phone, 512} {
			s.do(chromedp.EmulateViewport(width, 720))
			s.goTo(r.url + path)
			s.fits()
		}
	}
}
