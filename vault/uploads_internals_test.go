package vault

import (
	"context"

	"reconnect.example/internal/seal"
)

// ExchangeParts writes a document's record with two of its parts exchanged, each with
// its key, as whoever holds the compartment's key can.
func (v *Vault) ExchangeParts(ctx context.Context, id ItemID, i, j int) error {
	return v.do(ctx, func(t *turn) error {
		r, err := t.find(id)
		if err != nil {
			return err
		}
		r.parts[i], r.parts[j] = r.parts[j], r.parts[i]
		r.keys[i], r.keys[j] = r.keys[j], r.keys[i]
		r.item.Revision++
		return t.put(r)
	})
}

// ForgedUpload is the record of an upload of the person's as somebody makes it who holds
// the keys of Shared, and signs with a key of their own.
func (v *Vault) ForgedUpload(ctx context.Context, id ItemID, name string, signer seal.SigningKey) (record []byte, err error) {
	err = v.do(ctx, func(t *turn) error {
		p, err := t.findUpload(id)
		if err != nil {
			return err
		}
		p.facts.Name = name
		facts, err := seal.Marshal(p.facts)
		if err != nil {
			return err
		}
		c := uploadContext(v.id, 0, 0, id)
		body, err := seal.Marshal(uploadBody{Facts: facts, Signature: signature{Key: signer.Public(), Bytes: signer.Sign(c, facts)}})
		if err != nil {
			return err
		}
		gen := t.rings[p.compartment].current()
		clear, err := seal.Marshal(uploadClear{Generation: gen.number, Parts: p.parts})
		if err != nil {
			return err
		}
		record, err = gen.key.Seal(uploadContext(v.id, p.compartment, gen.number, id), clear, body)
		return err
	})
	return record, err
}
