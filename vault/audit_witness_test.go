package vault_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// unheard is a witness that answers questions and, while it is deaf, hears of
// nothing: it keeps the owner head of the last report that was lost.
type unheard struct {
	vault.Checkpoints
	deaf atomic.Bool
	mu   sync.Mutex
	lost string
}

func (u *unheard) Raise(ctx context.Context, id [16]byte, heads []vault.Checkpoint, owner []byte, durable bool) ([]vault.Checkpoint, error) {
	if !u.deaf.Load() {
		return u.Checkpoints.Raise(ctx, id, heads, owner, durable)
	}
	if !durable && owner != nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.lost = string(owner)
	}
	return nil, errAway
}

// waitUntilLost waits until nobody will report the owner head of today unasked.
func (u *unheard) waitUntilLost(t testing.TB, s *scene) {
	t.Helper()
	head := string(get(t, s.Store, s.key("h/o")))
	require.Eventually(t, func() bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		return u.lost == head
	}, 10*time.Second, time.Millisecond)
}

// unheardScene is a scene on whose changes of the owner head its witness is deaf.
func unheardScene(t *testing.T) (*scene, *unheard) {
	u := &unheard{}
	s := newScene(t, &vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { u.Checkpoints = c; return u }})
	return s, u
}

// requireToldOfOwner waits until the witness knows the owner head of today.
func requireToldOfOwner(t testing.TB, s *scene) {
	t.Helper()
	require.Eventually(t, func() bool {
		known, _, err := s.Witness.OwnerSide(t.Context(), s.v.ID())
		return err == nil && string(known) == string(get(t, s.Store, s.key("h/o")))
	}, 5*time.Second, time.Millisecond, "the witness never hears of it")
}

// rollBack brings back the records of then whose keys hold one of parts.
func rollBack(t testing.TB, s *scene, then map[string][]byte, parts ...string) {
	t.Helper()
	for key, record := range then {
		for _, part := range parts {
			if strings.HasPrefix(key, s.key(part)) {
				set(t, s.Store, key, record)
			}
		}
	}
}

func TestAnUnconfirmedPasswordIsConfirmedByWhateverComesNext(t *testing.T) {
	t.Parallel()
	s, u := unheardScene(t)
	old, oldSecret := dump(t, s.Store), s.person.Secret()
	u.deaf.Store(true)
	require.ErrorIs(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova"}), vault.ErrUnconfirmed)
	s.person.Password = "gato niru pesa fova"
	u.waitUntilLost(t, s)
	u.deaf.Store(false)
	_, err := s.v.List(t.Context(), nil) // in the same process, without a new sign-in
	require.NoError(t, err)
	requireToldOfOwner(t, s)

	rollBack(t, s, old, "h/o", "s/", "k/", "o/", "x/o")
	_, err = s.Another(t, nil).Unlock(t.Context(), oldSecret)
	require.ErrorIs(t, err, vault.ErrSignIn)
	require.ErrorIs(t, err, vault.ErrStale)
}

func TestAnEndedSessionStaysEndedAlthoughTheWitnessWasAway(t *testing.T) {
	t.Parallel()
	s, u := unheardScene(t)
	thief := s.person.SignIn(t, s.Stage).Token()
	old := dump(t, s.Store)
	u.deaf.Store(true)
	require.NoError(t, s.v.EndOtherSessions(t.Context()))
	u.waitUntilLost(t, s)
	u.deaf.Store(false)
	_, err := s.v.List(t.Context(), nil)
	require.NoError(t, err)
	requireToldOfOwner(t, s)

	rollBack(t, s, old, "h/o", "n/")
	_, err = s.Another(t, nil).Resume(t.Context(), thief)
	require.ErrorIs(t, err, vault.ErrStale)
}

func TestWhoComesBackWhileTheWitnessIsAwayIsTold(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	old := dump(t, s.Store)
	addNote(t, s.v, "later", "")
	settleWitness(t, s)
	putBack(t, s.Store, old)
	w := watch(t, s.Stage, nil)
	w.witness.away.Store(true)
	v, err := w.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	for range 3 { // not by the first answer alone
		require.Contains(t, overview(t, v).Notices, vault.NoticeWitnessAway, "rolled back, and nobody could check")
		s.Clock.Advance(3 * time.Second)
	}
	w.witness.away.Store(false)
	s.Clock.Advance(time.Minute)
	_, err = v.Overview(t.Context())
	require.ErrorIs(t, err, vault.ErrStale, "it is seen as soon as somebody can")
}

func TestAForkIsNoticedByTheProcessThatIsInIt(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	fork := s.Another(t, &vaulttest.Options{Driver: func(d storage.Driver) storage.Driver { return copied(t, d) }})
	other, err := fork.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	addNote(t, s.v, "one history", "")
	require.Eventually(t, func() bool {
		heads, err := s.Witness.Latest(t.Context(), s.v.ID())
		return err == nil && slices.ContainsFunc(heads, func(h vault.Checkpoint) bool { return h.Head == "private" && h.Version == 2 })
	}, 5*time.Second, time.Millisecond, "the witness knows the one")
	addNote(t, other, "another history", "")
	require.Eventually(t, func() bool { // the answer to its own report is enough
		_, err := fork.Resume(t.Context(), other.Token())
		return err != nil
	}, 5*time.Second, time.Millisecond, "it goes on in the fork")
	_, err = other.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrTampered)
	s.Clock.Advance(time.Minute)
	_, err = s.v.List(t.Context(), nil)
	require.NoError(t, err, "the history that the witness knows goes on")
}

func TestTheKeyFileDoesNotCutTheJournal(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "Carte", content(1, 500))
	read(t, s.v, paper.ID)
	settleWitness(t, s)
	cut, err := s.CutJournalHead(t.Context(), s.v.ID())
	require.NoError(t, err)
	set(t, s.Store, s.key("h/j"), cut)
	s.Clock.Advance(time.Hour)
	stage := s.Another(t, nil)
	_, err = stage.Unlock(t.Context(), s.person.Secret())
	require.ErrorIs(t, err, vault.ErrStale)
}

// hanging is a witness that answers when the caller has had enough: at once where
// it set itself a limit, and it notes where it did not.
type hanging struct {
	vault.Checkpoints
	vault.Limiter
	at        atomic.Value // the call at which it hangs; "": all; not set: none
	mu        sync.Mutex
	unlimited []string
}

func (h *hanging) hang(ctx context.Context, what string) error {
	if at := h.at.Load(); at == nil || at != "" && at != what {
		return nil
	}
	if limit, ok := ctx.Deadline(); !ok || time.Until(limit) > 6*time.Second {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.unlimited = append(h.unlimited, what)
	}
	return context.DeadlineExceeded
}

func (h *hanging) Latest(ctx context.Context, id [16]byte) ([]vault.Checkpoint, error) {
	if err := h.hang(ctx, "latest"); err != nil {
		return nil, err
	}
	return h.Checkpoints.Latest(ctx, id)
}

func (h *hanging) Raise(ctx context.Context, id [16]byte, heads []vault.Checkpoint, owner []byte, durable bool) ([]vault.Checkpoint, error) {
	if err := h.hang(ctx, "raise"); err != nil {
		return nil, err
	}
	return h.Checkpoints.Raise(ctx, id, heads, owner, durable)
}

func (h *hanging) Count(ctx context.Context, id [16]byte, counter [32]byte) (vault.Tries, error) {
	if err := h.hang(ctx, "count"); err != nil {
		return vault.Tries{}, err
	}
	return h.Limiter.Count(ctx, id, counter)
}

func (h *hanging) Reset(ctx context.Context, id [16]byte, counter [32]byte, statement []byte) error {
	if err := h.hang(ctx, "reset"); err != nil {
		return err
	}
	return h.Limiter.Reset(ctx, id, counter, statement)
}

func TestNobodyWaitsForAWitnessThatHangs(t *testing.T) {
	t.Parallel()
	h := &hanging{}
	s := newScene(t, &vaulttest.Options{
		Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { h.Checkpoints = c; return h },
		Limiter:     func(l vault.Limiter) vault.Limiter { h.Limiter = l; return h },
	})
	erased := s.Person(t)
	paper := add(t, s.v, "Carte", content(1, 500))
	h.at.Store("")
	_, err := erased.Vault.Erase(t.Context(), erased.Password)
	require.NoError(t, err)
	s.Clock.Advance(time.Hour)
	_, err = s.Sweep(t.Context())
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	v := s.person.SignIn(t, s.Stage)
	for _, act := range []func() error{
		func() error { _, err := s.Resume(t.Context(), v.Token()); return err },
		func() error { _, err := v.List(t.Context(), nil); return err },
		func() error { read(t, v, paper.ID); return nil },
		func() error { add(t, v, "more", content(2, 500)); return nil },
		func() error { return v.EndOtherSessions(t.Context()) },
	} {
		s.Clock.Advance(time.Minute) // what was known is no longer fresh
		require.NoError(t, act())
	}
	for _, act := range []func() error{
		func() error { _, err := s.NewPerson(t.Context()); return err },
		func() error {
			return v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova"})
		},
		func() error { _, err := v.CloseAccount(t.Context(), s.person.Password); return err },
	} {
		s.Clock.Advance(time.Minute)
		require.ErrorIs(t, act(), vault.ErrWitnessAway)
	}
	h.at.Store("reset") // the last call of a sign-in that it counted
	s.Clock.Advance(time.Hour)
	s.person.SignIn(t, s.Stage)
	require.NoError(t, s.Vaults.Close())
	require.Empty(t, h.unlimited, "these wait for as long as it likes")
}

// meddling calls before with the key of every single read.
type meddling struct {
	storage.Driver
	before func(key string)
}

func (m *meddling) Get(ctx context.Context, key string) (storage.Record, error) {
	m.before(key)
	return m.Driver.Get(ctx, key)
}

// Two processes on one store: what one reads while the other writes is read
// again, and is not called altered.
func TestAnHonestStoreIsNeverAccused(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	note := addNote(t, s.v, "n", "x")
	var writes atomic.Int32
	between := func(key string) {
		if key == s.key("i/"+note.ID.String()) && writes.CompareAndSwap(1, 2) {
			_, err := s.v.Edit(t.Context(), note.ID, 1, vault.Edit{Name: ptr("renamed")})
			require.NoError(t, err)
		}
	}
	stage := s.Another(t, &vaulttest.Options{Driver: func(d storage.Driver) storage.Driver { return &meddling{d, between} }})
	secret := s.person.Secret()
	secret.Session = nil // nothing else is read in the turn
	v, err := stage.Unlock(t.Context(), secret)
	require.NoError(t, err)
	writes.Store(1)
	it, err := v.Item(t.Context(), note.ID)
	require.NoError(t, err)
	require.Equal(t, "renamed", it.Name)
	require.EqualValues(t, 2, writes.Load())
}
