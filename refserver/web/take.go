package web

import (
	"net/http"
	"time"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/problem"
)

func (p *pages) takeForm(v *visit) error { return v.show("take", nil) }

// take gives everything in one file. What fails before the first byte is told
// on a page; what fails later breaks the connection off, so that no half file
// passes for everything.
func (p *pages) take(v *visit) error {
	h := v.w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", safename.Attachment("reconnect-"+v.now().In(p.Zone).Format(time.DateOnly)+".zip"))
	out := &begun{w: v.w}
	err := v.vault.Export(v.ctx(), out, nil)
	if err == nil {
		return nil
	}
	if !out.any {
		h.Del("Content-Disposition")
		return err
	}
	v.log(problem.Of(err), err)
	panic(http.ErrAbortHandler)
}

// begun notes whether anything was written.
type begun struct {
	w   http.ResponseWriter
	any bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.any = true
	return b.w.Write(p)
}
