package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// What a vault lets somebody do.
var (
	termsFields = fields(map[uint64]any{1: id(), 2: id(), 3: u8, 4: i64, 5: optional{i64}, 6: raw,
		7: optional{list(fields(map[uint64]any{1: u64, 2: raw}))}, 8: optional{raw}, 9: optional{raw}, 10: optional{raw}})
	chosenFields = fields(map[uint64]any{1: id(), 2: u64, 3: raw, 4: optional{list(raw)}, 5: optional{list(partFields)}})
	halfFields   = fields(map[uint64]any{1: id(), 2: raw, 3: optional{raw}})
	grantFields  = fields(map[uint64]any{1: raw, 2: optional{list(generation)}, 3: optional{list(chosenFields)}, 4: optional{list(halfFields)}})
)

const scopeAdd, scopeGive, scopeTeam, scopeHelp = 2, 3, 4, 5

// holder is who opens a grant: a space, and the seeds of its inbox.
type holder struct {
	id      []byte
	inboxes [][]byte
}

// grant is one that was opened.
type grant struct {
	terms  object
	chosen []*item // not nil: these alone
	halves []any   // of ways back in
}

func tryGrant(v *vector) ([]string, error) {
	s := &safe{vector: v, id: [16]byte(unbase(v.text("vault")))}
	g, err := s.openGrant(unbase(v.text("grant")), holder{unbase(v.text("holder")), [][]byte{v.bytes("key")}})
	if err != nil {
		return nil, err
	}
	s.showGrant(g.terms)
	return s.shared(g)
}

func (s *safe) showGrant(t object) {
	s.show("grant", idText(t.bytes(1)), idText(t.bytes(2)), fmt.Sprint(t.num(3)), fmt.Sprint(t.int(4)), when(t.int(5)))
}

// shared shows what a grant opens.
func (s *safe) shared(g *grant) ([]string, error) {
	wrong, err := s.showItems(g.chosen)
	if err != nil {
		return nil, err
	}
	return sorted(s.shows), wrong
}

// when is a time that may be none.
func when(ms int64) string {
	if ms == 0 {
		return ""
	}
	return fmt.Sprint(ms)
}

// openGrant opens a vault by a grant: Shared, or chosen items of it.
func (s *safe) openGrant(name []byte, who holder) (*grant, error) {
	if s.get("h/o") == nil {
		return nil, refusal("ended")
	}
	if err := s.openOwner(); err != nil {
		return nil, err
	}
	if s.head.erased != 0 {
		return nil, refusal("ended")
	}
	record, wrong := s.get("g/"+idText(name)), altered("grant %s", idText(name))
	if record == nil {
		return nil, refusal("ended")
	}
	p := s.at(typeGrant, shared, 0, name, 0)
	p.holder = who.id
	var body object
	var plain []byte
	for _, seed := range who.inboxes {
		var err error
		if _, plain, err = openBox(seed, p, record); err == nil {
			if body, err = parse(grantFields, plain); err != nil {
				return nil, wrong
			}
			break
		}
	}
	if body == nil {
		return nil, wrong
	}
	if !contains(s.head.grants, digest(body.bytes(1))) {
		return nil, refusal("ended")
	}
	signed, err := openSigned(s.head.key, s.at(typeTerms, none, 0, name, 0), body.bytes(1))
	if err != nil {
		return nil, wrong
	}
	t, err := parse(termsFields, signed)
	if err != nil || !bytes.Equal(t.bytes(1), name) || !bytes.Equal(t.bytes(2), who.id) || t.num(3) < 1 || t.num(3) > scopeHelp || len(t.bytes(6)) != 16 {
		return nil, wrong
	}
	g := &grant{terms: t}
	if err := s.take(g, body, plain); err != nil {
		return nil, wrong
	}
	if now := int64(s.vector.number("now")); t.int(5) != 0 && now >= t.int(5) {
		return nil, refusal("ended")
	}
	if s.head.closing != 0 {
		return nil, refusal("closing")
	}
	return g, s.openHeads()
}

// take takes the keys of a grant, or the chosen items, as far as the terms name them.
func (s *safe) take(g *grant, body object, plain []byte) (err error) {
	s.rings = map[byte]*generations{}
	if len(g.terms.bytes(10)) > 0 || len(body.list(4)) > 0 { // the digest of the halves as they are encoded
		from, to := span(grantFields, plain, 4)
		if !bytes.Equal(digest(plain[from:to]), g.terms.bytes(10)) {
			return errOpen
		}
		g.halves = body.list(4)
	}
	switch {
	case len(g.terms.bytes(9)) > 0:
		return s.takeChosen(g, body, plain)
	case g.terms.num(3) == scopeGive, g.terms.num(3) == scopeHelp:
		return nil
	}
	named, given := g.terms.list(7), body.list(2)
	if len(named) != len(given) {
		return errFormat
	}
	for i := range given {
		one := at(given, i)
		h := sha256.New()
		for _, b := range [][]byte{[]byte("reconnect generation"), g.terms.bytes(6), binary.BigEndian.AppendUint64(nil, one.num(1)), one.bytes(2), one.bytes(3)} {
			h.Write(b)
		}
		if at(named, i).num(1) != one.num(1) || !bytes.Equal(at(named, i).bytes(2), h.Sum(nil)) {
			return errOpen
		}
	}
	s.rings[shared], err = generationsOf(given)
	return err
}

// takeChosen takes chosen items: the terms name the digest of the list as it is
// encoded, and it has one encoding.
func (s *safe) takeChosen(g *grant, body object, plain []byte) error {
	from, to := span(grantFields, plain, 3)
	if !bytes.Equal(digest(plain[from:to]), g.terms.bytes(9)) {
		return errOpen
	}
	g.chosen = []*item{}
	for i := range body.list(3) {
		c := at(body.list(3), i)
		it := &item{entry: entry{id: c.bytes(1), revision: c.num(2)}, compartment: shared, parts: c.list(5), keys: c.list(4)}
		it.takeSmall()
		var err error
		if it.facts, err = parse(itemFacts, c.bytes(3)); err != nil || !it.whole() {
			return errFormat
		}
		delete(it.facts, 3) // it says nothing of what else there is
		g.chosen = append(g.chosen, it)
	}
	return nil
}

func contains(l []any, b []byte) bool {
	for _, x := range l {
		if bytes.Equal(x.([]byte), b) {
			return true
		}
	}
	return false
}
