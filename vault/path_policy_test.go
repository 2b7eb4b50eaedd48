package vault_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"strings"
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

// N20: who follows whom is not in the store, though the witness must know it.
func TestTheStoreDoesNotTellWhoHelpsSomebodyIn(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	for _, kind := range vault.PathKinds() {
		h.enrol(t, kind, true)
	}
	require.Contains(t, dump(t, h.Store), h.v.ID().String()+"/policy")
	named := map[string][]byte{}
	for who, space := range map[string]*vault.Vault{"relay": h.relay, "desk": h.desk, "worker": h.worker} {
		id := space.ID()
		public, err := h.Public(t.Context(), id, nil)
		require.NoError(t, err)
		named[who], named["key of the "+who], named["inbox of the "+who] = id[:], public.Key, public.Inbox
	}
	for id, o := range h.organisations {
		named["organisation of "+id.String()] = o[:]
	}
	require.Len(t, named, 11)
	own := 0
	for key, value := range dump(t, h.Store) {
		if !strings.Contains(key, h.v.ID().String()) { // spaces of others have their own ids
			continue
		}
		own++
		for what, b := range named {
			for _, spelt := range spellings(b) {
				require.NotContains(t, key, string(spelt), what)
				require.False(t, bytes.Contains(value, spelt), "%s tells the %s", key, what)
			}
		}
	}
	require.Greater(t, own, 30)
}

// spellings are how bytes may stand in a record.
func spellings(b []byte) [][]byte {
	out := [][]byte{b, []byte(hex.EncodeToString(b)), []byte(base64.StdEncoding.EncodeToString(b)[:len(b)])}
	if len(b) == 16 {
		out = append(out, []byte(vault.ID(b).String()))
	}
	return out
}

func (h *helped) policy(t testing.TB) []byte {
	t.Helper()
	return dump(t, h.Store)[h.v.ID().String()+"/policy"]
}

// N20: neither how many help, nor in how many ways.
func TestAPolicyHasOneSizeWhateverItSays(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	h.enrol(t, vault.PathAnswersRelay, false)
	least := h.policy(t)
	for _, kind := range vault.PathKinds() {
		h.enrol(t, kind, true)
	}
	for range 12 {
		other := space(t, h.Vaults, seal.KindRelay, "another relay's sheet")
		_, err := h.v.Give(t.Context(), vault.NewGrant{Holder: other.ID(), Scope: vault.ScopeSee}, h.secret())
		require.NoError(t, err)
	}
	most := h.policy(t)
	require.NotEqual(t, least, most)
	require.Len(t, most, len(least))
}

// What changes nothing for the witness leaves the policy, and with it the requests that
// are open, alone.
func TestAPolicyIsMadeAnewOnlyWhereItSaysSomethingElse(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	h.enrol(t, vault.PathAnswersDesk, false)
	first := h.policy(t)
	require.NotNil(t, first)
	_, err := h.v.NewAccessCard(t.Context(), h.secret(), "402719")
	require.NoError(t, err)
	h.enrol(t, vault.PathSheetRelay, false)
	require.Equal(t, first, h.policy(t))
	require.NoError(t, h.v.End(t.Context(), h.byCall, ptr(h.secret())))
	second := h.policy(t)
	require.NotEqual(t, first, second)
	require.NoError(t, h.v.ChangePaths(t.Context(), vault.PathChange{Withdraw: []vault.PathKind{vault.PathAnswersDesk}}, h.secret()))
	require.Nil(t, h.policy(t))
}

// mute does not say to which key policies are closed.
type mute struct{ vault.Checkpoints }

func (mute) Inbox(context.Context) ([]byte, error) { return nil, errAway }

// A relay that is ended is out of the policy also while the witness is silent: it is
// closed to the key that is known from before.
func TestWhoHelpsNoMoreIsOutOfThePolicyThoughTheWitnessIsSilent(t *testing.T) {
	t.Parallel()
	opts := &vaulttest.Options{}
	h := newHelpedOn(t, opts)
	h.enrol(t, vault.PathAnswersRelay, false)
	before := h.policy(t)
	other := h.Another(t, &vaulttest.Options{Directory: opts.Directory, Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { return mute{c} }})
	v, err := other.Unlock(t.Context(), vault.Password{Login: h.person.Login, Secret: h.person.Password})
	require.NoError(t, err)
	require.NoError(t, v.End(t.Context(), h.grant, ptr(h.secret())))
	require.NotEqual(t, before, h.policy(t))
	require.NotNil(t, h.policy(t))
	heads, err := h.Witness.Latest(t.Context(), h.v.ID())
	require.NoError(t, err)
	require.Equal(t, seal.Digest(dump(t, h.Store)[h.v.ID().String()+"/h/o"]), heads[0].Hash, "the witness has opened it")
}

// impostor gives a key of its own, as whoever stands between service and witness would.
type impostor struct {
	vault.Checkpoints
	signs seal.SigningKey
}

func (i impostor) Inbox(context.Context) ([]byte, error) {
	key, err := seal.PolicyBoxKey([]byte("a secret of the impostor"))
	if err != nil {
		return nil, err
	}
	return i.signs.SignPolicyInbox(1, key.Public())
}

// Nothing is closed to a key that the witness of the configuration has not signed (O2).
func TestAPolicyIsClosedToTheWitnessOfTheConfigurationAlone(t *testing.T) {
	t.Parallel()
	r := newRestorable(t, vaulttest.New(t, nil))
	r.register = &register{gone: map[vault.ID]bool{}, members: map[string]vault.Signer{}}
	r.restart(t)
	v := r.signIn(t)
	relay := space(t, r.Vaults, seal.KindRelay, sheet)
	secret := vault.Secret{Password: r.person.Password}
	_, err := v.Give(t.Context(), vault.NewGrant{Holder: relay.ID(), Scope: vault.ScopeSee}, secret)
	require.NoError(t, err)
	change := vault.PathChange{Enrol: []vault.NewPath{{Kind: vault.PathAnswersRelay, ID: vault.NewPathID(), Own: seal.NewKey().Bytes()}}}
	for name, signs := range map[string]seal.SigningKey{"unsigned": {}, "signed by another": seal.NewSigningKey(), "signed by the operator": r.operator} {
		lied := r.another(t, r.keys(), impostor{r.witness, signs}, r.witness)
		v, err := lied.Unlock(t.Context(), vault.Password{Login: r.person.Login, Secret: r.person.Password})
		require.NoError(t, err)
		require.ErrorIs(t, v.ChangePaths(t.Context(), change, secret), vault.ErrWitnessAway, name)
		require.NotContains(t, dump(t, r.stage.Store), v.ID().String()+"/policy", name)
	}
	v = r.signIn(t)
	require.NoError(t, v.ChangePaths(t.Context(), change, secret))
	require.Contains(t, dump(t, r.stage.Store), v.ID().String()+"/policy")
}

// A witness that lost its store has other keys: the policy is closed to it anew as soon
// as a process asks it about the person who signs in, and its rules hold there.
func TestAWitnessThatLostItsKeysIsGivenThePolicyAnew(t *testing.T) {
	t.Parallel()
	h := newHelped(t)
	path := h.enrol(t, vault.PathAnswersRelay, false)
	before := h.policy(t)
	empty, err := witness.New(witness.Config{Store: storage.New(memstore.New()), Now: h.Clock.Now})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, empty.Close()) })
	after := h.Another(t, &vaulttest.Options{
		Checkpoints: func(vault.Checkpoints) vault.Checkpoints { return empty },
		Limiter:     func(vault.Limiter) vault.Limiter { return empty },
	})
	v, err := after.Unlock(t.Context(), vault.Password{Login: h.person.Login, Secret: h.person.Password})
	require.NoError(t, err)
	_, err = v.Overview(t.Context())
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		heads, err := empty.Latest(t.Context(), v.ID())
		return err == nil && len(heads) > 0 && heads[0].Head == "owner"
	}, 10*time.Second, 10*time.Millisecond)
	again := h.policy(t)
	require.NotNil(t, again)
	require.NotEqual(t, before, again)
	_, _, err = v.EvaluateNew(t.Context(), path, 0, [32]byte{'a'})
	require.ErrorIs(t, err, vault.ErrWitnessAway, "refused: a rule holds there")
	_, err = v.Overview(t.Context())
	require.NoError(t, err)
	require.Equal(t, again, h.policy(t), "and then it stays")
}
