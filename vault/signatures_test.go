package vault

import (
	"bytes"
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

// A head that was opened once is read again, and no other is: not with a bit flipped, nor of
// another vault, nor as another service's.
func TestAHeadThatIsKnownVouchesForNoOther(t *testing.T) {
	t.Parallel()
	known := newSignatures()
	service, other := seal.NewSigningKey(), seal.NewSigningKey()
	id, another := newID(), newID()
	record, err := sealJournalHead(id, service, journalHead{Count: 7})
	require.NoError(t, err)
	for range 2 {
		h, err := known.journalHead(id, service.Public(), record)
		require.NoError(t, err)
		require.Equal(t, uint64(7), h.Count)
		for at := range record {
			flipped := bytes.Clone(record)
			flipped[at] ^= 1
			_, err = known.journalHead(id, service.Public(), flipped)
			require.Error(t, err, "byte %d", at)
		}
		_, err = known.journalHead(another, service.Public(), record)
		require.Error(t, err)
		_, err = known.journalHead(id, other.Public(), record)
		require.Error(t, err)
		_, err = known.ownerHead(id, record)
		require.Error(t, err)
	}
	require.Len(t, known.right, 1)
}
