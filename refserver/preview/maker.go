package preview

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"time"

	"reconnect.example/refserver/bulkhead"
)

// What a small picture is: a JPEG of at most so many bytes and pixels a side.
const (
	MaxBytes = 6 << 10 // a list of twelve must be light on a cheap phone
	MaxSide  = 240
)

// MaxSource is the longest paper that is looked at, in bytes.
const MaxSource = 64 << 20

// Argument is the one argument with which a program starts itself as the child: see [Child].
const Argument = "make-one-preview"

var (
	// ErrNone says that there is no small picture of a paper of this kind.
	ErrNone = errors.New("preview: of this kind of paper there is no small picture")

	// ErrRefused says that a paper is broken, too large, or made to do harm. Nothing
	// was harmed.
	ErrRefused = errors.New("preview: no small picture can be made of this")
)

// Config is how a [Maker] works. The zero value is this program's own.
type Config struct {
	// Program is what is started with [Argument] alone; "": this program. Its main
	// function must call [Child] then, and nothing else.
	Program string

	// AtOnce is how many children may run; 0: two. Each may take 1 GiB for a moment.
	AtOnce int

	// Patience is how long one may take; 0: fifteen seconds.
	Patience time.Duration
}

// Maker makes small pictures, few at once. It may be used by many.
type Maker struct {
	program  string
	patience time.Duration
	places   chan struct{}
}

// New checks the configuration and returns a Maker, which owns nothing that must be
// closed.
func New(cfg Config) (*Maker, error) {
	var problems []error
	if cfg.AtOnce < 0 {
		problems = append(problems, errors.New("preview: Config.AtOnce is negative"))
	}
	if cfg.Patience < 0 {
		problems = append(problems, errors.New("preview: Config.Patience is negative"))
	}
	if cfg.Program == "" {
		var err error
		if cfg.Program, err = bulkhead.Program(); err != nil {
			problems = append(problems, fmt.Errorf("preview: Config.Program is empty, and where this program lies is not known: %w", err))
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if cfg.AtOnce == 0 {
		cfg.AtOnce = 2
	}
	if cfg.Patience == 0 {
		cfg.Patience = 15 * time.Second
	}
	return &Maker{program: cfg.Program, patience: cfg.Patience, places: make(chan struct{}, cfg.AtOnce)}, nil
}

// Make reads a paper to its end and returns the small picture of it, upright, as a
// JPEG of at most [MaxBytes]. It waits for its turn as long as ctx lasts.
//
// Errors: ErrNone; ErrRefused; that of ctx; that of the reader, as it is.
func (m *Maker) Make(ctx context.Context, paper io.Reader) ([]byte, error) {
	select {
	case m.places <- struct{}{}:
		defer func() { <-m.places }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	limited, cancel := context.WithTimeout(ctx, m.patience)
	defer cancel()
	source := &source{from: paper}
	out := &answer{}
	err := bulkhead.Run(limited, m.program, Argument, source, out)
	switch {
	case source.failed != nil: // it may have been told the child as an end
		return nil, source.failed
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case source.read > MaxSource:
		return nil, fmt.Errorf("%w: it is too long", ErrRefused)
	case err != nil:
		return nil, fmt.Errorf("%w: its process ended", ErrRefused) // err says how, which is nothing to go by
	}
	return judge(out.bytes)
}

// judge believes the child no more than the paper that it has read.
func judge(out []byte) ([]byte, error) {
	if len(out) == 0 || len(out) > 1+MaxBytes {
		return nil, fmt.Errorf("%w: it gave no answer", ErrRefused)
	}
	switch verdict, small := out[0], out[1:]; verdict {
	case verdictNone:
		return nil, ErrNone
	case verdictLarge:
		return nil, fmt.Errorf("%w: it has too many pixels", ErrRefused)
	case verdictMade:
		size, err := jpeg.DecodeConfig(bytes.NewReader(small))
		if err == nil && max(size.Width, size.Height) <= MaxSide {
			return small, nil
		}
	}
	return nil, fmt.Errorf("%w: it is broken", ErrRefused)
}

// source counts, ends a paper that is too long, and remembers why reading failed.
type source struct {
	from   io.Reader
	read   int64
	failed error
}

func (s *source) Read(p []byte) (int, error) {
	if s.read > MaxSource {
		return 0, io.EOF
	}
	n, err := s.from.Read(p)
	s.read += int64(n)
	if err != nil && err != io.EOF {
		s.failed = err
	}
	return n, err
}

// answer holds no more than a child may say.
type answer struct{ bytes []byte }

func (a *answer) Write(p []byte) (int, error) {
	if len(a.bytes)+len(p) > 1+MaxBytes {
		return 0, io.ErrShortWrite
	}
	a.bytes = append(a.bytes, p...)
	return len(p), nil
}
