package moving

import (
	"context"
	"errors"

	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
)

// Look says what taking in would do.
func Look(ctx context.Context, v *vault.Vault, opts *vault.ImportOptions) (from string, b *bundle.Bundle, plan bundle.Plan, err error) {
	err = Opened(ctx, v, func(a *vault.Arrived, open *bundle.Bundle) error {
		from, b = a.From, open
		plan, err = open.Plan(ctx, v, opts)
		return err
	})
	return from, b, plan, err
}

// TakeIn takes what came in, and has the receipt signed. Whatever breaks off in the middle
// is done again: what is there is not doubled.
func TakeIn(ctx context.Context, v *vault.Vault, opts *vault.ImportOptions) (r vault.TransferReceipt, err error) {
	err = Opened(ctx, v, func(a *vault.Arrived, b *bundle.Bundle) error {
		done, err := b.Import(ctx, v, opts)
		if err != nil {
			return err
		}
		r, err = v.AcceptArrival(ctx, a, done.New, done.There)
		return err
	})
	return r, err
}

// Opened gives what came, opened and checked to its last byte, to do. ErrAltered for what
// somebody without the code sealed; those of [vault.Vault.OpenArrival] and of package bundle.
func Opened(ctx context.Context, v *vault.Vault, do func(*vault.Arrived, *bundle.Bundle) error) (err error) {
	a, err := v.OpenArrival(ctx)
	if errors.Is(err, vault.ErrTampered) {
		return ErrAltered
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	b, err := bundle.Open(ctx, a, a.Size(), nil)
	if err != nil {
		return err
	}
	return do(a, b)
}
