package seal

// Type says what a record is. It is part of what an envelope is bound to, so
// that a key used for two types cannot be tricked into taking one for the other
// (attack I3). A value is never reused, also when its type is gone: add at the
// end only.
type Type uint16

const (
	TypeOwnerHead    Type = 1  // signed: the owner head
	TypeSharedHead   Type = 2  // sealed: the head of Shared
	TypePrivateHead  Type = 3  // sealed: the head of Private
	TypeJournalHead  Type = 4  // signed: the journal's head
	TypePage         Type = 5  // sealed: an index page
	TypeItem         Type = 6  // sealed: an item
	TypeKeyring      Type = 7  // sealed: the generations of a compartment, under its root
	TypeKeyslot      Type = 8  // sealed: what a keyslot keeps beside its roots
	TypeRoot         Type = 9  // committed: one root inside a keyslot
	TypeWrappingKey  Type = 10 // key service: the key around a vault's keyslots
	TypeLogin        Type = 11 // sealed: which vault a login leads to
	TypeSession      Type = 12 // sealed: a session
	TypeJournalEntry Type = 13 // boxed to Owner: a journal line
	TypeDeposit      Type = 14 // boxed to an inbox: a paper from somebody else
	TypeDocument     Type = 15 // stream: a document's content
	TypeOwnerPaper   Type = 16 // sealed: consents, receipts, policy and the like in Owner
	TypeServiceKeys  Type = 17 // key service: the keys that a service opens at its start
	TypeOrigin       Type = 18 // signature: who made an item
	TypeRevision     Type = 19 // signature: who made this revision of it
	TypeReceipt      Type = 20 // signature or signed: what a person is given in proof
	TypeIncrease     Type = 21 // boxed to the operator: why somebody asks for more room
	TypeSuccession   Type = 22 // signature: an old vault key names the new one
	TypeReset        Type = 23 // signed: a counter at the witness may go back
	TypeGrant        Type = 24 // boxed: a grant, to whom it is for
	TypeVisit        Type = 25 // sealed: what a session of a worker has open
	TypeRequest      Type = 26 // sealed, committed or boxed: what belongs to a request to help somebody back in
	TypeContribution Type = 27 // boxed and signed: a half given to a request

	// 28, 29, 30, 31, 33 and 34 were kept for forms that turned out to need no types of
	// their own: the directory, relays and workers are spaces like any other, and halves go
	// with grants. Nothing was ever written as those.
	TypeApproval  Type = 32 // signed: what somebody of a relay or a desk says about a request
	TypeNote      Type = 35 // boxed and signed: a note to a relay or a worker; who asks to be let in
	TypeStatement Type = 36 // signed: what an operator states about a restored vault
	TypeKeyFile   Type = 37 // sealed: what a key file wraps for a service on one machine
	// TypeCountersigned: signed: the witness stands by what an operator stated.
	TypeCountersigned Type = 38
	TypeTerms         Type = 39 // signed: what a vault lets somebody do, and with which keys
	TypeMember        Type = 40 // signed: a relay says whose key this is, and in which role
	TypeWish          Type = 41 // signed or sealed: what a person wants at their death; what carries it out
	TypePath          Type = 42 // sealed: what Private keeps of a way back in
	TypePolicy        Type = 43 // boxed and signed: when the witness may help somebody back in

	TypeStop        Type = 44 // boxed and signed: who helps a person has ended all their sessions
	TypePolicyInbox Type = 45 // signature: to which key of its own a witness takes policies

	TypeUpload Type = 46 // sealed, and a signature in it: an upload that goes on
	TypeOnce   Type = 47 // sealed: what a session asked for, and what was answered
	TypeLink   Type = 48 // sealed, and signed: what a link may; how often links were used

	TypePartner Type = 49 // sealed, or boxed and signed: what a partner asks a person, and what came of it
	TypeAttest  Type = 50 // signature: by which key a relay signs that an original was seen
	TypeRemind  Type = 51 // signed or sealed: who is reminded of what, for the service to send it

	TypeTransfer Type = 52 // sealed, boxed, stream or signed: what moves from one operator to another

	lastType = TypeTransfer
)

// known refuses the zero type and types that this version does not know.
func (t Type) known() bool { return t >= 1 && t <= lastType }

// Compartment is one part of a vault with keys of its own.
type Compartment uint8

const (
	NoCompartment Compartment = 0 // of the vault as a whole, or of no vault
	Owner         Compartment = 1 // signing key, journal, recovery material; never given to anyone
	Shared        Compartment = 2 // what relays that are followed can be given
	Private       Compartment = 3 // the person's alone
)
