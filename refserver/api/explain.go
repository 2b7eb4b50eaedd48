package api

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"

	"reconnect.example/refserver/problem"
)

//go:embed explain.html
var explainHTML string

// explained is what the page of one kind of problem says.
type explained struct {
	Lang, Dir, Path string
	Code, Sentence  string
	Status          int
}

// serveExplanations serves a page for each kind of problem, by the last word of its type,
// in the language of who looks. It is about nobody and repeats nothing.
func (a *API) serveExplanations() error {
	page, err := template.New("explain").Parse(explainHTML)
	if err != nil {
		return fmt.Errorf("api: page of a problem: %w", err)
	}
	all := kinds()
	a.mux.HandleFunc("GET "+Path+"/problems/{code}", func(w http.ResponseWriter, r *http.Request) {
		k, known := all[r.PathValue("code")]
		if !known {
			writeProblem(w, r, problem.ErrNoPage)
			return
		}
		in := speaks(r.Header.Get("Accept-Language"))
		var out bytes.Buffer
		if err := page.Execute(&out, explained{Lang: in.Code, Dir: in.Direction(), Path: Path, Code: k.code, Sentence: k.sentence(in), Status: k.status}); err != nil {
			writeProblem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Language", in.Code)
		w.Header().Set("Content-Security-Policy", pagePolicy)
		_, _ = w.Write(out.Bytes()) // the caller may have gone
	})
	return nil
}
