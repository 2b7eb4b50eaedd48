package seal_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/internal/seal"
)

// blob serves pieces of a stream as a store does, and remembers which.
type blob struct {
	bytes  []byte
	asked  [][2]int64
	opened int
	fail   error
}

type blobPiece struct {
	io.Reader
	blob *blob
}

func (p *blobPiece) Close() error {
	p.blob.opened--
	return nil
}

func (b *blob) open(offset, length int64) (io.ReadCloser, error) {
	b.asked = append(b.asked, [2]int64{offset, length})
	if b.fail != nil {
		return nil, b.fail
	}
	b.opened++
	end := min(offset+length, int64(len(b.bytes)))
	return &blobPiece{bytes.NewReader(b.bytes[min(offset, end):end]), b}, nil
}

func readRange(b *blob, key seal.Key, place seal.Context, size int, offset, length int64) ([]byte, error) {
	r, err := seal.NewRangeReader(b.open, key, place, int64(size), offset, length)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(r)
	return got, errors.Join(err, r.Close())
}

func TestRangeIsThatPartOfTheDocument(t *testing.T) {
	t.Parallel()
	key := seal.NewStreamKey()
	for _, n := range []int{0, 1, 1000, seal.FullPlain - seal.HeaderSize, 700_000, wholeSegmentOfPadding} {
		doc := randomBytes(n)
		store := &blob{bytes: sealStream(t, key, document(), doc)}
		rapid.Check(t, func(t *rapid.T) {
			edge := rapid.SampledFrom([]int{0, n, seal.FullPlain, 2 * seal.FullPlain, 3 * seal.FullPlain})
			near := rapid.Custom(func(t *rapid.T) int {
				return edge.Draw(t, "edge") - seal.HeaderSize*rapid.IntRange(0, 1).Draw(t, "h") + rapid.IntRange(-2, 2).Draw(t, "d")
			})
			point := rapid.OneOf(rapid.IntRange(0, n), near)
			from := max(0, min(n, point.Draw(t, "from")))
			to := max(from, point.Draw(t, "to"))
			if to > from+600_000 { // long ranges cost time and show nothing more
				to = from + 600_000
			}
			length := int64(to - from)
			if n < from+600_000 && rapid.Bool().Draw(t, "to the end") {
				to, length = n, -1
			}
			store.asked = nil
			got, err := readRange(store, key, document(), n, int64(from), length)
			require.NoError(t, err)
			require.True(t, bytes.Equal(doc[from:min(to, n)], got))
			require.Zero(t, store.opened, "everything was closed")

			// No more was asked for than the header and the segments of the range.
			var asked int64
			for _, piece := range store.asked {
				asked += piece[1]
				require.LessOrEqual(t, piece[0]+piece[1], int64(len(store.bytes)))
			}
			require.Less(t, asked, int64(len(got))+2*int64(seal.SegmentSize)+1024)
			require.LessOrEqual(t, len(store.asked), 2)
		})
	}
}

func TestRangeReaderIsAProperReader(t *testing.T) {
	t.Parallel()
	key, doc := seal.NewStreamKey(), randomBytes(900_000)
	store := &blob{bytes: sealStream(t, key, document(), doc)}
	r, err := seal.NewRangeReader(store.open, key, document(), 900_000, 100_000, 700_000)
	require.NoError(t, err)
	require.NoError(t, iotest.TestReader(r, doc[100_000:800_000]))
	require.NoError(t, r.Close())

	r, err = seal.NewRangeReader(store.open, key, document(), 900_000, 100_000, 700_000)
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = io.Copy(&out, r)
	require.NoError(t, err)
	require.True(t, bytes.Equal(doc[100_000:800_000], out.Bytes()))
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	_, err = r.Read(make([]byte, 1))
	require.ErrorIs(t, err, fs.ErrClosed)
	require.Zero(t, store.opened)
}

func TestRangeOutsideTheDocumentIsRefused(t *testing.T) {
	t.Parallel()
	key, doc := seal.NewStreamKey(), randomBytes(1000)
	store := &blob{bytes: sealStream(t, key, document(), doc)}
	for _, offset := range []int64{-1, 1001, 1 << 62} {
		_, err := readRange(store, key, document(), 1000, offset, 1)
		require.ErrorIs(t, err, seal.ErrArgument)
	}
	for _, size := range []int64{-1, seal.MaxStream + 1} {
		_, err := seal.NewRangeReader(store.open, key, document(), size, 0, 1)
		require.ErrorIs(t, err, seal.ErrArgument)
	}
	_, err := readRange(store, seal.Key{}, document(), 1000, 0, 1)
	require.ErrorIs(t, err, seal.ErrArgument)
	require.Empty(t, store.asked, "nothing was read for them")
	got, err := readRange(store, key, document(), 1000, 999, 1<<62)
	require.NoError(t, err)
	require.Equal(t, doc[999:], got, "a range is cut at the end")
	got, err = readRange(store, key, document(), 1000, 1000, 5)
	require.NoError(t, err)
	require.Empty(t, got)
}

func testForgedRanges(t *testing.T) {
	key, doc := seal.NewStreamKey(), randomBytes(1<<20)
	sealed := sealStream(t, key, document(), doc)
	header, s := segmentsOf(sealed)
	exchanged := append(bytes.Clone(header), bytes.Join([][]byte{s[0], s[2], s[1], s[3], s[4]}, nil)...)
	for name, forged := range map[string][]byte{
		"nothing":            {},
		"half a header":      sealed[:20],
		"cut at the segment": sealed[:seal.SegmentSize],
		"cut inside it":      sealed[:seal.SegmentSize+5000],
		"exchanged":          exchanged,
		"flipped header":     flip(sealed, 5),
		"header's length":    flip(sealed, 0),
		"flipped":            flip(sealed, seal.SegmentSize+70_000),
	} {
		got, err := readRange(&blob{bytes: forged}, key, document(), len(doc), 300_000, 1000)
		require.ErrorIs(t, err, seal.ErrOpen, name)
		require.Empty(t, got, name)
	}
	for name, place := range elsewhere(document()) {
		for _, offset := range []int64{0, 300_000, 1<<20 - 5} {
			got, err := readRange(&blob{bytes: sealed}, key, place, len(doc), offset, 5)
			require.ErrorIs(t, err, seal.ErrOpen, name)
			require.Empty(t, got)
		}
	}
	// A last segment that is not the last, and a segment made the last by a cut:
	// the record's length says which one is.
	got, err := readRange(&blob{bytes: sealed}, key, document(), 900_000, 899_000, 1000)
	require.ErrorIs(t, err, seal.ErrOpen)
	require.Empty(t, got)
}

func TestErrorsOfTheStorePassUnchangedInRanges(t *testing.T) {
	t.Parallel()
	key, doc := seal.NewStreamKey(), randomBytes(1<<20)
	sealed := sealStream(t, key, document(), doc)
	_, err := readRange(&blob{fail: errBroken}, key, document(), len(doc), 0, 5)
	require.Equal(t, errBroken, err)

	for _, offset := range []int64{0, 300_000} {
		for broken := 1; broken <= 2; broken++ {
			store := &blob{bytes: sealed}
			calls := 0
			open := func(offset, length int64) (io.ReadCloser, error) {
				piece, err := store.open(offset, length)
				if calls++; calls == broken {
					return &blobPiece{io.MultiReader(io.LimitReader(piece, 39), iotest.ErrReader(errBroken)), store}, err
				}
				return piece, err
			}
			r, err := seal.NewRangeReader(open, key, document(), int64(len(doc)), offset, 5)
			if err == nil {
				_, err = io.ReadAll(r)
				require.NoError(t, r.Close())
			}
			if offset == 0 && broken == 2 {
				require.NoError(t, err, "there is no second piece")
			} else {
				require.Equal(t, errBroken, err)
			}
			require.Zero(t, store.opened)
		}
	}
}
