package consent_test

import (
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// outside is one person's vault in a town with a worker, three partners and strangers who
// have links, and a model of what each of them opens.
type outside struct {
	*town
	t      *testing.T
	r      *rapid.T
	bodies []*body

	papers  map[string]*sheet // by name
	waiting []*sheet          // left by links, and not taken in
	links   []*doorway
	asks    []*inquiry
	given   []*handing
	blocked map[int]bool
	follows bool
	owed    bool // who followed has the keys of today: the next sign-in makes new ones
	closed  bool // the inbox
	erased  bool
	names   int
}

// sheet is a paper.
type sheet struct {
	item   vault.Item
	name   string
	text   string
	shared bool
}

// doorway is a link; shows is nil for one to leave something.
type doorway struct {
	vault.Link
	shows *sheet
	text  string // as it was then
	left  int    // times; -1: without a number
	over  bool
}

// inquiry is what a partner asked, and what its token is good for.
type inquiry struct {
	by    int
	token string
	at    time.Time
	done  bool // refused or answered
}

// handing is what was presented.
type handing struct {
	*inquiry
	grant vault.GrantID
	until time.Time
	texts map[string]string
	over  bool
}

// Persons, workers, partners and strangers do what they do, in whatever order, and after each
// act everybody tries everything: what they open is what the model says, to the byte. At the
// end each partner has the whole store, and opens with all of its keys what was presented to
// it and nothing else; nobody finds a text in it.
func TestWhatEachOpensIsWhatTheModelSays(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	bodies := []*body{tn.newBody(t, "CAF"), tn.newBody(t, "CPAM"), tn.newBody(t, "Mairie")}
	done := map[string]int{}
	rapid.Check(t, func(r *rapid.T) {
		own := *tn
		own.amina = tn.Person(t)
		m := &outside{town: &own, t: t, r: r, bodies: bodies, papers: map[string]*sheet{}, blocked: map[int]bool{}}
		t.Log("--- another person")
		for _, begin := range []func(){m.add, m.add, m.letIn, m.paperLink, m.depositLink, m.ask, m.present, m.open, m.leave} {
			begin()
		}
		acts := m.acts()
		for n := range rapid.IntRange(10, 18).Draw(r, "length") {
			name := rapid.SampledFrom(slices.Sorted(maps.Keys(acts))).Draw(r, "act")
			if name == "erase" && n < 6 {
				name = "open"
			}
			done[name]++
			t.Log(name)
			acts[name]()
			m.everybody()
			if m.erased {
				break
			}
		}
		m.wholeStore()
	})
	t.Log(done)
}

func (m *outside) acts() map[string]func() {
	return map[string]func(){
		"add": m.add, "move": m.move, "replace": m.replace, "destroy": m.destroy,
		"follow": m.letIn, "unfollow": m.unfollow, "new keys": m.newKeys, "wait": m.wait, "sign in": m.signIn, "erase": m.erase,
		"ask": m.ask, "ask again": m.ask, "present": m.present, "present again": m.present, "refuse": m.refuse, "take back": m.takeBack, "block": m.block,
		"deposit link": m.depositLink, "paper link": m.paperLink, "open": m.open, "open again": m.open, "leave": m.leave, "end link": m.endLink, "inbox": m.inbox,
	}
}

// pick draws one of some, false if there are none.
func pick[T any](m *outside, some []T) (one T, ok bool) {
	if len(some) == 0 {
		return one, false
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(m.r, "which")], true
}

func (m *outside) v() *vault.Vault { return m.amina.Vault }

// sheets are the papers in an order that a seed repeats.
func (m *outside) sheets(which func(*sheet) bool) (out []*sheet) {
	for _, name := range slices.Sorted(maps.Keys(m.papers)) {
		if which == nil || which(m.papers[name]) {
			out = append(out, m.papers[name])
		}
	}
	return out
}

func isShared(s *sheet) bool { return s.shared }

// everybody tries everything.
func (m *outside) everybody() {
	m.person()
	m.worker()
	for _, l := range m.links {
		face, err := m.Stage.FaceOfLink(m.t.Context(), l.Code)
		if m.isOver(l) {
			require.ErrorIs(m.t, err, vault.ErrEnded)
			continue
		}
		require.NoError(m.t, err)
		require.Equal(m.t, vault.LinkFace{Kind: l.Kind, Label: "desk", Until: l.Until, Left: l.left}, face, "and nothing of the paper")
	}
	for _, q := range m.asks {
		m.fetches(q)
	}
}

// person demands that the person has what is theirs, and sees what waits.
func (m *outside) person() {
	if m.erased {
		_, err := m.Stage.Unlock(m.t.Context(), m.amina.Secret())
		require.ErrorIs(m.t, err, vault.ErrSignIn)
		return
	}
	m.holds(m.v(), m.sheets(nil))
	m.waitingAsks()
}

// worker demands that who follows reads what is shared, and nobody else anything.
func (m *outside) worker() {
	post, err := m.centre.worker.Worker.At(m.t.Context(), m.centre.relay.ID)
	if err != nil { // their session has ended
		require.ErrorIs(m.t, err, vault.ErrSessionEnded)
		m.centre.worker = m.centre.worker.SignIn(m.t, m.Stage)
		post, err = m.centre.worker.Worker.At(m.t.Context(), m.centre.relay.ID)
	}
	require.NoError(m.t, err)
	defer post.Close()
	v, err := post.Open(m.t.Context(), m.v().ID(), aboutHousing)
	if !m.follows || m.erased {
		require.Error(m.t, err)
		require.Contains(m.t, []string{"not-found", "ended"}, vault.Code(err))
		return
	}
	require.NoError(m.t, err)
	defer v.Close()
	m.holds(v, m.sheets(isShared))
}

// holds demands of an open vault these papers, and no others.
func (m *outside) holds(v *vault.Vault, sheets []*sheet) {
	want := map[string]string{}
	for _, s := range sheets {
		want[s.name] = s.text
	}
	got := map[string]string{}
	all, err := v.List(m.t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
	require.NoError(m.t, err)
	for _, it := range all {
		c, err := v.ReadDocument(m.t.Context(), it.ID)
		require.NoError(m.t, err)
		text, err := io.ReadAll(c)
		require.NoError(m.t, err)
		require.NoError(m.t, c.Close())
		got[it.Name] = string(text)
	}
	require.Equal(m.t, want, got)
	for _, s := range m.sheets(nil) {
		if _, is := want[s.name]; !is {
			_, err := v.ReadDocument(m.t.Context(), s.item.ID)
			require.ErrorIs(m.t, err, vault.ErrNotFound)
		}
	}
}

// fetches demands of a partner's token what was presented by it, and of the others nothing.
func (m *outside) fetches(q *inquiry) {
	i := slices.IndexFunc(m.given, func(h *handing) bool { return h.inquiry == q && !h.over && m.Clock.Now().Before(h.until) })
	for n, b := range m.bodies {
		if n == q.by && i >= 0 {
			got, err := m.fetched(m.t, b, q.token)
			require.NoError(m.t, err)
			require.Equal(m.t, m.given[i].texts, got)
			continue
		}
		_, err := m.office(m.t, b).Take(m.t.Context(), q.token)
		require.ErrorIs(m.t, err, consent.ErrNoAnswer)
	}
}

// wholeStore gives each partner everything that the store has.
func (m *outside) wholeStore() {
	prefix := m.v().ID().String() + "/g/"
	for key, value := range m.contents(m.t) {
		require.NotContains(m.t, string(value), "this is ", key)
		name, is := strings.CutPrefix(key, prefix)
		if !is {
			continue
		}
		grant, err := vault.ParseGrantID(name)
		require.NoError(m.t, err)
		for n, b := range m.bodies {
			var boxes []seal.BoxKey
			_, seeds := b.keys.Seeds()
			for _, seed := range seeds {
				box, err := seal.BoxKeyFromBytes(seed)
				require.NoError(m.t, err)
				boxes = append(boxes, box)
			}
			mine := slices.ContainsFunc(m.given, func(h *handing) bool { return h.by == n && h.grant == grant })
			for _, as := range m.bodies { // also in the name of another
				_, err := vault.OpenPresented(m.v().ID(), grant, as.ID, m.v().Key(), value, boxes)
				require.Equal(m.t, mine && as == b, err == nil, "%v", err)
			}
		}
	}
}
