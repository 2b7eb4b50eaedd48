package main

import (
	"bytes"
	"fmt"
	"strings"
)

// What package consent keeps of who works for a relay, and of whom it follows.
var (
	membershipFields = fields(map[uint64]any{1: id(), 2: optional{raw}})
	profileFields    = fields(map[uint64]any{1: text})
	leftKeyFields    = fields(map[uint64]any{1: raw})
	rosterFields     = fields(map[uint64]any{1: id(), 2: id(), 3: raw, 4: i64, 5: u8, 6: optional{i64}})
)

const formProfile, formInbox, formPerson = 1, 3, 5

// tryWorker goes from the password of somebody who works for relays to what the
// people share whom these relays follow.
func tryWorker(v *vector) ([]string, error) {
	w := &safe{vector: v}
	for _, step := range []func() error{w.findVault, w.openOwner, w.openKeys, w.openHeads} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if w.head.kind != kindWorker {
		return nil, refusal("sign-in")
	}
	profile, err := w.data(private, formProfile)
	if err != nil || len(profile) != 1 {
		return nil, altered("profile")
	}
	name, err := parse(profileFields, profile[0].facts.bytes(11)[1:])
	if err != nil {
		return nil, altered("profile")
	}
	w.show("worker", idText(w.id[:]), name.text(1))
	me := holder{w.id[:], w.inboxes(owner)}
	prefix := idText(w.id[:]) + "/m/"
	for _, r := range v.all("record") {
		if relay, ok := strings.CutPrefix(r.line, prefix); ok {
			if err := w.post(unbase(relay), r.data, me, name.text(1)); err != nil {
				return nil, err
			}
		}
	}
	for _, step := range []func() error{w.showInvitation, w.openSession, w.showOpened} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return sorted(w.shows), nil
}

// inboxes are the seeds of a compartment's inbox.
func (s *safe) inboxes(c byte) (all [][]byte) {
	for _, seed := range s.rings[c].inboxes {
		all = append(all, seed)
	}
	return all
}

// post opens the space of a relay by a membership, and shows who is followed there.
func (s *safe) post(relay, record []byte, me holder, name string) error {
	m, err := parse(membershipFields, record)
	if err != nil {
		return altered("membership")
	}
	who := s.member(m.bytes(2))
	if who == nil {
		return refusal("untrusted-key")
	}
	d, err := readDirectory(s.vector)
	if err != nil {
		return err
	}
	entry := d.relays[string(relay)]
	if entry == nil {
		return refusal("untrusted-key")
	}
	said := object{1: "worker", 2: idText(me.id), 3: name, 4: who.facts.text(3), 5: who.facts.text(1), 6: idText(relay)}
	if !who.is(said) || !bytes.Equal(who.facts.bytes(5), s.head.key) {
		return altered("membership")
	}
	r := &safe{vector: s.vector, id: [16]byte(relay)}
	g, err := r.openGrant(m.bytes(1), me)
	if err != nil {
		return err
	}
	switch {
	case !r.head.trusts(entry.bytes(9)):
		return refusal("untrusted-key")
	case entry.text(11) != "":
		return refusal("ended")
	case g.terms.num(3) != scopeTeam || !bytes.Equal(g.terms.bytes(8), digest(m.bytes(2))):
		return altered("membership")
	}
	s.show("relay", idText(relay), entry.text(3), fmt.Sprint(who.facts.num(4)))
	people, err := r.data(shared, formPerson)
	if err != nil {
		return err
	}
	inboxes, left := r.inboxes(shared), []*item(nil)
	if left, err = r.data(shared, formInbox); err != nil { // former ones: a grant may still lie under one
		return err
	}
	for _, k := range left {
		key, err := parse(leftKeyFields, k.facts.bytes(11)[1:])
		if err != nil {
			return altered("data of form %d", formInbox)
		}
		inboxes = append(inboxes, key.bytes(1))
	}
	known := map[string]bool{}
	for _, one := range people {
		if err := s.person(one, holder{relay, inboxes}, known); err != nil {
			return err
		}
	}
	if err := s.notes(holder{relay, inboxes}, known); err != nil {
		return err
	}
	if who.facts.num(4)&roleManage == 0 {
		return nil
	}
	return s.manage(relay, me)
}

// person shows what somebody shares whom a relay follows.
func (s *safe) person(in *item, relay holder, known map[string]bool) error {
	p, err := parse(rosterFields, in.facts.bytes(11)[1:])
	if err != nil {
		return altered("data of form %d", formPerson)
	}
	known[string(p.bytes(2))] = true
	return s.followed(p.bytes(1), p.bytes(2), p.bytes(3), in.facts.text(2), p.num(5), p.int(4), p.int(6), relay)
}

// followed shows what somebody shares by a grant, whose key was key once.
func (s *safe) followed(vault, grant, key []byte, name string, scope uint64, since, until int64, relay holder) error {
	s.show("person", idText(vault), name, idText(grant), fmt.Sprint(scope), fmt.Sprint(since), when(until))
	v := &safe{vector: s.vector, id: [16]byte(vault)}
	g, err := v.openGrant(grant, relay)
	if err != nil {
		return err
	}
	if !v.head.trusts(key) {
		return refusal("untrusted-key")
	}
	lines, err := v.shared(g)
	s.shows = append(s.shows, lines...)
	return err
}

// data are the items that a program keeps in a form.
func (s *safe) data(c byte, form byte) (found []*item, err error) {
	entries, err := s.index(c)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		it, err := s.openItem(c, e)
		if err != nil {
			return nil, err
		}
		if b := it.facts.bytes(11); it.facts.num(1) == kindData && len(b) > 0 && b[0] == form {
			found = append(found, it)
		}
	}
	return found, nil
}
