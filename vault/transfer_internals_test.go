package vault

import (
	"context"

	"reconnect.example/internal/seal"
)

// ForgeDeparture sends a bundle of one's own with the ticket of a code, as who saw the
// requests could who does not have the code itself.
func (v *Vault) ForgeDeparture(ctx context.Context, code TransferCode, to TransferTo) error {
	if to == nil { // a test calls every method of a handle, with nothing
		return ErrNotAllowed
	}
	k := secretsOf(code.Vault, code.secret)
	k.sender = [32]byte{1}
	keys, err := to.TransferKeys(ctx, k.ticket)
	if err != nil {
		return err
	}
	inbox, err := seal.BoxPublicFromBytes(keys.Inbox)
	if err != nil {
		return err
	}
	d := departureBody{Vault: code.Vault, Secret: code.secret, Where: code.Where, Until: v.service.now().Add(TransferLasts).UnixMilli(), Blob: v.id.newBlob()}
	if err := v.sealDeparture(ctx, &d, k, inbox, &DepartureOptions{}); err != nil {
		return err
	}
	offset, err := to.BeginTransfer(ctx, k.ticket, d.offer())
	for err == nil && offset < d.Size {
		offset, err = v.sendPart(ctx, &d, to, k.ticket, offset)
	}
	return err
}

// ForgeReceipt is what a service signs that says another digest than that of the bundle.
func (s *Vaults) ForgeReceipt(code TransferCode, digest [32]byte) ([]byte, error) {
	body, err := seal.Marshal(transferReceiptBody{To: code.Where, Digest: digest, Items: 6})
	if err != nil {
		return nil, err
	}
	return s.keys.signer.SignEnvelope(secretsOf(code.Vault, code.secret).ticket.bind(transferReceipt), body)
}
