package consent

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// A relay has a key of its own for attestations, in what its workers share, so that
// none of them keeps one that still signs when they have left: with the relay's other
// keys a new one is made, before the next attestation. Its public half is published,
// signed by the worker whose session made it, and stays for ever, so that what was
// attested before stays so:
//
//	R's Shared, data of form 8  CBOR{1: private value, 2: number, 3: digest of the relay's inbox key of then}
//	svc/seen/k/R/<number>       CBOR{1: envelope signed by the worker: CBOR{1: point, 2: since}, 2: credential}
//	svc/seen/e/R/<number>       its end: attest_end.go
//	svc/seen/r/<serial>         nothing: this attestation is revoked
const (
	attestKeys = "svc/seen/k/"
	revoked    = "svc/seen/r/"
)

const formAttestKey form = 8

type attestKeyData struct {
	Key    []byte   `cbor:"1,keyasint"`
	Number string   `cbor:"2,keyasint"`
	Inbox  [32]byte `cbor:"3,keyasint"`
}

// own is the key, with a number that names one; false for what is none: any of the relay's
// workers can have put it there.
func (d *attestKeyData) own() (seal.TokenKey, bool) {
	own, err := seal.TokenKeyFromBytes(d.Key)
	return own, err == nil && isAttestNumber(d.Number)
}

type attestKeyRecord struct {
	Signed     []byte `cbor:"1,keyasint"`
	Credential []byte `cbor:"2,keyasint"`
}

type attestKeyBody struct {
	Point []byte `cbor:"1,keyasint"`
	Since int64  `cbor:"2,keyasint"` // unix milliseconds
}

func attestKeyAt(relay RelayID, number string) string {
	return attestKeys + relay.String() + "/" + number
}

func revokedKey(serial string) string { return revoked + serial }

// attestKeyID is the header "kid": it says whose key it is, so that a key of one relay
// cannot pass for that of another in a program that keeps all of them in one set.
func attestKeyID(relay RelayID, number string) string { return relay.String() + "." + number }

func parseAttestKeyID(id string) (relay RelayID, number string, err error) {
	name, number, ok := strings.Cut(id, ".")
	relay, err = ParseRelayID(name)
	if !ok || err != nil || !isAttestNumber(number) {
		return relay, "", ErrNotAttested
	}
	return relay, number, nil
}

func isAttestNumber(number string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(number)
	return err == nil && len(raw) == attestNumber && base64.RawURLEncoding.EncodeToString(raw) == number // decoding passes over line breaks
}

// attestNumber bytes tell the keys of one relay apart.
const attestNumber = 6

// attesting is a relay's private key for attestations, and its name in tokens.
type attesting struct {
	own seal.TokenKey
	id  string
}

// attestKey returns the relay's key, and makes one where there is none of the relay's
// present keys.
func (p *Post) attestKey(ctx context.Context) (attesting, error) {
	if err := p.endAttestKeys(ctx); err != nil { // nobody signs with them again
		return attesting{}, err
	}
	now := p.attestInbox()
	items, err := p.shared(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) {
		return attesting{}, err
	}
	for _, it := range items {
		var d attestKeyData
		if !formAttestKey.is(it.Data) || formAttestKey.unpack(it.Data, &d) != nil {
			continue
		}
		if own, ok := d.own(); ok && d.Inbox == now {
			return attesting{own, attestKeyID(p.relay.ID, d.Number)}, nil
		}
	}
	return p.newAttestKey(ctx, now)
}

// attestName is the name under which the team keeps a key for attestations.
const attestName = "attest"

// attestInbox says of which keys of the relay a key for attestations is.
func (p *Post) attestInbox() [32]byte { return seal.Digest(p.keys.Inboxes[0].Public().Bytes()) }

// newAttestKey makes and publishes a key, in one commit. Two workers at once make two.
func (p *Post) newAttestKey(ctx context.Context, now [32]byte) (attesting, error) {
	own := seal.NewTokenKey()
	raw := make([]byte, attestNumber)
	_, _ = rand.Read(raw)
	number := base64.RawURLEncoding.EncodeToString(raw)
	data, err := formAttestKey.pack(attestKeyData{Key: own.Bytes(), Number: number, Inbox: now})
	if err != nil {
		return attesting{}, err
	}
	body, err := seal.Marshal(attestKeyBody{Point: own.Public(), Since: p.service().now().UnixMilli()})
	if err != nil {
		return attesting{}, err
	}
	signed, credential, err := p.Sign(attestBound(p.relay.ID, number), body)
	if err != nil {
		return attesting{}, err
	}
	record, err := seal.Marshal(attestKeyRecord{Signed: signed, Credential: credential})
	if err != nil {
		return attesting{}, err
	}
	_, err = p.space.TakeData(ctx, attestName, data, inRoster, func(tx *storage.Tx) error {
		tx.PutUnique(attestKeyAt(p.relay.ID, number), record)
		return nil
	})
	return attesting{own, attestKeyID(p.relay.ID, number)}, err
}

// attestPublic reads a published key. The store is not believed: who signed it must
// have helped people at this very relay, by a credential that leads to the authority (N50).
func (s *Service) attestPublic(ctx context.Context, relay RelayID, number string, raw []byte) (seal.TokenPublic, error) {
	var r attestKeyRecord
	if seal.Unmarshal(raw, &r) != nil {
		return seal.TokenPublic{}, tampered("a relay's key for attestations")
	}
	body, m, err := s.cfg.Register.Signed(ctx, attestBound(relay, number), r.Signed, r.Credential)
	if err != nil {
		return seal.TokenPublic{}, err
	}
	var b attestKeyBody
	if m.Relay != relay || !m.Roles.Has(RoleHelp) || seal.Unmarshal(body, &b) != nil {
		return seal.TokenPublic{}, tampered("a relay's key for attestations")
	}
	until, err := s.attestEnd(ctx, relay, number, b.Point)
	return seal.TokenPublic{ID: attestKeyID(relay, number), Point: bytes.Clone(b.Point), Since: string(s.dayOf(b.Since)), Until: string(until)}, err
}
