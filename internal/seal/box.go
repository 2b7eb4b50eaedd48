package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"fmt"
	"sync"

	"github.com/tink-crypto/tink-go/v2/hybrid"
	"github.com/tink-crypto/tink-go/v2/hybrid/hpke"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/secretdata"
)

// BoxPublicSize is the length of an X-Wing public key: ML-KEM-768, then X25519.
const BoxPublicSize = mlkem.EncapsulationKeySize768 + 32

// BoxKey is the private half of an inbox: the 32-byte seed of an X-Wing key pair
// (draft-connolly-cfrg-xwing-kem). It cannot be printed.
type BoxKey struct{ secret }

// BoxPublic is the public half, in its raw encoding.
type BoxPublic []byte

// NewBoxKey draws a key pair.
func NewBoxKey() (BoxKey, error) { return BoxKey{randomSecret()}, nil }

// BoxKeyFromBytes takes the 32-byte seed, copied. All zero is refused.
func BoxKeyFromBytes(b []byte) (BoxKey, error) {
	s, err := newSecret(b)
	return BoxKey{s}, err
}

// Public returns the public half, nil for a zero key.
func (k BoxKey) Public() BoxPublic {
	private, err := k.tink()
	if err != nil {
		return nil
	}
	public, err := private.PublicKey()
	if err != nil {
		return nil
	}
	p, ok := public.(*hpke.PublicKey)
	if !ok {
		return nil
	}
	return bytes.Clone(p.PublicKeyBytes())
}

// BoxPublicFromBytes takes a public key from outside, copied. ErrFormat if it is
// of the wrong length, malformed, of low order or not in its one canonical
// encoding (attack D7).
func BoxPublicFromBytes(b []byte) (BoxPublic, error) {
	p := BoxPublic(bytes.Clone(b))
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, nil
}

// Bytes returns a copy of the raw encoding.
func (p BoxPublic) Bytes() []byte { return bytes.Clone(p) }

func (p BoxPublic) check() error {
	if len(p) != BoxPublicSize {
		return fmt.Errorf("%w: length of public key", ErrFormat)
	}
	if _, err := mlkem.NewEncapsulationKey768(p[:mlkem.EncapsulationKeySize768]); err != nil {
		return fmt.Errorf("%w: public key", ErrFormat)
	}
	point := p[mlkem.EncapsulationKeySize768:]
	if !canonical25519(point) {
		return fmt.Errorf("%w: public key", ErrFormat)
	}
	public, err := ecdh.X25519().NewPublicKey(point)
	if err != nil {
		return fmt.Errorf("%w: public key", ErrFormat)
	}
	// A point of low order gives zero with every private key; ECDH then refuses.
	private, err := probe()
	if err != nil {
		return errTink("x25519")
	}
	if _, err := private.ECDH(public); err != nil {
		return fmt.Errorf("%w: public key", ErrFormat)
	}
	return nil
}

// probe is a private key that is nobody's secret. It is made once: to make it
// costs as much as to use it, and every line of a journal is sealed to a key
// that was checked.
var probe = sync.OnceValues(func() (*ecdh.PrivateKey, error) {
	return ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{1}, 32))
})

// canonical25519 says whether b is a number below 2^255 - 19, little-endian: the
// one encoding of its point's coordinate.
func canonical25519(b []byte) bool {
	if b[31] != 0x7f {
		return b[31] < 0x7f
	}
	for i := 30; i > 0; i-- {
		if b[i] != 0xff {
			return true
		}
	}
	return b[0] < 0xed
}

// Seal closes body to the holder of the private half, for the place c: HPKE in
// base mode (RFC 9180) with X-Wing, HKDF-SHA256 and AES-256-GCM, everything it is
// bound to as HPKE's info. It does not say who sealed: sign where that matters.
func (p BoxPublic) Seal(c Context, clear, body []byte) ([]byte, error) {
	if err := checkSeal(c, false, clear); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	params, err := boxParameters()
	if err != nil {
		return nil, err
	}
	public, err := hpke.NewPublicKey(p, 0, params)
	if err != nil {
		return nil, errTink("box public key")
	}
	h, err := handle(public)
	if err != nil {
		return nil, err
	}
	e, err := hybrid.NewHybridEncrypt(h)
	if err != nil {
		return nil, errTink("box primitive")
	}
	payload, err := e.Encrypt(PadBody(body), c.bind(Format, AlgBox, clear))
	if err != nil {
		return nil, errTink("box")
	}
	return frame(c, AlgBox, clear, payload), nil
}

// Open opens what [BoxPublic.Seal] made to this key for the same place. clear is
// a part of envelope, body is new.
func (k BoxKey) Open(c Context, envelope []byte) (clear, body []byte, err error) {
	e, err := parseFor(c, AlgBox, envelope)
	if err != nil {
		return nil, nil, err
	}
	private, err := k.tink()
	if err != nil {
		return nil, nil, ErrOpen
	}
	h, err := handle(private)
	if err != nil {
		return nil, nil, ErrOpen
	}
	d, err := hybrid.NewHybridDecrypt(h)
	if err != nil {
		return nil, nil, ErrOpen
	}
	padded, err := d.Decrypt(e.payload, c.bind(Format, AlgBox, e.clear))
	if err != nil {
		return nil, nil, ErrOpen
	}
	body, err = UnpadBody(padded)
	if err != nil {
		return nil, nil, err
	}
	return e.clear, body, nil
}

func (k BoxKey) tink() (*hpke.PrivateKey, error) {
	if k.IsZero() {
		return nil, fmt.Errorf("%w: zero key", ErrArgument)
	}
	h := *k.p
	h.pair.Do(func() {
		if params, err := boxParameters(); err == nil {
			h.box, _ = hpke.NewPrivateKey(secretdata.NewBytesFromData(h.raw[:], insecuresecretdataaccess.Token{}), 0, params)
		}
	})
	if h.box == nil {
		return nil, errTink("box private key")
	}
	return h.box, nil
}

func boxParameters() (*hpke.Parameters, error) {
	p, err := hpke.NewParameters(hpke.ParametersOpts{
		KEMID:   hpke.X_WING,
		KDFID:   hpke.HKDFSHA256,
		AEADID:  hpke.AES256GCM,
		Variant: hpke.VariantNoPrefix,
	})
	if err != nil {
		return nil, errTink("box parameters")
	}
	return p, nil
}
