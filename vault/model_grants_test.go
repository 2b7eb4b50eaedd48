package vault_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// village is two persons, two relays and two workers, and a model of who may open
// what: permits, and who works where.
type village struct {
	*vaulttest.Stage
	t         *testing.T
	r         *rand.Rand
	host      *storagetest.Malicious // nil: an honest store
	register  *register
	residents [2]*resident
	offices   [2]*office
	clerks    [2]*clerk
	permits   []*permit
	done      map[string]int
	lies      bool // the store is lying at this moment
}

// resident is a person and what they keep.
type resident struct {
	person *vaulttest.Person
	v      *vault.Vault
	pin    []byte
	items  map[vault.ItemID]leaf
	owed   bool // somebody who was withdrawn has the keys of today
}

type leaf struct {
	text     []byte
	side     vault.Compartment
	revision uint64
	note     bool
}

// office is a relay, and which clerks work there.
type office struct {
	v       *vault.Vault
	works   [2]bool
	members [2]vault.GrantID // the latest of each clerk
}

// clerk is a worker. They keep what they once had: open handles and keys of relays.
type clerk struct {
	v    *vault.Vault
	own  vault.OwnKeys
	at   [2]*vault.Vault
	keys [2]vault.OwnKeys
}

// permit is a grant as the person was told of it.
type permit struct {
	vault.Grant
	of     *resident
	office int                       // -1: to a clerk themself
	clerk  int                       // whose it is then
	chosen map[vault.ItemID]leaf     // not nil: these alone, as they were
	kept   map[*clerk][]*vault.Vault // handles that were opened before
	over   bool
}

// may is the model: what a clerk may do now by a permit, 0 for nothing.
func (w *village) may(c int, p *permit) vault.Scope {
	switch {
	case p.over, w.late(p):
		return 0
	case p.office >= 0 && !w.offices[p.office].works[c], p.office < 0 && p.clerk != c:
		return 0
	}
	return p.Scope
}

// shown is the other half: which items a permit is about.
func (p *permit) shown() map[vault.ItemID]leaf {
	if p.chosen != nil {
		return p.chosen
	}
	out := maps.Clone(p.of.items)
	maps.DeleteFunc(out, func(_ vault.ItemID, l leaf) bool { return l.side != vault.Shared })
	return out
}

func (w *village) late(p *permit) bool {
	return !p.Until.IsZero() && !w.Clock.Now().Before(p.Until)
}

// settle ends what is over by its time; with keys, Shared gets new ones where they
// are owed, and that ends all visits.
func (w *village) settle(r *resident, keys bool) {
	for _, p := range w.permits {
		if p.of == r && !p.over && w.late(p) {
			p.over, r.owed = true, r.owed || !p.Visit
		}
	}
	if keys && r.owed {
		w.newKeys(r)
	}
}

func (w *village) newKeys(r *resident) {
	r.owed = false
	for _, p := range w.permits {
		p.over = p.over || p.of == r && (p.Visit || w.late(p))
	}
}

func newVillage(t *testing.T, seed uint64, malicious bool) *village {
	w := &village{t: t, r: rand.New(rand.NewPCG(seed, 0)), done: map[string]int{}, register: &register{gone: map[vault.ID]bool{}, members: map[string]vault.Signer{}}}
	opts := &vaulttest.Options{Directory: func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return w.register, nil }}
	if malicious {
		w.host = storagetest.NewMalicious(memstore.New(), memstore.NewBlobs())
		opts.Records, opts.Documents = w.host, w.host.Blobs()
	}
	w.Stage = vaulttest.New(t, opts)
	w.register.service = w.Vaults
	for i := range w.clerks {
		w.clerks[i] = &clerk{v: space(t, w.Vaults, seal.KindWorker, "worker's own password")}
		var err error
		w.clerks[i].own, err = w.clerks[i].v.OwnKeys(t.Context())
		require.NoError(t, err)
	}
	for i := range w.offices {
		w.offices[i] = &office{v: space(t, w.Vaults, seal.KindRelay, sheet)}
		for c, k := range w.clerks {
			a := w.actor(c, i)
			a.Name = ""
			w.register.members[credential(c, i)] = vault.Signer{Actor: a, Key: k.own.Signer.Public(), Named: func(name string) bool { return name == "clerk" }}
		}
		w.join(i, i)
	}
	for i := range w.residents {
		p := w.Person(t)
		w.residents[i] = &resident{person: p, v: p.Vault, pin: p.Vault.Key(), items: map[vault.ItemID]leaf{}}
		w.add(w.residents[i])
		w.follow(w.residents[i])
	}
	return w
}

func credential(c, office int) string { return fmt.Sprintf("credential of %d at %d", c, office) }

func (w *village) actor(c, office int) vault.Actor {
	return vault.Actor{Kind: vault.ActorWorker, ID: w.clerks[c].v.ID().String(), RelayID: w.offices[office].v.ID().String(), Name: "clerk"}
}

func (w *village) guest(c, at int, holder vault.ID, keys []seal.BoxKey) vault.Guest {
	return vault.Guest{Actor: w.actor(c, at), Signer: w.clerks[c].own.Signer, Credential: []byte(credential(c, at)), Purpose: "housing", Holder: holder, Keys: keys}
}

// seat is a person's vault, who signs in again where their session has ended.
func (w *village) seat(r *resident) *vault.Vault {
	if _, err := r.v.Count(w.t.Context()); err != nil {
		require.ErrorIs(w.t, err, vault.ErrSessionEnded)
		w.signIn(r)
	}
	return r.v
}

func (w *village) signIn(r *resident) {
	r.v = r.person.SignIn(w.t, w.Stage)
	w.settle(r, true)
}

// enter opens a relay's space as a clerk, who takes its keys with them.
func (w *village) enter(c, at int) error {
	k, o := w.clerks[c], w.offices[at]
	v, err := w.OpenGrant(w.t.Context(), o.v.ID(), o.members[c], w.guest(c, at, k.v.ID(), k.own.Inboxes))
	if err != nil {
		return err
	}
	keys, err := v.OwnKeys(w.t.Context())
	if err == nil {
		k.at[at], k.keys[at] = v, keys
	}
	return err
}

// open opens a person's vault as a clerk by a permit, or tries with what they have.
func (w *village) open(c int, p *permit) (*vault.Vault, error) {
	k := w.clerks[c]
	g := w.guest(c, 0, p.Holder, k.own.Inboxes)
	if p.office >= 0 {
		err := w.enter(c, p.office)
		if !w.lies {
			require.Equal(w.t, w.offices[p.office].works[c], err == nil, "at the relay: %v", err)
		}
		g = w.guest(c, p.office, p.Holder, k.own.Inboxes)
		if k.at[p.office] != nil { // also who works there no more tries the keys they once had
			g.Keys, g.Standing = k.keys[p.office].Inboxes, k.at[p.office].Standing()
		}
	}
	if w.r.IntN(2) == 0 {
		g.Pinned = p.of.pin
	}
	return w.OpenGrant(w.t.Context(), p.of.v.ID(), p.ID, g)
}

// refusal demands a typed refusal.
func (w *village) refusal(err error, msg string) {
	w.t.Helper()
	codes := []string{"ended", "tampered"}
	if w.lies {
		codes = append(codes, "stale", "untrusted-key", "not-found", "session-ended", "policy", "key-service", "closing")
	}
	require.Error(w.t, err, msg)
	require.Contains(w.t, codes, vault.Code(err), "%s: %v", msg, err)
	w.done["refused"]++
}

// everybody tries everything: the persons last, because a sign-in ends what is over.
func (w *village) everybody() {
	for n, p := range w.permits {
		if p.over && n < len(w.permits)-6 {
			continue // of those that are over, the latest
		}
		for c, k := range w.clerks {
			for _, old := range p.kept[k] {
				if _, err := old.List(w.t.Context(), nil); err == nil {
					w.tries(old, c, p)
				} else {
					w.refusal(err, "an open handle")
				}
			}
			v, err := w.open(c, p)
			if err == nil {
				_, err = v.List(w.t.Context(), nil)
			}
			if err == nil || !w.lies && w.may(c, p) != 0 {
				require.NoError(w.t, err, "permit %d, clerk %d", n, c)
				w.tries(v, c, p)
				p.kept[k] = []*vault.Vault{v}
			} else {
				w.refusal(err, "a permit")
			}
		}
	}
	for _, r := range w.residents {
		w.reads(r)
	}
}

// reads demands that a person has what is theirs.
func (w *village) reads(r *resident) {
	v := r.v
	if !w.lies {
		v = w.seat(r)
	}
	w.holds(v, r.items)
	for _, other := range w.residents {
		for id := range other.items {
			if _, own := r.items[id]; !own {
				w.hidden(v, id)
			}
		}
	}
}

// tries demands of an open handle exactly what the model allows.
func (w *village) tries(v *vault.Vault, c int, p *permit) {
	w.t.Helper()
	require.NotZero(w.t, w.may(c, p), "clerk %d opens what they may not", c)
	shown := p.shown()
	w.holds(v, shown)
	for _, r := range w.residents {
		for id := range r.items {
			if _, is := shown[id]; !is {
				w.hidden(v, id)
			}
		}
	}
	if p.Scope == vault.ScopeAdd && (w.lies || w.r.IntN(6) > 0 || len(p.of.items) > 6) {
		return
	}
	it, err := v.AddNote(w.t.Context(), "note", vault.Note{Text: "by a clerk"}, vault.Place{Compartment: vault.Shared})
	if p.Scope == vault.ScopeAdd {
		require.NoError(w.t, err)
		p.of.items[it.ID] = leaf{text: []byte("by a clerk"), side: vault.Shared, revision: it.Revision, note: true}
		w.done["added by a clerk"]++
		return
	}
	require.Error(w.t, err)
	if !w.lies {
		require.ErrorIs(w.t, err, vault.ErrNotAllowed)
	}
}

// holds demands that a handle lists, counts and reads these items, and no others.
// While the store lies it may refuse instead.
func (w *village) holds(v *vault.Vault, items map[vault.ItemID]leaf) {
	w.t.Helper()
	all, err := v.List(w.t.Context(), nil)
	all = slices.DeleteFunc(all, func(it vault.Item) bool { return it.Kind == vault.KindFolder })
	for _, it := range all {
		require.Contains(w.t, items, it.ID, "%s is listed", it.Name)
	}
	w.honest(err, len(all) == len(items), "list")
	n, err := v.Count(w.t.Context())
	private := 0
	for _, l := range items {
		if v.Terms() == nil && l.side == vault.Private {
			private++
		}
	}
	w.honest(err, n.Documents+n.Notes == len(items) && n.Private == private || w.lies && n.Damaged > 0, "count")
	for id, l := range items {
		got := []byte{}
		if l.note {
			var it vault.Item
			if it, err = v.Item(w.t.Context(), id); err == nil {
				got = []byte(it.Note.Text)
			}
		} else {
			got, err = tryRead(w.t, v, id)
		}
		require.True(w.t, bytes.HasPrefix(l.text, got), "other bytes")
		w.honest(err, len(got) == len(l.text), "read")
		w.done["read"]++
	}
}

// honest demands the right answer, or while the store lies a refusal.
func (w *village) honest(err error, right bool, what string) {
	w.t.Helper()
	if err != nil && w.lies {
		w.refusal(err, what)
		return
	}
	require.NoError(w.t, err, what)
	require.True(w.t, right, what)
}

func (w *village) hidden(v *vault.Vault, id vault.ItemID) {
	w.t.Helper()
	for what, read := range map[string]func() error{
		"item": func() error { _, err := v.Item(w.t.Context(), id); return err },
		"read": func() error { _, err := tryRead(w.t, v, id); return err },
	} {
		err := read()
		require.Error(w.t, err, what)
		if w.lies {
			w.refusal(err, what)
			continue
		}
		require.ErrorIs(w.t, err, vault.ErrNotFound, what)
	}
}

func one[T any](w *village, some []T) T { return some[w.r.IntN(len(some))] }

// Persons let relays and workers in, move and withdraw, relays' workers come and go,
// and after each act everybody tries everything, also with handles and keys that they
// once had: what they reach is what the model says, to the byte. In every other run
// the store lies now and then: then they may be refused, and get nothing else.
//
//	RECONNECT_SEED=<seed> go test -run TestWhoMayOpenWhat -v ./vault
//
// repeats the acts of a run; which record is lied about also hangs on ids, which are
// drawn by the service.
func TestWhoMayOpenWhatIsWhatTheModelSays(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	if s := os.Getenv("RECONNECT_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
	}
	for n := range uint64(sized(4, 12)) {
		t.Run(fmt.Sprintf("seed %d", seed+n), func(t *testing.T) {
			w := newVillage(t, seed+n, n%2 == 1)
			for range sized(12, 20) {
				w.act()
				w.everybody()
				if w.host != nil && w.r.IntN(3) == 0 {
					w.lie()
				}
			}
			require.NotZero(t, w.done["read"])
			require.NotZero(t, w.done["refused"])
			t.Logf("%v", w.done)
		})
		if t.Failed() {
			t.Fatalf("again with RECONNECT_SEED=%d", seed+n)
		}
	}
}
