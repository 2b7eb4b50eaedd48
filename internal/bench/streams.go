package main

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"runtime"

	"reconnect.example/internal/seal"
)

const (
	rawPiece   = 64 << 10
	sealTarget = 0.85
	openTarget = 0.75
	allocLimit = 16 << 10
)

// onlyReader and onlyWriter have no short cuts, like a request's body and a store.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

// measureStreams is P1. A round does enough work to be timed well.
func measureStreams(ctx context.Context, o options) ([]result, error) {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	var out []result
	for _, size := range []struct {
		name string
		n    int
	}{{"64 KiB", 64 << 10}, {"1 MiB", 1 << 20}, {"10 MiB", 10 << 20}} {
		s, err := newStreams(gcm, size.n)
		if err != nil {
			return nil, err
		}
		times := max(1, 64<<20/size.n)
		repeated := func(f func() error) func() error {
			return func() error {
				var errs error
				for range times {
					errs = errors.Join(errs, f())
				}
				return errs
			}
		}
		t, err := inTurns(ctx, o.repeat, repeated(s.rawSeal), repeated(s.seal), repeated(s.rawOpen), repeated(s.open))
		if err != nil {
			return nil, err
		}
		for i, m := range []struct {
			what   string
			target float64
			f      func() error
		}{{"seal", sealTarget, s.seal}, {"open", openTarget, s.open}} {
			ratio := float64(t[2*i]) / float64(t[2*i+1])
			allocated, err := allocatedBy(times, m.f)
			if err != nil {
				return nil, err
			}
			out = append(out,
				result{"P1", m.what + " " + size.name, fmt.Sprintf("%.2f of raw", ratio), fmt.Sprintf(">= %.2f", m.target), ratio >= m.target},
				result{"P1", m.what + " " + size.name, fmt.Sprintf("%.1f kB allocated", float64(allocated)/1000), "<= 16 kB", allocated <= allocLimit})
		}
	}
	return out, nil
}

type streams struct {
	gcm           cipher.AEAD
	plain, sealed []byte
	rawSealed     [][]byte
	buf           []byte
	key           seal.Key
	place         seal.Context
}

func newStreams(gcm cipher.AEAD, n int) (*streams, error) {
	s := &streams{gcm: gcm, plain: make([]byte, n), buf: make([]byte, 0, rawPiece+64), key: seal.NewStreamKey(), place: seal.Context{Type: seal.TypeDocument}}
	_, _ = rand.Read(s.plain)
	for p := s.plain; len(p) > 0; p = p[min(rawPiece, len(p)):] {
		s.rawSealed = append(s.rawSealed, gcm.Seal(nil, make([]byte, gcm.NonceSize()), p[:min(rawPiece, len(p))], nil))
	}
	var b bytes.Buffer
	if err := s.sealTo(&b); err != nil {
		return nil, err
	}
	s.sealed = b.Bytes()
	return s, nil
}

func (s *streams) rawSeal() error {
	nonce := make([]byte, s.gcm.NonceSize())
	for p := s.plain; len(p) > 0; p = p[min(rawPiece, len(p)):] {
		s.buf = s.gcm.Seal(s.buf[:0], nonce, p[:min(rawPiece, len(p))], nil)
	}
	return nil
}

func (s *streams) rawOpen() (err error) {
	nonce := make([]byte, s.gcm.NonceSize())
	for _, p := range s.rawSealed {
		if s.buf, err = s.gcm.Open(s.buf[:0], nonce, p, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *streams) seal() error { return s.sealTo(onlyWriter{io.Discard}) }

func (s *streams) sealTo(to io.Writer) error {
	w, err := seal.NewStreamWriter(to, s.key, s.place)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, onlyReader{bytes.NewReader(s.plain)}); err != nil {
		return err
	}
	return w.Close()
}

func (s *streams) open() error {
	r, err := seal.NewStreamReader(onlyReader{bytes.NewReader(s.sealed)}, s.key, s.place, int64(len(s.plain)))
	if err != nil {
		return err
	}
	_, err = io.Copy(onlyWriter{io.Discard}, r)
	return errors.Join(err, r.Close())
}

// allocatedBy returns the bytes allocated by one call, the pools being warm.
func allocatedBy(times int, f func() error) (uint64, error) {
	times = max(times, 20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		if err := f(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / uint64(times), nil
}
