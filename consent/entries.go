package consent

import (
	"slices"

	"reconnect.example/vault"
)

// Organisation is who answers for relays: an association, a town, a State body.
type Organisation struct {
	ID        OrganisationID `cbor:"1,keyasint" json:"id"`
	Name      string         `cbor:"2,keyasint" json:"name"`
	Country   string         `cbor:"3,keyasint" json:"country"` // two capital letters (ISO 3166-1)
	Withdrawn vault.Date     `cbor:"4,keyasint,omitempty" json:"withdrawn,omitempty"`
}

// Relay is a centre, a shelter, a team or a desk.
type Relay struct {
	ID           RelayID        `cbor:"1,keyasint" json:"id"`
	Organisation OrganisationID `cbor:"2,keyasint" json:"organisation"`
	Name         string         `cbor:"3,keyasint" json:"name"`
	Type         RelayType      `cbor:"4,keyasint" json:"type"`
	Place        string         `cbor:"5,keyasint,omitempty" json:"place,omitempty"`
	Contact      string         `cbor:"6,keyasint,omitempty" json:"contact,omitempty"` // of the relay, never of a person
	Country      string         `cbor:"7,keyasint" json:"country"`                     // two capital letters (ISO 3166-1)
	Languages    []string       `cbor:"8,keyasint,omitempty" json:"languages,omitempty"`
	// Key is the first signing key of the relay's space. It never changes: what
	// follows it, the head of that space says.
	Key RelayKey `cbor:"9,keyasint" json:"key"`
	// Since is the day from which the relay is one.
	Since vault.Date `cbor:"10,keyasint" json:"since"`
	// Withdrawn is the day when the relay was taken out of the directory; "": it is
	// in. It counts from its publication, whatever the day. The entry stays, so that
	// what its workers signed can be told for ever.
	Withdrawn vault.Date `cbor:"11,keyasint,omitempty" json:"withdrawn,omitempty"`
}

// Licence is what a relay bought for a while: from the beginning of the day From to
// the end of the day To.
type Licence struct {
	Relay     RelayID    `cbor:"1,keyasint" json:"relay"`
	Number    string     `cbor:"2,keyasint" json:"number"` // one relay has each number once
	From      vault.Date `cbor:"3,keyasint" json:"from"`
	To        vault.Date `cbor:"4,keyasint" json:"to"`
	Fee       int64      `cbor:"5,keyasint,omitempty" json:"fee"` // in the smallest unit of the currency
	Currency  string     `cbor:"6,keyasint" json:"currency"`      // three capital letters (ISO 4217)
	Payer     string     `cbor:"7,keyasint,omitempty" json:"payer,omitempty"`
	Withdrawn vault.Date `cbor:"8,keyasint,omitempty" json:"withdrawn,omitempty"`
}

// RelayType is what kind of place a relay is: a stable code. A type that a later
// version knows is shown as it is.
type RelayType string

// The types that the authority signs.
const (
	TypeCCAS      RelayType = "ccas"       // social services of a town
	TypeShelter   RelayType = "shelter"    // emergency shelter
	TypeDayCentre RelayType = "day-centre" //
	TypeCada      RelayType = "cada"       // housing for those who ask for asylum
	TypeCHRS      RelayType = "chrs"       // housing with social rehabilitation
	TypeOutreach  RelayType = "outreach"   // a team on the street
	TypeHealth    RelayType = "health"     // a place of care
	TypeDesk      RelayType = "desk"       // answers the phone
	TypeOther     RelayType = "other"
)

var relayTypes = []RelayType{TypeCCAS, TypeShelter, TypeDayCentre, TypeCada, TypeCHRS, TypeOutreach, TypeHealth, TypeDesk, TypeOther}

// RelayTypes returns the types that the authority signs.
func RelayTypes() []RelayType { return slices.Clone(relayTypes) }

// RelayKey is an Ed25519 public key of a relay's space, and as text "rr-" and seven
// groups of eight letters and digits, of which the last five characters check the
// others.
type RelayKey [32]byte

// String returns the text of the key: 65 characters.
func (k RelayKey) String() string { return relayText.Format(k) }

// MarshalText returns the text of the key.
func (k RelayKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText is ParseRelayKey.
func (k *RelayKey) UnmarshalText(text []byte) (err error) {
	*k, err = ParseRelayKey(string(text))
	return err
}

// ParseRelayKey reads the text of a key: dashes, spaces and the case of letters do
// not count. vault.ErrInvalid if it is not one.
func ParseRelayKey(text string) (RelayKey, error) {
	key, err := relayText.Parse(text)
	if err != nil {
		return RelayKey{}, invalid("key", "is not a public key of a relay: %v", err)
	}
	return key, nil
}

// entry is one entry of a page: exactly one of its fields is set.
type entry struct {
	Organisation *Organisation `cbor:"1,keyasint,omitempty"`
	Relay        *Relay        `cbor:"2,keyasint,omitempty"`
	Licence      *Licence      `cbor:"3,keyasint,omitempty"`
}

func (e entry) isOne() bool {
	n := 0
	for _, there := range []bool{e.Organisation != nil, e.Relay != nil, e.Licence != nil} {
		if there {
			n++
		}
	}
	return n == 1
}

// check holds what an entry must be by itself.
func (e entry) check() error {
	switch {
	case e.Organisation != nil:
		return e.Organisation.check()
	case e.Relay != nil:
		return e.Relay.check()
	default:
		return e.Licence.check()
	}
}
