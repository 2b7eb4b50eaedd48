package vault_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// restorable is a service whose witness takes an operator's statements.
type restorable struct {
	*vault.Vaults
	stage    *vaulttest.Stage
	witness  *witness.Witness
	operator seal.SigningKey
	person   *vaulttest.Person
	register *register // not nil: the directory of every process
	sends    vault.Messenger
}

var restoreWitnessSeed = bytes.Repeat([]byte{'w'}, 32)

// newRestorable starts one over the stores of a stage, with a person.
func newRestorable(t testing.TB, stage *vaulttest.Stage) *restorable {
	t.Helper()
	return newRestorableIn(t, &restorable{}, stage)
}

// newRestorableIn starts one that has a register or a messenger already.
func newRestorableIn(t testing.TB, r *restorable, stage *vaulttest.Stage) *restorable {
	t.Helper()
	r.stage, r.operator = stage, seal.NewSigningKey()
	var err error
	r.witness, err = witness.New(witness.Config{
		Store: storage.New(memstore.New()), Now: stage.Clock.Now, Seed: restoreWitnessSeed, Operator: r.operator.Public(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.witness.Close()) })
	r.Vaults = r.another(t, r.keys(), r.witness, r.witness)
	r.person = r.newPerson(t)
	return r
}

func (r *restorable) keys() *vault.RestoreKeys {
	return &vault.RestoreKeys{Operator: r.operator.Public(), Witness: r.witness.PublicKey()}
}

// another is one more process over the same stores.
func (r *restorable) another(t testing.TB, keys *vault.RestoreKeys, c vault.Checkpoints, l vault.Limiter) *vault.Vaults {
	t.Helper()
	return r.over(t, r.stage.Store, keys, c, l)
}

func (r *restorable) over(t testing.TB, store *storage.Store, keys *vault.RestoreKeys, c vault.Checkpoints, l vault.Limiter) *vault.Vaults {
	t.Helper()
	var directory vault.Directory
	if r.register != nil {
		directory = r.register
	}
	service, err := vault.New(t.Context(), vault.Config{
		Directory: directory, Store: store, Blobs: r.stage.Blobs, Keeper: r.stage.Keeper, Quota: r.stage.Quota,
		Checkpoints: c, Limiter: l, Restore: keys, Now: r.stage.Clock.Now, Folders: []string{"Papers"}, Messenger: r.sends,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, service.Close()) })
	if r.register != nil {
		r.register.service = service
	}
	return service
}

func (r *restorable) newPerson(t testing.TB) *vaulttest.Person {
	t.Helper()
	password, err := vault.SuggestPassword()
	require.NoError(t, err)
	v, err := r.Create(t.Context(), vaulttest.CreateRequest(password))
	require.NoError(t, err)
	login, err := v.Login(t.Context())
	require.NoError(t, err)
	return &vaulttest.Person{Vault: v, Login: login, Password: password}
}

func (r *restorable) id() vault.ID { return r.person.Vault.ID() }

// restart ends the service, after its last reports, and starts it again.
func (r *restorable) restart(t testing.TB) {
	t.Helper()
	require.NoError(t, r.Vaults.Close())
	r.Vaults = r.another(t, r.keys(), r.witness, r.witness)
}

// backup is what is in a backup of this moment: all but sessions.
func (r *restorable) backup(t testing.TB) map[string][]byte {
	t.Helper()
	r.restart(t)
	day := dump(t, r.stage.Store)
	for key := range day {
		if vault.IsSessionKey(key) {
			delete(day, key)
		}
	}
	return day
}

// putBack puts a backup into the store, and the owner side of today over it.
func (r *restorable) putBack(t testing.TB, day map[string][]byte) {
	t.Helper()
	r.restart(t)
	putBack(t, r.stage.Store, day)
	r.putOwnerBack(t)
}

func (r *restorable) putOwnerBack(t testing.TB) {
	t.Helper()
	owner, side, err := r.witness.OwnerSide(t.Context(), r.id())
	require.NoError(t, err)
	require.NotEmpty(t, side)
	for _, prefix := range vault.OwnerSidePrefixes(r.id()) {
		for _, key := range keys(t, r.stage.Store, prefix) {
			set(t, r.stage.Store, key, nil)
		}
	}
	set(t, r.stage.Store, vault.OwnerSidePrefixes(r.id())[0], owner)
	for _, k := range side {
		set(t, r.stage.Store, k.Key, k.Value)
	}
}

// statement is about the heads that the store has now.
func (r *restorable) statement(t testing.TB, epoch uint64, taken time.Time) *seal.Restore {
	t.Helper()
	heads, err := vault.StoredHeads(t.Context(), r.stage.Store, r.id())
	require.NoError(t, err)
	s := &seal.Restore{Vault: r.id(), Epoch: epoch, Taken: taken.UnixMilli(), Issued: r.stage.Clock.Now().UnixMilli()}
	for _, h := range heads {
		s.Heads = append(s.Heads, seal.RestoredHead{Head: h.Head, Version: h.Version, Hash: h.Hash})
	}
	return s
}

// state has operator and witness sign what the store has now.
func (r *restorable) state(t testing.TB, epoch uint64, taken time.Time) (complete []byte) {
	t.Helper()
	signed, err := r.operator.SealRestore(r.statement(t, epoch, taken))
	require.NoError(t, err)
	require.NoError(t, r.AwaitRestore(t.Context(), r.id()))
	complete, err = r.witness.Restore(t.Context(), r.id(), signed)
	require.NoError(t, err)
	return complete
}

func (r *restorable) signIn(t testing.TB) *vault.Vault {
	t.Helper()
	v, err := r.Unlock(t.Context(), r.person.Secret())
	require.NoError(t, err)
	return v
}

// requireStale demands that a sign-in is refused because of a rollback, and that
// nothing but sessions of others is touched.
func (r *restorable) requireStale(t testing.TB, service *vault.Vaults, msg ...any) {
	t.Helper()
	before := dump(t, r.stage.Store)
	_, err := service.Unlock(t.Context(), r.person.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn, msg...)
	require.ErrorIs(t, err, vault.ErrStale, msg...)
	require.Equal(t, before, dump(t, r.stage.Store), msg...)
	r.stage.Clock.Advance(vaultWait)
}

// requireToldOfRestore demands that the person is told of exactly these days.
func requireToldOfRestore(t testing.TB, v *vault.Vault, days ...time.Time) {
	t.Helper()
	restores, err := v.Restores(t.Context())
	require.NoError(t, err)
	var taken []time.Time
	for _, r := range restores {
		taken = append(taken, r.Taken)
	}
	require.Equal(t, days, taken)
	lines := 0
	entries, err := v.Journal(t.Context(), &vault.JournalOptions{Limit: 1000})
	require.NoError(t, err)
	for _, e := range entries {
		if e.Act == vault.ActVaultRestored {
			require.Equal(t, days[len(days)-1-lines].Format(time.RFC3339), e.Detail["taken"])
			lines++
		}
	}
	require.LessOrEqual(t, lines, len(days), "those of days that were set back themselves are gone")
	require.NotZero(t, lines)
}
