package seal_test

import (
	"bytes"
	"io"
	"math"
	"os"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

// requireNeverWhole reads a stream that must be refused: an honest beginning may
// come out of it, the whole document never, not even without the end's io.EOF.
func requireNeverWhole(t *testing.T, doc, sealed []byte, key seal.Key, place seal.Context, name any) {
	t.Helper()
	s, err := seal.NewStreamReader(bytes.NewReader(sealed), key, place, int64(len(doc)))
	require.NoError(t, err, name)
	got, err := io.ReadAll(s)
	require.ErrorIs(t, err, seal.ErrOpen, name)
	require.True(t, bytes.HasPrefix(doc, got), "%v: bytes that are not the document's", name)
	require.Less(t, len(got), max(1, len(doc)), "%v: the whole document came out", name)
	_, again := s.Read(make([]byte, 1))
	require.Equal(t, err, again, name)

	s, err = seal.NewStreamReader(onlyReader{bytes.NewReader(sealed)}, key, place, int64(len(doc)))
	require.NoError(t, err, name)
	var out bytes.Buffer
	_, err = s.WriteTo(&out)
	require.ErrorIs(t, err, seal.ErrOpen, name)
	require.Equal(t, len(got), out.Len(), name)
}

func testTruncatedBlob(t *testing.T) {
	key := seal.NewStreamKey()
	for _, n := range []int{0, 5, 70_000, 600_000} {
		doc := randomBytes(n)
		sealed := sealStream(t, key, document(), doc)
		cuts := []int{0, 1, seal.HeaderSize - 1, seal.HeaderSize, seal.HeaderSize + 16, len(sealed) - 1, len(sealed) - 16, len(sealed) - 17}
		for at := seal.SegmentSize; at < len(sealed); at += seal.SegmentSize {
			cuts = append(cuts, at-1, at, at+1, at+15, at+16, at+17)
		}
		for _, cut := range cuts {
			if cut < len(sealed) {
				requireNeverWhole(t, doc, sealed[:cut], key, document(), cut)
			}
		}
		for _, tail := range [][]byte{{0}, make([]byte, 16), make([]byte, 300_000), sealed} {
			requireNeverWhole(t, doc, append(bytes.Clone(sealed), tail...), key, document(), "appended")
		}
	}
}

func TestSmallStreamCutAnywhereIsRefused(t *testing.T) {
	t.Parallel()
	key, doc := seal.NewStreamKey(), []byte("passport")
	sealed := sealStream(t, key, document(), doc)
	for n := range sealed {
		requireNeverWhole(t, doc, sealed[:n], key, document(), n)
	}
}

func TestStreamWithAnyFlippedByteIsRefused(t *testing.T) {
	t.Parallel()
	key, doc := seal.NewStreamKey(), randomBytes(seal.SegmentSize+100)
	sealed := sealStream(t, key, document(), doc)
	step := 4001
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		step = 101
	}
	for i := 0; i < len(sealed); i++ {
		requireNeverWhole(t, doc, flip(sealed, i), key, document(), i)
		if i > 100 && i < len(sealed)-100 {
			i += step
		}
	}
}

func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1 << (i % 8)
	return b
}

// segmentsOf cuts a stream into its header and stored segments.
func segmentsOf(sealed []byte) (header []byte, segments [][]byte) {
	header, rest := sealed[:seal.HeaderSize], sealed[seal.HeaderSize:]
	for n := seal.SegmentSize - seal.HeaderSize; len(rest) > n; n = seal.SegmentSize {
		segments, rest = append(segments, rest[:n]), rest[n:]
	}
	return header, append(segments, rest)
}

func testSegmentsMoved(t *testing.T) {
	key := seal.NewStreamKey()
	doc := randomBytes(1 << 20)
	sealed, other := sealStream(t, key, document(), doc), sealStream(t, key, document(), doc)
	header, s := segmentsOf(sealed)
	otherHeader, o := segmentsOf(other)
	require.Len(t, s, 5)
	join := func(header []byte, segments ...[]byte) []byte {
		return append(bytes.Clone(header), bytes.Join(segments, nil)...)
	}
	require.Equal(t, sealed, join(header, s...))
	for name, forged := range map[string][]byte{
		"the first dropped":              join(header, s[1:]...),
		"one dropped":                    join(header, s[0], s[1], s[3], s[4]),
		"the last dropped":               join(header, s[:4]...),
		"one repeated":                   join(header, s[0], s[1], s[1], s[2], s[3], s[4]),
		"one in place of another":        join(header, s[0], s[1], s[1], s[3], s[4]),
		"two exchanged":                  join(header, s[0], s[2], s[1], s[3], s[4]),
		"the last repeated":              join(header, append(s, s[4])...),
		"one of another stream":          join(header, s[0], s[1], o[2], s[3], s[4]),
		"the first of another stream":    join(header, o[0], s[1], s[2], s[3], s[4]),
		"the last of another stream":     join(header, s[0], s[1], s[2], s[3], o[4]),
		"another stream's header":        join(otherHeader, s...),
		"the rest of another stream":     join(header, s[0], o[1], o[2], o[3], o[4]),
		"the last in place of the first": join(header, s[4]),
		"another header's length":        join(append([]byte{41}, header[1:]...), s...),
		"no header":                      join(nil, s...),
	} {
		requireNeverWhole(t, doc, forged, key, document(), name)
	}
}

func TestStreamOpensNowhereElse(t *testing.T) {
	t.Parallel()
	key, doc := seal.NewStreamKey(), []byte("passport")
	sealed := sealStream(t, key, document(), doc)
	for name, place := range elsewhere(document()) {
		requireNeverWhole(t, doc, sealed, key, place, name)
	}
	requireNeverWhole(t, doc, sealed, seal.NewStreamKey(), document(), "another key")
}

// The length comes from the record. If the two do not fit, neither is believed.
func TestStreamOfAnotherLengthIsRefused(t *testing.T) {
	t.Parallel()
	key := seal.NewStreamKey()
	doc := bytes.Repeat([]byte{7}, 300_000)
	sealed := sealStream(t, key, document(), doc)
	for _, size := range []int64{0, 1, 1024, 299_999, 300_000 - 5_000, 400_000, 3_000_000} {
		s, err := seal.NewStreamReader(bytes.NewReader(sealed), key, document(), size)
		require.NoError(t, err)
		got, err := io.ReadAll(s)
		require.ErrorIs(t, err, seal.ErrOpen, size)
		require.True(t, bytes.HasPrefix(doc, got))
	}
	for _, size := range []int64{-1, seal.MaxStream + 1, math.MaxInt64} {
		_, err := seal.NewStreamReader(bytes.NewReader(sealed), key, document(), size)
		require.ErrorIs(t, err, seal.ErrArgument)
	}
}

// forgedPadding is a stream that only who has the key can make: everything is
// sealed as it should be, but behind the document lies something.
func forgedPadding(t *testing.T, key seal.Key, n int, padding func(p []byte)) []byte {
	t.Helper()
	plain := make([]byte, seal.PaddedSize(int64(n)))
	padding(plain[n:])
	header := append([]byte{byte(seal.HeaderSize)}, randomBytes(seal.HeaderSize-1)...)
	out := bytes.Clone(header)
	room := seal.FullPlain - seal.HeaderSize
	for segment := int64(0); ; segment++ {
		p := plain[:min(room, len(plain))]
		plain, room = plain[len(p):], seal.FullPlain
		sealed, err := seal.SealSegment(key, document(), header, p, segment, len(plain) == 0)
		require.NoError(t, err)
		out = append(out, sealed...)
		if len(plain) == 0 {
			return out
		}
	}
}

func TestPaddingOfStreamsMustBeZero(t *testing.T) {
	t.Parallel()
	key := seal.NewStreamKey()
	for _, n := range []int{0, 10, 66_000, 300_000} {
		doc := make([]byte, n)
		good := forgedPadding(t, key, n, func([]byte) {})
		got, err := openStream(bytes.NewReader(good), key, document(), n)
		require.NoError(t, err)
		require.Equal(t, doc, got)
		for name, padding := range map[string]func(p []byte){
			"its first byte": func(p []byte) { p[0] = 1 },
			"its last byte":  func(p []byte) { p[len(p)-1] = 1 },
			"its middle":     func(p []byte) { p[len(p)/2] = 0x80 },
		} {
			requireNeverWhole(t, doc, forgedPadding(t, key, n, padding), key, document(), name)
		}
	}
	// A document whose end has a whole segment of padding behind it.
	long := make([]byte, wholeSegmentOfPadding)
	forged := forgedPadding(t, key, len(long), func(p []byte) { p[len(p)-1] = 1 })
	requireNeverWhole(t, long, forged, key, document(), "another segment")
}

// wholeSegmentOfPadding is the length of a document that ends in the last segment
// but one.
const wholeSegmentOfPadding = 8<<20 + 1000

// A12: whoever counts bytes instead of waiting for the end must not be able to
// take a cut document for a whole one.
func testLastBytesWaitForTheEnd(t *testing.T) {
	key := seal.NewStreamKey()
	for _, n := range []int{1, 70_000, 600_000, wholeSegmentOfPadding} {
		doc := randomBytes(n)
		sealed := sealStream(t, key, document(), doc)
		broken := io.MultiReader(bytes.NewReader(sealed[:len(sealed)-1]), iotest.ErrReader(errBroken))
		s, err := seal.NewStreamReader(broken, key, document(), int64(n))
		require.NoError(t, err)
		got := make([]byte, n)
		m, err := io.ReadFull(s, got)
		require.Less(t, m, n, "the last byte came out before the end was seen")
		require.True(t, bytes.Equal(doc[:m], got[:m]))
		require.Equal(t, errBroken, err, "and the store's own error is not called tampering")
	}

	// A source that fails leaves a stream without an end, also when its writer is
	// closed as if nothing had happened.
	for _, n := range []int{0, 5, 70_000, 600_000} {
		var out bytes.Buffer
		w, err := seal.NewStreamWriter(&out, key, document())
		require.NoError(t, err)
		_, err = io.Copy(w, io.MultiReader(bytes.NewReader(randomBytes(n)), iotest.ErrReader(errBroken)))
		require.Equal(t, errBroken, err)
		require.Equal(t, errBroken, w.Close())
		require.Equal(t, errBroken, w.Close())
		_, err = w.Write([]byte("more"))
		require.Equal(t, errBroken, err)
		for _, size := range []int{n, out.Len()} {
			_, err = openStream(bytes.NewReader(out.Bytes()), key, document(), size)
			require.ErrorIs(t, err, seal.ErrOpen)
		}
	}
}
