package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	words "reconnect.example/refserver/language"
	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
)

//go:embed templates/*.html
var templateFiles embed.FS

// page is what the layout needs besides the data of the page.
type page struct {
	Language  *words.Language
	SignedIn  bool
	Here      string     // path and query of this page, to come back after a change of language
	Done      string     // sentence about what was just done
	Refused   string     // or why it was not
	Closing   bool       // the account is closed: nothing can be added
	Relays    bool       // there are relays on this server
	Recovery  bool       // people are helped back in
	Reminders bool       // people can be reminded
	Moving    bool       // people can move to and from other servers
	Held      bool       // the session of a worker is locked on this device
	Staff     bool       // a worker is signed in
	Space     string     // id of the space that the page is about; "": none is
	Guest     *guestView // the space of somebody else is open
	Shared    bool       // the device is one that others use next
	Away      string     // when and where to a page of a shared device goes by itself; "": it stays
	Damaged   bool       // something in the store was altered or is missing, and is not shown
	Data      any

	Title, Scripts, Content template.HTML // what the page puts into the layout
}

func (p *pages) load() error {
	look, err := NewLook()
	if err != nil {
		return err
	}
	p.assets = look.assets
	p.languages, p.templates = map[string]*language{}, map[string]*template.Template{}
	for _, code := range p.Languages {
		l := &language{words.In(code), p.Zone}
		p.languages[code] = l
		if p.templates[code], err = parseTemplates(l.functions(look)); err != nil {
			return err
		}
	}
	p.chooser = words.NewChooser(p.Languages)
	return nil
}

// pageParts are what a page may define of the layout: "layout.html" is in its place. In a
// set they are called after the page.
var pageParts = []string{"title", "scripts", "content", "layout.html"}

func partOf(page, part string) string { return page + "/" + part }

// parseTemplates reads all pages of one language into one set. They share what they have
// in common: a set for each page took 25 MB a language.
func parseTemplates(functions template.FuncMap) (*template.Template, error) {
	set, err := template.New("layout.html").Funcs(functions).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		source, err := templateFiles.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		text := string(source)
		for _, part := range pageParts {
			text = strings.ReplaceAll(text, `{{define "`+part+`"}}`, `{{define "`+partOf(name, part)+`"}}`)
		}
		if _, err := set.New(name).Parse(text); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
	}
	return set, nil
}

// executed is what a template of the set makes of a page.
func executed(set *template.Template, name string, p page) (template.HTML, error) {
	var out strings.Builder
	err := set.ExecuteTemplate(&out, name, p)
	return template.HTML(out.String()), err
}

// renderPage renders a page into the layout.
func renderPage(set *template.Template, name string, p page) ([]byte, error) {
	if set.Lookup(name) == nil {
		return nil, fmt.Errorf("web: no template %q", name)
	}
	part := func(of string) (template.HTML, error) { // it is escaped by its own template
		if set.Lookup(partOf(name, of)) == nil {
			return "", nil
		}
		return executed(set, partOf(name, of), p)
	}
	layout := "layout.html"
	if own := partOf(name, layout); set.Lookup(own) != nil {
		layout = own
	}
	for of, into := range map[string]*template.HTML{"title": &p.Title, "scripts": &p.Scripts, "content": &p.Content} {
		text, err := part(of)
		if err != nil {
			return nil, err
		}
		*into = text
	}
	if scans([]byte(p.Content)) {
		script, err := executed(set, "scan-script", p)
		if err != nil {
			return nil, err
		}
		p.Scripts = script + p.Scripts
	}
	var out bytes.Buffer
	err := set.ExecuteTemplate(&out, layout, p)
	return out.Bytes(), err
}

// scans reports whether a page reads a code by the camera beside one of its fields: it has
// the script, and no other page may use the camera. What people write cannot say so, as it
// stands in a page with its quotation marks taken away.
func scans(page []byte) bool { return bytes.Contains(page, []byte(`<div data-scan="`)) }

// records reports whether a page offers to record a voice note: no other may use the microphone.
func records(page []byte) bool { return bytes.Contains(page, []byte(` data-voice data-recording="`)) }

// show answers with a page.
func (v *visit) show(name string, data any) error { return v.showWith(http.StatusOK, name, data) }

// showWith renders the whole page before the first byte leaves, so that a fault
// never ends in half a page with a status of success.
func (v *visit) showWith(status int, name string, data any) error {
	done, refused := v.done()
	shared, away := v.worker == nil && v.onSharedDevice(), ""
	if shared {
		away = v.away()
	}
	out, err := renderPage(v.pages.templates[v.Code], name, page{
		Language: v.Language, SignedIn: v.vault != nil || v.worker != nil, Here: v.here(), Done: done, Refused: refused, Closing: v.closing() || v.mayOnlySee(),
		Space: v.space(), Relays: v.pages.Staff != nil, Recovery: v.pages.Recovery != nil, Moving: v.pages.Moving != nil, Reminders: len(v.pages.Vaults.RemindsBy()) > 0, Held: session.Held(v.r, session.HeldCookie) != "", Staff: v.worker != nil, Guest: v.guestView(), Damaged: v.damaged, Shared: shared, Away: away, Data: data,
	})
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	if scans(out) {
		v.w.Header().Set("Permissions-Policy", "camera=(self), microphone=(), geolocation=()")
	}
	if records(out) {
		v.w.Header().Set("Permissions-Policy", "camera=(), microphone=(self), geolocation=()")
		v.w.Header().Set("Content-Security-Policy", policy+"; media-src blob:") // to hear it before it is sent
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	v.w.WriteHeader(status)
	_, _ = v.w.Write(out) // fails when the browser has gone
	return nil
}

// done returns the sentence that ?done= names. Only codes that have a message
// are shown: a link cannot put words into the page. What was refused must not look
// like what was done.
func (v *visit) done() (done, refused string) {
	code := v.r.URL.Query().Get("done")
	if code == "" || !v.Has("done."+code) {
		return "", ""
	}
	switch code {
	case "reminder-late", "ended", "nothing-open", "access-over", "other-space", "factor-needed", "factor-wrong", "typing-gone", "digits-wrong":
		return "", v.t("done." + code)
	}
	return v.t("done." + code), ""
}

// here is the page to come back to: for an answer to a form, the form.
func (v *visit) here() string {
	if v.r.Method != http.MethodGet {
		return v.formPage()
	}
	query := v.r.URL.Query()
	query.Del("done")
	if len(query) == 0 {
		return v.r.URL.Path
	}
	return v.r.URL.Path + "?" + query.Encode()
}

// formPage is the page on which a form stood that was sent: at its address, or at the nearest
// above it where a page is shown. Where a page has a name in the place of a word of the form's
// ("/team/{worker}", "/team/invite") it is another.
func (v *visit) formPage() string {
	_, pattern, _ := strings.Cut(v.r.Pattern, " ")
	for at := v.r.URL.Path; at != ""; at, pattern = path.Dir(at), path.Dir(pattern) {
		if _, shown := v.pages.mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: at}, Host: v.r.Host}); shown == "GET "+pattern {
			return at
		}
		if at == "/" || pattern == "." {
			break
		}
	}
	return "/"
}

func (v *visit) retryAfter(p problem.Problem) {
	if p.Retry > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(p.Retry/time.Second)))
	}
}
