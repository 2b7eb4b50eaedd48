package seal_test

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/internal/seal"
)

// paper has one field of each kind that bodies use.
type paper struct {
	ID     [16]byte          `cbor:"1,keyasint"`
	Name   string            `cbor:"2,keyasint"`
	Count  uint64            `cbor:"3,keyasint,omitempty"`
	Date   int64             `cbor:"4,keyasint,omitempty"`
	Yes    bool              `cbor:"5,keyasint,omitempty"`
	Raw    []byte            `cbor:"6,keyasint,omitempty"`
	Parts  []part            `cbor:"7,keyasint,omitempty"`
	Labels map[string]string `cbor:"8,keyasint,omitempty"`
	Inner  *part             `cbor:"9,keyasint,omitempty"`
}

type part struct {
	Role uint8  `cbor:"1,keyasint"`
	Blob string `cbor:"2,keyasint"`
}

func drawPaper(t *rapid.T) paper {
	p := paper{
		Name:  rapid.String().Draw(t, "name"),
		Count: rapid.Uint64().Draw(t, "count"),
		Date:  rapid.Int64().Draw(t, "date"),
		Yes:   rapid.Bool().Draw(t, "yes"),
		Raw:   rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, "raw"),
		Parts: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) part {
			return part{rapid.Uint8().Draw(t, "role"), rapid.String().Draw(t, "blob")}
		}), 1, 5).Draw(t, "parts"),
		Labels: rapid.MapOfN(rapid.String(), rapid.String(), 1, 5).Draw(t, "labels"),
		Inner:  &part{1, "x"},
	}
	copy(p.ID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	return p
}

func TestBodyComesBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPaper(t)
		b, err := seal.Marshal(p)
		require.NoError(t, err)
		fromPointer, err := seal.Marshal(&p)
		require.NoError(t, err)
		require.Equal(t, b, fromPointer)
		var again paper
		require.NoError(t, seal.Unmarshal(b, &again))
		require.Equal(t, p, again)
	})
}

func TestZeroBodyComesBackAsItWas(t *testing.T) {
	t.Parallel()
	b, err := seal.Marshal(paper{})
	require.NoError(t, err)
	again := paper{}
	require.NoError(t, seal.Unmarshal(b, &again))
	require.Equal(t, paper{}, again)
}

// notTheOneEncoding are bodies that say a part{1, "b"} in another way, or more.
var notTheOneEncoding = map[string]string{
	"nothing":                       "",
	"a duplicate key":               "a3 01 01 01 01 02 61 62",
	"a duplicate key, other value":  "a3 01 01 02 61 62 01 02",
	"an unknown field":              "a3 01 01 02 61 62 03 00",
	"an unknown field by name":      "a3 01 01 02 61 62 61 78 00",
	"a field by name":               "a2 64 526f6c65 01 02 61 62",
	"trailing bytes":                "a2 01 01 02 61 62 00",
	"a second body":                 "a2 01 01 02 61 62 a2 01 01 02 61 62",
	"a cut body":                    "a2 01 01 02 61",
	"a missing field":               "a1 01 01",
	"keys in another order":         "a2 02 61 62 01 01",
	"a map without a length":        "bf 01 01 02 61 62 ff",
	"a string without a length":     "a2 01 01 02 7f 61 62 ff",
	"a length in a longer form":     "a2 01 01 02 78 01 62",
	"a number in a longer form":     "a2 01 18 01 02 61 62",
	"a key in a longer form":        "a2 18 01 01 02 61 62",
	"a map's length in longer form": "b8 02 01 01 02 61 62",
	"a float for a number":          "a2 01 f9 3c00 02 61 62",
	"a tag":                         "c1 a2 01 01 02 61 62",
	"a tag inside":                  "a2 01 c2 41 01 02 61 62",
	"null":                          "f6",
	"undefined":                     "f7",
	"null for a field":              "a2 01 f6 02 61 62",
	"undefined for a field":         "a2 01 01 02 f7",
	"a byte string for text":        "a2 01 01 02 41 62",
	"text that is not UTF-8":        "a2 01 01 02 61 ff",
	"a number over its range":       "a2 01 19 0100 02 61 62",
	"a negative number":             "a2 01 20 02 61 62",
	"an array":                      "82 01 61 62",
}

func testOnlyOneEncoding(t *testing.T) {
	good, err := seal.Marshal(part{1, "b"})
	require.NoError(t, err)
	require.Equal(t, "a2010102"+"6162", hex.EncodeToString(good))
	for name, text := range notTheOneEncoding {
		b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		require.NoError(t, err)
		var p part
		require.ErrorIs(t, seal.Unmarshal(b, &p), seal.ErrFormat, name)
	}

	// What is missing may be left out only where it says so, and not be there
	// with its zero value.
	var p paper
	withZero := append([]byte{0xa3, 1, 0x50}, make([]byte, 16)...)
	require.NoError(t, seal.Unmarshal(append([]byte{0xa2}, append(withZero[1:], 2, 0x60)...), &p))
	require.ErrorIs(t, seal.Unmarshal(append(withZero, 2, 0x60, 3, 0), &p), seal.ErrFormat)
	short := append([]byte{0xa2, 1, 0x4f}, make([]byte, 15)...)
	require.ErrorIs(t, seal.Unmarshal(append(short, 2, 0x60), &p), seal.ErrFormat, "an id of 15 bytes")
	long := append([]byte{0xa2, 1, 0x51}, make([]byte, 17)...)
	require.ErrorIs(t, seal.Unmarshal(append(long, 2, 0x60), &p), seal.ErrFormat, "an id of 17 bytes")
}

func TestBodyWithoutEndIsRefused(t *testing.T) {
	t.Parallel()
	type list struct {
		L []list `cbor:"1,keyasint,omitempty"`
	}
	deep := bytes.Repeat([]byte{0xa1, 0x01, 0x81}, 10)
	require.ErrorIs(t, seal.Unmarshal(append(deep, 0xa0), new(list)), seal.ErrFormat)

	var many []uint8
	require.ErrorIs(t, seal.Unmarshal([]byte{0x9b, 0x7f, 255, 255, 255, 255, 255, 255, 255}, &many), seal.ErrFormat)
	var flags []bool
	require.ErrorIs(t, seal.Unmarshal([]byte{0x9a, 0x7f, 255, 255, 255}, &flags), seal.ErrFormat)
	_, err := seal.Marshal(make([]bool, 1<<17))
	require.ErrorIs(t, err, seal.ErrArgument, "what cannot be read again is not written")
}

type embedded struct{ When time.Time }

func TestWhatHasNoExactEncodingIsRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, v := range map[string]any{
		"nothing":                nil,
		"a time":                 now,
		"a time inside":          struct{ When []*time.Time }{[]*time.Time{&now}},
		"a time in an embedding": struct{ embedded }{},
		"a time as key":          map[time.Time]bool{now: true},
		"a float":                1.5,
		"a float inside":         struct{ F []float32 }{},
		"anything":               struct{ Any any }{1},
		"a channel":              make(chan int),
		"a function":             func() {},
		"a complex number":       1i,
		"a big number":           big.NewInt(1),
		"raw CBOR":               cbor.RawMessage{0},
		"text not UTF-8":         struct{ S string }{"\xff"},
		"a nil pointer":          (*paper)(nil),
		"an unexported field":    struct{ a int }{1},
	} {
		b, err := seal.Marshal(v)
		require.ErrorIs(t, err, seal.ErrArgument, name)
		require.Nil(t, b)
	}
	for name, v := range map[string]any{
		"nothing": nil, "a value": paper{}, "a nil pointer": (*paper)(nil),
		"a time": &now, "anything": new(any),
	} {
		require.ErrorIs(t, seal.Unmarshal([]byte{0xa0}, v), seal.ErrArgument, name)
	}
	type tree struct {
		Children []tree `cbor:"1,keyasint,omitempty"`
	}
	_, err := seal.Marshal(tree{Children: []tree{{}}})
	require.NoError(t, err, "a type may contain itself")
}

// FuzzUnmarshalReencodes holds attack I2: whatever parses is the one encoding of
// what it says.
func FuzzUnmarshalReencodes(f *testing.F) {
	for _, text := range notTheOneEncoding {
		b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		require.NoError(f, err)
		f.Add(b)
	}
	full, err := seal.Marshal(paper{
		Name: "n", Count: 1, Date: -1, Yes: true, Raw: []byte{1}, Parts: []part{{1, "b"}},
		Labels: map[string]string{"a": "b", "c": "d"}, Inner: &part{},
	})
	require.NoError(f, err)
	f.Add(full)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range []any{new(paper), new(part), new(seal.KDF), new(seal.OwnerHead), new([]uint64), new(map[string]int64)} {
			if err := seal.Unmarshal(b, v); err != nil {
				require.ErrorIs(t, err, seal.ErrFormat)
				continue
			}
			again, err := seal.Marshal(v)
			require.NoError(t, err)
			require.Equal(t, b, again)
		}
	})
}

func BenchmarkBody(b *testing.B) {
	type entry struct {
		ID       [16]byte `cbor:"1,keyasint"`
		Revision uint64   `cbor:"2,keyasint"`
		Hash     []byte   `cbor:"3,keyasint"`
	}
	page := make([]entry, 256)
	for i := range page {
		page[i] = entry{[16]byte(randomBytes(16)), uint64(i), randomBytes(32)}
	}
	encoded, err := seal.Marshal(page)
	require.NoError(b, err)
	b.Run("marshal a page", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := seal.Marshal(page); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unmarshal a page", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var again []entry
			if err := seal.Unmarshal(encoded, &again); err != nil {
				b.Fatal(err)
			}
		}
	})
}
