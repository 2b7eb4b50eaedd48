package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	words "reconnect.example/refserver/language"
	"reconnect.example/refserver/web"
	"reconnect.example/vault"
)

//go:embed templates/*.html
var templateFiles embed.FS

// templates are the pages of one language by name.
type templates map[string]*template.Template

// page is what the layout needs besides the data of the page.
type page struct {
	Language *words.Language
	Inside   bool
	Done     string // sentence about what was just done
	Data     any
}

func (o *office) load() (err error) {
	if o.look, err = web.NewLook(); err != nil {
		return err
	}
	o.pages = map[string]templates{}
	for _, code := range words.Offered() {
		if o.pages[code], err = parse(o.look.Functions, o.functions(words.In(code))); err != nil {
			return err
		}
	}
	o.chooser = words.NewChooser(words.Offered())
	return nil
}

func parse(look, functions template.FuncMap) (templates, error) {
	layout, err := template.New("layout.html").Funcs(look).Funcs(functions).ParseFS(templateFiles, "templates/layout.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	all := templates{}
	for _, file := range files {
		t, err := layout.Clone()
		if err == nil {
			all[strings.TrimSuffix(path.Base(file), ".html")], err = t.ParseFS(templateFiles, file)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// functions are what templates call.
func (o *office) functions(l *words.Language) template.FuncMap {
	return template.FuncMap{
		"t": l.T, "n": l.N, "size": l.Size,
		"when": func(at time.Time) string { return l.When(at.In(o.zone)) },
		"date": func(d any) string { return sayDate(l, vault.Date(fmt.Sprint(d))) },
	}
}

// sayDate says a day in words.
func sayDate(l *words.Language, d vault.Date) string {
	at, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return string(d)
	}
	return l.Date(at)
}

func (v *visit) show(name string, data any) error { return v.showWith(http.StatusOK, name, data) }

// showWith renders the whole page before the first byte leaves.
func (v *visit) showWith(status int, name string, data any) error {
	t := v.office.pages[v.Code][name]
	if t == nil {
		return fmt.Errorf("pages: no template %q", name)
	}
	done := ""
	if code := v.r.URL.Query().Get("done"); v.inside && code != "" && v.Has("done."+code) { // a link cannot put words into the page
		done = v.t("done." + code)
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "layout.html", page{Language: v.Language, Inside: v.inside, Done: done, Data: data}); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	v.w.WriteHeader(status)
	_, _ = v.w.Write(out.Bytes()) // fails when the browser has gone
	return nil
}
