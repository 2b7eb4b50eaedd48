package vault_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// company is a person who let others in, and what all of them know to be there: the
// oracles of attack_oracles_test.go, asked of everybody.
type company struct {
	*honest
	tn     *town
	grants []vault.GrantID
	guests []vault.Guest               // each tries each grant
	shared map[vault.ItemID]vault.Item // as whom the person lets in is shown it
	left   []vault.ItemID              // what may be taken in
}

// company remembers what is there, while the store is honest, and who may see it by
// these grants.
func (s *hostile) company(t testing.TB, tn *town, grants ...vault.GrantID) *company {
	t.Helper()
	return s.companyOf(t, tn, []vault.Guest{tn.guest(tn.workerKeys(t), tn.relay.ID(), "housing")}, grants...)
}

// companyOf is a company in which these guests try.
func (s *hostile) companyOf(t testing.TB, tn *town, guests []vault.Guest, grants ...vault.GrantID) *company {
	t.Helper()
	c := &company{honest: remember(t, tn.v), tn: tn, grants: grants, guests: guests, shared: map[vault.ItemID]vault.Item{}}
	for id, it := range c.items {
		if it.Compartment == vault.Shared {
			c.shared[id] = it
		}
	}
	return c
}

// survey lets everybody look on a fork of the store, each of whom is shown what is
// honest (O1), or is refused (O4); what was sealed meanwhile was sealed to whom the
// person or the directory named (O2), and as is done today (O3). It returns how many
// items guests were shown.
func (c *company) survey(t testing.TB, s *hostile, msg ...any) (shown int) {
	t.Helper()
	c.tn.Report() // a head that the witness is still to be told of is refused for that
	fork, wraps := s.fork(t), s.wraps.Load()
	began, asked := fork.Now(), *c.tn.register
	stage := s.onFork(t, fork, vaulttest.Options{
		Directory:   func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return &asked, nil },
		Checkpoints: func(w vault.Checkpoints) vault.Checkpoints { return deaf{w} },
		Limiter:     func(l vault.Limiter) vault.Limiter { return patient{l} },
	})
	asked.service = stage.Vaults
	for _, grant := range c.grants {
		for _, g := range c.guests {
			shown += c.visited(t, stage, grant, g, msg...)
		}
	}
	c.returned(t, s, stage, fork, msg...)
	require.NoError(t, stage.Close())
	require.LessOrEqual(t, s.wraps.Load()-wraps, int64(1), "%v: something was wrapped beside the decoy of a new service", msg)
	s.requireTrusted(t, fork.Written(began))
	return shown
}

// visited looks as somebody who was let in, or was.
func (c *company) visited(t testing.TB, stage *vaulttest.Stage, grant vault.GrantID, g vault.Guest, msg ...any) (shown int) {
	t.Helper()
	g.Standing = nil // of another service
	v, err := stage.OpenGrant(t.Context(), c.tn.v.ID(), grant, g)
	if err != nil {
		requireKeptOut(t, err, msg...)
		return 0
	}
	defer v.Close()
	for it, err := range v.Items(t.Context()) {
		if errors.Is(err, vault.ErrNotAllowed) {
			return 0 // who may only give is shown nothing
		}
		if err != nil {
			requireKeptOut(t, err, msg...)
			continue
		}
		require.Equal(t, c.shared[it.ID], it, "%v: something else was shown to a guest", msg)
		shown++
		if it.Document == nil {
			continue
		}
		got, err := tryRead(t, v, it.ID)
		require.True(t, len(got) <= len(c.content[it.ID]) && string(got) == string(c.content[it.ID][:len(got)]), "%v: other bytes were released", msg)
		if err != nil {
			requireKeptOut(t, err, msg...)
		} else {
			require.Len(t, got, len(c.content[it.ID]), "%v: cut, and nobody said so", msg)
		}
	}
	return shown
}

// requireKeptOut demands one of the errors of an altered store, or of an end.
func requireKeptOut(t testing.TB, err error, msg ...any) {
	t.Helper()
	if !errors.Is(err, vault.ErrEnded) {
		requireRefused(t, err, msg...)
	}
}

// returned looks as the person, who signs in anew: what waits is taken in, and keys
// that are owed are made.
func (c *company) returned(t testing.TB, s *hostile, stage *vaulttest.Stage, fork *storagetest.Malicious, msg ...any) {
	t.Helper()
	v, err := stage.Unlock(t.Context(), s.person.Secret())
	if err != nil {
		require.ErrorIs(t, err, vault.ErrSignIn, msg...)
		require.Equal(t, vault.ErrSignIn.Error(), err.Error(), msg...)
		return
	}
	defer v.Close()
	requireTodaysCost(t, s, stage, fork)
	for it, err := range v.Items(t.Context()) {
		if err != nil {
			requireRefused(t, err, msg...)
			continue
		}
		if slices.Contains(c.left, it.ID) {
			require.Equal(t, "text of "+it.Name, it.Note.Text, msg...)
			continue
		}
		require.Equal(t, c.items[it.ID], it, "%v: something else was shown", msg)
		if it.Document == nil {
			continue
		}
		got, err := tryRead(t, v, it.ID)
		require.True(t, len(got) <= len(c.content[it.ID]) && string(got) == string(c.content[it.ID][:len(got)]), "%v: other bytes were released", msg)
		if err != nil {
			requireRefused(t, err, msg...)
		}
	}
	lines, err := v.Journal(t.Context(), &vault.JournalOptions{Limit: 1000})
	if err != nil {
		requireRefused(t, err, msg...)
		return
	}
	require.GreaterOrEqual(t, len(lines), len(c.journal), msg...)
	require.Equal(t, c.journal, lines[len(lines)-len(c.journal):], "%v: another history was shown", msg)
}
