package vault

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
)

// idText writes 128 bits as 26 letters and digits in lower case, safe in keys,
// URLs and file names.
var idText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ID names a vault: 128 random bits, never a time and never made from a name.
type ID [16]byte

// ItemID names an item for the whole of its life, through edits and moves.
type ItemID [16]byte

// GrantID names what a person allowed to somebody. It is no secret.
type GrantID [16]byte

// SessionID names a session in a list. It is no secret: it opens nothing.
type SessionID [16]byte

func newID() (b [16]byte) {
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails (Go 1.24)
	return b
}

// String returns the 26 characters of the id.
func (id ID) String() string { return idText.EncodeToString(id[:]) }

// String returns the 26 characters of the id, or nothing for a zero id.
func (id ItemID) String() string {
	if id.IsZero() {
		return ""
	}
	return idText.EncodeToString(id[:])
}

// String returns the 26 characters of the id.
func (id SessionID) String() string { return idText.EncodeToString(id[:]) }

// String returns the 26 characters of the id.
func (id GrantID) String() string { return idText.EncodeToString(id[:]) }

// UnmarshalText reads what MarshalText wrote.
func (id *GrantID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseGrantID(string(text))
	return err
}

// IsZero reports whether the id names nothing.
func (id GrantID) IsZero() bool { return id == GrantID{} }

// MarshalText returns the 26 characters of the id.
func (id GrantID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// IsZero reports whether the id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// IsZero reports whether the id names nothing. A zero folder is the top.
func (id ItemID) IsZero() bool { return id == ItemID{} }

// MarshalText returns the 26 characters of the id.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// MarshalText returns the 26 characters of the id, or nothing for a zero id.
func (id ItemID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return nil, nil
	}
	return []byte(id.String()), nil
}

// MarshalText returns the 26 characters of the id.
func (id SessionID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is ParseItemID, and reads nothing as a zero id.
func (id *ItemID) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*id = ItemID{}
		return nil
	}
	*id, err = ParseItemID(string(b))
	return err
}

// UnmarshalText is ParseID.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}

// ParseID reads what ID.String wrote, and nothing else: no other case, no
// padding, no stray bits, so that one id has one spelling (I4).
func ParseID(s string) (ID, error) {
	b, err := parseID("vault id", s)
	return ID(b), err
}

// ParseItemID reads what ItemID.String wrote, and nothing else.
func ParseItemID(s string) (ItemID, error) {
	b, err := parseID("item id", s)
	return ItemID(b), err
}

// ParseGrantID reads what GrantID.String wrote, and nothing else.
func ParseGrantID(s string) (GrantID, error) {
	b, err := parseID("grant id", s)
	return GrantID(b), err
}

// ParseSessionID reads what SessionID.String wrote, and nothing else.
func ParseSessionID(s string) (SessionID, error) {
	b, err := parseID("session id", s)
	return SessionID(b), err
}

// ParsePathID reads what PathID.String wrote, and nothing else.
func ParsePathID(s string) (PathID, error) {
	b, err := parseID("path id", s)
	return PathID(b), err
}

func parseID(what, s string) (id [16]byte, err error) {
	b, err := idText.DecodeString(s)
	if err != nil || len(b) != len(id) || idText.EncodeToString(b) != s {
		return id, &InvalidError{Field: what, Problem: fmt.Sprintf("is not 26 of the characters a-z and 2-7 as printed (%d characters given)", len(s))}
	}
	copy(id[:], b)
	return id, nil
}
