package check

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
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
		k.foundRelays(admin.Relays{}, err)
		return
	}
	state, err := directory.Current(ctx)
	if err != nil {
		k.foundRelays(admin.Relays{}, err)
		return
	}
	zone, err := time.LoadLocation(k.c.Serve.Zone)
	if err != nil {
		return // the settings were refused
	}
	k.foundRelays(admin.LookAt(ctx, state, store, vault.Date(k.now().In(zone).Format(time.DateOnly))))
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
		k.foundRelays(admin.Relays{}, err)
		return
	}
	defer func() { _ = done() }()
	var b admin.Bundle
	if err := client.Call("Operator.Directory", admin.None{}, &b); err != nil {
		k.foundRelays(admin.Relays{}, err)
		return
	}
	// What it answers is held against the key that was named here.
	if _, err := consent.ParseDirectory(*k.c.AuthorityKey(), b.Bytes); err != nil {
		k.foundRelays(admin.Relays{}, err)
		return
	}
	var found admin.Relays
	err = client.Call("Operator.Relays", k.c.Serve.Zone, &found)
	k.foundRelays(found, err)
}

func (k *checker) noAuthority() {
	k.good("relays", "No authority is named: the server runs without relays.")
	k.warn("recovery", "Name the authority of the relays: --authority.", "Without relays nobody can help anybody back in: who loses password and card loses the papers.")
}

// is tells an error also where it came over the private socket, as a text.
func is(err, kind error) bool {
	return errors.Is(err, kind) || err != nil && err.Error() == kind.Error()
}

func (k *checker) foundRelays(r admin.Relays, err error) {
	const part = "relays"
	switch {
	case is(err, consent.ErrNoDirectory):
		k.warn(part, "Publish the authority's first one: refserver admin directory publish FILE.", "There is no directory of relays yet.")
	case is(err, admin.ErrNoAuthority):
		k.fail(part, "Start it with the same --authority, or with --demo.", "The server that runs was started without the authority: it has no relays.")
	case errors.Is(err, vault.ErrUntrustedKey):
		k.fail(part, "Compare --authority with what the authority says its key is.", "The directory of relays is signed by somebody else.")
	case err != nil:
		k.fail(part, "Publish the latest directory again. If nobody damaged the store by accident, treat it as an attack.", "The directory of relays cannot be read: %s.", plain(err))
	default:
		k.good(part, "The directory of relays is there and signed%s: version %d, %d relays, %d of them without a licence today.",
			map[bool]string{true: ", by another key than the authority's first"}[r.NewKey], r.Version, r.InForce, r.Unlicensed)
		k.relaysInNeed(part, r)
		k.waysBack(r)
	}
}

// relaysInNeed names the relays for which somebody has to do something.
func (k *checker) relaysInNeed(part string, r admin.Relays) {
	var ends []string
	for _, e := range r.EndSoon {
		ends = append(ends, e.Name+" on "+string(e.Until))
	}
	for _, need := range []struct {
		names    []string
		do, says string
	}{
		{ends, "Ask who pays, and add the next one: refserver admin licence add.", "Licences end soon: %s."},
		{r.Unmanaged, "Call them: whoever keeps the recovery sheet lets a manager in again.", "Nobody manages these relays any more, only their recovery sheet opens them: %s."},
		{r.Elsewhere, "Compare the id with what the relay was shown when it was founded; another server with a store of its own may have it.", "This store has no space of these relays: %s."},
		{r.Damaged, "If nobody damaged the store by accident, treat it as an attack.", "The spaces of these relays are not what the authority signed: %s."},
	} {
		if len(need.names) > 0 {
			k.warn(part, need.do, need.says, few(need.names))
		}
	}
}

// few names the first of many.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
