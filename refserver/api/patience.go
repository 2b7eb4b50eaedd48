package api

import (
	"io"
	"net/http"
	"time"
)

// A server that streams cannot bound a whole request: 10 MB from a phone in a
// camp take minutes. It bounds standing still instead, in both directions, and
// sending one byte at a time for ever.

// slowest is the average in bytes a second that is still waited for.
const slowest = 1000

// patientBody is a request body that may be slow but must not stand still.
type patientBody struct {
	io.ReadCloser
	conn    *http.ResponseController
	stall   time.Duration
	started time.Time
	read    int64
}

// Read gives the sender a while to send something. Once the body has ended, the
// deadline is lifted: net/http keeps reading behind the handler to notice that
// the client has gone, and a deadline that passes there would cancel the
// request while, for instance, a password is being derived.
func (b *patientBody) Read(p []byte) (int, error) {
	deadline := time.Now().Add(b.stall)
	if least := b.started.Add(b.stall + time.Duration(b.read/slowest)*time.Second); least.Before(deadline) {
		deadline = least
	}
	// Not every server has deadlines (a test recorder has none): then there is nothing to bound.
	_ = b.conn.SetReadDeadline(deadline)
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if err != nil {
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// patientWriter is a response whose reader may be slow but must not stand still.
type patientWriter struct {
	http.ResponseWriter
	conn  *http.ResponseController
	stall time.Duration
}

// Write gives the reader a while to take what is written.
func (w *patientWriter) Write(p []byte) (int, error) {
	_ = w.conn.SetWriteDeadline(time.Now().Add(w.stall))
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the connection.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// patient bounds a request and its answer. What it returns must be called when
// the handler is done: a deadline for writing is the connection's, and another
// handler that serves it later must not inherit one. Who streams flushes first,
// so that the last bytes leave under a deadline too.
func patient(w http.ResponseWriter, r *http.Request, stall time.Duration) (*patientWriter, func()) {
	conn := http.NewResponseController(w)
	r.Body = &patientBody{ReadCloser: r.Body, conn: conn, stall: stall, started: time.Now()}
	return &patientWriter{ResponseWriter: w, conn: conn, stall: stall}, func() {
		// A body that was refused unread is drained by net/http afterwards. It sets
		// the deadline anew for the next request.
		_ = conn.SetReadDeadline(time.Now().Add(stall))
		_ = conn.SetWriteDeadline(time.Time{})
	}
}
