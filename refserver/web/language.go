package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	accept "golang.org/x/text/language"
)

//go:embed messages/*.json
var messageFiles embed.FS

// languages are those of the pages, the first being the default.
var languageCodes = []string{"fr", "en"}

// language says everything of a page in one language.
type language struct {
	code  string
	texts map[string]string
	zone  *time.Location
}

func readMessages() (map[string]*language, error) {
	all := map[string]*language{}
	for _, code := range languageCodes {
		content, err := messageFiles.ReadFile("messages/" + code + ".json")
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		l := &language{code: code}
		if err := json.Unmarshal(content, &l.texts); err != nil {
			return nil, fmt.Errorf("web: messages in %s: %w", code, err)
		}
		all[code] = l
	}
	return all, nil
}

// t returns the sentence of a key, with what is to stand in it. A key that is
// missing shows itself; a test finds those.
func (l *language) t(key string, args ...any) string {
	text, ok := l.texts[key]
	if !ok {
		return "[" + key + "]"
	}
	if len(args) > 0 {
		return fmt.Sprintf(text, args...)
	}
	return text
}

func (l *language) has(key string) bool {
	_, ok := l.texts[key]
	return ok
}

// n returns the sentence for a number of things: key.one or key.many. French
// counts none as one, English does not.
func (l *language) n(key string, count int) string {
	if count == 1 || count == 0 && l.code == "fr" {
		return l.t(key+".one", count)
	}
	return l.t(key+".many", count)
}

// languageCookie remembers the language. It says nothing else about anybody.
const languageCookie = "language"

// preferred finds the language that a browser asks for; the first serves who
// asks for none of them.
var preferred = accept.NewMatcher([]accept.Tag{accept.French, accept.English})

// languageOf returns the language that was chosen or, before that, the one that
// the browser prefers.
func (p *pages) languageOf(r *http.Request) *language {
	if cookie, err := r.Cookie(languageCookie); err == nil && p.languages[cookie.Value] != nil {
		return p.languages[cookie.Value]
	}
	tag, _ := accept.MatchStrings(preferred, r.Header.Get("Accept-Language"))
	base, _ := tag.Base()
	if l := p.languages[base.String()]; l != nil {
		return l
	}
	return p.languages[languageCodes[0]]
}

func (p *pages) chooseLanguage(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	if l := p.languages[f.Get("language")]; l != nil {
		http.SetCookie(v.w, &http.Cookie{
			Name: languageCookie, Value: l.code, Path: "/", MaxAge: 365 * 24 * 3600,
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
