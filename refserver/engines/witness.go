package engines

import (
	"context"

	"reconnect.example/recovery/witness"
	"reconnect.example/refserver/config"
	"reconnect.example/storage"
	"reconnect.example/vault/local"
)

// openWitness opens the witness of the data folder.
func (e *Engines) openWitness(ctx context.Context, c *config.Config) error {
	at, err := within(c.Data, "sqlite", local.WitnessFile)
	if err != nil {
		return err
	}
	store, err := inFolder(c.Data)(storage.Open(ctx, at))
	if err != nil {
		return err
	}
	e.closers = append(e.closers, store.Close)
	if e.own, err = witness.New(witness.Config{Store: store}); err != nil {
		return err
	}
	e.Witness, e.closers = e.own, append(e.closers, e.own.Close)
	return nil
}
