package consent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// ReceiptSchema is the version of the form of receipts, docs/receipt.schema.json. Its
// fields are those of consent records and receipts in ISO/IEC TS 27560:2023.
const ReceiptSchema = "reconnect-receipt-1"

// Receipt proves to a person what they agreed to, or that it has ended. It is signed
// with the key of their vault and countersigned by the service, so that neither can
// make one up for the other. It names no person: the principal is the vault's id.
// Print it with Text, or keep its JSON.
type Receipt struct {
	Schema     string       `json:"schema_version" cbor:"1,keyasint"`
	ID         string       `json:"record_id" cbor:"2,keyasint"`        // 128 random bits
	Principal  vault.ID     `json:"pii_principal_id" cbor:"3,keyasint"` // a pseudonym: the id of the vault
	Processing Processing   `json:"pii_processing" cbor:"4,keyasint"`
	Controller Party        `json:"pii_controller" cbor:"5,keyasint"`
	Recipient  Party        `json:"recipient" cbor:"6,keyasint"`
	Event      ConsentEvent `json:"event" cbor:"7,keyasint"`
	Signatures Signatures   `json:"signatures" cbor:"-"`
}

// Processing is what the person agreed to. The texts are stable codes that pages put
// into words, as Text does.
type Processing struct {
	Notice           NoticeReference `json:"privacy_notice" cbor:"1,keyasint"`
	Purposes         []string        `json:"purposes" cbor:"2,keyasint"`
	LawfulBasis      string          `json:"lawful_basis" cbor:"3,keyasint"` // "consent": GDPR, article 6 (1) (a)
	Data             []string        `json:"pii_information" cbor:"4,keyasint"`
	Scope            string          `json:"processing_method" cbor:"5,keyasint"` // "see", "see-and-add", "give", "help" or "take"
	Storage          []string        `json:"storage_locations" cbor:"6,keyasint"`
	Retention        string          `json:"retention_period" cbor:"7,keyasint"`
	WithdrawalMethod []string        `json:"withdrawal_method" cbor:"8,keyasint"`
	Rights           []string        `json:"privacy_rights" cbor:"9,keyasint"`
}

// NoticeReference says which notice was read. Its text is kept with the grant.
type NoticeReference struct {
	Version  string `json:"version" cbor:"1,keyasint"`
	Language string `json:"language" cbor:"2,keyasint"`
	Digest   string `json:"sha256" cbor:"3,keyasint"` // of its text, in hexadecimal
}

// Party is somebody who answers for what they see.
type Party struct {
	ID      string `json:"party_id" cbor:"1,keyasint"`
	Name    string `json:"party_name" cbor:"2,keyasint"`
	Contact string `json:"party_contact,omitempty" cbor:"3,keyasint,omitempty"`
	Address string `json:"party_address,omitempty" cbor:"4,keyasint,omitempty"`
	Country string `json:"party_country,omitempty" cbor:"5,keyasint,omitempty"`
	Role    string `json:"party_role" cbor:"6,keyasint"` // "controller", "relay", "desk", "worker" or "partner"
}

// ConsentEvent is what happened. Times are written as RFC 3339, in UTC.
type ConsentEvent struct {
	Time     string `json:"event_time" cbor:"1,keyasint"`
	Type     string `json:"event_type" cbor:"2,keyasint"`                    // "explicit", by the person's own act; "ended" without it
	State    string `json:"event_state" cbor:"3,keyasint"`                   // see the states
	Duration string `json:"validity_duration" cbor:"4,keyasint"`             // "until-withdrawn", or the end of it
	Refers   string `json:"refers_to,omitempty" cbor:"5,keyasint,omitempty"` // of an end: the receipt of the beginning
	Channel  string `json:"collection_method" cbor:"6,keyasint"`             // "relay", "web", …
	Entity   string `json:"entity_id" cbor:"7,keyasint"`                     // who did it: "principal", "recipient", "service"
}

// The states of a consent.
const (
	StateGiven      = "given"
	StateWithdrawn  = "withdrawn"  // by the person
	StateExpired    = "expired"    // its time is over, or a visit ended
	StateTerminated = "terminated" // given up by the relay, or the relay is not in the directory any more
)

// Signatures are those of a receipt.
type Signatures struct {
	VaultKey   []byte `json:"vault_key"` // Ed25519
	Vault      []byte `json:"vault"`     // envelope that holds all other fields
	ServiceKey []byte `json:"service_key"`
	Service    []byte `json:"service"` // over the envelope
}

// A receipt is signed as the CBOR of its fields but for the signatures, in an
// envelope of the type receipt, object its id. The service signs the vault's key and
// the envelope: so the receipt also holds who the vault was.
func receiptContext(principal vault.ID, id string) seal.Context {
	return seal.Context{Type: seal.TypeReceipt, Vault: principal, Object: []byte(id)}
}

func countersignContext(principal vault.ID, id string, key []byte) seal.Context {
	c := receiptContext(principal, id)
	c.Holder = key
	return c
}

// sign signs a receipt as the vault and as the service.
func (s *Service) sign(ctx context.Context, v *vault.Vault, r *Receipt) error {
	r.Schema, r.Principal = ReceiptSchema, v.ID()
	body, err := seal.Marshal(r)
	if err != nil {
		return invalid("receipt", "cannot be written: it is not valid text")
	}
	r.Signatures.Vault, err = v.SignAs(ctx, receiptContext(v.ID(), r.ID), body)
	if err != nil {
		return err
	}
	r.Signatures.VaultKey, r.Signatures.ServiceKey = v.Key(), s.cfg.Vaults.PublicKey()
	r.Signatures.Service, err = s.cfg.Vaults.Countersign(countersignContext(v.ID(), r.ID, r.Signatures.VaultKey), r.Signatures.Vault)
	if err != nil {
		return err
	}
	return r.Verify(s.cfg.Vaults.PublicKey())
}

// Verify checks both signatures, against the public key of the service (see
// [vault.Vaults.PublicKey]): vault.ErrUntrustedKey for another key,
// vault.ErrTampered if a field was changed.
func (r *Receipt) Verify(service []byte) error {
	broken := tampered("receipt")
	if !bytes.Equal(service, r.Signatures.ServiceKey) {
		return vault.ErrUntrustedKey
	}
	body, err := seal.Marshal(r)
	if err != nil {
		return broken
	}
	signed, err := seal.OpenSigned(r.Signatures.VaultKey, receiptContext(r.Principal, r.ID), r.Signatures.Vault)
	if err != nil || !bytes.Equal(signed, body) || r.Schema != ReceiptSchema {
		return broken
	}
	c := countersignContext(r.Principal, r.ID, r.Signatures.VaultKey)
	if seal.VerifySignature(service, c, r.Signatures.Vault, r.Signatures.Service) != nil {
		return broken
	}
	return nil
}

// ParseReceipt reads a receipt from its JSON. It is not verified yet.
func ParseReceipt(b []byte) (r Receipt, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields() // what is shown is what was signed
	if err := d.Decode(&r); err != nil || d.More() {
		return Receipt{}, invalid("receipt", "is not the JSON of a receipt")
	}
	return r, nil
}

// Digest is what the terms of a grant are bound to.
func (r *Receipt) digest() []byte {
	sum := sha256.Sum256(r.Signatures.Vault)
	return sum[:]
}

// keptReceipt is a receipt as it lies with its grant: the envelope holds its fields.
type keptReceipt struct {
	VaultKey   []byte `cbor:"1,keyasint"`
	Vault      []byte `cbor:"2,keyasint"`
	ServiceKey []byte `cbor:"3,keyasint"`
	Service    []byte `cbor:"4,keyasint"`
	ID         string `cbor:"5,keyasint"`
}

func (r *Receipt) kept() keptReceipt {
	s := r.Signatures
	return keptReceipt{VaultKey: s.VaultKey, Vault: s.Vault, ServiceKey: s.ServiceKey, Service: s.Service, ID: r.ID}
}

func (k keptReceipt) open(principal vault.ID) (r Receipt, err error) {
	body, err := seal.OpenSigned(k.VaultKey, receiptContext(principal, k.ID), k.Vault)
	if err != nil || seal.Unmarshal(body, &r) != nil {
		return Receipt{}, tampered("receipt")
	}
	r.Signatures = Signatures{VaultKey: k.VaultKey, Vault: k.Vault, ServiceKey: k.ServiceKey, Service: k.Service}
	return r, r.Verify(k.ServiceKey)
}

func noticeReference(n vault.Notice) NoticeReference {
	sum := sha256.Sum256([]byte(n.Text))
	return NoticeReference{Version: n.Version, Language: n.Language, Digest: hex.EncodeToString(sum[:])}
}

// stamp writes an instant as receipts do.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// ended is the receipt of the end of what another receipt began.
func (r *Receipt) ended(g vault.Grant) Receipt {
	end := Receipt{ID: endID(g.ID), Processing: r.Processing, Controller: r.Controller, Recipient: r.Recipient}
	end.Event = ConsentEvent{Time: stamp(g.Ended), Refers: r.ID, Channel: r.Event.Channel, Duration: r.Event.Duration, Type: "ended", Entity: "service"}
	switch g.EndedBy {
	case vault.EndedByPerson:
		end.Event.State, end.Event.Type, end.Event.Entity = StateWithdrawn, "explicit", "principal"
	case vault.EndedByTime, vault.EndedBySession:
		end.Event.State = StateExpired
	case vault.EndedByHolder:
		end.Event.State, end.Event.Entity = StateTerminated, "recipient"
	default:
		end.Event.State = StateTerminated
	}
	return end
}

// endID follows from the grant, so that a receipt of the end that is asked for twice
// is the same one.
func endID(g vault.GrantID) string {
	sum := sha256.Sum256(append([]byte("reconnect receipt of the end"), g[:]...))
	return vault.ID(sum[:16]).String()
}
