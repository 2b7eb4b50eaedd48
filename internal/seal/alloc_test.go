//go:build !race

// Under the race detector a pool forgets on purpose what it was given.

package seal_test

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

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

// No document lies in a buffer that the next stream gets, however the stream
// that had it ended.
func TestBuffersGoBackWithoutPlaintext(t *testing.T) {
	mark := []byte("only the person may read this")
	for _, n := range []int{10, 1000, 20_000} { // marks, of 29 bytes each
		doc := bytes.Repeat(mark, n)
		key := seal.NewStreamKey()
		sealed := sealStream(t, key, document(), doc)
		clean := func(how string) {
			t.Helper()
			require.False(t, seal.PooledBuffersHold(mark), "%d bytes, %s", len(doc), how)
		}
		clean("written")

		w, err := seal.NewStreamWriter(io.Discard, key, document())
		require.NoError(t, err)
		_, err = w.ReadFrom(onlyReader{bytes.NewReader(doc)})
		require.NoError(t, err)
		require.NoError(t, w.Close())
		clean("fed by a reader")

		w, err = seal.NewStreamWriter(io.Discard, key, document())
		require.NoError(t, err)
		_, err = w.ReadFrom(io.MultiReader(bytes.NewReader(doc), iotest.ErrReader(errBroken)))
		require.Equal(t, errBroken, err)
		require.Equal(t, errBroken, w.Close())
		clean("source failed")

		open := func() *seal.StreamReader {
			s, err := seal.NewStreamReader(bytes.NewReader(sealed), key, document(), int64(len(doc)))
			require.NoError(t, err)
			return s
		}
		_, err = io.Copy(io.Discard, open())
		require.NoError(t, err)
		clean("read")
		s := open()
		_, err = s.Read(make([]byte, 100))
		require.NoError(t, err)
		require.NoError(t, s.Close())
		clean("read in part")
		s, err = seal.NewStreamReader(bytes.NewReader(append(bytes.Clone(sealed), 1)), key, document(), int64(len(doc)))
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, s)
		require.ErrorIs(t, err, seal.ErrOpen)
		clean("refused at its end")
		_, err = readRange(&blob{bytes: sealed}, key, document(), len(doc), 50, 100)
		require.NoError(t, err)
		clean("read as a range")
	}
}
