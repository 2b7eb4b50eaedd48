// Package progress says how far something long is, to whoever waits at a terminal or
// reads a log: on the stream of errors, so that what a command prints stays what it is.
package progress

import (
	"fmt"
	"io"
	"time"
)

// What is done soon says nothing; then there is a line now and then, which also a log
// can hold.
const (
	first = 2 * time.Second
	every = 10 * time.Second
)

// Printer prints how far one command is. It is for one goroutine. A nil Printer prints
// nothing.
type Printer struct {
	out  io.Writer
	now  func() time.Time
	next time.Time
}

// New returns a Printer for a command that begins now.
func New(out io.Writer, now func() time.Time) *Printer {
	return &Printer{out: out, now: now, next: now().Add(first)}
}

// Say prints how many are done, and of how many if that is known, if the last line is
// long enough ago. It may be called as often as one likes.
func (p *Printer) Say(what string, done, of int64) {
	if p == nil || what == "" {
		return
	}
	now := p.now()
	if now.Before(p.next) {
		return
	}
	p.next = now.Add(every)
	line := fmt.Sprintf("  … %s: %d", what, done)
	if of > 0 {
		line += fmt.Sprintf(" of %d", of)
	}
	_, _ = fmt.Fprintln(p.out, line) // who cannot read it misses nothing else
}
