package main

import (
	"bytes"
	"fmt"
)

// Who signed: a vault's own key, or a worker's with a credential.
var (
	credentialFields = fields(map[uint64]any{1: id(), 2: id(), 3: raw, 4: raw})
	memberFields     = fields(map[uint64]any{1: text, 2: id(), 3: text, 4: u8, 5: raw, 6: raw, 7: raw, 8: i64})
)

// member is whom a credential names.
type member struct {
	relay, worker []byte
	by            []byte // the key of the relay that signed it
	facts         object
}

// member follows the chain from the authority: the directory, the relay's key, the
// worker's. It is nil for what does not lead there.
func (s *safe) member(credential []byte) *member {
	m := memberOf(credential)
	if m == nil || !s.isRelays(m.relay, m.by) {
		return nil
	}
	return m
}

// memberOf reads a credential; whether the key that signed it is the relay's is not known.
func memberOf(credential []byte) *member {
	c, err := parse(credentialFields, credential)
	if err != nil {
		return nil
	}
	p := place{typ: typeMember, vault: [16]byte(c.bytes(1)), object: c.bytes(2)}
	signed, err := openSigned(c.bytes(3), p, c.bytes(4))
	if err != nil {
		return nil
	}
	m, err := parse(memberFields, signed)
	if err != nil || m.num(4) < 1 || m.num(4) > 3 || !goodPublic(m.bytes(5)) || len(m.bytes(7)) != 16 {
		return nil
	}
	return &member{relay: c.bytes(1), worker: c.bytes(2), by: c.bytes(3), facts: m}
}

// isRelays says whether a key is a relay's or was: the one of its entry, or one that
// follows it in the head of its space.
func (s *safe) isRelays(relay, key []byte) bool {
	d, err := readDirectory(s.vector)
	if err != nil || d.relays[string(relay)] == nil {
		return false
	}
	first := d.relays[string(relay)].bytes(9)
	if bytes.Equal(first, key) {
		return true
	}
	h, err := openOwnerHead([16]byte(relay), s.vector.record(idText(relay)+"/h/o"))
	return err == nil && h.kind == kindRelay && h.erased == 0 && h.trusts(first) && h.trusts(key)
}

// named says whether this is the name of a member.
func (m *member) named(name string) bool {
	return bytes.Equal(digest(append(append([]byte("reconnect name of a worker"), m.facts.bytes(7)...), name...)), m.facts.bytes(6))
}

// is says whether an actor is who the credential names.
func (m *member) is(said object) bool {
	return said.text(1) == "worker" && said.text(2) == idText(m.worker) && m.named(said.text(3)) &&
		said.text(4) == m.facts.text(3) && said.text(5) == m.facts.text(1) && said.text(6) == idText(m.relay)
}

// signed verifies a signature by the vault's key, or one that it had before, or by
// whom its credential names. said is who is said to have made it, nil if nobody is.
func (s *safe) signed(sig object, p place, message []byte, said object) bool {
	if verifyDetached(sig.bytes(1), p, message, sig.bytes(2)) != nil {
		return false
	}
	if len(sig.bytes(3)) == 0 {
		return s.head.trusts(sig.bytes(1)) && (said.text(1) != "worker" || s.head.kind != kindPerson)
	}
	m := s.member(sig.bytes(3))
	return m != nil && bytes.Equal(m.facts.bytes(5), sig.bytes(1)) && (said == nil || m.is(said))
}

// who is an actor, with a name where there is one.
func who(a object) string {
	if a.text(1) != "worker" {
		return a.text(1)
	}
	return fmt.Sprintf("worker %s (%s, %s)", a.text(3), a.text(5), a.text(4))
}
