package vault_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// register is a directory that tests write by hand: who there is, by what their own
// head says, and whose credential is what.
type register struct {
	service *vault.Vaults
	gone    map[vault.ID]bool
	members map[string]vault.Signer
	inbox   []byte // not nil: everybody's, as a directory says that lies
	fails   error  // instead of an answer
	lie     *vault.HolderKeys
}

func (r *register) Holder(ctx context.Context, id vault.ID, pinned []byte) (vault.HolderKeys, error) {
	if r.gone[id] {
		return vault.HolderKeys{}, vault.ErrEnded
	}
	if r.fails != nil {
		return vault.HolderKeys{}, r.fails
	}
	if r.lie != nil {
		return *r.lie, nil
	}
	p, err := r.service.Public(ctx, id, pinned)
	if r.inbox != nil {
		p.Inbox = r.inbox
	}
	return vault.HolderKeys{Inbox: p.Inbox, Key: p.Key}, err
}

func (r *register) Signer(_ context.Context, credential []byte) (vault.Signer, error) {
	s, ok := r.members[string(credential)]
	if !ok {
		return vault.Signer{}, vault.ErrUntrustedKey
	}
	return s, nil
}

const sheet = "relay recovery sheet 4711"

// town is a stage with a person, a relay and a worker who shares its space.
type town struct {
	*scene
	register *register
	relay    *vault.Vault // its space, as its manager has it open
	worker   *vault.Vault // the worker's own space
	member   vault.GrantID
	own      vault.OwnKeys
}

func space(t testing.TB, s *vault.Vaults, kind seal.Kind, password string) *vault.Vault {
	t.Helper()
	v, err := s.Create(t.Context(), vault.CreateRequest{Password: password, Notice: vault.Notice{Version: "1", Language: "fr", Text: "notice"}, Consent: true, Kind: kind})
	require.NoError(t, err)
	return v
}

func newTown(t testing.TB, opts *vaulttest.Options) *town {
	t.Helper()
	r := &register{gone: map[vault.ID]bool{}, members: map[string]vault.Signer{}}
	var o vaulttest.Options
	if opts != nil {
		o = *opts
	}
	o.Directory = func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return r, nil }
	return settled(t, newScene(t, &o), r)
}

// settled adds a relay and a worker to a scene whose service asks a register.
func settled(t testing.TB, s *scene, r *register) *town {
	t.Helper()
	tn := &town{scene: s, register: r}
	r.service = tn.Vaults
	tn.relay = space(t, tn.Vaults, seal.KindRelay, sheet)
	tn.worker = space(t, tn.Vaults, seal.KindWorker, "worker's own password")
	var err error
	tn.own, err = tn.worker.OwnKeys(t.Context())
	require.NoError(t, err)
	g, err := tn.relay.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeTeam}, vault.Secret{Password: sheet})
	require.NoError(t, err)
	tn.member = g.ID
	r.members["credential of samir"] = vault.Signer{Actor: tn.samir(), Key: tn.own.Signer.Public(), Named: func(name string) bool { return name == "Samir" }}
	return tn
}

func (tn *town) samir() vault.Actor {
	return vault.Actor{Kind: vault.ActorWorker, ID: tn.worker.ID().String(), RelayID: tn.relay.ID().String()}
}

func (tn *town) guest(keys vault.OwnKeys, holder vault.ID, purpose string) vault.Guest {
	a := tn.samir()
	a.Name = "Samir"
	return vault.Guest{Actor: a, Signer: tn.own.Signer, Credential: []byte("credential of samir"), Purpose: purpose, Holder: holder, Keys: keys.Inboxes}
}

// atRelay opens the relay's space as the worker.
func (tn *town) atRelay(t testing.TB) *vault.Vault {
	t.Helper()
	v, err := tn.Vaults.OpenGrant(t.Context(), tn.relay.ID(), tn.member, tn.guest(tn.own, tn.worker.ID(), ""))
	require.NoError(t, err)
	return v
}

// open opens the person's vault as the worker.
func (tn *town) open(t testing.TB, grant vault.GrantID) (*vault.Vault, error) {
	t.Helper()
	keys, err := tn.atRelay(t).OwnKeys(t.Context())
	require.NoError(t, err)
	return tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), grant, tn.guest(keys, tn.relay.ID(), "housing"))
}

func (tn *town) secret() vault.Secret {
	return vault.Secret{Password: tn.person.Password}
}

func (tn *town) follow(t testing.TB, scope vault.Scope) vault.GrantID {
	t.Helper()
	g, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: scope}, tn.secret())
	require.NoError(t, err)
	return g.ID
}

func TestAWorkerSeesWhatIsSharedInTheirOwnNameAndNothingElse(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	letter := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	diary := addTo(t, tn.v, vault.NewDocument{Name: "Diary"}, []byte("private"))
	grant := tn.follow(t, vault.ScopeAdd)

	v, err := tn.open(t, grant)
	require.NoError(t, err)
	require.Equal(t, []string{"Letter"}, papers(t, v))
	require.Equal(t, []byte("shared"), read(t, v, letter.ID))
	_, err = tryRead(t, v, diary.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)
	card := addTo(t, v, vault.NewDocument{Name: "Card", Compartment: vault.Shared}, []byte("card"))
	require.Equal(t, "Samir", card.Origin.By.Name)

	// The person reads who did what, and why.
	entries, err := tn.v.Journal(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, vault.ActAdded, entries[0].Act)
	require.Equal(t, "Samir", entries[0].Actor.Name)
	require.Equal(t, "housing", entries[0].Purpose)
	require.Equal(t, "Samir", item(t, tn.v, card.ID).Origin.By.Name)
	require.Equal(t, []byte("card"), read(t, tn.v, card.ID))

	// What is the person's own is refused.
	for name, err := range map[string]error{
		"export":   v.Export(t.Context(), &bytes.Buffer{}, nil),
		"sessions": v.EndOtherSessions(t.Context()),
		"sign out": v.SignOut(t.Context()),
		"reopen":   v.Reopen(t.Context()),
		"confirm":  v.ConfirmRestored(t.Context()),
		"destroy":  v.Destroy(t.Context(), card.ID, card.Revision),
		"password": v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: "another password"}),
	} {
		require.ErrorIs(t, err, vault.ErrNotAllowed, name)
	}
	for name, call := range map[string]func() error{
		"journal":  func() error { _, err := v.Journal(t.Context(), nil); return err },
		"login":    func() error { _, err := v.Login(t.Context()); return err },
		"consents": func() error { _, err := v.Consents(t.Context()); return err },
		"list":     func() error { _, err := v.Sessions(t.Context()); return err },
		"restores": func() error { _, err := v.Restores(t.Context()); return err },
		"grants":   func() error { _, err := v.Grants(t.Context()); return err },
		"keys":     func() error { _, err := v.OwnKeys(t.Context()); return err },
		"space":    func() error { _, err := v.AskForSpace(t.Context(), "more"); return err },
		"share":    func() error { _, err := v.Move(t.Context(), letter.ID, 1, vault.Private); return err },
		"erase":    func() error { _, err := v.Erase(t.Context(), tn.person.Password); return err },
		"bin":      func() error { _, err := v.Bin(t.Context(), letter.ID, 1); return err },
	} {
		require.ErrorIs(t, call(), vault.ErrNotAllowed, name)
	}
	o, err := v.Overview(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, o.Counts.Documents)
}

// What is used, less what is shared, would be the size of what is private.
func TestAWorkerDoesNotLearnHowLargePrivateIs(t *testing.T) {
	t.Parallel()
	tn := newTown(t, &vaulttest.Options{Quota: quota.Config{Allowance: 200_000}})
	addTo(t, tn.v, vault.NewDocument{Name: "Diary"}, content(1, 100_000))
	v, err := tn.open(t, tn.follow(t, vault.ScopeAdd))
	require.NoError(t, err)
	o, err := v.Overview(t.Context())
	require.NoError(t, err)
	require.Zero(t, o.Space)
	_, err = v.Space(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	for _, size := range []int64{0, 150_000} { // not known before, and known
		_, err = v.AddDocument(t.Context(), vault.NewDocument{Name: "Large", Size: size, Compartment: vault.Shared}, bytes.NewReader(content(2, 150_000)))
		require.ErrorIs(t, err, vault.ErrFull)
		require.NotErrorAs(t, err, new(*quota.FullError))
	}
}

func TestSeeingIsNotAdding(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	v, err := tn.open(t, tn.follow(t, vault.ScopeSee))
	require.NoError(t, err)
	require.Equal(t, []byte("shared"), read(t, v, it.ID))
	_, err = v.AddNote(t.Context(), "n", vault.Note{Text: "n"}, vault.Place{Compartment: vault.Shared})
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	name := "other"
	_, err = v.Edit(t.Context(), it.ID, it.Revision, vault.Edit{Name: &name})
	require.ErrorIs(t, err, vault.ErrNotAllowed)
}

func TestWithdrawingEndsAtOnceAndGivesSharedNewKeys(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, content(1, 3*segment))
	grant := tn.follow(t, vault.ScopeAdd)
	v, err := tn.open(t, grant)
	require.NoError(t, err)
	c, err := v.ReadDocument(t.Context(), it.ID)
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 100))
	require.NoError(t, err)

	secret := tn.secret()
	require.NoError(t, tn.v.End(t.Context(), grant, &secret))
	tn.Clock.Advance(2 * time.Second)
	_, err = bytes.NewBuffer(nil).ReadFrom(c)
	require.ErrorIs(t, err, vault.ErrEnded, "a download under way ends")
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = tn.open(t, grant)
	require.ErrorIs(t, err, vault.ErrEnded)
	require.Equal(t, []string{"Letter"}, papers(t, tn.v))
	m, err := tn.v.Metadata(t.Context(), it.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Generation, "sealed anew")
	all, err := tn.v.Grants(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.EndedByPerson, all[0].EndedBy)
}

// Without the secret the keys are owed, and paid also a year later.
func TestNewKeysThatAreOwedArePaidAtTheNextSignIn(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	grant := tn.follow(t, vault.ScopeAdd)
	second := tn.follow(t, vault.ScopeSee)
	require.NoError(t, tn.v.End(t.Context(), grant, nil))
	_, err := tn.open(t, grant)
	require.ErrorIs(t, err, vault.ErrEnded)
	tn.Clock.Advance(365 * 24 * time.Hour)
	again := tn.person.SignIn(t, tn.Stage)
	m, err := again.Metadata(t.Context(), it.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Generation)
	v, err := tn.open(t, second)
	require.NoError(t, err, "who stays goes on")
	require.Equal(t, []byte("shared"), read(t, v, it.ID))
	all, err := again.Grants(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
}

// A relay that the directory does not name any more is out, with new keys, at the
// first sign-in afterwards.
func TestWhomTheDirectoryDropsIsPaidForAtTheNextSignIn(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	tn.follow(t, vault.ScopeAdd)
	tn.register.gone[tn.relay.ID()] = true
	again := tn.person.SignIn(t, tn.Stage)
	all, err := again.Grants(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.EndedByDirectory, all[0].EndedBy)
	m, err := again.Metadata(t.Context(), it.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Generation)
}

// While nobody can say which keys a relay has, it is given none, and nobody says of it
// that it has lost the person's trust. When its head is right again, it goes on: with
// the key of the first contact, and no other (D2).
func TestARelayWithADamagedHeadWaitsForNewKeysAndIsNotEnded(t *testing.T) {
	t.Parallel()
	for _, damage := range []error{vault.ErrTampered, vault.ErrStale, vault.ErrPolicy} {
		t.Run(damage.Error(), func(t *testing.T) {
			t.Parallel()
			tn := newTown(t, nil)
			it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
			grant := tn.follow(t, vault.ScopeSee)
			tn.register.fails = damage
			require.NoError(t, tn.v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
			tn.person.Password = "gato niru pesa fova"
			tn.v = tn.person.SignIn(t, tn.Stage)
			_, err := tn.open(t, grant)
			require.ErrorIs(t, err, vault.ErrEnded, "the new keys are not theirs")
			head := get(t, tn.Store, tn.v.ID().String()+"/h/o")
			tn.v = tn.person.SignIn(t, tn.Stage)
			require.Equal(t, head, get(t, tn.Store, tn.v.ID().String()+"/h/o"), "waiting writes nothing")
			all, err := tn.v.Grants(t.Context())
			require.NoError(t, err)
			require.Zero(t, all[0].Ended)
			require.NotContains(t, acts(t, tn.v, 20), string(vault.ActKeyRefused))

			tn.register.fails = nil
			tn.v = tn.person.SignIn(t, tn.Stage)
			v, err := tn.open(t, grant)
			require.NoError(t, err)
			require.Equal(t, []byte("shared"), read(t, v, it.ID))
		})
	}
	t.Run("another key", func(t *testing.T) {
		t.Parallel()
		tn := newTown(t, nil)
		grant := tn.follow(t, vault.ScopeSee)
		tn.register.fails = vault.ErrTampered
		require.NoError(t, tn.v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
		tn.person.Password = "gato niru pesa fova"
		tn.register.fails = vault.ErrUntrustedKey
		tn.v = tn.person.SignIn(t, tn.Stage)
		all, err := tn.v.Grants(t.Context())
		require.NoError(t, err)
		require.Equal(t, vault.EndedByKey, all[0].EndedBy)
		tn.register.fails = nil
		_, err = tn.open(t, grant)
		require.ErrorIs(t, err, vault.ErrEnded)
	})
}

func TestAGrantEndsWithItsTimeToTheMillisecond(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	until := tn.Clock.Now().Add(time.Hour)
	it := addTo(t, tn.v, vault.NewDocument{Name: "Letter"}, []byte("private, but chosen"))
	addTo(t, tn.v, vault.NewDocument{Name: "Other", Compartment: vault.Shared}, []byte("not chosen"))
	g, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeSee, Until: until, Visit: true, Items: []vault.ItemID{it.ID}}, tn.secret())
	require.NoError(t, err)
	v, err := tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), g.ID, tn.guest(tn.own, tn.worker.ID(), "visit"))
	require.NoError(t, err)
	require.Equal(t, []string{"Letter"}, papers(t, v))
	require.Equal(t, []byte("private, but chosen"), read(t, v, it.ID))
	_, err = v.AddNote(t.Context(), "n", vault.Note{Text: "n"}, vault.Place{Compartment: vault.Shared})
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	tn.Clock.Set(until.Add(-time.Millisecond))
	require.Equal(t, []string{"Letter"}, papers(t, v))
	tn.Clock.Set(until)
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)

	// Nothing is left of it with the service, and the person reads that it is over.
	tn.Clock.Advance(2 * time.Hour)
	swept, err := tn.Vaults.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, swept.Grants)
	for rec, err := range tn.Store.All(t.Context(), tn.v.ID().String()+"/g/") {
		require.NoError(t, err)
		require.Fail(t, "is still there", rec.Key)
	}
	again := tn.person.SignIn(t, tn.Stage)
	all, err := again.Grants(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.EndedByTime, all[0].EndedBy)
}

func TestAWorkerWhoLeavesHasNoKeyOfToday(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	grant := tn.follow(t, vault.ScopeAdd)
	old, err := tn.atRelay(t).OwnKeys(t.Context())
	require.NoError(t, err)
	second := space(t, tn.Vaults, seal.KindWorker, "second worker's password")
	keys, err := second.OwnKeys(t.Context())
	require.NoError(t, err)
	secret := vault.Secret{Password: sheet}
	g, err := tn.relay.Give(t.Context(), vault.NewGrant{Holder: second.ID(), Scope: vault.ScopeTeam}, secret)
	require.NoError(t, err)

	require.NoError(t, tn.relay.End(t.Context(), tn.member, &secret))
	_, err = tn.Vaults.OpenGrant(t.Context(), tn.relay.ID(), tn.member, tn.guest(tn.own, tn.worker.ID(), ""))
	require.ErrorIs(t, err, vault.ErrEnded)

	// Who stays seals the person's grant to the new key; the old one opens nothing.
	v, err := tn.Vaults.OpenGrant(t.Context(), tn.relay.ID(), g.ID, tn.guest(keys, second.ID(), ""))
	require.NoError(t, err)
	now, err := v.OwnKeys(t.Context())
	require.NoError(t, err)
	manager, err := tn.relay.OwnKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, now.Inboxes, 1, "all is sealed anew: the old generation is not given any more")
	done, err := tn.Vaults.Rewrap(t.Context(), tn.v.ID(), grant, tn.guest(manager, tn.relay.ID(), ""))
	require.NoError(t, err)
	require.True(t, done)
	done, err = tn.Vaults.Rewrap(t.Context(), tn.v.ID(), grant, tn.guest(manager, tn.relay.ID(), ""))
	require.NoError(t, err)
	require.False(t, done)
	_, err = tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), grant, tn.guest(now, tn.relay.ID(), "housing"))
	require.NoError(t, err)
	_, err = tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), grant, tn.guest(old, tn.relay.ID(), "housing"))
	require.ErrorIs(t, err, vault.ErrTampered)
}

func TestAManagerOpensTheRelayWithTheirOwnKeysUntilTheyLeave(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	boss := space(t, tn.Vaults, seal.KindWorker, "manager's own password")
	keys, err := boss.OwnKeys(t.Context())
	require.NoError(t, err)
	require.NoError(t, tn.relay.AddHolder(t.Context(), boss.ID(), nil, vault.Secret{Password: sheet}))
	g := vault.Guest{Actor: vault.Actor{Kind: vault.ActorWorker, ID: boss.ID().String(), Name: "Boss"}, Signer: keys.Signer, Holder: boss.ID(), Keys: keys.Inboxes}
	v, err := tn.Vaults.OpenHeld(t.Context(), tn.relay.ID(), g)
	require.NoError(t, err)
	_, err = v.Give(t.Context(), vault.NewGrant{Holder: boss.ID(), Scope: vault.ScopeTeam}, vault.Secret{})
	require.NoError(t, err, "who opened it by their own keys is not asked for a secret")
	require.NoError(t, v.End(t.Context(), tn.member, &vault.Secret{}))

	login, err := v.Login(t.Context())
	require.NoError(t, err)
	bySheet, err := tn.Vaults.Unlock(t.Context(), vault.Password{Login: login, Secret: sheet, Kind: seal.KindRelay})
	require.NoError(t, err)
	_, err = tn.relay.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrSessionEnded, "new keys: who had it open opens it again")
	require.NoError(t, bySheet.RemoveHolder(t.Context(), boss.ID(), vault.Secret{Password: sheet}, "another sheet 4712"))
	_, err = v.List(t.Context(), nil)
	require.Error(t, err)
	_, err = tn.Vaults.OpenHeld(t.Context(), tn.relay.ID(), g)
	require.ErrorIs(t, err, vault.ErrEnded)
	require.ErrorIs(t, tn.v.AddHolder(t.Context(), boss.ID(), nil, tn.secret()), vault.ErrInvalid, "nobody holds a person's vault")
}

func TestAWorkersLoginOpensNothingWherePersonsSignIn(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	login, err := tn.worker.Login(t.Context())
	require.NoError(t, err)
	p := vault.Password{Login: login, Secret: "worker's own password"}
	_, err = tn.Vaults.Unlock(t.Context(), p)
	require.ErrorIs(t, err, vault.ErrSignIn)
	p.Kind = seal.KindWorker
	_, err = tn.Vaults.Unlock(t.Context(), p)
	require.NoError(t, err)
}

func TestRootsMayChangeWhileOthersFollow(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	grant := tn.follow(t, vault.ScopeAdd)
	v, err := tn.open(t, grant)
	require.NoError(t, err)
	require.NoError(t, tn.v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: "another good password", KnownToOthers: true}))
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	v, err = tn.open(t, grant)
	require.NoError(t, err)
	require.Equal(t, []byte("shared"), read(t, v, it.ID))
}
