package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// What who helps a person back in holds and reads: halves, who opened a request, and what
// they are asked.
var (
	openingFields     = fields(map[uint64]any{1: raw, 2: text, 3: u8, 4: flag})
	requestNoteFields = fields(map[uint64]any{1: id(), 2: id(), 3: raw})
	approvalFields    = fields(map[uint64]any{1: id(), 2: id(), 3: u64, 4: u8, 5: raw, 6: i64, 7: i64})
	saidFields        = fields(map[uint64]any{1: raw, 2: id(), 3: raw, 4: raw})
)

const (
	typeApproval = 32

	roleHelp = 1

	actOpens, actCancels = 1, 3
)

// tryHelper goes from a grant, by its holder's inbox, to the halves that go with it, and to
// the requests that these let it read.
func tryHelper(v *vector) ([]string, error) {
	s := &safe{vector: v, id: [16]byte(unbase(v.text("vault")))}
	who := holder{unbase(v.text("holder")), [][]byte{v.bytes("key")}}
	g, err := s.openGrant(unbase(v.text("grant")), who)
	if err != nil {
		return nil, err
	}
	if !s.head.trusts(v.bytes("pinned")) {
		return nil, refusal("untrusted-key")
	}
	s.showGrant(g.terms)
	prefix := idText(s.id[:]) + "/rq/"
	for i := range g.halves {
		h := at(g.halves, i)
		s.show("half", idText(h.bytes(1)), fmt.Sprintf("%x", h.bytes(2)), fmt.Sprintf("%x", h.bytes(3)))
		for _, r := range v.all("record") {
			name, ok := strings.CutPrefix(r.line, prefix)
			if !ok || strings.Contains(name, "/") {
				continue
			}
			if err := s.showRequest(h, unbase(name), r.data); err != nil {
				return nil, err
			}
		}
	}
	if err := s.showAsked(who); err != nil {
		return nil, err
	}
	return sorted(s.shows), nil
}

// showRequest shows a request for a path of which this is a half.
func (s *safe) showRequest(half object, name, record []byte) error {
	wrong := altered("a request")
	r, err := parse(requestFields, record)
	if err != nil {
		return wrong
	}
	if !bytes.Equal(r.bytes(1), half.bytes(1)) {
		return nil
	}
	key := derive(half.bytes(2), "who opened a request", slices.Concat(s.id[:], name))
	_, plain, err := openSealed(key, place{typ: typeRequest, vault: s.id, object: name, holder: []byte("opening")}, r.bytes(9))
	if err != nil {
		return wrong
	}
	return s.showOpening("request", name, r, plain)
}

// showAsked shows the notes to a relay or a desk about requests of this vault.
func (s *safe) showAsked(who holder) error {
	prefix := idText(who.id) + "/in/q/"
	for _, record := range s.vector.all("record") {
		name, ok := strings.CutPrefix(record.line, prefix)
		if !ok {
			continue
		}
		p := place{typ: typeRequest, vault: [16]byte(who.id), object: unbase(name), holder: []byte("note")}
		_, plain, err := openBox(who.inboxes[0], p, record.data)
		if err != nil {
			return altered("a request")
		}
		n, err := parse(requestNoteFields, plain)
		if err != nil {
			return altered("a request")
		}
		if !bytes.Equal(n.bytes(1), s.id[:]) {
			continue
		}
		r, err := parse(requestFields, s.get("rq/"+idText(n.bytes(2))))
		if err != nil {
			return altered("a request")
		}
		if err := s.showOpening("asked", n.bytes(2), r, n.bytes(3)); err != nil {
			return err
		}
	}
	return nil
}

// showOpening shows who opened a request, if it is this very one that they signed for.
func (s *safe) showOpening(what string, name []byte, r object, plain []byte) error {
	wrong := altered("a request")
	o, err := parse(openingFields, plain)
	if err != nil || o.num(3) < 1 || o.num(3) > 5 {
		return wrong
	}
	said, err := parse(saidFields, o.bytes(1))
	if err != nil {
		return wrong
	}
	m := s.member(said.bytes(1))
	if m == nil {
		return refusal("untrusted-key")
	}
	a, err := readApproval(s.id, m, said)
	if err != nil || a.num(4) != actOpens || !bytes.Equal(a.bytes(1), name) || !bytes.Equal(a.bytes(2), r.bytes(1)) ||
		!bytes.Equal(a.bytes(5), digest(r.bytes(5))) || a.int(6) != r.int(4) || !m.named(o.text(2)) {
		return wrong
	}
	s.show(what, idText(name), pathKinds[o.num(3)], fmt.Sprint(o.flag(4)), o.text(2), idText(m.worker), idText(m.relay), fmt.Sprint(r.int(3)), fmt.Sprint(r.int(4)))
	return nil
}

// readApproval reads what a member signed about a request, which is named in it.
func readApproval(vault [16]byte, m *member, said object) (object, error) {
	a, err := parse(approvalFields, clearOf(said.bytes(4)))
	if err != nil {
		return nil, errOpen
	}
	if _, err := openSigned(m.facts.bytes(5), place{typ: typeApproval, vault: vault, object: a.bytes(1)}, said.bytes(4)); err != nil {
		return nil, errOpen
	}
	if a.num(4) < actOpens || a.num(4) > actCancels || len(a.bytes(5)) != 32 || a.int(6) <= a.int(7) {
		return nil, errOpen
	}
	return a, nil
}

// tryApproval reads what somebody says about a request as the witness does: by the head of
// their relay's space alone, and only of who works there still.
func tryApproval(v *vector) ([]string, error) {
	vault := [16]byte(unbase(v.text("vault")))
	s, wrong := &safe{vector: v, id: vault}, altered("an approval")
	said, err := parse(saidFields, v.bytes("statement"))
	if err != nil {
		return nil, wrong
	}
	m := memberOf(said.bytes(1))
	if m == nil {
		return nil, wrong
	}
	h, err := openOwnerHead([16]byte(m.relay), v.record(idText(m.relay)+"/h/o"))
	if err != nil || h.kind != kindRelay || h.erased != 0 || !h.trusts(m.by) || m.facts.num(4)&roleHelp == 0 || !contains(h.grants, digest(said.bytes(3))) {
		return nil, wrong
	}
	signed, err := openSigned(h.key, place{typ: typeTerms, vault: [16]byte(m.relay), object: said.bytes(2)}, said.bytes(3))
	if err != nil {
		return nil, wrong
	}
	t, err := parse(termsFields, signed)
	if err != nil || !bytes.Equal(t.bytes(1), said.bytes(2)) || !bytes.Equal(t.bytes(2), m.worker) || t.num(3) != scopeTeam ||
		!bytes.Equal(t.bytes(8), digest(said.bytes(1))) || t.int(5) != 0 && t.int(5) <= int64(v.number("now")) {
		return nil, wrong
	}
	a, err := readApproval(vault, m, said)
	if err != nil {
		return nil, wrong
	}
	s.show("approval", idText(a.bytes(1)), idText(a.bytes(2)), fmt.Sprint(a.num(3)), fmt.Sprint(a.num(4)), fmt.Sprintf("%x", a.bytes(5)), fmt.Sprint(a.int(6)), fmt.Sprint(a.int(7)),
		idText(m.worker), idText(m.relay), idText(m.facts.bytes(2)))
	return s.shows, nil
}
