package vault

import (
	"context"

	"reconnect.example/internal/seal"
)

// PrivateInbox is the seed of the inbox to which a bundle is sealed.
func PrivateInbox(ctx context.Context, v *Vault) (seed []byte, err error) {
	err = v.do(ctx, func(t *turn) error {
		all := t.rings[Private].generations
		seed = all[len(all)-1].inbox.Bytes()
		return nil
	})
	return seed, err
}

// ReadTransfer opens the record of a move as who has its code and the inbox, and verifies
// the receipt in it.
func ReadTransfer(code string, inbox, service, record []byte) (r TransferReceipt, err error) {
	c, err := ParseTransferCode(code)
	if err != nil {
		return r, err
	}
	k := secretsOf(c.Vault, c.secret)
	key, err := k.ticket.key()
	if err != nil {
		return r, err
	}
	_, raw, err := key.Open(k.ticket.bind(transferRecord), record)
	if err != nil {
		return r, err
	}
	var b arrivalBody
	if err := seal.Unmarshal(raw, &b); err != nil {
		return r, err
	}
	to, err := seal.BoxKeyFromBytes(inbox)
	if err != nil {
		return r, err
	}
	_, raw, err = to.Open(k.ticket.bind(transferBox), b.Box)
	if err != nil {
		return r, err
	}
	var body transferBody
	if err := seal.Unmarshal(raw, &body); err != nil || body.Sender != k.sender {
		return r, tampered("transfer")
	}
	r, err = openTransferReceipt(k.ticket, service, b.Receipt)
	if err == nil && r.Digest != body.Digest {
		err = tampered("receipt of a transfer")
	}
	return r, err
}
