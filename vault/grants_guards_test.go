package vault_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// A guest handle without any keys, a visit to chosen items and one for the inbox
// alone: no method of a vault may panic or let them do what they may not.
func TestNoMethodPanicsForAGuest(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]vault.NewGrant{
		"give only": {Scope: vault.ScopeGive}, "see": {Scope: vault.ScopeSee},
		"chosen": {Scope: vault.ScopeSee, Visit: true, Items: []vault.ItemID{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn := newTown(t, nil)
			it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
			if n.Holder = tn.relay.ID(); n.Items != nil {
				n.Items, n.Until = []vault.ItemID{it.ID}, tn.Clock.Now().Add(time.Hour)
			}
			g, err := tn.v.Give(t.Context(), n, tn.secret())
			require.NoError(t, err)
			before := dump(t, tn.Store)
			v, err := tn.open(t, g.ID)
			require.NoError(t, err)
			for _, m := range methods(v) {
				require.NotPanics(t, func() { m.call(t, it) }, m.name)
			}
			require.NoError(t, tn.v.SignOut(t.Context()))
			after := dump(t, tn.Store)
			for key, value := range before {
				if _, rest, _ := strings.Cut(key, "/"); strings.HasPrefix(rest, "i/") || strings.HasPrefix(rest, "s/") || strings.HasPrefix(rest, "k/") {
					require.Equal(t, value, after[key], "%s was changed", key)
				}
			}
			require.Equal(t, []byte("shared"), read(t, tn.person.SignIn(t, tn.Stage), it.ID))
			for _, m := range methods(v) { // and none after it was closed
				require.NotPanics(t, func() { m.call(t, it) }, m.name)
			}
		})
	}
}

type method struct {
	name string
	fn   reflect.Value
}

func methods(v *vault.Vault) (out []method) {
	of := reflect.ValueOf(v)
	for i := range of.NumMethod() {
		out = append(out, method{of.Type().Method(i).Name, of.Method(i)})
	}
	slices.SortFunc(out, func(a, b method) int { // what ends the handle comes last
		rank := map[string]int{"SignOut": 1, "Close": 2}
		return rank[a.name] - rank[b.name]
	})
	return out
}

// call calls a method with arguments that are as right as can be guessed.
func (m method) call(t testing.TB, it vault.Item) {
	var args []reflect.Value
	for i := range m.fn.Type().NumIn() {
		in := m.fn.Type().In(i)
		switch {
		case in.String() == "context.Context":
			args = append(args, reflect.ValueOf(t.Context()))
		case in.String() == "io.Reader":
			args = append(args, reflect.ValueOf(strings.NewReader("x")))
		case in.String() == "io.Writer":
			args = append(args, reflect.ValueOf(&strings.Builder{}))
		case in == reflect.TypeFor[vault.ItemID]():
			args = append(args, reflect.ValueOf(it.ID))
		case in == reflect.TypeFor[vault.Compartment]():
			args = append(args, reflect.ValueOf(vault.Private))
		case in.Kind() == reflect.Uint64:
			args = append(args, reflect.ValueOf(it.Revision).Convert(in))
		case in.Kind() == reflect.String:
			args = append(args, reflect.ValueOf("good enough").Convert(in))
		default:
			args = append(args, reflect.Zero(in))
		}
	}
	if m.fn.Type().IsVariadic() {
		args = args[:len(args)-1]
	}
	for _, out := range m.fn.Call(args) {
		if seq, ok := out.Interface().(func(func(vault.Item, error) bool)); ok {
			seq(func(vault.Item, error) bool { return true })
		}
	}
}

// End and a change of roots at the same time on one handle: new keys for Shared
// that were sealed under the former root would never open again.
func TestWhatIsProvedUnderFormerRootsSealsNothing(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(tn *town, grant vault.GrantID) error{
		"end": func(tn *town, grant vault.GrantID) error {
			secret := tn.secret()
			return tn.v.End(t.Context(), grant, &secret)
		},
		"change the password": func(tn *town, _ vault.GrantID) error {
			return tn.v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: "the other one wins"})
		},
		"give": func(tn *town, _ vault.GrantID) error {
			_, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeSee}, tn.secret())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var between atomic.Pointer[func()]
			tn := newTown(t, &vaulttest.Options{Limiter: func(l vault.Limiter) vault.Limiter { return proving{l, &between} }})
			grant := tn.follow(t, vault.ScopeAdd)
			const next = "gato niru pesa fova"
			change := func() { // the secret was shown; before anything is written
				require.NoError(t, tn.v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: next, KnownToOthers: true}))
			}
			between.Store(&change)
			err := act(tn, grant)
			require.Error(t, err)
			require.Contains(t, []string{"revision", "unconfirmed"}, vault.Code(err))
			tn.person.Password = next
			v := tn.person.SignIn(t, tn.Stage)
			require.Empty(t, papers(t, v))
			requireSound(t, tn.Stage, tn.person)
		})
	}
}

// proving calls back when a secret has been proved: then its counter goes back.
type proving struct {
	vault.Limiter
	then *atomic.Pointer[func()]
}

func (p proving) Reset(ctx context.Context, id [16]byte, counter [32]byte, statement []byte) error {
	err := p.Limiter.Reset(ctx, id, counter, statement)
	if f := p.then.Swap(nil); f != nil {
		(*f)()
	}
	return err
}

// hostileTown is a town on a store whose host is the adversary.
func hostileTown(t testing.TB) (*town, *storagetest.Malicious) {
	t.Helper()
	host := storagetest.NewMalicious(memstore.New(), memstore.NewBlobs())
	return newTown(t, &vaulttest.Options{Records: host, Documents: host.Blobs()}), host
}

// paper is the record of the paper about a grant.
func (tn *town) paper(g vault.GrantID) string { return tn.v.ID().String() + "/o/" + g.String() }

// The store hides the paper of a grant that has ended, for a former holder's sake.
func TestTheDebtOfNewKeysCannotBeHidden(t *testing.T) {
	t.Parallel()
	tn, host := hostileTown(t)
	it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	grant := tn.follow(t, vault.ScopeSee)
	require.NoError(t, tn.v.End(t.Context(), grant, nil))
	host.Record(tn.paper(grant)).Drop()
	m, err := tn.person.SignIn(t, tn.Stage).Metadata(t.Context(), it.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Generation)
}

// Or of one that is in force, so that the person neither sees nor ends it.
func TestAGrantWhosePaperIsHiddenEndsAtTheNextSignIn(t *testing.T) {
	t.Parallel()
	tn, host := hostileTown(t)
	it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	hidden, other := tn.follow(t, vault.ScopeSee), tn.follow(t, vault.ScopeSee)
	host.Record(tn.paper(hidden)).Drop()
	all, err := tn.v.Grants(t.Context())
	require.ErrorIs(t, err, vault.ErrTampered, "the list says that it is not whole")
	require.Len(t, all, 1)
	again := tn.person.SignIn(t, tn.Stage)
	_, err = tn.open(t, hidden)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = tn.open(t, other)
	require.NoError(t, err)
	m, err := again.Metadata(t.Context(), it.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Generation, "whoever it was may have the keys")
	require.Contains(t, acts(t, again, 50), string(vault.ActGrantEnded))
	_, err = again.Grants(t.Context())
	require.NoError(t, err)
}

// D2: the store hides the paper that keeps the key of the first contact.
func TestAHiddenPinIsNoFirstContact(t *testing.T) {
	t.Parallel()
	tn, host := hostileTown(t)
	secret := tn.secret()
	require.NoError(t, tn.v.End(t.Context(), tn.follow(t, vault.ScopeSee), &secret))
	all, err := tn.v.Grants(t.Context())
	require.NoError(t, err)
	host.Record(tn.paper(all[0].ID)).Drop()
	_, err = tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee}, tn.secret())
	require.ErrorIs(t, err, vault.ErrTampered)
	p, err := tn.Public(t.Context(), tn.relay.ID(), nil)
	require.NoError(t, err)
	_, err = tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee, Key: p.Key}, tn.secret())
	require.NoError(t, err, "the code at the relay's door says the same")
}

// The time of a grant is over: the sign-in that ends it makes the new keys, too.
func TestWhatEndsAtASignInIsPaidAtThisSignIn(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	_, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee, Until: tn.Clock.Now().Add(time.Hour)}, tn.secret())
	require.NoError(t, err)
	tn.Clock.Advance(2 * time.Hour)
	m, err := tn.person.SignIn(t, tn.Stage).Metadata(t.Context(), it.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Generation)
}

// What is wrong with one holder must not keep the person from new keys.
func TestAHolderCannotHoldUpNewKeys(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(tn *town){
		"a key that is none":      func(tn *town) { tn.register.inbox = make([]byte, seal.BoxPublicSize) },
		"a space that is altered": func(tn *town) { tn.register.fails = vault.ErrTampered },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn := newTown(t, nil)
			it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
			leaves, spoilt := tn.follow(t, vault.ScopeSee), tn.follow(t, vault.ScopeSee)
			spoil(tn)
			secret := tn.secret()
			require.NoError(t, tn.v.End(t.Context(), leaves, &secret))
			m, err := tn.v.Metadata(t.Context(), it.ID)
			require.NoError(t, err)
			require.EqualValues(t, 2, m.Generation)
			require.NoError(t, tn.v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
			tn.register.inbox, tn.register.fails = nil, nil
			_, err = tn.open(t, spoilt)
			require.ErrorIs(t, err, vault.ErrEnded, "who cannot be given keys has none")
		})
	}
}

func TestAServiceWithoutADirectoryLetsNobodyInAndPanicsNowhere(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	grant := tn.follow(t, vault.ScopeSee)
	alone := tn.Another(t, nil)
	v := tn.person.SignIn(t, alone)
	require.NoError(t, v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
	_, err := tn.open(t, grant)
	require.ErrorIs(t, err, vault.ErrEnded)
}

// A guest that their credential does not name would spoil what they touch.
func TestNobodyIsAGuestInANameThatIsNotTheirs(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	grant := tn.follow(t, vault.ScopeAdd)
	keys, err := tn.atRelay(t).OwnKeys(t.Context())
	require.NoError(t, err)
	for name, change := range map[string]func(g *vault.Guest){
		"another name":  func(g *vault.Guest) { g.Actor.Name = "Boss" },
		"another relay": func(g *vault.Guest) { g.Actor.RelayID = tn.v.ID().String() },
		"the service":   func(g *vault.Guest) { g.Actor.Kind = vault.ActorService },
		"no credential": func(g *vault.Guest) { g.Credential = nil },
		"another key":   func(g *vault.Guest) { g.Signer = seal.NewSigningKey() },
	} {
		g := tn.guest(keys, tn.relay.ID(), "housing")
		change(&g)
		_, err := tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), grant, g)
		require.ErrorIs(t, err, vault.ErrUntrustedKey, name)
	}
}

// A worker opens the vault while the grant is being given anew: it is not over.
func TestAGrantThatIsGivenAnewIsNotOver(t *testing.T) {
	t.Parallel()
	var between func()
	tn := newTown(t, &vaulttest.Options{Driver: func(d storage.Driver) storage.Driver {
		return onGet{d, func(key string) {
			if f := between; f != nil && strings.Contains(key, "/g/") {
				between = nil
				f()
			}
		}}
	}})
	leaves, stays := tn.follow(t, vault.ScopeSee), tn.follow(t, vault.ScopeSee)
	keys, err := tn.atRelay(t).OwnKeys(t.Context())
	require.NoError(t, err)
	secret := tn.secret()
	between = func() { require.NoError(t, tn.v.End(t.Context(), leaves, &secret)) }
	_, err = tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), stays, tn.guest(keys, tn.relay.ID(), "housing"))
	require.NoError(t, err)
}

type onGet struct {
	storage.Driver
	before func(key string)
}

func (d onGet) Get(ctx context.Context, key string) (storage.Record, error) {
	d.before(key)
	return d.Driver.Get(ctx, key)
}

// N16: a guest meets a head that the witness does not know yet. What is kept with it
// must not lack what only the person can name.
func TestAGuestsReportDoesNotCostTheLogin(t *testing.T) {
	t.Parallel()
	w := &keeping{}
	tn := newTown(t, &vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { w.Checkpoints = c; return w }})
	keys, err := tn.atRelay(t).OwnKeys(t.Context())
	require.NoError(t, err)
	p, err := tn.Public(t.Context(), tn.v.ID(), nil)
	require.NoError(t, err)
	w.fails.Store(true)
	g, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee}, tn.secret())
	require.ErrorIs(t, err, vault.ErrUnconfirmed)
	require.NoError(t, tn.v.SignOut(t.Context()))
	require.NoError(t, tn.Vaults.Close()) // nothing that waits is told now
	w.fails.Store(false)

	tn.Stage = tn.Another(t, &vaulttest.Options{
		Checkpoints: func(vault.Checkpoints) vault.Checkpoints { return w },
		Directory:   func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return tn.register, nil },
	})
	tn.register.service = tn.Vaults
	as := tn.guest(keys, tn.relay.ID(), "housing")
	as.Pinned = p.Key
	v, err := tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), g.ID, as)
	require.NoError(t, err)
	_, err = v.List(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, tn.Vaults.Close())
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, side := range w.sides {
		require.Contains(t, side, "login/")
	}
}

// keeping is a witness that fails to keep, or says what it was given.
type keeping struct {
	vault.Checkpoints
	fails atomic.Bool
	mu    sync.Mutex
	sides []string
}

func (k *keeping) Keep(ctx context.Context, id [16]byte, owner []byte, side []vault.Kept) error {
	if k.fails.Load() {
		return errAway
	}
	k.mu.Lock()
	all := ""
	for _, r := range side {
		all += r.Key + "\n"
	}
	k.sides = append(k.sides, all)
	k.mu.Unlock()
	return k.Checkpoints.Keep(ctx, id, owner, side)
}
