package seal_test

import (
	"bytes"
	"crypto/hpke"
	"crypto/mlkem"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

// TestBoxIsHPKEOfTheStandardLibrary: keys, ciphertext and binding are those of
// RFC 9180 with X-Wing, by an implementation that is not Tink's.
func TestBoxIsHPKEOfTheStandardLibrary(t *testing.T) {
	t.Parallel()
	key, err := seal.NewBoxKey()
	require.NoError(t, err)
	private, err := hpke.MLKEM768X25519().NewPrivateKey(key.Bytes())
	require.NoError(t, err)
	require.Equal(t, private.PublicKey().Bytes(), key.Public().Bytes())
	associated := append(item().Bytes(), 1, 2, 0, 0, 0, 0, 0, 0, 0, 5)
	associated = append(associated, "clear"...)

	envelope, err := key.Public().Seal(item(), []byte("clear"), []byte("body"))
	require.NoError(t, err)
	plain, err := hpke.Open(private, hpke.HKDFSHA256(), hpke.AES256GCM(), associated, envelope[headLen+clearLen:])
	require.NoError(t, err)
	require.Equal(t, seal.PadBody([]byte("body")), plain)

	payload, err := hpke.Seal(private.PublicKey(), hpke.HKDFSHA256(), hpke.AES256GCM(), associated, seal.PadBody([]byte("theirs")))
	require.NoError(t, err)
	_, body, err := key.Open(item(), append(bytes.Clone(envelope[:headLen+clearLen]), payload...))
	require.NoError(t, err)
	require.Equal(t, "theirs", string(body))
}

// badBoxKeys are public keys that a store or a stranger might offer.
func badBoxKeys(t *testing.T) map[string][]byte {
	t.Helper()
	key, err := seal.NewBoxKey()
	require.NoError(t, err)
	good := key.Public()
	point := func(hexPoint string) []byte {
		p, err := hex.DecodeString(hexPoint)
		require.NoError(t, err)
		require.Len(t, p, 32)
		return append(bytes.Clone(good[:mlkem.EncapsulationKeySize768]), p...)
	}
	modulus := bytes.Clone(good)
	modulus[0], modulus[1] = 0xff, 0xff // a coefficient over the modulus of ML-KEM
	highBit := bytes.Clone(good)
	highBit[len(highBit)-1] |= 0x80
	return map[string][]byte{
		"nothing":                       nil,
		"a byte short":                  good[:len(good)-1],
		"a byte long":                   append(bytes.Clone(good), 0),
		"an X25519 key":                 good[mlkem.EncapsulationKeySize768:],
		"an Ed25519 key":                seal.NewSigningKey().Public(),
		"its own private half":          key.Bytes(),
		"an ML-KEM key":                 good[:mlkem.EncapsulationKeySize768],
		"a malformed ML-KEM key":        modulus,
		"nothing but zeros":             make([]byte, seal.BoxPublicSize),
		"nothing but ones":              bytes.Repeat([]byte{0xff}, seal.BoxPublicSize),
		"the point 0":                   point("0000000000000000000000000000000000000000000000000000000000000000"),
		"the point 1":                   point("0100000000000000000000000000000000000000000000000000000000000000"),
		"a point of order 8":            point("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
		"the other point of order 8":    point("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
		"the point p-1":                 point("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"p, another name of 0":          point("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"p+9, another name of 9":        point("f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"a good point with its top bit": highBit,
	}
}

func testBadKeysRefused(t *testing.T) {
	for name, b := range badBoxKeys(t) {
		p, err := seal.BoxPublicFromBytes(b)
		require.ErrorIs(t, err, seal.ErrFormat, name)
		require.Nil(t, p)
		// Nor is anything sealed to it by who skipped that check.
		_, err = seal.BoxPublic(b).Seal(item(), nil, []byte("body"))
		require.ErrorIs(t, err, seal.ErrFormat, name)
	}
	for name, b := range badSigners() {
		require.ErrorIs(t, seal.CheckPublic(b), seal.ErrFormat, name)
	}
}

func TestGoodPublicKeysAreTaken(t *testing.T) {
	t.Parallel()
	for range 20 {
		key, err := seal.NewBoxKey()
		require.NoError(t, err)
		p, err := seal.BoxPublicFromBytes(key.Public().Bytes())
		require.NoError(t, err)
		require.Equal(t, key.Public(), p)
		require.NoError(t, seal.CheckPublic(seal.NewSigningKey().Public()))
	}
}
