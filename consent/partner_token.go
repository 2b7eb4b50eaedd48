package consent

import (
	"bytes"
	"context"
	"errors"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// A program of a partner proves by a signature that it is the partner, and is given a token
// for a while. Both lie as slips, which nobody finds without them:
//
//	token  CBOR of tokenSlip  whose a token is; its key is a keyed hash of the token
//	seen   CBOR of tokenSlip  that an assertion was used; until its time is over
type tokenSlip struct {
	Partner [16]byte `cbor:"1,keyasint"`
	Until   int64    `cbor:"2,keyasint"`
	Key     []byte   `cbor:"3,keyasint"` // of the partner, by which the assertion was verified
}

const (
	slipToken, slipSeen = "token", "seen"

	// PartnerTokenLasts is how long a token is good.
	PartnerTokenLasts = 10 * time.Minute
	// MaxAssertion is how far away the end of an assertion may be: so long its id is kept.
	MaxAssertion = 5 * time.Minute
	maxJTI       = 255
)

// PartnerToken lets a program act as a partner for a while. It stands for nothing by
// itself: 256 random bits, of which the store has a keyed hash.
type PartnerToken struct {
	Token string
	Until time.Time
}

// Enter gives a token for an assertion whose signature, by [Partner].Key of this office,
// and whose audience the caller has verified; id is its jti and ends its exp. An assertion
// is used once, whichever process it comes to. When it returns, that is durable.
//
// Errors: vault.ErrRepeated for one that was used; vault.ErrInvalid for one without an id,
// that has ended, or ends in more than [MaxAssertion]; vault.ErrEnded if the partner was
// withdrawn meanwhile; vault.ErrStale, vault.ErrStorage.
func (o *Office) Enter(ctx context.Context, id string, ends time.Time) (PartnerToken, error) {
	s, now := o.service, o.service.now()
	if id == "" || len(id) > maxJTI {
		return PartnerToken{}, invalid("jti", "is missing or too long")
	}
	if !ends.After(now) || ends.After(now.Add(MaxAssertion)) {
		return PartnerToken{}, invalid("exp", "is over, or more than five minutes away")
	}
	t := PartnerToken{Token: newPartnerToken(), Until: now.Add(PartnerTokenLasts)}
	slip := tokenSlip{Partner: o.partner.ID, Until: t.Until.UnixMilli(), Key: o.partner.Key[:]}
	body, err := seal.Marshal(slip)
	if err != nil {
		return PartnerToken{}, err
	}
	seen := o.partner.ID.String() + " " + id // one partner uses up no id of another
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if err := s.standingPartner(ctx, tx, o.partner.ID, o.partner.Scopes[0]); err != nil {
			return err
		}
		switch _, err := s.cfg.Vaults.SlipIn(tx, slipSeen, seen); { // N64: of two at once, one finds it used
		case err == nil:
			return vault.ErrRepeated
		case !errors.Is(err, vault.ErrNotFound):
			return err
		}
		return errors.Join(s.cfg.Vaults.PutSlip(tx, slipSeen, seen, ends, body), s.cfg.Vaults.PutSlip(tx, slipToken, t.Token, t.Until, body))
	})
	if err != nil {
		return PartnerToken{}, storageError(err)
	}
	return t, nil
}

// newPartnerToken is 256 random bits.
func newPartnerToken() string { return vault.ID(randomID()).String() + vault.ID(randomID()).String() }

// OfficeOf opens the office of whom a token was given to. It ends with its time, when the
// partner is withdrawn, and when the authority gives the partner another key: who stole the
// former has nothing of its tokens. Errors: vault.ErrSessionEnded; vault.ErrEnded, and those
// of [Directory.Current].
func (s *Service) OfficeOf(ctx context.Context, token string) (*Office, error) {
	if len(token) != 2*26 {
		return nil, vault.ErrSessionEnded
	}
	raw, err := s.cfg.Vaults.Slip(ctx, slipToken, token)
	var slip tokenSlip
	if err == nil && seal.Unmarshal(raw, &slip) != nil || errors.Is(err, vault.ErrNotFound) {
		return nil, vault.ErrSessionEnded
	}
	if err != nil {
		return nil, err
	}
	if slip.Until <= s.now().UnixMilli() {
		return nil, vault.ErrSessionEnded
	}
	o, err := s.Office(ctx, slip.Partner)
	if errors.Is(err, ErrNotNamed) {
		return nil, vault.ErrSessionEnded
	}
	if err == nil && !bytes.Equal(slip.Key, o.partner.Key[:]) { // N65
		return nil, vault.ErrSessionEnded
	}
	return o, err
}
