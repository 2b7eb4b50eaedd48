package api

import (
	"net/http"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// export answers with everything in one ZIP file.
func (a *API) export(w http.ResponseWriter, r *http.Request, v *vault.Vault) error {
	if r.Method == http.MethodHead { // nothing can be said of it without making it
		zipHeaders(w.Header())
		return nil
	}
	if err := v.ShownLately(r.Context(), session.Lately); err != nil {
		return err
	}
	// What fails later breaks the connection. Without the end of the stream, and
	// without the manifest, which comes last, nobody takes the file for complete (A12).
	if err := v.Export(r.Context(), &lateWriter{w: w}, nil); err != nil {
		return err
	}
	return flush(w)
}

func zipHeaders(h http.Header) {
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", safename.Attachment("reconnect-export.zip"))
}

// lateWriter sends the header with the first byte, so that what fails before
// that is still told as a problem.
type lateWriter struct {
	w     http.ResponseWriter
	begun bool
}

func (l *lateWriter) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		zipHeaders(l.w.Header())
	}
	return l.w.Write(p)
}
