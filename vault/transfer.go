package vault

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"time"
	"unicode"

	"reconnect.example/internal/digits"
	"reconnect.example/internal/seal"
)

// A move between operators (G60). The vault at the new one shows a code once and takes in
// what came (transfer_arrival.go, transfer_arrived.go); the vault at the old one seals
// everything to it (transfer_departure.go) and sends
// it through the new service (transfer_service.go), which holds no key that opens it.
//
//	code = where the new one is | vault | secret | digest of its keys | check
//
// From the secret follow the token, which the new service is shown with each request and
// under which it keeps the record, and the sender's word, which only who has the code can
// put into the box: so that neither the network nor the new operator's store can send
// another bundle in its place, nor learn the key of this one (N70, N71).

// TransferLasts is how long a transfer code is good for, unless it is said otherwise.
const TransferLasts = 24 * time.Hour

// MostTransferLasts is the longest time a transfer code can be good for.
const MostTransferLasts = 7 * 24 * time.Hour

// TransferCode is what the new vault shows and the old one is given. It is a secret
// until the move is over; it opens nothing that is stored.
type TransferCode struct {
	Where string // of the new operator's service, such as "https://safe.example"
	Vault ID     // at the new operator

	secret [16]byte
	keys   [16]byte // digest of the keys that the new service will say
}

const (
	transferLabel = "reconnect transfer code 1"
	transferRaw   = 16 + 16 + 16
	transferCheck = 4
	mostWhere     = 200
)

// String does not say it.
func (TransferCode) String() string { return "transfer code" }

// GoString does not say it.
func (TransferCode) GoString() string { return "transfer code" }

// Text is what is shown, copied and put into a QR code: where, "#", and 84 characters
// in groups of four, in the alphabet of access cards.
func (c TransferCode) Text() string {
	raw := append(append(append(make([]byte, 0, transferRaw+transferCheck), c.Vault[:]...), c.secret[:]...), c.keys[:]...)
	text := cardText().EncodeToString(append(raw, c.sum(raw)...))
	groups := make([]string, 0, len(text)/cardGroup)
	for ; text != ""; text = text[min(cardGroup, len(text)):] {
		groups = append(groups, text[:min(cardGroup, len(text))])
	}
	return c.Where + "#" + strings.Join(groups, "-")
}

func (c TransferCode) sum(raw []byte) []byte {
	sum := sha256.Sum256(append([]byte(transferLabel+c.Where), raw...))
	return sum[:transferCheck]
}

// ParseTransferCode reads what [TransferCode.Text] wrote, as it is scanned, pasted or
// typed. InvalidError for anything else, also for one mistyped character.
func ParseTransferCode(s string) (c TransferCode, err error) {
	bad := &InvalidError{Field: "code", Problem: "is not a transfer code; a character is missing or mistyped"}
	where, rest, ok := strings.Cut(strings.TrimSpace(s), "#")
	if !ok || len(s) > 1000 {
		return c, bad
	}
	if c.Where = where; checkWhere(where) != nil {
		return TransferCode{}, bad
	}
	var text strings.Builder
	for _, r := range rest {
		if d, ok := digits.Value(r); ok {
			text.WriteByte('0' + d)
			continue
		}
		switch u := unicode.ToUpper(r); {
		case u == 'O':
			text.WriteByte('0')
		case u == 'I' || u == 'L':
			text.WriteByte('1')
		case u < unicode.MaxASCII && strings.ContainsRune(cardAlphabet, u):
			text.WriteRune(u)
		case !unicode.IsSpace(r) && !strings.ContainsRune(separators, r):
			return TransferCode{}, bad
		}
	}
	raw, err := cardText().DecodeString(text.String())
	if err != nil || len(raw) != transferRaw+transferCheck || cardText().EncodeToString(raw) != text.String() {
		return TransferCode{}, bad
	}
	body := raw[:transferRaw]
	if subtle.ConstantTimeCompare(c.sum(body), raw[transferRaw:]) != 1 {
		return TransferCode{}, bad
	}
	copy(c.Vault[:], body)
	copy(c.secret[:], body[16:])
	copy(c.keys[:], body[32:])
	return c, nil
}

// checkWhere refuses what does not stand in one line before the code.
func checkWhere(where string) error {
	if where == "" || len(where) > mostWhere || strings.ContainsFunc(where, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' }) {
		return &InvalidError{Field: "where", Problem: "is not the address of a service"}
	}
	return nil
}

func newTransferSecret() (secret [16]byte) {
	_, _ = rand.Read(secret[:]) // never fails
	return secret
}

func transferDerive(from []byte, what string) [32]byte {
	h := hmac.New(sha256.New, from)
	h.Write([]byte("reconnect transfer 1 " + what))
	return [32]byte(h.Sum(nil))
}

// transferSecrets are what follows from the secret of a code.
type transferSecrets struct {
	ticket TransferTicket
	sender [32]byte
}

func secretsOf(vault ID, secret [16]byte) transferSecrets {
	return transferSecrets{ticket: TransferTicket{Vault: vault, Token: transferDerive(secret[:], "token")}, sender: transferDerive(secret[:], "sender")}
}

// TransferTicket admits the old service to one transfer at the new one. It is a secret.
type TransferTicket struct {
	Vault ID // at the new operator
	Token [32]byte
}

// String does not say it.
func (TransferTicket) String() string { return "transfer ticket" }

// GoString does not say it.
func (TransferTicket) GoString() string { return "transfer ticket" }

// id names the transfer in what is bound to it.
func (k TransferTicket) id() [16]byte {
	d := transferDerive(k.Token[:], "id")
	return [16]byte(d[:16])
}

func (k TransferTicket) key() (seal.Key, error) {
	d := transferDerive(k.Token[:], "record")
	return seal.KeyFromBytes(d[:])
}

// What of a transfer a thing is, as the revision of its place: none passes for another.
const (
	transferRecord  = 0 // V/tr
	transferBox     = 1 // key, digest and the sender's word
	transferStream  = 2 // the bundle
	transferReceipt = 3 // that it was taken in
)

func (k TransferTicket) bind(what uint64) seal.Context {
	id := k.id()
	return k.Vault.bind(seal.TypeTransfer, 0, 0, id[:], what)
}

// TransferKeys are what the new service says of the vault that waits.
type TransferKeys struct {
	Generation uint64 // of Inbox
	Inbox      []byte // X-Wing public key of the new vault's Private
	Service    []byte // Ed25519 public key of the new service, which signs the receipt
}

// digest is what the code says of them.
func (k TransferKeys) digest() (d [16]byte, err error) {
	b, err := seal.Marshal(transferKeysBody(k))
	sum := sha256.Sum256(append([]byte("reconnect transfer keys 1 "), b...))
	return [16]byte(sum[:16]), err
}

type transferKeysBody struct {
	Generation uint64 `cbor:"1,keyasint"`
	Inbox      []byte `cbor:"2,keyasint"`
	Service    []byte `cbor:"3,keyasint"`
}

// TransferOffer announces what will be sent.
type TransferOffer struct {
	Size   int64    // bytes of the sealed bundle
	Digest [32]byte // SHA-256 of it
	Box    []byte   // its key, sealed to the new vault
}

// transferBody is what the box of an offer holds.
type transferBody struct {
	Sender [32]byte `cbor:"1,keyasint"` // that who sealed it has the code
	Key    []byte   `cbor:"2,keyasint"`
	Size   int64    `cbor:"3,keyasint"` // bytes of the bundle
	Digest [32]byte `cbor:"4,keyasint"` // SHA-256 of it
	From   string   `cbor:"5,keyasint"` // the old operator, in words
}

// TransferReceipt is what both sides keep of a move: signed by the new service. It
// says that the person's session there has opened this bundle and taken it in.
type TransferReceipt struct {
	From   string    // the old operator, as it called itself
	To     string    // the new one, as the code has it
	Vault  ID        // at the new one
	At     time.Time // to the second
	Digest [32]byte  // SHA-256 of the bundle that was taken in
	Items  int       // that came in
	There  int       // that were there already
	Key    []byte    // Ed25519 public key of the new service
	Signed []byte    // the receipt as it was signed; docs/format.md, "Moving"
}

type transferReceiptBody struct {
	From   string   `cbor:"1,keyasint"`
	To     string   `cbor:"2,keyasint"`
	At     int64    `cbor:"3,keyasint"` // unix seconds
	Digest [32]byte `cbor:"4,keyasint"`
	Items  int      `cbor:"5,keyasint"`
	There  int      `cbor:"6,keyasint"`
}

// openTransferReceipt verifies a receipt; ErrTampered for what the key did not sign
// for this transfer.
func openTransferReceipt(k TransferTicket, key, signed []byte) (r TransferReceipt, err error) {
	var b transferReceiptBody
	raw, err := seal.OpenSigned(key, k.bind(transferReceipt), signed)
	if err != nil || seal.Unmarshal(raw, &b) != nil {
		return r, tampered("receipt of a transfer")
	}
	return TransferReceipt{From: b.From, To: b.To, Vault: k.Vault, At: time.Unix(b.At, 0).UTC(), Digest: b.Digest, Items: b.Items, There: b.There, Key: key, Signed: signed}, nil
}
