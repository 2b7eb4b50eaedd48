package vault_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// passing lets everything that is due within a time come due, and sweeps it.
func passing(t testing.TB, stage *vaulttest.Stage, d time.Duration) {
	t.Helper()
	for range 3 {
		stage.Clock.Advance(d / 3)
		report, err := stage.Sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, report.Failed)
	}
}

// requireBuried demands that nothing is left of a vault but its tombstone.
func requireBuried(t testing.TB, stage *vaulttest.Stage, known *knownBlobs, id vault.ID) {
	t.Helper()
	require.Equal(t, []string{id.String() + "/h/o"}, keys(t, stage.Store, id.String()+"/"))
	for key := range dump(t, stage.Store) {
		require.True(t, key == id.String()+"/h/o" || !strings.Contains(key, id.String()), "%s is left", key)
	}
	for _, name := range known.there(t) {
		require.False(t, strings.HasPrefix(name, id.String()), "%s is left", name)
	}
}

func TestWhatIsErasedIsGone(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p, other := w.Person(t), w.Person(t)
	add(t, p.Vault, "Carte", content(1, 5000))
	kept := add(t, other.Vault, "kept", content(2, 5000))
	gone := add(t, p.Vault, "gone", content(3, 5000))
	require.NoError(t, p.Vault.Destroy(t.Context(), gone.ID, 1))
	_, err := p.Vault.AskForSpace(t.Context(), "x")
	require.NoError(t, err)
	second := p.SignIn(t, w.Another(t, nil))
	token, id := p.Vault.Token(), p.Vault.ID()
	before := dump(t, w.Store)
	used := usage(t, w.Stage, id).Used

	_, err = p.Vault.Erase(t.Context(), "wrong wrong")
	require.ErrorIs(t, err, vault.ErrSignIn)
	receipt, err := p.Vault.Erase(t.Context(), p.Password)
	require.NoError(t, err)
	require.NoError(t, receipt.Verify(w.PublicKey()))
	require.Equal(t, vault.ActErased, receipt.Act)
	require.Equal(t, id, receipt.Vault)
	require.Equal(t, w.Clock.Now(), receipt.At)
	require.Equal(t, receipt.At, receipt.ErasedAt)
	require.Equal(t, 3, receipt.Items, "a paper and two folders")
	require.Equal(t, used, receipt.Bytes)
	require.True(t, receipt.Witnessed)

	// Nothing opens any more, in this process or another, before any sweep.
	fresh := w.Another(t, nil)
	for _, stage := range []*vaulttest.Stage{w.Stage, fresh} {
		_, err = stage.Unlock(t.Context(), p.Secret())
		require.ErrorIs(t, err, vault.ErrSignIn)
		_, err = stage.Resume(t.Context(), token)
		require.ErrorIs(t, err, vault.ErrSessionEnded)
	}
	_, err = p.Vault.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrClosed)
	_, err = second.List(t.Context(), nil)
	require.Error(t, err)
	require.Contains(t, []string{"session-ended", "tampered"}, vault.Code(err))
	for key, value := range before { // no key is left in the store
		for _, kind := range []string{"/k/", "/s/", "/n/"} {
			if strings.HasPrefix(key, id.String()+kind) {
				require.NotContains(t, dump(t, w.Store), key, "%d bytes", len(value))
			}
		}
	}
	require.NotContains(t, dump(t, w.Store), loginKeyOf(t, before, dump(t, w.Store)), "nor a trace of the login")

	passing(t, w.Stage, 60*time.Hour)
	requireBuried(t, w.Stage, w.blobs, id)
	known, err := w.Witness.Latest(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, known, 1, "the witness keeps the tombstone")
	require.Equal(t, content(2, 5000), read(t, other.SignIn(t, fresh), kept.ID), "nobody else is touched")
	requireSound(t, w.Stage, other)
}

// loginKeyOf finds the login record that is in one dump and not in the other.
func loginKeyOf(t testing.TB, before, after map[string][]byte) string {
	t.Helper()
	for key := range before {
		if _, still := after[key]; strings.HasPrefix(key, "login/") && !still {
			return key
		}
	}
	require.FailNow(t, "the login is still there")
	return ""
}

func TestAReceiptCannotBeChanged(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	receipt, err := s.v.Erase(t.Context(), s.person.Password)
	require.NoError(t, err)
	b, err := json.Marshal(receipt)
	require.NoError(t, err)
	require.NotContains(t, string(b), strings.ReplaceAll(s.person.Login, " ", ""))
	again, err := vault.ParseReceipt(b)
	require.NoError(t, err)
	require.Equal(t, receipt, again)
	require.NoError(t, again.Verify(s.PublicKey()))
	for name, change := range map[string]func(r *vault.Receipt){
		"act": func(r *vault.Receipt) { r.Act = vault.ActClosed }, "vault": func(r *vault.Receipt) { r.Vault[0] ^= 1 },
		"at": func(r *vault.Receipt) { r.At = r.At.Add(time.Millisecond) }, "erased": func(r *vault.Receipt) { r.ErasedAt = r.ErasedAt.Add(time.Hour) },
		"items": func(r *vault.Receipt) { r.Items++ }, "bytes": func(r *vault.Receipt) { r.Bytes-- },
		"witnessed": func(r *vault.Receipt) { r.Witnessed = !r.Witnessed }, "signature": func(r *vault.Receipt) { r.Signature = flipped(r.Signature, 9) },
		"no signature": func(r *vault.Receipt) { r.Signature = nil },
	} {
		forged := receipt
		change(&forged)
		require.ErrorIs(t, forged.Verify(s.PublicKey()), vault.ErrTampered, name)
	}
	other := vaulttest.New(t, nil)
	require.ErrorIs(t, receipt.Verify(other.PublicKey()), vault.ErrUntrustedKey)
	_, err = vault.ParseReceipt([]byte("{"))
	requireInvalid(t, err, "receipt")
}

func TestErasingWorksWhileTheWitnessIsAway(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	add(t, p.Vault, "Carte", content(1, 5000))
	id := p.Vault.ID()
	w.witness.away.Store(true)
	receipt, err := p.Vault.Erase(t.Context(), p.Password)
	require.NoError(t, err)
	require.False(t, receipt.Witnessed, "and the receipt says so")
	require.NoError(t, receipt.Verify(w.PublicKey()))
	_, err = w.Unlock(t.Context(), p.Secret())
	require.ErrorIs(t, err, vault.ErrSignIn)

	w.Clock.Advance(2 * time.Hour)
	report, err := w.Sweep(t.Context())
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	require.Equal(t, 1, report.Failed, "the bytes stay until the witness was told")
	w.witness.away.Store(false)
	passing(t, w.Stage, 60*time.Hour)
	requireBuried(t, w.Stage, w.blobs, id)
	known, err := w.Witness.Latest(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, known, 1)
}

func TestAnUploadInFlightDoesNotSurviveTheErasure(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	second := p.SignIn(t, w.Stage)
	id := p.Vault.ID()
	erased := false
	_, err := second.AddDocument(t.Context(), vault.NewDocument{Name: "late"}, readerFunc(func(b []byte) (int, error) {
		if !erased {
			_, err := p.Vault.Erase(t.Context(), p.Password)
			require.NoError(t, err)
			erased = true
			return copy(b, "late"), nil
		}
		return bytes.NewReader(nil).Read(b)
	}))
	require.Error(t, err)
	passing(t, w.Stage, 60*time.Hour)
	requireBuried(t, w.Stage, w.blobs, id)
}

func TestAVaultWithHundredsOfRecordsIsErased(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	fill(t, p.Vault, 120)
	for n := range 5 {
		add(t, p.Vault, "paper", content(uint64(n), 3000))
	}
	id := p.Vault.ID()
	_, err := p.Vault.Erase(t.Context(), p.Password)
	require.NoError(t, err)
	passing(t, w.Stage, 60*time.Hour)
	requireBuried(t, w.Stage, w.blobs, id)
}

// A due entry is in the clear: whoever writes to the store can forge one.
func TestAForgedDueEntryErasesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	other := s.Person(t)
	paper := add(t, s.v, "Carte", content(1, 5000))
	name := blobOf(t, s.v, paper.ID)
	at := s.Clock.Now()
	set(t, s.Store, storage.DueKey(at, s.v.ID().String(), "erase"), []byte{})
	set(t, s.Store, storage.DueKey(at, s.v.ID().String(), "closed"), bytes.Repeat([]byte{1}, 32))
	set(t, s.Store, storage.DueKey(at, s.v.ID().String(), "new"), []byte{})
	set(t, s.Store, storage.DueKey(at, s.v.ID().String(), "unheard-of"), []byte{})
	set(t, s.Store, storage.DueKey(at, "nobody", "blob-x"), []byte(name))
	set(t, s.Store, storage.DueKey(at, other.Vault.ID().String(), "blob-x"), []byte(name))
	s.Clock.Advance(2 * time.Hour)
	report, err := s.Sweep(t.Context())
	require.ErrorIs(t, err, vault.ErrTampered)
	require.Equal(t, 1, report.Failed, "the forged erasure")
	v := s.person.SignIn(t, s.Stage)
	require.Equal(t, content(1, 5000), read(t, v, paper.ID))
	requireSound(t, s.Stage, s.person)
}
