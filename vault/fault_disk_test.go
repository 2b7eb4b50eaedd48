package vault_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// At every write of a record or a blob the disk is full, and stays so. Nothing
// is lost or half done, and once there is room the same person, still signed in,
// does the same act without trouble.
func TestAFullDiskLosesNothingAndIsOverWhenThereIsRoom(t *testing.T) {
	t.Parallel()
	turn := 0
	for name, f := range flows() {
		turn++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			known := f.healthy(t, engines[0])
			step := sized(3*slower, 1) * max(1, f.costly)
			for n, met := 1+turn%step, true; met; n += step {
				met = apart(t, "write", n, func(t *testing.T) bool { return f.meetsFullDisk(t, n, known) })
			}
		})
	}
}

// meetsFullDisk does the act with a disk that is full from the n-th write on, and
// then again with room. False if the act ended before.
func (f *flow) meetsFullDisk(t *testing.T, n int, known *states) bool {
	t.Helper()
	w := engines[0].stage(t, f)
	p, act := f.prepare(t, w)
	w.store.FailFrom(n, storage.ErrNoSpace, storagetest.Before, storagetest.Commit, storagetest.CreateBlob, storagetest.WriteBlob, storagetest.CloseBlob)
	err := act()
	reached := w.failed()
	w.heal()
	which := fmt.Sprintf("the disk is full at write %d and the answer is: %v", n, err)
	if answered(err) == notDone {
		require.ErrorIs(t, err, vault.ErrStorage, which)
		require.ErrorIs(t, err, storage.ErrNoSpace, which)
		if err = act(); vault.Code(err) != "busy-moving" { // a move that could not be taken back bars others until its deadline
			require.NoError(t, err, "there is room again; before, %s", which)
		}
	}
	require.NoError(t, w.Vaults.Close())
	f.requireOneOf(t, w, p, known, err, which)
	return reached
}

// fullFolder tells a child process where to meet the full disk.
const fullFolder = "VAULT_TEST_FULL_DISK"

// The same with a disk that is really full: the kernel refuses to let any file
// of a service on disk grow, in a process of its own.
func TestADiskThatIsReallyFullLosesNothing(t *testing.T) {
	t.Parallel()
	if folder := os.Getenv(fullFolder); folder != "" {
		fillDisk(t, folder)
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), fullFolder+"="+t.TempDir())
	out, err := child.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "the disk was full")
}

func fillDisk(t *testing.T, folder string) {
	signal.Ignore(syscall.SIGXFSZ) // the write fails with EFBIG instead
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	s := newScene(t, &vaulttest.Options{Folder: folder})
	paper := add(t, s.v, "paper", content(1, 300_000))

	small := syscall.Rlimit{Cur: 600_000, Max: limit.Max}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small))
	_, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "too long", Size: 2_000_000}, bytes.NewReader(content(2, 2_000_000)))
	require.ErrorIs(t, err, vault.ErrStorage)
	require.ErrorIs(t, err, storage.ErrNoSpace, "a document")
	acknowledged := []string{}
	for err = nil; err == nil; {
		name := fmt.Sprint("note ", len(acknowledged))
		if _, err = s.v.AddNote(t.Context(), name, vault.Note{Text: strings.Repeat("x", vault.MaxText)}, vault.Place{}); err == nil {
			acknowledged = append(acknowledged, name)
		}
	}
	require.ErrorIs(t, err, vault.ErrStorage, "a record; SQLite does not tell a file that may not grow from a disk that fails")
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	t.Logf("the disk was full after %d notes", len(acknowledged))

	require.Equal(t, content(1, 300_000), read(t, s.v, paper.ID), "the same session goes on")
	addNote(t, s.v, "room", "again")
	require.ElementsMatch(t, append(acknowledged, "paper", "room"), papers(t, s.v))
	require.Len(t, requireSound(t, s.Stage, s.person), len(acknowledged)+2+2, "and the folders")
	settle(t, s.Stage)
	requireTidy(t, s.Stage, blobFiles(t, s.Stage, folder), s.v.ID())
}
