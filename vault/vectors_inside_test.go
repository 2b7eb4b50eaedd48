package vault

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"reconnect.example/internal/seal"
)

// What the vectors need of the inside of this package: a password slot at the
// real cost, and vaults that somebody with all their keys spoilt on purpose.

// PutSlot puts a password slot with these parameters in the place of the present one.
func (v *Vault) PutSlot(ctx context.Context, login, password string, kdf seal.KDF) error {
	p, err := v.prove(ctx, login, password)
	if err != nil {
		return err
	}
	key, err := kdf.Derive([]byte(password))
	if err != nil {
		return err
	}
	entry := seal.SlotEntry{ID: newID(), Kind: slotPassword, State: slotActive}
	body := slotBody{Kind: slotPassword, KDF: kdf}
	for _, c := range compartments {
		envelope, err := key.SealCommitted(v.id.rootContext(c, entry.ID), nil, p.roots[c].Bytes())
		if err != nil {
			return err
		}
		body.Roots = append(body.Roots, slotRoot{Compartment: uint8(c), Envelope: envelope})
	}
	entry, record, err := sealSlot(v.id, entry, body, p.wrapping)
	if err != nil {
		return err
	}
	return v.changeOwner(ctx, func(t *turn) error {
		t.replaceSlots(entry, record)
		return nil
	})
}

func sealSlot(id ID, entry seal.SlotEntry, body slotBody, wrapping seal.Key) (seal.SlotEntry, []byte, error) {
	raw, err := seal.Marshal(body)
	if err != nil {
		return entry, nil, err
	}
	record, err := wrapping.Seal(id.bind(seal.TypeKeyslot, Owner, 0, entry.ID[:], 0), nil, raw)
	digest := seal.Digest(record)
	entry.Digest = digest[:]
	return entry, record, err
}

// NoteRestored writes the paper that a restore leaves, as if there had been one.
func (v *Vault) NoteRestored(ctx context.Context, r Restored) error {
	return v.do(ctx, func(t *turn) error {
		t.note(ActVaultRestored, nil, nil)
		return t.putPaper(restoredPaper(1), 1, paperRestored, restoredBody{
			Epoch: 1, Taken: r.Taken.UnixMilli(), Accepted: r.Accepted.UnixMilli(), Confirmed: r.Confirmed.UnixMilli(),
		})
	})
}

// Forge spoils a copy of a vault with the vault's own keys. Its methods panic
// where they cannot: the vectors are then not written.
type Forge struct {
	v       *Vault
	keys    rings
	signer  seal.SigningKey
	service seal.SigningKey
	records map[string][]byte // as they were
	Changed map[string][]byte // what is other; nil: gone
}

// NewForge takes an open vault and its records.
func (v *Vault) NewForge(records map[string][]byte) *Forge {
	return &Forge{v: v, keys: v.rings, signer: v.signer, service: v.service.keys.signer, records: records, Changed: map[string][]byte{}}
}

func sure[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func (f *Forge) get(key string) []byte {
	if changed, ok := f.Changed[key]; ok {
		return changed
	}
	if f.records[key] == nil {
		panic("no record " + key)
	}
	return bytes.Clone(f.records[key])
}

// Owner signs the owner head anew after a change of it.
func (f *Forge) Owner(change func(h *seal.OwnerHead)) {
	h := sure(seal.OpenOwnerHead(f.v.id, f.get(f.v.id.head(Owner))))
	h.Version++
	change(h)
	body := sure(seal.Marshal(h)) // also what SealOwnerHead would refuse
	c := f.v.id.bind(seal.TypeOwnerHead, Owner, 0, nil, 0)
	f.Changed[f.v.id.head(Owner)] = sure(f.signer.SignEnvelope(c, body))
}

// Wrapping is the key around the keyslots.
func (f *Forge) Wrapping() seal.Key {
	raw := sure(unkeep(context.Background(), f.v.service.cfg.Keeper, f.v.id.wrappingContext(), f.records[f.v.id.wrappingKey()]))
	return sure(seal.KeyFromBytes(raw))
}

// Slot writes the keyslot anew after a change of it, and the owner head with it.
func (f *Forge) Slot(change func(kdf *seal.KDF, roots map[Compartment]*[]byte)) {
	wrapping := f.Wrapping()
	f.Owner(func(h *seal.OwnerHead) {
		entry := &h.Slots[0]
		body := sure(openSlotBody(f.v.id, *entry, f.get(f.v.id.slot(entry.ID)), wrapping))
		roots := map[Compartment]*[]byte{}
		for i := range body.Roots {
			roots[Compartment(body.Roots[i].Compartment)] = &body.Roots[i].Envelope
		}
		change(&body.KDF, roots)
		e, record, err := sealSlot(f.v.id, *entry, body, wrapping)
		f.Changed[f.v.id.slot(entry.ID)] = sure(record, err)
		*entry = e
	})
}

// head seals the head of Shared or Private anew.
func (f *Forge) head(c Compartment, change func(ix *index)) {
	ix := sure(openIndex(f.v.id, c, f.get(f.v.id.head(c)), f.keys[c]))
	ix.version++
	change(ix)
	f.Changed[f.v.id.head(c)] = sure(sealIndex(f.v.id, c, ix, f.keys[c].current()))
}

// Page seals the first page of a compartment anew, and its head with it.
func (f *Forge) Page(c Compartment, change func(plain []byte) []byte) {
	key, gen := f.v.id.page(c, 0), f.keys[c].current()
	f.head(c, func(ix *index) {
		p := sure(openPage(f.v.id, c, 0, f.get(key), ix.Pages[0], f.keys[c]))
		clear := sure(seal.Marshal(pageClear{Generation: gen.number}))
		record := sure(gen.key.Seal(f.v.id.bind(seal.TypePage, c, gen.number, pageObject(0), 0), clear, change(p.marshal())))
		digest := seal.Digest(record)
		ix.Pages[0] = digest[:]
		f.Changed[key] = record
	})
}

// entry changes what the page of an item says of it.
func (f *Forge) entry(it Item, change func(e *pageEntry)) {
	f.Page(it.Compartment, func(plain []byte) []byte {
		p := sure(parsePage(plain))
		i, found := p.find(it.ID)
		if !found {
			panic("no such item")
		}
		change(&p.entries[i])
		return p.marshal()
	})
}

// Item seals an item anew after a change of it; page and head follow. sign says
// whether its facts are signed anew as well.
func (f *Forge) Item(it Item, sign bool, change func(facts *recordFacts, keys [][]byte)) {
	f.item(it, func(b *recordBody) []byte {
		var facts recordFacts
		if err := seal.Unmarshal(b.Facts, &facts); err != nil {
			panic(err)
		}
		change(&facts, b.Keys)
		b.Facts = sure(seal.Marshal(facts))
		if sign {
			b.Revision.Bytes = f.signer.Sign(revisionContext(f.v.id, it.ID, it.Revision), b.Facts)
		}
		return sure(seal.Marshal(b))
	})
}

// ItemBody seals an item anew with another body; page and head follow.
func (f *Forge) ItemBody(it Item, change func(body []byte) []byte) {
	f.item(it, func(b *recordBody) []byte { return change(sure(seal.Marshal(b))) })
}

func (f *Forge) item(it Item, body func(b *recordBody) []byte) {
	stored := f.get(f.v.id.item(it.ID))
	clear := sure(parseRecordClear(stored))
	gen, _ := f.keys[it.Compartment].generation(clear.Generation)
	place := f.v.id.bind(seal.TypeItem, it.Compartment, clear.Generation, it.ID[:], it.Revision)
	raw, sealed, err := gen.key.Open(place, stored)
	if err != nil {
		panic(err)
	}
	var b recordBody
	if err := seal.Unmarshal(sealed, &b); err != nil {
		panic(err)
	}
	record := sure(gen.key.Seal(place, raw, body(&b)))
	f.Changed[f.v.id.item(it.ID)] = record
	f.entry(it, func(e *pageEntry) { e.hash = seal.Digest(record) })
}

// Revision makes the page name another revision of an item.
func (f *Forge) Revision(it Item, n uint64) {
	f.entry(it, func(e *pageEntry) { e.revision = n })
}

// Journal appends a line in the person's name, signed by signer, as a service
// that was taken over could.
func (f *Forge) Journal(signer seal.SigningKey) uint64 {
	h := sure(openJournalHead(f.v.id, f.service.Public(), f.get(f.v.id.key("h/j"))))
	gen := f.keys[Owner].current()
	e := Entry{Number: h.Count + 1, At: f.v.service.now(), Actor: Actor{Kind: ActorPerson}, Act: ActExported}
	record := sure(sealEntry(f.v.id, e, h.Last, gen.number, gen.inbox.Public(), signs(signer)))
	digest := seal.Digest(record)
	f.Changed[f.v.id.entry(e.Number)] = record
	f.Changed[f.v.id.key("h/j")] = sure(sealJournalHead(f.v.id, f.service, journalHead{Count: e.Number, Last: digest[:]}))
	return e.Number
}

// JournalHead signs the journal's head with another key.
func (f *Forge) JournalHead(signer seal.SigningKey) {
	h := sure(openJournalHead(f.v.id, f.service.Public(), f.get(f.v.id.key("h/j"))))
	f.Changed[f.v.id.key("h/j")] = sure(sealJournalHead(f.v.id, signer, h))
}

// Resign signs the owner head with another key that it also names.
func (f *Forge) Resign(by seal.SigningKey) {
	f.signer = by
	f.Owner(func(h *seal.OwnerHead) { h.Key, h.Succession = by.Public(), nil })
}

// Copy puts other bytes under a key.
func (f *Forge) Copy(to string, value []byte) { f.Changed[to] = value }

// Flip turns one bit of a record.
func (f *Forge) Flip(key string, at int) {
	b := f.get(key)
	b[at] ^= 1
	f.Changed[key] = b
}

// Digests makes the owner head name the records as they are now.
func (f *Forge) Digests() {
	f.Owner(func(h *seal.OwnerHead) {
		digest := seal.Digest(f.get(f.v.id.wrappingKey()))
		h.Wrapping = digest[:]
		for i := range h.Compartments {
			digest := seal.Digest(f.get(f.v.id.keyring(Compartment(h.Compartments[i].Compartment))))
			h.Compartments[i].Keyring = digest[:]
		}
		for i := range h.Slots {
			digest := seal.Digest(f.get(f.v.id.slot(h.Slots[i].ID)))
			h.Slots[i].Digest = digest[:]
		}
	})
}

// Again seals a record anew, as it is, so that nothing but the digest of the
// other one tells them apart: the wrapping key, a keyring, a paper or a line.
func (f *Forge) Again(key, password string) {
	id, b := f.v.id, f.get(key)
	switch parts := strings.TrimPrefix(key, id.key("")); parts[:2] {
	case "k/":
		f.Changed[key] = f.keyAgain(parts, b, password)
	case "o/":
		raw := sure(idText.DecodeString(parts[2:]))
		var clear paperClear
		_, header, _ := seal.ParseClear(b)
		if err := seal.Unmarshal(header, &clear); err != nil {
			panic(err)
		}
		gen, _ := f.keys[Owner].generation(clear.Generation)
		place := id.bind(seal.TypeOwnerPaper, Owner, clear.Generation, raw, clear.Revision)
		_, body, err := gen.key.Open(place, b)
		f.Changed[key] = sure(gen.key.Seal(place, header, sure(body, err)))
	case "j/":
		number := sure(strconv.ParseUint(parts[2:], 16, 64))
		clear := sure(parseEntry(number, b))
		head := sure(seal.OpenOwnerHead(id, f.get(id.head(Owner))))
		gen, _ := f.keys[Owner].generation(clear.Generation)
		e := sure(openEntry(id, number, b, f.keys[Owner], authors{owner: head}))
		f.Changed[key] = sure(sealEntry(id, e, clear.Before, gen.number, gen.inbox.Public(), signs(f.signer)))
	default:
		panic(key)
	}
}

func (f *Forge) keyAgain(parts string, b []byte, password string) []byte {
	id, wrapping := f.v.id, f.Wrapping()
	if parts == "k/w" {
		return sure(keep(context.Background(), f.v.service.cfg.Keeper, id.wrappingContext(), wrapping.Bytes()))
	}
	c := map[string]Compartment{"k/o": Owner, "k/s": Shared, "k/p": Private}[parts]
	head := sure(seal.OpenOwnerHead(id, f.get(id.head(Owner))))
	entry := head.Slots[0]
	slot := sure(openSlotBody(id, entry, f.get(id.slot(entry.ID)), wrapping))
	root := sure(slot.openRoots(id, entry.ID, sure(slot.KDF.Derive([]byte(password)))))[c]
	_, header, _ := seal.ParseClear(b)
	var clear keyringClear
	if err := seal.Unmarshal(header, &clear); err != nil {
		panic(err)
	}
	return sure(sealKeyring(id, c, clear.Version, root, f.keys[c], &f.signer))
}

// Only forgets all changes but one: what belongs to it stays as it was.
func (f *Forge) Only(key string) { f.Changed = map[string][]byte{key: f.Changed[key]} }

// OldHead seals the head of a compartment under its first generation.
func (f *Forge) OldHead(c Compartment) {
	ix := sure(openIndex(f.v.id, c, f.get(f.v.id.head(c)), f.keys[c]))
	f.Changed[f.v.id.head(c)] = sure(sealIndex(f.v.id, c, ix, f.keys[c].generations[0]))
}

// KeyOf is the key of a record of this vault.
func (id ID) KeyOf(parts string) string { return id.key(parts) }

// PaperKeys are the keys of the Owner papers but for the login.
func PaperKeys(id ID, records map[string][]byte) (keys []string) {
	for _, key := range slices.Sorted(maps.Keys(records)) {
		if len(key) == len(id.paper([16]byte{})) && key[:len(id.key("o/"))] == id.key("o/") && key != id.paper(loginPaper) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Facts are the stored facts of an item, for a change by a Forge.
type Facts = recordFacts

// signs is signing with a key of the vault's own.
func signs(k seal.SigningKey) signing {
	return func(c seal.Context, message []byte) signature {
		return signature{Key: k.Public(), Bytes: k.Sign(c, message)}
	}
}
