package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
)

// refusal is why a vault, or one thing in it, is not shown.
type refusal string

func (r refusal) Error() string { return string(r) }

func altered(format string, args ...any) error {
	return refusal("tampered " + fmt.Sprintf(format, args...))
}

var names = []string{"", "owner", "shared", "private"}

// The stored bodies, as docs/format.md draws them.
var (
	serviceKeys = fields(map[uint64]any{1: raw, 2: raw, 3: raw})
	slotBody    = fields(map[uint64]any{1: u8, 2: fields(map[uint64]any{1: u8, 2: u32, 3: u32, 4: u8, 5: raw}),
		3: list(fields(map[uint64]any{1: u8, 2: raw})), 4: optional{raw}, 5: optional{raw}, 6: optional{u64}, 7: optional{raw},
		8: optional{raw}, 9: optional{u8}, 10: optional{raw}, 11: optional{raw}, 12: optional{u64}})
	generation  = fields(map[uint64]any{1: u64, 2: raw, 3: raw})
	keyring     = fields(map[uint64]any{1: list(generation), 2: raw})
	clearRing   = fields(map[uint64]any{1: u64})
	clearHead   = fields(map[uint64]any{1: u64, 2: u64, 3: optional{u64}})
	headBody    = fields(map[uint64]any{1: list(raw), 2: list(u16), 3: u64, 4: i64, 5: u64, 6: optional{list(fields(map[uint64]any{1: u64, 2: u64}))}})
	journalHead = fields(map[uint64]any{1: u64, 2: raw, 3: optional{u64}, 4: optional{u64}})
	clearPage   = fields(map[uint64]any{1: u64})
	partFields  = fields(map[uint64]any{1: text, 2: text, 3: i64, 4: raw, 5: u64})
	clearItem   = fields(map[uint64]any{1: u64, 2: u64, 3: optional{list(partFields)}})
	signature   = fields(map[uint64]any{1: raw, 2: raw, 3: optional{raw}})
	itemBody    = fields(map[uint64]any{1: raw, 2: optional{list(raw)}, 3: signature, 4: signature})
	actor       = fields(map[uint64]any{1: text, 2: optional{text}, 3: optional{text}, 4: optional{text}, 5: optional{text}, 6: optional{text}})
	origin      = fields(map[uint64]any{1: actor, 2: text, 3: i64, 4: optional{raw}})
	itemFacts   = fields(map[uint64]any{1: u8, 2: text, 3: optional{raw}, 4: i64, 5: optional{i64}, 6: origin,
		7:  optional{fields(map[uint64]any{1: text, 2: i64, 3: raw, 4: optional{text}, 5: optional{text}})},
		8:  optional{fields(map[uint64]any{1: optional{text}, 2: optional{list(text)}, 3: optional{list(text)}, 4: optional{text}, 5: optional{text}})},
		9:  optional{fields(map[uint64]any{1: i64, 2: optional{i64}, 3: text, 4: optional{flag}, 5: optional{text}, 6: optional{text}, 7: optional{text}})},
		10: optional{text}, 11: optional{raw}})
	clearPaper = fields(map[uint64]any{1: u64, 2: u64})
	paperBody  = fields(map[uint64]any{1: u8, 2: i64, 3: raw})
	consent    = fields(map[uint64]any{1: fields(map[uint64]any{1: text, 2: text, 3: text}), 2: text})
	space      = fields(map[uint64]any{1: i64, 2: text})
	restored   = fields(map[uint64]any{1: u64, 2: i64, 3: i64, 4: optional{i64}})
	clearEntry = fields(map[uint64]any{1: u64, 2: raw, 3: u64})
	entryBody  = fields(map[uint64]any{1: raw, 2: raw, 3: raw, 4: optional{raw}})
	grantPaper = fields(map[uint64]any{1: id(), 2: raw, 3: raw, 4: optional{i64}, 5: optional{text}, 6: optional{flag}, 7: optional{raw}, 8: optional{list(id())},
		9: optional{raw}, 10: u8, 11: i64, 12: optional{i64}, 13: optional{u64}, 14: optional{flag}, 15: optional{raw}, 16: optional{text},
		17: optional{raw}, 18: optional{flag}, 19: optional{raw}})
	entryFacts = fields(map[uint64]any{1: i64, 2: actor, 3: text, 4: optional{text}, 5: optional{raw}, 6: optional{text}, 7: optional{texts}})
	clearSess  = fields(map[uint64]any{1: u64, 2: i64, 3: i64, 4: raw, 5: optional{flag}})
	sessBody   = fields(map[uint64]any{1: actor, 2: raw, 3: list(generation).byNumber()})
)

// generations are the keys of one compartment by number; the last is current.
type generations struct {
	keys, inboxes map[uint64][]byte
	last          uint64
}

// safe is a vault being opened.
type safe struct {
	vector  *vector
	file    []byte // key of the key file
	service object // the service's own keys
	id      [16]byte
	head    *ownerHead
	rings   map[byte]*generations
	signer  []byte // seed of the vault's key
	journal object
	pages   map[byte][]any    // digests
	cursors map[byte]uint64   // line up to which an inbox was taken in
	aside   []aside           // what is locked, once it is opened
	folders map[string]string // names
	papers  map[string]object // of Owner, by id
	lines   []entered         // of the journal, the last first
	shows   []string
}

func (s *safe) get(parts string) []byte { return s.vector.record(idText(s.id[:]) + "/" + parts) }

func (s *safe) at(typ uint16, compartment byte, generation uint64, object []byte, revision uint64) place {
	return place{typ: typ, vault: s.id, compartment: compartment, generation: generation, object: object, revision: revision}
}

var base32Text = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func idText(b []byte) string { return base32Text.EncodeToString(b) }

func digest(b []byte) []byte { d := sha256.Sum256(b); return d[:] }

func unbase(s string) []byte { b, _ := base32Text.DecodeString(s); return b }

func sorted(lines []string) []string { slices.Sort(lines); return lines }

func unhex(s string) []byte { b, _ := hex.DecodeString(s); return b }

// open opens a whole vault and shows what is in it. What is wrong with one item
// does not hide the others; what is wrong with anything else shows nothing.
func (s *safe) open() error {
	for _, step := range []func() error{s.findVault, s.openOwner, s.openKeys} {
		if err := step(); err != nil {
			return err
		}
	}
	return s.openRest()
}

// openRest opens what lies under the keyrings.
func (s *safe) openRest() error {
	for _, step := range []func() error{s.openHeads, s.openSession} {
		if err := step(); err != nil {
			return err
		}
	}
	wrong, err := s.showItems(nil)
	for _, step := range []func() error{s.showPapers, s.showSaid, s.showJournal, s.takeIn} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		s.shows = nil
		return err
	}
	slices.Sort(s.shows)
	return wrong
}

// findVault opens the service's keys and looks the login up.
func (s *safe) findVault() error { return s.find(s.vector.text("login")) }

func (s *safe) find(login string) (err error) {
	if err := s.openService(); err != nil {
		return err
	}
	hash := hmacOf(s.service.bytes(1), []byte("login\x00"+login))
	_, body, err := openSealed(derive(s.service.bytes(1), "login records", nil), place{typ: typeLogin, object: hash}, s.vector.record("login/"+hex.EncodeToString(hash)))
	if err != nil || len(body) != 16 {
		return refusal("sign-in")
	}
	s.id = [16]byte(body)
	return nil
}

// openService opens the service's own keys.
func (s *safe) openService() error {
	s.file = unhex(s.vector.text("key-file"))
	_, body, err := openKept(s.file, place{typ: typeServiceKeys}, s.vector.record("svc/keys"))
	if err == nil {
		s.service, err = parse(serviceKeys, body)
	}
	if err != nil {
		return refusal("key-service")
	}
	return nil
}

func (s *safe) openOwner() (err error) {
	if s.head, err = openOwnerHead(s.id, s.get("h/o")); err != nil {
		return altered("owner head")
	}
	return nil
}

// openKeys goes from the password to roots, and on.
func (s *safe) openKeys() error {
	roots, err := s.openSlot(kindPassword, s.byPassword)
	if err != nil {
		return err
	}
	return s.openRings(roots)
}

// openRings goes from roots to keyrings, and holds the vault's key against the one
// that signed the owner head.
func (s *safe) openRings(roots map[byte][]byte) error {
	s.rings = map[byte]*generations{}
	for _, c := range []byte{owner, shared, private} {
		letter := names[c][:1]
		if c == private && roots[c] == nil { // a path that does not open it
			continue
		}
		record := s.get("k/" + letter)
		keys := s.head.compartments[c]
		clear, err := parse(clearRing, clearOf(record))
		if err != nil || keys == nil || !bytes.Equal(digest(record), keys.bytes(4)) {
			return altered("%s keyring", names[c])
		}
		_, body, err := openSealed(derive(roots[c], "keyring", nil), s.at(typeKeyring, c, 0, nil, clear.num(1)), record)
		if err != nil {
			return altered("%s keyring", names[c])
		}
		ring, err := parse(keyring, body)
		if err == nil {
			s.rings[c], err = generationsOf(ring.list(1))
		}
		if err != nil || s.rings[c].last != keys.num(2) {
			return altered("%s keyring", names[c])
		}
		if c == owner {
			s.signer = ring.bytes(2)
		}
	}
	if len(s.signer) != 32 {
		return altered("owner keyring")
	}
	if public := ed25519.NewKeyFromSeed(s.signer).Public().(ed25519.PublicKey); !bytes.Equal(public, s.head.key) {
		return refusal("untrusted-key")
	}
	return nil
}

func generationsOf(l []any) (*generations, error) {
	g := &generations{keys: map[uint64][]byte{}, inboxes: map[uint64][]byte{}}
	for i := range l {
		one := at(l, i)
		if one.num(1) <= g.last || len(one.bytes(2)) != 32 || len(one.bytes(3)) != 32 {
			return nil, errFormat
		}
		g.last = one.num(1)
		g.keys[g.last], g.inboxes[g.last] = one.bytes(2), one.bytes(3)
	}
	if g.last == 0 {
		return nil, errFormat
	}
	return g, nil
}

// Kinds of keyslots, and what a sign-in with one that is active is asked for beside.
const (
	kindPassword, kindCard, kindHeld, kindPath = 1, 2, 3, 4
	active, activeWithCode, locked             = 1, 2, 3
)

// opener opens the roots of a keyslot; nil for one that is not whose it should be.
type opener func(slot []byte, body object) (map[byte][]byte, error)

// openSlot opens the roots through the active keyslot of a kind.
func (s *safe) openSlot(kind uint64, open opener) (map[byte][]byte, error) {
	wrapping, err := s.openWrapping()
	if err != nil {
		return nil, err
	}
	for _, entry := range s.head.slots {
		if entry.num(2) != kind || entry.num(3) != active && entry.num(3) != activeWithCode {
			continue
		}
		body, err := s.readSlot(wrapping, entry)
		if err != nil {
			return nil, err
		}
		if roots, err := open(entry.bytes(1), body); roots != nil || err != nil {
			return roots, err
		}
	}
	switch kind {
	case kindPassword:
		return nil, altered("keyslot")
	case kindCard:
		return nil, refusal("sign-in")
	}
	return nil, refusal("ended")
}

// openWrapping opens the key around the keyslots.
func (s *safe) openWrapping() ([]byte, error) {
	record := s.get("k/w")
	_, wrapping, err := openKept(s.file, s.at(typeWrappingKey, owner, 0, nil, 0), record)
	if err != nil || !bytes.Equal(digest(record), s.head.wrapping) || len(wrapping) != 32 {
		return nil, altered("wrapping key")
	}
	return wrapping, nil
}

// readSlot reads a keyslot that the owner head names.
func (s *safe) readSlot(wrapping []byte, entry object) (body object, err error) {
	slot := entry.bytes(1)
	record := s.get("s/" + idText(slot))
	_, raw, err := openSealed(wrapping, s.at(typeKeyslot, owner, 0, slot, 0), record)
	if err == nil {
		body, err = parse(slotBody, raw)
	}
	if err != nil || !bytes.Equal(digest(record), entry.bytes(4)) || body.num(1) != entry.num(2) {
		return nil, altered("keyslot")
	}
	return body, nil
}

// byPassword opens the roots of a slot with the password.
func (s *safe) byPassword(slot []byte, body object) (map[byte][]byte, error) {
	p := body.object(2)
	key, err := kdf{p.num(1), p.num(2), p.num(3), p.num(4), p.bytes(5)}.derive(s.vector.text("password"))
	if err != nil {
		return nil, altered("keyslot")
	}
	return s.committed(slot, body, key)
}

// committed opens roots under the key of a human secret.
func (s *safe) committed(slot []byte, body object, key []byte) (roots map[byte][]byte, err error) {
	roots = map[byte][]byte{}
	for i := range body.list(3) {
		root := at(body.list(3), i)
		c := byte(root.num(1))
		if _, roots[c], err = openCommitted(key, s.at(typeRoot, c, 0, slot, 0), root.bytes(2)); err != nil {
			return nil, refusal("sign-in")
		}
	}
	return roots, nil
}

// openHeads opens the heads of the journal, of Shared and of Private.
func (s *safe) openHeads() error {
	service, err := openSigned(s.head.service, s.at(typeJournalHead, owner, 0, nil, 0), s.get("h/j"))
	if err == nil {
		s.journal, err = parse(journalHead, service)
	}
	if err != nil {
		return altered("journal head")
	}
	if s.journal.num(3) != s.head.restore {
		return refusal("stale")
	}
	s.pages, s.cursors = map[byte][]any{owner: s.head.pages}, map[byte]uint64{}
	for c, typ := range map[byte]uint16{shared: typeSharedHead, private: typePrivateHead} {
		if s.rings[c] == nil { // not given to who opens this
			continue
		}
		record := s.get("h/" + names[c][:1])
		clear, err := parse(clearHead, clearOf(record))
		var body []byte
		var head object
		if err == nil {
			_, body, err = openSealed(s.rings[c].keys[clear.num(2)], s.at(typ, c, clear.num(2), nil, clear.num(1)), record)
		}
		if err == nil {
			head, err = parse(headBody, body)
		}
		if err != nil || len(head.list(1)) != len(head.list(2)) || clear.num(2) != s.head.compartments[c].num(2) {
			return altered("%s head", names[c])
		}
		if clear.num(3) != s.head.restore {
			return refusal("stale")
		}
		s.pages[c], s.cursors[c] = head.list(1), head.num(3)
	}
	return s.openJoining()
}

// openSession opens the session of a token, where there is one: it holds the
// same keys, but no roots.
func (s *safe) openSession() error {
	if s.vector.text("token") == "" {
		return nil
	}
	token, err := base64.RawURLEncoding.Strict().DecodeString(s.vector.text("token"))
	if err != nil || len(token) != 16+32 || !bytes.Equal(token[:16], s.id[:]) {
		return altered("session")
	}
	secret := token[16:]
	name := digest(append([]byte("reconnect session id"), secret...))[:16]
	record := s.get("n/" + idText(name))
	clear, err := parse(clearSess, clearOf(record))
	var body []byte
	var session object
	if err == nil {
		_, body, err = openSealed(derive(secret, "session", s.id[:]), s.at(typeSession, none, 0, name, 0), record)
	}
	if err == nil {
		session, err = parse(sessBody, body)
	}
	if s.stopped() {
		return refusal("session-ended")
	}
	if err != nil || clear.num(1) > s.head.epoch || !bytes.Equal(session.bytes(2), s.signer) {
		return altered("session")
	}
	for c, ring := range s.rings {
		held, err := generationsOf(session.object(3).list(uint64(c)))
		if err != nil || held.last != ring.last || !bytes.Equal(held.keys[held.last], ring.keys[ring.last]) {
			return altered("session")
		}
	}
	return nil
}
