package vault_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// recordRoom is set aside beside a document for its record.
const recordRoom = 4096

// withRoom is a scene whose person has exactly so many bytes left.
func withRoom(t *testing.T, left int64) *scene {
	t.Helper()
	empty := newScene(t, nil)
	used := usage(t, empty.Stage, empty.v.ID()).Used
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{Allowance: used + left}})
	require.Equal(t, left, usage(t, s.Stage, s.v.ID()).Left)
	return s
}

// untouched fails if anybody reads it.
func untouched(t *testing.T) io.Reader {
	return readerFunc(func([]byte) (int, error) {
		t.Error("it was read")
		return 0, io.EOF
	})
}

func TestTheFirstByteOverTheLimitIsRefusedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	const size = 70_000
	need := seal.SealedSize(size) + recordRoom
	s := withRoom(t, need-1)
	before := usage(t, s.Stage, s.v.ID())
	_, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "x", Size: size}, untouched(t))
	require.ErrorIs(t, err, vault.ErrFull)
	require.Equal(t, "full", vault.Code(err))
	var full *quota.FullError
	require.ErrorAs(t, err, &full)
	require.Equal(t, &quota.FullError{Limit: before.Limit, Used: before.Used, Left: need - 1, Wanted: need}, full)
	require.Equal(t, before, usage(t, s.Stage, s.v.ID()))

	s = withRoom(t, need)
	add(t, s.v, "x", content(1, size))
	requireSound(t, s.Stage, s.person)
}

func TestAnUploadOfUnknownLengthStopsAtTheLimit(t *testing.T) {
	t.Parallel()
	for _, room := range []int64{10_000, 1 << 20, 3 << 20} {
		s := withRoom(t, room)
		paper := add(t, s.v, "kept", content(9, 500))
		before := usage(t, s.Stage, s.v.ID())
		_, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "x"}, bytes.NewReader(content(1, int(room))))
		var full *quota.FullError
		require.ErrorAs(t, err, &full)
		require.LessOrEqual(t, full.Left, before.Left)
		require.Equal(t, before, usage(t, s.Stage, s.v.ID()), "the space is given back")
		require.Equal(t, content(9, 500), read(t, s.v, paper.ID))
		// What fits goes in, whatever was tried before.
		fits := int(before.Left) - recordRoom
		for seal.SealedSize(int64(fits)) > before.Left-recordRoom {
			fits--
		}
		it, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "fits"}, bytes.NewReader(content(1, fits)))
		require.NoError(t, err)
		require.Equal(t, content(1, fits), read(t, s.v, it.ID))
		requireSound(t, s.Stage, s.person)
	}
}

func TestAReplacementMustFitBesideTheOld(t *testing.T) {
	t.Parallel()
	const size = 70_000
	s := withRoom(t, 2*(seal.SealedSize(size)+recordRoom))
	paper := add(t, s.v, "x", content(1, size))
	_, err := s.v.ReplaceDocument(t.Context(), paper.ID, 1, vault.NewDocument{Size: 2 * size}, untouched(t))
	require.ErrorIs(t, err, vault.ErrFull)
	require.Equal(t, content(1, size), read(t, s.v, paper.ID), "the old is whole until the new is in")
	_, err = s.v.ReplaceDocument(t.Context(), paper.ID, 1, vault.NewDocument{Size: size}, bytes.NewReader(content(2, size)))
	require.NoError(t, err)
	requireSound(t, s.Stage, s.person)
}

func TestAFullSpaceLosesNothingAndTakesWhatFitsAgain(t *testing.T) {
	t.Parallel()
	s := withRoom(t, 40_000)
	paper := add(t, s.v, "paper", content(1, 20_000))
	var err error
	kept := 0
	for ; err == nil; kept++ { // notes are charged by the byte, too
		_, err = s.v.AddNote(t.Context(), "note", vault.Note{Text: "text"}, vault.Place{})
	}
	var full *quota.FullError
	require.ErrorAs(t, err, &full)
	require.Less(t, full.Left, full.Wanted)
	require.Len(t, papers(t, s.v), kept, "one paper, and all notes but the last")
	require.Equal(t, content(1, 20_000), read(t, s.v, paper.ID))
	_, err = s.v.Edit(t.Context(), paper.ID, 1, vault.Edit{Name: ptr("still has a name")})
	require.NoError(t, err, "a record of the same size class is no more")
	require.NoError(t, s.v.Destroy(t.Context(), paper.ID, 2))
	add(t, s.v, "another", content(2, 10_000))
	requireSound(t, s.Stage, s.person)
}

func TestMoreSpaceIsAskedForAndTheSameUploadPasses(t *testing.T) {
	t.Parallel()
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{Allowance: 100_000}})
	upload := func() error {
		_, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "x", Size: 120_000}, bytes.NewReader(content(1, 120_000)))
		return err
	}
	require.ErrorIs(t, upload(), vault.ErrFull)
	const reason = "les papiers de mes trois enfants"
	asked, err := s.v.AskForSpace(t.Context(), reason)
	require.NoError(t, err)
	require.Equal(t, quota.Waiting, asked.State)
	require.Equal(t, reason, asked.Reason)
	require.EqualValues(t, 200_000, asked.Limit)
	_, err = s.v.AskForSpace(t.Context(), "again")
	require.ErrorIs(t, err, quota.ErrPending)
	require.NotErrorIs(t, err, vault.ErrStorage, "the store is well")
	require.ErrorIs(t, upload(), vault.ErrFull, "not yet")

	var pending []vault.PendingSpace
	for p, err := range s.PendingSpace(t.Context()) {
		require.NoError(t, err)
		pending = append(pending, p)
	}
	require.Equal(t, []vault.PendingSpace{{Vault: s.v.ID(), Asked: s.Clock.Now(), Number: 1, Reason: reason, Usage: usage(t, s.Stage, s.v.ID())}}, pending)
	decided, err := s.DecideSpace(t.Context(), s.v.ID(), quota.Decision{Number: 1, Approve: true, By: "Anne", Why: "oui"})
	require.NoError(t, err)
	require.Equal(t, quota.Approved, decided.State)
	require.NoError(t, upload())

	all, err := s.person.SignIn(t, s.Stage).SpaceRequests(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, reason, all[0].Reason)
	require.Equal(t, "Anne", all[0].By)
	require.Equal(t, "oui", all[0].Why)
	for p, err := range s.PendingSpace(t.Context()) {
		require.Fail(t, "nothing waits", "%v %v", p, err)
	}
	requireSound(t, s.Stage, s.person)
}

func TestARefusedRequestIsShownWithItsReason(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	_, err := s.v.AskForSpace(t.Context(), "")
	require.NoError(t, err, "no reason has to be given")
	_, err = s.DecideSpace(t.Context(), s.v.ID(), quota.Decision{Number: 2, By: "Anne"})
	require.ErrorIs(t, err, quota.ErrNoIncrease)
	require.NotErrorIs(t, err, vault.ErrStorage)
	_, err = s.DecideSpace(t.Context(), s.v.ID(), quota.Decision{Number: 1, By: "Anne", Why: "demandez au relais"})
	require.NoError(t, err)
	_, err = s.DecideSpace(t.Context(), s.v.ID(), quota.Decision{Number: 1, Approve: true, By: "Jean"})
	require.ErrorIs(t, err, quota.ErrDecided)
	require.NotErrorIs(t, err, vault.ErrStorage)
	s.Clock.Advance(vaultWait / 2)
	_, err = s.v.AskForSpace(t.Context(), "encore")
	require.NoError(t, err)
	all, err := s.v.SpaceRequests(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, quota.Refused, all[0].State)
	require.Equal(t, "demandez au relais", all[0].Why)
	require.Equal(t, "encore", all[1].Reason)
	_, err = s.v.AskForSpace(t.Context(), string(make([]byte, 501)))
	requireInvalid(t, err, "reason")
}

func TestTooManyUploadsAtOnceAreTold(t *testing.T) {
	t.Parallel()
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{MaxReservations: 1}})
	_, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "one"}, readerFunc(func([]byte) (int, error) {
		_, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "two"}, untouched(t))
		require.ErrorIs(t, err, vault.ErrTooMany)
		require.NotErrorIs(t, err, vault.ErrStorage)
		return 0, io.EOF
	}))
	require.NoError(t, err)
	require.Equal(t, []string{"one"}, papers(t, s.v))
}

func TestSpaceShowsWhatIsLargest(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for n := range 12 {
		add(t, s.v, string(rune('a'+n)), content(1, 5000*(n+1)))
	}
	space, err := s.v.Space(t.Context())
	require.NoError(t, err)
	require.Equal(t, usage(t, s.Stage, s.v.ID()), space.Usage)
	require.EqualValues(t, 150_000_000, space.Limit)
	require.Equal(t, []string{"l", "k", "j", "i", "h", "g", "f", "e", "d", "c"}, names(space.Largest))
}

func TestAFullDiskIsNamedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	paper := add(t, p.Vault, "kept", content(1, 5000))
	for n := 1; ; n++ {
		w.heal()
		w.store.FailFrom(n, storage.ErrNoSpace, 0, "commit", "create blob", "write blob", "close blob")
		_, err := p.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "x"}, bytes.NewReader(content(2, segment)))
		if !w.store.Failed() {
			require.NoError(t, err)
			break
		}
		require.ErrorIs(t, err, vault.ErrStorage)
		require.True(t, errors.Is(err, storage.ErrNoSpace), "and the operator can tell why")
		w.heal()
		require.Equal(t, []string{"kept"}, papers(t, p.Vault))
		require.Equal(t, content(1, 5000), read(t, p.Vault, paper.ID))
	}
	w.heal()
	settle(t, w.Stage)
	requireTidy(t, w.Stage, w.blobs, p.Vault.ID())
}

func TestADecisionWithoutANameIsInvalid(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	_, err := s.v.AskForSpace(t.Context(), "")
	require.NoError(t, err)
	_, err = s.DecideSpace(t.Context(), s.v.ID(), quota.Decision{Number: 1, Approve: true})
	require.ErrorIs(t, err, vault.ErrInvalid)
}
