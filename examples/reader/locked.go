package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

var laterFields = fields(map[uint64]any{1: id(), 2: id(), 3: raw, 4: raw, 5: u64})

// aside is what is locked: where it lies, and the digests of its pages; nil for one that
// has joined.
type aside struct {
	place string
	pages []any
}

// openJoining opens what was locked and is joining: its generation is in the keyring.
func (s *safe) openJoining() error {
	for i := range s.head.locked {
		l := at(s.head.locked, i)
		if s.rings[private] == nil || s.rings[private].keys[l.num(2)] == nil {
			continue
		}
		where := fmt.Sprintf("l/%d", l.num(1))
		if head := s.get(where + "/h"); !bytes.Equal(digest(head), l.bytes(4)) {
			return altered("what is locked")
		}
		if err := s.addAside(where, s.rings[private]); err != nil {
			return err
		}
	}
	return nil
}

// addAside opens the head of what is locked.
func (s *safe) addAside(where string, ring *generations) error {
	wrong, head := altered("what is locked"), s.get(where+"/h")
	clear, err := parse(clearHead, clearOf(head))
	if err != nil {
		return wrong
	}
	_, plain, err := openSealed(ring.keys[clear.num(2)], s.at(typePrivateHead, private, clear.num(2), nil, clear.num(1)), head)
	if err != nil {
		return wrong
	}
	h, err := parse(headBody, plain)
	if err != nil || len(h.list(1)) != len(h.list(2)) {
		return wrong
	}
	pages := append([]any(nil), h.list(1)...)
	for n, count := range h.list(2) {
		if count == uint64(0) {
			pages[n] = nil
		}
	}
	s.aside = append(s.aside, aside{where, pages})
	return nil
}

// tryLocked opens a vault by its password, and what was private before a recovery that did
// not open it: by the password of then, or, without one, by what was left for later.
func tryLocked(v *vector) ([]string, error) {
	s := &safe{vector: v}
	for _, step := range []func() error{s.findVault, s.openOwner, s.openKeys, s.openHeads, s.openAside} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	wrong, err := s.showItems(nil)
	if err != nil {
		return nil, err
	}
	return sorted(s.shows), wrong
}

// openAside opens what the keyslots of then still open.
func (s *safe) openAside() error {
	wrapping, err := s.openWrapping()
	if err != nil {
		return err
	}
	kind, keyOf := uint64(kindPassword), s.oldKey
	if s.vector.text("old") == "" {
		all, err := s.later()
		if err != nil {
			return err
		}
		kind, keyOf = kindPath, func(slot object) ([]byte, error) { return s.laterKey(all, slot) }
	}
	opened := false
	for _, entry := range s.head.slots {
		if entry.num(3) != locked || entry.num(2) != kind {
			continue
		}
		body, err := s.readSlot(wrapping, entry)
		if err != nil {
			return err
		}
		key, err := keyOf(body)
		if err == errOpen {
			continue // nothing was left for it
		}
		if err != nil {
			return altered("keyslot")
		}
		roots, err := s.committed(entry.bytes(1), body, key)
		if err != nil {
			continue // of another time
		}
		if err := s.joinAside(body.num(12), roots[private]); err != nil {
			return err
		}
		opened = true
	}
	if !opened {
		return refusal("sign-in")
	}
	return nil
}

// oldKey is that of a keyslot of the password of then.
func (s *safe) oldKey(slot object) ([]byte, error) {
	p := slot.object(2)
	return kdf{p.num(1), p.num(2), p.num(3), p.num(4), p.bytes(5)}.derive(s.vector.text("old"))
}

// later is what recoveries left for later: the latest, and those whose id has the number of
// what they open.
func (s *safe) later() (all []object, err error) {
	shows := s.shows
	err = s.showPapers()
	s.shows = shows
	if err != nil {
		return nil, err
	}
	for id, paper := range s.papers {
		if paper.num(1) != paperLater || !strings.HasSuffix(id, string(fixed(paperLater)[8:])) {
			continue
		}
		kept, err := decode(raw, paper.bytes(3))
		if err != nil {
			return nil, altered("owner paper")
		}
		l, err := parse(laterFields, kept.([]byte))
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	if len(all) == 0 {
		return nil, altered("owner paper")
	}
	return all, nil
}

// laterKey is that of the path by which Private still comes: the helpers' parts as they
// were kept, and what the witness releases.
func (s *safe) laterKey(all []object, slot object) ([]byte, error) {
	i := slices.IndexFunc(all, func(l object) bool { return bytes.Equal(slot.bytes(8), l.bytes(2)) })
	if i < 0 || slot.num(9) != 5 {
		return nil, errOpen
	}
	l := all[i]
	value := evaluateWaited(s.vector.bytes("evaluation-key"), s.service.bytes(1), s.id, l.bytes(2), 1)
	return derive(slices.Concat(l.bytes(3), l.bytes(4), value), "recovery path", slices.Concat(s.id[:], l.bytes(2), []byte{5, 1})), nil
}

// joinAside takes the generations and the pages of what is locked under a number. Its
// generations are lower than those of the present Private.
func (s *safe) joinAside(number uint64, root []byte) error {
	wrong := altered("what is locked")
	for i := range s.head.locked {
		l := at(s.head.locked, i)
		if l.num(1) != number {
			continue
		}
		where := fmt.Sprintf("l/%d", number)
		ring, head := s.get(where+"/k"), s.get(where+"/h")
		if !bytes.Equal(digest(ring), l.bytes(3)) || !bytes.Equal(digest(head), l.bytes(4)) {
			return wrong
		}
		clear, err := parse(clearRing, clearOf(ring))
		if err != nil {
			return wrong
		}
		_, plain, err := openSealed(derive(root, "keyring", nil), s.at(typeKeyring, private, 0, nil, clear.num(1)), ring)
		if err != nil {
			return wrong
		}
		body, err := parse(keyring, plain)
		if err != nil {
			return wrong
		}
		old, err := generationsOf(body.list(1))
		if err != nil || old.last != l.num(2) {
			return wrong
		}
		for n, key := range old.keys {
			s.rings[private].keys[n], s.rings[private].inboxes[n] = key, old.inboxes[n]
		}
		return s.addAside(where, old)
	}
	return wrong
}

var (
	clearPolicy  = fields(map[uint64]any{1: u64})
	policyFields = fields(map[uint64]any{1: u64, 2: optional{list(fields(map[uint64]any{
		1: id(), 2: list(fields(map[uint64]any{1: key32(), 2: optional{i64}})),
		3: list(fields(map[uint64]any{1: id(), 2: id(), 3: raw, 4: optional{flag}})), 4: optional{u8}}))}})
)

// tryPolicy reads, as the witness whose key it has, when that may help somebody back in.
func tryPolicy(v *vector) ([]string, error) {
	s := &safe{vector: v, id: [16]byte(unbase(v.text("vault")))}
	if err := s.openOwner(); err != nil {
		return nil, err
	}
	wrong, record := altered("policy"), s.get("policy")
	clear, err := parse(clearPolicy, clearOf(record))
	if err != nil || !bytes.Equal(digest(record), s.head.rules) {
		return nil, wrong
	}
	seed := derive(v.bytes("evaluation-key"), "witness policies", nil)
	_, plain, err := openBox(seed, s.at(typePolicy, owner, clear.num(1), nil, 0), record)
	if err != nil || len(plain) != 8191 {
		return nil, wrong
	}
	end := len(bytes.TrimRight(plain, "\x00"))
	if end == 0 || plain[end-1] != 0x80 {
		return nil, wrong
	}
	signed, err := openSigned(s.head.key, s.at(typePolicy, owner, 0, nil, 0), plain[:end-1])
	if err != nil {
		return nil, wrong
	}
	p, err := parse(policyFields, signed)
	if err != nil || p.num(1) != s.head.policy {
		return nil, wrong
	}
	for i := range p.list(2) {
		r := at(p.list(2), i)
		path := idText(r.bytes(1))
		s.show("rule", path, fmt.Sprint(r.num(4)))
		for j := range r.list(2) {
			c := at(r.list(2), j)
			s.show("counter", path, hex.EncodeToString(c.bytes(1)), fmt.Sprint(c.int(2)))
		}
		for j := range r.list(3) {
			party := at(r.list(3), j)
			s.show("party", path, idText(party.bytes(1)), idText(party.bytes(2)), hex.EncodeToString(party.bytes(3)), fmt.Sprint(party.flag(4)))
		}
	}
	return sorted(s.shows), nil
}

var (
	clearStop = fields(map[uint64]any{1: u64, 2: u64})
	stopBody  = fields(map[uint64]any{1: raw, 2: raw, 3: raw, 4: raw})
	stopFacts = fields(map[uint64]any{1: i64, 2: actor})
)

// stopped says whether somebody who helps the person has ended all their sessions since
// they last signed in.
func (s *safe) stopped() bool {
	record := s.get("h/stop")
	clear, err := parse(clearStop, clearOf(record))
	if err != nil || s.head.kind != kindPerson || clear.num(1) <= s.head.stop || clear.num(1)-s.head.stop > 1000 {
		return false
	}
	p := s.at(typeStop, owner, clear.num(2), nil, clear.num(1))
	_, plain, err := openBox(s.rings[owner].inboxes[clear.num(2)], p, record)
	if err != nil {
		return false
	}
	b, err := parse(stopBody, plain)
	if err != nil {
		return false
	}
	f, err := parse(stopFacts, b.bytes(1))
	if err != nil || f.object(2).text(1) != "worker" {
		return false
	}
	return s.signed(object{1: b[3], 2: b[2], 3: b[4]}, p, b.bytes(1), f.object(2))
}

// trySession opens a vault by the token of a session alone.
func trySession(v *vector) ([]string, error) {
	token, err := base64.RawURLEncoding.Strict().DecodeString(v.text("token"))
	if err != nil || len(token) != 16+32 {
		return nil, refusal("session-ended")
	}
	s := &safe{vector: v, id: [16]byte(token[:16]), rings: map[byte]*generations{}}
	if err := s.openOwner(); err != nil {
		return nil, err
	}
	secret := token[16:]
	name := digest(append([]byte("reconnect session id"), secret...))[:16]
	record := s.get("n/" + idText(name))
	clear, err := parse(clearSess, clearOf(record))
	if err != nil || clear.num(1) != s.head.epoch {
		return nil, refusal("session-ended")
	}
	_, body, err := openSealed(derive(secret, "session", s.id[:]), s.at(typeSession, none, 0, name, 0), record)
	if err != nil {
		return nil, refusal("session-ended")
	}
	session, err := parse(sessBody, body)
	if err != nil {
		return nil, refusal("session-ended")
	}
	for _, c := range []byte{owner, shared, private} {
		if s.rings[c], err = generationsOf(session.object(3).list(uint64(c))); err != nil {
			return nil, refusal("session-ended")
		}
	}
	s.signer = session.bytes(2)
	if s.stopped() {
		return nil, refusal("session-ended")
	}
	if err := s.openHeads(); err != nil {
		return nil, err
	}
	wrong, err := s.showItems(nil)
	if err == nil {
		err = s.showPapers()
	}
	if err != nil {
		return nil, err
	}
	return sorted(s.shows), wrong
}
