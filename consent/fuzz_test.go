package consent_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/safename"
	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Whatever the store, a relay, a worker or a person puts where this package reads the
// words of others: one of its errors, never a panic, and nothing that is taken for
// more than what was signed. What lies in a box is made up before it is sealed, since
// what nobody sealed is not even opened.

// opened returns what lies in a box.
func opened(t testing.TB, keys []seal.BoxKey, c seal.Context, record []byte) []byte {
	t.Helper()
	for _, k := range keys {
		if _, body, err := k.Open(c, record); err == nil {
			return body
		}
	}
	require.FailNow(t, "none of the keys opens it")
	return nil
}

// said returns the message of an envelope that is signed.
func said(t testing.TB, envelope []byte) []byte {
	t.Helper()
	_, message, err := seal.ParseClear(envelope)
	require.NoError(t, err)
	return message
}

func FuzzCredential(f *testing.F) {
	s := consenttest.New(f, nil)
	harbour := s.Relay(f, "Harbour")
	samir := harbour.Hire(f, "Samir", consent.RoleHelp)
	for _, w := range []*consenttest.Staff{harbour.Manager, samir} {
		rec, err := s.Store.Get(f.Context(), w.ID().String()+"/m/"+harbour.ID.String())
		require.NoError(f, err)
		var m storedMembership
		var c storedCredential
		require.NoError(f, seal.Unmarshal(rec.Value, &m))
		require.NoError(f, seal.Unmarshal(m.Credential, &c))
		f.Add(m.Credential, said(f, c.Signed))
	}
	f.Add([]byte{}, []byte{0xa0})
	own, err := bySheet(f, s, harbour.Sheet).OwnKeys(f.Context())
	require.NoError(f, err)
	worker := samir.ID()
	f.Fuzz(func(t *testing.T, raw, body []byte) {
		m, by, err := consent.ReadCredential(raw)
		if err != nil {
			require.ErrorIs(t, err, vault.ErrUntrustedKey)
		} else {
			var c storedCredential
			require.NoError(t, seal.Unmarshal(raw, &c))
			require.Equal(t, []any{vault.ID(c.Relay), vault.ID(c.Worker), c.Key}, []any{m.Relay, m.Worker, by})
			_, err := seal.OpenSigned(by, seal.Context{Type: seal.TypeMember, Vault: c.Relay, Object: c.Worker[:]}, c.Signed)
			require.NoError(t, err, "by a key that did not sign it")
		}
		// The relay's own key signs anything.
		signed, err := own.Signer.SignEnvelope(seal.Context{Type: seal.TypeMember, Vault: harbour.ID, Object: worker[:]}, body)
		if err != nil {
			return
		}
		whole, err := seal.Marshal(storedCredential{Relay: harbour.ID, Worker: worker, Key: own.Signer.Public(), Signed: signed})
		require.NoError(t, err)
		if m, err = s.Register.Member(t.Context(), whole); err != nil {
			require.ErrorIs(t, err, vault.ErrUntrustedKey)
			return
		}
		require.Zero(t, m.Roles&^both)
		require.NotZero(t, m.Roles)
		require.NoError(t, seal.CheckPublic(m.Key))
	})
}

func FuzzInvitation(f *testing.F) {
	s := consenttest.New(f, nil)
	harbour := s.Relay(f, "Harbour")
	add := func(i consent.Invitation, err error) {
		require.NoError(f, err)
		for rec, err := range s.Store.All(f.Context(), "svc/invitation/") {
			require.NoError(f, err)
			f.Add(rec.Value, i.Code)
		}
	}
	add(s.InviteManager(f.Context()))
	add(harbour.Desk(f).Invite(f.Context(), consent.RoleHelp, nil))
	f.Add([]byte{0xa1, 3, 0xff}, "1234 5678")
	f.Fuzz(func(t *testing.T, raw []byte, code string) {
		again, err := s.ReadInvitation(storage.Record{Key: "svc/invitation/00", Value: raw})
		if err != nil {
			require.ErrorIs(t, err, consent.ErrInvitation)
		} else {
			require.Equal(t, raw, again)
		}
		i, err := s.Invited(t.Context(), code)
		if err != nil {
			require.Contains(t, []string{vault.Code(vault.ErrInvalid), vault.Code(consent.ErrInvitation)}, vault.Code(err))
			return
		}
		require.True(t, i.Until.After(s.Clock.Now()))
	})
}

func FuzzAsk(f *testing.F) {
	s := consenttest.New(f, nil)
	harbour := s.Relay(f, "Harbour")
	samir, desk := s.Worker(f, "Samir"), harbour.Desk(f)
	i, err := desk.Invite(f.Context(), consent.RoleHelp, nil)
	require.NoError(f, err)
	_, err = samir.Ask(f.Context(), i.Code)
	require.NoError(f, err)
	id, keys := samir.ID(), desk.Keys()
	key := harbour.ID.String() + "/ask/" + id.String()
	rec, err := s.Store.Get(f.Context(), key)
	require.NoError(f, err)
	boxed := seal.Context{Type: seal.TypeNote, Vault: harbour.ID, Holder: id[:]}
	signed := opened(f, keys.Inboxes, boxed, rec.Value)
	f.Add(signed, said(f, signed), key)
	f.Add([]byte{}, []byte{0xa0}, "ask/")
	own := workerKey(f, samir)
	f.Fuzz(func(t *testing.T, plain, message []byte, stored string) {
		try := func(key string, inside []byte) (consent.JoinRequest, error) {
			record, err := keys.Inboxes[0].Public().Seal(boxed, nil, inside)
			require.NoError(t, err)
			return desk.ReadAsk(t.Context(), storage.Record{Key: key, Value: record})
		}
		for _, at := range []string{key, stored} {
			r, err := try(at, plain)
			if err != nil {
				require.ErrorIs(t, err, vault.ErrTampered)
				continue
			}
			require.Equal(t, string(signed), string(plain), "nobody else has signed one")
			require.Equal(t, id, r.Worker)
		}
		envelope, err := own.SignEnvelope(seal.Context{Type: seal.TypeNote, Vault: id, Object: harbour.ID[:]}, message)
		if err != nil {
			return
		}
		r, err := try(key, envelope) // the worker's key signs anything
		if err != nil {
			require.ErrorIs(t, err, vault.ErrTampered)
			return
		}
		require.Equal(t, safename.Line(r.Name), r.Name)
		require.Zero(t, r.Roles&^both)
		require.True(t, consent.SameFingerprint(r.Fingerprint, consent.RelayKey(own.Public())), "another key than the one that asks")
	})
}

func FuzzNote(f *testing.F) {
	s := consenttest.New(f, nil)
	harbour := s.Relay(f, "Harbour")
	desk := harbour.Desk(f)
	followed(f, s, harbour, "Amina")
	keys, prefix := desk.Keys(), harbour.ID.String()+"/in/f/"
	var seed storedNote
	for rec, err := range s.Store.All(f.Context(), prefix) {
		require.NoError(f, err)
		id, err := vault.ParseID(strings.TrimPrefix(rec.Key, prefix))
		require.NoError(f, err)
		body := opened(f, keys.Inboxes, seal.Context{Type: seal.TypeNote, Vault: harbour.ID, Object: id[:]}, rec.Value)
		require.NoError(f, seal.Unmarshal(body, &seed))
		f.Add(body, said(f, seed.Said), rec.Key)
	}
	require.NotEmpty(f, seed.Said)
	f.Add([]byte{}, []byte{0xa0}, prefix)
	own, id := seal.NewSigningKey(), randomID()
	f.Fuzz(func(t *testing.T, plain, message []byte, stored string) {
		sealed := func(inside []byte) []byte {
			record, err := keys.Inboxes[0].Public().Seal(seal.Context{Type: seal.TypeNote, Vault: harbour.ID, Object: id[:]}, nil, inside)
			require.NoError(t, err)
			return record
		}
		for _, at := range []string{prefix + id.String(), stored} {
			body, _, err := consent.ReadNote(harbour.ID, storage.Record{Key: at, Value: sealed(plain)}, keys.Inboxes)
			if err != nil {
				require.ErrorIs(t, err, vault.ErrTampered)
				continue
			}
			require.Equal(t, plain, body)
		}
		n := storedNote{Vault: seed.Vault, Key: own.Public(), Grant: seed.Grant} // whose key it is, the vault's head says
		var err error
		n.Said, err = own.SignEnvelope(seal.Context{Type: seal.TypeNote, Vault: n.Vault, Object: id[:], Holder: harbour.ID[:]}, message)
		if err != nil {
			return
		}
		inside, err := seal.Marshal(n)
		require.NoError(t, err)
		body, facts, err := consent.ReadNote(harbour.ID, storage.Record{Key: prefix + id.String(), Value: sealed(inside)}, keys.Inboxes)
		if err != nil {
			require.ErrorIs(t, err, vault.ErrTampered)
			return
		}
		require.Equal(t, inside, body)
		require.Equal(t, message, facts, "something else than what was signed")
	})
}

// storedNote is what a note holds.
type storedNote struct {
	Vault [16]byte `cbor:"1,keyasint"`
	Key   []byte   `cbor:"2,keyasint"`
	Grant [16]byte `cbor:"3,keyasint"`
	Said  []byte   `cbor:"4,keyasint"`
}

// The authority signs whatever page there is: what is not an entry is refused by its
// field, and what is one is safe to show.
func FuzzDirectoryEntries(f *testing.F) {
	s := consenttest.New(f, nil)
	harbour := s.Relay(f, "Harbour")
	s.Sign(f, consent.Change{Licence: licenceOf(&harbour.Relay, "1", "2026-01-01", "2026-12-31")})
	for _, withdraw := range []*consent.RelayID{nil, &harbour.ID} {
		if withdraw != nil {
			s.Sign(f, consent.Change{WithdrawRelay: withdraw, On: "2026-03-02"})
		}
		rec, err := s.Store.Get(f.Context(), s.Directory.ID().String()+"/x/o/0")
		require.NoError(f, err)
		f.Add(rec.Value)
	}
	f.Add([]byte{0xa2, 1, 1, 2, 0x80})
	key := seal.NewSigningKey()
	authority := consent.AuthorityKey(key.Public())
	f.Fuzz(func(t *testing.T, page []byte) {
		pages := [][]byte{page}
		bundle, err := seal.Marshal(storedBundle{Form: 1, Head: forged(t, consent.DirectoryID(authority), key, 1, pages), Pages: pages})
		require.NoError(t, err)
		state, err := consent.ParseDirectory(authority, bundle)
		if err != nil {
			require.Contains(t, []string{"tampered", "invalid", "too-many"}, vault.Code(err))
			return
		}
		again, err := state.Bundle()
		require.NoError(t, err)
		require.Equal(t, bundle, again)
		for r := range state.Relays() {
			require.Equal(t, safename.Line(r.Name), r.Name)
			_, err := state.Organisation(r.Organisation)
			require.NoError(t, err)
		}
	})
}

// storedBundle is a whole directory as bytes.
type storedBundle struct {
	Form  uint8    `cbor:"1,keyasint"`
	Head  []byte   `cbor:"2,keyasint"`
	Pages [][]byte `cbor:"3,keyasint"`
}

// A receipt that is verified says what its signatures say, in JSON as in what lies
// with the grant, whatever else was made of it.
func FuzzConsentReceipt(f *testing.F) {
	tn := newTown(f, nil)
	known := map[string]bool{}
	add := func(r consent.Receipt) {
		text, err := json.Marshal(r)
		require.NoError(f, err)
		kept, err := r.Kept()
		require.NoError(f, err)
		f.Add(text, kept)
		known[string(text)] = true
	}
	add(tn.follow(f))
	end, err := tn.service.Withdraw(f.Context(), tn.amina.Vault, tn.grant(f).ID, nil)
	require.NoError(f, err)
	add(end)
	f.Add([]byte("{}"), []byte{0xa0})
	f.Fuzz(func(t *testing.T, text, kept []byte) {
		r, err := consent.ParseReceipt(text)
		if err != nil {
			require.ErrorIs(t, err, vault.ErrInvalid)
		} else {
			_ = r.Text("fr", time.UTC)
			requireKnown(t, tn, known, r)
		}
		if r, err = consent.ReadKeptReceipt(tn.amina.Vault.ID(), kept); err != nil {
			require.Contains(t, []string{"tampered", "untrusted-key"}, vault.Code(err))
			return
		}
		requireKnown(t, tn, known, r)
	})
}

func requireKnown(t *testing.T, tn *town, known map[string]bool, r consent.Receipt) {
	t.Helper()
	if r.Verify(tn.PublicKey()) != nil {
		return
	}
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.True(t, known[string(text)], "nobody signed this: %s", text)
}
