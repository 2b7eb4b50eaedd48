package witness_test

import (
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
)

// person stands for the sessions of one vault: it signs what only they can sign.
type person struct {
	t       require.TestingT
	vault   [16]byte
	keys    []seal.SigningKey // the latest signs; each was named by the one before
	links   []seal.Succession
	service []byte
}

func newPerson(t require.TestingT) *person {
	p := &person{t: t, keys: []seal.SigningKey{seal.NewSigningKey()}, service: seal.NewSigningKey().Public()}
	_, err := rand.Read(p.vault[:])
	require.NoError(t, err)
	return p
}

// succeed gives the vault a new key, as a change of roots does.
func (p *person) succeed() {
	next := seal.NewSigningKey()
	p.links = append(p.links, p.key().Succeed(p.vault, next.Public()))
	p.keys = append(p.keys, next)
}

func (p *person) key() seal.SigningKey { return p.keys[len(p.keys)-1] }

// as returns the person as they were with the first n keys: what somebody has
// who holds an old dump and an old secret.
func (p *person) as(n int) *person {
	old := *p
	old.keys, old.links = p.keys[:n], p.links[:n-1]
	return &old
}

// signed is an owner head and the checkpoint of it.
type signed struct {
	checkpoint witness.Checkpoint
	record     []byte
}

func (s signed) heads(others ...witness.Checkpoint) []witness.Checkpoint {
	return append([]witness.Checkpoint{s.checkpoint}, others...)
}

// head signs an owner head; change may be nil.
func (p *person) head(version uint64, change func(*seal.OwnerHead)) signed {
	h := &seal.OwnerHead{
		Vault: p.vault, Version: version, MinFormat: seal.MinFormat, Key: p.key().Public(),
		Succession: p.links, Service: p.service, Wrapping: make([]byte, 32),
	}
	if change != nil {
		change(h)
	}
	return p.seal(h)
}

func (p *person) tombstone(version uint64) signed {
	return p.seal(&seal.OwnerHead{Vault: p.vault, Version: version, Key: p.key().Public(), Erased: noon.UnixMilli()})
}

func (p *person) seal(h *seal.OwnerHead) signed {
	record, err := p.key().SealOwnerHead(h)
	require.NoError(p.t, err)
	return signed{
		checkpoint: witness.Checkpoint{Head: "owner", Restore: h.Restore, Version: h.Version, Hash: seal.Digest(record)},
		record:     record,
	}
}

// reset signs that the first count tries at a counter are settled.
func (p *person) reset(counter [32]byte, count uint64) []byte {
	statement, err := p.key().SealReset(p.vault, counter, count)
	require.NoError(p.t, err)
	return statement
}

// epoch makes an owner head differ from another one of the same version.
func epoch(n uint64) func(*seal.OwnerHead) {
	return func(h *seal.OwnerHead) { h.Epoch = n }
}

func restore(n uint64) func(*seal.OwnerHead) {
	return func(h *seal.OwnerHead) { h.Restore = n }
}

// at is a checkpoint of a head that is not the owner's.
func at(head string, version uint64, hash byte) witness.Checkpoint {
	return witness.Checkpoint{Head: head, Version: version, Hash: [32]byte{hash}}
}

var noon = time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)

// testClock is the clock of a witness's machine, which anybody may set.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// move lets time pass, or sets the clock: to the witness that runs, a step
// forward of this clock is the same as time.
func (c *testClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// password names the counter of a vault's password in these tests.
var password = [32]byte{'p'}

func register(t *testing.T, w api, p *person) signed {
	t.Helper()
	h := p.head(1, nil)
	_, err := w.Raise(t.Context(), p.vault, h.heads(), h.record, true)
	require.NoError(t, err)
	return h
}
