// Package patience bounds how long a request may stand still, in both
// directions, instead of how long it may take: a paper from a phone in a camp
// takes minutes.
package patience

import (
	"io"
	"net/http"
	"time"
)

// Stall is the longest pause that servers should allow, and what each request
// gets in any case.
const Stall = time.Minute

// slowest is the average in bytes a second that is still waited for: sending one
// byte at a time for ever is no upload.
const slowest = 1000

// body is a request's body with a deadline that moves on with what comes.
type body struct {
	io.ReadCloser
	stall   time.Duration
	conn    *http.ResponseController
	started time.Time
	read    int64
}

// Read lifts the deadline when the body has ended: net/http goes on reading
// behind the handler to see whether the client has gone, and a deadline that
// passes there would cut off a long answer.
func (b *body) Read(p []byte) (int, error) {
	deadline := time.Now().Add(b.stall)
	if least := b.started.Add(b.stall + time.Duration(b.read/slowest)*time.Second); least.Before(deadline) {
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

// answer may be read slowly but not never.
type answer struct {
	http.ResponseWriter
	stall time.Duration
	conn  *http.ResponseController
	began bool
}

func (w *answer) WriteHeader(status int) {
	w.began = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *answer) Write(p []byte) (int, error) {
	w.began = true
	_ = w.conn.SetWriteDeadline(time.Now().Add(w.stall))
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the connection.
func (w *answer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Bound puts deadlines that move on into a request and its answer. What it
// returns is called once, when the handler is done, so that the next request on
// the connection has none of this one. With flush, the last bytes leave before
// that, under a deadline; not so after a handler that broke off, whose answer
// must not look complete.
//
// The request is a copy: net/http looks at the body of its own to decide whether
// it must read on before it answers, and a body that it does not know it reads.
// An upload that is refused at its first byte would wait for its last.
func Bound(w http.ResponseWriter, r *http.Request, stall time.Duration) (bounded http.ResponseWriter, request *http.Request, end func(flush bool)) {
	conn := http.NewResponseController(w)
	request = r.WithContext(r.Context())
	if r.Body != nil && r.Body != http.NoBody {
		request.Body = &body{ReadCloser: r.Body, stall: stall, conn: conn, started: time.Now()}
	}
	a := &answer{ResponseWriter: w, stall: stall, conn: conn}
	return a, request, func(flush bool) {
		_ = conn.SetReadDeadline(time.Now().Add(stall)) // first: to flush is to drain a body that was not read
		if flush && a.began {
			_ = conn.SetWriteDeadline(time.Now().Add(stall))
			_ = conn.Flush()
		}
		_ = conn.SetWriteDeadline(time.Time{})
	}
}
