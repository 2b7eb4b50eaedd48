package consent

import (
	"crypto/rand"
	"crypto/sha256"
	"strconv"

	"reconnect.example/vault"
)

// RelayID names a relay: it is the id of the relay's own space.
type RelayID = vault.ID

// ParseRelayID reads what RelayID.String wrote, and nothing else.
func ParseRelayID(s string) (RelayID, error) { return vault.ParseID(s) }

// OrganisationID names an organisation: 128 random bits, never made from a name.
type OrganisationID [16]byte

// NewOrganisationID draws an id.
func NewOrganisationID() (id OrganisationID) {
	_, _ = rand.Read(id[:]) // crypto/rand.Read never fails (Go 1.24)
	return id
}

// String returns the 26 characters of the id.
func (id OrganisationID) String() string { return vault.ID(id).String() }

// IsZero reports whether the id names nothing.
func (id OrganisationID) IsZero() bool { return id == OrganisationID{} }

// MarshalText returns the 26 characters of the id.
func (id OrganisationID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is ParseOrganisationID.
func (id *OrganisationID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseOrganisationID(string(b))
	return err
}

// ParseOrganisationID reads what OrganisationID.String wrote, and nothing else.
func ParseOrganisationID(s string) (OrganisationID, error) {
	id, err := vault.ParseID(s)
	return OrganisationID(id), err
}

// InvitationID names an invitation to who manages its relay: 128 random bits. It is no
// secret and lets nobody in.
type InvitationID [16]byte

func newInvitationID() (id InvitationID) {
	_, _ = rand.Read(id[:])
	return id
}

// String returns the 26 characters of the id.
func (id InvitationID) String() string { return vault.ID(id).String() }

// IsZero reports whether the id names nothing.
func (id InvitationID) IsZero() bool { return id == InvitationID{} }

// ParseInvitationID reads what InvitationID.String wrote, and nothing else.
func ParseInvitationID(s string) (InvitationID, error) {
	id, err := vault.ParseID(s)
	return InvitationID(id), err
}

// DirectoryID is the place of the directory in stores and at the witness. It
// follows from the first public key of the authority, so that nobody else's
// directory can be taken for it.
func DirectoryID(authority AuthorityKey) vault.ID {
	sum := sha256.Sum256(append([]byte("reconnect directory v1"), authority[:]...))
	return vault.ID(sum[:16])
}

// The records of a directory D have the keys of an owner head and of Owner's pages
// of any vault (package vault, keys.go), so that backups, the witness and restores
// treat them alike:
//
//	D/h/o      the head, signed by the authority (seal.OwnerHead of the kind directory)
//	D/x/o/<n>  page n of the entries, from 0
func headKey(directory vault.ID) string { return directory.String() + "/h/o" }

func pageKey(directory vault.ID, n int) string {
	return directory.String() + "/x/o/" + strconv.Itoa(n)
}
