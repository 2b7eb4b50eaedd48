package consent

import (
	"context"
	"errors"
	"strconv"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// A key for attestations speaks for the days from when it was made to when the relay's
// other keys changed, as when a worker leaves: who kept it signs nothing later (N79). Its
// end is signed by whoever opens the relay's space first after that, and by the key itself,
// whose private half lies in that space: so who has left, and can still sign as who they
// were, ends none that was made since (N81):
//
//	svc/seen/e/R/<number>  CBOR of attestEndRecord
//
// A store that hides it lets a kept key speak for later days, and nothing hides what was
// dated back into its own. Both need somebody who worked there.
type attestEndBody struct {
	Until int64 `cbor:"1,keyasint"` // unix milliseconds
}

type attestEndRecord struct {
	Signed     []byte `cbor:"1,keyasint"` // envelope signed by the worker: CBOR of attestEndBody
	Credential []byte `cbor:"2,keyasint"`
	Own        string `cbor:"3,keyasint"` // token of the key that ends
}

// tokenEnded is the header "typ" of what a key says of its own end.
const tokenEnded = "seen-ended+jwt"

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
		if own, ok := d.own(); ok { // what is none signs nothing, and keeps nobody out (N102)
			if err := p.endAttestKey(ctx, d.Number, own); err != nil {
				return err
			}
		}
		if err := p.destroy(ctx, it.ID, it.Revision); err != nil {
			return err
		}
	}
	return nil
}

func (p *Post) endAttestKey(ctx context.Context, number string, own seal.TokenKey) error {
	s := p.service()
	until := s.now().UnixMilli()
	record, err := p.signEnd(number, own, until)
	if err != nil {
		return err
	}
	return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if err := p.space.Standing()(ctx, tx, s.now()); err != nil {
			return err
		}
		rec, err := tx.Get(attestEndAt(p.relay.ID, number))
		if err == nil {
			// The first end stays; what is none keeps no end away (N81).
			if before, err := s.readEnd(ctx, p.relay.ID, number, own.Public(), rec.Value); err != nil || before != 0 {
				return err
			}
		} else if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		tx.Put(attestEndAt(p.relay.ID, number), record)
		return nil
	}))
}

func (p *Post) signEnd(number string, own seal.TokenKey, until int64) ([]byte, error) {
	body, err := seal.Marshal(attestEndBody{Until: until})
	if err != nil {
		return nil, err
	}
	r := attestEndRecord{}
	if r.Signed, r.Credential, err = p.Sign(attestEndBound(p.relay.ID, number), body); err != nil {
		return nil, err
	}
	r.Own, err = own.SignToken(attestKeyID(p.relay.ID, number), tokenEnded, map[string]string{"iss": p.relay.ID.String(), "until": strconv.FormatInt(until, 10)})
	if err != nil {
		return nil, err
	}
	return seal.Marshal(r)
}

// attestEnd is the last day for which a key speaks, "" if there is none: that on which it
// ended, or on which the relay was withdrawn.
func (s *Service) attestEnd(ctx context.Context, relay RelayID, number string, point []byte) (vault.Date, error) {
	until, err := s.signedEnd(ctx, relay, number, point)
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

func (s *Service) signedEnd(ctx context.Context, relay RelayID, number string, point []byte) (vault.Date, error) {
	rec, err := s.cfg.Store.Get(ctx, attestEndAt(relay, number))
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", storageError(err)
	}
	until, err := s.readEnd(ctx, relay, number, point, rec.Value)
	if err != nil || until == 0 {
		return "", err
	}
	return s.dayOf(until), nil
}

// readEnd returns when the key with this point ended, 0 for a record that says nothing: the
// store could take it away as well.
func (s *Service) readEnd(ctx context.Context, relay RelayID, number string, point, raw []byte) (until int64, err error) {
	var r attestEndRecord
	if seal.Unmarshal(raw, &r) != nil {
		return 0, nil
	}
	body, m, err := s.cfg.Register.Signed(ctx, attestEndBound(relay, number), r.Signed, r.Credential)
	if err != nil && !isForged(err) {
		return 0, err
	}
	var b attestEndBody
	if err != nil || m.Relay != relay || seal.Unmarshal(body, &b) != nil {
		return 0, nil
	}
	said, err := seal.OpenToken(seal.TokenPublic{ID: attestKeyID(relay, number), Point: point}, tokenEnded, r.Own)
	if err != nil || said["iss"] != relay.String() || said["until"] != strconv.FormatInt(b.Until, 10) {
		return 0, nil
	}
	return b.Until, nil
}

// dayOf is the day of an instant in the directory's zone, as attestations are dated.
func (s *Service) dayOf(millis int64) vault.Date {
	return vault.Date(time.UnixMilli(millis).In(s.cfg.Directory.cfg.Zone).Format(time.DateOnly))
}
