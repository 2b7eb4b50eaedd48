package witness_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
)

// policyPromises are about which requests there can be at all.
var policyPromises = map[string]func(*testing.T, *subject){
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
}
