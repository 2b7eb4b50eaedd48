package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	words "reconnect.example/refserver/language"
)

// language says everything of a page in one language, in the zone of the server.
type language struct {
	*words.Language
	zone *time.Location
}

func (l *language) t(key string, args ...any) string { return l.T(key, args...) }

func (l *language) n(key string, count int) string { return l.N(key, count) }

// languageCookie remembers the language. It says nothing else about anybody.
const languageCookie = "language"

// languageOf returns the language that was chosen or, before that, the one that
// the browser prefers.
func (p *pages) languageOf(r *http.Request) *language {
	if cookie, err := r.Cookie(languageCookie); err == nil && p.languages[cookie.Value] != nil {
		return p.languages[cookie.Value]
	}
	return p.languages[p.chooser.Choose(r.Header.Get("Accept-Language"))]
}

// languagesView is the page on which one chooses.
type languagesView struct {
	Here       string
	Offered    []*words.Language
	Unreviewed bool // some were not read by anybody whose language it is
}

func (p *pages) languageForm(v *visit) error {
	view := languagesView{Here: localPath(v.r.URL.Query().Get("here"))}
	for _, code := range p.Languages {
		l := p.languages[code].Language
		view.Offered = append(view.Offered, l)
		view.Unreviewed = view.Unreviewed || !l.Reviewed
	}
	return v.show("language", view)
}

func (p *pages) chooseLanguage(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if l := p.languages[f.Get("language")]; l != nil {
		http.SetCookie(v.w, &http.Cookie{
			Name: languageCookie, Value: f.Get("language"), Path: "/", MaxAge: 365 * 24 * 3600,
			Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		})
	}
	return v.goTo(localPath(f.Get("here")), "")
}

// localPath returns a path of this server: an address that leads elsewhere, as
// in a forged form, becomes the first page.
func localPath(here string) string {
	u, err := url.Parse(here)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(here, "/") ||
		strings.HasPrefix(here, "//") || strings.ContainsAny(here, "\\\r\n\t") {
		return "/"
	}
	return here
}
