package check

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"reconnect.example/consent"
	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/engines"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// onlyAsked stands where a directory needs a witness: a check tells it nothing.
type onlyAsked struct{ vault.Checkpoints }

func (onlyAsked) Latest(context.Context, [16]byte) ([]vault.Checkpoint, error) { return nil, nil }
func (onlyAsked) Keep(context.Context, [16]byte, []byte, []vault.Kept) error   { return nil }
func (onlyAsked) Raise(_ context.Context, _ [16]byte, heads []vault.Checkpoint, _ []byte, _ bool) ([]vault.Checkpoint, error) {
	return heads, nil
}

// relays sees whether the directory of relays is in the store and signed. Whether it
// is the latest, the server asks the witness at each start.
func (k *checker) relays(ctx context.Context, store *storage.Store) {
	if k.c.Authority == "" {
		k.noAuthority()
		return
	}
	directory, err := engines.OpenDirectory(ctx, k.c, store, onlyAsked{})
	if err != nil {
		k.foundDirectory(nil, err)
		return
	}
	k.foundDirectory(directory.Current(ctx))
}

// relaysOfRunning asks the server that uses the store.
func (k *checker) relaysOfRunning(ctx context.Context) {
	if k.c.Authority == "" {
		k.noAuthority()
		return
	}
	client, done, err := admin.Reach(ctx, k.c.Data, func(context.Context) (any, func() error, error) {
		return nil, nil, errors.New("no server runs on " + filepath.Clean(k.c.Data))
	})
	if err != nil {
		k.foundDirectory(nil, err)
		return
	}
	defer func() { _ = done() }()
	var b admin.Bundle
	if err := client.Call("Operator.Directory", admin.None{}, &b); err != nil {
		k.foundDirectory(nil, err)
		return
	}
	k.foundDirectory(consent.ParseDirectory(*k.c.AuthorityKey(), b.Bytes))
}

func (k *checker) noAuthority() {
	k.good("relays", "No authority is named: the server runs without relays.")
}

func (k *checker) foundDirectory(s *consent.DirectoryState, err error) {
	const part = "relays"
	switch {
	case errors.Is(err, consent.ErrNoDirectory) || err != nil && err.Error() == consent.ErrNoDirectory.Error(): // over the private socket, errors are texts
		k.warn(part, "Publish the authority's first one: refserver admin directory publish FILE.", "There is no directory of relays yet.")
		return
	case errors.Is(err, vault.ErrUntrustedKey):
		k.fail(part, "Compare --authority with what the authority says its key is.", "The directory of relays is signed by somebody else.")
		return
	case err != nil:
		k.fail(part, "Publish the latest directory again. If nobody damaged the store by accident, treat it as an attack.", "The directory of relays cannot be read: %s.", plain(err))
		return
	}
	relays, without := 0, 0
	today := vault.Date(k.now().UTC().Format(time.DateOnly))
	for r := range s.Relays() {
		if r.Withdrawn != "" {
			continue
		}
		relays++
		if state, err := s.LicenceOn(r.ID, today); err != nil || !state.MayOpen() {
			without++
		}
	}
	k.good(part, "The directory of relays is there and signed: version %d, %d relays, %d of them without a licence today.", s.Version(), relays, without)
}
