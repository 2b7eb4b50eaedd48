package vaulttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Copy is what the records, the witness and the key service of a stage held, and
// where its clock stood. Stages that begin with it ([Options].Copy) share nothing:
// what many tests begin with is made once. Sessions in it go on (vault.Vaults.Resume).
type Copy struct {
	records, watched []storage.Record
	keeper           vault.Keeper
	now              time.Time
}

// CloseAndCopy ends the service, after its last reports to the witness, and returns
// what its parts hold. Documents are not copied: make the copy before there are any.
// For a stage in memory, without wraps.
func (s *Stage) CloseAndCopy(ctx context.Context) (*Copy, error) {
	if s.parts.watched == nil || !s.own {
		return nil, errors.New("vaulttest: only a stage in memory can be copied")
	}
	err := s.Close()
	c := &Copy{keeper: s.parts.keeper, now: s.Clock.Now()}
	var recordsErr, watchedErr error
	c.records, recordsErr = everything(ctx, s.parts.driver)
	c.watched, watchedErr = everything(ctx, s.parts.watched)
	return c, errors.Join(err, recordsErr, watchedErr)
}

// batch is how many records one commit of a driver may write.
const batch = 100

func everything(ctx context.Context, d storage.Driver) (all []storage.Record, err error) {
	for after := ""; ; after = all[len(all)-1].Key {
		page, err := d.Scan(ctx, "", after, batch)
		if err != nil || len(page) == 0 {
			return all, err
		}
		all = append(all, page...)
	}
}

// pour writes the records of a copy into an empty store.
func pour(ctx context.Context, records []storage.Record, into storage.Driver) error {
	there, err := into.Scan(ctx, "", "", 1)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return fmt.Errorf("vaulttest: %w: a stage begins with a copy in empty stores only", storage.ErrInvalid)
	}
	for some := range slices.Chunk(records, batch) {
		writes := make([]storage.Write, len(some))
		for i, r := range some {
			writes[i] = storage.Write{Key: r.Key, Value: bytes.Clone(r.Value)}
		}
		if err := into.Commit(ctx, nil, writes); err != nil {
			return err
		}
	}
	return nil
}
