package consent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// Role says what somebody may do at a relay: bits.
type Role uint8

// The roles. A value is never reused.
const (
	RoleHelp   Role = 1 // opens what people shared with the relay
	RoleManage Role = 2 // lets workers in and takes them out. It opens nothing of people
)

// Has reports whether the roles include all of these.
func (r Role) Has(of Role) bool { return r&of == of }

func (r Role) check() error {
	if r == 0 || r&^(RoleHelp|RoleManage) != 0 {
		return invalid("roles", "are none that there are")
	}
	return nil
}

// A credential says whose a worker's key is: the relay's space signs it with its
// own key, which follows the one that the authority signed. It goes with everything
// that the worker signs, so that its author can be told for ever (N9). The name is
// not in it, but a digest over a nonce, as credentials are kept where the name must
// not be readable.
//
//	CBOR{1: relay, 2: worker, 3: the relay's key that signed, 4: signed: CBOR of credentialBody}
type credential struct {
	Relay  [16]byte `cbor:"1,keyasint"`
	Worker [16]byte `cbor:"2,keyasint"`
	Key    []byte   `cbor:"3,keyasint"`
	Signed []byte   `cbor:"4,keyasint"`
}

type credentialBody struct {
	RelayName        string   `cbor:"1,keyasint"`
	Organisation     [16]byte `cbor:"2,keyasint"`
	OrganisationName string   `cbor:"3,keyasint"`
	Roles            Role     `cbor:"4,keyasint"`
	Key              []byte   `cbor:"5,keyasint"` // the worker's, Ed25519
	Name             []byte   `cbor:"6,keyasint"` // digest of nonce and name
	Nonce            []byte   `cbor:"7,keyasint"`
	From             int64    `cbor:"8,keyasint"` // unix milliseconds
}

func credentialContext(relay RelayID, worker vault.ID) seal.Context {
	return seal.Context{Type: seal.TypeMember, Vault: relay, Object: worker[:]}
}

// subject is what the terms of a membership are bound to: of two credentials of one
// worker, the grant says which one counts.
func subject(credential []byte) []byte {
	sum := sha256.Sum256(credential)
	return sum[:]
}

func nameDigest(nonce []byte, name string) []byte {
	h := sha256.New()
	h.Write([]byte("reconnect name of a worker"))
	h.Write(nonce)
	h.Write([]byte(name))
	return h.Sum(nil)
}

// Member is whom a credential names.
type Member struct {
	Relay            RelayID
	RelayName        string // as the directory had it then
	Organisation     OrganisationID
	OrganisationName string
	Worker           vault.ID
	Roles            Role
	Key              []byte // Ed25519
	From             time.Time

	name, nonce []byte
}

// Named reports whether this is the member's name.
func (m Member) Named(name string) bool {
	return subtle.ConstantTimeCompare(nameDigest(m.nonce, name), m.name) == 1
}

// actor is the member, but for the name.
func (m Member) actor() vault.Actor {
	return vault.Actor{Kind: vault.ActorWorker, ID: m.Worker.String(), Organisation: m.OrganisationName, Relay: m.RelayName, RelayID: m.Relay.String()}
}

// newCredential lets the space of a relay say whose a worker's key is.
func newCredential(ctx context.Context, space *vault.Vault, relay Relay, o Organisation, worker vault.ID, key []byte, name string, roles Role, now time.Time) ([]byte, error) {
	if err := errors.Join(roles.check(), checkWorkerName(name)); err != nil {
		return nil, err
	}
	if seal.CheckPublic(key) != nil { // D7
		return nil, vault.ErrUntrustedKey
	}
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce)
	body, err := seal.Marshal(credentialBody{
		RelayName: relay.Name, Organisation: relay.Organisation, OrganisationName: o.Name, Roles: roles,
		Key: key, Name: nameDigest(nonce, name), Nonce: nonce, From: now.UnixMilli(),
	})
	if err != nil {
		return nil, err
	}
	own, err := space.OwnKeys(ctx)
	if err != nil {
		return nil, err
	}
	signed, err := space.SignAs(ctx, credentialContext(relay.ID, worker), body)
	if err != nil {
		return nil, err
	}
	return seal.Marshal(credential{Relay: relay.ID, Worker: worker, Key: own.Signer.Public(), Signed: signed})
}

// openCredential verifies the relay's signature. Whether the key is the relay's, the
// caller decides.
func openCredential(raw []byte) (m Member, by []byte, err error) {
	var c credential
	if seal.Unmarshal(raw, &c) != nil {
		return m, nil, vault.ErrUntrustedKey
	}
	signed, err := seal.OpenSigned(c.Key, credentialContext(c.Relay, c.Worker), c.Signed)
	var b credentialBody
	if err != nil || seal.Unmarshal(signed, &b) != nil || b.Roles.check() != nil || seal.CheckPublic(b.Key) != nil || len(b.Nonce) != 16 {
		return m, nil, vault.ErrUntrustedKey
	}
	return Member{
		Relay: c.Relay, RelayName: b.RelayName, Organisation: b.Organisation, OrganisationName: b.OrganisationName,
		Worker: c.Worker, Roles: b.Roles, Key: b.Key, From: time.UnixMilli(b.From).UTC(), name: b.Name, nonce: b.Nonce,
	}, c.Key, nil
}

// checkWorkerName: by this name people are told who opened their space.
func checkWorkerName(name string) error { return checkText("name", name, MaxName, true) }
