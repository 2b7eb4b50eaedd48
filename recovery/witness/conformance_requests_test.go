package witness_test

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
)

var (
	answers = [32]byte{'a'}      // the counter of a path by answers
	week    = [32]byte{'w'}      // of one that is waited for
	month   = [32]byte{'m'}      // and of its key for Private
	typed   = [32]byte{'t', 'y'} // what is tried
	byPath  = [16]byte{'p'}      // a path by answers
	helpers = [16]byte{'h'}      // a path without anything of the person's
	asked   = [16]byte{'r', 'q'} // a request
	first   = [16]byte{'r', '1'} // one before it
)

const (
	sevenDays  = 7 * 24 * time.Hour
	thirtyDays = 30 * 24 * time.Hour
)

// office is the space of a relay or a desk, and who belongs to it.
type office struct {
	*person
	organisation [16]byte
	version      uint64
	grants       [][]byte
}

// colleague is somebody who belongs to an office.
type colleague struct {
	office     *office
	id         [16]byte
	key        seal.SigningKey
	credential []byte
	grant      [16]byte
	terms      []byte
}

func newOffice(t *testing.T, organisation byte) *office {
	return &office{person: newPerson(t), organisation: [16]byte{organisation}}
}

// hire gives somebody a credential and a membership; the office must open afterwards.
func (o *office) hire(roles uint8) *colleague {
	var id [16]byte
	_, _ = rand.Read(id[:])
	return o.hireAs(roles, id, seal.NewSigningKey())
}

func (o *office) hireAs(roles uint8, id [16]byte, key seal.SigningKey) *colleague {
	c := &colleague{office: o, id: id, key: key}
	_, _ = rand.Read(c.grant[:])
	body, err := seal.Marshal(seal.CredentialBody{RelayName: "Le Port", Organisation: o.organisation, OrganisationName: "Les Amis", Roles: roles, Key: c.key.Public(), Name: []byte("digest"), Nonce: make([]byte, 16), From: 1})
	require.NoError(o.t, err)
	signedBody, err := o.key().SignEnvelope(seal.CredentialContext(o.vault, c.id), body)
	require.NoError(o.t, err)
	c.credential, err = seal.Marshal(seal.Credential{Relay: o.vault, Worker: c.id, Key: o.key().Public(), Signed: signedBody})
	require.NoError(o.t, err)
	subject := sha256.Sum256(c.credential)
	c.terms, err = o.key().SealTerms(o.vault, &seal.Terms{Grant: c.grant, Holder: c.id, Scope: seal.ScopeTeam, Given: 1, Nonce: make([]byte, 16), Subject: subject[:]})
	require.NoError(o.t, err)
	digest := seal.Digest(c.terms)
	o.grants = append(o.grants, digest[:])
	return c
}

// leave takes the membership out of the head.
func (c *colleague) leave() {
	digest := seal.Digest(c.terms)
	for i, d := range c.office.grants {
		if string(d) == string(digest[:]) {
			c.office.grants = append(c.office.grants[:i:i], c.office.grants[i+1:]...)
			return
		}
	}
}

// open tells the witness of the office as it is now.
func (o *office) open(t *testing.T, s *subject) {
	t.Helper()
	o.version++
	h := o.head(o.version, func(h *seal.OwnerHead) { h.Kind, h.Grants = seal.KindRelay, o.grants })
	_, err := s.Raise(t.Context(), o.vault, h.heads(), h.record, true)
	require.NoError(t, err)
}

func (o *office) party(desk bool) seal.PolicyParty {
	return seal.PolicyParty{Space: o.vault, Organisation: o.organisation, Key: o.keys[0].Public(), Desk: desk}
}

// about is an approval of the request of these tests.
func about(path [16]byte, policy uint64) seal.Approval {
	key := sha256.Sum256([]byte("public key of the request"))
	return seal.Approval{Request: asked, Path: path, Policy: policy, Act: seal.ApprovalOpens, Key: key[:], At: noon.UnixMilli(), Until: noon.Add(365 * 24 * time.Hour).UnixMilli()}
}

func (c *colleague) says(t *testing.T, vault [16]byte, a seal.Approval) []byte {
	t.Helper()
	raw, err := c.key.SealApproval(vault, &a, c.credential, c.grant, c.terms)
	require.NoError(t, err)
	return raw
}

func (c *colleague) agrees(t *testing.T, vault [16]byte, a seal.Approval) []byte {
	a.Act = seal.ApprovalAgrees
	return c.says(t, vault, a)
}

// town is a person with both kinds of paths, a relay and a desk.
type town struct {
	*person
	version, policy uint64
	waits           []byte // the ids of keyslots of paths by which Private still comes
	relay, desk     *office
	nadia, omar     *colleague // of the relay
	clara, denis    *colleague // of the desk
}

func newTown(t *testing.T, s *subject) *town {
	t.Helper()
	n := &town{person: newPerson(t), relay: newOffice(t, 1), desk: newOffice(t, 2)}
	n.found(t, s)
	return n
}

func (n *town) found(t *testing.T, s *subject) {
	t.Helper()
	n.nadia, n.omar = n.relay.hire(seal.RoleHelp), n.relay.hire(seal.RoleHelp)
	n.clara, n.denis = n.desk.hire(seal.RoleHelp), n.desk.hire(seal.RoleHelp)
	n.relay.open(t, s)
	n.desk.open(t, s)
	n.allow(t, s, n.rules()...)
}

func (n *town) rules() []seal.PolicyRule {
	both := []seal.PolicyParty{n.relay.party(false), n.desk.party(true)}
	return []seal.PolicyRule{
		{Path: byPath, Counters: []seal.PolicyCounter{{Counter: answers}}, Parties: both[:1]},
		{Path: helpers, Counters: []seal.PolicyCounter{{Counter: week, Wait: sevenDays.Milliseconds()}, {Counter: month, Wait: thirtyDays.Milliseconds()}}, Parties: both, Approvals: 2},
	}
}

// allow tells the witness of a head with a policy of these rules.
func (n *town) allow(t *testing.T, s *subject, rules ...seal.PolicyRule) {
	t.Helper()
	n.version++
	n.policy++
	h, side := n.ruled(t, s, rules...)
	require.NoError(t, s.Keep(t.Context(), n.vault, h.record, side))
	_, err := s.Raise(t.Context(), n.vault, h.heads(), h.record, true)
	require.NoError(t, err)
}

func (n *town) ruled(t *testing.T, s *subject, rules ...seal.PolicyRule) (signed, []witness.Kept) {
	t.Helper()
	record := s.closed(t, n.vault, n.key(), &seal.Policy{Number: n.policy, Rules: rules})
	digest := seal.Digest(record)
	h, side := n.sideOf(n.version, "of a policy", func(h *seal.OwnerHead) {
		if h.Policy = n.policy; len(rules) > 0 {
			h.Rules = digest[:]
		}
		for _, id := range n.waits {
			h.Slots = append(h.Slots, seal.SlotEntry{ID: [16]byte{'w', id}, Kind: seal.SlotPath, State: seal.SlotLocked, Digest: h.Slots[0].Digest})
		}
	})
	if len(rules) > 0 {
		side = append(side, witness.Kept{Key: "the person/policy", Value: record})
	}
	return h, side
}

// closed is a policy of a vault, signed by key and closed to the witness.
func (s *subject) closed(t *testing.T, vault [16]byte, key seal.SigningKey, p *seal.Policy) []byte {
	t.Helper()
	signed, err := key.SignPolicy(vault, p)
	require.NoError(t, err)
	said, err := s.Inbox(t.Context())
	require.NoError(t, err)
	inbox, err := seal.OpenPolicyInbox(witnessKey.Public(), said)
	require.NoError(t, err)
	record, err := inbox.SealPolicy(vault, signed)
	require.NoError(t, err)
	return record
}

func (n *town) begin(t *testing.T, s *subject, path [16]byte, by *colleague) witness.Request {
	t.Helper()
	q, err := s.Begin(t.Context(), n.vault, by.says(t, n.vault, about(path, n.policy)))
	require.NoError(t, err)
	return q
}

// served opens a request without anything of the person's, and has its first key released.
func (n *town) served(t *testing.T, s *subject, request [16]byte) {
	t.Helper()
	a := about(helpers, n.policy)
	a.Request = request
	_, err := s.Begin(t.Context(), n.vault, n.nadia.says(t, n.vault, a))
	require.NoError(t, err)
	for _, next := range []*colleague{n.omar, n.clara, n.denis} {
		_, err := s.Approve(t.Context(), n.vault, next.agrees(t, n.vault, a))
		require.NoError(t, err)
	}
	s.clock.move(sevenDays)
	e, err := s.EvaluateWithin(t.Context(), n.vault, request, week, typed, 0)
	require.NoError(t, err)
	require.NotZero(t, e.Generation)
}

// cameBack tells the witness of a recovery: other keys, and no paths any more. waits says
// that it was by the way with nothing, and left what is private for later.
func (n *town) cameBack(t *testing.T, s *subject, waits bool) {
	t.Helper()
	n.succeed()
	if waits {
		n.waits = append(n.waits, byte(len(n.waits)))
	}
	n.allow(t, s)
}

// released says whether a counter is evaluated now.
func (n *town) released(t *testing.T, s *subject, counter [32]byte) bool {
	t.Helper()
	e, err := s.EvaluateWithin(t.Context(), n.vault, asked, counter, typed, 0)
	if err != nil {
		require.ErrorIs(t, err, witness.ErrRequest)
		return false
	}
	require.Equal(t, e.Tries.Wait == 0, e.Generation != 0)
	return e.Generation != 0
}

var requestPromises = map[string]func(*testing.T, *subject){
	"what has a rule is evaluated within a request and at no other time": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		_, err := s.Evaluate(t.Context(), n.vault, answers, typed, 0)
		require.ErrorIs(t, err, witness.ErrRuled)
		require.False(t, n.released(t, s, answers), "no request")
		n.begin(t, s, byPath, n.nadia)
		require.True(t, n.released(t, s, answers))
		require.False(t, n.released(t, s, week), "of another path")
		_, err = s.Evaluate(t.Context(), n.vault, card, typed, 0)
		require.NoError(t, err, "what has none is as before")
	},
	"what was evaluated before there was a rule has the same output within a request": func(t *testing.T, s *subject) {
		n := &town{person: newPerson(t), relay: newOffice(t, 1), desk: newOffice(t, 2)}
		n.nadia = n.relay.hire(seal.RoleHelp)
		n.relay.open(t, s)
		n.allow(t, s)
		enrolled := evaluated(t, s, n.vault, answers, typed, 0)
		n.allow(t, s, n.rules()[0])
		n.begin(t, s, byPath, n.nadia)
		e, err := s.EvaluateWithin(t.Context(), n.vault, asked, answers, typed, enrolled.Generation)
		require.NoError(t, err)
		require.Equal(t, enrolled.Output, e.Output)
	},
	"tries in a request slow down, and end after twenty": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		for tries := range 20 {
			e, err := s.EvaluateWithin(t.Context(), n.vault, asked, answers, typed, 0)
			require.NoError(t, err)
			if e.Tries.Wait > 0 {
				s.clock.move(e.Tries.Wait)
				e, err = s.EvaluateWithin(t.Context(), n.vault, asked, answers, typed, 0)
				require.NoError(t, err)
			}
			require.Equal(t, uint64(tries+1), e.Tries.Failed)
		}
		e, err := s.EvaluateWithin(t.Context(), n.vault, asked, answers, typed, 0)
		require.NoError(t, err)
		require.True(t, e.Tries.Spent)
		require.Zero(t, e.Generation)
	},
	"a path that was withdrawn is dead for ever (C5)": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		n.allow(t, s, n.rules()[1])
		require.False(t, n.released(t, s, answers))
		_, err := s.Evaluate(t.Context(), n.vault, answers, typed, 0)
		require.ErrorIs(t, err, witness.ErrRuled)
		n.allow(t, s)
		for _, counter := range [][32]byte{answers, week, month} {
			_, err = s.Evaluate(t.Context(), n.vault, counter, typed, 0)
			require.ErrorIs(t, err, witness.ErrRuled)
		}
		s.restart()
		_, err = s.Evaluate(t.Context(), n.vault, week, typed, 0)
		require.ErrorIs(t, err, witness.ErrRuled)
	},
	"what was closed to an earlier key of the witness holds": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.version, n.policy = n.version+1, n.policy+1
		h, side := n.ruled(t, s, n.rules()...)
		said, err := s.Inbox(t.Context())
		require.NoError(t, err)
		_, err = s.renew(t.Context())
		require.NoError(t, err)
		later, err := s.Inbox(t.Context())
		require.NoError(t, err)
		require.NotEqual(t, said, later)
		s.restart()
		again, err := s.Inbox(t.Context())
		require.NoError(t, err)
		require.Equal(t, later, again)
		require.NoError(t, s.Keep(t.Context(), n.vault, h.record, side))
		_, err = s.Raise(t.Context(), n.vault, h.heads(), h.record, true)
		require.NoError(t, err)
		n.begin(t, s, byPath, n.nadia)
		_, err = seal.OpenPolicyInbox(operatorKey.Public(), later)
		require.ErrorIs(t, err, seal.ErrOpen, "signed by the witness and by nobody else")
	},
	"no head is raised without its policy": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.version, n.policy = n.version+1, n.policy+1
		h, side := n.ruled(t, s, n.rules()[0])
		require.ErrorIs(t, s.Keep(t.Context(), n.vault, h.record, side[:len(side)-1]), witness.ErrInvalid)
		_, err := s.Raise(t.Context(), n.vault, h.heads(), h.record, true)
		require.ErrorIs(t, err, witness.ErrInvalid)
		good := seal.Policy{Number: n.policy, Rules: n.rules()}
		clear, err := n.key().SignPolicy(n.vault, &good)
		require.NoError(t, err)
		flipped := s.closed(t, n.vault, n.key(), &good)
		flipped[len(flipped)-1] ^= 1
		lost, err := seal.NewBoxKey()
		require.NoError(t, err)
		gone, err := (&seal.PolicyInbox{Generation: 7, Public: lost.Public()}).SealPolicy(n.vault, clear)
		require.NoError(t, err)
		for name, c := range map[string]struct { // though its digest is in the head
			record []byte
			err    error
		}{
			"another's policy":           {s.closed(t, n.vault, seal.NewSigningKey(), &good), witness.ErrForged},
			"of another vault":           {s.closed(t, [16]byte{9}, n.key(), &good), witness.ErrForged},
			"of another number":          {s.closed(t, n.vault, n.key(), &seal.Policy{Number: n.policy - 1}), witness.ErrForged},
			"a flipped bit":              {flipped, witness.ErrForged},
			"not closed":                 {clear, witness.ErrForged},
			"closed to a key it has not": {gone, witness.ErrGeneration},
		} {
			digest := seal.Digest(c.record)
			h, side = n.sideOf(n.version, name, func(h *seal.OwnerHead) { h.Policy, h.Rules = n.policy, digest[:] })
			require.NoError(t, s.Keep(t.Context(), n.vault, h.record, append(side, witness.Kept{Key: "policy", Value: c.record})), name)
			_, err = s.Raise(t.Context(), n.vault, h.heads(), h.record, true)
			require.ErrorIs(t, err, c.err, name)
		}
		n.policy--
		n.begin(t, s, byPath, n.nadia) // the one before still holds
	},
	"only who belongs to a party opens and agrees": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		stranger := newOffice(t, 3)
		eve := stranger.hire(seal.RoleHelp)
		manager := n.relay.hire(2) // who only manages
		fired := n.relay.hire(seal.RoleHelp)
		stranger.open(t, s)
		n.relay.open(t, s)
		fired.leave()
		n.relay.open(t, s)
		bad := func(by *colleague, vault [16]byte, a seal.Approval) {
			t.Helper()
			_, err := s.Begin(t.Context(), n.vault, by.says(t, vault, a))
			require.ErrorIs(t, err, witness.ErrApproval)
		}
		good := about(byPath, n.policy)
		bad(eve, n.vault, good)
		bad(manager, n.vault, good)
		bad(fired, n.vault, good)
		bad(n.clara, n.vault, good) // the desk has no part in this path
		bad(n.nadia, eve.id, good)  // said of another vault
		late := good
		late.Until = noon.UnixMilli() + 1
		s.clock.move(time.Second)
		bad(n.nadia, n.vault, late)
		agrees := good
		agrees.Act = seal.ApprovalAgrees
		bad(n.nadia, n.vault, agrees)
		_, err := s.Begin(t.Context(), n.vault, []byte("nothing"))
		require.ErrorIs(t, err, witness.ErrApproval)
		raw := n.nadia.says(t, n.vault, good)
		for at := 0; at < len(raw); at += 7 {
			forged := append([]byte(nil), raw...)
			forged[at] ^= 1
			_, err := s.Begin(t.Context(), n.vault, forged)
			require.Error(t, err)
		}
		for name, a := range map[string]seal.Approval{"an old policy": about(byPath, n.policy-1), "no such path": about([16]byte{9}, n.policy)} {
			_, err := s.Begin(t.Context(), n.vault, n.nadia.says(t, n.vault, a))
			require.ErrorIs(t, err, witness.ErrRequest, name)
		}
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.Empty(t, all)
	},
	"without anything of the person's it takes two people of each side, and the wait (F4, F6)": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		q := n.begin(t, s, helpers, n.nadia)
		require.Equal(t, []time.Duration{sevenDays, thirtyDays}, q.Ready)
		said := about(helpers, n.policy)
		for range 2 { // the same word twice is one
			q, err := s.Approve(t.Context(), n.vault, n.nadia.agrees(t, n.vault, said))
			require.NoError(t, err)
			require.Equal(t, [2]int{1, 0}, [2]int{q.Relay, q.Desk})
		}
		s.clock.move(sevenDays)
		for _, next := range []*colleague{n.clara, n.omar} {
			_, err := s.Approve(t.Context(), n.vault, next.agrees(t, n.vault, said))
			require.NoError(t, err)
			require.False(t, n.released(t, s, week))
		}
		// Nadia has found work at the desk as well: she is still one person.
		twice := n.desk.hireAs(seal.RoleHelp, [16]byte{'n', '2'}, n.nadia.key)
		same := n.desk.hireAs(seal.RoleHelp, n.nadia.id, seal.NewSigningKey())
		n.desk.open(t, s)
		_, err := s.Approve(t.Context(), n.vault, twice.agrees(t, n.vault, said))
		require.ErrorIs(t, err, witness.ErrApproval)
		_, err = s.Approve(t.Context(), n.vault, same.agrees(t, n.vault, said))
		require.ErrorIs(t, err, witness.ErrApproval)
		require.False(t, n.released(t, s, week))
		q, err = s.Approve(t.Context(), n.vault, n.denis.agrees(t, n.vault, said))
		require.NoError(t, err)
		require.Equal(t, [2]int{2, 2}, [2]int{q.Relay, q.Desk})
		require.True(t, n.released(t, s, week))
		require.False(t, n.released(t, s, month))
	},
	"the wait runs by the witness's time and from the opening": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, helpers, n.nadia)
		for _, next := range []*colleague{n.omar, n.clara, n.denis} {
			_, err := s.Approve(t.Context(), n.vault, next.agrees(t, n.vault, about(helpers, n.policy)))
			require.NoError(t, err)
		}
		require.False(t, n.released(t, s, week))
		s.clock.move(sevenDays - time.Millisecond)
		e, err := s.EvaluateWithin(t.Context(), n.vault, asked, week, typed, 0)
		require.NoError(t, err)
		require.Equal(t, time.Millisecond, e.Tries.Wait)
		s.clock.move(-24 * time.Hour) // somebody sets the clock back
		require.False(t, n.released(t, s, week))
		s.clock.move(time.Millisecond)
		require.True(t, n.released(t, s, week))
		n.begin(t, s, helpers, n.nadia) // said again, it begins nothing anew
		require.True(t, n.released(t, s, week))
	},
	"who signs in has cancelled it": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		_, err := s.Count(t.Context(), n.vault, password)
		require.NoError(t, err)
		require.NoError(t, s.Reset(t.Context(), n.vault, password, n.reset(password, 1)))
		require.False(t, n.released(t, s, answers))
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.True(t, all[0].Cancelled)
		_, err = s.Approve(t.Context(), n.vault, n.omar.agrees(t, n.vault, about(byPath, n.policy)))
		require.ErrorIs(t, err, witness.ErrRequest)
	},
	"a cancel holds, also in the middle of the wait for Private": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, helpers, n.nadia)
		for _, next := range []*colleague{n.omar, n.clara, n.denis} {
			_, err := s.Approve(t.Context(), n.vault, next.agrees(t, n.vault, about(helpers, n.policy)))
			require.NoError(t, err)
		}
		s.clock.move(sevenDays)
		require.True(t, n.released(t, s, week))
		n.cameBack(t, s, true)
		_, err := s.Count(t.Context(), n.vault, password)
		require.NoError(t, err)
		require.NoError(t, s.Reset(t.Context(), n.vault, password, n.reset(password, 1)))
		s.clock.move(thirtyDays - sevenDays)
		require.False(t, n.released(t, s, week), "the first key is not given again")
		require.True(t, n.released(t, s, month), "signing in with the secrets of after does not cancel it (N14)")
		require.NoError(t, s.Cancel(t.Context(), n.vault, asked))
		require.NoError(t, s.Cancel(t.Context(), n.vault, asked))
		require.False(t, n.released(t, s, month))
		require.ErrorIs(t, s.Cancel(t.Context(), n.vault, [16]byte{'n', 'o'}), witness.ErrRequest)
	},
	"a path that was withdrawn releases nothing, also where its first key was released and nobody came in": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, helpers, n.nadia)
		for _, next := range []*colleague{n.omar, n.clara, n.denis} {
			_, err := s.Approve(t.Context(), n.vault, next.agrees(t, n.vault, about(helpers, n.policy)))
			require.NoError(t, err)
		}
		s.clock.move(sevenDays)
		require.True(t, n.released(t, s, week))
		n.allow(t, s) // no recovery: the person themself, by the same key
		s.clock.move(thirtyDays - sevenDays)
		require.False(t, n.released(t, s, month))
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.True(t, all[0].Cancelled)
	},
	"what was released for nobody ends with a recovery by another way, and what waits since another one goes on": func(t *testing.T, s *subject) {
		for _, waited := range []bool{false, true} {
			n := newTown(t, s)
			if waited {
				n.served(t, s, first)
				n.cameBack(t, s, true) // by that one
				n.allow(t, s, n.rules()...)
			}
			n.served(t, s, asked) // and nobody completes it
			n.cameBack(t, s, false)
			s.clock.move(thirtyDays)
			require.False(t, n.released(t, s, month))
			all, err := s.Requests(t.Context(), n.vault)
			require.NoError(t, err)
			for _, q := range all {
				require.Equal(t, q.ID == asked, q.Cancelled)
			}
			if waited {
				e, err := s.EvaluateWithin(t.Context(), n.vault, first, month, typed, 0)
				require.NoError(t, err)
				require.NotZero(t, e.Generation)
			}
		}
	},
	"a recovery by the way with nothing ends the requests of other ways (C5)": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		require.True(t, n.released(t, s, answers))
		n.cameBack(t, s, true)
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.True(t, all[0].Cancelled)
	},
	"a vault has four open requests at most, and cancelling makes room": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		begin := func(id byte) error {
			a := about(byPath, n.policy)
			a.Request = [16]byte{id}
			_, err := s.Begin(t.Context(), n.vault, n.nadia.says(t, n.vault, a))
			return err
		}
		for id := range byte(4) {
			require.NoError(t, begin(id+1))
		}
		require.ErrorIs(t, begin(5), witness.ErrRequest)
		require.NoError(t, s.Cancel(t.Context(), n.vault, [16]byte{}))
		require.NoError(t, begin(6))
	},
	"a request expires, and is forgotten later": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		s.clock.move(thirtyDays)
		require.False(t, n.released(t, s, answers))
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.Len(t, all, 1)
		s.clock.move(thirtyDays + 2*time.Hour)
		_, err = s.sweep(t.Context())
		require.NoError(t, err)
		all, err = s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.Empty(t, all)
	},
	"what is guessed at once is counted before any of it is evaluated (F9)": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		var all sync.WaitGroup
		evaluated := make(chan bool, 40)
		for range 40 {
			all.Go(func() {
				e, err := s.EvaluateWithin(t.Context(), n.vault, asked, answers, typed, 0)
				evaluated <- err == nil && e.Generation != 0
			})
		}
		all.Wait()
		close(evaluated)
		made := 0
		for yes := range evaluated {
			if yes {
				made++
			}
		}
		require.Equal(t, 5, made)
	},
	"requests survive a restart and a crash": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, helpers, n.nadia)
		s.crash()
		_, err := s.Approve(t.Context(), n.vault, n.clara.agrees(t, n.vault, about(helpers, n.policy)))
		require.NoError(t, err)
		s.restart()
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.Equal(t, [2]int{1, 1}, [2]int{all[0].Relay, all[0].Desk})
	},
	"an erased vault has no requests": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		tomb := n.tombstone(n.version + 1)
		_, err := s.Raise(t.Context(), n.vault, tomb.heads(), tomb.record, true)
		require.NoError(t, err)
		_, err = s.Begin(t.Context(), n.vault, n.nadia.says(t, n.vault, about(byPath, n.policy)))
		require.ErrorIs(t, err, witness.ErrErased)
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.Empty(t, all)
		_, err = s.Begin(t.Context(), [16]byte{'n', 'o'}, nil)
		require.ErrorIs(t, err, witness.ErrUnregistered)
	},
}
