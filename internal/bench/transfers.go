package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

const (
	mostAtOnce     = 8
	uploadTarget10 = 0.8
	uploadTarget1  = 0.7
	downloadTarget = 0.5
)

// measureTransfers is P2: documents through the reference server, each durable
// with everything that belongs to it, against a server that does nothing but
// write and sync. Both are processes of their own; the people are signed in.
func measureTransfers(ctx context.Context, o options) (results []result, err error) {
	dir, remove, err := tempFolder(o)
	if err != nil {
		return nil, err
	}
	defer remove()
	t := &transfers{}
	ours, err := t.startOurs(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ours.stop()) }()
	folder := filepath.Join(dir, "bare")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	bare, err := startBare(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	t.bare = &caller{server: bare}
	for _, size := range []struct {
		name         string
		n, alone     int // bytes of a document; documents of a round of one
		uploadTarget float64
	}{{"1 MiB", 1 << 20, 32, uploadTarget1}, {"10 MiB", 10 << 20, 8, uploadTarget10}} {
		t.body = make([]byte, size.n)
		_, _ = rand.Read(t.body)
		for _, atOnce := range []int{1, mostAtOnce} {
			each := size.alone
			if atOnce > 1 {
				each = size.alone / 4
			}
			r, err := t.measure(ctx, o, size.name, atOnce, each, size.uploadTarget)
			if err != nil {
				return nil, err
			}
			results = append(results, r...)
		}
	}
	return results, nil
}

// transfers is who sends and fetches what.
type transfers struct {
	people []*caller
	bare   *caller
	body   []byte
	number atomic.Int64 // of a file at the bare server
}

func (t *transfers) startOurs(ctx context.Context, dir string) (*server, error) {
	binary, err := buildServer(ctx, dir)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	s, err := serve(ctx, binary, data)
	if err != nil {
		return nil, err
	}
	for range mostAtOnce {
		login, secret, err := createVault(ctx, binary, data)
		if err != nil {
			return nil, errors.Join(err, s.stop())
		}
		c, err := s.signIn(ctx, login, secret)
		if err != nil {
			return nil, errors.Join(err, s.stop())
		}
		t.people = append(t.people, c)
	}
	return s, nil
}

// measure sends and fetches, in turns with the bare server.
func (t *transfers) measure(ctx context.Context, o options, size string, atOnce, each int, uploadTarget float64) ([]result, error) {
	addresses, files := make([]string, atOnce), make([]string, atOnce) // of one document of each
	up, err := inTurns(ctx, o.repeat,
		func() error {
			return together(atOnce, each, func(n int) (err error) { addresses[n], err = t.upload(ctx, n); return err })
		},
		func() error {
			return together(atOnce, each, func(n int) (err error) { files[n], err = t.uploadBare(ctx); return err })
		})
	if err != nil {
		return nil, err
	}
	down, err := inTurns(ctx, o.repeat,
		func() error {
			return together(atOnce, each, func(n int) error { return t.download(ctx, t.people[n], addresses[n]) })
		},
		func() error {
			return together(atOnce, each, func(n int) error { return t.download(ctx, t.bare, files[n]) })
		})
	if err != nil {
		return nil, err
	}
	line := func(what string, d []duration, target float64) result {
		ratio := float64(d[1]) / float64(d[0])
		speed := float64(atOnce*each*len(t.body)) / 1e6 / d[0].Seconds()
		return result{"P2", fmt.Sprintf("%s %s, %d at once", what, size, atOnce), fmt.Sprintf("%.2f of bare (%.0f MB/s)", ratio, speed), fmt.Sprintf(">= %.2f", target), ratio >= target}
	}
	return []result{line("upload", up, uploadTarget), line("download", down, downloadTarget)}, nil
}

// together lets several do the same so many times each, at once.
func together(several, times int, do func(n int) error) error {
	errs := make([]error, several)
	var all sync.WaitGroup
	for n := range several {
		all.Go(func() {
			for range times {
				if errs[n] = do(n); errs[n] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (t *transfers) upload(ctx context.Context, n int) (address string, err error) {
	var item struct{ ID string }
	err = t.people[n].call(ctx, http.MethodPost, "/api/v1/documents", "application/pdf", t.body, func(r io.Reader) error {
		return json.NewDecoder(r).Decode(&item)
	})
	return "/api/v1/documents/" + item.ID + "/content", err
}

func (t *transfers) uploadBare(ctx context.Context) (address string, err error) {
	address = fmt.Sprintf("/documents/%d", t.number.Add(1))
	return address, t.bare.call(ctx, http.MethodPost, address, "application/pdf", t.body, drain)
}

// pieces is what the caller reads an answer with.
var pieces = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

func (t *transfers) download(ctx context.Context, c *caller, address string) error {
	return c.call(ctx, http.MethodGet, address, "", nil, func(r io.Reader) error {
		piece := pieces.Get().(*[]byte)
		defer pieces.Put(piece)
		n, err := io.CopyBuffer(onlyWriter{io.Discard}, r, *piece)
		if err == nil && n != int64(len(t.body)) {
			err = fmt.Errorf("%d bytes came, not %d", n, len(t.body))
		}
		return err
	})
}
