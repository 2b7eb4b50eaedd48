package consent_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

// clock stands still until it is told to move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// counted passes on to a witness, counts what it is asked, and is away when it is
// told to.
type counted struct {
	vault.Checkpoints
	mu        sync.Mutex
	asked     int
	away      bool
	failRaise bool
	failKeep  bool
}

func (c *counted) set(change func(*counted)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *counted) fails(broken func(*counted) bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away || broken(c) {
		return fmt.Errorf("the line is cut")
	}
	return nil
}

func (c *counted) Latest(ctx context.Context, id [16]byte) ([]vault.Checkpoint, error) {
	if err := c.fails(func(c *counted) bool { c.asked++; return false }); err != nil {
		return nil, err
	}
	return c.Checkpoints.Latest(ctx, id)
}

func (c *counted) Raise(ctx context.Context, id [16]byte, heads []vault.Checkpoint, owner []byte, durable bool) ([]vault.Checkpoint, error) {
	if err := c.fails(func(c *counted) bool { return c.failRaise }); err != nil {
		return nil, err
	}
	return c.Checkpoints.Raise(ctx, id, heads, owner, durable)
}

func (c *counted) Keep(ctx context.Context, id [16]byte, owner []byte, side []vault.Kept) error {
	if err := c.fails(func(c *counted) bool { return c.failKeep }); err != nil {
		return err
	}
	return c.Checkpoints.Keep(ctx, id, owner, side)
}

// stage is a store that can lie, a witness, and an authority.
type stage struct {
	host      *storagetest.Malicious
	store     *storage.Store
	own       *witness.Witness
	witness   *counted
	clock     *clock
	authority *consent.Authority
	first     consent.AuthorityKey
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{clock: &clock{now: time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)}, authority: consent.NewAuthority()}
	s.first = s.authority.Public()
	s.host = storagetest.NewMalicious(memstore.New(), nil)
	s.store = storage.New(s.host)
	var err error
	s.own, err = witness.New(witness.Config{Store: storage.New(memstore.New()), Now: s.clock.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.own.Close()) })
	s.witness = &counted{Checkpoints: s.own}
	return s
}

// open is what another process would open.
func (s *stage) open(t *testing.T) *consent.Directory {
	t.Helper()
	d, err := consent.OpenDirectory(t.Context(), consent.DirectoryConfig{Store: s.store, Checkpoints: s.witness, Authority: s.first, Now: s.clock.Now})
	require.NoError(t, err)
	return d
}

func (s *stage) begin(t *testing.T) *consent.DirectoryState {
	t.Helper()
	state, err := s.authority.Begin()
	require.NoError(t, err)
	return state
}

func (s *stage) sign(t *testing.T, on *consent.DirectoryState, changes ...consent.Change) *consent.DirectoryState {
	t.Helper()
	state, err := s.authority.Sign(on, changes...)
	require.NoError(t, err)
	return state
}

func publish(t *testing.T, d *consent.Directory, state *consent.DirectoryState) {
	t.Helper()
	_, err := d.Publish(t.Context(), carried(t, state))
	require.NoError(t, err)
}

// carried is a directory on a stick.
func carried(t *testing.T, state *consent.DirectoryState) []byte {
	t.Helper()
	bundle, err := state.Bundle()
	require.NoError(t, err)
	return bundle
}

func organisation(name string) *consent.Organisation {
	return &consent.Organisation{ID: consent.NewOrganisationID(), Name: name, Country: "FR"}
}

// newKey is the first key of a relay's space, and randomID the space.
func newKey() consent.RelayKey { return consent.RelayKey(seal.NewSigningKey().Public()) }

func randomID() vault.ID { return vault.ID(consent.NewOrganisationID()) }

func relayOf(o *consent.Organisation, name string) *consent.Relay {
	return &consent.Relay{
		ID: randomID(), Organisation: o.ID, Name: name, Type: consent.TypeDayCentre, Place: "12 rue des Écoles, Lyon", Contact: "04 00 00 00 00",
		Country: "FR", Languages: []string{"fr", "ar"}, Key: newKey(), Since: "2026-01-05",
	}
}

func licenceOf(r *consent.Relay, number string, from, to vault.Date) *consent.Licence {
	return &consent.Licence{Relay: r.ID, Number: number, From: from, To: to, Fee: 150_000, Currency: "EUR", Payer: "Ville de Lyon"}
}

func adding(o *consent.Organisation, relays ...*consent.Relay) []consent.Change {
	changes := []consent.Change{{Organisation: o}}
	for _, r := range relays {
		changes = append(changes, consent.Change{Relay: r})
	}
	return changes
}
