package consent

import (
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// What bounds partners lies as slips of its own, each found by who names the same:
//
//	tries   CBOR of countSlip   codes of a partner that led nowhere (yet), in five minutes
//	taken   CBOR of countSlip   how often something was handed out under a token
//	places  CBOR of placesSlip  what was asked by a link
type (
	countSlip struct {
		Count uint32 `cbor:"1,keyasint"`
	}
	placesSlip struct {
		Open  []int64 `cbor:"1,keyasint,omitempty"` // until when each waits, also one that was answered
		Muted bool    `cbor:"2,keyasint,omitempty"` // the person blocked the partner: what it asks lies nowhere
	}
)

const (
	slipTries, slipTaken, slipPlaces = "tries", "taken", "places"

	// mostWrongCodes is how many codes may lead nowhere within triesLast.
	mostWrongCodes = 5
	triesLast      = 5 * time.Minute
	// mostAsksByLink is how many requests wait by one link: it keeps no place of others.
	mostAsksByLink = 5
	// mostTakes is how often the copies, and each paper of them, can be fetched: each time is
	// a line in a journal that the person pays for.
	mostTakes = 20
)

// errMuted: the person blocked who asks by a link.
var errMuted = errors.New("consent: the link is muted")

// slipInto reads a slip in a commit. What is none, or was altered, leaves it empty: the store
// can take it away as well.
func (s *Service) slipInto(tx *storage.Tx, kind, token string, into any) error {
	raw, err := s.cfg.Vaults.SlipIn(tx, kind, token)
	if errors.Is(err, vault.ErrNotFound) || err == nil && seal.Unmarshal(raw, into) != nil {
		return nil
	}
	return err
}

func (s *Service) putSlip(tx *storage.Tx, kind, token string, until time.Time, body any) error {
	raw, err := seal.Marshal(body)
	if err != nil {
		return err
	}
	return s.cfg.Vaults.PutSlip(tx, kind, token, until, raw)
}

// spendTry counts a code before it is looked up (N66): of many named at once, five lead to a
// look. One that leads somewhere is given back. The witness counts as well, where the store
// cannot set it back.
func (o *Office) spendTry(ctx context.Context) (window string, err error) {
	from := o.service.now().Truncate(triesLast)
	window = o.partner.ID.String() + from.UTC().Format(time.RFC3339)
	err = o.service.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		var t countSlip
		if err := o.service.slipInto(tx, slipTries, window, &t); err != nil {
			return err
		}
		if t.Count >= mostWrongCodes {
			return vault.ErrTooMany
		}
		t.Count++
		return o.service.putSlip(tx, slipTries, window, from.Add(triesLast), t)
	})
	return window, storageError(err)
}

func (o *Office) giveTryBack(tx *storage.Tx, window string) error {
	var t countSlip
	err := o.service.slipInto(tx, slipTries, window, &t)
	if err != nil || t.Count == 0 {
		return err
	}
	t.Count--
	return o.service.putSlip(tx, slipTries, window, o.service.now().Add(triesLast), t)
}

// countTake refuses with vault.ErrTooMany what was fetched again and again (N67).
func (o *Office) countTake(tx *storage.Tx, token string, a answerSlip) error {
	var t countSlip
	if err := o.service.slipInto(tx, slipTaken, token, &t); err != nil {
		return err
	}
	if int(t.Count) >= mostTakes*(1+len(a.Papers)) {
		return vault.ErrTooMany
	}
	t.Count++
	return o.service.putSlip(tx, slipTaken, token, fromUnixMilli(a.Until), t)
}

// takePlace counts what waits by a link, also where the person blocked the partner: it is
// told the same. errMuted then.
func (o *Office) takePlace(tx *storage.Tx, link string) error {
	var p placesSlip
	if err := o.service.slipInto(tx, slipPlaces, link, &p); err != nil {
		return err
	}
	now := o.service.now()
	p.Open = slices.DeleteFunc(p.Open, func(until int64) bool { return until <= now.UnixMilli() })
	if len(p.Open) >= mostAsksByLink {
		return vault.ErrTooMany
	}
	p.Open = append(p.Open, now.Add(AskLasts).UnixMilli())
	if err := o.service.putSlip(tx, slipPlaces, link, time.Time{}, p); err != nil || !p.Muted {
		return err
	}
	return errMuted
}

// mute says of the links of a partner whether the person blocked it, in the commit that does.
func (s *Service) mute(tx *storage.Tx, links []keptLink, id PartnerID, muted bool) error {
	for _, kept := range ofPartner(links, id) {
		var p placesSlip
		if err := s.slipInto(tx, slipPlaces, kept.Token, &p); err != nil {
			return err
		}
		p.Muted = muted
		if err := s.putSlip(tx, slipPlaces, kept.Token, time.Time{}, p); err != nil {
			return err
		}
	}
	return nil
}
