package witness_test

import (
	"crypto/rand"
	"crypto/sha256"
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
