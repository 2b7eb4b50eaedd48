package seal_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/internal/seal"
)

func TestContextIsEncodedAsDrawn(t *testing.T) {
	t.Parallel()
	c := seal.Context{
		Type: seal.TypeItem, Vault: [16]byte{0xaa, 15: 0xbb}, Compartment: seal.Shared, Generation: 7,
		Object: []byte("ob"), Revision: 9, Holder: []byte("h"),
	}
	want := hex.EncodeToString([]byte("reconnect v1")) + "0006" +
		"aa0000000000000000000000000000bb" + "02" + "0000000000000007" + "0000000000000009" +
		"0000000000000002" + "6f62" + "0000000000000001" + "68"
	require.Equal(t, want, hex.EncodeToString(c.Bytes()))
}

// parseContext is the decoder that the format implies. That it exists and takes
// every encoding back to its context is what makes the encoding unambiguous.
func parseContext(t require.TestingT, b []byte) seal.Context {
	var c seal.Context
	take := func(n uint64) []byte {
		require.LessOrEqual(t, n, uint64(len(b)))
		field := b[:n]
		b = b[n:]
		return field
	}
	require.Equal(t, "reconnect v1", string(take(12)))
	c.Type = seal.Type(binary.BigEndian.Uint16(take(2)))
	copy(c.Vault[:], take(16))
	c.Compartment = seal.Compartment(take(1)[0])
	c.Generation = binary.BigEndian.Uint64(take(8))
	c.Revision = binary.BigEndian.Uint64(take(8))
	c.Object = take(binary.BigEndian.Uint64(take(8)))
	c.Holder = take(binary.BigEndian.Uint64(take(8)))
	require.Empty(t, b)
	return c
}

func sameContext(a, b seal.Context) bool {
	objects := bytes.Equal(a.Object, b.Object) && bytes.Equal(a.Holder, b.Holder)
	a.Object, a.Holder, b.Object, b.Holder = nil, nil, nil, nil
	return objects && reflect.DeepEqual(a, b)
}

func TestContextEncodingGoesBackToOneContext(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := drawContext(t)
		require.True(t, sameContext(c, parseContext(t, c.Bytes())))
	})
}

func TestPlacesThatDifferHaveDifferentEncodings(t *testing.T) {
	t.Parallel()
	seen := map[string]string{string(item().Bytes()): "the place itself"}
	for name, c := range elsewhere(item()) {
		require.Empty(t, seen[string(c.Bytes())], name)
		seen[string(c.Bytes())] = name
	}
}

// FuzzContextInjective holds attack I1: two different contexts never have the
// same encoding, nor one that begins with the other's.
func FuzzContextInjective(f *testing.F) {
	f.Add(uint16(6), uint64(1), uint64(2), []byte("ab"), []byte("c"), uint16(6), uint64(1), uint64(2), []byte("a"), []byte("bc"))
	f.Add(uint16(6), uint64(1), uint64(2), []byte("ab"), []byte("c"), uint16(6), uint64(2), uint64(1), []byte("ab"), []byte("c"))
	f.Add(uint16(5), uint64(0), uint64(0), []byte{}, []byte{0, 0, 0, 0, 0, 0, 0, 0}, uint16(5), uint64(0), uint64(0), []byte{0, 0, 0, 0, 0, 0, 0, 0}, []byte{})
	f.Fuzz(func(t *testing.T, t1 uint16, g1, r1 uint64, o1, h1 []byte, t2 uint16, g2, r2 uint64, o2, h2 []byte) {
		a := seal.Context{Type: seal.Type(t1), Generation: g1, Revision: r1, Object: o1, Holder: h1}
		b := seal.Context{Type: seal.Type(t2), Generation: g2, Revision: r2, Object: o2, Holder: h2}
		require.True(t, sameContext(a, parseContext(t, a.Bytes())))
		if !sameContext(a, b) {
			require.False(t, bytes.HasPrefix(a.Bytes(), b.Bytes()))
			require.False(t, bytes.HasPrefix(b.Bytes(), a.Bytes()))
		}
	})
}
