package vault_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// liar is a witness that shows the heads of a vault as it likes, in a restore
// epoch, with a statement that somebody gave it.
type liar struct {
	vault.Checkpoints
	shown    []vault.Checkpoint
	complete []byte
}

func (l liar) Latest(context.Context, [16]byte) ([]vault.Checkpoint, error) { return l.shown, nil }
func (l liar) Restored(context.Context, [16]byte) ([]byte, error)           { return l.complete, nil }

// restoredBackup: an operator puts a backup back, which looks like the rollback
// of an attacker; and an attacker's rollback would like to look like that.
func restoredBackup(t *testing.T, s *hostile) {
	r := newRestorable(t, s.Stage)
	s.people[r.id()] = r.person
	paper := add(t, r.person.Vault, "kept", content(1, 700))
	another := r.newPerson(t)
	other := another.Vault.ID()
	s.people[other] = another
	older := r.backup(t)
	addNote(t, r.signIn(t), "second day", "")
	day, taken := r.backup(t), s.Clock.Now()
	dead := *r.person
	v := r.signIn(t)
	addNote(t, v, "lost", "")
	require.NoError(t, v.ChangePassword(t.Context(), vault.ChangePassword{Old: dead.Password, New: "gato niru pesa fova"}))
	r.person.Password = "gato niru pesa fova"
	s.Clock.Advance(time.Hour)

	r.restart(t)
	putBack(t, r.stage.Store, day) // the store alone, with the secrets of that day
	for _, secret := range []vault.Password{dead.Secret(), r.person.Secret()} {
		_, err := r.Unlock(t.Context(), secret)
		require.ErrorIs(t, err, vault.ErrSignIn)
		require.ErrorIs(t, err, vault.ErrStale)
	}
	r.putBack(t, day) // and with those of today, but no statement
	r.requireStale(t, r.Vaults)
	requireFalseStatementsRefused(t, r, other)

	complete := r.state(t, 1, taken)
	r.putBack(t, older)
	r.requireStale(t, r.Vaults, "the store chooses another day")
	r.putBack(t, day)
	_, err := r.Unlock(t.Context(), dead.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn)
	require.NotErrorIs(t, err, vault.ErrStale, "simply a wrong password")
	s.Clock.Advance(vaultWait)
	v = r.signIn(t)
	require.Equal(t, []string{"kept", "second day"}, papers(t, v))
	require.Equal(t, content(1, 700), read(t, v, paper.ID))
	require.Equal(t, taken, overview(t, v).RestoredTo)
	requireToldOfRestore(t, v, taken)
	addNote(t, v, "since", "")

	for name, then := range map[string]map[string][]byte{"the same day": day, "an older one": older} {
		r.putBack(t, then)
		r.requireStale(t, r.Vaults, name)
		// Also for a process that knows nothing, and a witness that repeats itself.
		known, err := r.witness.Latest(t.Context(), r.id())
		require.NoError(t, err)
		r.requireStale(t, r.another(t, r.keys(), liar{Checkpoints: r.witness, shown: known, complete: complete}, r.witness), name)
	}
}

// requireFalseStatementsRefused plays a witness whose answers somebody else
// writes: without both keys nothing that it says is taken.
func requireFalseStatementsRefused(t *testing.T, r *restorable, other vault.ID) {
	t.Helper()
	own, err := seal.SigningKeyFromBytes(restoreWitnessSeed)
	require.NoError(t, err)
	stranger := seal.NewSigningKey()
	complete := func(operator, second seal.SigningKey, change func(s *seal.Restore)) []byte {
		s := r.statement(t, 1, r.stage.Clock.Now())
		if change != nil {
			change(s)
		}
		signed, err := operator.SealRestore(s)
		require.NoError(t, err)
		both, err := second.CountersignRestore(s.Vault, signed)
		require.NoError(t, err)
		return both
	}
	alone, err := r.operator.SealRestore(r.statement(t, 1, r.stage.Clock.Now()))
	require.NoError(t, err)
	known, err := r.witness.Latest(t.Context(), r.id())
	require.NoError(t, err)
	shown := []vault.Checkpoint{known[0]}
	for _, h := range r.statement(t, 1, r.stage.Clock.Now()).Heads {
		shown = append(shown, vault.Checkpoint{Head: h.Head, Restore: 1, Version: h.Version, Hash: h.Hash})
	}
	for name, statement := range map[string][]byte{
		"none":                  nil,
		"no CBOR":               []byte("restored"),
		"of another vault":      complete(r.operator, own, func(s *seal.Restore) { s.Vault = other }),
		"of another epoch":      complete(r.operator, own, func(s *seal.Restore) { s.Epoch = 2 }),
		"about other heads":     complete(r.operator, own, func(s *seal.Restore) { s.Heads[0].Hash[0] ^= 1 }),
		"about another journal": complete(r.operator, own, func(s *seal.Restore) { s.Heads[2].Version-- }),
		"about no heads":        complete(r.operator, own, func(s *seal.Restore) { s.Heads[1].Version, s.Heads[1].Hash = 0, [32]byte{} }),
		"the operator's alone":  alone,
		"the operator twice":    complete(r.operator, r.operator, nil),
		"the witness twice":     complete(own, own, nil),
		"keys exchanged":        complete(own, r.operator, nil),
		"a stranger's":          complete(stranger, own, nil),
		"a stranger's second":   complete(r.operator, stranger, nil),
	} {
		r.requireStale(t, r.another(t, r.keys(), liar{Checkpoints: r.witness, shown: shown, complete: statement}, r.witness), name)
	}
}
