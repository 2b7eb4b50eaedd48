package vault

import (
	"context"

	"reconnect.example/internal/seal"
)

// Directory tells a vault who others are. Package consent serves it; without one
// nobody but the person can be let in.
type Directory interface {
	// Holder returns the current keys of a relay's or a worker's own space.
	// pinned is the signing key that was seen at the first contact, nil if this is
	// it: any other than that key or one that follows it is ErrUntrustedKey (D1,
	// D2). ErrEnded if the directory does not name the holder any more.
	Holder(ctx context.Context, holder ID, pinned []byte) (HolderKeys, error)
	// Signer returns who a credential names, by its signatures alone: also somebody
	// who has left since, as what they wrote stays theirs. ErrUntrustedKey if it is
	// no credential of this directory.
	Signer(ctx context.Context, credential []byte) (Signer, error)
}

// HolderKeys are the keys of somebody who can be let into a vault.
type HolderKeys struct {
	Inbox seal.BoxPublic // what they are given is sealed to it
	Key   []byte         // Ed25519, which signs for them
	// Organisation is whose they are, zero if nobody says: two of one organisation
	// are not two where it takes two.
	Organisation [16]byte
}

// Signer is who signs with a key. Actor has everything but the name, which is not
// public: Named tells whether it is theirs.
type Signer struct {
	Actor Actor
	Key   []byte // Ed25519
	Named func(name string) bool
}

// Secret is what a person shows again for an act that a stolen session must not
// do: the password, or the access card with its PIN.
type Secret struct {
	Password string
	Card     string // as printed or read from the QR code
	PIN      string
}
