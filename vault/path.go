package vault

import (
	"errors"
	"slices"
	"time"

	"reconnect.example/internal/seal"
)

// A path is a way back in for who has forgotten everything: a keyslot that opens
// for two together who each hold a half, and that exists only if the person wanted
// it. Its keys are
//
//	Owner and Shared: HKDF(parts for them | vault, path, kind)
//	Private, only if that too was wanted: HKDF(other parts | …)
//
// of parts of 32 bytes each: what the person brings (a recovery sheet, answers),
// what each relay that follows holds, what the desk holds, and what the witness
// releases after a wait. Which of them a path takes, its kind says. There is no
// threshold scheme: a path that was not allowed does not exist, and a wrong half is
// refused by the commitment of the envelope (F2, F3, F10).
//
// Owner keeps all parts of its half of the key, and Private those of its own, sealed
// under Private: so that a relay which comes gets its half without the sheet, one that
// goes leaves a worthless one behind (N4), and who came in by a path that does not open
// Private does not find the way to it here.

// PathID names one path for as long as it exists. It is no secret.
type PathID [16]byte

// NewPathID draws the name of a path that is about to be enrolled.
func NewPathID() PathID { return newID() }

// String returns the 26 characters of the id.
func (p PathID) String() string { return idText.EncodeToString(p[:]) }

// PathKind says what a path takes.
type PathKind uint8

// The kinds of paths. A value is never reused.
const (
	PathSheetRelay   PathKind = 1 // the recovery sheet, and a relay that follows
	PathSheetDesk    PathKind = 2 // the recovery sheet, and the desk by phone
	PathAnswersRelay PathKind = 3 // answers to the person's questions, and a relay that follows
	PathAnswersDesk  PathKind = 4 // answers, and the desk by phone, a day later
	PathHelpers      PathKind = 5 // relay and desk together, two people of each, after a week
)

// PathKinds returns all kinds, in the order of the table in docs/design.md.
func PathKinds() []PathKind {
	return []PathKind{PathSheetRelay, PathSheetDesk, PathAnswersRelay, PathAnswersDesk, PathHelpers}
}

// String returns the stable word of the kind.
func (k PathKind) String() string {
	if !k.valid() {
		return ""
	}
	return [...]string{"sheet-relay", "sheet-desk", "answers-relay", "answers-desk", "helpers"}[k-1]
}

// ParsePathKind reads what String wrote: 0 for anything else.
func ParsePathKind(s string) PathKind {
	i := slices.IndexFunc(PathKinds(), func(k PathKind) bool { return k.String() == s })
	return PathKind(i + 1)
}

func (k PathKind) valid() bool { return k >= PathSheetRelay && k <= PathHelpers }

// Own reports whether the person brings something.
func (k PathKind) Own() bool { return k != PathHelpers }

// Relay reports whether a relay that follows helps.
func (k PathKind) Relay() bool { return k != PathSheetDesk && k != PathAnswersDesk }

// Desk reports whether the desk helps.
func (k PathKind) Desk() bool { return k == PathSheetDesk || k == PathAnswersDesk || k == PathHelpers }

// Witness reports whether the witness takes part, beside the code of the hand-over.
func (k PathKind) Witness() bool { return k >= PathAnswersRelay }

// parts are the halves of one key of a path; what its kind does not take, is nil.
type parts struct {
	Own   []byte `cbor:"1,keyasint,omitempty"`
	Relay []byte `cbor:"2,keyasint,omitempty"`
	Desk  []byte `cbor:"3,keyasint,omitempty"`
	Value []byte `cbor:"4,keyasint,omitempty"` // the witness's
}

const partSize = 32

// fits says whether these are the parts that a kind takes, each of its size.
func (p parts) fits(k PathKind) bool {
	has := func(part []byte, wanted bool) bool { return wanted && len(part) == partSize || !wanted && part == nil }
	return has(p.Own, k.Own()) && has(p.Relay, k.Relay()) && has(p.Desk, k.Desk()) && has(p.Value, k == PathHelpers)
}

// half is what a relay or a desk holds of one path, as it goes with its grant.
type half struct {
	Path    [16]byte `cbor:"1,keyasint"`
	Shared  []byte   `cbor:"2,keyasint"`
	Private []byte   `cbor:"3,keyasint,omitempty"`
}

// States of a path.
const (
	pathIssued    uint8 = 1 // in force; nobody has confirmed that it was printed, or tried
	pathConfirmed uint8 = 2
	pathDue       uint8 = 3 // the keys were changed since: it opens nothing
)

// pathBody is a path as Owner keeps it, in one paper for each kind.
type pathBody struct {
	Path       [16]byte `cbor:"1,keyasint"`
	Kind       PathKind `cbor:"2,keyasint"`
	Slot       [16]byte `cbor:"3,keyasint"`
	State      uint8    `cbor:"4,keyasint"`
	Since      int64    `cbor:"5,keyasint"` // unix milliseconds
	Params     []byte   `cbor:"6,keyasint,omitempty"`
	Shown      []byte   `cbor:"7,keyasint,omitempty"`
	Parts      parts    `cbor:"8,keyasint"`            // for Owner and Shared
	Private    []byte   `cbor:"9,keyasint,omitempty"`  // parts for Private, sealed under its generation; nil: it is not opened
	Generation uint64   `cbor:"10,keyasint,omitempty"` // of Private, under which they are
	Waits      []int64  `cbor:"11,keyasint,omitempty"` // milliseconds, of the key for Owner and Shared and of that for Private
}

// pathPaper is the id of the one paper about paths of a kind.
func pathPaper(k PathKind) [16]byte { return [16]byte{14: uint8(k), 15: paperPath} }

// keptPath is a path as a turn works with it.
type keptPath struct {
	pathBody
	private parts // opened; only if Private is within reach
}

func (b *pathBody) inForce() bool { return b.State == pathIssued || b.State == pathConfirmed }

func (b *pathBody) wait(class int) time.Duration {
	if class >= len(b.Waits) {
		return 0
	}
	return time.Duration(b.Waits[class]) * time.Millisecond
}

func (id ID) pathContext(path PathID, generation uint64) seal.Context {
	return id.bind(seal.TypePath, Private, generation, path[:], 0)
}

// Classes of keys of one path.
const (
	classShared  = 0 // Owner and Shared
	classPrivate = 1
)

func classOf(c Compartment) int {
	if c == Private {
		return classPrivate
	}
	return classShared
}

// label binds what is derived to vault, path, kind and class (F2).
func (id ID) pathLabel(path PathID, k PathKind, class int) []byte {
	return slices.Concat(id[:], path[:], []byte{uint8(k), uint8(class)})
}

// pathKey is the key of a path. All parts have one length and one order, and the kind
// says which there are, so that nothing is ambiguous (I1).
func (id ID) pathKey(path PathID, k PathKind, class int, p parts) seal.Key {
	return seal.DeriveKey(slices.Concat(p.Own, p.Relay, p.Desk, p.Value), "recovery path", id.pathLabel(path, k, class))
}

// ownPart is the person's part of one key: what lies in Owner must not lead to the one
// for Private.
func (id ID) ownPart(path PathID, k PathKind, class int, own []byte) []byte {
	if own == nil {
		return nil
	}
	return seal.DeriveKey(own, "recovery path, the person's part", id.pathLabel(path, k, class)).Bytes()
}

// shownKey opens what whoever brings the helper's half may read, such as the questions.
func (id ID) shownKey(path PathID, k PathKind, p parts) seal.Key {
	return seal.DeriveKey(slices.Concat(p.Relay, p.Desk), "recovery path, shown", id.pathLabel(path, k, classShared))
}

// sealPathSlot seals roots under the keys of a path.
func (id ID) sealPathSlot(b *keptPath, wrapping seal.Key, roots map[Compartment]root) (seal.SlotEntry, []byte, error) {
	entry := seal.SlotEntry{ID: newID(), Kind: slotPath, State: slotActive}
	body := slotBody{Kind: slotPath, Path: b.Path[:], PathKind: b.Kind, Params: b.Params}
	for _, c := range compartments {
		key := id.pathKey(b.Path, b.Kind, classShared, b.Parts)
		if c == Private {
			if b.pathBody.Private == nil {
				continue // F3: what was not wanted does not exist
			}
			key = id.pathKey(b.Path, b.Kind, classPrivate, b.private)
		}
		envelope, err := key.SealCommitted(id.rootContext(c, entry.ID), nil, roots[c].Bytes())
		if err != nil {
			return entry, nil, err
		}
		body.Roots = append(body.Roots, slotRoot{Compartment: uint8(c), Envelope: envelope})
	}
	if b.Shown != nil {
		var err error
		if body.Shown, err = id.shownKey(b.Path, b.Kind, b.Parts).Seal(id.rootContext(Owner, entry.ID), nil, b.Shown); err != nil {
			return entry, nil, err
		}
	}
	return id.sealSlotBody(entry, body, wrapping)
}

// paths reads the paths of all kinds. They are read once in a turn, like grants.
func (t *turn) paths() ([]*keptPath, error) {
	if t.ways != nil {
		return t.ways, nil
	}
	out := []*keptPath{}
	for _, kind := range PathKinds() {
		k, found, err := t.readPath(kind)
		if errors.Is(err, ErrTampered) {
			t.waysLost = true // it must not keep anybody from closing something
			continue
		}
		if err != nil {
			return nil, err
		}
		if found {
			out = append(out, k)
		}
	}
	t.ways = out
	return out, nil
}

func (t *turn) readPath(kind PathKind) (*keptPath, bool, error) {
	p, found, err := t.fixedPaper(pathPaper(kind), paperPath)
	if err != nil || !found {
		return nil, false, err
	}
	k := new(keptPath)
	if seal.Unmarshal(p.Body, &k.pathBody) != nil || k.Kind != kind || k.inForce() && !k.Parts.fits(kind) {
		return nil, false, tampered("owner paper")
	}
	if k.inForce() && k.pathBody.Private != nil {
		if err := t.openPrivateParts(k); err != nil {
			return nil, false, err
		}
	}
	return k, true, nil
}

func (t *turn) openPrivateParts(k *keptPath) error {
	ring, reached := t.rings[Private]
	if !reached {
		return nil
	}
	gen, ok := ring.generation(k.Generation)
	if !ok {
		return tampered("owner paper")
	}
	_, raw, err := gen.key.Open(t.v.id.pathContext(k.Path, k.Generation), k.pathBody.Private)
	if err != nil || seal.Unmarshal(raw, &k.private) != nil || !k.private.fits(k.Kind) {
		return tampered("owner paper")
	}
	return nil
}

// keepPath writes a path's paper, with Private's parts under the present generation.
func (t *turn) keepPath(k *keptPath) error {
	if k.pathBody.Private != nil && k.inForce() {
		raw, err := seal.Marshal(k.private)
		if err != nil {
			return err
		}
		gen := t.rings[Private].current()
		k.Generation = gen.number
		if k.pathBody.Private, err = gen.key.Seal(t.v.id.pathContext(k.Path, gen.number), nil, raw); err != nil {
			return err
		}
	}
	return t.putFixedPaper(pathPaper(k.Kind), paperPath, k.pathBody)
}

// halves are what goes with a grant of the paths in force.
func (t *turn) halves(g *keptGrant) (out []half, err error) {
	all, err := t.paths()
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		switch {
		case !k.inForce() || !t.helps(g, k):
		case g.Scope == ScopeHelp:
			out = append(out, half{Path: k.Path, Shared: k.Parts.Desk, Private: k.private.Desk})
		default:
			out = append(out, half{Path: k.Path, Shared: k.Parts.Relay, Private: k.private.Relay})
		}
	}
	return out, nil
}
