package consent

import (
	"context"
	"errors"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// A key for attestations speaks for the days from when it was made to when the relay's
// other keys changed, as when a worker leaves: who kept it signs nothing later (N79). Its
// end is signed by whoever opens the relay's space first after that:
//
//	svc/seen/e/R/<number>  CBOR{1: envelope signed by the worker: CBOR{1: until}, 2: credential}
//
// A store that hides it lets a kept key speak for later days, and nothing hides what was
// dated back into its own. Both need somebody who worked there.
type attestEndBody struct {
	Until int64 `cbor:"1,keyasint"` // unix milliseconds
}

const attestEnds = "svc/seen/e/"

func attestEndAt(relay RelayID, number string) string {
	return attestEnds + relay.String() + "/" + number
}

func attestEndBound(relay RelayID, number string) seal.Context {
	return attestBound(relay, "end "+number)
}

// endAttestKeys ends the relay's keys for attestations that are not of its present keys, and
// destroys the private halves. It can stop anywhere and be called again: the first end stays.
func (p *Post) endAttestKeys(ctx context.Context) error {
	items, err := p.shared(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) { // what was altered must not keep the rest
		return err
	}
	now := p.attestInbox()
	for _, it := range items {
		var d attestKeyData
		if !formAttestKey.is(it.Data) || formAttestKey.unpack(it.Data, &d) != nil || d.Inbox == now {
			continue
		}
		if err := p.endAttestKey(ctx, d.Number); err != nil {
			return err
		}
		if err := p.destroy(ctx, it.ID, it.Revision); err != nil {
			return err
		}
	}
	return nil
}

func (p *Post) endAttestKey(ctx context.Context, number string) error {
	s := p.service()
	body, err := seal.Marshal(attestEndBody{Until: s.now().UnixMilli()})
	if err != nil {
		return err
	}
	signed, credential, err := p.Sign(attestEndBound(p.relay.ID, number), body)
	if err != nil {
		return err
	}
	record, err := seal.Marshal(attestKeyRecord{Signed: signed, Credential: credential})
	if err != nil {
		return err
	}
	return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if err := p.space.Standing()(ctx, tx, s.now()); err != nil {
			return err
		}
		_, err := tx.Get(attestEndAt(p.relay.ID, number))
		if errors.Is(err, storage.ErrNotFound) {
			tx.PutUnique(attestEndAt(p.relay.ID, number), record)
			return nil
		}
		return err
	}))
}

// attestEnd is the last day for which a key speaks, "" if there is none: that on which it
// ended, or on which the relay was withdrawn.
func (s *Service) attestEnd(ctx context.Context, relay RelayID, number string) (vault.Date, error) {
	until, err := s.signedEnd(ctx, relay, number)
	if err != nil {
		return "", err
	}
	entry, err := s.cfg.Directory.Relay(ctx, relay)
	if err != nil && !errors.Is(err, ErrNotNamed) && !errors.Is(err, ErrNoDirectory) {
		return "", err
	}
	if w := entry.Withdrawn; w != "" && (until == "" || w < until) {
		until = w
	}
	return until, nil
}

func (s *Service) signedEnd(ctx context.Context, relay RelayID, number string) (vault.Date, error) {
	rec, err := s.cfg.Store.Get(ctx, attestEndAt(relay, number))
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", storageError(err)
	}
	var r attestKeyRecord
	if seal.Unmarshal(rec.Value, &r) != nil {
		return "", nil // the store could take it away as well
	}
	body, m, err := s.cfg.Register.Signed(ctx, attestEndBound(relay, number), r.Signed, r.Credential)
	if err != nil && !isForged(err) {
		return "", err
	}
	var b attestEndBody
	if err != nil || m.Relay != relay || seal.Unmarshal(body, &b) != nil {
		return "", nil
	}
	return s.dayOf(b.Until), nil
}

// dayOf is the day of an instant in the directory's zone, as attestations are dated.
func (s *Service) dayOf(millis int64) vault.Date {
	return vault.Date(time.UnixMilli(millis).In(s.cfg.Directory.cfg.Zone).Format(time.DateOnly))
}
