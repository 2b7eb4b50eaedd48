// Package moving is how two operators' servers speak with each other when somebody moves
// (docs/interop.md, "Moving between operators"): what the requests look like, and the
// client of the old server. Package vault decides; what is answered is believed as far as
// the person's code bears it out.
package moving

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"reconnect.example/vault"
)

// The errors of a move between servers. None names an address.
var (
	// ErrAway: the other server does not answer, or not as one of these.
	ErrAway = errors.New("moving: the other server does not answer as one does")
	// ErrAddress: the code leads to an address to which nothing is sent.
	ErrAddress = errors.New("moving: nothing is sent to this address")
	// ErrOver: the code has ended at the new server, or was used for something else.
	// It is a vault.ErrNotFound.
	ErrOver error = &alias{"moving: this code is over", vault.ErrNotFound}
	// ErrNoRoom: the space at the new server is too small. It is a vault.ErrFull.
	ErrNoRoom error = &alias{"moving: there is too little space at the new server", vault.ErrFull}
	// ErrUnderWay: another move away was begun and not ended.
	ErrUnderWay = errors.New("moving: a move is under way")
	// ErrOtherKeys: who answers at the address is not whom the code is from.
	ErrOtherKeys = errors.New("moving: who answers there is not whom the code is from")
	// ErrReceipt: the new server's receipt is not one of what was sent.
	ErrReceipt = errors.New("moving: the receipt is not one of what was sent")
	// ErrAltered: what came is not what somebody who has the code sealed.
	ErrAltered = errors.New("moving: what came is not what was sealed with the code")
)

// alias is an error of its own that is also one of package vault, as vault.TransferTo asks.
type alias struct {
	text string
	of   error
}

func (a *alias) Error() string { return a.text }
func (a *alias) Unwrap() error { return a.of }

// Keys is vault.TransferKeys on the way.
type Keys struct {
	Generation uint64 `json:"generation" minimum:"0" doc:"Of the key."`
	Inbox      []byte `json:"inbox" doc:"The X-Wing public key to which the bundle is sealed, base64. Compare with the digest in the code before you do."`
	Service    []byte `json:"service" doc:"The Ed25519 public key with which this server signs the receipt, base64. It is in the digest too."`
}

// Offer is vault.TransferOffer on the way.
type Offer struct {
	Size   int64  `json:"size" minimum:"1" doc:"Bytes of the sealed bundle."`
	Digest []byte `json:"digest" doc:"SHA-256 of it, 32 bytes, base64."`
	Box    []byte `json:"box" doc:"Its key, sealed to the new space, base64."`
}

// Progress says how far a bundle is.
type Progress struct {
	Offset int64 `json:"offset" minimum:"0" doc:"Bytes that are durable here: go on from there."`
}

// Signed is a receipt on the way.
type Signed struct {
	Receipt []byte `json:"receipt,omitempty" doc:"As it was signed, base64 (docs/format.md). Missing as long as nobody has taken the bundle in."`
}

// MoveReceipt is what both sides keep of a move, as people and programs are given it.
type MoveReceipt struct {
	From   string    `json:"from" doc:"The old server, as it calls itself."`
	To     string    `json:"to" doc:"Address of the new one, as the code has it."`
	At     time.Time `json:"at" doc:"When it was taken in."`
	Digest []byte    `json:"digest" doc:"SHA-256 of the bundle in clear, base64."`
	Items  int       `json:"items" doc:"How many things came in."`
	There  int       `json:"there" doc:"How many were there already."`
	Key    []byte    `json:"key" doc:"Ed25519 public key of the new server, base64."`
	Signed []byte    `json:"signed" doc:"The receipt as it was signed, base64 (docs/format.md)."`
}

// ReceiptOf is a receipt as people and programs are given it; nil for none.
func ReceiptOf(r *vault.TransferReceipt) *MoveReceipt {
	if r == nil {
		return nil
	}
	return &MoveReceipt{From: r.From, To: r.To, At: r.At, Digest: r.Digest[:], Items: r.Items, There: r.There, Key: r.Key, Signed: r.Signed}
}

// Where the new server takes bundles, and the headers of a piece of one, which are those of tus.
const (
	Path         = "/api/v1/transfer"
	Bundle       = "/bundle"
	Receipt      = "/receipt"
	HeaderOffset = "Upload-Offset"
	MediaType    = "application/offset+octet-stream"
)

// TicketText is a ticket as it stands in "Authorization: Bearer …". It is a secret.
func TicketText(k vault.TransferTicket) string {
	return base64.RawURLEncoding.EncodeToString(append(k.Vault[:], k.Token[:]...))
}

// ParseTicket reads the header of a request. vault.ErrNotFound for what is no ticket: the
// same as for one that opens nothing.
func ParseTicket(header string) (k vault.TransferTicket, err error) {
	const scheme = "Bearer "
	if len(header) <= len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return k, vault.ErrNotFound
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(header[len(scheme):])
	if err != nil || len(raw) != len(k.Vault)+len(k.Token) {
		return vault.TransferTicket{}, vault.ErrNotFound
	}
	copy(k.Vault[:], raw)
	copy(k.Token[:], raw[len(k.Vault):])
	return k, nil
}
