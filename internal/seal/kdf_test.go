package seal_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/argon2"

	"reconnect.example/internal/seal"
)

// This package's tests run at the real floor: nothing here lowers it.

func TestNewKDFIsTheCompiledFloorWithAFreshSalt(t *testing.T) {
	t.Parallel()
	k := seal.NewKDF()
	require.NoError(t, k.Check())
	require.Equal(t, seal.KDF{Algorithm: 1, Time: 3, MemoryKiB: 64 << 10, Threads: 1, Salt: k.Salt}, k)
	require.Len(t, k.Salt, 16)
	require.NotEqual(t, k.Salt, seal.NewKDF().Salt)
}

func TestKDFIsArgon2id(t *testing.T) {
	t.Parallel()
	k := seal.NewKDF()
	key, err := k.Derive([]byte("correct horse"))
	require.NoError(t, err)
	require.Equal(t, argon2.IDKey([]byte("correct horse"), k.Salt, 3, 64<<10, 1, 32), key.Bytes())
}

func TestKDFComesBackFromItsRecord(t *testing.T) {
	t.Parallel()
	k := seal.NewKDF()
	b, err := seal.Marshal(k)
	require.NoError(t, err)
	var again seal.KDF
	require.NoError(t, seal.Unmarshal(b, &again))
	require.Equal(t, k, again)
}

// refuseKDF demands that parameters are refused, and before deriving: those that
// would take hours or all memory answer at once or this test does not end.
func refuseKDF(t *testing.T, name string, change func(*seal.KDF)) {
	t.Helper()
	k := seal.NewKDF()
	change(&k)
	require.ErrorIs(t, k.Check(), seal.ErrKDF, name)
	key, err := k.Derive([]byte("correct horse"))
	require.ErrorIs(t, err, seal.ErrKDF, name)
	require.True(t, key.IsZero(), name)
}

func testLoweredKDFRefused(t *testing.T) {
	refuseKDF(t, "time", func(k *seal.KDF) { k.Time = 2 })
	refuseKDF(t, "memory", func(k *seal.KDF) { k.MemoryKiB = 64<<10 - 1 })
	refuseKDF(t, "salt", func(k *seal.KDF) { k.Salt = k.Salt[:15] })
	refuseKDF(t, "another algorithm", func(k *seal.KDF) { k.Algorithm = 2 })
}

func testRaisedKDFRefused(t *testing.T) {
	refuseKDF(t, "time", func(k *seal.KDF) { k.Time = 11 })
	refuseKDF(t, "all time", func(k *seal.KDF) { k.Time = 1<<32 - 1 })
	refuseKDF(t, "memory", func(k *seal.KDF) { k.MemoryKiB = 256<<10 + 1 })
	refuseKDF(t, "all memory", func(k *seal.KDF) { k.MemoryKiB = 1<<32 - 1 })
	refuseKDF(t, "threads", func(k *seal.KDF) { k.Threads = 5 })
	refuseKDF(t, "all threads", func(k *seal.KDF) { k.Threads = 255 })
	refuseKDF(t, "salt", func(k *seal.KDF) { k.Salt = bytes.Repeat([]byte{1}, 33) })

	highest := seal.NewKDF()
	highest.Time, highest.MemoryKiB, highest.Threads, highest.Salt = 10, 256<<10, 4, make([]byte, 32)
	require.NoError(t, highest.Check())
}

func testMissingKDFRefused(t *testing.T) {
	refuseKDF(t, "everything", func(k *seal.KDF) { *k = seal.KDF{} })
	refuseKDF(t, "algorithm", func(k *seal.KDF) { k.Algorithm = 0 })
	refuseKDF(t, "time", func(k *seal.KDF) { k.Time = 0 })
	refuseKDF(t, "memory", func(k *seal.KDF) { k.MemoryKiB = 0 })
	refuseKDF(t, "threads", func(k *seal.KDF) { k.Threads = 0 })
	refuseKDF(t, "salt", func(k *seal.KDF) { k.Salt = nil })

	// A record that leaves a parameter out does not even parse.
	without, err := seal.Marshal(struct {
		Algorithm uint8  `cbor:"1,keyasint"`
		MemoryKiB uint32 `cbor:"3,keyasint"`
		Threads   uint8  `cbor:"4,keyasint"`
		Salt      []byte `cbor:"5,keyasint"`
	}{1, 64 << 10, 1, make([]byte, 16)})
	require.NoError(t, err)
	var k seal.KDF
	require.ErrorIs(t, seal.Unmarshal(without, &k), seal.ErrFormat)
}
