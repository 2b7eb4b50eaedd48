package seal_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/internal/seal"
)

// boundaries are the lengths of documents where the stream changes its form: the
// smallest class, the end of the first segment, of each further one, and the
// lengths whose padding ends there.
func boundaries() []int {
	first, full := seal.FullPlain-seal.HeaderSize, seal.FullPlain
	sizes := []int{0, 1, seal.HeaderSize, 1023, 1024, 1025, 4096, 64 << 10}
	for _, at := range []int{first, first + full, first + 2*full, first + 3*full, seal.SegmentSize, 2 * seal.SegmentSize} {
		for d := -2; d <= 2; d++ {
			sizes = append(sizes, at+d)
		}
		sizes = append(sizes, at-16, at+16, at-seal.HeaderSize, at+seal.HeaderSize)
	}
	// Padded lengths that end just before, at and behind a segment.
	for _, segments := range []int{1, 2, 5} {
		end := first + (segments-1)*full
		for n := end - 10_000; n < end+10_000; n++ {
			if int64(n) == seal.PaddedSize(int64(n)) {
				sizes = append(sizes, n, n+1)
			}
		}
	}
	slices.Sort(sizes)
	return slices.Compact(sizes)
}

func openStream(r io.Reader, key seal.Key, place seal.Context, size int) ([]byte, error) {
	s, err := seal.NewStreamReader(r, key, place, int64(size))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(s)
}

func TestDocumentComesBackAtEveryBoundary(t *testing.T) {
	t.Parallel()
	key := seal.NewStreamKey()
	for _, n := range boundaries() {
		doc := randomBytes(n)
		sealed := sealStream(t, key, document(), doc)
		require.EqualValues(t, seal.SealedSize(int64(n)), len(sealed), n)
		got, err := openStream(bytes.NewReader(sealed), key, document(), n)
		require.NoError(t, err, n)
		require.True(t, bytes.Equal(doc, got), n)
	}
}

// TestDocumentComesBackHoweverItIsFed mixes Write, ReadFrom and readers that
// give little at a time.
func TestDocumentComesBackHoweverItIsFed(t *testing.T) {
	t.Parallel()
	key := seal.NewStreamKey()
	source := randomBytes(3 << 20)
	rapid.Check(t, func(t *rapid.T) {
		var out bytes.Buffer
		w, err := seal.NewStreamWriter(&out, key, document())
		require.NoError(t, err)
		n := 0
		for range rapid.IntRange(0, 6).Draw(t, "pieces") {
			piece := rapid.OneOf(rapid.IntRange(0, 300_000), rapid.SampledFrom([]int{
				seal.FullPlain - seal.HeaderSize, seal.FullPlain, seal.SegmentSize, 4096, 4097, 1,
			})).Draw(t, "piece")
			p := source[n : n+piece]
			n += piece
			switch rapid.IntRange(0, 4).Draw(t, "how") {
			case 0:
				_, err = w.Write(p)
			case 1:
				_, err = io.Copy(w, bytes.NewReader(p))
			case 2:
				_, err = w.ReadFrom(onlyReader{bytes.NewReader(p)})
			case 3:
				_, err = w.ReadFrom(iotest.DataErrReader(bytes.NewReader(p)))
			case 4:
				_, err = w.ReadFrom(iotest.HalfReader(bytes.NewReader(p)))
			}
			require.NoError(t, err)
			require.EqualValues(t, n, w.Size())
		}
		require.NoError(t, w.Close())
		require.EqualValues(t, seal.SealedSize(int64(n)), out.Len())

		var r io.Reader = &out
		if rapid.Bool().Draw(t, "little at a time") {
			r = iotest.HalfReader(r)
		}
		got, err := openStream(r, key, document(), n)
		require.NoError(t, err)
		require.True(t, bytes.Equal(source[:n], got))
	})
}

func TestReaderIsAProperReader(t *testing.T) {
	t.Parallel()
	key, doc := seal.NewStreamKey(), randomBytes(600_000)
	sealed := sealStream(t, key, document(), doc)
	s, err := seal.NewStreamReader(bytes.NewReader(sealed), key, document(), int64(len(doc)))
	require.NoError(t, err)
	require.NoError(t, iotest.TestReader(s, doc))

	s, err = seal.NewStreamReader(bytes.NewReader(sealed), key, document(), int64(len(doc)))
	require.NoError(t, err)
	begin := make([]byte, 1000)
	_, err = io.ReadFull(s, begin)
	require.NoError(t, err)
	var rest bytes.Buffer
	n, err := s.WriteTo(&rest)
	require.NoError(t, err)
	require.EqualValues(t, len(doc)-1000, n)
	require.True(t, bytes.Equal(doc, append(begin, rest.Bytes()...)))
	n, err = s.WriteTo(&rest)
	require.NoError(t, err, "nothing is left")
	require.Zero(t, n)
	require.NoError(t, s.Close())
}

func TestLengthShowsOnlyTheSizeClass(t *testing.T) {
	t.Parallel()
	key := seal.NewStreamKey()
	for _, pair := range [][2]int{{0, 1024}, {1025, 1088}, {100_000, 100_352}, {1<<20 + 1, 1<<20 + 1<<15}} {
		a := sealStream(t, key, document(), randomBytes(pair[0]))
		b := sealStream(t, key, document(), randomBytes(pair[1]))
		require.Len(t, b, len(a))
	}
}

// A10: how well a document compresses does not show, because nothing is compressed.
func testNothingCompressed(t *testing.T) {
	key := seal.NewStreamKey()
	for _, n := range []int{100, 100_000, 1 << 20} {
		same := bytes.Repeat([]byte("secret"), n/6+1)[:n]
		require.Len(t, sealStream(t, key, document(), same), len(sealStream(t, key, document(), randomBytes(n))))
		a, err := key.Seal(item(), nil, same)
		require.NoError(t, err)
		b, err := key.Seal(item(), nil, randomBytes(n))
		require.NoError(t, err)
		require.Len(t, b, len(a))
	}
}

var errBroken = errors.New("connection reset")

// failAfter fails on the n-th write, or takes a byte too few of it.
type failAfter struct {
	n     int
	short bool
}

func (f *failAfter) Write(p []byte) (int, error) {
	if f.n--; f.n > 0 {
		return len(p), nil
	}
	if f.short {
		return len(p) - 1, nil
	}
	return 0, errBroken
}

func TestErrorsOfTheStorePassUnchanged(t *testing.T) {
	t.Parallel()
	key, doc := seal.NewStreamKey(), randomBytes(1<<20)
	for n := 1; n <= 5; n++ {
		for _, want := range []error{errBroken, io.ErrShortWrite} {
			for name, feed := range map[string]func(w *seal.StreamWriter) error{
				"slice":  func(w *seal.StreamWriter) error { _, err := w.Write(doc); return err },
				"reader": func(w *seal.StreamWriter) error { _, err := w.ReadFrom(onlyReader{bytes.NewReader(doc)}); return err },
			} {
				w, err := seal.NewStreamWriter(&failAfter{n: n, short: want == io.ErrShortWrite}, key, document())
				require.NoError(t, err)
				err = feed(w)
				closed := w.Close()
				require.Equal(t, want, closed, "%s, write %d", name, n)
				require.True(t, err == want || err == nil && n == 5, "%s, write %d: %v", name, n, err)
				require.NotErrorIs(t, closed, seal.ErrOpen)
			}
		}
	}

	sealed := sealStream(t, key, document(), doc)
	for _, n := range []int{0, 20, seal.SegmentSize, 700_000, len(sealed)} {
		for _, want := range []error{errBroken, io.ErrUnexpectedEOF} {
			r := io.MultiReader(bytes.NewReader(sealed[:n]), iotest.ErrReader(want))
			_, err := openStream(r, key, document(), len(doc))
			require.Equal(t, want, err, n)
		}
	}
	s, err := seal.NewStreamReader(bytes.NewReader(sealed), key, document(), int64(len(doc)))
	require.NoError(t, err)
	_, err = s.WriteTo(&failAfter{n: 2})
	require.Equal(t, errBroken, err)
	_, err = s.Read(make([]byte, 1))
	require.Equal(t, errBroken, err)
}

// stuck is a reader that never comes to anything, or lies about it.
type stuck int

func (s stuck) Read([]byte) (int, error) { return int(s), nil }

func TestReadersThatMisbehaveEnd(t *testing.T) {
	t.Parallel()
	key := seal.NewStreamKey()
	for _, s := range []stuck{0, -1, math.MaxInt32} {
		w, err := seal.NewStreamWriter(io.Discard, key, document())
		require.NoError(t, err)
		_, err = w.ReadFrom(s)
		require.Error(t, err)
		require.Equal(t, err, w.Close())
		_, err = openStream(s, key, document(), 5)
		require.Error(t, err)
		require.NotErrorIs(t, err, seal.ErrOpen)
	}
}

func TestClosedStreamsStayClosed(t *testing.T) {
	t.Parallel()
	key := seal.NewStreamKey()
	var out bytes.Buffer
	w, err := seal.NewStreamWriter(&out, key, document())
	require.NoError(t, err)
	require.NoError(t, w.Close())
	n := out.Len()
	require.NoError(t, w.Close())
	require.Equal(t, n, out.Len())
	_, err = w.Write([]byte("late"))
	require.ErrorIs(t, err, fs.ErrClosed)
	_, err = w.ReadFrom(strings.NewReader("late"))
	require.ErrorIs(t, err, fs.ErrClosed)
	require.NoError(t, w.Close())

	doc := randomBytes(600_000)
	s, err := seal.NewStreamReader(bytes.NewReader(sealStream(t, key, document(), doc)), key, document(), int64(len(doc)))
	require.NoError(t, err)
	_, err = s.Read(make([]byte, 10))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err = s.Read(make([]byte, 10))
	require.ErrorIs(t, err, fs.ErrClosed)
}

// FuzzStreamReader: whatever the store serves as a stream, and whatever length
// the record gives, what comes out is the beginning of the padded document, and
// all of it only if nothing was changed.
func FuzzStreamReader(f *testing.F) {
	key, doc := seal.NewStreamKey(), bytes.Repeat([]byte("one page of a passport; "), 63)[:1500]
	sealed := sealStream(f, key, document(), doc)
	padded := append(bytes.Clone(doc), make([]byte, seal.PaddedSize(1500)-1500)...)
	f.Add(0, []byte{}, 0, uint16(1500))
	f.Add(1, []byte{1}, 0, uint16(1500))
	f.Add(len(sealed), []byte{0}, 0, uint16(1500))
	f.Add(40, []byte{0xff, 0xff}, 100, uint16(1500))
	f.Add(0, []byte{}, 16, uint16(0))
	f.Fuzz(func(t *testing.T, at int, patch []byte, cut int, size uint16) {
		forged := bytes.Clone(sealed)
		at = max(0, min(at, len(forged)))
		forged = append(forged[:at], append(bytes.Clone(patch), forged[min(len(forged), at+len(patch)):]...)...)
		forged = forged[:len(forged)-max(0, min(cut, len(forged)))]
		got, err := openStream(bytes.NewReader(forged), key, document(), int(size))
		require.True(t, bytes.HasPrefix(padded, got))
		if err == nil {
			require.True(t, bytes.Equal(forged, sealed))
			require.Len(t, got, int(size))
		} else {
			require.ErrorIs(t, err, seal.ErrOpen)
		}
	})
}
