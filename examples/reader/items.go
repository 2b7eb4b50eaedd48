package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// entry is one line of an index page.
type entry struct {
	id       []byte
	revision uint64
	hash     []byte
}

// index reads the pages of a compartment.
func (s *safe) index(c byte) (all []entry, err error) {
	all, err = s.indexAt(c, "x/"+names[c][:1], s.pages[c])
	for _, a := range s.aside {
		if c != private || err != nil {
			break
		}
		var more []entry
		more, err = s.indexAt(c, a.place+"/x", a.pages)
		for _, e := range more {
			if !slices.ContainsFunc(all, func(o entry) bool { return bytes.Equal(o.id, e.id) }) {
				all = append(all, e)
			}
		}
	}
	return all, err
}

func (s *safe) indexAt(c byte, where string, pages []any) (all []entry, err error) {
	for n, named := range pages {
		if named == nil { // what was on it has joined
			continue
		}
		record := s.get(fmt.Sprintf("%s/%d", where, n))
		wrong := altered("%s index page %d", names[c], n)
		clear, err := parse(clearPage, clearOf(record))
		if err != nil || !bytes.Equal(digest(record), named.([]byte)) {
			return nil, wrong
		}
		object := binary.BigEndian.AppendUint32(nil, uint32(n))
		_, body, err := openSealed(s.rings[c].keys[clear.num(1)], s.at(typePage, c, clear.num(1), object, 0), record)
		if err != nil || len(body) != 2+256*56 {
			return nil, wrong
		}
		count, rest := int(binary.BigEndian.Uint16(body)), body[2:]
		if count > 256 || len(bytes.Trim(rest[56*count:], "\x00")) > 0 {
			return nil, wrong
		}
		for i := range count {
			e := rest[56*i:][:56]
			if i > 0 && bytes.Compare(rest[56*(i-1):][:16], e[:16]) >= 0 {
				return nil, wrong
			}
			all = append(all, entry{e[:16], binary.BigEndian.Uint64(e[16:]), e[24:]})
		}
	}
	return all, nil
}

// item is one thing in a vault, opened.
type item struct {
	entry
	compartment byte
	parts, keys []any
	facts       object

	small    object // the part that is a small picture, nil if there is none
	smallKey []byte
}

// takeSmall takes the small picture from behind the parts of the document.
func (it *item) takeSmall() {
	last := len(it.parts) - 1
	if last < 0 || last >= len(it.keys) || at(it.parts, last).text(1) != "thumbnail" {
		return
	}
	it.small, it.smallKey = at(it.parts, last), it.keys[last].([]byte)
	it.parts, it.keys = it.parts[:last], it.keys[:last]
}

const kindData = 6

// showItems shows every item that is as it was written, and names the others.
// wrong is the first that is not.
func (s *safe) showItems(chosen []*item) (wrong, err error) {
	all := chosen
	s.folders = map[string]string{}
	for _, c := range []byte{shared, private} {
		entries, err := s.index(c)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			it, err := s.openItem(c, e)
			if err != nil {
				wrong = s.name(wrong, err)
				continue
			}
			if all = append(all, it); it.facts.num(1) == 2 {
				s.folders[string(e.id)] = it.facts.text(2)
			}
		}
	}
	for _, it := range all {
		if err := s.showItem(it); err != nil {
			wrong = s.name(wrong, err)
		}
	}
	return wrong, nil
}

// name shows what is wrong in the place of an item, and keeps the first.
func (s *safe) name(first, err error) error {
	s.shows = append(s.shows, err.Error())
	if first == nil {
		return err
	}
	return first
}

func (s *safe) openItem(c byte, e entry) (*item, error) {
	record := s.get("i/" + idText(e.id))
	if record == nil {
		return nil, refusal("missing item " + idText(e.id))
	}
	wrong := altered("item %s", idText(e.id))
	clear, err := parse(clearItem, clearOf(record))
	if err != nil || !bytes.Equal(digest(record), e.hash) || clear.num(1) != e.revision {
		return nil, wrong
	}
	_, raw, err := openSealed(s.rings[c].keys[clear.num(2)], s.at(typeItem, c, clear.num(2), e.id, e.revision), record)
	if err != nil {
		return nil, wrong
	}
	body, err := parse(itemBody, raw)
	if err != nil {
		return nil, wrong
	}
	it := &item{entry: e, compartment: c, parts: clear.list(3), keys: body.list(2)}
	it.takeSmall()
	if it.facts, err = parse(itemFacts, body.bytes(1)); err != nil || len(it.parts) != len(it.keys) {
		return nil, wrong
	}
	// The origin is signed as it is encoded in the facts, where it has one encoding.
	from, to := span(itemFacts, body.bytes(1), 6)
	if !s.signed(body.object(3), s.at(typeOrigin, none, 0, e.id, 0), body.bytes(1)[from:to], it.facts.object(6).object(1)) ||
		!s.signed(body.object(4), s.at(typeRevision, none, 0, e.id, e.revision), body.bytes(1), nil) || !it.whole() {
		return nil, wrong
	}
	return it, nil
}

// whole says whether an item has what its kind needs.
func (it *item) whole() bool {
	kind := it.facts.num(1)
	if kind < 1 || kind > kindData || kind == 1 && it.facts[7] == nil || kind == 3 && it.facts[8] == nil || kind == 4 && it.facts[9] == nil || len(it.parts) != len(it.keys) {
		return false
	}
	if kind != 1 {
		return true
	}
	cut := cuts(it.facts.object(7).int(2), len(it.parts))
	for i, c := range cut {
		if part := at(it.parts, i); part.text(1) != "content" || part.int(3) != streamSize(c.padded) {
			return false
		}
	}
	return len(cut) > 0
}

// cut is what one blob holds of a document.
type cut struct{ offset, size, padded int64 }

// cuts says how a document of so many bytes lies in so many blobs; nil if it cannot.
func cuts(size int64, blobs int) (out []cut) {
	if size < 0 || size > 1<<40 {
		return nil
	}
	if blobs == 1 {
		return []cut{{0, size, documentClass(size)}}
	}
	part := int64(1 << 19)
	for size > 64*part {
		part *= 2
	}
	for offset := int64(0); offset < size; offset += part {
		out = append(out, cut{offset, min(part, size-offset), min(part, documentClass(size)-offset)})
	}
	if len(out) != blobs || blobs == 1 {
		return nil
	}
	return out
}

// span says where the value of a key of a map lies. The map was parsed before.
func span(s shape, b []byte, key uint64) (from, to int) {
	d := decoder{rest: b}
	_, pairs := d.head()
	for range pairs {
		_, k := d.head()
		from = len(b) - len(d.rest)
		d.value(s.shapeOf(k), 0)
		if to = len(b) - len(d.rest); k == key {
			return from, to
		}
	}
	return 0, 0
}

func (s shape) shapeOf(key uint64) shape {
	if o, ok := s.fields[key].(optional); ok {
		return o.shape
	}
	return s.fields[key].(shape)
}

var kinds = []string{"", "document", "folder", "contact", "appointment", "note", "data"}

func (s *safe) showItem(it *item) error {
	f, from, where := it.facts, it.facts.object(6), names[it.compartment]
	if f.int(5) != 0 {
		where += ", binned"
	}
	words := []string{"item", idText(it.id), kinds[f.num(1)], where, f.text(2), s.folders[string(f.bytes(3))], fmt.Sprintf("revision %d", it.revision),
		from.text(2), who(from.object(1)), fmt.Sprint(from.int(3))}
	switch f.num(1) {
	case 1:
		d := f.object(7)
		content, err := s.content(it)
		if err != nil {
			return altered("item %s", idText(it.id))
		}
		words = append(words, d.text(1), fmt.Sprint(d.int(2)), hex.EncodeToString(digest(content)), d.text(4), d.text(5))
	case 3:
		c := f.object(8)
		words = append(words, c.text(1), joined(c.list(2)), joined(c.list(3)), c.text(4), c.text(5))
	case 4:
		a := f.object(9)
		words = append(words, fmt.Sprint(a.int(1)), fmt.Sprint(a.int(2)), a.text(3), fmt.Sprint(a.flag(4)), a.text(5), a.text(6), a.text(7))
	case 5:
		words = append(words, f.text(10))
	}
	s.show(words...)
	return s.showThumbnail(it)
}

// showThumbnail shows the digest of the small picture of a document that has one.
func (s *safe) showThumbnail(it *item) error {
	if it.small == nil {
		return nil
	}
	wrong, p := altered("item %s", idText(it.id)), s.at(typeDocument, none, 0, it.id, it.small.num(5))
	p.holder = []byte(it.small.text(2))
	plain, err := openStream(it.smallKey, p, 20<<10, 20<<10, s.vector.blob(it.small.text(2)))
	if err != nil {
		return wrong
	}
	var pieces [2][]byte
	for i := range pieces {
		if len(plain) < 2 || int(binary.BigEndian.Uint16(plain)) > len(plain)-2 {
			return wrong
		}
		n := 2 + int(binary.BigEndian.Uint16(plain))
		pieces[i], plain = plain[2:n], plain[n:]
	}
	signed, err := parse(signature, pieces[0])
	p = s.at(typeOrigin, none, 0, it.id, 0)
	p.holder = []byte("thumbnail")
	message := append(bytes.Clone(it.facts.object(7).bytes(3)), digest(pieces[1])...)
	if err != nil || len(pieces[1]) > 16<<10 || len(bytes.Trim(plain, "\x00")) > 0 || !s.signed(signed, p, message, nil) {
		return wrong
	}
	s.show("thumbnail", idText(it.id), hex.EncodeToString(digest(pieces[1])))
	return nil
}

// content opens the blobs of a document.
func (s *safe) content(it *item) (content []byte, err error) {
	d := it.facts.object(7)
	for i, c := range cuts(d.int(2), len(it.parts)) {
		part, object := at(it.parts, i), it.id
		if c.offset > 0 {
			object = binary.BigEndian.AppendUint64(bytes.Clone(it.id), uint64(c.offset))
		}
		p := s.at(typeDocument, none, 0, object, part.num(5))
		p.holder = []byte(part.text(2))
		plain, err := openStream(it.keys[i].([]byte), p, c.size, c.padded, s.vector.blob(part.text(2)))
		if err != nil {
			return nil, err
		}
		content = append(content, plain...)
	}
	if !bytes.Equal(digest(content), d.bytes(3)) {
		err = errOpen
	}
	return content, err
}

func joined(l []any) string {
	words := make([]string, len(l))
	for i := range l {
		words[i], _ = l[i].(string)
	}
	return strings.Join(words, ", ")
}

// show adds a line; what is empty at its end is left out.
func (s *safe) show(words ...string) {
	for words[len(words)-1] == "" {
		words = words[:len(words)-1]
	}
	s.shows = append(s.shows, strings.ReplaceAll(strings.Join(words, " | "), "\n", `\n`))
}

// showPapers shows what belongs to the vault itself.
func (s *safe) showPapers() error {
	entries, err := s.index(owner)
	if err != nil {
		return err
	}
	login := false
	s.papers = map[string]object{}
	for _, e := range entries {
		record, wrong := s.get("o/"+idText(e.id)), altered("owner paper %s", idText(e.id))
		clear, err := parse(clearPaper, clearOf(record))
		if err != nil || !bytes.Equal(digest(record), e.hash) || clear.num(2) != e.revision {
			return wrong
		}
		_, raw, err := openSealed(s.rings[owner].keys[clear.num(1)], s.at(typeOwnerPaper, owner, clear.num(1), e.id, e.revision), record)
		if err != nil {
			return wrong
		}
		paper, err := parse(paperBody, raw)
		if err == nil {
			err = s.showPaper(e.id, paper)
		}
		if err != nil {
			return wrong
		}
		login = login || paper.num(1) == 1
		s.papers[string(e.id)] = paper
	}
	if !login {
		return altered("owner paper")
	}
	return nil
}

func (s *safe) showPaper(name []byte, paper object) error {
	when := fmt.Sprint(paper.int(2))
	switch paper.num(1) {
	case 1:
		login, err := decode(text, paper.bytes(3))
		if err != nil {
			return err
		}
		s.show("login", login.(string))
	case 2:
		c, err := parse(consent, paper.bytes(3))
		if err != nil {
			return err
		}
		n := c.object(1)
		s.show("consent", when, n.text(1), n.text(2), n.text(3), c.text(2))
	case 3:
		r, err := parse(space, paper.bytes(3))
		if err != nil {
			return err
		}
		s.show("space", fmt.Sprint(r.int(1)), r.text(2))
	case 4:
		r, err := parse(restored, paper.bytes(3))
		if err != nil {
			return err
		}
		s.show("restored", fmt.Sprint(r.int(2)), fmt.Sprint(r.int(3)), fmt.Sprint(r.int(4)))
	case 5:
		return s.showGranted(name, paper.bytes(3))
	}
	return nil
}

// showGranted shows what the person allowed, also if it has ended.
func (s *safe) showGranted(name, paper []byte) error {
	g, err := parse(grantPaper, paper)
	if err != nil {
		return err
	}
	s.show("grant", idText(name), idText(g.bytes(1)), fmt.Sprint(g.num(10)), fmt.Sprint(g.int(11)), when(g.int(12)), when(g.int(4)), g.text(5))
	return nil
}

// entered is one line of the journal.
type entered struct {
	number uint64
	facts  object
}

// showJournal follows the chain from the head down to the first line.
func (s *safe) showJournal() error {
	last := s.journal.bytes(2)
	for n := s.journal.num(1); n > 0; n-- {
		record, wrong := s.get(fmt.Sprintf("j/%016x", n)), altered("journal entry %d", n)
		clear, err := parse(clearEntry, clearOf(record))
		if err != nil || !bytes.Equal(digest(record), last) || clear.num(1) != n {
			return wrong
		}
		last = clear.bytes(2)
		p := s.at(typeJournalEntry, owner, clear.num(3), binary.BigEndian.AppendUint64(nil, n), 0)
		p.holder = last
		_, raw, err := openBox(s.rings[owner].inboxes[clear.num(3)], p, record)
		if err != nil {
			return wrong
		}
		body, err := parse(entryBody, raw)
		var f object
		if err == nil {
			f, err = parse(entryFacts, body.bytes(1))
		}
		if err != nil || !s.signed(object{1: body[3], 2: body[2], 3: body[4]}, p, body.bytes(1), f.object(2)) {
			return wrong
		}
		s.lines = append(s.lines, entered{number: n, facts: f})
		s.show("journal", fmt.Sprint(n), fmt.Sprint(f.int(1)), who(f.object(2)), f.text(3), f.text(6))
	}
	return nil
}
