//go:build !race

// Under the race detector a pool forgets on purpose what it was given.

package seal_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

// Of the target P1 the half that is no time: at most 16 kB for each stream, here
// for one sealed and one opened.
func TestStreamsAllocateLittle(t *testing.T) {
	key, doc := seal.NewStreamKey(), randomBytes(1<<20)
	sealed := sealStream(t, key, document(), doc)
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w, err := seal.NewStreamWriter(onlyWriter{io.Discard}, key, document())
			require.NoError(b, err)
			_, err = io.Copy(w, onlyReader{bytes.NewReader(doc)})
			require.NoError(b, err)
			require.NoError(b, w.Close())
			s, err := seal.NewStreamReader(onlyReader{bytes.NewReader(sealed)}, key, document(), int64(len(doc)))
			require.NoError(b, err)
			_, err = io.Copy(onlyWriter{io.Discard}, s)
			require.NoError(b, err)
		}
	})
	require.Less(t, result.AllocedBytesPerOp(), int64(2*16<<10))
}
