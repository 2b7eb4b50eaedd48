package moving

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"time"

	"reconnect.example/vault"
)

// Sends is for how long one request of a person sends what is missing: less than a
// connection may stand still. They, or their page, ask again.
const Sends = 20 * time.Second

// Way is how one server takes part in moves.
type Way struct {
	Address string                                       // of this server, as people and other servers reach it
	To      func(where string) (vault.TransferTo, error) // [Client.To]
	Sends   time.Duration                                // for how long one request sends; 0: [Sends]
}

// Name is this server in the receipt: what people know of its address.
func (w *Way) Name() string {
	u, err := url.Parse(w.Address)
	if err != nil {
		return ""
	}
	return u.Host
}

// Host is what of an address a person can compare with what they see on the other screen.
func Host(where string) string {
	u, err := url.Parse(where)
	if err != nil {
		return where
	}
	return u.Host
}

// Begin seals everything, or what take says, to the space of a code and announces it there.
// The caller has asked for the secret, and shown the host (N74).
func (w *Way) Begin(ctx context.Context, v *vault.Vault, code vault.TransferCode, take *vault.ExportOptions) (vault.Departure, error) {
	to, err := w.To(code.Where)
	if err != nil {
		return vault.Departure{}, err
	}
	d, err := v.BeginDeparture(ctx, code, to, &vault.DepartureOptions{From: w.Name(), Export: take})
	switch {
	case errors.Is(err, vault.ErrUntrustedKey):
		err = ErrOtherKeys
	case errors.Is(err, vault.ErrRepeated):
		err = ErrUnderWay
	}
	return d, err
}

// Send sends what is missing, for [Sends] at most, or as long as the way says. left is what is missing still.
func (w *Way) Send(ctx context.Context, v *vault.Vault) (left int64, err error) {
	d, to, err := w.departure(ctx, v)
	if err != nil {
		return 0, err
	}
	if d.Receipt != nil {
		return 0, nil
	}
	short, cancel := context.WithTimeout(ctx, cmp.Or(w.Sends, Sends))
	defer cancel()
	left, err = v.SendDeparture(short, to)
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		if left == 0 {
			left = d.Size // it is not known how much
		}
		return left, nil
	}
	return left, err
}

// Confirm asks for the receipt of the new server and keeps it. false: nobody there has
// taken the bundle in yet.
func (w *Way) Confirm(ctx context.Context, v *vault.Vault) (r vault.TransferReceipt, confirmed bool, err error) {
	_, to, err := w.departure(ctx, v)
	if err != nil {
		return r, false, err
	}
	r, confirmed, err = v.ConfirmDeparture(ctx, to)
	if errors.Is(err, vault.ErrTampered) {
		err = ErrReceipt
	}
	return r, confirmed, err
}

func (w *Way) departure(ctx context.Context, v *vault.Vault) (d vault.Departure, to vault.TransferTo, err error) {
	if d, err = v.Departure(ctx); err != nil {
		return d, nil, err
	}
	to, err = w.To(d.To)
	return d, to, err
}
