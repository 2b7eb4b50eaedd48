package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/internal/seal"
)

func TestKeysAreExactly32BytesAndNotZero(t *testing.T) {
	t.Parallel()
	for n := range 70 {
		b := bytes.Repeat([]byte{7}, n)
		_, err := seal.KeyFromBytes(b)
		_, errBox := seal.BoxKeyFromBytes(b)
		_, errSigning := seal.SigningKeyFromBytes(b)
		if n == 32 {
			require.NoError(t, err)
			require.NoError(t, errBox)
			require.NoError(t, errSigning)
			continue
		}
		require.ErrorIs(t, err, seal.ErrArgument)
		require.ErrorIs(t, errBox, seal.ErrArgument)
		require.ErrorIs(t, errSigning, seal.ErrArgument)
	}
	k, err := seal.KeyFromBytes(make([]byte, 32))
	require.ErrorIs(t, err, seal.ErrArgument)
	require.True(t, k.IsZero())
}

func TestKeysGoToBytesAndBack(t *testing.T) {
	t.Parallel()
	k := seal.NewKey()
	again, err := seal.KeyFromBytes(k.Bytes())
	require.NoError(t, err)
	envelope, err := k.Seal(item(), nil, []byte("body"))
	require.NoError(t, err)
	_, body, err := again.Open(item(), envelope)
	require.NoError(t, err)
	require.Equal(t, "body", string(body))

	box, err := seal.NewBoxKey()
	require.NoError(t, err)
	boxAgain, err := seal.BoxKeyFromBytes(box.Bytes())
	require.NoError(t, err)
	require.Equal(t, box.Public(), boxAgain.Public())

	s := seal.NewSigningKey()
	sAgain, err := seal.SigningKeyFromBytes(s.Bytes())
	require.NoError(t, err)
	require.Equal(t, s.Public(), sAgain.Public())
}

func TestKeyDoesNotShareItsBytes(t *testing.T) {
	t.Parallel()
	b := bytes.Repeat([]byte{7}, 32)
	k, err := seal.KeyFromBytes(b)
	require.NoError(t, err)
	clear(b)
	out := k.Bytes()
	require.Equal(t, bytes.Repeat([]byte{7}, 32), out)
	clear(out)
	require.Equal(t, bytes.Repeat([]byte{7}, 32), k.Bytes())
}

func TestDerivedKeysDependOnEverything(t *testing.T) {
	t.Parallel()
	root := bytes.Repeat([]byte{1}, 32)
	base := seal.DeriveKey(root, "keyring", []byte("salt"))
	require.Equal(t, base.Bytes(), seal.DeriveKey(root, "keyring", []byte("salt")).Bytes())
	for name, k := range map[string]seal.Key{
		"secret": seal.DeriveKey(bytes.Repeat([]byte{2}, 32), "keyring", []byte("salt")),
		"label":  seal.DeriveKey(root, "keyrinG", []byte("salt")),
		"salt":   seal.DeriveKey(root, "keyring", []byte("Salt")),
		"none":   seal.DeriveKey(root, "keyring", nil),
	} {
		require.False(t, k.IsZero())
		require.NotEqual(t, base.Bytes(), k.Bytes(), name)
	}
	require.True(t, seal.DeriveKey(nil, "keyring", nil).IsZero())
}

func TestOwnHKDFIsHKDF(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "secret")
		salt := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "salt")
		info := rapid.SliceOfN(rapid.Byte(), 0, 500).Draw(t, "info")
		want, err := hkdf.Key(sha256.New, secret, salt, string(info), 32)
		require.NoError(t, err)
		got := seal.HKDF256(secret, salt, info)
		require.Equal(t, want, got[:])
	})
}

// openXAES opens XAES-256-GCM as its specification says (C2SP, xaes-256-gcm,
// version 1), with nothing but AES and GCM.
func openXAES(t require.TestingT, key, payload, associated []byte) []byte {
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	subkey := make([]byte, 16)
	block.Encrypt(subkey, subkey)
	carry := byte(0)
	for i := 15; i >= 0; i-- {
		next := subkey[i] >> 7
		subkey[i] = subkey[i]<<1 | carry
		carry = next
	}
	subkey[15] ^= carry * 0x87

	var derived []byte
	for counter := byte(1); counter <= 2; counter++ {
		m := append([]byte{0, counter, 'X', 0}, payload[:12]...)
		for i := range m {
			m[i] ^= subkey[i]
		}
		block.Encrypt(m, m)
		derived = append(derived, m...)
	}
	inner, err := aes.NewCipher(derived)
	require.NoError(t, err)
	gcm, err := cipher.NewGCM(inner)
	require.NoError(t, err)
	plain, err := gcm.Open(nil, payload[12:24], payload[24:], associated)
	require.NoError(t, err)
	return plain
}

func TestRecordIsXAESWithTheDrawnBinding(t *testing.T) {
	t.Parallel()
	k := seal.NewKey()
	envelope, err := k.Seal(item(), []byte("clear"), []byte("body"))
	require.NoError(t, err)
	associated := append(item().Bytes(), 1, 1, 0, 0, 0, 0, 0, 0, 0, 5)
	associated = append(associated, "clear"...)
	plain := openXAES(t, k.Bytes(), envelope[8+5:], associated)
	require.Equal(t, seal.PadBody([]byte("body")), plain)
}
