package storage

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// The drivers by the scheme of their URLs, filled by the init functions of the
// drivers' packages.
var (
	recordDrivers = registry[Driver]{kind: "records"}
	blobDrivers   = registry[Blobs]{kind: "blobs"}
)

// Register makes a driver for records known under the scheme of its URLs. Call
// it from an init function of the driver's package. Like database/sql it panics
// when a scheme is registered twice or open is nil: both are mistakes in the
// program, not in its input. open must not put the URL into its errors, which
// may hold a password.
func Register(scheme string, open func(ctx context.Context, u *url.URL) (Driver, error)) {
	recordDrivers.register(scheme, open)
}

// Open opens the store of records that a URL names, such as
// "sqlite:///var/lib/safe/records.db" or "mem://". The package of the driver
// must have been imported. It answers ErrInvalid for a URL or scheme that it
// does not know, or what the driver says. The caller closes the store.
func Open(ctx context.Context, rawURL string) (*Store, error) {
	d, err := recordDrivers.open(ctx, rawURL)
	if err != nil {
		return nil, err
	}
	return New(d), nil
}

// RegisterBlobs makes a store of blobs known under the scheme of its URLs, in
// the manner of [Register].
func RegisterBlobs(scheme string, open func(ctx context.Context, u *url.URL) (Blobs, error)) {
	blobDrivers.register(scheme, open)
}

// OpenBlobs opens the store of blobs that a URL names, in the manner of [Open].
func OpenBlobs(ctx context.Context, rawURL string) (Blobs, error) {
	return blobDrivers.open(ctx, rawURL)
}

// registry maps the schemes of URLs to what opens them.
type registry[T any] struct {
	kind    string
	mu      sync.RWMutex
	openers map[string]func(context.Context, *url.URL) (T, error)
}

func (r *registry[T]) register(scheme string, open func(context.Context, *url.URL) (T, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if open == nil {
		panic("storage: no function to open " + scheme)
	}
	if _, taken := r.openers[scheme]; taken {
		panic("storage: two drivers for " + r.kind + " are called " + scheme)
	}
	if r.openers == nil {
		r.openers = make(map[string]func(context.Context, *url.URL) (T, error))
	}
	r.openers[scheme] = open
}

func (r *registry[T]) open(ctx context.Context, rawURL string) (T, error) {
	var none T
	u, err := url.Parse(rawURL)
	if err != nil {
		// The error of url.Parse repeats the URL, and with it a password.
		return none, fmt.Errorf("%w: what should name the store of %s is not a URL", ErrInvalid, r.kind)
	}
	r.mu.RLock()
	open, known := r.openers[u.Scheme]
	schemes := slices.Sorted(maps.Keys(r.openers))
	r.mu.RUnlock()
	if !known {
		return none, fmt.Errorf("%w: no driver for %s has the scheme %q (imported are: %s); import its package",
			ErrInvalid, r.kind, u.Scheme, strings.Join(schemes, ", "))
	}
	opened, err := open(ctx, u)
	if err != nil {
		return none, fmt.Errorf("open %s at %s: %w", r.kind, u.Scheme, closedSet(err))
	}
	return opened, nil
}
