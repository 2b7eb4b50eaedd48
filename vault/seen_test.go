package vault_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func worker(n int) vault.Actor {
	return vault.Actor{Kind: vault.ActorWorker, ID: fmt.Sprint("worker-", n), Name: fmt.Sprint("Name ", n), Organisation: "Org", Relay: "CCAS", RelayID: "relay-1"}
}

// let opens the person's vault for somebody of the relay that follows them.
func (tn *town) let(t testing.TB, grant vault.GrantID, a vault.Actor) *vault.Vault {
	t.Helper()
	credential := fmt.Sprint("credential of ", a.ID, a.RelayID)
	tn.register.members[credential] = vault.Signer{Actor: a, Key: tn.own.Signer.Public(), Named: func(string) bool { return true }}
	keys, err := tn.atRelay(t).OwnKeys(t.Context())
	require.NoError(t, err)
	g := tn.guest(keys, tn.relay.ID(), "housing")
	g.Actor, g.Credential = a, []byte(credential)
	v, err := tn.OpenGrant(t.Context(), tn.v.ID(), grant, g)
	require.NoError(t, err)
	return v
}

func TestWhoOpenedAnItemIsSaid(t *testing.T) {
	t.Parallel()
	s := newTown(t, nil)
	ctx := t.Context()
	grant := s.follow(t, vault.ScopeAdd)
	paper := addTo(t, s.v, vault.NewDocument{Name: "paper", Compartment: vault.Shared}, content(1, 100))
	other := addTo(t, s.v, vault.NewDocument{Name: "other", Compartment: vault.Shared}, content(2, 100))
	seen, err := s.v.SeenBy(ctx, paper.ID)
	require.NoError(t, err)
	require.Empty(t, seen)

	start := s.Clock.Now()
	first, second := s.let(t, grant, worker(1)), s.let(t, grant, worker(2))
	read(t, first, paper.ID)
	s.Clock.Advance(time.Minute)
	item(t, first, paper.ID)
	item(t, second, paper.ID)
	s.Clock.Advance(time.Minute)
	married := worker(1)
	married.Name = "Other Name"
	item(t, s.let(t, grant, married), paper.ID)
	elsewhere := worker(1)
	elsewhere.RelayID = "relay-2"
	s.Clock.Advance(-10 * time.Minute) // whose clock was wrong
	item(t, s.let(t, grant, elsewhere), paper.ID)
	s.Clock.Advance(20 * time.Minute)

	read(t, s.v, paper.ID) // the person; another item; a list; metadata
	read(t, first, other.ID)
	_, err = second.List(ctx, nil)
	require.NoError(t, err)
	_, err = second.Metadata(ctx, paper.ID)
	require.NoError(t, err)

	want := []vault.Seen{
		{By: married, First: start, Last: start.Add(2 * time.Minute), Times: 3},
		{By: worker(2), First: start.Add(time.Minute), Last: start.Add(time.Minute), Times: 1},
		{By: elsewhere, First: start.Add(-8 * time.Minute), Last: start.Add(-8 * time.Minute), Times: 1},
	}
	seen, err = s.v.SeenBy(ctx, paper.ID)
	require.NoError(t, err)
	require.Equal(t, want, seen)

	require.NoError(t, s.v.Destroy(ctx, paper.ID, paper.Revision))
	fresh := s.person.SignIn(t, s.Another(t, &vaulttest.Options{Directory: func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return s.register, nil }}))
	seen, err = fresh.SeenBy(ctx, paper.ID)
	require.NoError(t, err)
	require.Equal(t, want, seen, "also of what is gone")
	require.Contains(t, acts(t, fresh, 2), string(vault.ActJournalRead))
	_, err = fresh.SeenBy(ctx, vault.ItemID{})
	require.ErrorIs(t, err, vault.ErrNotFound)
	seen, err = fresh.SeenBy(ctx, vault.ItemID{1})
	require.NoError(t, err)
	require.Empty(t, seen)
	_, err = second.SeenBy(ctx, other.ID)
	require.ErrorIs(t, err, vault.ErrNotAllowed)
}

func TestWhoOpenedAnItemIsNotSaidFromAJournalThatWasAltered(t *testing.T) {
	t.Parallel()
	s := newTown(t, nil)
	paper := addTo(t, s.v, vault.NewDocument{Name: "paper", Compartment: vault.Shared}, content(1, 100))
	read(t, s.let(t, s.follow(t, vault.ScopeAdd), worker(1)), paper.ID)
	lines := keys(t, s.Store, s.key("j/"))
	for _, key := range []string{lines[0], lines[len(lines)-1]} {
		line := get(t, s.Store, key)
		for _, value := range [][]byte{nil, flipped(line, len(line)-1)} {
			set(t, s.Store, key, value)
			_, err := s.v.SeenBy(t.Context(), paper.ID)
			require.ErrorIs(t, err, vault.ErrTampered)
		}
		set(t, s.Store, key, line)
	}
	seen, err := s.v.SeenBy(t.Context(), paper.ID)
	require.NoError(t, err)
	require.Len(t, seen, 1)
}

func TestWhatSomebodyElseAddsIsShared(t *testing.T) {
	t.Parallel()
	s := newTown(t, nil)
	require.NoError(t, s.v.SetRules(t.Context(), vault.Rules{Kinds: map[vault.Kind]vault.Compartment{vault.KindNote: vault.Private}}))
	guest := s.let(t, s.follow(t, vault.ScopeAdd), worker(1))
	it, err := guest.AddNote(t.Context(), "note", vault.Note{}, vault.Place{})
	require.NoError(t, err)
	require.Equal(t, vault.Shared, it.Compartment)
	_, err = guest.AddNote(t.Context(), "note", vault.Note{}, vault.Place{Compartment: vault.Private})
	requireInvalid(t, err, "compartment")
	_, err = guest.AddNote(t.Context(), "note", vault.Note{}, vault.Place{Folder: folder(t, s.v, "Papers", vault.Private).ID})
	requireInvalid(t, err, "folder")
	_, err = guest.Rules(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	require.ErrorIs(t, guest.SetRules(t.Context(), vault.Rules{}), vault.ErrNotAllowed)
	require.ErrorIs(t, guest.SetRepresentative(t.Context(), vault.Representative{Name: "x", Relation: "x", RecordedBy: "x", Until: "2031-01-01"}), vault.ErrNotAllowed)
	require.ErrorIs(t, guest.SetWish(t.Context(), vault.WantErase), vault.ErrNotAllowed)
	_, err = guest.Wish(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	_, err = guest.DeathRecord(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	require.ErrorIs(t, guest.DismissDeathRecord(t.Context()), vault.ErrNotAllowed)
	_, err = guest.MoveFolder(t.Context(), folder(t, guest, "Papers", vault.Shared).ID, vault.Private, nil)
	requireInvalid(t, err, "compartment")
}
