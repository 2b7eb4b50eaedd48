package testkeys_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testkeys"
)

func TestCheapKDFIsCheapAndStillChecked(t *testing.T) {
	testkeys.UseCheapKDF()
	testkeys.UseCheapKDF()
	k := seal.NewKDF()
	require.EqualValues(t, 1, k.Time)
	require.LessOrEqual(t, k.MemoryKiB, uint32(64))
	require.Len(t, k.Salt, 16)
	key, err := k.Derive([]byte("secret"))
	require.NoError(t, err)
	require.False(t, key.IsZero())

	for name, change := range map[string]func(k *seal.KDF){
		"time":    func(k *seal.KDF) { k.Time-- },
		"memory":  func(k *seal.KDF) { k.MemoryKiB-- },
		"too hot": func(k *seal.KDF) { k.MemoryKiB = 1 << 30 },
		"salt":    func(k *seal.KDF) { k.Salt = nil },
		"none":    func(k *seal.KDF) { *k = seal.KDF{} },
	} {
		bad := k
		change(&bad)
		require.ErrorIs(t, bad.Check(), seal.ErrKDF, name)
	}
	real := seal.KDF{Algorithm: seal.Argon2id, Time: 3, MemoryKiB: 64 << 10, Threads: 1, Salt: k.Salt}
	require.NoError(t, real.Check(), "what a real service wrote is still taken")
}

// TestCheapKDFPanicsInARealProgram builds a program that does what no service
// may do, and runs it.
func TestCheapKDFPanicsInARealProgram(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "service")
	out, err := exec.Command("go", "build", "-o", program, "./testdata/service").CombinedOutput()
	require.NoError(t, err, string(out))
	out, err = exec.Command(program, "-test.v").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "testkeys: not a test")
	require.NotContains(t, string(out), "lowered")
}
