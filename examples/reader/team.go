package main

import (
	"bytes"
	"fmt"
	"strings"
)

// What a relay keeps of its team, and what waits in its inbox.
var (
	memberFactsFields = fields(map[uint64]any{1: text, 2: raw})
	askFields         = fields(map[uint64]any{1: raw, 2: text, 3: u8, 4: i64})
	invitationFields  = fields(map[uint64]any{1: id(), 2: optional{u8}, 3: i64, 4: id()})
	noteFields        = fields(map[uint64]any{1: id(), 2: raw, 3: id(), 4: raw})
	noteFactsFields   = fields(map[uint64]any{1: text, 2: u8, 3: i64, 4: optional{i64}, 5: id()})
	openedFields      = fields(map[uint64]any{1: id(), 2: id(), 3: id(), 4: text, 5: id(), 6: raw, 7: optional{flag}, 8: optional{text}})
)

const (
	typeVisit, typeNote = 25, 35

	roleManage = 2

	formSuspended = 4
)

// notes shows whom a relay follows that has not read their note yet.
func (s *safe) notes(relay holder, known map[string]bool) error {
	prefix := idText(relay.id) + "/in/f/"
	for _, r := range s.vector.all("record") {
		name, ok := strings.CutPrefix(r.line, prefix)
		if !ok {
			continue
		}
		n, said := openNote(unbase(name), relay, r.data)
		if n == nil || known[string(n.bytes(3))] { // nobody's, or taken in before
			continue
		}
		if err := s.followed(n.bytes(1), n.bytes(3), n.bytes(2), said.text(1), said.num(2), said.int(3), said.int(4), relay); err != nil {
			return err
		}
	}
	return nil
}

// openNote is a note to a space and what its writer signed; nil if nobody did.
func openNote(name []byte, to holder, record []byte) (note, said object) {
	for _, seed := range to.inboxes {
		_, plain, err := openBox(seed, place{typ: typeNote, vault: [16]byte(to.id), object: name}, record)
		if err != nil {
			continue
		}
		n, err := parse(noteFields, plain)
		if err != nil {
			return nil, nil
		}
		signed, err := openSigned(n.bytes(2), place{typ: typeNote, vault: [16]byte(n.bytes(1)), object: name, holder: to.id}, n.bytes(4))
		if err != nil {
			return nil, nil
		}
		if said, err = parse(noteFactsFields, signed); err != nil {
			return nil, nil
		}
		return n, said
	}
	return nil, nil
}

// manage opens the whole of a relay's space by a held keyslot, and shows its team.
func (s *safe) manage(relay []byte, me holder) error {
	r := &safe{vector: s.vector, file: s.file, id: [16]byte(relay)}
	if err := r.openOwner(); err != nil {
		return err
	}
	roots, err := r.openSlot(kindHeld, func(slot []byte, body object) (map[byte][]byte, error) { return r.byHolder(slot, body, me) })
	if err == nil {
		err = r.openRings(roots)
	}
	if err == nil {
		err = r.openHeads()
	}
	if err == nil {
		err = r.showPapers()
	}
	if err != nil {
		return err
	}
	return s.team(r)
}

// byHolder opens the roots of a keyslot with the inbox of its holder.
func (s *safe) byHolder(slot []byte, body object, me holder) (roots map[byte][]byte, err error) {
	if !bytes.Equal(body.bytes(4), me.id) {
		return nil, nil
	}
	roots = map[byte][]byte{}
	for i := range body.list(3) {
		root := at(body.list(3), i)
		c := byte(root.num(1))
		p := s.at(typeRoot, c, 0, slot, 0)
		p.holder = me.id
		for _, seed := range me.inboxes {
			if _, roots[c], err = openBox(seed, p, root.bytes(2)); err == nil {
				break
			}
		}
		if err != nil {
			return nil, altered("keyslot")
		}
	}
	return roots, nil
}

// team shows who works for a relay, who may come back, and who asks to be let in.
func (s *safe) team(r *safe) error {
	show := func(facts []byte, state string) error {
		f, err := parse(memberFactsFields, facts)
		if err != nil {
			return altered("membership")
		}
		m := s.member(f.bytes(2))
		if m == nil || !bytes.Equal(m.relay, r.id[:]) {
			return altered("membership")
		}
		s.show("member", idText(m.worker), f.text(1), fmt.Sprint(m.facts.num(4)), fmt.Sprint(m.facts.int(8)), state)
		return nil
	}
	for _, paper := range r.papers {
		if paper.num(1) != paperGrant {
			continue
		}
		g, err := parse(grantPaper, paper.bytes(3))
		if err != nil {
			return altered("owner paper")
		}
		if g.int(4) != 0 || g.num(10) != scopeTeam || !contains(r.head.grants, digest(g.bytes(3))) {
			continue
		}
		if err := show(g.bytes(9), "active"); err != nil {
			return err
		}
	}
	away, err := r.data(private, formSuspended)
	if err != nil {
		return err
	}
	for _, it := range away {
		if err := show(it.facts.bytes(11)[1:], "suspended"); err != nil {
			return err
		}
	}
	return s.asks(r)
}

// asks shows who asks to be let in, and by which key.
func (s *safe) asks(r *safe) error {
	prefix := idText(r.id[:]) + "/ask/"
	for _, record := range s.vector.all("record") {
		name, ok := strings.CutPrefix(record.line, prefix)
		if !ok {
			continue
		}
		worker := unbase(name)
		for _, seed := range r.inboxes(shared) {
			_, signed, err := openBox(seed, place{typ: typeNote, vault: r.id, holder: worker}, record.data)
			if err != nil {
				continue
			}
			a, err := parse(askFields, clearOf(signed))
			if err != nil {
				break
			}
			_, err = openSigned(a.bytes(1), place{typ: typeNote, vault: [16]byte(worker), object: r.id[:]}, signed)
			h, headErr := openOwnerHead([16]byte(worker), s.vector.record(name+"/h/o"))
			if err == nil && headErr == nil && bytes.Equal(h.key, a.bytes(1)) {
				s.show("asks", name, a.text(2), fmt.Sprint(a.num(3)), fmt.Sprint(a.int(4)), grouped(fingerprint(a.bytes(1))))
			}
			break
		}
	}
	return nil
}

// showInvitation shows what a code is for.
func (s *safe) showInvitation() error {
	code := s.vector.text("invitation")
	if code == "" {
		return nil
	}
	i, err := parse(invitationFields, s.vector.record("svc/invitation/"+fmt.Sprintf("%x", digest([]byte("reconnect invitation "+code)))))
	if err != nil || i.int(3) <= int64(s.vector.number("now")) {
		return refusal("invitation")
	}
	s.show("invitation", idText(i.bytes(1)), fmt.Sprint(i.num(2)), fmt.Sprint(i.int(3)))
	return nil
}

// showOpened shows what the session of a worker has open.
func (s *safe) showOpened() error {
	token := s.vector.text("token")
	if token == "" {
		return nil
	}
	name := digest([]byte("reconnect open vault " + token))[:16]
	_, plain, err := openSealed(derive([]byte(token), "open vault", s.id[:]), s.at(typeVisit, none, 0, name, 0), s.get("at/"+idText(name)))
	if err != nil {
		return altered("what a session has open")
	}
	o, err := parse(openedFields, plain)
	if err != nil {
		return altered("what a session has open")
	}
	s.show("has open", idText(o.bytes(1)), idText(o.bytes(2)), o.text(4))
	return nil
}
