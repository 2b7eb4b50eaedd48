package backup_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testkeys"
	"reconnect.example/quota"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/vault"
	"reconnect.example/vault/backup"
	"reconnect.example/vault/vaulttest"
)

// centre is a service whose stores can be lost, while its witness and its keys
// live on.
type centre struct {
	*vault.Vaults
	t        *testing.T
	clock    *vaulttest.Clock
	keeper   vault.Keeper
	operator seal.SigningKey
	signs    seal.SigningKey // the witness's
	memory   *storage.Store  // of the witness
	witness  *witness.Witness
	store    *storage.Store
	blobs    storage.Blobs
	away     bool // the witness does not answer
}

// reached is the witness as the service reaches it.
type reached struct {
	vault.Checkpoints
	c *centre
}

func (r reached) Latest(ctx context.Context, id [16]byte) ([]vault.Checkpoint, error) {
	if r.c.away {
		return nil, errAway
	}
	return r.Checkpoints.Latest(ctx, id)
}

func newCentre(t *testing.T) *centre {
	t.Helper()
	testkeys.UseCheapKDF()
	keeper, err := vaulttest.NewKeeper()
	require.NoError(t, err)
	c := &centre{t: t, clock: &vaulttest.Clock{}, keeper: keeper, operator: seal.NewSigningKey(), signs: seal.NewSigningKey(), memory: storage.New(memstore.New())}
	c.clock.Set(time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC))
	c.loseStores()
	c.openWitness()
	c.open()
	return c
}

func (c *centre) loseStores() { c.store, c.blobs = storage.New(memstore.New()), memstore.NewBlobs() }

func (c *centre) openWitness() {
	c.t.Helper()
	var err error
	c.witness, err = witness.New(witness.Config{Store: c.memory, Now: c.clock.Now, Seed: c.signs.Bytes(), Operator: c.operator.Public()})
	require.NoError(c.t, err)
	w := c.witness
	c.t.Cleanup(func() { require.NoError(c.t, w.Close()) })
}

// open starts a service over what is there, as after a restart.
func (c *centre) open() {
	c.t.Helper()
	books, err := quota.New(quota.Config{Now: c.clock.Now})
	require.NoError(c.t, err)
	c.Vaults, err = vault.New(context.Background(), vault.Config{
		Store: c.store, Blobs: c.blobs, Keeper: c.keeper, Checkpoints: reached{c.witness, c}, Limiter: c.witness, Quota: books, Now: c.clock.Now,
		Folders: []string{"Papers"}, Restore: &vault.RestoreKeys{Operator: c.operator.Public(), Witness: c.signs.Public()},
	})
	require.NoError(c.t, err)
}

// down stops the service: what it had to tell the witness is told.
func (c *centre) down() { require.NoError(c.t, c.Close()) }

func (c *centre) person() *vaulttest.Person {
	c.t.Helper()
	v, err := c.Create(c.t.Context(), vaulttest.CreateRequest("bato kiru mesa"))
	require.NoError(c.t, err)
	login, err := v.Login(c.t.Context())
	require.NoError(c.t, err)
	return &vaulttest.Person{Vault: v, Login: login, Password: "bato kiru mesa"}
}

func (c *centre) signIn(p *vaulttest.Person) (*vault.Vault, error) {
	return c.Unlock(c.t.Context(), p.Secret())
}

func (c *centre) take(s *shelf) string {
	c.t.Helper()
	c.clock.Advance(time.Minute)
	name, m, err := backup.Take(c.t.Context(), backup.Source{Store: c.store, Blobs: c.blobs, Witness: c.memory, Now: c.clock.Now}, s.dir, s.documents)
	require.NoError(c.t, err)
	require.Empty(c.t, m.Damaged)
	c.clock.Advance(time.Minute)
	return name
}

// putBack loses the stores and fills new ones from a backup.
func (c *centre) putBack(s *shelf, name string) *backup.Manifest {
	c.t.Helper()
	c.down()
	c.loseStores()
	m, missing, err := backup.Restore(c.t.Context(), s.dir, name, s.documents, backup.Target{Store: c.store, Blobs: c.blobs})
	require.NoError(c.t, err)
	require.Empty(c.t, missing)
	c.open()
	return m
}

func (c *centre) settling(m *backup.Manifest) backup.SettleConfig {
	return backup.SettleConfig{Vaults: c.Vaults, Store: c.store, Witness: c.witness, Operator: c.operator.Bytes(), Taken: m.Taken, Now: c.clock.Now}
}

func names(t *testing.T, v *vault.Vault) (out []string) {
	t.Helper()
	for it, err := range v.Items(t.Context()) {
		require.NoError(t, err)
		if it.Kind == vault.KindDocument {
			out = append(out, it.Name)
		}
	}
	return out
}

func TestTheDrill(t *testing.T) {
	t.Parallel()
	c, shelf := newCentre(t), newShelf(t)
	amina, bilal, dina := c.person(), c.person(), c.person()
	letter(t, amina.Vault, "before", "before")
	letter(t, dina.Vault, "hers", "hers")
	letter(t, bilal.Vault, "his", "his")
	day := c.clock.Now()
	name := c.take(shelf)

	letter(t, amina.Vault, "after", "after")
	require.NoError(t, amina.Vault.ChangePassword(t.Context(), vault.ChangePassword{Old: amina.Password, New: "sole nuvo kade"}))
	old := *amina
	amina.Password = "sole nuvo kade"
	_, err := bilal.Vault.Erase(t.Context(), bilal.Password)
	require.NoError(t, err)
	chadi := c.person()
	letter(t, chadi.Vault, "lost", "lost")

	m := c.putBack(shelf, name)
	_, err = c.signIn(amina)
	require.ErrorIs(t, err, vault.ErrSignIn)
	require.ErrorIs(t, err, vault.ErrStale, "without statements it is a rollback (C8)")

	settled, err := backup.Settle(t.Context(), c.settling(m))
	require.NoError(t, err)
	require.Equal(t, backup.Settled{Vaults: 4, Unchanged: 1, Stated: 2, Erased: 1, Younger: 1}, settled)
	again, err := backup.Settle(t.Context(), c.settling(m))
	require.NoError(t, err)
	require.Equal(t, backup.Settled{Vaults: 4, Unchanged: 3, Erased: 1}, again, "nothing is left to do")

	_, err = c.signIn(&old)
	require.ErrorIs(t, err, vault.ErrSignIn, "the password of that day stays dead (N16)")
	v, err := c.signIn(amina)
	require.NoError(t, err)
	require.Equal(t, []string{"before"}, names(t, v))
	o, err := v.Overview(t.Context())
	require.NoError(t, err)
	require.WithinDuration(t, day, o.RestoredTo, 2*time.Minute)
	require.NoError(t, v.ConfirmRestored(t.Context()))
	letter(t, v, "again", "again")

	_, err = c.signIn(bilal)
	require.ErrorIs(t, err, vault.ErrSignIn, "erased stays erased")
	c.clock.Advance(3 * time.Hour)
	_, err = c.Sweep(t.Context())
	require.NoError(t, err)
	left, err := c.store.Scan(t.Context(), bilal.Vault.ID().String()+"/", "", 10)
	require.NoError(t, err)
	require.Len(t, left, 1, "the tombstone")
	logins, err := c.store.Scan(t.Context(), "login/", "", 10)
	require.NoError(t, err)
	require.Len(t, logins, 3, "and no login that leads to it")

	v, err = c.signIn(chadi)
	require.NoError(t, err, "an account that the backup does not know begins again")
	require.Empty(t, names(t, v))
	letter(t, v, "new", "new")
	v, err = c.signIn(dina)
	require.NoError(t, err)
	o, err = v.Overview(t.Context())
	require.NoError(t, err)
	require.NotContains(t, o.Notices, vault.NoticeRestored, "nothing of hers was lost")
}

func TestWhereTheWitnessWasLostTooEverybodyIsTold(t *testing.T) {
	t.Parallel()
	c, shelf := newCentre(t), newShelf(t)
	amina := c.person()
	letter(t, amina.Vault, "before", "before")
	c.down() // so that the witness has been told of everything
	c.open()
	name := c.take(shelf)
	v, err := c.signIn(amina)
	require.NoError(t, err)
	letter(t, v, "after", "after")

	c.down()
	c.loseStores()
	c.memory = storage.New(memstore.New())
	m, _, err := backup.Restore(t.Context(), shelf.dir, name, shelf.documents, backup.Target{Store: c.store, Blobs: c.blobs, Witness: c.memory})
	require.NoError(t, err)
	c.openWitness()
	c.open()
	cfg := c.settling(m)
	cfg.Everyone = true
	settled, err := backup.Settle(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, 1, settled.Stated)
	v, err = c.signIn(amina)
	require.NoError(t, err)
	require.Equal(t, []string{"before"}, names(t, v))
	o, err := v.Overview(t.Context())
	require.NoError(t, err)
	require.Contains(t, o.Notices, vault.NoticeRestored)
}

// failing fails the n-th call to a witness.
type failing struct {
	backup.Witness
	left int
}

var errAway = errors.New("the witness does not answer")

func (f *failing) call() error {
	if f.left--; f.left == 0 {
		return errAway
	}
	return nil
}

func (f *failing) Latest(ctx context.Context, id [16]byte) ([]vault.Checkpoint, error) {
	if err := f.call(); err != nil {
		return nil, err
	}
	return f.Witness.Latest(ctx, id)
}

func (f *failing) OwnerSide(ctx context.Context, id [16]byte) ([]byte, []vault.Kept, error) {
	if err := f.call(); err != nil {
		return nil, nil, err
	}
	return f.Witness.OwnerSide(ctx, id)
}

// Restore loses the answer: the witness has taken the statement.
func (f *failing) Restore(ctx context.Context, id [16]byte, statement []byte) ([]byte, error) {
	complete, err := f.Witness.Restore(ctx, id, statement)
	if lost := f.call(); lost != nil {
		return nil, lost
	}
	return complete, err
}

func TestSettlingThatWasInterruptedGoesOn(t *testing.T) {
	t.Parallel()
	c, shelf := newCentre(t), newShelf(t)
	people := []*vaulttest.Person{c.person(), c.person(), c.person()}
	for _, p := range people {
		letter(t, p.Vault, "before", "before")
	}
	name := c.take(shelf)
	for _, p := range people {
		letter(t, p.Vault, "after", "after")
	}
	m := c.putBack(shelf, name)
	for n := 1; n <= 9; n++ {
		c.clock.Advance(time.Second) // another statement than the one before
		cfg := c.settling(m)
		cfg.Witness = &failing{Witness: c.witness, left: n}
		s, err := backup.Settle(t.Context(), cfg)
		if err != nil {
			require.ErrorIs(t, err, errAway)
			require.Equal(t, 1, s.Failed)
		}
	}
	s, err := backup.Settle(t.Context(), c.settling(m))
	require.NoError(t, err)
	require.Zero(t, s.Failed)
	for _, p := range people {
		v, err := c.signIn(p)
		require.NoError(t, err)
		require.Equal(t, []string{"before"}, names(t, v))
	}
}

func TestTwoRestoresBeforeASignInLeadToTheLastOne(t *testing.T) {
	t.Parallel()
	c, shelf := newCentre(t), newShelf(t)
	amina := c.person()
	letter(t, amina.Vault, "one", "one")
	first := c.take(shelf)
	letter(t, amina.Vault, "two", "two")
	second := c.take(shelf)
	letter(t, amina.Vault, "three", "three")
	for _, name := range []string{second, first, second} {
		s, err := backup.Settle(t.Context(), c.settling(c.putBack(shelf, name)))
		require.NoError(t, err)
		require.Equal(t, 1, s.Stated)
	}
	v, err := c.signIn(amina)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"one", "two"}, names(t, v))

	// And once more after it, from the day that was left behind.
	s, err := backup.Settle(t.Context(), c.settling(c.putBack(shelf, first)))
	require.NoError(t, err)
	require.Equal(t, 1, s.Stated)
	v, err = c.signIn(amina)
	require.NoError(t, err)
	require.Equal(t, []string{"one"}, names(t, v))

	// And the newer one after the older: its heads have higher versions, and are of an earlier epoch.
	s, err = backup.Settle(t.Context(), c.settling(c.putBack(shelf, second)))
	require.NoError(t, err)
	require.Equal(t, 1, s.Stated)
	v, err = c.signIn(amina)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"one", "two"}, names(t, v))
	o, err := v.Overview(t.Context())
	require.NoError(t, err)
	require.Contains(t, o.Notices, vault.NoticeRestored)
}

func TestAClosingIsPutBackAsItStandsToday(t *testing.T) {
	t.Parallel()
	c, shelf := newCentre(t), newShelf(t)
	reopened, closed := c.person(), c.person()
	_, err := reopened.Vault.CloseAccount(t.Context(), reopened.Password)
	require.NoError(t, err)
	name := c.take(shelf)
	require.NoError(t, reopened.Vault.Reopen(t.Context()))
	_, err = closed.Vault.CloseAccount(t.Context(), closed.Password)
	require.NoError(t, err)

	s, err := backup.Settle(t.Context(), c.settling(c.putBack(shelf, name)))
	require.NoError(t, err)
	require.Equal(t, 2, s.Vaults)
	c.clock.Advance(vault.ClosedKeeps + 2*time.Hour)
	_, err = c.Sweep(t.Context())
	require.NoError(t, err)
	_, err = c.signIn(reopened)
	require.NoError(t, err, "who came back is not erased by yesterday's deadline")
	_, err = c.signIn(closed)
	require.ErrorIs(t, err, vault.ErrSignIn, "who left after the backup is erased in time")
}

func TestWhileTheWitnessIsAwayNobodyWritesOverWhatAStatementNames(t *testing.T) {
	t.Parallel()
	c, shelf := newCentre(t), newShelf(t)
	amina := c.person()
	letter(t, amina.Vault, "before", "before")
	name := c.take(shelf)
	letter(t, amina.Vault, "after", "after")
	_, err := backup.Settle(t.Context(), c.settling(c.putBack(shelf, name)))
	require.NoError(t, err)
	c.away = true
	_, err = c.signIn(amina)
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	c.away = false
	c.clock.Advance(time.Minute)
	v, err := c.signIn(amina)
	require.NoError(t, err)
	require.Equal(t, []string{"before"}, names(t, v))
}

func TestAStatementNeedsTheOperatorsOwnKey(t *testing.T) {
	t.Parallel()
	c, shelf := newCentre(t), newShelf(t)
	amina := c.person()
	name := c.take(shelf)
	letter(t, amina.Vault, "after", "after")
	cfg := c.settling(c.putBack(shelf, name))
	cfg.Operator = seal.NewSigningKey().Bytes()
	_, err := backup.Settle(t.Context(), cfg)
	require.ErrorIs(t, err, witness.ErrRestore)
	_, err = c.signIn(amina)
	require.ErrorIs(t, err, vault.ErrStale)
	cfg.Operator = nil
	_, err = backup.Settle(t.Context(), cfg)
	require.ErrorContains(t, err, "operator's key")
}

func TestAfterARestoreNobodySignsInBeforeTheWitnessWasAsked(t *testing.T) {
	t.Parallel()
	c, shelf := newCentre(t), newShelf(t)
	amina, bilal := c.person(), c.person()
	name := c.take(shelf)
	old := *amina
	amina.Password = "sole nuvo kade"
	require.NoError(t, amina.Vault.ChangePassword(t.Context(), vault.ChangePassword{Old: old.Password, New: amina.Password}))
	m := c.putBack(shelf, name) // and there the restore breaks off
	c.away = true
	for _, p := range []*vaulttest.Person{&old, bilal} {
		_, err := c.signIn(p)
		require.ErrorIs(t, err, vault.ErrWitnessAway, "the password may have been changed since")
	}
	_, err := backup.Settle(t.Context(), c.settling(m))
	require.NoError(t, err)
	restart := func(away bool) {
		c.away = away
		c.down()
		c.open()
	}
	for _, p := range []*vaulttest.Person{amina, bilal} { // she changed something since, he did not
		restart(true)
		_, err = c.signIn(p)
		require.ErrorIs(t, err, vault.ErrWitnessAway)
		restart(false)
		_, err = c.signIn(p)
		require.NoError(t, err)
		restart(true)
		_, err = c.signIn(p)
		require.NoError(t, err, "as before")
	}
	_, err = c.signIn(&old)
	require.ErrorIs(t, err, vault.ErrSignIn)
}
