package main

import (
	"bytes"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Who the relays are, as docs/format.md draws it.
var (
	organisation  = fields(map[uint64]any{1: id(), 2: text, 3: text, 4: optional{text}})
	relay         = fields(map[uint64]any{1: id(), 2: id(), 3: text, 4: text, 5: optional{text}, 6: optional{text}, 7: text, 8: optional{list(text)}, 9: key32(), 10: text, 11: optional{text}})
	licence       = fields(map[uint64]any{1: id(), 2: text, 3: text, 4: text, 5: optional{i64}, 6: text, 7: optional{text}, 8: optional{text}})
	entries       = fields(map[uint64]any{1: optional{organisation}, 2: optional{relay}, 3: optional{licence}})
	directoryPage = fields(map[uint64]any{1: u8, 2: list(entries)})
	bundle        = fields(map[uint64]any{1: u8, 2: raw, 3: list(raw)})
)

const mostPages, mostBytes = 95, 4<<20 - 16<<10

// directory is who the relays are, by the word of an authority.
type directory struct {
	head          *ownerHead
	organisations map[string]object
	relays        map[string]object
	licences      map[string][]object // by relay
}

// directoryID is where the directory of an authority lies.
func directoryID(authority []byte) [16]byte {
	return [16]byte(digest(append([]byte("reconnect directory v1"), authority...)))
}

func tryDirectory(v *vector) ([]string, error) {
	d, err := readDirectory(v)
	if err != nil {
		return nil, err
	}
	return d.shows(), nil
}

// readDirectory reads the directory among the records of a vector, or the bundle.
func readDirectory(v *vector) (*directory, error) {
	authority := v.bytes("authority")
	id := idText(sliceOf(directoryID(authority)))
	head, page := v.record(id+"/h/o"), func(n int) []byte { return v.record(fmt.Sprintf("%s/x/o/%d", id, n)) }
	if b := v.bytes("bundle"); len(b) > 0 {
		whole, err := parse(bundle, b)
		if err != nil || whole.num(1) != 1 {
			return nil, altered("directory")
		}
		head, page = whole.bytes(2), func(n int) []byte { return entryOf(whole.list(3), n) }
	}
	return openDirectory(authority, head, page)
}

func sliceOf(id [16]byte) []byte { return id[:] }

func entryOf(l []any, n int) []byte {
	if n >= len(l) {
		return nil
	}
	return l[n].([]byte)
}

// openDirectory believes a head that the authority's first key signed, or one that
// follows it, and the pages that it names.
func openDirectory(authority, record []byte, page func(n int) []byte) (*directory, error) {
	h, err := openOwnerHead(directoryID(authority), record)
	if err != nil || h.kind != kindDirectory || h.erased != 0 || len(h.pages) == 0 || len(h.pages) > mostPages {
		return nil, altered("directory head")
	}
	if !h.trusts(authority) {
		return nil, refusal("untrusted-key")
	}
	d := &directory{head: h, organisations: map[string]object{}, relays: map[string]object{}, licences: map[string][]object{}}
	var all []object
	size := 0
	for n, named := range h.pages {
		b := page(n)
		p, err := parse(directoryPage, b)
		if err != nil || !bytes.Equal(digest(b), named.([]byte)) || p.num(1) != 1 || len(p.list(2)) > 256 {
			return nil, altered("directory page %d", n)
		}
		if size += len(b); size > mostBytes {
			return nil, refusal("too-many")
		}
		for i := range p.list(2) {
			all = append(all, at(p.list(2), i))
		}
	}
	return d, d.fill(all)
}

// fill takes the organisations first, then relays, then licences: what an entry
// refers to may stand after it.
func (d *directory) fill(all []object) error {
	for _, e := range all {
		if len(e) != 1 {
			return altered("directory entry")
		}
	}
	for kind, add := range []func(object) error{d.addOrganisation, d.addRelay, d.addLicence} {
		for _, e := range all {
			if o := e.object(uint64(kind + 1)); o != nil {
				if add(o) != nil {
					return refusal("invalid")
				}
			}
		}
	}
	return nil
}

var errInvalid = errors.New("invalid")

func (d *directory) addOrganisation(o object) error {
	id := string(o.bytes(1))
	if !named(o.bytes(1)) || d.organisations[id] != nil || !line(o.text(2), 120, true) || !country.MatchString(o.text(3)) || !day(o.text(4), false) {
		return errInvalid
	}
	d.organisations[id] = o
	return nil
}

func (d *directory) addRelay(r object) error {
	id, by := string(r.bytes(1)), d.organisations[string(r.bytes(2))]
	good := named(r.bytes(1)) && d.relays[id] == nil && by != nil && (by.text(4) == "" || r.text(11) != "") &&
		line(r.text(3), 120, true) && code.MatchString(r.text(4)) && line(r.text(5), 200, false) && line(r.text(6), 200, false) &&
		country.MatchString(r.text(7)) && goodPublic(r.bytes(9)) && day(r.text(10), true) && day(r.text(11), false) && len(r.list(8)) <= 30
	seen := map[string]bool{}
	for _, l := range r.list(8) {
		tag := l.(string)
		good = good && language.MatchString(tag) && !seen[tag]
		seen[tag] = true
	}
	for _, other := range d.relays {
		good = good && !bytes.Equal(other.bytes(9), r.bytes(9))
	}
	if !good {
		return errInvalid
	}
	d.relays[id] = r
	return nil
}

func (d *directory) addLicence(l object) error {
	of := string(l.bytes(1))
	good := d.relays[of] != nil && line(l.text(2), 40, true) && day(l.text(3), true) && day(l.text(4), true) && l.text(3) <= l.text(4) &&
		l.int(5) >= 0 && currency.MatchString(l.text(6)) && line(l.text(7), 120, false) && day(l.text(8), false)
	for _, other := range d.licences[of] {
		good = good && other.text(2) != l.text(2)
	}
	if !good {
		return errInvalid
	}
	d.licences[of] = append(d.licences[of], l)
	return nil
}

// What the texts of a directory are.
var (
	country  = regexp.MustCompile(`^[A-Z]{2}$`)
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	language = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$`)
	code     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
)

func named(id []byte) bool { return len(bytes.Trim(id, "\x00")) > 0 }

func day(s string, needed bool) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil || s == "" && !needed
}

// line is a text by which people know a place: one line, in one form, with nothing
// in it that cannot be seen.
func line(s string, most int, needed bool) bool {
	return (s != "" || !needed) && utf8.RuneCountInString(s) <= most && norm.NFC.IsNormalString(s) &&
		strings.Join(strings.Fields(s), " ") == s && !strings.ContainsFunc(s, unseen)
}

func unseen(r rune) bool {
	if r >= 0x200c && r <= 0x200f || r == 0x061c || unicode.Is(unicode.Prepended_Concatenation_Mark, r) {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) || r >= 0xe0000 && r <= 0xe007f
}

func (d *directory) shows() []string {
	s := &safe{}
	s.show("directory", fmt.Sprint(d.head.version), keyText("ra", "reconnect authority public key", d.head.key))
	for id, o := range d.organisations {
		s.show("organisation", idText([]byte(id)), o.text(2), o.text(3), o.text(4))
	}
	for id, r := range d.relays {
		s.show("relay", idText([]byte(id)), idText(r.bytes(2)), r.text(3), r.text(4), r.text(5), r.text(6), r.text(7), joined(r.list(8)),
			keyText("rr", "reconnect relay public key", r.bytes(9)), r.text(10), r.text(11))
		for _, l := range d.licences[id] {
			s.show("licence", idText(l.bytes(1)), l.text(2), l.text(3), l.text(4), fmt.Sprint(l.int(5)), l.text(6), l.text(7), l.text(8))
		}
	}
	slices.Sort(s.shows)
	return s.shows
}

// keyText is how people hand a public key to each other.
func keyText(prefix, label string, key []byte) string {
	all := base32.StdEncoding.EncodeToString(append(bytes.Clone(key), digest([]byte(label + " " + string(key)))[:3]...))
	for ; all != ""; all = all[8:] {
		prefix += "-" + strings.ToLower(all[:8])
	}
	return prefix
}
