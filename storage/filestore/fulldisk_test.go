//go:build linux

package filestore

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

const fullDiskFolder = "RECONNECT_TEST_FULL_DISK"

// The child may write files of at most 1 MiB, which is as near to a full disk as
// a process can bring itself: write(2) itself answers that there is no room.
func TestFullDiskIsNamedAndLeavesNothing(t *testing.T) {
	if dir := os.Getenv(fullDiskFolder); dir != "" {
		fillDisk(t, dir)
		return
	}
	t.Parallel()
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestFullDiskIsNamedAndLeavesNothing$", "-test.v")
	child.Env = append(os.Environ(), fullDiskFolder+"="+dir)
	output, err := child.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "full as expected")

	s := openStore(t, dir)
	require.Equal(t, strings.Repeat("x", 1<<20), get(t, s, "fits"))
	require.Len(t, files(t, dir), 1)
}

func fillDisk(t *testing.T, dir string) {
	s := openStore(t, dir)
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))

	require.NoError(t, write(t.Context(), s, "fits", strings.Repeat("x", 1<<20)))
	for _, size := range []int64{-1, 1<<20 + 1} {
		w, err := s.Create(t.Context(), "too-big", size)
		require.NoError(t, err)
		n, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 1<<20+1)))
		require.ErrorIs(t, err, storage.ErrNoSpace)
		require.ErrorIs(t, err, syscall.EFBIG)
		require.LessOrEqual(t, n, int64(1<<20))
		require.Len(t, files(t, dir), 1, "the space is free at once")
		require.ErrorIs(t, w.Close(), storage.ErrNoSpace, "what was cut off is not kept")
		requireAbsent(t, s, "too-big")
	}
	fmt.Println("full as expected")
}
