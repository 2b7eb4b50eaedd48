package consent

import (
	"context"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// What reads the words of others, for the fuzz targets.

// ReadCredential returns whom a credential names, and the key that signed it.
func ReadCredential(raw []byte) (Member, []byte, error) { return openCredential(raw) }

// ReadNote returns what a note to a relay says: whose it is, and what is signed.
func ReadNote(relay RelayID, rec storage.Record, keys []seal.BoxKey) (body, facts []byte, err error) {
	n, err := openNote(relay, followNote, rec, keys)
	if err != nil {
		return nil, nil, err
	}
	if body, err = seal.Marshal(n.noteBody); err != nil {
		return nil, nil, err
	}
	facts, err = seal.Marshal(n.noteFacts)
	return body, facts, err
}

// ReadAsk returns what a request to join says.
func (p *Post) ReadAsk(ctx context.Context, rec storage.Record) (JoinRequest, error) {
	return p.openAsk(ctx, rec, p.keys.Inboxes)
}

// ReadInvitation returns the invitation of a record, encoded anew.
func (s *Service) ReadInvitation(rec storage.Record) ([]byte, error) {
	i, err := s.openInvitation(rec)
	if err != nil {
		return nil, err
	}
	return seal.Marshal(i)
}

// ReadKeptReceipt returns a receipt as it lies with a grant.
func ReadKeptReceipt(principal vault.ID, raw []byte) (Receipt, error) {
	var k keptReceipt
	if seal.Unmarshal(raw, &k) != nil {
		return Receipt{}, tampered("receipt")
	}
	return k.open(principal)
}

// Kept is a receipt as it lies with its grant.
func (r *Receipt) Kept() ([]byte, error) { return seal.Marshal(r.kept()) }
