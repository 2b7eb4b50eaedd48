package vault

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// A partner system is a program of somebody else, such as a public body. It has no space
// here and its secret keys are never here: what a person presents is a grant of
// ScopePartner, sealed to a public key that the authority signed, with the records and data
// keys of chosen papers and no key of a compartment. Package consent says who asks whom.
// This file holds what needs the vault's keys or the service's.

// The acts of partner systems.
const (
	// ActPartnerCode: a code was made by which one partner can ask once.
	ActPartnerCode Act = "partner.code-made"
	// ActPartnerAsks: what partners ask was looked at.
	ActPartnerAsks Act = "partner.asks-listed"
	// ActPartnerRefused: Detail "holder".
	ActPartnerRefused Act = "partner.refused"
	// ActPartnerLinked and ActPartnerUnlinked: a partner's file number; Detail "holder".
	ActPartnerLinked   Act = "partner.linked"
	ActPartnerUnlinked Act = "partner.unlinked"
	// ActPartnerTried: what was typed did not agree with a partner's file; Detail "holder".
	ActPartnerTried Act = "partner.link-tried"
	// ActPartnerBlocked and ActPartnerUnblocked: Detail "holder".
	ActPartnerBlocked   Act = "partner.blocked"
	ActPartnerUnblocked Act = "partner.unblocked"
	// ActPartnerLets and ActPartnerStopped: it may leave things in the inbox, and may not any
	// more; Detail "holder".
	ActPartnerLets    Act = "partner.may-leave"
	ActPartnerStopped Act = "partner.may-not-leave"
	// ActPartnerTook: what was presented, or the content of a paper of it, was handed out,
	// sealed; Detail "grant". The actor is the partner, and the service signs.
	ActPartnerTook Act = "partner.took"
)

// partnersPaper is the one paper of package consent about partners.
var partnersPaper = [16]byte{15: paperPartners}

// partnersBody holds what package consent keeps there.
type partnersBody struct {
	Book []byte `cbor:"1,keyasint"`
}

// forPartner returns the names of the blobs of chosen items, and refuses what is private:
// that no partner is ever given, also if it is chosen.
func (t *turn) forPartner(ids []ItemID) (out [][]string, err error) {
	for _, id := range ids {
		r, err := t.find(id)
		if err != nil {
			return nil, err
		}
		if r.item.Compartment != Shared {
			return nil, &InvalidError{Field: "items", Problem: "names what is private; share it first"}
		}
		var names []string
		for _, p := range r.parts {
			names = append(names, p.Blob)
		}
		out = append(out, names)
	}
	return out, nil
}

// PartnerBook returns what package consent keeps of partners for the person, nil if
// nothing. Reading it notes act in the journal, "": nothing. ErrNotAllowed to anybody else.
func (v *Vault) PartnerBook(ctx context.Context, act Act) (book []byte, err error) {
	err = v.do(ctx, func(t *turn) error {
		if book, err = t.partnerBook(); err == nil && act != "" {
			t.note(act, nil, nil)
		}
		return err
	})
	return book, err
}

func (t *turn) partnerBook() ([]byte, error) {
	if err := t.asPerson(); err != nil {
		return nil, err
	}
	p, found, err := t.fixedPaper(partnersPaper, paperPartners)
	if err != nil || !found {
		return nil, err
	}
	var b partnersBody
	if seal.Unmarshal(p.Body, &b) != nil {
		return nil, tampered("owner paper")
	}
	return b.Book, nil
}

// ChangePartnerBook changes that, with a line in the journal, in one commit. also adds
// writes to it, nil: none. Both may run several times.
func (v *Vault) ChangePartnerBook(ctx context.Context, act Act, detail map[string]string, change func(book []byte) ([]byte, error), also func(tx *storage.Tx) error) error {
	return v.do(ctx, func(t *turn) error { return t.changePartnerBook(act, detail, change, also) })
}

func (t *turn) changePartnerBook(act Act, detail map[string]string, change func(book []byte) ([]byte, error), also func(tx *storage.Tx) error) error {
	old, err := t.partnerBook()
	if err != nil {
		return err
	}
	if err := t.changing(); err != nil {
		return err
	}
	book, err := change(old)
	if err != nil {
		return err
	}
	t.note(act, nil, detail)
	if also != nil {
		if err := also(t.tx); err != nil {
			return err
		}
	}
	return t.putFixedPaper(partnersPaper, paperPartners, partnersBody{Book: book})
}

// A record for the person, V/pa/<id>, is boxed to Owner's inbox: who leaves it cannot read
// it, nor can the store; only the person's session can.
//
//	clear CBOR{1: generation, 2: 0} | boxed to Owner's inbox
func (id ID) forPerson(object [16]byte) string { return id.key("pa/" + ID(object).String()) }

// ForPerson seals body to the person of a vault and returns the record with its key. The
// service signs it, so that the store cannot make up who asks. ErrEnded for a space that
// is no person's, or not there (any more).
func (s *Vaults) ForPerson(ctx context.Context, id ID, object [16]byte, body []byte) (key string, record []byte, err error) {
	h, err := s.trustedHead(ctx, id, nil)
	if err != nil {
		return "", nil, err
	}
	if h.Kind != seal.KindPerson || h.Closing != 0 {
		return "", nil, ErrEnded
	}
	keys, ok := keysOf(h, Owner)
	if !ok {
		return "", nil, tampered("owner head")
	}
	clear, err := seal.Marshal(paperClear{Generation: keys.Generation})
	if err != nil {
		return "", nil, err
	}
	c := id.bind(seal.TypePartner, Owner, keys.Generation, object[:], 0)
	signed, err := s.keys.signer.SignEnvelope(c, body)
	if err != nil {
		return "", nil, err
	}
	inbox, err := seal.BoxPublicFromBytes(keys.Inbox)
	if err != nil {
		return "", nil, tampered("owner head")
	}
	record, err = inbox.Seal(c, clear, signed)
	return id.forPerson(object), record, err
}

// Waiting counts what [Vaults.ForPerson] made and lies there, up to most, so that the number
// still holds when tx commits: who leaves something calls it in the commit that does. A
// clear key, V/pn, is written each time: of two at once one finds it moved and counts again
// (N66). Errors: ErrStorage.
func (s *Vaults) Waiting(ctx context.Context, tx *storage.Tx, to ID, most int) (int, error) {
	at := to.key("pn")
	if _, err := tx.Get(at); err != nil && !isNotFound(err) { // before the scan: it remembers the version
		return 0, err
	}
	records, err := s.cfg.Store.Scan(ctx, to.key("pa/"), "", most)
	if err != nil {
		return 0, storageError(err)
	}
	tx.Put(at, nil)
	return len(records), nil
}

// LeftForPerson returns what [Vaults.ForPerson] made and was written, at most so many,
// by object. What the service did not sign, or was altered, is left out. ErrNotAllowed to
// anybody but the person.
func (v *Vault) LeftForPerson(ctx context.Context, most int) (out map[[16]byte][]byte, err error) {
	err = v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		out = map[[16]byte][]byte{}
		prefix := t.v.id.key("pa/")
		records, err := t.v.service.cfg.Store.Scan(ctx, prefix, "", most)
		if err != nil {
			return storageError(err)
		}
		for _, rec := range records {
			object, err := ParseID(strings.TrimPrefix(rec.Key, prefix))
			if err != nil {
				continue
			}
			if body, ok := t.openForPerson(object, rec.Value); ok {
				out[object] = body
			}
		}
		return nil
	})
	return out, err
}

func (t *turn) openForPerson(object ID, record []byte) ([]byte, bool) {
	_, raw, err := seal.ParseClear(record)
	var clear paperClear
	if err != nil || seal.Unmarshal(raw, &clear) != nil {
		return nil, false
	}
	gen, ok := t.rings[Owner].generation(clear.Generation)
	if !ok {
		return nil, false
	}
	c := t.v.id.bind(seal.TypePartner, Owner, clear.Generation, object[:], 0)
	_, signed, err := gen.inbox.Open(c, record)
	if err != nil {
		return nil, false
	}
	body, err := seal.OpenSigned(t.v.service.keys.signer.Public(), c, signed)
	return body, err == nil
}

// A slip is what is found again by a code or a token and by nothing else: neither its key
// nor its content says anything without it, also to who has the service's keys.
//
//	svc/partner/<keyed hash of kind and token>: sealed under HKDF(lookup key | token)
const slipPrefix = "svc/partner/"

func (s *Vaults) slip(kind, token string) (key string, sealing seal.Key, c seal.Context) {
	hash := s.keys.hash("partner "+kind, token)
	secret := slices.Concat(s.keys.lookup.Bytes(), []byte(token))
	return slipPrefix + hex.EncodeToString(hash[:]), seal.DeriveKey(secret, "partner slips", []byte(kind)), seal.Context{Type: seal.TypePartner, Object: hash[:]}
}

// PutSlip writes one in a commit, in the place of what was there. A sweep deletes it
// within an hour after until; zero: never.
func (s *Vaults) PutSlip(tx *storage.Tx, kind, token string, until time.Time, body []byte) error {
	key, sealing, c := s.slip(kind, token)
	record, err := sealing.Seal(c, nil, body)
	if err != nil {
		return err
	}
	tx.PutUnique(key, record)
	if due, ok := NoteDue(key, until); ok && !until.IsZero() {
		tx.Put(due, nil)
	}
	return nil
}

// DropSlip deletes one in a commit.
func (s *Vaults) DropSlip(tx *storage.Tx, kind, token string) {
	key, _, _ := s.slip(kind, token)
	tx.Delete(key)
}

// SlipIn reads one inside a commit, so that what it says still holds there. ErrNotFound if
// there is none, and if it was altered: the store can take it away as well.
func (s *Vaults) SlipIn(tx *storage.Tx, kind, token string) ([]byte, error) {
	key, sealing, c := s.slip(kind, token)
	rec, err := tx.Get(key)
	if err != nil {
		if isNotFound(err) {
			return nil, ErrNotFound
		}
		return nil, err
	}
	_, body, err := sealing.Open(c, rec.Value)
	if err != nil {
		return nil, ErrNotFound
	}
	return body, nil
}

// Slip is [Vaults.SlipIn] outside a commit.
func (s *Vaults) Slip(ctx context.Context, kind, token string) ([]byte, error) {
	key, sealing, c := s.slip(kind, token)
	rec, err := s.getOrNone(ctx, key)
	if err != nil {
		return nil, err
	}
	_, body, err := sealing.Open(c, rec.Value)
	if err != nil { // also of nothing, so that both take the same
		return nil, ErrNotFound
	}
	return body, nil
}

// MayTryCode refuses with ErrTooMany a partner that named too many wrong codes: within five
// minutes five are free, then it waits, each time for longer. The count lies at the witness,
// where the store cannot set it back (C6). Errors: ErrWitnessAway.
func (s *Vaults) MayTryCode(ctx context.Context, partner ID) error {
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	tries, err := s.cfg.Limiter.Tried(waits, partner, s.codeCounter(partner))
	if err != nil {
		return cmp.Or(ctx.Err(), ErrWitnessAway)
	}
	if tries.Wait > 0 || tries.Spent {
		return ErrTooMany
	}
	return nil
}

// WrongCode counts a code that led nowhere. Errors: ErrWitnessAway.
func (s *Vaults) WrongCode(ctx context.Context, partner ID) error {
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	if _, err := s.cfg.Limiter.Count(waits, partner, s.codeCounter(partner)); err != nil {
		return cmp.Or(ctx.Err(), ErrWitnessAway)
	}
	return nil
}

func (s *Vaults) codeCounter(partner ID) [32]byte {
	return s.keys.hash("partner codes", string(partner[:])+s.now().Truncate(5*time.Minute).Format(time.RFC3339))
}
