package main

import (
	"bytes"
	"fmt"
)

// What a person said, and what was said of them.
var (
	factorFields = fields(map[uint64]any{1: optional{raw}, 2: optional{i64}, 3: optional{raw}})
	cardFields   = fields(map[uint64]any{1: id()})
	rulesFields  = fields(map[uint64]any{1: list(fields(map[uint64]any{1: u8, 2: u8})), 2: list(fields(map[uint64]any{1: text, 2: u8}))})
	wishFields   = fields(map[uint64]any{1: text, 2: i64, 3: optional{raw}})
	carryFields  = fields(map[uint64]any{1: raw, 2: optional{text}})
	deathFields  = fields(map[uint64]any{1: text, 2: text, 3: text, 4: i64, 5: i64, 6: optional{text}, 7: optional{raw}, 8: optional{i64}, 9: optional{i64},
		10: optional{text}, 11: optional{flag}, 12: optional{flag}})
	representativeFields = list(fields(map[uint64]any{1: text, 2: text, 3: text, 4: text, 5: i64}))
	gapsFields           = fields(map[uint64]any{1: list(fields(map[uint64]any{1: u64, 2: i64, 3: actor, 4: text, 5: id()}))})
)

const (
	paperGrant, paperCard, paperFactor, paperRules, paperWish, paperRepresentatives, paperLater, paperGaps = 5, 6, 7, 32, 33, 34, 37, 48

	typeWish = 41
)

// fixed is the id of a paper of which there is one.
func fixed(kind byte) []byte { return append(make([]byte, 15), kind) }

// paper reads the one paper of a kind; nil if there is none.
func (s *safe) paper(kind byte, of shape) (any, error) {
	p := s.papers[string(fixed(kind))]
	if p == nil {
		return nil, nil
	}
	b, err := decode(of, p.bytes(3))
	if err != nil || p.num(1) != uint64(kind) {
		return nil, altered("owner paper")
	}
	return b, nil
}

// showSaid shows the papers that stand under an id of their own.
func (s *safe) showSaid() error {
	for _, step := range []func() error{s.showCardPaper, s.showFactor, s.showWish, s.showDeath, s.showRules, s.showRepresentatives, s.showGaps} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// showCardPaper: that a card was issued, its paper says; whether it still opens, the
// owner head.
func (s *safe) showCardPaper() error {
	issued, err := s.paper(paperCard, cardFields)
	for _, entry := range s.head.slots {
		if entry.num(2) == kindCard && entry.num(3) == active {
			s.show("card", "active")
			return err
		}
	}
	if issued != nil {
		s.show("card", "to-be-printed")
	}
	return err
}

// showFactor shows the present code. Who signs in with the password of a slot that
// asks for a code needs one that is good.
func (s *safe) showFactor() error {
	b, err := s.paper(paperFactor, factorFields)
	if err != nil || b == nil {
		return err
	}
	f := b.(object)
	now := int64(s.vector.number("now")) / 30_000
	if given := s.vector.text("code"); given != "" && !goodCode(f.bytes(1), given, now, f.int(2)) {
		return errSecondFactor
	}
	if len(f.bytes(1)) > 0 {
		s.show("second factor", totp(f.bytes(1), now))
	}
	return nil
}

// showWish shows the person's own copy, and holds the one that can be carried out
// against it.
func (s *safe) showWish() error {
	b, err := s.paper(paperWish, wishFields)
	if err != nil || b == nil {
		return err
	}
	own := b.(object)
	signed, err := openSigned(s.head.key, s.at(typeWish, owner, 0, nil, 0), s.get("wish"))
	if err != nil {
		return altered("wish")
	}
	w, err := parse(wishFields, signed)
	if err != nil || w.text(1) != own.text(1) || w.int(2) != own.int(2) {
		return altered("wish")
	}
	if w.text(1) == "erase" && !s.carries(w.bytes(3)) {
		return altered("wish")
	}
	s.show("wish", w.text(1), fmt.Sprint(w.int(2)))
	return nil
}

// carried is the key of what the service keeps for people who are not there.
func carried(lookup []byte) []byte { return derive(lookup, "wishes", nil) }

// openCarry opens what is kept to carry out a wish, and the tombstone in it.
func openCarry(lookup []byte, vault [16]byte, sealed []byte) (carry object, tomb *ownerHead, err error) {
	_, plain, err := openSealed(carried(lookup), place{typ: typeWish, vault: vault, compartment: owner, object: []byte("tombstone")}, sealed)
	if err == nil {
		carry, err = parse(carryFields, plain)
	}
	if err == nil {
		tomb, err = openOwnerHead(vault, carry.bytes(1))
	}
	if err == nil && tomb.erased == 0 {
		err = errOpen
	}
	return carry, tomb, err
}

// carries says whether the tombstone of a wish is this vault's and later than its head.
func (s *safe) carries(sealed []byte) bool {
	_, tomb, err := openCarry(s.service.bytes(1), s.id, sealed)
	return err == nil && bytes.Equal(tomb.key, s.head.key) && tomb.restore == s.head.restore && tomb.version > s.head.version
}

func openDeath(lookup []byte, vault [16]byte, record []byte) (object, error) {
	_, plain, err := openSealed(carried(lookup), place{typ: typeWish, vault: vault, compartment: owner, object: []byte("death")}, record)
	if err != nil {
		return nil, err
	}
	return parse(deathFields, plain)
}

// showDeath shows what an operator recorded. What the service did not seal is nothing.
func (s *safe) showDeath() error {
	if d, err := openDeath(s.service.bytes(1), s.id, s.get("died")); err == nil {
		s.show("death", d.text(1), d.text(2), d.text(3), fmt.Sprint(d.int(4)), fmt.Sprint(d.int(5)), d.text(6), when(d.int(8)))
	}
	return nil
}

// tryWish reads a wish as who has to carry it out.
func tryWish(v *vector) ([]string, error) {
	vault := [16]byte(v.bytes("vault"))
	signed, err := openSigned(v.bytes("key"), place{typ: typeWish, vault: vault, compartment: owner}, v.bytes("envelope"))
	if err != nil {
		return nil, err
	}
	w, err := parse(wishFields, signed)
	if err != nil {
		return nil, err
	}
	c, tomb, err := openCarry(v.bytes("lookup"), vault, w.bytes(3))
	if err != nil {
		return nil, err
	}
	if w.text(1) != v.text("want") || w.int(2) != int64(v.number("since")) || tomb.version != v.number("version") || c.text(2) != v.text("login") {
		return nil, fmt.Errorf("another wish")
	}
	return nil, nil
}

func tryDeath(v *vector) ([]string, error) {
	d, err := openDeath(v.bytes("lookup"), [16]byte(v.bytes("vault")), v.bytes("envelope"))
	if err != nil {
		return nil, err
	}
	if d.text(1) != v.text("by") || d.text(2) != v.text("organisation") || d.text(3) != v.text("evidence") || d.text(6) != v.text("want") || d.int(8) != int64(v.number("erased-at")) {
		return nil, fmt.Errorf("another death")
	}
	return nil, v.same("wish", d.bytes(7))
}

func (s *safe) showRules() error {
	b, err := s.paper(paperRules, rulesFields)
	if err != nil || b == nil {
		return err
	}
	byKind, byFolder := b.(object).list(1), b.(object).list(2)
	for i := range byKind {
		r := at(byKind, i)
		if r.num(1) < 1 || r.num(1) > kindData || r.num(2) != shared && r.num(2) != private {
			return altered("owner paper")
		}
		s.show("rule", kinds[r.num(1)], names[r.num(2)])
	}
	for i := range byFolder {
		r := at(byFolder, i)
		if r.num(2) != shared && r.num(2) != private {
			return altered("owner paper")
		}
		s.show("rule of a folder", r.text(1), names[r.num(2)])
	}
	return nil
}

// ruled is where something of a kind lies of which nothing was said.
func (s *safe) ruled(kind uint64) byte {
	b, err := s.paper(paperRules, rulesFields)
	if err != nil || b == nil {
		return private
	}
	for i, all := 0, b.(object).list(1); i < len(all); i++ {
		if at(all, i).num(1) == kind {
			return byte(at(all, i).num(2))
		}
	}
	return private
}

func (s *safe) showRepresentatives() error {
	b, err := s.paper(paperRepresentatives, representativeFields)
	if err != nil || b == nil {
		return err
	}
	for i := range b.([]any) {
		r := at(b.([]any), i)
		s.show("representative", r.text(1), r.text(2), r.text(3), r.text(4), fmt.Sprint(r.int(5)))
	}
	return nil
}

func (s *safe) showGaps() error {
	b, err := s.paper(paperGaps, gapsFields)
	if err != nil || b == nil {
		return err
	}
	for i, all := 0, b.(object).list(1); i < len(all); i++ {
		g := at(all, i)
		s.showGap(g.num(1), g.bytes(5), g.text(4), g.object(3), g.int(2))
	}
	return nil
}

func (s *safe) showGap(line uint64, item []byte, kind string, by object, when int64) {
	s.show("missing deposit", fmt.Sprint(line), idText(item), kind, who(by), fmt.Sprint(when))
}
