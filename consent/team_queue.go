package consent

import (
	"bytes"
	"context"
	"strings"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// QueueNotes is what the keys begin with of the notes by which a relay or a desk is asked to
// help somebody back in. Package recovery writes and reads them; what follows is their name.
func QueueNotes(relay RelayID) string { return relay.String() + "/in/q/" }

// QueueBox is the place of such a note, for the box to the inbox of who is asked.
func QueueBox(relay RelayID, name [16]byte) seal.Context {
	return seal.Context{Type: seal.TypeRequest, Vault: relay, Object: name[:], Holder: []byte("note")}
}

// StillInbox refuses, in the commit that leaves a note, a key that its relay or desk has had
// no more since it was asked for: nobody keeps a former one (N14). vault.ErrRevision then.
func StillInbox(tx *storage.Tx, relay RelayID, inbox seal.BoxPublic) error {
	now, err := inboxNow(tx, relay)
	if err == nil && !bytes.Equal(now, inbox) {
		err = vault.ErrRevision
	}
	return err
}

// carryQueue seals what asks this relay for help to its present key. Without it, who helped
// could not stop what still waits for private papers once somebody has left them (N14).
func (p *Post) carryQueue(ctx context.Context) error {
	return p.carry(ctx, QueueNotes(p.relay.ID), func(name [16]byte) seal.Context { return QueueBox(p.relay.ID, name) })
}

// carry seals to the relay's present key what lies boxed to a former one under a prefix.
func (p *Post) carry(ctx context.Context, prefix string, box func([16]byte) seal.Context) error {
	for rec, err := range p.service().cfg.Store.All(ctx, prefix) {
		if err != nil {
			return storageError(err)
		}
		name, err := vault.ParseID(strings.TrimPrefix(rec.Key, prefix))
		if err != nil {
			continue // nobody's
		}
		for i, key := range p.keys.Inboxes {
			_, body, err := key.Open(box(name), rec.Value)
			if err != nil {
				continue
			}
			if i == 0 {
				break // it lies under the present one
			}
			record, err := p.keys.Inboxes[0].Public().Seal(box(name), nil, body)
			if err != nil {
				return err
			}
			if err := p.instead(ctx, rec, record); err != nil {
				return err
			}
			break
		}
	}
	return nil
}
