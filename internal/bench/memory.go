package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"io"

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
	idle, err := resident("VmRSS")
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // the mark begins again
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
	peak, err := resident("VmHWM")
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

// resident reads one line of /proc/self/status, in bytes.
func resident(field string) (int64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), field+":"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb * 1024, err
		}
	}
	return 0, fmt.Errorf("no %s in /proc/self/status", field)
}
