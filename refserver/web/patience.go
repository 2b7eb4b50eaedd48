package web

import (
	"io"
	"net/http"
	"time"
)

// A paper on a slow phone takes minutes, so a request has no fixed end. What is
// bounded is standing still, and sending one byte at a time for ever.
const (
	stall    = time.Minute // the longest pause, and what each request gets in any case
	slowest  = 1000        // bytes a second on average that are still waited for
	drainTop = 32 << 20    // bytes of a refused upload that are read, so that the browser shows the page that says why
)

// patientBody is a request's body with a deadline that moves on with what comes.
type patientBody struct {
	io.ReadCloser
	conn    *http.ResponseController
	started time.Time
	read    int64
}

// Read lifts the deadline when the body has ended: net/http goes on reading
// behind the handler to see whether the client has gone, and a deadline that
// passes there would cut off a long answer.
func (b *patientBody) Read(p []byte) (int, error) {
	deadline := time.Now().Add(stall)
	if least := b.started.Add(stall + time.Duration(b.read/slowest)*time.Second); least.Before(deadline) {
		deadline = least
	}
	_ = b.conn.SetReadDeadline(deadline) // recorders in tests have none
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if err != nil {
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// patientWriter is an answer that may be read slowly but not never.
type patientWriter struct {
	http.ResponseWriter
	conn  *http.ResponseController
	began bool
}

func (w *patientWriter) WriteHeader(status int) {
	w.began = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *patientWriter) Write(p []byte) (int, error) {
	w.began = true
	_ = w.conn.SetWriteDeadline(time.Now().Add(stall))
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the connection.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// patient puts both into a request. What it returns is called at its end: the
// last bytes leave under a deadline, and the next request on the connection has
// none of this one.
func patient(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, func()) {
	conn := http.NewResponseController(w)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &patientBody{ReadCloser: r.Body, conn: conn, started: time.Now()}
	}
	answer := &patientWriter{ResponseWriter: w, conn: conn}
	return answer, func() {
		if answer.began {
			_ = conn.SetWriteDeadline(time.Now().Add(stall))
			_ = conn.Flush()
		}
		_ = conn.SetWriteDeadline(time.Time{})
		_ = conn.SetReadDeadline(time.Now().Add(stall)) // for what net/http drains of a body that was not read
	}
}

// drain reads what is left of a body whose upload was refused. A browser that
// still sends shows a broken connection instead of an answer.
func drain(r *http.Request) {
	if r.Body != nil {
		_, _ = io.CopyN(io.Discard, r.Body, drainTop)
	}
}
