package vault

import (
	"bytes"
	"context"
	"encoding/hex"

	"reconnect.example/internal/seal"
)

// OpensDeposit says whether what waits in an inbox opens with a key.
func OpensDeposit(id ID, record []byte, inbox seal.BoxKey) bool {
	clear, err := parseDepositClear(record)
	if err != nil {
		return false
	}
	for _, c := range compartments {
		if _, _, err := inbox.Open(id.depositContext(c, clear.Generation, clear.Line), record); err == nil {
			return true
		}
	}
	return false
}

// Forgery says what is wrong with a deposit that a program makes that was taken
// over. What is zero is as it should be.
type Forgery struct {
	Signer     seal.SigningKey // signs the deposit, but not its line
	Credential []byte
	By         Actor  // who is said to have made it
	Item       ItemID // in whose place it shall come
	Grant      string // by which it was allowed
	Record     []byte // another than the one that was made
	Content    []byte
}

// LeaveForged leaves a document with something wrong, but with its line in the journal.
func (v *Vault) LeaveForged(ctx context.Context, f Forgery) (blob string, err error) {
	it := &Item{ID: newID(), Kind: KindDocument, Revision: 1, Name: "forged", Document: &Document{MediaType: "image/png"}}
	if !f.Item.IsZero() {
		it.ID = f.Item
	}
	u := v.newUpload(it.ID, 1, int64(len(f.Content)))
	_, err = v.deposit(ctx, u, bytes.NewReader(f.Content), func(*turn) error { return nil }, func(t *turn) (*Item, error) {
		u.describe(t, it, "")
		if f.By != (Actor{}) {
			it.Origin.By = f.By
		}
		if err := u.settle(t, u.part.Length); err != nil {
			return nil, err
		}
		honest := *v.guest
		if !f.Signer.IsZero() {
			v.guest.signer, v.guest.credential = f.Signer, f.Credential
		}
		d := deposit{record: &record{item: it, parts: []part{u.part}, keys: [][]byte{u.key.Bytes()}}, to: Private}
		err := t.leave(d, ActLeft)
		*v.guest = honest
		line := &t.entries[len(t.entries)-1]
		if f.Grant != "" {
			line.Detail[detailGrant] = f.Grant
		}
		if f.Record != nil {
			digest := seal.Digest(f.Record)
			line.Detail[detailDeposit] = hex.EncodeToString(digest[:])
			t.tx.PutUnique(v.id.deposit(Private, t.heads.journal.Count+1), f.Record)
		}
		return it, err
	})
	return u.part.Blob, err
}
