package seal_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/streamingaead"
	"github.com/tink-crypto/tink-go/v2/streamingaead/aesgcmhkdf"
	"github.com/tink-crypto/tink-go/v2/tink"

	"reconnect.example/internal/seal"
)

// tinkStream is Tink's own streaming AEAD with our parameters.
func tinkStream(t *testing.T, key seal.Key) tink.StreamingAEAD {
	t.Helper()
	params, err := aesgcmhkdf.NewParameters(aesgcmhkdf.ParametersOpts{
		KeySizeInBytes:        32,
		DerivedKeySizeInBytes: 32,
		HKDFHashType:          aesgcmhkdf.SHA256,
		SegmentSizeInBytes:    256 << 10,
	})
	require.NoError(t, err)
	k, err := aesgcmhkdf.NewKey(params, secretdata.NewBytesFromData(key.Bytes(), insecuresecretdataaccess.Token{}))
	require.NoError(t, err)
	m := keyset.NewManager()
	id, err := m.AddKey(k)
	require.NoError(t, err)
	require.NoError(t, m.SetPrimary(id))
	h, err := m.Handle()
	require.NoError(t, err)
	s, err := streamingaead.New(h)
	require.NoError(t, err)
	return s
}

// TestStreamIsTinks: Tink opens what we sealed and we open what Tink sealed, at
// every length where the form changes.
func TestStreamIsTinks(t *testing.T) {
	t.Parallel()
	key := seal.NewStreamKey()
	theirs, associated := tinkStream(t, key), seal.StreamAssociated(document())
	for _, n := range boundaries() {
		doc := randomBytes(n)
		padded := append(bytes.Clone(doc), make([]byte, int(seal.PaddedSize(int64(n)))-n)...)

		r, err := theirs.NewDecryptingReader(bytes.NewReader(sealStream(t, key, document(), doc)), associated)
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err, n)
		require.True(t, bytes.Equal(padded, got), n)

		var out bytes.Buffer
		w, err := theirs.NewEncryptingWriter(&out, associated)
		require.NoError(t, err)
		_, err = w.Write(padded)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.EqualValues(t, seal.SealedSize(int64(n)), out.Len(), n)
		got, err = openStream(&out, key, document(), n)
		require.NoError(t, err, n)
		require.True(t, bytes.Equal(doc, got), n)
	}
}
