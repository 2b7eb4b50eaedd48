package consent_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// What happens to one vault. Each act is done there and in the model.

func (m *outside) newSheet() *sheet {
	m.names++
	name := fmt.Sprint("paper ", m.names)
	return &sheet{name: name, text: "this is " + name, shared: rapid.Bool().Draw(m.r, "shared")}
}

func (m *outside) add() {
	s := m.newSheet()
	c := vault.Private
	if s.shared {
		c = vault.Shared
	}
	s.item = m.paper(m.t, s.name, c)
	m.papers[s.name] = s
}

// changes ends the links to a paper.
func (m *outside) changes(s *sheet) {
	for _, l := range m.links {
		l.over = l.over || l.shows == s
	}
}

func (m *outside) move() {
	s, ok := pick(m, m.sheets(nil))
	if !ok {
		return
	}
	to := vault.Shared
	if s.shared {
		to = vault.Private
	}
	var err error
	s.item, err = m.v().Move(m.t.Context(), s.item.ID, s.item.Revision, to)
	require.NoError(m.t, err)
	s.shared = !s.shared
	m.changes(s)
}

func (m *outside) replace() {
	if s, ok := pick(m, m.sheets(nil)); ok {
		s.text += ", anew"
		var err error
		s.item, err = m.v().ReplaceDocument(m.t.Context(), s.item.ID, s.item.Revision, vault.NewDocument{}, strings.NewReader(s.text))
		require.NoError(m.t, err)
		m.changes(s)
	}
}

func (m *outside) destroy() {
	if s, ok := pick(m, m.sheets(nil)); ok {
		require.NoError(m.t, m.v().Destroy(m.t.Context(), s.item.ID, s.item.Revision))
		delete(m.papers, s.name)
		m.changes(s)
	}
}

func (m *outside) letIn() {
	if !m.follows {
		m.follow(m.t)
		m.follows = true
	}
}

func (m *outside) unfollow() {
	if !m.follows {
		return
	}
	all, err := m.v().Grants(m.t.Context())
	require.NoError(m.t, err)
	i := slices.IndexFunc(all, func(g vault.Grant) bool { return g.Scope == vault.ScopeAdd && g.Ended.IsZero() })
	_, err = m.service.Withdraw(m.t.Context(), m.v(), all[i].ID, nil)
	require.NoError(m.t, err)
	m.follows, m.owed = false, true
}

// newKeys ends what was presented and the links to papers; who follows and links to leave
// something go on.
func (m *outside) newKeys() {
	m.names++
	next := fmt.Sprint("a good password ", m.names)
	require.NoError(m.t, m.v().ChangePassword(m.t.Context(), vault.ChangePassword{Old: m.amina.Password, New: next, KnownToOthers: true}))
	m.amina.Password = next
	for _, l := range m.links {
		l.over = l.over || l.shows != nil
	}
	m.owed = true
	m.signIn()
}

// signIn takes in what was left, and makes the keys that are owed: what was chosen for
// somebody is then given anew by the person alone.
func (m *outside) signIn() {
	m.amina.Vault = m.amina.SignIn(m.t, m.Stage.Stage)
	for _, h := range m.given {
		h.over = h.over || m.owed
	}
	m.owed = false
	all, err := m.v().List(m.t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
	require.NoError(m.t, err)
	for _, s := range m.waiting {
		i := slices.IndexFunc(all, func(it vault.Item) bool { return it.Name == s.name })
		require.GreaterOrEqual(m.t, i, 0, "%s was taken", s.name)
		s.item = all[i]
		m.papers[s.name] = s
	}
	m.waiting = nil
}

func (m *outside) wait() {
	m.Clock.Advance(rapid.SampledFrom([]time.Duration{time.Minute, 25 * time.Minute, 3 * time.Hour}).Draw(m.r, "how long"))
	if _, err := m.v().Count(m.t.Context()); err != nil {
		require.ErrorIs(m.t, err, vault.ErrSessionEnded)
		m.signIn()
	}
}

func (m *outside) erase() {
	_, err := m.v().Erase(m.t.Context(), m.amina.Password)
	require.NoError(m.t, err)
	m.erased = true
	for _, l := range m.links {
		l.over = true
	}
	for _, h := range m.given {
		h.over = true
	}
}

func (m *outside) ask() {
	if len(m.asks) > 9 {
		return
	}
	m.Clock.Advance(time.Second) // so that each has a time of its own
	q := &inquiry{by: rapid.IntRange(0, 2).Draw(m.r, "by"), at: m.Clock.Now()}
	q.token = m.asked(m.t, m.bodies[q.by])
	m.asks = append(m.asks, q)
}

// waitingAsks are what the person sees: the model's and the real ones, in the same order.
func (m *outside) waitingAsks() (mine []*inquiry, real []consent.Asked) {
	real, err := m.service.Asked(m.t.Context(), m.v())
	require.NoError(m.t, err)
	for _, q := range slices.Backward(m.asks) {
		if !q.done && !m.blocked[q.by] && q.at.Add(consent.AskLasts).After(m.Clock.Now()) {
			mine = append(mine, q)
		}
	}
	require.Len(m.t, real, len(mine))
	for n, a := range real {
		require.Equal(m.t, m.bodies[mine[n].by].ID, a.Partner)
	}
	return mine, real
}

func (m *outside) present() {
	mine, real := m.waitingAsks()
	if len(mine) == 0 {
		return
	}
	n := rapid.IntRange(0, len(mine)-1).Draw(m.r, "which")
	h := &handing{inquiry: mine[n], texts: map[string]string{}}
	private := false
	var ids []vault.ItemID
	for _, s := range m.sheets(nil) {
		if rapid.Bool().Draw(m.r, "choose") {
			h.texts[s.name], private = s.text, private || !s.shared
			ids = append(ids, s.item.ID)
		}
	}
	p := m.presentation(real[n], ids...)
	h.until = p.Until
	_, err := m.service.Present(m.t.Context(), m.v(), p, m.secret())
	if private || len(ids) == 0 {
		require.ErrorIs(m.t, err, vault.ErrInvalid)
		return
	}
	require.NoError(m.t, err)
	mine[n].done, h.grant = true, m.grant(m.t).ID
	m.given = append(m.given, h)
}

func (m *outside) refuse() {
	mine, real := m.waitingAsks()
	if len(mine) > 0 {
		require.NoError(m.t, m.service.RefuseAsk(m.t.Context(), m.v(), real[0].ID))
		mine[0].done = true
	}
}

func (m *outside) takeBack() {
	in := slices.DeleteFunc(slices.Clone(m.given), func(h *handing) bool { return h.over })
	if h, ok := pick(m, in); ok {
		_, err := m.service.Withdraw(m.t.Context(), m.v(), h.grant, nil)
		require.NoError(m.t, err)
		h.over = true
	}
}

// block blocks a partner, or takes that back. What was presented to it stays.
func (m *outside) block() {
	by := rapid.IntRange(0, 2).Draw(m.r, "whom")
	act := m.service.BlockPartner
	if m.blocked[by] {
		act = m.service.UnblockPartner
	}
	require.NoError(m.t, act(m.t.Context(), m.v(), m.bodies[by].ID))
	m.blocked[by] = !m.blocked[by]
}

func (m *outside) depositLink() { m.makeLink(vault.NewLink{Kind: vault.LinkDeposit}, nil) }

func (m *outside) paperLink() {
	s, ok := pick(m, m.sheets(nil))
	if !ok {
		return
	}
	m.makeLink(vault.NewLink{Kind: vault.LinkPaper, Item: s.item.ID, Times: rapid.IntRange(1, 3).Draw(m.r, "times")}, s)
}

func (m *outside) makeLink(n vault.NewLink, shows *sheet) {
	if len(m.links) > 6 {
		return
	}
	n.Label = "desk"
	if rapid.Bool().Draw(m.r, "for a time") {
		n.Until = m.Clock.Now().Add(2 * time.Hour)
	}
	secret := m.secret()
	l, err := m.v().MakeLink(m.t.Context(), n, &secret)
	require.NoError(m.t, err)
	d := &doorway{Link: l, shows: shows, left: -1}
	if shows != nil {
		d.text, d.left = shows.text, n.Times
	}
	m.links = append(m.links, d)
}

// isOver is the model of a link.
func (m *outside) isOver(l *doorway) bool {
	return l.over || l.left == 0 || !l.Until.IsZero() && !m.Clock.Now().Before(l.Until)
}

// open reads a paper by a link, whatever it is for and however it stands.
func (m *outside) open() {
	l, ok := pick(m, m.links)
	if !ok {
		return
	}
	o, err := m.Stage.OpenByLink(m.t.Context(), l.Code)
	if m.isOver(l) || l.shows == nil {
		require.ErrorIs(m.t, err, vault.ErrEnded)
		return
	}
	require.NoError(m.t, err)
	l.left--
	require.Equal(m.t, l.left, o.Left)
	text, err := io.ReadAll(o)
	require.NoError(m.t, err)
	require.NoError(m.t, o.Close())
	require.Equal(m.t, l.text, string(text))
}

func (m *outside) leave() {
	l, ok := pick(m, m.links)
	if !ok {
		return
	}
	s := m.newSheet()
	s.shared = false
	err := m.Stage.LeaveByLink(m.t.Context(), l.Code, vault.NewDocument{Name: s.name}, strings.NewReader(s.text))
	if m.isOver(l) || l.shows != nil || m.closed {
		require.ErrorIs(m.t, err, vault.ErrNotTaken)
		return
	}
	require.NoError(m.t, err)
	m.waiting = append(m.waiting, s)
}

func (m *outside) endLink() {
	in := slices.DeleteFunc(slices.Clone(m.links), m.isOver)
	if l, ok := pick(m, in); ok {
		require.NoError(m.t, m.v().EndLink(m.t.Context(), l.ID))
		l.over = true
	}
}

// inbox closes or opens the inbox.
func (m *outside) inbox() {
	act := m.v().CloseInbox
	if m.closed {
		act = m.v().OpenInbox
	}
	require.NoError(m.t, act(m.t.Context()))
	m.closed = !m.closed
}
