package seal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
)

// vectors are read once.
var vectors = sync.OnceValues(func() (map[string]*testvectors.Vector, error) {
	return testvectors.Load("../../vault/testdata/vectors")
})

// outcomes are the errors of this package as vectors name them.
var outcomes = map[string]error{"open": seal.ErrOpen, "format": seal.ErrFormat, "kdf": seal.ErrKDF}

// TestVectors holds every vector of the stored format that is not a whole vault
// against this package, at the real floor of its KDF. Package vault does the
// same with whole vaults, examples/reader with all of them.
func TestVectors(t *testing.T) {
	t.Parallel()
	all, err := vectors()
	require.NoError(t, err)
	tried := map[string]int{}
	for name, v := range all {
		try, ok := vectorKinds[v.Text("kind")]
		if !ok {
			continue
		}
		tried[v.Text("kind")]++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := try(t, v)
			if v.Text("expect") == "success" {
				require.NoError(t, err)
				return
			}
			require.NotNil(t, outcomes[v.Text("expect")])
			require.ErrorIs(t, err, outcomes[v.Text("expect")])
		})
	}
	for kind := range vectorKinds {
		require.NotZero(t, tried[kind], kind)
	}
}

var vectorKinds = map[string]func(t *testing.T, v *testvectors.Vector) error{
	"sealed": func(t *testing.T, v *testvectors.Vector) error {
		key, err := seal.KeyFromBytes(v.Bytes("key"))
		require.NoError(t, err)
		return opensAs(t, v, key.Open)
	},
	"committed": func(t *testing.T, v *testvectors.Vector) error {
		key, err := seal.KeyFromBytes(v.Bytes("key"))
		require.NoError(t, err)
		return opensAs(t, v, key.OpenCommitted)
	},
	"boxed": func(t *testing.T, v *testvectors.Vector) error {
		key, err := seal.BoxKeyFromBytes(v.Bytes("key"))
		require.NoError(t, err)
		return opensAs(t, v, key.Open)
	},
	"kept": func(t *testing.T, v *testvectors.Vector) error {
		key, err := seal.KeyFromBytes(v.Bytes("key"))
		require.NoError(t, err)
		return opensAs(t, v, func(c seal.Context, envelope []byte) (clear, body []byte, err error) {
			return seal.OpenKeeper(c, envelope, func(sealed []byte) ([]byte, error) {
				_, plain, err := key.Open(seal.Context{Type: seal.TypeKeyFile}, sealed)
				return plain, err
			})
		})
	},
	"signed": func(t *testing.T, v *testvectors.Vector) error {
		body, err := seal.OpenSigned(v.Bytes("key"), placeOf(v), v.Bytes("envelope"))
		if err == nil {
			require.Equal(t, v.Bytes("body"), body)
		}
		return err
	},
	"signature": func(_ *testing.T, v *testvectors.Vector) error {
		return seal.VerifySignature(v.Bytes("key"), placeOf(v), v.Bytes("body"), v.Bytes("signature"))
	},
	"reset": func(t *testing.T, v *testvectors.Vector) error {
		counter, count, err := seal.OpenReset(v.Bytes("key"), [16]byte(v.Bytes("vault")), v.Bytes("envelope"))
		if err == nil {
			require.Equal(t, v.Bytes("counter"), counter[:])
			require.Equal(t, v.Number("count"), count)
		}
		return err
	},
	"restored": func(t *testing.T, v *testvectors.Vector) error {
		r, err := seal.OpenRestored(v.Bytes("operator"), v.Bytes("witness"), [16]byte(v.Bytes("vault")), v.Bytes("statement"))
		if err == nil {
			require.Equal(t, v.Number("epoch"), r.Epoch)
		}
		return err
	},
	"ownerhead": func(t *testing.T, v *testvectors.Vector) error {
		h, err := seal.OpenOwnerHead([16]byte(v.Bytes("vault")), v.Bytes("envelope"))
		if err == nil {
			require.Equal(t, v.Number("version"), h.Version)
		}
		return err
	},
	"stream": tryStream,
	"kdf": func(t *testing.T, v *testvectors.Vector) error {
		key, err := seal.KDF{
			Algorithm: uint8(v.Number("algorithm")), Time: uint32(v.Number("time")), MemoryKiB: uint32(v.Number("memory")),
			Threads: uint8(v.Number("threads")), Salt: v.Bytes("salt"),
		}.Derive([]byte(v.Text("password")))
		if err == nil {
			require.Equal(t, v.Bytes("key"), key.Bytes())
		}
		return err
	},
	"derive": func(t *testing.T, v *testvectors.Vector) error {
		require.Equal(t, v.Bytes("key"), seal.DeriveKey(v.Bytes("secret"), v.Text("label"), v.Bytes("salt")).Bytes())
		return nil
	},
	"sizes": func(t *testing.T, v *testvectors.Vector) error {
		for _, line := range v.Lines("body") {
			var n, padded int
			_, err := fmt.Sscan(line, &n, &padded)
			require.NoError(t, err)
			require.Len(t, seal.PadBody(make([]byte, n)), padded, line)
		}
		for _, line := range v.Lines("document") {
			var n, padded, sealed int64
			_, err := fmt.Sscan(line, &n, &padded, &sealed)
			require.NoError(t, err)
			require.Equal(t, padded, seal.PaddedSize(n), line)
			require.Equal(t, sealed, seal.SealedSize(n), line)
		}
		return nil
	},
	"padding": func(t *testing.T, v *testvectors.Vector) error {
		body, err := seal.UnpadBody(v.Bytes("padded"))
		if err == nil {
			require.Equal(t, v.Bytes("body"), body)
		}
		return err
	},
	"item-clear": func(_ *testing.T, v *testvectors.Vector) error {
		return seal.Unmarshal(v.Bytes("encoded"), new(itemClear))
	},
}

// itemClear is the clear header of an item, as docs/format.md draws it.
type itemClear struct {
	Revision   uint64 `cbor:"1,keyasint"`
	Generation uint64 `cbor:"2,keyasint"`
	Parts      []struct {
		Role     string `cbor:"1,keyasint"`
		Blob     string `cbor:"2,keyasint"`
		Length   int64  `cbor:"3,keyasint"`
		Digest   []byte `cbor:"4,keyasint"`
		Revision uint64 `cbor:"5,keyasint"`
	} `cbor:"3,keyasint,omitempty"`
}

func placeOf(v *testvectors.Vector) seal.Context {
	return seal.Context{
		Type: seal.Type(v.Number("type")), Vault: [16]byte(v.Bytes("vault")), Compartment: seal.Compartment(v.Number("compartment")),
		Generation: v.Number("generation"), Object: v.Bytes("object"), Revision: v.Number("revision"), Holder: v.Bytes("holder"),
	}
}

func opensAs(t *testing.T, v *testvectors.Vector, open func(seal.Context, []byte) (clear, body []byte, err error)) error {
	clear, body, err := open(placeOf(v), v.Bytes("envelope"))
	if err != nil {
		require.Nil(t, body)
		return err
	}
	require.Equal(t, v.Text("clear"), hex.EncodeToString(clear))
	require.Equal(t, v.Text("body"), hex.EncodeToString(body))
	return nil
}

// tryStream reads a stream from end to end, and then by ranges: whatever is
// wrong with it, no range releases a byte that is not the document's.
func tryStream(t *testing.T, v *testvectors.Vector) error {
	key, err := seal.KeyFromBytes(v.Bytes("key"))
	require.NoError(t, err)
	size, stream := int64(v.Number("size")), v.Bytes("stream")
	r, err := seal.NewStreamReader(bytes.NewReader(stream), key, placeOf(v), size)
	require.NoError(t, err)
	document, err := io.ReadAll(r)
	good := originalOf(t, v)
	require.True(t, bytes.HasPrefix(good, document), "a byte that is not the document's")
	if err == nil {
		digest := sha256.Sum256(document)
		require.Equal(t, v.Bytes("digest"), digest[:])
	}
	open := func(offset, length int64) (io.ReadCloser, error) {
		if offset > int64(len(stream)) {
			return nil, seal.ErrOpen
		}
		return io.NopCloser(io.NewSectionReader(bytes.NewReader(stream), offset, length)), nil
	}
	for _, at := range [][2]int64{{0, -1}, {0, 1}, {size / 2, 700}, {max(0, size-100), -1}, {size, -1}} {
		part, rangeErr := seal.NewRangeReader(open, key, placeOf(v), size, at[0], at[1])
		if rangeErr != nil {
			require.Error(t, err)
			continue
		}
		b, rangeErr := io.ReadAll(part)
		require.NoError(t, part.Close())
		if err == nil {
			require.NoError(t, rangeErr)
			require.Len(t, b, int(min(size-at[0], max(at[1], (size-at[0])*-at[1]))))
		}
		require.True(t, at[0] > int64(len(good)) || bytes.HasPrefix(good[at[0]:], b), "a byte that is not the document's")
	}
	return err
}

// originalOf is the document of the whole stream that a vector is about.
func originalOf(t *testing.T, v *testvectors.Vector) []byte {
	all, err := vectors()
	require.NoError(t, err)
	for name, whole := range all {
		if whole.Text("kind") == "stream" && whole.Text("expect") == "success" && (name == v.Name || strings.HasPrefix(v.Name, name+"-") && whole.Text("digest") == v.Text("digest")) {
			key, err := seal.KeyFromBytes(whole.Bytes("key"))
			require.NoError(t, err)
			r, err := seal.NewStreamReader(bytes.NewReader(whole.Bytes("stream")), key, placeOf(whole), int64(whole.Number("size")))
			require.NoError(t, err)
			document, err := io.ReadAll(r)
			require.NoError(t, err)
			return document
		}
	}
	require.FailNow(t, "no whole stream for "+v.Name)
	return nil
}
