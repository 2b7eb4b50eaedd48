package vault

import (
	"time"

	"reconnect.example/internal/seal"
)

// Compartment is the part of a vault in which an item lies. It is the privacy
// of the item: each compartment has keys of its own, and nothing outside them
// says "private".
type Compartment uint8

const (
	// Default is where the folder lies that is given with it; without one, Private for
	// what the person adds (or as their own [Rules] say) and Shared for what a worker adds.
	Default Compartment = 0
	// Owner holds signing key, journal and consents. No item lies in it and it is never given to anyone.
	Owner = Compartment(seal.Owner)
	// Shared can be opened by the relays that the person lets follow.
	Shared = Compartment(seal.Shared)
	// Private can be opened by the person alone.
	Private = Compartment(seal.Private)
)

// String returns "owner", "shared", "private" or "default".
func (c Compartment) String() string {
	switch c {
	case Owner:
		return "owner"
	case Shared:
		return "shared"
	case Private:
		return "private"
	}
	return "default"
}

// Kind is what an item is.
type Kind uint8

// The kinds of items.
const (
	KindDocument    Kind = 1
	KindFolder      Kind = 2
	KindContact     Kind = 3
	KindAppointment Kind = 4
	KindNote        Kind = 5
	KindData        Kind = 6 // what a program keeps here: the roster of a relay
)

// String returns "document", "folder", "contact", "appointment", "note" or "data".
func (k Kind) String() string {
	if names := [...]string{"", "document", "folder", "contact", "appointment", "note", "data"}; int(k) < len(names) {
		return names[k]
	}
	return ""
}

// Date is a day as on a paper, "2026-11-21", without time or zone; "" is none.
type Date string

// Limits of one vault and of its items.
const (
	MaxItems     = 10_000
	MaxName      = 200                 // characters of a name
	MaxNote      = 20_000              // characters of a note
	MaxText      = 500                 // characters of any other text field
	BinKeeps     = 30 * 24 * time.Hour // a binned item is destroyed at the first sign-in after this
	MaxMediaType = 100                 // bytes
	MaxData      = 16 << 10            // bytes of what a program keeps
)

// Origin says who deposited an item, for which organisation, by which channel
// and when (CPCE D.537, "origine"). It is signed with the key of the depositor
// and stays as it was through edits and moves.
type Origin struct {
	By      Actor
	Channel string    // "web", "api", "import", …; what the embedder says
	At      time.Time // to the millisecond, UTC
	Digest  []byte    // SHA-256 of the document as deposited; nil for other kinds
}

// Item is one thing in a vault. Exactly one of the pointers is set, as Kind says
// (none for a folder).
type Item struct {
	ID          ItemID
	Kind        Kind
	Compartment Compartment
	Revision    uint64 // 1 at first; an edit names the revision that it saw
	Name        string
	Folder      ItemID    // zero: top
	Changed     time.Time // when somebody last changed it; a small picture, or what a worker signs about it, changes nothing
	Binned      time.Time // zero: not in the bin
	Origin      Origin

	Document    *Document
	Contact     *Contact
	Appointment *Appointment
	Note        *Note
	Data        []byte // of KindData: at most MaxData bytes, in a form that only its program knows
}

// Document is what is known of a paper besides its bytes.
type Document struct {
	MediaType string // as given by the depositor, to be treated as a claim
	Size      int64  // bytes
	Stored    int64  // bytes that count against the quota: padded, sealed
	Digest    []byte // SHA-256 of the bytes
	Issued    Date
	Expires   Date
	Thumbnail bool // there is a small picture: see [Vault.ReadThumbnails]
	// Attested is what a worker signed about exactly these bytes: see [Vault.Attest].
	// It is a claim until it is verified (package consent). "": nothing.
	Attested string
}

// Contact is what is known of somebody to reach besides the name. Every field
// may be empty.
type Contact struct {
	Role    string // "mother", "lawyer", …
	Phones  []string
	Emails  []string
	Address string
	Note    string
}

// Appointment is a meeting at a place.
type Appointment struct {
	Start    time.Time     // the instant
	Duration time.Duration // 0: not known
	Zone     string        // IANA name, "Europe/Paris", in which the person was told the hour
	AllDay   bool          // only the day of Start (in Zone) counts
	Place    string
	With     string
	Note     string
}

// Note is a text of the person's own.
type Note struct{ Text string }

// Place is where a new item goes.
type Place struct {
	Compartment Compartment // zero: Default
	Folder      ItemID      // zero: top; must lie in the same compartment
	Channel     string      // for Origin; empty: "library"
}

// NewDocument describes a document to add. Only Name is required.
type NewDocument struct {
	Name        string
	Compartment Compartment // zero: Default
	Folder      ItemID      // zero: top; must lie in the same compartment
	MediaType   string      // empty: application/octet-stream
	Size        int64       // bytes if known, so that a full space is refused before the upload; 0 or less: not known
	Issued      Date
	Expires     Date
	Channel     string // for Origin; empty: "library"
	// InPlaceOf is a document that AddDocument destroys in the commit of this one, whose space
	// counts as free for it if Size is given (N91): for what was opened, and takes its place.
	// Only AddDocument looks at it.
	InPlaceOf ItemID
	// InPlaceRevision is the revision of InPlaceOf that was opened; another one stays, and
	// nothing is added (ErrRevision).
	InPlaceRevision uint64
}

// Edit is a change of an item: what is nil stays. A field that does not fit the
// kind of the item is refused.
type Edit struct {
	Name        *string
	Folder      *ItemID
	Issued      *Date // documents
	Expires     *Date // documents
	MediaType   *string
	Contact     *Contact
	Appointment *Appointment
	Note        *Note
	Data        *[]byte
}
