package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
)

// What waits in an inbox.
var (
	clearDeposit = fields(map[uint64]any{1: u64, 2: u64, 3: optional{list(partFields)}, 4: optional{i64}})
	depositBody  = fields(map[uint64]any{1: id(), 2: u64, 3: raw, 4: optional{list(raw)}, 5: signature, 6: signature, 7: optional{flag}})
)

const typeDeposit = 14

// takeIn shows what waits as what it will be: an item where it was left for, or where
// the person's rules say. The journal says what must be there.
func (s *safe) takeIn() error {
	for _, l := range slices.Backward(s.lines) { // the first line first
		f, detail := l.facts, words(l.facts)
		c := byte(private)
		if detail["inbox"] == "shared" {
			c = shared
		}
		if f.text(3) != "deposit.left" && f.text(3) != "item.made-private" || detail["deposit"] == "" || l.number <= s.cursors[c] {
			continue
		}
		record := s.get(fmt.Sprintf("in/%s/%016x", names[c][:1], l.number))
		if record == nil || hex.EncodeToString(digest(record)) != detail["deposit"] {
			s.showGap(l.number, f.bytes(5), detail["kind"], f.object(2), f.int(1))
			continue
		}
		if it := s.openDeposit(c, l, record); it != nil && s.allowed(l, detail["grant"]) {
			if err := s.showItem(it); err != nil {
				return err
			}
		}
	}
	return nil
}

// words is the detail of a line.
func words(facts object) map[string]string { w, _ := facts[7].(map[string]string); return w }

// openDeposit is what a record of an inbox will be; nil for what is refused.
func (s *safe) openDeposit(c byte, l entered, record []byte) *item {
	clear, err := parse(clearDeposit, clearOf(record))
	if err != nil || clear.num(1) != l.number {
		return nil
	}
	p := s.at(typeDeposit, c, clear.num(2), binary.BigEndian.AppendUint64(nil, l.number), 0)
	_, plain, err := openBox(s.rings[c].inboxes[clear.num(2)], p, record)
	if err != nil {
		return nil
	}
	b, err := parse(depositBody, plain)
	if err != nil || !bytes.Equal(b.bytes(1), l.facts.bytes(5)) {
		return nil
	}
	it := &item{entry: entry{id: b.bytes(1), revision: b.num(2)}, compartment: c, parts: clear.list(3), keys: b.list(4)}
	if it.facts, err = parse(itemFacts, b.bytes(3)); err != nil || !it.whole() || it.facts.num(1) == 2 || it.facts.int(5) != 0 {
		return nil
	}
	made, by := it.facts.object(6).object(1), l.facts.object(2)
	if l.facts.text(3) == "deposit.left" && !sameActor(made, by) {
		return nil
	}
	from, to := span(itemFacts, b.bytes(3), 6)
	if !s.signed(b.object(5), s.at(typeOrigin, none, 0, it.id, 0), b.bytes(3)[from:to], made) ||
		!s.signed(b.object(6), s.at(typeRevision, none, 0, it.id, it.revision), b.bytes(3), by) {
		return nil
	}
	if b.flag(7) {
		it.compartment = s.ruled(it.facts.num(1))
	}
	return it
}

func sameActor(a, b object) bool {
	for key := uint64(1); key <= 6; key++ {
		if a.text(key) != b.text(key) {
			return false
		}
	}
	return true
}

// allowed says whether the person had allowed this when the line was written.
func (s *safe) allowed(l entered, grant string) bool {
	paper := s.papers[string(unbase(grant))]
	if paper == nil || paper.num(1) != paperGrant {
		return false
	}
	g, err := parse(grantPaper, paper.bytes(3))
	if err != nil {
		return false
	}
	holder, by, at := idText(g.bytes(1)), l.facts.object(2), l.facts.int(1)
	switch {
	case holder != by.text(6) && holder != by.text(2):
		return false
	case g.num(10) != scopeAdd && (g.num(10) != scopeGive || l.facts.text(3) != "deposit.left"):
		return false
	case g.int(12) != 0 && at >= g.int(12):
		return false
	}
	for _, other := range s.lines { // the journal's own order decides where it can
		if words(other.facts)["grant"] != grant {
			continue
		}
		switch other.facts.text(3) {
		case "grant.given":
			if other.number > l.number {
				return false
			}
		case "grant.ended":
			return l.number < other.number
		}
	}
	return g.int(4) == 0 || at < g.int(4)
}
