package vault_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// refusals are the errors that an altered store may give (O4).
var refusals = []error{vault.ErrTampered, vault.ErrStale, vault.ErrUntrustedKey, vault.ErrPolicy}

// requireRefused demands one of the errors of an altered store.
func requireRefused(t testing.TB, err error, msg ...any) {
	t.Helper()
	require.Error(t, err, msg...)
	require.True(t, slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(err, r) }), "%v: %v", err, msg)
}

// honest is what a person knows to be in their vault.
type honest struct {
	items   map[vault.ItemID]vault.Item
	content map[vault.ItemID][]byte
	journal []vault.Entry     // the newest first
	card    *vault.AccessCard // not nil: with which they sign in, too
}

func remember(t testing.TB, v *vault.Vault) *honest {
	t.Helper()
	h := &honest{items: map[vault.ItemID]vault.Item{}, content: map[vault.ItemID][]byte{}}
	for it, err := range v.Items(t.Context()) {
		require.NoError(t, err)
		h.items[it.ID] = it
		if it.Document != nil {
			h.content[it.ID] = read(t, v, it.ID)
		}
	}
	h.journal = requireJournal(t, v)
	return h
}

// survey signs in on a fresh service over a fork of the store, so that it leaves
// no trace, looks at everything, and returns what was refused (O4). Nothing that
// it is shown may differ from what is honest (O1); it wraps nothing but its own
// journal lines, to the person's own inbox (O2); and if it was let in, it was so
// at today's cost (O3).
func (h *honest) survey(t testing.TB, s *hostile) (refused error) {
	t.Helper()
	fork, wraps := s.fork(t), s.wraps.Load()
	began := fork.Now()
	stage := s.onFork(t, fork, vaulttest.Options{
		Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { return deaf{c} },
		Limiter:     func(l vault.Limiter) vault.Limiter { return patient{l} },
	})
	defer func() {
		require.NoError(t, stage.Close())
		require.LessOrEqual(t, s.wraps.Load()-wraps, int64(1), "something was wrapped beside the decoy of a new service")
		written := fork.Written(began)
		s.requireTrusted(t, written)
		for _, w := range written {
			require.NotRegexp(t, "^(svc|login|[a-z2-7]{26}/[skiox])/", w.Key, "looking changes no key and no item")
		}
	}()
	var byCard error
	if h.card != nil {
		s.Clock.Advance(vaultWait) // a card's tries are counted where they are evaluated
		defer s.Clock.Advance(vaultWait)
		v, err := stage.UnlockCard(t.Context(), withCard(*h.card, pin))
		if err != nil {
			require.ErrorIs(t, err, vault.ErrSignIn)
			require.Equal(t, vault.ErrSignIn.Error(), err.Error(), "to who is not in, it reads like a wrong secret")
			byCard = err
		} else {
			byCard = h.look(t, v)
			v.Close()
		}
	}
	v, err := stage.Unlock(t.Context(), s.person.Secret())
	if err != nil {
		require.ErrorIs(t, err, vault.ErrSignIn)
		require.Equal(t, vault.ErrSignIn.Error(), err.Error(), "to who is not in, it reads like a wrong secret")
		return err
	}
	defer v.Close()
	requireTodaysCost(t, s, stage, fork)
	refused = cmp.Or(h.look(t, v), byCard)
	lines, err := v.Journal(t.Context(), &vault.JournalOptions{Limit: 1000})
	if err != nil {
		requireRefused(t, err)
		return err
	}
	require.GreaterOrEqual(t, len(lines), len(h.journal))
	require.Equal(t, h.journal, lines[len(lines)-len(h.journal):], "another history was shown")
	return refused
}

// look goes through items and documents.
func (h *honest) look(t testing.TB, v *vault.Vault) (refused error) {
	t.Helper()
	seen := map[vault.ItemID]bool{}
	for it, err := range v.Items(t.Context()) {
		if seen[it.ID] = true; err != nil {
			requireRefused(t, err)
			refused = err
			continue
		}
		require.Equal(t, h.items[it.ID], it, "something else was shown")
		if it.Document == nil {
			continue
		}
		got, err := tryRead(t, v, it.ID)
		require.True(t, len(got) <= len(h.content[it.ID]) && string(got) == string(h.content[it.ID][:len(got)]), "other bytes were released")
		if err != nil {
			requireRefused(t, err)
			refused = err
		} else {
			require.Len(t, got, len(h.content[it.ID]), "cut, and nobody said so")
		}
	}
	if refused == nil {
		require.Len(t, seen, len(h.items), "something is gone, and nobody said so")
	}
	return refused
}

// requireTodaysCost demands that the keyslot by which somebody was let in is not
// cheaper than what is written today (O3). It does not ask the code that decides.
func requireTodaysCost(t testing.TB, s *hostile, stage *vaulttest.Stage, shown *storagetest.Malicious) {
	t.Helper()
	keys, _, err := stage.ServiceKeys(t.Context(), s.v.ID())
	require.NoError(t, err)
	today, opened := seal.NewKDF(), 0
	for _, key := range shown.Records(s.key("s/")) {
		kdf, ok := vault.SlotCost(s.v.ID(), key, shown.Record(key).Bytes(), keys[len(keys)-1])
		if !ok {
			continue // of an older wrapping key: no head names it
		}
		opened++
		require.Equal(t, today.Algorithm, kdf.Algorithm)
		require.GreaterOrEqual(t, kdf.Time, today.Time)
		require.GreaterOrEqual(t, kdf.MemoryKiB, today.MemoryKiB)
		require.GreaterOrEqual(t, len(kdf.Salt), len(today.Salt))
	}
	require.NotZero(t, opened)
}

// requireTrusted looks at everything that was written: each record is of today's
// format (O3), and whatever was sealed to a public key opens with a key of somebody
// whom the test trusts (O2): lines of the journal and deposits with an inbox of the
// vault's own, grants with one of a holder whom the directory named.
func (s *hostile) requireTrusted(t testing.TB, written []storage.Write) {
	t.Helper()
	for id, p := range s.people {
		_, inboxes, _ := p.Vault.Keys()
		s.inboxes[id] = append(s.inboxes[id], inboxes...)
	}
	for _, w := range written {
		owner, rest, _ := strings.Cut(w.Key, "/")
		kind, object, _ := strings.Cut(rest, "/")
		id, err := vault.ParseID(owner)
		if err != nil || w.Delete {
			continue
		}
		if slices.Contains([]string{"h", "k", "s", "x", "i", "o", "n", "j", "g", "in"}, kind) {
			require.Equal(t, seal.Format, w.Value[0], w.Key)
		}
		if len(w.Value) > 1 && w.Value[1] == byte(seal.AlgBox) {
			require.True(t, s.isTrusted(id, kind, object, w.Value), "%s was sealed to somebody whom nobody let in", w.Key)
		}
	}
}

// isTrusted says whether something that was sealed to a public key opens with a key
// of whom it may be for.
func (s *hostile) isTrusted(id vault.ID, kind, object string, record []byte) bool {
	switch kind {
	case "h": // a stop
		return slices.ContainsFunc(s.inboxes[id], func(k seal.BoxKey) bool { return vault.OpensStop(id, record, k) })
	case "j":
		number, err := strconv.ParseUint(object, 16, 64)
		return err == nil && slices.ContainsFunc(s.inboxes[id], func(k seal.BoxKey) bool { return vault.OpensLine(id, number, record, k) })
	case "in":
		for whose, keys := range s.inboxes { // also one that was carried from another vault
			if slices.ContainsFunc(keys, func(k seal.BoxKey) bool { return vault.OpensDeposit(whose, record, k) }) {
				return true
			}
		}
	case "g":
		for holder, keys := range s.holders {
			if vault.OpensGrant(id, object, record, holder, keys) {
				return true
			}
		}
	}
	return false
}

// copied is a copy of a store in memory.
func copied(t testing.TB, from storage.Driver) storage.Driver {
	t.Helper()
	to := memstore.New()
	for after := ""; ; {
		page, err := from.Scan(t.Context(), "", after, storage.MaxWrites)
		require.NoError(t, err)
		var writes []storage.Write
		for _, rec := range page {
			after = rec.Key
			writes = append(writes, storage.Write{Key: rec.Key, Value: rec.Value})
		}
		require.NoError(t, to.Commit(t.Context(), nil, writes))
		if len(page) < storage.MaxWrites {
			return to
		}
	}
}

// deaf is a witness that answers and hears nothing.
type deaf struct{ vault.Checkpoints }

func (deaf) Raise(context.Context, [16]byte, []vault.Checkpoint, []byte, bool) ([]vault.Checkpoint, error) {
	return nil, nil
}

// patient lets everybody try as often as they like.
type patient struct{ vault.Limiter }

func (patient) Count(context.Context, [16]byte, [32]byte) (vault.Tries, error) {
	return vault.Tries{Total: 1, Failed: 1}, nil
}
func (p patient) Reset(ctx context.Context, id [16]byte, counter [32]byte, statement []byte) error {
	_ = p.Limiter.Reset(ctx, id, counter, statement) // of a card's
	return nil
}

// settleWitness ends the first service, so that the witness knows the latest heads.
func settleWitness(t testing.TB, s *scene) { require.NoError(t, s.Vaults.Close()) }

// blind is a witness that cannot be asked, and hears.
type blind struct{ vault.Checkpoints }

func (blind) Latest(context.Context, [16]byte) ([]vault.Checkpoint, error) { return nil, errAway }
