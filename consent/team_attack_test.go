package consent_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/seal"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// lying is a stage over a store that lies when it is told to.
func lying(t testing.TB) (*consenttest.Stage, *storagetest.Malicious) {
	t.Helper()
	host := storagetest.NewMalicious(memstore.New(), memstore.NewBlobs())
	return consenttest.New(t, &consenttest.Options{Vault: vaulttest.Options{Records: host, Documents: host.Blobs()}}), host
}

// takeover is the head of a space as somebody makes it who wants to be taken for it.
func takeover(t testing.TB, host *storagetest.Malicious, id vault.ID, change func(h *seal.OwnerHead) seal.SigningKey) []byte {
	t.Helper()
	h, err := seal.OpenOwnerHead(id, host.Record(id.String()+"/h/o").Bytes())
	require.NoError(t, err)
	h.Version++
	record, err := change(h).SealOwnerHead(h)
	require.NoError(t, err)
	return record
}

func tryFollow(t testing.TB, s *consenttest.Stage, who *vaulttest.Person, r *consenttest.Relay) error {
	t.Helper()
	_, err := s.Follow(t.Context(), who.Vault, consent.Follow{
		Relay: r.ID, Scope: vault.ScopeSee, Notice: vault.Notice{Version: "1", Language: "en", Text: "What they see."}, Agreed: true, Name: "Amina",
	}, vault.Secret{Password: who.Password})
	return err
}

// bySheet opens the relay's space with everything in it, as who has its sheet can.
func bySheet(t testing.TB, s *consenttest.Stage, sheet consent.Sheet) *vault.Vault {
	t.Helper()
	v, err := s.Unlock(t.Context(), vault.Password{Login: sheet.Login, Secret: sheet.Code, Kind: seal.KindRelay})
	require.NoError(t, err)
	return v
}

func TestAttack(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]func(t *testing.T){
		"C4_old_relay_head":           attackOldRelayHead,
		"C4_old_membership":           attackOldMembership,
		"C4_old_credential":           attackOldCredential,
		"A2_receipt_of_another":       attackReceiptOfAnother,
		"C4_withdrawn_grant":          attackWithdrawnGrant,
		"C4_visit_brought_back":       attackVisitBroughtBack,
		"D4_vault_key_for_a_relay":    attackVaultKeyShownToARelay,
		"D1_relay_key_before_contact": attackRelayKeyBeforeContact,
		"D1_former_relay_key":         attackFormerRelayKey,
		"D1_worker_key_before_let_in": attackWorkerKeyBeforeLetIn,
		"D2_relay_key_after_contact":  attackRelayKeyAfterContact,
		"D3_forged_credential":        attackForgedCredential,
		"D3_forged_note":              attackForgedNote,
		"D7_keys_that_are_none":       attackKeysThatAreNone,
		"D8_wrap_of_another_worker":   attackWrapOfAnotherWorker,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attack(t)
		})
	}
}

func attackRelayKeyBeforeContact(t *testing.T) {
	s, host := lying(t)
	harbour := s.Relay(t, "Harbour")
	amina := s.Person(t)
	own := seal.NewSigningKey()
	k := remember(t, s, host, []*vaulttest.Person{amina}, []onlooker{{harbour.Manager, harbour}})
	host.Record(harbour.ID.String() + "/h/o").Forge(takeover(t, host, harbour.ID, func(h *seal.OwnerHead) seal.SigningKey {
		h.Key, h.Succession = own.Public(), nil
		return own
	}))
	k.survey(t, "another key of the relay")
	require.ErrorIs(t, tryFollow(t, s, amina, harbour), vault.ErrUntrustedKey)
	_, err := harbour.Manager.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, vault.ErrUntrustedKey)

	// A space that the authority has not signed is none, however it is made.
	host.Honest()
	_, err = s.Register.Holder(t.Context(), harbour.Manager.ID(), nil)
	require.ErrorIs(t, err, vault.ErrUntrustedKey, "a worker is known by the key that they showed, and no other way")
	_, err = s.Register.Holder(t.Context(), amina.Vault.ID(), own.Public())
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
	require.NoError(t, tryFollow(t, s, amina, harbour))
}

// Who has a former key of the relay names a successor of their own.
func attackFormerRelayKey(t *testing.T) {
	s, host := lying(t)
	harbour := s.Relay(t, "Harbour")
	former, err := bySheet(t, s, harbour.Sheet).OwnKeys(t.Context())
	require.NoError(t, err)
	before := host.Record(harbour.ID.String() + "/h/o").Bytes()
	_, err = harbour.Desk(t).RotateKey(t.Context())
	require.NoError(t, err)
	amina := s.Person(t)
	own := seal.NewSigningKey()
	h, err := seal.OpenOwnerHead(harbour.ID, before)
	require.NoError(t, err)
	h.Version += 100
	h.Succession = append(h.Succession, former.Signer.Succeed(harbour.ID, own.Public()))
	h.Key = own.Public()
	record, err := own.SealOwnerHead(h)
	require.NoError(t, err)
	k := remember(t, s, host, []*vaulttest.Person{amina}, []onlooker{{harbour.Manager, harbour}})
	host.Record(harbour.ID.String() + "/h/o").Forge(record)
	k.survey(t, "a successor that nobody named")
	require.ErrorIs(t, tryFollow(t, s, amina, harbour), vault.ErrStale, "the witness does not know it")
}

func attackRelayKeyAfterContact(t *testing.T) {
	s, host := lying(t)
	harbour := s.Relay(t, "Harbour")
	amina, _ := followed(t, s, harbour, "Amina")
	k := remember(t, s, host, []*vaulttest.Person{amina}, []onlooker{{harbour.Manager, harbour}})
	own := seal.NewSigningKey()
	host.Record(harbour.ID.String() + "/h/o").Forge(takeover(t, host, harbour.ID, func(h *seal.OwnerHead) seal.SigningKey {
		h.Key, h.Succession = own.Public(), nil
		return own
	}))
	k.survey(t, "another key of a relay that follows")
	now := amina.SignIn(t, s.Stage)
	_, err := now.Give(t.Context(), vault.NewGrant{Holder: harbour.ID, Scope: vault.ScopeSee}, vault.Secret{Password: amina.Password})
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
	all, err := now.Grants(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.EndedByKey, all[0].EndedBy, "and what they were given has ended")
	entries, err := now.Journal(t.Context(), nil)
	require.NoError(t, err)
	var told bool
	for _, e := range entries {
		told = told || e.Act == vault.ActKeyRefused
	}
	require.True(t, told)
}

// The store puts another account in the place of the one that asks.
func attackWorkerKeyBeforeLetIn(t *testing.T) {
	s, host := lying(t)
	harbour := s.Relay(t, "Harbour")
	samir, mallory := s.Worker(t, "Samir"), s.Worker(t, "Samir")
	desk := harbour.Desk(t)
	for _, w := range []*consenttest.Staff{samir, mallory} {
		i, err := desk.Invite(t.Context(), consent.RoleHelp, nil)
		require.NoError(t, err)
		_, err = w.Ask(t.Context(), i.Code)
		require.NoError(t, err)
	}
	digits, err := samir.Fingerprint(t.Context())
	require.NoError(t, err)
	k := remember(t, s, host, nil, []onlooker{{harbour.Manager, harbour}})
	asks := harbour.ID.String() + "/ask/"
	host.Record(asks + samir.ID().String()).Swap(host.Record(asks + mallory.ID().String()))
	list, err := desk.Requests(t.Context())
	require.NoError(t, err)
	require.Empty(t, list, "a request is bound to who asks")
	k.survey(t, "requests of each other")
	host.Honest()
	require.ErrorIs(t, desk.Admit(t.Context(), consent.Admission{Worker: mallory.ID(), Fingerprint: digits, Roles: consent.RoleHelp}), consent.ErrFingerprint)
}

func attackWrapOfAnotherWorker(t *testing.T) {
	s, host := lying(t)
	harbour := s.Relay(t, "Harbour")
	samir, nadia := harbour.Hire(t, "Samir", consent.RoleHelp), harbour.Hire(t, "Samir", consent.RoleHelp)
	pointer := func(w *consenttest.Staff) storagetest.Piece {
		return host.Record(w.ID().String() + "/m/" + harbour.ID.String())
	}
	k := remember(t, s, host, nil, []onlooker{{samir, harbour}, {nadia, harbour}, {harbour.Manager, harbour}})
	pointer(nadia).Forge(pointer(samir).Bytes())
	k.survey(t, "another's membership")
	_, err := nadia.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, vault.ErrTampered)

	// With their own credential, and the other's wrap.
	var a, b storedMembership
	require.NoError(t, seal.Unmarshal(pointer(samir).Versions()[0], &a))
	pointer(nadia).Honest()
	require.NoError(t, seal.Unmarshal(pointer(nadia).Bytes(), &b))
	b.Grant = a.Grant
	mixed, err := seal.Marshal(b)
	require.NoError(t, err)
	pointer(nadia).Forge(mixed)
	_, err = nadia.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, vault.ErrTampered)
	k.survey(t, "another's wrap")
	pointer(nadia).Honest()
	nadia.At(t, harbour)
}

// storedMembership is what W/m/<relay> holds.
type storedMembership struct {
	Grant      [16]byte `cbor:"1,keyasint,omitempty"`
	Credential []byte   `cbor:"2,keyasint,omitempty"`
}

func attackOldMembership(t *testing.T) {
	s, host := lying(t)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	then := host.Now()
	_, err := harbour.Desk(t).Remove(t.Context(), samir.ID())
	require.NoError(t, err)
	k := remember(t, s, host, nil, []onlooker{{samir, harbour}, {harbour.Manager, harbour}})
	host.Replay(samir.ID().String()+"/m/", then)
	k.survey(t, "a membership of before")
	_, err = samir.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, vault.ErrEnded)
	host.Replay(harbour.ID.String()+"/g/", then)
	_, err = samir.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, vault.ErrEnded, "the head names its terms no more")
	k.survey(t, "with its grant")
	host.Replay(harbour.ID.String()+"/", then)
	_, err = samir.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, vault.ErrStale)
	k.survey(t, "with the relay of before")
}

func attackOldRelayHead(t *testing.T) {
	s, host := lying(t)
	harbour := s.Relay(t, "Harbour")
	then := host.Now()
	_, err := harbour.Desk(t).RotateKey(t.Context())
	require.NoError(t, err)
	k := remember(t, s, host, nil, []onlooker{{harbour.Manager, harbour}})
	host.Replay(harbour.ID.String()+"/", then)
	k.survey(t, "a relay of before its new keys")
	_, err = harbour.Manager.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, vault.ErrStale)
	amina := s.Person(t)
	require.ErrorIs(t, tryFollow(t, s, amina, harbour), vault.ErrStale)
}

// The store shows a worker's credential of when they were a manager.
func attackOldCredential(t *testing.T) {
	s, host := lying(t)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", both)
	key := samir.ID().String() + "/m/" + harbour.ID.String()
	var before, after storedMembership
	require.NoError(t, seal.Unmarshal(host.Record(key).Bytes(), &before))
	sheet, err := harbour.Desk(t).SetRoles(t.Context(), samir.ID(), consent.RoleHelp)
	require.NoError(t, err)
	require.NotNil(t, sheet, "the keys of the whole space are taken from them")
	require.Equal(t, consent.RoleHelp, samir.At(t, harbour).Roles())
	require.NoError(t, seal.Unmarshal(host.Record(key).Bytes(), &after))
	old, err := seal.Marshal(before)
	require.NoError(t, err)
	k := remember(t, s, host, nil, []onlooker{{samir, harbour}, {harbour.Manager, harbour}})
	host.Record(key).Forge(old)
	k.survey(t, "a membership of when they were a manager")
	_, err = samir.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, vault.ErrEnded)
	after.Credential = before.Credential
	mixed, err := seal.Marshal(after)
	require.NoError(t, err)
	host.Record(key).Forge(mixed)
	_, err = samir.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, vault.ErrTampered, "the terms name the credential that counts")
	k.survey(t, "its credential alone")
}

// storedCredential and storedMember are what a credential holds.
type storedCredential struct {
	Relay  [16]byte `cbor:"1,keyasint"`
	Worker [16]byte `cbor:"2,keyasint"`
	Key    []byte   `cbor:"3,keyasint"`
	Signed []byte   `cbor:"4,keyasint"`
}

type storedMember struct {
	RelayName        string       `cbor:"1,keyasint"`
	Organisation     [16]byte     `cbor:"2,keyasint"`
	OrganisationName string       `cbor:"3,keyasint"`
	Roles            consent.Role `cbor:"4,keyasint"`
	Key              []byte       `cbor:"5,keyasint"`
	Name             []byte       `cbor:"6,keyasint"`
	Nonce            []byte       `cbor:"7,keyasint"`
	From             int64        `cbor:"8,keyasint"`
}

// forge signs a credential with a key.
func forge(t testing.TB, by seal.SigningKey, relay consent.RelayID, m storedMember) []byte {
	t.Helper()
	body, err := seal.Marshal(m)
	require.NoError(t, err)
	worker := randomID()
	signed, err := by.SignEnvelope(seal.Context{Type: seal.TypeMember, Vault: relay, Object: worker[:]}, body)
	require.NoError(t, err)
	raw, err := seal.Marshal(storedCredential{Relay: relay, Worker: worker, Key: by.Public(), Signed: signed})
	require.NoError(t, err)
	return raw
}

func attackForgedCredential(t *testing.T) {
	s, host := lying(t)
	harbour, station := s.Relay(t, "Harbour"), s.Relay(t, "Station")
	m := storedMember{RelayName: "Harbour", Roles: consent.RoleHelp, Key: seal.NewSigningKey().Public(), Name: make([]byte, 32), Nonce: make([]byte, 16)}
	own, err := bySheet(t, s, station.Sheet).OwnKeys(t.Context())
	require.NoError(t, err)
	for name, raw := range map[string][]byte{
		"by nobody":             forge(t, seal.NewSigningKey(), harbour.ID, m),
		"by another relay":      forge(t, own.Signer, harbour.ID, m),
		"of a relay made up":    forge(t, seal.NewSigningKey(), randomID(), m),
		"by a worker":           forge(t, workerKey(t, harbour.Manager), harbour.ID, m),
		"of nothing":            nil,
		"without any role":      forge(t, own.Signer, station.ID, func() storedMember { w := m; w.Roles = 0; return w }()),
		"of roles that are not": forge(t, own.Signer, station.ID, func() storedMember { w := m; w.Roles = 128; return w }()),
	} {
		_, err := s.Register.Signer(t.Context(), raw)
		require.ErrorIs(t, err, vault.ErrUntrustedKey, name)
	}
	good := forge(t, own.Signer, station.ID, m)
	_, err = s.Register.Signer(t.Context(), good)
	require.NoError(t, err, "the relay's own key signs its workers")

	// A bit of a good one changed, anywhere; or its end cut.
	station.Desk(t)
	var kept storedMembership
	require.NoError(t, seal.Unmarshal(host.Record(station.Manager.ID().String()+"/m/"+station.ID.String()).Bytes(), &kept))
	other := s.Another(t, nil)
	_, err = other.Register.Signer(t.Context(), kept.Credential)
	require.NoError(t, err)
	for n := range kept.Credential {
		bad := append([]byte(nil), kept.Credential...)
		bad[n] ^= 1
		_, err := other.Register.Signer(t.Context(), bad)
		require.ErrorIs(t, err, vault.ErrUntrustedKey, "byte %d", n)
		_, err = other.Register.Signer(t.Context(), kept.Credential[:n])
		require.ErrorIs(t, err, vault.ErrUntrustedKey, "cut at %d", n)
	}
}

func workerKey(t testing.TB, w *consenttest.Staff) seal.SigningKey {
	t.Helper()
	own, err := w.Own().OwnKeys(t.Context())
	require.NoError(t, err)
	return own.Signer
}

func attackKeysThatAreNone(t *testing.T) {
	s, host := lying(t)
	harbour := s.Relay(t, "Harbour")
	own, err := bySheet(t, s, harbour.Sheet).OwnKeys(t.Context())
	require.NoError(t, err)
	low := make([]byte, 32)
	low[0] = 1
	box, err := seal.NewBoxKey()
	require.NoError(t, err)
	for name, key := range map[string][]byte{"low order": low, "zero": make([]byte, 32), "short": make([]byte, 31), "of another type": box.Public(), "none": nil} {
		m := storedMember{RelayName: "Harbour", Roles: consent.RoleHelp, Key: key, Name: make([]byte, 32), Nonce: make([]byte, 16)}
		_, err := s.Register.Signer(t.Context(), forge(t, own.Signer, harbour.ID, m))
		require.ErrorIs(t, err, vault.ErrUntrustedKey, name)
		if key != nil {
			_, err = s.Register.Holder(t.Context(), harbour.Manager.ID(), key)
			require.ErrorIs(t, err, vault.ErrUntrustedKey, name)
		}
	}
	// A relay that publishes an inbox which is none: nothing is sealed to it.
	amina := s.Person(t)
	k := remember(t, s, host, []*vaulttest.Person{amina}, []onlooker{{harbour.Manager, harbour}})
	for name, inbox := range map[string][]byte{"zero": make([]byte, len(box.Public())), "ones": bytes.Repeat([]byte{0xff}, len(box.Public()))} {
		host.Record(harbour.ID.String() + "/h/o").Forge(takeover(t, host, harbour.ID, func(h *seal.OwnerHead) seal.SigningKey {
			for n := range h.Compartments {
				h.Compartments[n].Inbox = inbox
			}
			return own.Signer
		}))
		require.ErrorIs(t, tryFollow(t, s, amina, harbour), vault.ErrTampered, name)
		k.survey(t, name)
		host.Record(harbour.ID.String() + "/h/o").Honest()
	}
}

// A relay whose membership the store has spoilt hides no other, and keeps nobody from
// taking a password back that somebody knows.
func TestADamagedMembershipHidesNoOther(t *testing.T) {
	t.Parallel()
	s, host := lying(t)
	harbour, hostel := s.Relay(t, "Harbour"), s.Relay(t, "Hostel")
	samir := harbour.Hire(t, "Samir", both)
	hostel.Join(t, samir, consent.RoleHelp)
	spoilt := host.Record(samir.ID().String() + "/m/" + hostel.ID.String())
	for name, spoil := range map[string]func(){
		"cut":       func() { spoilt.Forge([]byte("x")) },
		"another's": func() { spoilt.Swap(host.Record(hostel.Manager.ID().String() + "/m/" + hostel.ID.String())) },
	} {
		spoil()
		mine, err := samir.Relays(t.Context())
		require.ErrorIs(t, err, vault.ErrTampered, name)
		require.True(t, slices.ContainsFunc(mine, func(m consent.Membership) bool { return m.Relay.ID == harbour.ID }), name)
		_, err = samir.OnlyManagerOf(t.Context())
		require.NoError(t, err, name)
	}
}
