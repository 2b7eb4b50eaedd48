package vault

import (
	"errors"
	"time"

	"reconnect.example/internal/seal"
)

// Owner papers are what belongs to the vault itself: the consent that was given
// and the notice that was shown (FR-10), the login. They are records of the
// Owner compartment with index pages of their own, so that none can be dropped.
//
//	V/o/<id>  clear CBOR{1: generation, 2: revision} | sealed CBOR{1: kind, 2: at, 3: body}
type ownerPaper struct {
	Kind uint8  `cbor:"1,keyasint"`
	At   int64  `cbor:"2,keyasint"` // unix milliseconds
	Body []byte `cbor:"3,keyasint"` // CBOR by kind
}

// Kinds of Owner papers. A value is never reused.
const (
	paperLogin    uint8 = 1
	paperConsent  uint8 = 2
	paperSpace    uint8 = 3
	paperRestored uint8 = 4
	paperGrant    uint8 = 5
	paperCard     uint8 = 6
	paperFactor   uint8 = 7

	paperRules           uint8 = 32
	paperWish            uint8 = 33
	paperRepresentatives uint8 = 34
	paperPath            uint8 = 35
	paperPathReceipt     uint8 = 36
	paperLater           uint8 = 37
	paperPolicy          uint8 = 38

	paperLink      uint8 = 49
	paperPartners  uint8 = 50
	paperRemind    uint8 = 52
	paperArrival   uint8 = 53
	paperDeparture uint8 = 54
	paperKept      uint8 = 60
)

type paperClear struct {
	Generation uint64 `cbor:"1,keyasint"`
	Revision   uint64 `cbor:"2,keyasint"`
}

// Notice is the text that the person was shown before the vault was opened.
type Notice struct {
	Version  string `cbor:"1,keyasint"`
	Language string `cbor:"2,keyasint"` // BCP 47
	Text     string `cbor:"3,keyasint"`
}

// Consent is the notice with the person's yes.
type Consent struct {
	Notice  Notice
	Given   time.Time
	Channel string
}

type consentBody struct {
	Notice  Notice `cbor:"1,keyasint"`
	Channel string `cbor:"2,keyasint"`
}

func (t *turn) putPaper(id [16]byte, revision uint64, kind uint8, body any) error {
	if err := t.asOwner(); err != nil {
		return err
	}
	raw, err := seal.Marshal(body)
	if err != nil {
		return err
	}
	paper, err := seal.Marshal(ownerPaper{Kind: kind, At: t.now.UnixMilli(), Body: raw})
	if err != nil {
		return err
	}
	return t.sealPaper(id, revision, paper)
}

func (t *turn) sealPaper(id [16]byte, revision uint64, paper []byte) error {
	gen := t.rings[Owner].current()
	clear, err := seal.Marshal(paperClear{Generation: gen.number, Revision: revision})
	if err != nil {
		return err
	}
	record, err := gen.key.Seal(t.v.id.bind(seal.TypeOwnerPaper, Owner, gen.number, id[:], revision), clear, paper)
	if err != nil {
		return err
	}
	t.tx.PutUnique(t.v.id.paper(id), record)
	if t.papers == nil {
		t.papers = map[[16]byte][]byte{}
	}
	t.papers[id] = record
	return t.enter(Owner, pageEntry{id: id, revision: revision, hash: seal.Digest(record)})
}

// eachPaper calls f with every Owner paper of a kind. One that was altered is an
// error at the end, after all the others.
func (t *turn) eachPaper(kind uint8, f func(id [16]byte, p ownerPaper) error) error {
	if err := t.asOwner(); err != nil {
		return err
	}
	var altered error
	for n := range t.heads.indexes[Owner].Pages {
		page, err := t.page(Owner, n)
		if err != nil {
			return err
		}
		for _, e := range page.entries {
			p, err := t.openPaper(e)
			if err == nil && p.Kind == kind {
				err = f(e.id, p)
			}
			if errors.Is(err, ErrTampered) {
				altered = errors.Join(altered, err)
			} else if err != nil {
				return err
			}
		}
	}
	return altered
}

// resealPaper writes a paper again, as it is, under the current generation.
func (t *turn) resealPaper(id [16]byte) error {
	_, e, found, err := t.lookup(Owner, id)
	if err != nil || !found {
		return err
	}
	p, err := t.openPaper(e)
	if err != nil {
		return err
	}
	paper, err := seal.Marshal(p)
	if err != nil {
		return err
	}
	return t.sealPaper(e.id, e.revision, paper)
}

// scanPapers reads the records of all papers in one go, for who will open each: a
// relay has hundreds. Nothing is believed of them before openPaper.
func (t *turn) scanPapers() error {
	t.scanned = map[[16]byte][]byte{}
	prefix := t.v.id.key("o/")
	for rec, err := range t.v.service.cfg.Store.All(t.ctx, prefix) {
		if err != nil {
			return storageError(err)
		}
		if raw, err := idText.DecodeString(rec.Key[len(prefix):]); err == nil && len(raw) == 16 {
			t.scanned[[16]byte(raw)] = rec.Value
		}
	}
	return nil
}

func (t *turn) openPaper(e pageEntry) (p ownerPaper, err error) {
	name := idText.EncodeToString(e.id[:])
	// Not by the transaction: it would check every one of them. What this turn itself
	// has written is not in the store yet.
	record, ok := t.papers[e.id]
	if !ok {
		record, ok = t.scanned[e.id]
	}
	if !ok {
		rec, err := t.v.service.cfg.Store.Get(t.ctx, t.v.id.paper(e.id))
		if err != nil {
			return p, missing(err, "owner paper %s", name)
		}
		record = rec.Value
	}
	if seal.Digest(record) != e.hash {
		return p, tampered("owner paper %s", name)
	}
	_, raw, err := seal.ParseClear(record)
	var clear paperClear
	if err != nil || seal.Unmarshal(raw, &clear) != nil || clear.Revision != e.revision {
		return p, tampered("owner paper %s", name)
	}
	gen, ok := t.rings[Owner].generation(clear.Generation)
	if !ok {
		return p, tampered("owner paper %s", name)
	}
	_, body, err := gen.key.Open(t.v.id.bind(seal.TypeOwnerPaper, Owner, clear.Generation, e.id[:], e.revision), record)
	if err != nil || seal.Unmarshal(body, &p) != nil {
		return p, tampered("owner paper %s", name)
	}
	return p, nil
}

// loginPaper is the id of the one paper that says the login, so that it is found
// whatever happened to the others.
var loginPaper = [16]byte{15: 1}

func (t *turn) login() (login string, err error) {
	if err := t.asOwner(); err != nil {
		return "", err
	}
	_, e, found, err := t.lookup(Owner, loginPaper)
	if err != nil {
		return "", err
	}
	if !found {
		return "", tampered("owner paper")
	}
	p, err := t.openPaper(e)
	if err != nil {
		return "", err
	}
	if p.Kind != paperLogin || seal.Unmarshal(p.Body, &login) != nil {
		return "", tampered("owner paper")
	}
	return login, nil
}

func (t *turn) consents() (out []Consent, err error) {
	err = t.eachPaper(paperConsent, func(_ [16]byte, p ownerPaper) error {
		var b consentBody
		if seal.Unmarshal(p.Body, &b) != nil {
			return tampered("owner paper")
		}
		out = append(out, Consent{Notice: b.Notice, Channel: b.Channel, Given: time.UnixMilli(p.At).UTC()})
		return nil
	})
	return out, err
}
