package consent

import (
	"context"
	"io"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// PartnerKeys are the secret keys of a partner. They are with the partner, never with the
// service: it opens what was presented where it is. They cannot be printed; Seeds writes
// them down.
type PartnerKeys struct {
	signer seal.SigningKey
	boxes  []seal.BoxKey // the newest first; the others open what was sealed before
}

// NewPartnerKeys draws keys.
func NewPartnerKeys() (PartnerKeys, error) {
	box, err := seal.NewBoxKey()
	return PartnerKeys{signer: seal.NewSigningKey(), boxes: []seal.BoxKey{box}}, err
}

// PartnerKeysFromSeeds takes the 32 bytes of an Ed25519 key (RFC 8032) and of one or more
// X-Wing keys, the newest first. vault.ErrInvalid for anything else.
func PartnerKeysFromSeeds(signer []byte, boxes ...[]byte) (k PartnerKeys, err error) {
	if k.signer, err = seal.SigningKeyFromBytes(signer); err != nil || len(boxes) == 0 {
		return PartnerKeys{}, invalid("keys", "are not 32 random bytes each")
	}
	for _, b := range boxes {
		box, err := seal.BoxKeyFromBytes(b)
		if err != nil {
			return PartnerKeys{}, invalid("keys", "are not 32 random bytes each")
		}
		k.boxes = append(k.boxes, box)
	}
	return k, nil
}

// Seeds returns the secret halves, to be kept where nobody else reads them.
func (k PartnerKeys) Seeds() (signer []byte, boxes [][]byte) {
	for _, b := range k.boxes {
		boxes = append(boxes, b.Bytes())
	}
	return k.signer.Bytes(), boxes
}

// Key and Box are the public halves, for the authority to sign.
func (k PartnerKeys) Key() PartnerKey { return PartnerKey(k.signer.Public()) }

// Box is the public X-Wing key: 1,216 bytes.
func (k PartnerKeys) Box() []byte { return k.boxes[0].Public() }

// OpenHanded opens what a partner fetched, where the partner is: it needs neither store nor
// service. service is the public key of the service that handed it out
// (vault.Vaults.PublicKey), known on another way. Everything is verified: that the person's
// vault and the service signed the receipt, that the receipt belongs to what is here, and
// that it is for this partner.
//
// Errors: vault.ErrUntrustedKey for another service, vault.ErrTampered.
func OpenHanded(k PartnerKeys, partner PartnerID, service []byte, h Handed) (*vault.PresentedPapers, error) {
	if err := h.Receipt.Verify(service); err != nil {
		return nil, err
	}
	if h.Receipt.Principal != h.Vault || h.Receipt.Recipient.ID != partner.String() {
		return nil, tampered("receipt")
	}
	p, err := vault.OpenPresented(h.Vault, h.Grant, partner, h.Receipt.Signatures.VaultKey, h.Record, k.boxes)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(p.Terms.Subject, h.Receipt.digest()) { // another receipt of the same person
		return nil, tampered("receipt")
	}
	return p, nil
}

// TakeDocument fetches the sealed content of a paper that was presented; [OpenHanded] and
// vault.PresentedPapers.Read open it where the partner is. A line in the person's journal is
// durable before the first byte. Close it. ErrNoAnswer also for what is no document of the
// presentation, or was destroyed since. Other errors: those of [Office.Take].
func (o *Office) TakeDocument(ctx context.Context, token string, item vault.ItemID) (io.ReadCloser, error) {
	ask, a, err := o.answer(ctx, token)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(a.Papers, func(p paperSlip) bool { return p.Item == item })
	if a.Digest == nil || i < 0 || len(a.Papers[i].Blobs) == 0 { // as of what was taken back
		return nil, ErrNoAnswer
	}
	h := o.handOut(token, a)
	h.Item, h.Name, h.Blobs = item, a.Papers[i].Name, a.Papers[i].Blobs
	content, err := o.service.cfg.Vaults.HandOutDocument(ctx, ask.Vault, h)
	if err != nil {
		return nil, o.noAnswer(ctx, err)
	}
	return content, nil
}
