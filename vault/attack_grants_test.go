package vault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// town founds a relay with a worker on the hostile store, and opens the person's
// vault there.
func (s *hostile) town(t testing.TB) *town {
	t.Helper()
	r := &register{gone: map[vault.ID]bool{}, members: map[string]vault.Signer{}}
	stage := s.Another(t, &vaulttest.Options{Directory: func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return r, nil }})
	s.holders = map[vault.ID][]seal.BoxKey{}
	s.person.Vault = s.person.SignIn(t, stage)
	tn := settled(t, &scene{Stage: stage, person: s.person, v: s.person.Vault}, r)
	s.knows(t, tn.relay, tn.worker)
	return tn
}

// knows takes note of the keys of relays and workers, for the spy on what is sealed.
func (s *hostile) knows(t testing.TB, spaces ...*vault.Vault) {
	t.Helper()
	for _, v := range spaces {
		keys, err := v.OwnKeys(t.Context())
		require.NoError(t, err)
		_, inboxes, _ := v.Keys()
		s.holders[v.ID()] = append(s.holders[v.ID()], keys.Inboxes...)
		s.inboxes[v.ID()] = append(s.inboxes[v.ID()], inboxes...)
	}
}

func (s *hostile) grant(g vault.GrantID) string { return "g/" + g.String() }

// denied demands that a guest is not let in.
func (tn *town) denied(t testing.TB, grant vault.GrantID, g vault.Guest, msg ...any) error {
	t.Helper()
	v, err := tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), grant, g)
	if err == nil {
		_, err = v.List(t.Context(), nil)
	}
	require.Error(t, err, msg...)
	require.Contains(t, []string{"ended", "tampered", "stale", "untrusted-key"}, vault.Code(err), msg...)
	return err
}

// workerKeys are those of the relay as its worker has them now.
func (tn *town) workerKeys(t testing.TB) vault.OwnKeys {
	t.Helper()
	keys, err := tn.atRelay(t).OwnKeys(t.Context())
	require.NoError(t, err)
	return keys
}

func oldGrant(t *testing.T, s *hostile) {
	tn := s.town(t)
	it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	ended, stays := tn.follow(t, vault.ScopeSee), tn.follow(t, vault.ScopeSee)
	as := tn.guest(tn.workerKeys(t), tn.relay.ID(), "housing")
	handle, err := tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), ended, as)
	require.NoError(t, err)
	owed := tn.follow(t, vault.ScopeSee)
	before := s.host.Now()
	require.NoError(t, tn.v.End(t.Context(), owed, nil))
	c := s.company(t, tn, ended, stays, owed)
	s.record(s.grant(owed)).Replay(before)
	tn.denied(t, owed, as, "its keys are still those of today")
	c.survey(t, s, "a grant that was ended")
	s.host.Honest()
	secret := tn.secret()
	require.NoError(t, tn.v.End(t.Context(), ended, &secret))
	addTo(t, tn.v, vault.NewDocument{Name: "Later", Compartment: vault.Shared}, []byte("later"))

	c = s.company(t, tn, ended, stays, owed)
	s.record(s.grant(ended)).Replay(before) // the grant alone
	tn.denied(t, ended, as)
	c.survey(t, s, "the grant alone")
	s.record("h/o").Replay(before) // with the head that named it
	tn.denied(t, ended, as)
	c.survey(t, s, "with the head")
	s.host.Replay(s.key(""), before) // with everything
	tn.denied(t, ended, as)
	c.survey(t, s, "with everything")
	_, err = handle.List(t.Context(), nil)
	require.Error(t, err)
	s.host.Honest()
	s.record(s.grant(stays)).Replay(before) // the terms of before the new keys
	tn.denied(t, stays, as)
	c.survey(t, s, "terms of before the new keys")
	s.host.Honest()
	v, err := tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), stays, as)
	require.NoError(t, err)
	require.Equal(t, []byte("shared"), read(t, v, it.ID))
	require.NotZero(t, c.survey(t, s, "nobody lies"))
}

func oldRelayKey(t *testing.T, s *hostile) {
	tn := s.town(t)
	grant := tn.follow(t, vault.ScopeSee)
	at := tn.atRelay(t)
	former := tn.guest(tn.workerKeys(t), tn.relay.ID(), "housing")
	former.Standing = at.Standing() // as package consent asks it
	before := s.host.Now()
	secret := vault.Secret{Password: sheet}
	require.NoError(t, tn.relay.End(t.Context(), tn.member, &secret))
	s.knows(t, tn.relay)
	manager, err := tn.relay.OwnKeys(t.Context())
	require.NoError(t, err)
	_, err = tn.Vaults.Rewrap(t.Context(), tn.v.ID(), grant, tn.guest(manager, tn.relay.ID(), ""))
	require.NoError(t, err)
	tn.denied(t, grant, former, "sealed to the new key")
	c := s.companyOf(t, tn, []vault.Guest{tn.guest(manager, tn.relay.ID(), "housing")}, grant)
	s.record(s.grant(grant)).Replay(before)
	tn.denied(t, grant, former, "who is no worker any more has no standing")
	c.survey(t, s, "a grant to the former key")
	s.host.Replay(tn.relay.ID().String(), before)
	tn.denied(t, grant, former, "nor by an old head of the relay")
	c.survey(t, s, "an old head of the relay")
	s.host.Honest()
	require.NotZero(t, c.survey(t, s, "nobody lies"))
}

// mallory is somebody with keys of their own.
type mallory struct {
	signer seal.SigningKey
	box    seal.BoxKey
}

func newMallory(t testing.TB) mallory {
	box, err := seal.NewBoxKey()
	require.NoError(t, err)
	return mallory{seal.NewSigningKey(), box}
}

// head is the owner head of a space as mallory signs it, with their inbox.
func (m mallory) head(t testing.TB, s *hostile, id vault.ID, grants ...[]byte) []byte {
	h, err := seal.OpenOwnerHead(id, s.host.Record(id.String()+"/h/o").Bytes())
	require.NoError(t, err)
	h.Version, h.Key, h.Succession = h.Version+1, m.signer.Public(), nil
	for i := range h.Compartments {
		h.Compartments[i].Inbox = m.box.Public().Bytes()
	}
	for _, terms := range grants {
		digest := seal.Digest(terms)
		h.Grants = append(h.Grants, digest[:])
	}
	record, err := m.signer.SealOwnerHead(h)
	require.NoError(t, err)
	return record
}

// relayIs makes the store and the directory say that the relay is mallory.
func (tn *town) relayIs(t testing.TB, s *hostile, m mallory) {
	s.host.Record(tn.relay.ID().String() + "/h/o").Forge(m.head(t, s, tn.relay.ID()))
	tn.register.lie = &vault.HolderKeys{Inbox: m.box.Public(), Key: m.signer.Public()}
}

func relayKeyBeforeContact(t *testing.T, s *hostile) {
	tn, m := s.town(t), newMallory(t)
	give := func(key []byte) error {
		_, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee, Key: key}, tn.secret())
		return err
	}
	p, err := tn.Public(t.Context(), tn.relay.ID(), nil)
	require.NoError(t, err)
	c := s.company(t, tn)
	// The directory names keys that the relay's own head does not.
	tn.register.lie = &vault.HolderKeys{Inbox: m.box.Public(), Key: m.signer.Public()}
	require.ErrorIs(t, give(nil), vault.ErrUntrustedKey)
	c.survey(t, s, "the directory lies")
	tn.register.lie = nil
	// The store names others in the relay's head; the directory asks the witness.
	s.host.Record(tn.relay.ID().String() + "/h/o").Forge(m.head(t, s, tn.relay.ID()))
	requireRefused(t, give(nil))
	requireRefused(t, give(p.Key))
	c.survey(t, s, "the store lies")
	// Both lie. The person was shown another key at the relay's door.
	tn.relayIs(t, s, m)
	require.ErrorIs(t, give(p.Key), vault.ErrUntrustedKey)
	c.survey(t, s, "both lie")
	tn.register.lie = nil
	s.host.Honest()
	require.NoError(t, give(p.Key))
}

func relayKeyAfterContact(t *testing.T, s *hostile) {
	tn, m := s.town(t), newMallory(t)
	grant := tn.follow(t, vault.ScopeSee)
	c := s.company(t, tn, grant)
	tn.relayIs(t, s, m)
	c.survey(t, s, "before the person does anything")
	_, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee}, tn.secret())
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
	require.Contains(t, acts(t, tn.v, 5), string(vault.ActKeyRefused))
	// Nor are they given the keys of today when all keys are changed.
	require.NoError(t, tn.v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
	s.person.Password = "gato niru pesa fova"
	all, err := tn.v.Grants(t.Context())
	require.NoError(t, err)
	require.Equal(t, grant, all[0].ID)
	require.Equal(t, vault.EndedByKey, all[0].EndedBy)
	c.survey(t, s, "after new keys")
}

func forgedGrant(t *testing.T, s *hostile) {
	tn, m := s.town(t), newMallory(t)
	grant := tn.follow(t, vault.ScopeSee)
	keys := tn.workerKeys(t)
	as := tn.guest(keys, tn.relay.ID(), "housing")
	forged, terms, err := vault.ForgeGrant(tn.v.ID(), grant, tn.relay.ID(), s.record(s.grant(grant)).Bytes(), keys.Inboxes[0], m.signer)
	require.NoError(t, err)
	c := s.company(t, tn, grant)
	s.record(s.grant(grant)).Forge(forged)
	tn.denied(t, grant, as, "a worker allows themselves more")
	c.survey(t, s, "a grant that is forged")
	// Even where the head names it, whoever came to that.
	require.NoError(t, tn.v.ListGrant(t.Context(), terms))
	require.ErrorIs(t, tn.denied(t, grant, as), vault.ErrTampered)
	c.survey(t, s, "named by the head")
}

func vaultKeyShownToARelay(t *testing.T, s *hostile) {
	tn, m := s.town(t), newMallory(t)
	grant := tn.follow(t, vault.ScopeSee)
	p, err := tn.Public(t.Context(), tn.v.ID(), nil)
	require.NoError(t, err)
	keys := tn.workerKeys(t)
	as := tn.guest(keys, tn.relay.ID(), "housing")
	forged, terms, err := vault.ForgeGrant(tn.v.ID(), grant, tn.relay.ID(), nil, keys.Inboxes[0], m.signer)
	require.NoError(t, err)
	c := s.company(t, tn, grant)
	s.record("h/o").Forge(m.head(t, s, tn.v.ID(), terms))
	s.record(s.grant(grant)).Forge(forged)
	tn.denied(t, grant, as, "the witness knows another")
	c.survey(t, s, "another vault's key")
	// Another process, and nobody to ask: the pin.
	alone := s.Another(t, &vaulttest.Options{
		Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { return blind{c} },
		Directory:   func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return tn.register, nil },
	})
	tn.Stage, as.Pinned = alone, p.Key
	require.ErrorIs(t, tn.denied(t, grant, as), vault.ErrUntrustedKey)
}

// rotationToAnotherKey: whatever is asked for, new keys go to whom the person let in.
func rotationToAnotherKey(t *testing.T, s *hostile) {
	tn, m := s.town(t), newMallory(t)
	leaves, stays := tn.follow(t, vault.ScopeSee), tn.follow(t, vault.ScopeSee)
	c := s.company(t, tn, leaves, stays)
	tn.register.lie = &vault.HolderKeys{Inbox: m.box.Public(), Key: m.signer.Public()}
	secret := tn.secret()
	_ = tn.v.End(t.Context(), leaves, &secret) // the spy looks at what it wrote
	c.survey(t, s, "keys are asked for in another name")
	tn.register.lie = nil
	tn.v = tn.person.SignIn(t, tn.Stage)
	as := tn.guest(tn.workerKeys(t), tn.relay.ID(), "housing")
	_, err := tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), stays, as)
	require.NoError(t, err, "it was a lie, and nobody lost anything by it")
	require.NotZero(t, c.survey(t, s, "nobody lies"))
	_, err = tn.relay.OwnKeys(t.Context())
	require.NoError(t, err)
	_, err = tn.v.OwnKeys(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed, "a person's keys are not asked for")
	require.ErrorIs(t, tn.v.AddHolder(t.Context(), tn.relay.ID(), nil, tn.secret()), vault.ErrInvalid)
}

func grantOfAnotherVault(t *testing.T, s *hostile) {
	tn := s.town(t)
	grant := tn.follow(t, vault.ScopeSee)
	p := s.Person(t)
	other := p.SignIn(t, tn.Stage)
	g, err := other.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee}, vault.Secret{Password: p.Password})
	require.NoError(t, err)
	keys := tn.workerKeys(t)
	as := tn.guest(keys, tn.relay.ID(), "housing")
	theirs := s.host.Record(p.Vault.ID().String() + "/g/" + g.ID.String())
	second := tn.follow(t, vault.ScopeSee)
	c := s.company(t, tn, grant, g.ID, second)
	s.record(s.grant(grant)).Forge(theirs.Bytes())
	tn.denied(t, grant, as)
	s.record(s.grant(g.ID)).Forge(theirs.Bytes())
	tn.denied(t, g.ID, as)
	c.survey(t, s, "a grant of another vault")
	s.host.Honest()
	s.record(s.grant(grant)).Swap(s.record(s.grant(second)))
	tn.denied(t, grant, as)
	c.survey(t, s, "one grant for the other")
	s.host.Honest()
	// The person's terms with other keys.
	forged, _, err := vault.ForgeGrant(tn.v.ID(), grant, tn.relay.ID(), s.record(s.grant(grant)).Bytes(), keys.Inboxes[0], seal.SigningKey{})
	require.NoError(t, err)
	s.record(s.grant(grant)).Forge(forged)
	require.ErrorContains(t, tn.denied(t, grant, as), "grant "+grant.String(), "before any of these keys is used")
	c.survey(t, s, "other keys with the person's terms")
	// One generation for the next.
	s.host.Honest()
	before := s.host.Now()
	secret := tn.secret()
	require.NoError(t, tn.v.End(t.Context(), second, &secret))
	s.record(s.grant(grant)).Replay(before)
	tn.denied(t, grant, as)
	c.survey(t, s, "one generation for the next")
}

func relayKeyThatIsNone(t *testing.T, s *hostile) {
	tn, m := s.town(t), newMallory(t)
	good, low := m.box.Public().Bytes(), m.box.Public().Bytes()
	clear(low[len(low)-32:])
	c := s.company(t, tn, tn.follow(t, vault.ScopeSee))
	for name, keys := range map[string]vault.HolderKeys{
		"none":            {},
		"short":           {Inbox: good[:len(good)-1], Key: m.signer.Public()},
		"low order":       {Inbox: low, Key: m.signer.Public()},
		"no signing key":  {Inbox: good},
		"signing for box": {Inbox: m.signer.Public(), Key: m.signer.Public()},
		"zero point":      {Inbox: good, Key: make([]byte, 32)},
	} {
		tn.register.lie = &keys
		_, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee}, tn.secret())
		require.ErrorIs(t, err, vault.ErrUntrustedKey, name)
		require.ErrorIs(t, tn.relay.AddHolder(t.Context(), tn.worker.ID(), nil, vault.Secret{Password: sheet}), vault.ErrUntrustedKey, name)
		c.survey(t, s, name)
	}
}

func wrapOfAnotherWorker(t *testing.T, s *hostile) {
	tn := s.town(t)
	second := space(t, tn.Vaults, seal.KindWorker, "second worker's password")
	s.knows(t, second)
	g, err := tn.relay.Give(t.Context(), vault.NewGrant{Holder: second.ID(), Scope: vault.ScopeTeam}, vault.Secret{Password: sheet})
	require.NoError(t, err)
	wrap := func(g vault.GrantID) string { return tn.relay.ID().String() + "/g/" + g.String() }
	enter := func(id vault.GrantID, as vault.Guest) error {
		_, err := tn.Vaults.OpenGrant(t.Context(), tn.relay.ID(), id, as)
		return err
	}
	samir := tn.guest(tn.own, tn.worker.ID(), "")
	require.NoError(t, enter(tn.member, samir))
	c := s.company(t, tn, tn.follow(t, vault.ScopeSee))
	require.ErrorIs(t, enter(g.ID, samir), vault.ErrTampered, "somebody else's grant")
	s.host.Record(wrap(tn.member)).Swap(s.host.Record(wrap(g.ID)))
	require.ErrorIs(t, enter(tn.member, samir), vault.ErrTampered)
	require.ErrorIs(t, enter(g.ID, samir), vault.ErrTampered)
	c.survey(t, s, "one worker's wrap for the other's")
	posing := samir
	posing.Holder = second.ID()
	require.ErrorIs(t, enter(tn.member, posing), vault.ErrTampered)
	s.host.Honest()
	require.ErrorIs(t, enter(g.ID, posing), vault.ErrTampered)
	require.ErrorIs(t, enter(tn.member, posing), vault.ErrTampered, "what is somebody's is theirs alone")
	require.NoError(t, enter(tn.member, samir))
	require.NotZero(t, c.survey(t, s, "nobody lies"))
}

// lineOfAnotherWorker: a worker whose program was taken over writes in other names.
func lineOfAnotherWorker(t *testing.T, s *hostile) {
	tn := s.town(t)
	grant := tn.follow(t, vault.ScopeSee)
	c := s.company(t, tn, grant)
	for _, name := range []vault.Actor{
		{Kind: vault.ActorPerson}, {Kind: vault.ActorService},
		{Kind: vault.ActorWorker, ID: "another", Name: "Samir"},
	} {
		v, err := tn.open(t, grant)
		require.NoError(t, err)
		_, err = v.List(t.Context(), nil)
		require.NoError(t, err)
		v.Pretend(name)
		_, err = v.List(t.Context(), nil)
		require.NoError(t, err)
		_, err = tn.v.Journal(t.Context(), &vault.JournalOptions{Limit: 1})
		require.ErrorIs(t, err, vault.ErrTampered, name.Kind)
		c.survey(t, s, name.Kind)
	}
}

// paperInAnothersName: a worker leaves papers in the name of somebody else, or puts
// other bytes in the place of what somebody else left.
func paperInAnothersName(t *testing.T, s *hostile) {
	tn := s.town(t)
	mine := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	grant := tn.follow(t, vault.ScopeAdd)
	v, err := tn.open(t, grant)
	require.NoError(t, err)
	c := s.company(t, tn, grant)
	require.NoError(t, v.Substitute(t.Context(), mine.ID))
	_, err = tn.v.Item(t.Context(), mine.ID)
	require.ErrorIs(t, err, vault.ErrTampered)
	c.survey(t, s, "other facts")
	for _, name := range []vault.Actor{
		{Kind: vault.ActorPerson}, {Kind: vault.ActorService},
		{Kind: vault.ActorWorker, ID: "another", Name: "Samir"},
	} {
		v.Pretend(name)
		it, err := v.AddNote(t.Context(), "n", vault.Note{Text: "not theirs"}, vault.Place{Compartment: vault.Shared})
		require.NoError(t, err)
		_, err = tn.v.Item(t.Context(), it.ID)
		require.ErrorIs(t, err, vault.ErrTampered, name.Kind)
		c.survey(t, s, name.Kind)
	}
}
