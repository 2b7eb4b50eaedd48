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
	RoleHelp   Role = Role(seal.RoleHelp) // opens what people shared with the relay
	RoleManage Role = 2                   // lets workers in and takes them out. It opens nothing of people
)

// Has reports whether the roles include all of these.
func (r Role) Has(of Role) bool { return r&of == of }

func (r Role) check() error {
	if r == 0 || r&^(RoleHelp|RoleManage) != 0 {
		return invalid("roles", "are none that there are")
	}
	return nil
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
	body, err := seal.Marshal(seal.CredentialBody{
		RelayName: relay.Name, Organisation: relay.Organisation, OrganisationName: o.Name, Roles: uint8(roles),
		Key: key, Name: nameDigest(nonce, name), Nonce: nonce, From: now.UnixMilli(),
	})
	if err != nil {
		return nil, err
	}
	own, err := space.OwnKeys(ctx)
	if err != nil {
		return nil, err
	}
	signed, err := space.SignAs(ctx, seal.CredentialContext(relay.ID, worker), body)
	if err != nil {
		return nil, err
	}
	return seal.Marshal(seal.Credential{Relay: relay.ID, Worker: worker, Key: own.Signer.Public(), Signed: signed})
}

// openCredential verifies the relay's signature. Whether the key is the relay's, the
// caller decides.
func openCredential(raw []byte) (m Member, by []byte, err error) {
	c, b, err := seal.OpenCredential(raw)
	if err != nil || Role(b.Roles).check() != nil {
		return m, nil, vault.ErrUntrustedKey
	}
	return Member{
		Relay: c.Relay, RelayName: b.RelayName, Organisation: b.Organisation, OrganisationName: b.OrganisationName,
		Worker: c.Worker, Roles: Role(b.Roles), Key: b.Key, From: time.UnixMilli(b.From).UTC(), name: b.Name, nonce: b.Nonce,
	}, c.Key, nil
}

// checkWorkerName: by this name people are told who opened their space.
func checkWorkerName(name string) error { return checkText("name", name, MaxName, true) }
