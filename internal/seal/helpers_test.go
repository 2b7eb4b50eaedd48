package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/internal/seal"
)

// document is the place of a document's content in these tests, item that of a
// record.
func document() seal.Context {
	c := item()
	c.Type = seal.TypeDocument
	return c
}

func item() seal.Context {
	return seal.Context{
		Type: seal.TypeItem, Vault: [16]byte{1, 2, 3}, Compartment: seal.Private, Generation: 4,
		Object: []byte("birth certificate"), Revision: 5, Holder: []byte("amina"),
	}
}

// elsewhere lists places that differ from c in one field each.
func elsewhere(c seal.Context) map[string]seal.Context {
	places := map[string]seal.Context{}
	change := func(name string, f func(*seal.Context)) {
		d := c
		f(&d)
		places[name] = d
	}
	change("another type", func(d *seal.Context) { d.Type++ })
	change("another vault", func(d *seal.Context) { d.Vault[15]++ })
	change("no vault", func(d *seal.Context) { d.Vault = [16]byte{} })
	change("another compartment", func(d *seal.Context) { d.Compartment = seal.Shared })
	change("another generation", func(d *seal.Context) { d.Generation++ })
	change("another object", func(d *seal.Context) { d.Object = append(bytes.Clone(d.Object), 'x') })
	change("no object", func(d *seal.Context) { d.Object = nil })
	change("another revision", func(d *seal.Context) { d.Revision++ })
	change("generation and revision exchanged", func(d *seal.Context) { d.Generation, d.Revision = d.Revision, d.Generation })
	change("another holder", func(d *seal.Context) { d.Holder = []byte("bashir") })
	change("object and holder exchanged", func(d *seal.Context) { d.Object, d.Holder = d.Holder, d.Object })
	change("object and holder cut elsewhere", func(d *seal.Context) {
		n := len(d.Object) - 1
		d.Object, d.Holder = d.Object[:n:n], append([]byte{d.Object[n]}, d.Holder...)
	})
	return places
}

// drawContext draws any place.
func drawContext(t *rapid.T) seal.Context {
	c := seal.Context{
		Type:        seal.Type(rapid.Uint16Range(1, uint16(seal.LastType)).Draw(t, "type")),
		Compartment: seal.Compartment(rapid.Uint8().Draw(t, "compartment")),
		Generation:  rapid.Uint64().Draw(t, "generation"),
		Object:      rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "object"),
		Revision:    rapid.Uint64().Draw(t, "revision"),
		Holder:      rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "holder"),
	}
	copy(c.Vault[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "vault"))
	return c
}

// way is one way to close a record; each test of envelopes takes all of them.
type way struct {
	name string
	alg  seal.Algorithm
	seal func(c seal.Context, clear, body []byte) ([]byte, error)
	open func(c seal.Context, envelope []byte) (clear, body []byte, err error)
	// stranger opens like open, with a key of its own.
	stranger func(c seal.Context, envelope []byte) (clear, body []byte, err error)
}

func ways(t testing.TB) []way {
	t.Helper()
	return waysWith(t, randomBytes(32))
}

// goldenKey is the secret of the records in testdata.
var goldenKey = bytes.Repeat([]byte{0x42}, 32)

func waysWith(t testing.TB, raw []byte) []way {
	t.Helper()
	key, err := seal.KeyFromBytes(raw)
	require.NoError(t, err)
	box, err := seal.BoxKeyFromBytes(raw)
	require.NoError(t, err)
	signer, err := seal.SigningKeyFromBytes(raw)
	require.NoError(t, err)
	otherBox, err := seal.NewBoxKey()
	require.NoError(t, err)
	other, otherSigner := seal.NewKey(), seal.NewSigningKey()
	keeper, otherKeeper := newKeeper(t), newKeeper(t)

	openSigned := func(k seal.SigningKey) func(seal.Context, []byte) ([]byte, []byte, error) {
		return func(c seal.Context, envelope []byte) (clear, body []byte, err error) {
			body, err = seal.OpenSigned(k.Public(), c, envelope)
			return body, body, err
		}
	}
	openKept := func(k testKeeper) func(seal.Context, []byte) ([]byte, []byte, error) {
		return func(c seal.Context, envelope []byte) (clear, body []byte, err error) {
			return seal.OpenKeeper(c, envelope, k.decrypt)
		}
	}
	return []way{
		{"sealed", seal.AlgXAES, key.Seal, key.Open, other.Open},
		{"committed", seal.AlgCommitted, key.SealCommitted, key.OpenCommitted, other.OpenCommitted},
		{"boxed", seal.AlgBox, box.Public().Seal, box.Open, otherBox.Open},
		{"signed", seal.AlgEd25519, func(c seal.Context, _, body []byte) ([]byte, error) {
			return signer.SignEnvelope(c, body)
		}, openSigned(signer), openSigned(otherSigner)},
		{"kept by the key service", seal.AlgKeeper, func(c seal.Context, clear, body []byte) ([]byte, error) {
			return seal.SealKeeper(c, clear, body, keeper.encrypt)
		}, openKept(keeper), openKept(otherKeeper)},
	}
}

// testKeeper is a key service: it seals bytes and takes no associated data.
type testKeeper struct{ aead cipher.AEAD }

var errKeeper = errors.New("key service: refused")

func newKeeper(t testing.TB) testKeeper {
	block, err := aes.NewCipher(randomBytes(32))
	require.NoError(t, err)
	aead, err := cipher.NewGCMWithRandomNonce(block)
	require.NoError(t, err)
	return testKeeper{aead}
}

func (k testKeeper) encrypt(b []byte) ([]byte, error) { return k.aead.Seal(nil, nil, b, nil), nil }

func (k testKeeper) decrypt(b []byte) ([]byte, error) {
	plain, err := k.aead.Open(nil, nil, b, nil)
	if err != nil {
		return nil, errKeeper
	}
	return plain, nil
}

// step is how far a sweep over an envelope's bytes goes at once: an X-Wing key
// is slow to use, so that boxes are sampled unless everything is asked for.
func (w way) step() int {
	if w.alg == seal.AlgBox && os.Getenv("RECONNECT_TEST_ALL") != "1" {
		return 17
	}
	return 1
}

// requireRefused demands one of the refusals of envelopes, and no plaintext.
func requireRefused(t require.TestingT, clear, body []byte, err error, msg ...any) {
	refused := errors.Is(err, seal.ErrOpen) || errors.Is(err, seal.ErrFormat) || errors.Is(err, errKeeper)
	require.True(t, refused, append([]any{err}, msg...)...)
	require.Nil(t, clear, msg...)
	require.Nil(t, body, msg...)
}

func sealStream(t require.TestingT, key seal.Key, place seal.Context, doc []byte) []byte {
	var out bytes.Buffer
	w, err := seal.NewStreamWriter(&out, key, place)
	require.NoError(t, err)
	_, err = w.Write(doc)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.EqualValues(t, len(doc), w.Size())
	return out.Bytes()
}

func randomBytes(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.Read(p)
	return p
}
