package seal_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/internal/seal"
)

func TestPaddingComesOffExactly(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOfN(rapid.Byte(), 0, 9000).Draw(t, "body")
		body = append(body, make([]byte, rapid.IntRange(0, 300).Draw(t, "zeros at its end"))...)
		padded := seal.PadBody(body)
		again, err := seal.UnpadBody(padded)
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, again))
	})
}

func TestBodiesHaveFewLengths(t *testing.T) {
	t.Parallel()
	lengths, before := map[int]bool{}, 0
	for n := 0; n < 70_000; n += 1 + n/5000 {
		size := len(seal.PadBody(make([]byte, n)))
		require.Greater(t, size, n)
		require.GreaterOrEqual(t, size, before, "a longer body is never shorter")
		if n >= 4096 {
			require.LessOrEqual(t, size, n+n/16+256, n)
		}
		lengths[size], before = true, size
	}
	require.Less(t, len(lengths), 80)
	for _, class := range []int{256, 512, 1024, 2048, 4096, 4352} {
		require.Len(t, seal.PadBody(make([]byte, class-1)), class)
	}
}

func TestWrongPaddingIsRefused(t *testing.T) {
	t.Parallel()
	good := seal.PadBody([]byte("body"))
	for name, change := range map[string]func(b []byte) []byte{
		"nothing":           func([]byte) []byte { return nil },
		"only zeros":        func(b []byte) []byte { return make([]byte, len(b)) },
		"no end mark":       func(b []byte) []byte { b[4] = 0; return b },
		"another end mark":  func(b []byte) []byte { b[4] = 0x81; return b },
		"a byte after it":   func(b []byte) []byte { b[len(b)-1] = 1; return b },
		"a byte too few":    func(b []byte) []byte { return b[:len(b)-1] },
		"a byte too many":   func(b []byte) []byte { return append(b, 0) },
		"a class too large": func(b []byte) []byte { return append(b, make([]byte, 256)...) },
		"no class":          func(b []byte) []byte { return b[:5] },
	} {
		body, err := seal.UnpadBody(change(bytes.Clone(good)))
		require.ErrorIs(t, err, seal.ErrOpen, name)
		require.Nil(t, body)
	}
}

func TestDocumentsArePaddedByPadme(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]int64{
		0: 1 << 10, 1: 1 << 10, 1 << 10: 1 << 10, 1<<10 + 1: 1<<10 + 64,
		// From the paper's rule: 1 MB has exponent 19, so 5 bits stay beside the first.
		1_000_000: 1_015_808, 1 << 20: 1 << 20, 1<<20 + 1: 1<<20 + 1<<15,
		100_000_000: 100_663_296, seal.MaxStream: seal.MaxStream,
	} {
		require.Equal(t, want, seal.PaddedSize(n), n)
	}
	for _, n := range []int64{-1, math.MinInt64, seal.MaxStream + 1, math.MaxInt64} {
		require.Equal(t, int64(math.MaxInt64), seal.PaddedSize(n))
		require.Equal(t, int64(math.MaxInt64), seal.SealedSize(n), "no quota admits it")
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, seal.MaxStream).Draw(t, "n")
		padded := seal.PaddedSize(n)
		require.GreaterOrEqual(t, padded, n)
		require.LessOrEqual(t, padded, max(1<<10, n+n/16))
		if n >= 64<<10 {
			require.LessOrEqual(t, padded, n+n/32+1)
		}
		require.Equal(t, padded, seal.PaddedSize(padded), "a class is its own class")
		require.LessOrEqual(t, seal.PaddedSize(max(0, n-1)), padded)
	})
}

// FuzzUnpad: what comes off is exactly what PadBody puts on.
func FuzzUnpad(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 256))
	f.Add(seal.PadBody(nil))
	f.Add(seal.PadBody([]byte("body")))
	f.Add(seal.PadBody(bytes.Repeat([]byte{0x80, 0}, 300)))
	f.Fuzz(func(t *testing.T, padded []byte) {
		body, err := seal.UnpadBody(padded)
		if err != nil {
			require.ErrorIs(t, err, seal.ErrOpen)
			return
		}
		require.Equal(t, padded, seal.PadBody(body))
	})
}
