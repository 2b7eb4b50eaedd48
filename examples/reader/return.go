package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// How somebody who forgot everything comes back: by a request, to which others gave their
// halves, and by what they kept themself.
var (
	requestFields = fields(map[uint64]any{1: id(), 2: u8, 3: i64, 4: i64, 5: raw, 6: optional{raw}, 7: raw, 8: u64, 9: raw, 10: raw, 11: optional{text}, 12: optional{i64}, 13: optional{flag}})
	givenFields   = fields(map[uint64]any{1: raw, 2: optional{raw}, 3: optional{u64}})

	givenBodyFields = fields(map[uint64]any{1: raw, 2: raw})
	givenHalfFields = fields(map[uint64]any{1: id(), 2: u8, 3: raw, 4: optional{raw}, 5: id()})

	paramsFields = fields(map[uint64]any{1: u8, 2: optional{fields(map[uint64]any{1: u8, 2: u32, 3: u32, 4: u8, 5: raw})}, 3: optional{u8}, 4: optional{u8}, 5: optional{raw}, 6: optional{list(u64)}, 7: optional{list(i64)}})
	shownFields  = fields(map[uint64]any{1: optional{list(text)}, 2: optional{u8}})
)

const (
	errCode     = refusal("code")
	errRequest  = refusal("request")
	errNotReady = refusal("not-ready")

	codePerson, codeDesk = 0, 1
	sideRelay, sideDesk  = "r", "d"
)

var pathKinds = []string{"", "sheet-relay", "sheet-desk", "answers-relay", "answers-desk", "helpers"}

// back is a request in the hands of its person.
type back struct {
	*safe
	id      []byte
	request object
	slot    []byte // of the path
	kind    byte
	body    object // of the keyslot
	params  object
	halves  map[string]object // by side
}

// tryReturn goes from the number and the code of a request, and what the person kept, to
// their vault.
func tryReturn(v *vector) ([]string, error) {
	b := &back{safe: &safe{vector: v}, halves: map[string]object{}}
	for _, step := range []func() error{b.openService, b.find, b.collect, b.openOwner, b.findSlot, b.ready, b.showWay} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	roots, err := b.roots()
	if err == nil {
		err = b.openRings(roots)
	}
	if err == nil {
		err = b.openHeads()
	}
	if err != nil {
		return nil, err
	}
	wrong, err := b.showItems(nil)
	if err != nil {
		return nil, err
	}
	return sorted(b.shows), wrong
}

// find goes from the number to the request.
func (b *back) find() error {
	number, ok := digits(b.vector.text("number"), 8)
	if !ok {
		return errCode
	}
	lookup := b.service.bytes(1)
	hash := hmacOf(lookup, []byte("hand-over number\x00"+number))
	_, at, err := openSealed(derive(lookup, "hand-over numbers", nil), place{typ: typeRequest, object: hash}, b.vector.record("svc/handover/"+hex.EncodeToString(hash)))
	if err != nil || len(at) != 32 {
		return errCode
	}
	b.safe.id, b.id = [16]byte(at[:16]), at[16:]
	if b.request, err = parse(requestFields, b.get("rq/"+idText(b.id))); err != nil {
		return errCode
	}
	return nil
}

// of is the place of what belongs to the request.
func (b *back) of(typ uint16, what string) place {
	return place{typ: typ, vault: b.safe.id, object: b.id, holder: []byte(what)}
}

// codeKey is what a code opens, with the witness's help.
func (b *back) codeKey(part byte, salt []byte, typed string) []byte {
	code, _ := digits(typed, 8)
	where := append(bytes.Clone(b.safe.id[:]), b.id...)
	counter := hmacOf(b.service.bytes(1), []byte("hand-over code\x00"), where, []byte{part})
	output := evaluate(b.vector.bytes("evaluation-key"), b.safe.id, counter, hmacOf(salt, []byte("hand-over code\x00"+code)))
	return derive(append(output, code...), "hand-over code", where)
}

// collect opens with the code what was given.
func (b *back) collect() error {
	_, seed, err := openCommitted(b.codeKey(codePerson, b.request.bytes(7), b.vector.text("code")), b.of(typeRequest, "private half"), b.request.bytes(6))
	if err != nil {
		return errCode
	}
	if b.request.num(2) != 1 || int64(b.vector.number("now")) >= b.request.int(4) {
		return errRequest
	}
	for _, side := range []string{sideRelay, sideDesk} {
		g, err := parse(givenFields, b.get("rq/"+idText(b.id)+"/"+side))
		if err != nil {
			continue // given again
		}
		box := g.bytes(1)
		if len(g.bytes(2)) > 0 {
			_, box, err = openCommitted(b.codeKey(codeDesk, g.bytes(2), b.vector.text("desk")), b.of(typeRequest, "half of the desk"), box)
			if err != nil {
				continue
			}
		}
		if half := b.half(seed, side, box); half != nil {
			b.halves[side] = half
		}
	}
	return nil
}

// half opens what one side gave, and verifies who it was; nil for what nobody gave.
func (b *back) half(seed []byte, side string, box []byte) object {
	p := b.of(typeContribution, side)
	_, plain, err := openBox(seed, p, box)
	if err != nil {
		return nil
	}
	body, err := parse(givenBodyFields, plain)
	if err != nil {
		return nil
	}
	m := b.member(body.bytes(1))
	if m == nil {
		return nil
	}
	signed, err := openSigned(m.facts.bytes(5), p, body.bytes(2))
	if err != nil {
		return nil
	}
	half, err := parse(givenHalfFields, signed)
	if err != nil || !bytes.Equal(half.bytes(1), b.request.bytes(1)) {
		return nil
	}
	return half
}

// findSlot finds the keyslot of the path. What was given for another one is worthless.
func (b *back) findSlot() error {
	wrapping, err := b.openWrapping()
	if err != nil {
		return err
	}
	for _, entry := range b.head.slots {
		if entry.num(2) != kindPath || entry.num(3) != active {
			continue
		}
		body, err := b.readSlot(wrapping, entry)
		if err == nil && bytes.Equal(body.bytes(8), b.request.bytes(1)) {
			b.slot, b.body, b.kind = entry.bytes(1), body, byte(body.num(9))
		}
	}
	if b.slot == nil {
		return errRequest
	}
	for side, half := range b.halves {
		if !bytes.Equal(half.bytes(5), b.slot) {
			delete(b.halves, side)
		}
	}
	b.params, err = parse(paramsFields, b.body.bytes(10))
	return err
}

func (b *back) takesRelay() bool { return b.kind == 1 || b.kind == 3 || b.kind == 5 }
func (b *back) takesDesk() bool  { return b.kind == 2 || b.kind == 4 || b.kind == 5 }

func (b *back) ready() error {
	if b.takesRelay() && b.halves[sideRelay] == nil || b.takesDesk() && b.halves[sideDesk] == nil {
		return errNotReady
	}
	return nil
}

// label is what everything of a path is bound to.
func (b *back) label(class byte) []byte {
	return append(append(bytes.Clone(b.safe.id[:]), b.request.bytes(1)...), b.kind, class)
}

// given are the helpers' parts of a class, one behind the other.
func (b *back) given(class byte) (parts []byte) {
	for _, side := range []string{sideRelay, sideDesk} {
		if side == sideRelay && b.takesRelay() || side == sideDesk && b.takesDesk() {
			parts = append(parts, b.halves[side].bytes(3+uint64(class))...)
		}
	}
	return parts
}

// showWay shows what the helpers' halves let the person see: the questions.
func (b *back) showWay() error {
	opens := "shared"
	for i := range b.body.list(3) {
		if at(b.body.list(3), i).num(1) == private {
			opens = "private"
		}
	}
	b.show("way", pathKinds[b.kind], opens)
	sealed := b.body.bytes(11)
	if len(sealed) == 0 {
		return nil
	}
	_, plain, err := openSealed(derive(b.given(0), "recovery path, shown", b.label(0)), b.at(typeRoot, owner, 0, b.slot, 0), sealed)
	if err != nil {
		return errRequest
	}
	shown, err := parse(shownFields, plain)
	if err != nil {
		return altered("what is shown of a path")
	}
	for i, q := range shown.list(1) {
		b.show("question", fmt.Sprint(i+1), q.(string))
	}
	if n := shown.num(2); n > 0 {
		b.show("pictures", fmt.Sprint(n))
	}
	return nil
}

// roots opens what the path holds, with all parts together.
func (b *back) roots() (roots map[byte][]byte, err error) {
	own, err := b.own()
	if err != nil {
		return nil, err
	}
	roots = map[byte][]byte{}
	for i := range b.body.list(3) {
		root := at(b.body.list(3), i)
		c, class := byte(root.num(1)), byte(0)
		if c == private {
			class = 1
		}
		parts := b.given(class)
		if b.kind == 5 {
			parts = append(parts, evaluateWaited(b.vector.bytes("evaluation-key"), b.service.bytes(1), b.safe.id, b.request.bytes(1), class)...)
		} else {
			parts = append(derive(own, "recovery path, the person's part", b.label(class)), parts...)
		}
		if _, roots[c], err = openCommitted(derive(parts, "recovery path", b.label(class)), b.at(typeRoot, c, 0, b.slot, 0), root.bytes(2)); err != nil {
			return nil, refusal("sign-in")
		}
	}
	return roots, nil
}

// evaluatePath is what the witness makes of an input at a counter of a path, whose name
// begins so that it knows it needs a request.
func evaluatePath(key, lookup []byte, vault [16]byte, path []byte, class byte, input []byte) []byte {
	counter := hmacOf(lookup, []byte("recovery path\x00"), vault[:], path, []byte{class})
	copy(counter, "requests")
	return evaluate(key, vault, counter, input)
}

// evaluateWaited is what it releases where nothing is the person's.
func evaluateWaited(key, lookup []byte, vault [16]byte, path []byte, class byte) []byte {
	return evaluatePath(key, lookup, vault, path, class, digest(slices.Concat([]byte("reconnect recovery waited value 1"), path, []byte{class})))
}

// own is the person's part.
func (b *back) own() ([]byte, error) {
	p := b.params.object(2)
	with := kdf{p.num(1), p.num(2), p.num(3), p.num(4), p.bytes(5)}
	switch b.params.num(1) {
	case 1:
		_, code, err := readSheet(b.vector, b.vector.text("sheet"))
		if err != nil {
			return nil, err
		}
		key, err := with.derive(code)
		return derive(key, "recovery sheet", nil), err
	case 2, 3:
		var all []byte
		answers := b.vector.all("answer")
		if uint64(len(answers)) != b.params.num(4) {
			return nil, errInvalid
		}
		for _, a := range answers {
			answer := strings.TrimSpace(a.line)
			if b.params.num(1) == 2 {
				answer = normalAnswer(answer)
			} else if !slices.Contains(strings.Fields(pictures), answer) {
				return nil, errInvalid
			}
			if answer == "" {
				return nil, errInvalid
			}
			all = append(binary.BigEndian.AppendUint32(all, uint32(len(answer))), answer...)
		}
		key, err := with.derive(string(all))
		input := hmacOf(b.params.bytes(5), []byte("reconnect recovery answers 1"), key)
		return evaluatePath(b.vector.bytes("evaluation-key"), b.service.bytes(1), b.safe.id, b.request.bytes(1), 0, input), err
	}
	return nil, nil
}
