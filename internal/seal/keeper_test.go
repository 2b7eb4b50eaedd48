package seal_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

func TestKeyServiceErrorsPassUnchanged(t *testing.T) {
	t.Parallel()
	away := errors.New("key service: away")
	fail := func([]byte) ([]byte, error) { return nil, away }
	_, err := seal.SealKeeper(item(), nil, []byte("key"), fail)
	require.Equal(t, away, err)

	k := newKeeper(t)
	envelope, err := seal.SealKeeper(item(), nil, []byte("key"), k.encrypt)
	require.NoError(t, err)
	_, _, err = seal.OpenKeeper(item(), envelope, fail)
	require.Equal(t, away, err)
}

// A key service takes no associated data: two of its ciphertexts are told apart
// only by what is inside them (attack H1).
func testSwappedKeeperCiphertexts(t *testing.T) {
	k := newKeeper(t)
	other := item()
	other.Vault[0]++
	mine, err := seal.SealKeeper(item(), []byte("c"), []byte("my key"), k.encrypt)
	require.NoError(t, err)
	theirs, err := seal.SealKeeper(other, []byte("c"), []byte("their key"), k.encrypt)
	require.NoError(t, err)
	swapped := append(bytes.Clone(mine[:headLen+1]), theirs[headLen+1:]...)
	clear, body, err := seal.OpenKeeper(item(), swapped, k.decrypt)
	require.ErrorIs(t, err, seal.ErrOpen)
	require.Nil(t, clear)
	require.Nil(t, body)
}

func TestKeyServiceThatAnswersNonsenseIsRefused(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	envelope, err := seal.SealKeeper(item(), nil, []byte("key"), k.encrypt)
	require.NoError(t, err)
	for _, answer := range [][]byte{nil, {}, {0}, make([]byte, 7), bytes.Repeat([]byte{255}, 8), randomBytes(500)} {
		_, _, err = seal.OpenKeeper(item(), envelope, func([]byte) ([]byte, error) { return answer, nil })
		require.ErrorIs(t, err, seal.ErrOpen)
	}
}
