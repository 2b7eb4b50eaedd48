package vault_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
	"reconnect.example/vault/vaulttest"
)

// mover is a person with a space at two operators, of which every part can be made to fail.
type mover struct {
	t    testing.TB
	ctx  context.Context
	each [2]*watched // the old one, the new one
	who  [2]*vaulttest.Person
	was  []string // what they had
	over func()   // ends a fault that stays, once it was met
}

func newMover(t testing.TB) *mover {
	t.Helper()
	m := &mover{t: t, ctx: t.Context(), over: func() {}}
	for n := range m.each {
		m.each[n] = newWatched(t, nil)
		m.who[n] = m.each[n].Person(t)
	}
	for n := range uint64(2) {
		addTo(t, m.who[0].Vault, vault.NewDocument{Name: fmt.Sprint("paper ", n)}, content(n, 70_000))
	}
	addNote(t, m.who[0].Vault, "note", "text")
	m.was = m.see(0)
	m.heal()
	return m
}

func (m *mover) heal() { m.each[0].heal(); m.each[1].heal() }

// see is what the person has at one of the two, on a vault that is sound.
func (m *mover) see(n int) []string {
	m.t.Helper()
	return requireSound(m.t, m.each[n].Stage, m.who[n])
}

// does does one thing again until it is done, as a person does who is told that it was not.
func (m *mover) does(what string, do func() error) {
	m.t.Helper()
	for range 4 {
		err := do()
		if err == nil || errors.Is(err, vault.ErrUnconfirmed) {
			return
		}
		require.NotErrorIs(m.t, err, vault.ErrTampered, what)
		m.over()
	}
	require.Fail(m.t, "it does not come to its end", what)
}

// moves goes all the way, whatever fails once on it.
func (m *mover) moves() (sent, kept vault.TransferReceipt) {
	m.t.Helper()
	old, next := m.who[0].Vault, m.who[1].Vault
	to := vault.TransferTo(m.each[1].Vaults)
	m.does("begin", func() error {
		if _, err := old.Departure(m.ctx); !errors.Is(err, vault.ErrNotFound) {
			return err // the answer was lost, and no more
		}
		code, err := next.AwaitTransfer(m.ctx, newOperator, nil) // for each try: a code takes one bundle
		if err != nil {
			return err
		}
		_, err = old.BeginDeparture(m.ctx, code, to, &vault.DepartureOptions{From: "old.example"})
		return err
	})
	m.does("send", func() error {
		left, err := old.SendDeparture(m.ctx, to)
		if err == nil {
			require.Zero(m.t, left)
		}
		return err
	})
	m.does("take in", func() error {
		if a, err := next.Arrival(m.ctx); err != nil || a.Receipt != nil {
			return err
		}
		a, err := next.OpenArrival(m.ctx)
		if err != nil {
			return err
		}
		b, err := bundle.Open(m.ctx, a, a.Size(), nil)
		var done vault.Imported
		if err == nil {
			done, err = b.Import(m.ctx, next, nil)
		}
		if err == nil {
			kept, err = next.AcceptArrival(m.ctx, a, done.New, done.There)
		}
		return errors.Join(err, a.Close())
	})
	m.does("confirm", func() error {
		r, confirmed, err := old.ConfirmDeparture(m.ctx, to)
		if err == nil {
			require.True(m.t, confirmed)
			sent = r
		}
		return err
	})
	m.does("read what is kept", func() error {
		a, err := next.Arrival(m.ctx)
		if err == nil {
			kept = *a.Receipt
		}
		return err
	})
	return sent, kept
}

// Whatever fails at either server while somebody moves: nothing is lost at the old one,
// nothing is twice at the new one, who does it again comes to the end, and nothing of the
// move lies there afterwards.
func TestAMoveComesToItsEndWhateverFails(t *testing.T) {
	t.Parallel()
	type set func(w *watched, n int)
	for name, what := range map[string]struct {
		fail set
		of   func(*watched) int
	}{
		"the store once": {func(w *watched, n int) { w.store.FailAt(n, storage.ErrUnavailable, storagetest.Before) }, callsOf()},
		"the store for a while": {func(w *watched, n int) {
			w.store.FailFrom(n, storage.ErrUnavailable, storagetest.Before)
		}, callsOf()},
		"an answer to a commit": {func(w *watched, n int) {
			w.store.FailAt(n, storage.ErrUnknown, storagetest.After, storagetest.Commit)
		}, callsOf(storagetest.Commit)},
		"the answer to a blob": {func(w *watched, n int) {
			w.store.FailAt(n, storage.ErrUnknown, storagetest.After, storagetest.CloseBlob)
		}, callsOf(storagetest.CloseBlob)},
		"the witness for a while": {func(w *watched, n int) { w.witness.failAt(n, math.MaxInt, storagetest.Before) }, callsOfWitness},
		"an answer of the witness": {func(w *watched, n int) {
			w.witness.failAt(n, n, storagetest.After)
		}, callsOfWitness},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for side, where := range []string{"old", "new"} {
				calls := 0
				apart(t, "well at the "+where, 0, func(t *testing.T) bool {
					m := newMover(t)
					m.moves()
					calls = what.of(m.each[side])
					return true
				})
				step := max(1, calls/sized(1, 6))
				if os.Getenv("RECONNECT_FAULTS") == "all" {
					step = 1
				}
				for n := 1 + step/2; n <= calls; n += step {
					apart(t, name+" at the "+where, n, func(t *testing.T) bool {
						m := newMover(t)
						what.fail(m.each[side], n)
						m.over = m.each[side].heal
						m.ends(fmt.Sprintf("call %d of %d", n, calls))
						return true
					})
				}
			}
		})
	}
}

func (m *mover) ends(which string) {
	m.t.Helper()
	sent, kept := m.moves()
	require.Equal(m.t, sent, kept, which)
	require.Len(m.t, m.was, sent.Items+sent.There, which)
	for _, w := range m.each {
		require.NoError(m.t, w.Vaults.Close())
	}
	m.heal()
	require.Equal(m.t, m.was, m.see(0), "nothing is lost; %s", which)
	require.Equal(m.t, m.was, m.see(1), "all of it came, once; %s", which)
	for n, w := range m.each {
		stage := w.Another(m.t, nil)
		stage.Clock.Advance(vault.MostTransferLasts + 2*time.Hour)
		settle(m.t, stage)
		requireTidy(m.t, stage, w.blobs, m.who[n].Vault.ID())
	}
}
