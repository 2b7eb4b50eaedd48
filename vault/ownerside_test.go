package vault_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// requireSideKept demands that the witness has, for the owner head of today, the
// owner side as the store has it.
func requireSideKept(t testing.TB, s *scene, extra ...string) {
	t.Helper()
	requireToldOfOwner(t, s)
	_, side, err := s.Witness.OwnerSide(t.Context(), s.v.ID())
	require.NoError(t, err)
	want := slices.Clone(extra)
	for _, prefix := range vault.OwnerSidePrefixes(s.v.ID())[1:] {
		want = append(want, keys(t, s.Store, prefix)...)
	}
	var got []string
	for _, k := range side {
		got = append(got, k.Key)
		require.Equal(t, get(t, s.Store, k.Key), k.Value, k.Key)
	}
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, got)
}

func TestTheWitnessHasTheOwnerSideOfEveryOwnerHead(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	login := keys(t, s.Store, "login/")[0]
	requireSideKept(t, s, login)
	resumed, err := s.Another(t, nil).Resume(t.Context(), s.v.Token()) // who does not know the login by heart
	require.NoError(t, err)
	_, err = resumed.AskForSpace(t.Context(), "a reason")
	require.NoError(t, err)
	requireSideKept(t, s, login)
	for _, known := range []bool{false, true} {
		const next = "gato niru pesa fova"
		require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: next, KnownToOthers: known}))
		s.person.Password = next
		requireSideKept(t, s, login)
	}
	require.NoError(t, s.v.EndOtherSessions(t.Context()))
	requireSideKept(t, s, login)
	receipt, err := s.v.CloseAccount(t.Context(), s.person.Password)
	require.NoError(t, err)
	requireSideKept(t, s, login, storage.DueKey(receipt.ErasedAt, s.v.ID().String(), "closed"))
	require.NoError(t, s.v.Reopen(t.Context()))
	requireSideKept(t, s, login)
	_, err = s.v.Erase(t.Context(), s.person.Password)
	require.NoError(t, err)
	_, side, err := s.Witness.OwnerSide(t.Context(), s.v.ID())
	require.NoError(t, err)
	require.Nil(t, side, "and nothing of an erased vault")
}

func TestWhatTheStorePutsBesideTheOwnerSideIsNotKept(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	stray := s.key("s/") + strings.Repeat("a", 26)
	set(t, s.Store, stray, []byte("a keyslot that was replaced"))
	require.NoError(t, s.v.EndOtherSessions(t.Context()))
	requireToldOfOwner(t, s)
	_, side, err := s.Witness.OwnerSide(t.Context(), s.v.ID())
	require.NoError(t, err)
	require.NotEmpty(t, side)
	require.False(t, slices.ContainsFunc(side, func(k vault.Kept) bool { return k.Key == stray }))
}

// ordered notes what a witness is told, and in which order.
type ordered struct {
	vault.Checkpoints
	mu    sync.Mutex
	calls []string
	keep  error
}

func (o *ordered) note(call string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, call)
}

func (o *ordered) Keep(ctx context.Context, id [16]byte, owner []byte, side []vault.Kept) error {
	o.note("keep " + string(owner))
	if o.keep != nil {
		return o.keep
	}
	return o.Checkpoints.Keep(ctx, id, owner, side)
}

func (o *ordered) Raise(ctx context.Context, id [16]byte, heads []vault.Checkpoint, owner []byte, durable bool) ([]vault.Checkpoint, error) {
	if owner != nil {
		o.note("raise " + string(owner))
	}
	return o.Checkpoints.Raise(ctx, id, heads, owner, durable)
}

func TestNoOwnerHeadIsRaisedBeforeItsSideIsKept(t *testing.T) {
	t.Parallel()
	o := &ordered{}
	s := newScene(t, &vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { o.Checkpoints = c; return o }})
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova"}))
	require.NoError(t, s.v.EndOtherSessions(t.Context()))
	settleWitness(t, s)
	kept, raised := map[string]bool{}, map[string]bool{}
	for _, call := range o.calls {
		what, owner, _ := strings.Cut(call, " ")
		if what == "keep" {
			kept[owner] = true
			continue
		}
		require.True(t, kept[owner])
		raised[owner] = true
	}
	require.GreaterOrEqual(t, len(raised), 3)
}

func TestASideThatIsNotKeptIsAHeadThatIsNotRaised(t *testing.T) {
	t.Parallel()
	o := &ordered{}
	s := newScene(t, &vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { o.Checkpoints = c; return o }})
	login := keys(t, s.Store, "login/")[0]
	settleWitness(t, s)
	o.keep = errAway
	before, err := s.Witness.Latest(t.Context(), s.v.ID())
	require.NoError(t, err)
	deafOn := s.Another(t, &vaulttest.Options{Checkpoints: func(vault.Checkpoints) vault.Checkpoints { return o }})
	_, err = deafOn.NewPerson(t.Context())
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	v := s.person.SignIn(t, deafOn)
	const next = "gato niru pesa fova"
	require.ErrorIs(t, v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: next}), vault.ErrUnconfirmed)
	require.NoError(t, deafOn.Vaults.Close())
	after, err := s.Witness.Latest(t.Context(), s.v.ID())
	require.NoError(t, err)
	require.Equal(t, before[0], after[0])
	s.person.Password = next
	again := s.Another(t, nil)
	s.v = s.person.SignIn(t, again)
	requireSideKept(t, s, login)
}

// A second process changes the owner head while the first reads what belongs to
// its own: what is kept belongs together all the same.
func TestTheSideIsOfTheHeadAlsoWhileTheHeadMoves(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	other, err := s.Another(t, nil).Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	var mu sync.Mutex // the service reports from a goroutine of its own, too
	armed, moved := false, 0
	between := func(key string) {
		mu.Lock()
		defer mu.Unlock()
		if armed && strings.HasPrefix(key, "login/") && moved < 3 { // the last that is read, before the head again
			moved++
			_, err := other.AskForSpace(t.Context(), "a reason")
			if moved > 1 {
				require.Error(t, err) // one waits already; its line moved nothing of the owner side
			} else {
				require.NoError(t, err)
			}
		}
	}
	stage := s.Another(t, &vaulttest.Options{Driver: func(d storage.Driver) storage.Driver { return &meddling{d, between} }})
	v := s.person.SignIn(t, stage)
	mu.Lock()
	armed = true
	mu.Unlock()
	require.NoError(t, v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova", KnownToOthers: false}))
	require.NoError(t, stage.Vaults.Close())
	require.NotZero(t, moved)
	requireSideKept(t, s, keys(t, s.Store, "login/")[0])
}

func TestAReopenedAccountIsNotErasedByTheDeadlineOfABackup(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	note := addNote(t, s.v, "kept", "")
	_, err := s.v.CloseAccount(t.Context(), s.person.Password)
	require.NoError(t, err)
	closed := dump(t, s.Store)
	require.NoError(t, s.v.Reopen(t.Context()))
	for key, record := range closed { // what the operator's tool did not think of
		if strings.HasPrefix(key, "due/") || key == s.key("tomb") {
			set(t, s.Store, key, record)
		}
	}
	s.Clock.Advance(2 * vault.ClosedKeeps)
	_, err = s.Sweep(t.Context())
	require.NoError(t, err)
	_, err = s.person.SignIn(t, s.Stage).Item(t.Context(), note.ID)
	require.NoError(t, err)
	require.Empty(t, keys(t, s.Store, s.key("tomb")))
}
