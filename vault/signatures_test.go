package vault

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

// What was verified once is right again, and makes nothing else right.
func TestASignatureThatIsKnownVouchesForNoOther(t *testing.T) {
	t.Parallel()
	known := newSignatures()
	key, other := seal.NewSigningKey(), seal.NewSigningKey()
	here, there := seal.Context{Type: seal.TypeRevision, Object: []byte("here")}, seal.Context{Type: seal.TypeRevision, Object: []byte("there")}
	message := []byte("message")
	right := signature{Key: key.Public(), Bytes: key.Sign(here, message)}
	for range 2 {
		require.NoError(t, known.verify(right, here, message))
		require.Error(t, known.verify(right, there, message))
		require.Error(t, known.verify(right, here, []byte("messagf")))
		require.Error(t, known.verify(right, here, nil))
		require.Error(t, known.verify(signature{Key: other.Public(), Bytes: right.Bytes}, here, message))
		require.Error(t, known.verify(signature{Key: key.Public(), Bytes: other.Sign(here, message)}, here, message))
	}
	require.Len(t, known.right, 1)
}
