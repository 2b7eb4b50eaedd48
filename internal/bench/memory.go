package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"sync"

	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

const (
	uploads     = 8
	uploadBytes = 140_000_000
	memoryLimit = 64_000_000
)

// measureMemory is P4: eight people, signed in beforehand, upload at once. The
// measure is the resident memory of the whole process, by the kernel's own
// high-water mark.
func measureMemory(ctx context.Context, o options) ([]result, error) {
	dir, remove, err := tempFolder(o)
	if err != nil {
		return nil, err
	}
	defer remove()
	l, err := local.Open(dir)
	if err != nil {
		return nil, err
	}
	vaults, err := people(ctx, l, uploads)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	debug.FreeOSMemory()
	idle, err := resident("self", "VmRSS")
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if err := beginMark("self"); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	errs := make([]error, uploads)
	var wg sync.WaitGroup
	for i, v := range vaults {
		wg.Go(func() {
			r := io.LimitReader(noise{rand.NewChaCha8([32]byte{byte(i)})}, uploadBytes)
			_, errs[i] = v.AddDocument(ctx, vault.NewDocument{Name: "scan", Size: uploadBytes}, r)
		})
	}
	wg.Wait()
	peak, err := resident("self", "VmHWM")
	if err := errors.Join(append(errs, err, l.Close())...); err != nil {
		return nil, err
	}
	more := peak - idle
	return []result{{"P4", fmt.Sprintf("%d uploads of %d MB at once", uploads, uploadBytes/1_000_000),
		fmt.Sprintf("%.1f MB over %.1f MB idle", float64(more)/1e6, float64(idle)/1e6), "<= 64 MB over idle", more <= memoryLimit}}, nil
}

type noise struct{ *rand.ChaCha8 }

// people opens accounts.
func people(ctx context.Context, l *local.Local, n int) ([]*vault.Vault, error) {
	var out []*vault.Vault
	for range n {
		v, err := l.Create(ctx, newAccount())
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

const password = "bato kiru mesa lova"

func newAccount() vault.CreateRequest {
	return vault.CreateRequest{Password: password, Consent: true, Notice: vault.Notice{Version: "1", Language: "en", Text: "A measurement."}}
}
