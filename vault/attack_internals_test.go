package vault

import (
	"context"
	"slices"
	"strings"

	"reconnect.example/internal/seal"
)

// What the attacks need to see of the package's inside.

// SlotCost is what a keyslot says that its password costs, if the wrapping key
// opens it. Nothing is checked.
func SlotCost(id ID, stored string, record []byte, wrapping seal.Key) (seal.KDF, bool) {
	slot, err := idText.DecodeString(strings.TrimPrefix(stored, id.key("s/")))
	if err != nil {
		return seal.KDF{}, false
	}
	var b slotBody
	_, raw, err := wrapping.Open(id.bind(seal.TypeKeyslot, Owner, 0, slot, 0), record)
	return b.KDF, err == nil && seal.Unmarshal(raw, &b) == nil && b.Kind != slotCard // which costs a try at the witness
}

// otherPath is a kind of keyslot that no program of today knows.
const otherPath uint8 = 99

// OpenPath gives the vault another way to its roots, beside the password, and
// with it another policy of recovery; ClosePath takes both back, as a change of
// the policy does. The way opens with key.
func (v *Vault) OpenPath(ctx context.Context, login, password string, key seal.Key) (slot string, err error) {
	p, err := v.prove(ctx, login, password)
	if err != nil {
		return "", err
	}
	entry := seal.SlotEntry{ID: newID(), Kind: otherPath, State: slotActive}
	body := slotBody{Kind: otherPath, KDF: seal.NewKDF()}
	for _, c := range compartments {
		envelope, err := key.SealCommitted(v.id.rootContext(c, entry.ID), nil, p.roots[c].Bytes())
		if err != nil {
			return "", err
		}
		body.Roots = append(body.Roots, slotRoot{Compartment: uint8(c), Envelope: envelope})
	}
	raw, err := seal.Marshal(body)
	if err != nil {
		return "", err
	}
	record, err := p.wrapping.Seal(v.id.bind(seal.TypeKeyslot, Owner, 0, entry.ID[:], 0), nil, raw)
	if err != nil {
		return "", err
	}
	digest := seal.Digest(record)
	entry.Digest = digest[:]
	return v.id.slot(entry.ID), v.changeOwner(ctx, func(t *turn) error {
		t.heads.owner.Policy++
		t.heads.owner.Slots = append(slices.Clone(t.heads.owner.Slots), entry)
		t.tx.PutUnique(v.id.slot(entry.ID), record)
		return nil
	})
}

// ClosePath takes back what OpenPath did.
func (v *Vault) ClosePath(ctx context.Context, slot string) error {
	return v.changeOwner(ctx, func(t *turn) error {
		t.heads.owner.Policy++
		t.heads.owner.Slots = slices.DeleteFunc(slices.Clone(t.heads.owner.Slots), func(e seal.SlotEntry) bool { return v.id.slot(e.ID) == slot })
		t.tx.Delete(slot)
		return nil
	})
}

// OpensGrant says whether a grant was sealed to somebody.
func OpensGrant(id ID, grant string, record []byte, holder ID, keys []seal.BoxKey) bool {
	g, err := ParseID(grant)
	if err != nil {
		return false
	}
	_, _, err = openGrant(id, GrantID(g), holder, record, keys)
	return err == nil
}

// ForgeGrant makes a grant, as anybody can who knows the holder's inbox: with terms
// that signer signs, or, if it has none, with those of record, which key opens, and
// other keys. With a record and a signer the keys are those of the record.
func ForgeGrant(id ID, grant GrantID, holder ID, record []byte, key seal.BoxKey, signer seal.SigningKey) (forged, terms []byte, err error) {
	gen, err := newGeneration(1)
	if err != nil {
		return nil, nil, err
	}
	if !signer.IsZero() && record != nil {
		body, _, err := openGrant(id, grant, holder, record, []seal.BoxKey{key})
		if err != nil {
			return nil, nil, err
		}
		r, _ := parseRing(body.Generations)
		gen = r.current()
	}
	if !signer.IsZero() {
		signed, forged, err := sealGrant(id, &Terms{Grant: grant, Holder: holder, Scope: ScopeAdd, Given: 1}, given{generations: []*generation{gen}}, signer, key.Public())
		return forged, signed, err
	}
	body, _, err := openGrant(id, grant, holder, record, []seal.BoxKey{key})
	if err != nil {
		return nil, nil, err
	}
	body.Generations = []generationBody{{Number: gen.number, Key: gen.key.Bytes(), Inbox: gen.inbox.Bytes()}}
	plain, err := seal.Marshal(body)
	if err != nil {
		return nil, nil, err
	}
	forged, err = key.Public().Seal(id.grantContext(grant, holder), nil, plain)
	return forged, body.Terms, err
}

// ListGrant names terms in the owner head that this vault did not sign.
func (v *Vault) ListGrant(ctx context.Context, terms []byte) error {
	return v.changeOwner(ctx, func(t *turn) error {
		digest := seal.Digest(terms)
		t.heads.owner.Grants = append(t.heads.owner.Grants, digest[:])
		return nil
	})
}

// Pretend does what a program that was taken over could do with a guest's handle: it
// acts in another name.
func (v *Vault) Pretend(a Actor) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.actor = a
}

// Substitute puts other facts in the place of a document's and leaves its origin.
func (v *Vault) Substitute(ctx context.Context, item ItemID) error {
	return v.do(ctx, func(t *turn) error {
		r, err := t.find(item)
		if err != nil {
			return err
		}
		digest := seal.Digest([]byte("other bytes"))
		r.item.Document.Digest = digest[:]
		r.item.Revision++
		return t.put(r)
	})
}

// SetInbox does what a program that was taken over could do: it names another key
// as Owner's inbox, in a head signed by the vault's own key.
func (v *Vault) SetInbox(ctx context.Context, inbox []byte) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	rec, err := v.service.cfg.Store.Get(ctx, v.id.head(Owner))
	if err != nil {
		return nil, err
	}
	h, err := seal.OpenOwnerHead(v.id, rec.Value)
	if err != nil {
		return nil, err
	}
	h.Version++
	for i := range h.Compartments {
		h.Compartments[i].Inbox = inbox
	}
	return v.signer.SealOwnerHead(h)
}

// Report tells the witness of everything that it is still to be told of. A report
// reads the owner head anew, and believes whatever the vault's own key has signed:
// one that is under way must not meet a head that a test has signed with that key.
func (s *Vaults) Report() { s.reporter.flush() }
