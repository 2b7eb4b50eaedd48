package seal_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

const clearLen, headLen, commitmentLen = 5, 8, 32

// splice puts the commitment of one envelope before the ciphertext of another.
func splice(commitment, ciphertext []byte) []byte {
	at := headLen + clearLen + commitmentLen
	return append(bytes.Clone(commitment[:at]), ciphertext[at:]...)
}

// A store that found a ciphertext for many passwords still has to choose one
// commitment: the ciphertext that opens under b is refused under b, because what
// stands before it commits to a. Without the commitment b would open it.
func testCommitmentRefusesFirst(t *testing.T) {
	a, b := seal.NewKey(), seal.NewKey()
	forA, err := a.SealCommitted(item(), []byte("clear"), []byte("roots"))
	require.NoError(t, err)
	forB, err := b.SealCommitted(item(), []byte("clear"), []byte("roots"))
	require.NoError(t, err)

	crafted := splice(forA, forB)
	for _, k := range []seal.Key{a, b} {
		clear, body, err := k.OpenCommitted(item(), crafted)
		require.ErrorIs(t, err, seal.ErrOpen)
		require.Nil(t, clear)
		require.Nil(t, body)
	}
	_, body, err := b.OpenCommitted(item(), splice(forB, forB))
	require.NoError(t, err, "the same bytes under b's own commitment")
	require.Equal(t, "roots", string(body))
}

func TestCommitmentNamesOneKeyAndOnePlace(t *testing.T) {
	t.Parallel()
	k := seal.NewKey()
	commitment := func(k seal.Key, c seal.Context) string {
		envelope, err := k.SealCommitted(c, []byte("clear"), nil)
		require.NoError(t, err)
		return string(envelope[headLen+clearLen:][:commitmentLen])
	}
	seen := map[string]bool{commitment(k, item()): true}
	require.True(t, seen[commitment(k, item())])
	for name, c := range elsewhere(item()) {
		require.False(t, seen[commitment(k, c)], name)
	}
	require.False(t, seen[commitment(seal.NewKey(), item())])
}

// The two uses of one key share nothing: neither opens the other's ciphertext.
func TestCommittedCiphertextIsNotUnderTheKeyItself(t *testing.T) {
	t.Parallel()
	k := seal.NewKey()
	envelope, err := k.SealCommitted(item(), []byte("clear"), []byte("roots"))
	require.NoError(t, err)
	bare := append(bytes.Clone(envelope[:headLen+clearLen]), envelope[headLen+clearLen+commitmentLen:]...)
	bare[1] = byte(seal.AlgXAES)
	_, _, err = k.Open(item(), bare)
	require.ErrorIs(t, err, seal.ErrOpen)
}

// Every length that SealCommitted does not make is refused by its length: also
// without any key the answer is ErrFormat, so that nothing was tried.
func testWrongLengthRefusedBeforeDecrypting(t *testing.T) {
	k := seal.NewKey()
	envelope, err := k.SealCommitted(item(), []byte("clear"), []byte("roots"))
	require.NoError(t, err)
	for n := headLen + clearLen; n < len(envelope)+512; n++ {
		resized := make([]byte, n)
		copy(resized, envelope)
		if n == len(envelope) || n == len(envelope)+256 { // the classes 256 and 512
			continue
		}
		for _, key := range []seal.Key{k, {}} {
			_, _, err = key.OpenCommitted(item(), resized)
			require.ErrorIs(t, err, seal.ErrFormat, n)
		}
	}
}
