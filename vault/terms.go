package vault

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"slices"
	"time"

	"reconnect.example/internal/seal"
)

// What a vault lets somebody do is a grant. The vault's key signs its terms; the
// owner head names the digests of the terms in force, so that neither an old nor
// a made-up grant opens anything (C4, D3). The keys go with them, sealed to whom
// they are for. As stored, V/g/<grant>:
//
//	boxed to the holder's inbox: CBOR{1: terms, 2: generations of Shared, 3: chosen items, 4: halves}
//	terms: signed by the vault's key: CBOR of seal.Terms
//
// The terms hold a commitment to each generation and not to the sealed form, so
// that a relay that changes its key can seal the record anew by itself, and nobody
// can give it other keys than the person did (D6). A nonce keeps the store from
// testing who follows whom (N20).
//
// The halves are what a relay or a desk helps its person back in with (path.go).
// They go with the grant because they should be where it is: given with it, sealed
// anew with it, and worthless when it has ended.

// Terms are what a vault lets somebody do, as it signs them.
type Terms = seal.Terms

// Scope says what a grant allows. Between seeing and adding, the service holds the
// line, not a key: who can see Shared holds the key that writes it.
type Scope = seal.Scope

// The scopes of a grant.
const (
	ScopeSee  = seal.ScopeSee  // read what is shared
	ScopeAdd  = seal.ScopeAdd  // and add to it, correct names and dates, make a paper private
	ScopeGive = seal.ScopeGive // leave papers in the inbox, and see nothing
	ScopeTeam = seal.ScopeTeam // everything in Shared: a worker in the space of their relay
	ScopeHelp = seal.ScopeHelp // help the person back in, and see nothing: a desk
	// ScopePartner: take copies of papers that were chosen: a partner system.
	ScopePartner = seal.ScopePartner
	ScopeLink    = seal.ScopeLink // who has the code of a link; no grant has it
)

type grantBody struct {
	Terms       []byte           `cbor:"1,keyasint"`
	Generations []generationBody `cbor:"2,keyasint,omitempty"`
	Chosen      []chosenItem     `cbor:"3,keyasint,omitempty"`
	Halves      []half           `cbor:"4,keyasint,omitempty"`
}

func (id ID) grant(g GrantID) string { return id.key("g/" + g.String()) }

func (id ID) grantContext(g GrantID, holder ID) seal.Context {
	c := id.bind(seal.TypeGrant, Shared, 0, g[:], 0)
	c.Holder = holder[:]
	return c
}

// commit is what terms say of a generation that goes with them.
func (g generationBody) commit(nonce []byte) seal.Commitment {
	h := sha256.New()
	h.Write([]byte("reconnect generation"))
	h.Write(nonce)
	h.Write(binary.BigEndian.AppendUint64(nil, g.Number))
	h.Write(g.Key)
	h.Write(g.Inbox)
	return seal.Commitment{Number: g.Number, Digest: h.Sum(nil)}
}

// given is what goes with the terms of a grant.
type given struct {
	generations []*generation
	chosen      []chosenItem // not nil: these alone
	halves      []half
}

// sealGrant signs terms, with what they allow, and seals both to the holder. It
// returns the signed terms, whose digest the owner head names.
func sealGrant(id ID, terms *Terms, with given, signer seal.SigningKey, to seal.BoxPublic) (signed, record []byte, err error) {
	body := grantBody{Chosen: with.chosen, Halves: with.halves}
	terms.Nonce, terms.Generations, terms.Chosen, terms.Halves = nonce16(), nil, nil, nil
	for _, g := range with.generations {
		b := generationBody{Number: g.number, Key: g.key.Bytes(), Inbox: g.inbox.Bytes()}
		body.Generations = append(body.Generations, b)
		terms.Generations = append(terms.Generations, b.commit(terms.Nonce))
	}
	if with.chosen != nil {
		if terms.Chosen, err = digestOf(with.chosen); err != nil {
			return nil, nil, err
		}
	}
	if with.halves != nil {
		if terms.Halves, err = digestOf(with.halves); err != nil {
			return nil, nil, err
		}
	}
	if signed, err = signer.SealTerms(id, terms); err != nil {
		return nil, nil, err
	}
	body.Terms = signed
	plain, err := seal.Marshal(body)
	if err != nil {
		return nil, nil, err
	}
	record, err = to.Seal(id.grantContext(terms.Grant, terms.Holder), nil, plain)
	return signed, record, err
}

func digestOf(body any) ([]byte, error) {
	raw, err := seal.Marshal(body)
	if err != nil {
		return nil, err
	}
	digest := seal.Digest(raw)
	return digest[:], nil
}

func nonce16() []byte {
	n := newID()
	return n[:]
}

// openGrant opens what sealGrant made, with any of the holder's keys. The signature
// on the terms is the caller's to check: it knows the vault's key.
func openGrant(id ID, grant GrantID, holder ID, record []byte, keys []seal.BoxKey) (*grantBody, seal.BoxKey, error) {
	for _, key := range keys {
		_, plain, err := key.Open(id.grantContext(grant, holder), record)
		if err != nil {
			continue
		}
		b := new(grantBody)
		if seal.Unmarshal(plain, b) != nil {
			return nil, key, tampered("grant %s", grant)
		}
		return b, key, nil
	}
	return nil, seal.BoxKey{}, tampered("grant %s", grant) // D6, D8: made for somebody else
}

// verifyTerms reads terms that key signed for this vault and this holder.
func verifyTerms(id ID, grant GrantID, holder ID, key, signed []byte) (*Terms, error) {
	t, err := seal.OpenTerms(key, id, grant, signed)
	if err != nil || ID(t.Holder) != holder { // D3: anybody can seal to a relay; only the vault signs
		return nil, tampered("grant %s", grant)
	}
	return t, nil
}

// keys returns the generations of a grant, which must be those that the terms
// committed to (D6), oldest first.
func (b *grantBody) keys(t *Terms) (*ring, error) {
	broken := tampered("grant %s", GrantID(t.Grant))
	if len(b.Generations) != len(t.Generations) {
		return nil, broken
	}
	for i, g := range b.Generations {
		c := g.commit(t.Nonce)
		if c.Number != t.Generations[i].Number || subtle.ConstantTimeCompare(c.Digest, t.Generations[i].Digest) != 1 {
			return nil, broken
		}
	}
	r, ok := parseRing(b.Generations)
	if !ok {
		return nil, broken
	}
	return r, nil
}

// items returns the chosen items of a visit, which must be those of the terms.
func (b *grantBody) items(t *Terms) ([]chosenItem, error) {
	digest, err := digestOf(b.Chosen)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(digest, t.Chosen) {
		return nil, tampered("grant %s", GrantID(t.Grant))
	}
	return b.Chosen, nil
}

// halves returns what is held of the ways back in; it must be what the terms committed
// to (D6).
func (b *grantBody) halves(t *Terms) ([]half, error) {
	if b.Halves == nil && t.Halves == nil {
		return nil, nil
	}
	digest, err := digestOf(b.Halves)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(digest, t.Halves) {
		return nil, tampered("grant %s", GrantID(t.Grant))
	}
	return b.Halves, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
