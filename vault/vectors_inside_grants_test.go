package vault

import (
	"slices"
	"time"

	"reconnect.example/internal/seal"
)

// What the vectors of grants need of the inside of this package.

// GrantChange is what is changed of a grant before it is signed and sealed anew.
type GrantChange struct {
	Terms       func(t *Terms)
	Generations func(g []generationBody) []generationBody // as they are then, whatever the terms say
	Chosen      func(c []chosenItem) []chosenItem
	Halves      func(h []half) []half // as they are then, whatever the terms say
	Signer      *seal.SigningKey      // another one
	Holder      *ID                   // whose place it is sealed for
	To          seal.BoxPublic        // another inbox; nil: the holder's
	Unnamed     bool                  // the owner head does not name it
}

// Grant makes a grant anew, changed.
func (f *Forge) Grant(g GrantID, holder ID, inbox seal.BoxKey, change GrantChange) {
	key := f.v.id.grant(g)
	body, _, err := openGrant(f.v.id, g, holder, f.get(key), []seal.BoxKey{inbox})
	if err != nil {
		panic(err)
	}
	terms := sure(verifyTerms(f.v.id, g, holder, f.signer.Public(), body.Terms))
	before := seal.Digest(body.Terms)
	if change.Generations != nil {
		body.Generations = change.Generations(body.Generations)
	}
	if change.Chosen != nil {
		body.Chosen = change.Chosen(body.Chosen)
	}
	if change.Halves != nil {
		body.Halves = change.Halves(body.Halves)
	}
	if change.Terms != nil {
		change.Terms(terms)
	}
	signer, place, to := f.signer, holder, inbox.Public()
	if change.Signer != nil {
		signer = *change.Signer
	}
	if change.Holder != nil {
		place = *change.Holder
	}
	if change.To != nil {
		to = change.To
	}
	if change.Terms != nil || change.Signer != nil {
		body.Terms = sure(signer.SealTerms(f.v.id, terms))
	}
	f.Changed[key] = sure(to.Seal(f.v.id.grantContext(g, place), nil, sure(seal.Marshal(body))))
	if after := seal.Digest(body.Terms); after != before && !change.Unnamed {
		f.Owner(func(h *seal.OwnerHead) {
			h.Grants[slices.IndexFunc(h.Grants, func(d []byte) bool { return slices.Equal(d, before[:]) })] = after[:]
		})
	}
}

// Without takes the grants out of the owner head.
func (f *Forge) Without() { f.Owner(func(h *seal.OwnerHead) { h.Grants = nil }) }

// OtherKey is one generation with another key.
func OtherKey(g []generationBody) []generationBody {
	g[0].Key = seal.NewKey().Bytes()
	return g
}

// Older adds a generation before the others.
func Older(g []generationBody) []generationBody {
	box := sure(seal.NewBoxKey())
	return append([]generationBody{{Number: 0, Key: seal.NewKey().Bytes(), Inbox: box.Bytes()}}, g...)
}

// None are no generations.
func None([]generationBody) []generationBody { return nil }

// OtherHalf is another half of the first path.
func OtherHalf(h []half) []half {
	h[0].Shared = seal.NewKey().Bytes()
	return h
}

// NoHalves are none.
func NoHalves([]half) []half { return nil }

// Renamed changes what the first chosen item says of itself.
func Renamed(c []chosenItem) []chosenItem {
	var facts recordFacts
	if err := seal.Unmarshal(c[0].Facts, &facts); err != nil {
		panic(err)
	}
	facts.Name = "forged"
	c[0].Facts = sure(seal.Marshal(facts))
	return c
}

// Signer is the vault's own key.
func (v *Vault) Signer() seal.SigningKey { return v.signer }

// Visit adds a grant of one item, as it is.
func (f *Forge) Visit(holder ID, to seal.BoxPublic, it Item, until time.Time) GrantID {
	stored := f.get(f.v.id.item(it.ID))
	clear := sure(parseRecordClear(stored))
	gen, _ := f.keys[it.Compartment].generation(clear.Generation)
	_, sealed, err := gen.key.Open(f.v.id.bind(seal.TypeItem, it.Compartment, clear.Generation, it.ID[:], it.Revision), stored)
	if err != nil {
		panic(err)
	}
	var b recordBody
	if err := seal.Unmarshal(sealed, &b); err != nil {
		panic(err)
	}
	id := GrantID(newID())
	terms := &Terms{Grant: id, Holder: holder, Scope: ScopeSee, Given: it.Changed.UnixMilli(), Until: until.UnixMilli()}
	chosen := []chosenItem{{Item: it.ID, Revision: it.Revision, Facts: b.Facts, Keys: b.Keys, Parts: clear.Parts}}
	signed, record, err := sealGrant(f.v.id, terms, given{chosen: chosen}, f.signer, to)
	if err != nil {
		panic(err)
	}
	f.Changed[f.v.id.grant(id)] = record
	digest := seal.Digest(signed)
	f.Owner(func(h *seal.OwnerHead) { h.Grants = append(h.Grants, digest[:]) })
	return id
}

// Signed signs an item anew: its origin with one key, its revision with another,
// each with a credential.
func (f *Forge) Signed(it Item, origin, revision seal.SigningKey, by, last []byte, actor func(a *Actor)) {
	f.item(it, func(b *recordBody) []byte {
		var facts recordFacts
		if err := seal.Unmarshal(b.Facts, &facts); err != nil {
			panic(err)
		}
		actor(&facts.Origin.By)
		b.Facts = sure(seal.Marshal(facts))
		message := sure(seal.Marshal(facts.Origin))
		b.Origin = signature{Key: origin.Public(), Bytes: origin.Sign(originContext(f.v.id, it.ID), message), Credential: by}
		b.Revision = signature{Key: revision.Public(), Bytes: revision.Sign(revisionContext(f.v.id, it.ID, it.Revision), b.Facts), Credential: last}
		return sure(seal.Marshal(b))
	})
}

// Line appends a line of the journal in somebody's name, as a service that was taken
// over could.
func (f *Forge) Line(a Actor, signer seal.SigningKey, credential []byte) uint64 {
	h := sure(openJournalHead(f.v.id, f.service.Public(), f.get(f.v.id.key("h/j"))))
	gen := f.keys[Owner].current()
	e := Entry{Number: h.Count + 1, At: f.v.service.now(), Actor: a, Act: ActListed}
	record := sure(sealEntry(f.v.id, e, h.Last, gen.number, gen.inbox.Public(), func(c seal.Context, message []byte) signature {
		return signature{Key: signer.Public(), Bytes: signer.Sign(c, message), Credential: credential}
	}))
	digest := seal.Digest(record)
	f.Changed[f.v.id.entry(e.Number)] = record
	h.Count, h.Last = e.Number, digest[:]
	f.Changed[f.v.id.key("h/j")] = sure(sealJournalHead(f.v.id, f.service, h))
	return e.Number
}

// ForgedCredential says that a key is a worker's, signed by whoever makes it up.
func ForgedCredential(relay, worker ID, by seal.SigningKey, key []byte, name string) []byte {
	nonce := nonce16()
	digest := seal.Digest(append(append([]byte("reconnect name of a worker"), nonce...), name...))
	body := sure(seal.Marshal(struct {
		RelayName        string   `cbor:"1,keyasint"`
		Organisation     [16]byte `cbor:"2,keyasint"`
		OrganisationName string   `cbor:"3,keyasint"`
		Roles            uint8    `cbor:"4,keyasint"`
		Key              []byte   `cbor:"5,keyasint"`
		Name             []byte   `cbor:"6,keyasint"`
		Nonce            []byte   `cbor:"7,keyasint"`
		From             int64    `cbor:"8,keyasint"`
	}{"Le Port", [16]byte{1}, "Les Amis", 1, key, digest[:], nonce, 1}))
	place := seal.Context{Type: seal.TypeMember, Vault: relay, Object: worker[:]}
	return sure(seal.Marshal(struct {
		Relay  [16]byte `cbor:"1,keyasint"`
		Worker [16]byte `cbor:"2,keyasint"`
		Key    []byte   `cbor:"3,keyasint"`
		Signed []byte   `cbor:"4,keyasint"`
	}{relay, worker, by.Public(), sure(by.SignEnvelope(place, body))}))
}
