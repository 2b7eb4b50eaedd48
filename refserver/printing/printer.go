package printing

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"reconnect.example/refserver/bulkhead"
)

// How much one job takes: papers, their bytes together, pages, and the bytes of the PDF.
const (
	MaxPapers = 50
	MaxBytes  = 40 << 20
	MaxPages  = 300
	MaxPDF    = 64 << 20
)

// Argument is the one argument with which a program starts itself as the child: see [Child].
const Argument = "print-one-job"

var (
	// ErrTooMuch says that these are too many papers for one job, or too many bytes;
	// fewer at once can be printed.
	ErrTooMuch = errors.New("printing: too much for one job")

	// ErrBusy says that others are printing; in a moment it works.
	ErrBusy = errors.New("printing: others are printing")
)

// Why says why a paper cannot be printed, as a stable word.
type Why string

// Why a paper cannot be printed.
const (
	WhyKind   Why = "kind"   // it is neither a photo nor a PDF
	WhyLarge  Why = "large"  // it has too many pixels or pages
	WhyLocked Why = "locked" // it is a PDF that asks for a password
	WhyBroken Why = "broken" // or made to do harm
)

// Refusal says which paper cannot be printed. Nothing was harmed.
type Refusal struct {
	Paper int // from 0, of those that were given; -1: not one of them alone
	Why   Why
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("printing: paper %d cannot be printed: %s", r.Paper+1, r.Why)
}

// Paper is one of a job.
type Paper struct {
	Size int64 // in bytes, exactly
	Open func() (io.ReadCloser, error)
}

// Config is how a [Printer] works. The zero value is this program's own.
type Config struct {
	// Program is what is started with [Argument] alone; "": this program. Its main
	// function must call [Child] then, and nothing else.
	Program string

	// AtOnce is how many children may run; 0: two. Each may take 1 GiB for a moment.
	AtOnce int

	// Kept is how many PDFs may be held in memory for who fetches them, each of at most
	// MaxPDF; 0: four.
	Kept int

	// Patience is how long one job may take, from its turn on; 0: a minute.
	Patience time.Duration
}

// Printer makes PDFs, few at once. It may be used by many.
type Printer struct {
	program  string
	patience time.Duration
	children chan struct{}
	kept     chan struct{}
}

// New checks the configuration and returns a Printer, which owns nothing that must be
// closed.
func New(cfg Config) (*Printer, error) {
	var problems []error
	if cfg.AtOnce < 0 {
		problems = append(problems, errors.New("printing: Config.AtOnce is negative"))
	}
	if cfg.Kept < 0 {
		problems = append(problems, errors.New("printing: Config.Kept is negative"))
	}
	if cfg.Patience < 0 {
		problems = append(problems, errors.New("printing: Config.Patience is negative"))
	}
	if cfg.Program == "" {
		var err error
		if cfg.Program, err = bulkhead.Program(); err != nil {
			problems = append(problems, fmt.Errorf("printing: Config.Program is empty, and where this program lies is not known: %w", err))
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if cfg.AtOnce == 0 {
		cfg.AtOnce = 2
	}
	if cfg.Kept == 0 {
		cfg.Kept = 4
	}
	if cfg.Patience == 0 {
		cfg.Patience = time.Minute
	}
	return &Printer{program: cfg.Program, patience: cfg.Patience, children: make(chan struct{}, cfg.AtOnce), kept: make(chan struct{}, cfg.Kept)}, nil
}

// Made is a PDF. Close it, so that others can print.
type Made struct {
	PDF  []byte
	kept chan struct{}
}

// Close gives the place of the PDF up.
func (m *Made) Close() error {
	if m.PDF != nil {
		m.PDF = nil
		<-m.kept
	}
	return nil
}

// Print reads the papers, each once and in their order, and returns one PDF of them. It
// opens a paper only when those before it were read. It waits for its turn as long as
// ctx lasts, but for a place in memory not at all.
//
// Errors: a *Refusal; ErrTooMuch, ErrBusy, before anything is opened; that of ctx; those
// of Open and of the readers, as they are.
func (p *Printer) Print(ctx context.Context, papers []Paper) (*Made, error) {
	total := int64(0)
	for _, paper := range papers {
		if paper.Size < 0 || paper.Size > MaxBytes-total {
			return nil, ErrTooMuch
		}
		total += paper.Size
	}
	if len(papers) == 0 || len(papers) > MaxPapers {
		return nil, ErrTooMuch
	}
	select {
	case p.kept <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	pdf, err := p.inTurn(ctx, papers)
	if err != nil {
		<-p.kept
		return nil, err
	}
	return &Made{PDF: pdf, kept: p.kept}, nil
}

func (p *Printer) inTurn(ctx context.Context, papers []Paper) ([]byte, error) {
	select {
	case p.children <- struct{}{}:
		defer func() { <-p.children }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	limited, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	source := &source{papers: papers}
	defer source.close()
	out := &answer{}
	err := bulkhead.Run(limited, p.program, Argument, source, out)
	switch {
	case source.failed != nil: // it may have been told the child as an end
		return nil, source.failed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil: // how, is nothing to go by
		return nil, refused(out.paper(len(papers)), len(papers), WhyBroken)
	}
	return out.judge(len(papers))
}

// source is what a child reads: each paper behind its length.
type source struct {
	papers []Paper // that were not opened yet
	length []byte  // of the present one, as far as it was not read yet
	open   io.ReadCloser
	left   int64
	failed error
}

func (s *source) Read(p []byte) (int, error) {
	if s.failed != nil {
		return 0, s.failed
	}
	for s.open == nil {
		if len(s.papers) == 0 {
			return 0, io.EOF
		}
		next := s.papers[0]
		s.papers = s.papers[1:]
		if s.open, s.failed = next.Open(); s.failed != nil {
			return 0, s.failed
		}
		s.length, s.left = binary.BigEndian.AppendUint64(nil, uint64(next.Size)), next.Size
	}
	if len(s.length) > 0 {
		n := copy(p, s.length)
		s.length = s.length[n:]
		return n, nil
	}
	n, err := s.open.Read(p)
	if s.left -= int64(n); err == io.EOF && s.left == 0 {
		s.close()
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if s.left < 0 {
		err = errors.New("printing: a paper is longer than it was said to be")
	}
	s.failed = err
	return n, err
}

func (s *source) close() {
	if s.open != nil {
		_ = s.open.Close()
		s.open = nil
	}
}

// answer holds no more than a child may say.
type answer struct{ bytes []byte }

func (a *answer) Write(p []byte) (int, error) {
	if len(a.bytes)+len(p) > MaxPapers+2+MaxPDF {
		return 0, io.ErrShortWrite
	}
	a.bytes = append(a.bytes, p...)
	return len(p), nil
}

// paper is at which one the child was: -1 before the first, papers behind the last.
func (a *answer) paper(papers int) int {
	at := -1
	for at+1 < min(papers+1, len(a.bytes)) && a.bytes[at+1] == saysNext {
		at++
	}
	return at
}

// judge believes the child no more than the papers that it has read.
func (a *answer) judge(papers int) ([]byte, error) {
	at := a.paper(papers)
	rest := a.bytes[at+1:]
	if len(rest) == 0 {
		return nil, refused(at, papers, WhyBroken)
	}
	switch says, pdf := rest[0], rest[1:]; says {
	case saysMade:
		if at == papers && bytes.HasPrefix(pdf, []byte("%PDF-")) {
			return pdf, nil
		}
	case saysKind:
		return nil, refused(at, papers, WhyKind)
	case saysLarge:
		return nil, refused(at, papers, WhyLarge)
	case saysLocked:
		return nil, refused(at, papers, WhyLocked)
	}
	return nil, refused(at, papers, WhyBroken)
}

func refused(at, papers int, why Why) *Refusal {
	if at == papers {
		at = -1
	}
	return &Refusal{at, why}
}
