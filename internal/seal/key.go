package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xaesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/key"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// xaesSalt is the longest salt that XAES-256-GCM takes: with the IV 24 random
// bytes a message, so that one key serves any number of records.
const xaesSalt = 12

// Key is a key of 256 bits. Each key has one use: records ([Key.Seal]), what a
// human secret opens ([Key.SealCommitted]), or one stream. It cannot be printed.
// It may be used by many goroutines at once.
type Key struct{ secret }

// NewKey draws a key.
func NewKey() Key { return Key{randomSecret()} }

// KeyFromBytes takes exactly 32 bytes, copied. All zero is refused.
func KeyFromBytes(b []byte) (Key, error) {
	s, err := newSecret(b)
	return Key{s}, err
}

// DeriveKey makes a key from a secret of full entropy (a root, a token, a
// random half) by HKDF-SHA256. It is not for what people remember: see [KDF].
// Different labels give unrelated keys. An empty secret gives the zero key,
// which seals and opens nothing.
func DeriveKey(secret []byte, label string, salt []byte) Key {
	if len(secret) == 0 {
		return Key{}
	}
	info := appendField([]byte(suite+" derive"), []byte(label))
	b, err := hkdf.Key(sha256.New, secret, salt, string(info), 32)
	if err != nil {
		return Key{}
	}
	k, _ := KeyFromBytes(b)
	return k
}

// Seal closes body for the place c under XAES-256-GCM, padded to a size class
// first. clear stays readable and is bound to it.
func (k Key) Seal(c Context, clear, body []byte) ([]byte, error) {
	if err := checkSeal(c, k.IsZero(), clear); err != nil {
		return nil, err
	}
	payload, err := sealXAES(k.raw(), PadBody(body), c.bind(Format, AlgXAES, clear))
	if err != nil {
		return nil, err
	}
	return frame(c, AlgXAES, clear, payload), nil
}

// Open opens what [Key.Seal] made with the same key for the same place. clear is
// a part of envelope, body is new.
func (k Key) Open(c Context, envelope []byte) (clear, body []byte, err error) {
	e, err := parseFor(c, AlgXAES, envelope)
	if err != nil {
		return nil, nil, err
	}
	if k.IsZero() {
		return nil, nil, ErrOpen
	}
	body, err = openXAES(k.raw(), e.payload, c.bind(Format, AlgXAES, e.clear))
	if err != nil {
		return nil, nil, err
	}
	return e.clear, body, nil
}

func sealXAES(raw, padded, associated []byte) ([]byte, error) {
	a, err := newXAES(raw)
	if err != nil {
		return nil, err
	}
	payload, err := a.Encrypt(padded, associated)
	if err != nil {
		return nil, fmt.Errorf("%w: too long", ErrArgument)
	}
	return payload, nil
}

func openXAES(raw, payload, associated []byte) ([]byte, error) {
	a, err := newXAES(raw)
	if err != nil {
		return nil, ErrOpen
	}
	padded, err := a.Decrypt(payload, associated)
	if err != nil {
		return nil, ErrOpen // and nothing of Tink's text, which tells the cases apart
	}
	return UnpadBody(padded)
}

func newXAES(raw []byte) (tink.AEAD, error) {
	p, err := xaesgcm.NewParameters(xaesgcm.VariantNoPrefix, xaesSalt)
	if err != nil {
		return nil, errTink("xaes parameters")
	}
	k, err := xaesgcm.NewKey(secretdata.NewBytesFromData(raw, insecuresecretdataaccess.Token{}), 0, p)
	if err != nil {
		return nil, errTink("xaes key")
	}
	h, err := handle(k)
	if err != nil {
		return nil, err
	}
	a, err := aead.New(h)
	if err != nil {
		return nil, errTink("xaes primitive")
	}
	return a, nil
}

// handle puts one key into a keyset of its own. Which key opens what is said by
// the place, so that Tink's key ids and prefixes are not used.
func handle(k key.Key) (*keyset.Handle, error) {
	m := keyset.NewManager()
	id, err := m.AddKey(k)
	if err != nil {
		return nil, errTink("keyset")
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, errTink("keyset")
	}
	h, err := m.Handle()
	if err != nil {
		return nil, errTink("keyset")
	}
	return h, nil
}

// errTink drops Tink's own text: a library's error about a key is not ours to vouch for.
func errTink(what string) error { return fmt.Errorf("%w: %s", ErrArgument, what) }
