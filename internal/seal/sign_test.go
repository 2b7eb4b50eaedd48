package seal_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/internal/seal"
)

func TestSignatureVerifiesWhereItWasMade(t *testing.T) {
	t.Parallel()
	k := seal.NewSigningKey()
	rapid.Check(t, func(t *rapid.T) {
		c := drawContext(t)
		message := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "message")
		sig := k.Sign(c, message)
		require.Len(t, sig, 64)
		require.NoError(t, seal.VerifySignature(k.Public(), c, message, sig))
		require.ErrorIs(t, seal.VerifySignature(k.Public(), c, append(message, 0), sig), seal.ErrOpen)
	})
}

func TestSignatureIsEd25519OverTheDrawnBytes(t *testing.T) {
	t.Parallel()
	k := seal.NewSigningKey()
	signed := append(item().Bytes(), 0, byte(seal.AlgEd25519))
	signed = binary.BigEndian.AppendUint64(signed, 7)
	signed = append(signed, "message"...)
	require.True(t, ed25519.Verify(k.Public(), signed, k.Sign(item(), []byte("message"))))
}

func TestSignatureVerifiesNowhereElse(t *testing.T) {
	t.Parallel()
	k := seal.NewSigningKey()
	sig := k.Sign(item(), []byte("message"))
	for name, c := range elsewhere(item()) {
		require.ErrorIs(t, seal.VerifySignature(k.Public(), c, []byte("message"), sig), seal.ErrOpen, name)
	}
	require.ErrorIs(t, seal.VerifySignature(seal.NewSigningKey().Public(), item(), []byte("message"), sig), seal.ErrOpen)
	for i := range sig {
		forged := bytes.Clone(sig)
		forged[i] ^= 1
		require.ErrorIs(t, seal.VerifySignature(k.Public(), item(), []byte("message"), forged), seal.ErrOpen)
		require.ErrorIs(t, seal.VerifySignature(k.Public(), item(), []byte("message"), sig[:i]), seal.ErrOpen)
	}
	require.ErrorIs(t, seal.VerifySignature(k.Public(), item(), []byte("message"), append(bytes.Clone(sig), 0)), seal.ErrOpen)
	require.ErrorIs(t, seal.VerifySignature(k.Public(), seal.Context{}, nil, sig), seal.ErrArgument)
}

// A signature beside a record is not one inside an envelope, and the other way
// round: otherwise who gets one signed has the other.
func TestDetachedSignatureMakesNoEnvelope(t *testing.T) {
	t.Parallel()
	k := seal.NewSigningKey()
	envelope, err := k.SignEnvelope(item(), []byte("message"))
	require.NoError(t, err)
	inside := envelope[len(envelope)-64:]
	require.ErrorIs(t, seal.VerifySignature(k.Public(), item(), []byte("message"), inside), seal.ErrOpen)

	forged := append(bytes.Clone(envelope[:len(envelope)-64]), k.Sign(item(), []byte("message"))...)
	_, err = seal.OpenSigned(k.Public(), item(), forged)
	require.ErrorIs(t, err, seal.ErrOpen)
}

// badSigners are public keys under which a signature says nothing about a signer.
func badSigners() map[string][]byte {
	bad := map[string][]byte{
		"nothing":        nil,
		"a byte short":   seal.NewSigningKey().Public()[:31],
		"a byte long":    append(seal.NewSigningKey().Public(), 0),
		"not canonical":  append([]byte{0xf0}, append(bytes.Repeat([]byte{0xff}, 30), 0x7f)...),
		"identity, as p": append([]byte{0xee}, append(bytes.Repeat([]byte{0xff}, 30), 0x7f)...),
	}
	for i, y := range seal.LowOrder {
		bad["low order "+string(rune('0'+i))] = bytes.Clone(y[:])
		y[31] |= 0x80
		bad["low order with sign "+string(rune('0'+i))] = bytes.Clone(y[:])
	}
	return bad
}

// The standard library verifies one fixed signature, made without any private
// key, for about one message in eight under a key of low order. CheckPublic
// stands before it for this.
func TestLowOrderKeyWouldSignForNobody(t *testing.T) {
	t.Parallel()
	identity := append([]byte{1}, make([]byte, 31)...)
	sig := append(bytes.Clone(identity), make([]byte, 32)...) // R = identity, S = 0
	for _, y := range seal.LowOrder {
		accepted := 0
		for i := range 64 {
			message := []byte{byte(i)}
			if ed25519.Verify(y[:], message, sig) {
				accepted++
			}
			require.ErrorIs(t, seal.VerifySignature(y[:], item(), message, sig), seal.ErrFormat)
		}
		require.Positive(t, accepted, "%x is in the list but does no harm", y)
	}
}
