package filestore

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// faulty is the real system with one call that fails from its nth use on, as
// many times as told.
type faulty struct {
	call  string
	from  int // 0 is the first
	times int
	err   error
	after bool // the call is made all the same, and then said to have failed
}

func (f *faulty) hit(call string) bool {
	if call != f.call || f.times == 0 {
		return false
	}
	if f.from > 0 {
		f.from--
		return false
	}
	f.times--
	return true
}

func run[T any](f *faulty, call string, do func() (T, error)) (T, error) {
	if !f.hit(call) {
		return do()
	}
	var none T
	if f.after {
		do()
	}
	return none, f.err
}

func (f *faulty) system() system {
	actual := realSystem()
	only := func(call string, do func() error) error {
		_, err := run(f, call, func() (struct{}, error) { return struct{}{}, do() })
		return err
	}
	return system{
		create: func(root *os.Root, path string) (*os.File, error) {
			return run(f, "create", func() (*os.File, error) { return actual.create(root, path) })
		},
		write: func(file *os.File, p []byte) (int, error) {
			return run(f, "write", func() (int, error) { return actual.write(file, p) })
		},
		sync:  func(file *os.File) error { return only("sync", func() error { return actual.sync(file) }) },
		close: func(file *os.File) error { return only("close", func() error { return actual.close(file) }) },
		link: func(root *os.Root, from, to string) error {
			return only("link", func() error { return actual.link(root, from, to) })
		},
		remove: func(root *os.Root, path string) error {
			return only("remove", func() error { return actual.remove(root, path) })
		},
		syncFolder: func(root *os.Root, path string) error {
			return only("syncFolder", func() error { return actual.syncFolder(root, path) })
		},
	}
}

// write sends content in two pieces and closes.
func write(ctx context.Context, s *Store, name, content string) error {
	w, err := s.Create(ctx, name, int64(len(content)))
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, piece := range []string{content[:len(content)/2], content[len(content)/2:]} {
		if _, err := io.WriteString(w, piece); err != nil {
			return err
		}
	}
	return w.Close()
}

func TestEveryFailedStepOfAWriteLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault faulty
		want  error
	}{
		{faulty{call: "create", times: 1, err: syscall.ENOSPC}, storage.ErrNoSpace},
		{faulty{call: "create", times: 1, err: syscall.EROFS}, storage.ErrReadOnly},
		{faulty{call: "create", times: 1, err: syscall.EACCES}, storage.ErrReadOnly},
		{faulty{call: "create", times: 1, err: syscall.EMFILE}, storage.ErrUnavailable},
		{faulty{call: "write", times: 1, err: syscall.ENOSPC}, storage.ErrNoSpace},
		{faulty{call: "write", times: 1, from: 1, err: syscall.EDQUOT, after: true}, storage.ErrNoSpace},
		{faulty{call: "write", times: 1, from: 1, err: syscall.EFBIG}, storage.ErrNoSpace},
		{faulty{call: "write", times: 1, err: syscall.EIO}, storage.ErrUnavailable},
		{faulty{call: "sync", times: 1, err: syscall.EIO, after: true}, storage.ErrUnavailable},
		{faulty{call: "sync", times: 1, err: syscall.ENOSPC}, storage.ErrNoSpace},
		{faulty{call: "close", times: 1, err: syscall.EDQUOT, after: true}, storage.ErrNoSpace},
		{faulty{call: "close", times: 1, err: syscall.EIO}, storage.ErrUnavailable},
		{faulty{call: "link", times: 1, err: syscall.ENOSPC}, storage.ErrNoSpace},
		{faulty{call: "link", times: 1, err: syscall.EIO}, storage.ErrUnavailable},
		{faulty{call: "syncFolder", times: 1, err: syscall.EIO}, storage.ErrUnavailable},
		{faulty{call: "syncFolder", times: 1, err: syscall.ENOSPC, after: true}, storage.ErrNoSpace},
	} {
		t.Run(c.fault.call+" "+c.fault.err.Error(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			fault := &faulty{}
			s, err := open(dir, &Options{}, fault.system())
			require.NoError(t, err)
			t.Cleanup(func() { s.Close() })
			put(t, s, "before", "acknowledged")

			*fault = c.fault
			err = write(t.Context(), s, "vault-id/blob", "content")
			require.ErrorIs(t, err, c.want)
			require.ErrorIs(t, err, c.fault.err, "the reason is kept")
			require.NotErrorIs(t, err, storage.ErrUnknown)
			require.NotContains(t, err.Error(), "vault-id")
			require.Zero(t, fault.times, "the fault was met")

			requireAbsent(t, s, "vault-id/blob")
			require.Equal(t, map[string]string{blobPath("before"): "acknowledged"}, files(t, dir))
			require.NoError(t, write(t.Context(), s, "vault-id/blob", "content"), "the name is free and the store works")
			require.Equal(t, "content", get(t, s, "vault-id/blob"))
		})
	}
}

// A folder that can neither be made durable nor cleared again leaves the outcome
// open; that has to be said, since ErrUnavailable would promise that nothing is there.
func TestFailureThatCannotBeUndoneIsCalledUnknown(t *testing.T) {
	t.Parallel()
	fault := &faulty{}
	s, err := open(t.TempDir(), &Options{}, fault.system())
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })

	*fault = faulty{call: "syncFolder", times: 2, err: syscall.EIO}
	err = write(t.Context(), s, "a", "content")
	require.ErrorIs(t, err, storage.ErrUnknown)
	require.ErrorIs(t, err, syscall.EIO)
	require.NotErrorIs(t, err, storage.ErrUnavailable)
	require.NoError(t, s.Delete(t.Context(), "a"), "Delete settles it")
	requireAbsent(t, s, "a")
	require.NoError(t, write(t.Context(), s, "a", "content"))
}

func TestLeftoverThatCannotBeRemovedGoesWithTheNextOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fault := &faulty{}
	s, err := open(dir, &Options{}, fault.system())
	require.NoError(t, err)
	*fault = faulty{call: "remove", times: 1, err: syscall.EIO}
	require.NoError(t, write(t.Context(), s, "a", "content"), "the blob is durable all the same")
	require.Len(t, files(t, dir), 2)
	require.NoError(t, s.Close())

	s = openStore(t, dir)
	require.Equal(t, map[string]string{blobPath("a"): "content"}, files(t, dir))
	require.Equal(t, "content", get(t, s, "a"))
}

func TestFailedDeleteIsSaidAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	fault := &faulty{}
	s, err := open(t.TempDir(), &Options{}, fault.system())
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	put(t, s, "a", "content")

	*fault = faulty{call: "remove", times: 1, err: syscall.EROFS}
	require.ErrorIs(t, s.Delete(t.Context(), "a"), storage.ErrReadOnly)
	require.Equal(t, "content", get(t, s, "a"))

	// Removed but not durable: the next Delete finds no file and must not say
	// that all is well before the folder is.
	*fault = faulty{call: "syncFolder", times: 2, err: syscall.EIO}
	require.ErrorIs(t, s.Delete(t.Context(), "a"), storage.ErrUnavailable)
	require.ErrorIs(t, s.Delete(t.Context(), "a"), storage.ErrUnavailable)
	require.NoError(t, s.Delete(t.Context(), "a"))
	requireAbsent(t, s, "a")
}

func TestEveryFailedStepOfMakingAStoreIsSaidAndTheNextOpenGoesOn(t *testing.T) {
	t.Parallel()
	for _, fault := range []faulty{
		{call: "syncFolder", times: 1, err: syscall.EIO},
		{call: "create", times: 1, err: syscall.ENOSPC},
		{call: "write", times: 1, err: syscall.ENOSPC},
		{call: "sync", times: 1, err: syscall.EIO},
		{call: "link", times: 1, err: syscall.ENOSPC},
		{call: "syncFolder", from: 1, times: 1, err: syscall.EIO},
	} {
		dir := t.TempDir()
		_, err := open(dir, &Options{}, fault.system())
		require.ErrorIs(t, err, fault.err)
		require.ErrorContains(t, err, dir)
		require.Zero(t, fault.times)
		s, err := Open(dir, nil)
		require.NoError(t, err, "after %s", fault.call)
		put(t, s, "a", "content")
		require.Len(t, files(t, dir), 1)
		require.NoError(t, s.Close())
	}
}

func TestLeftoversThatCannotBeClearedAreSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(dir, nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	for _, call := range []string{"syncFolder", "remove"} {
		require.NoError(t, os.WriteFile(dir+"/"+tempFolder+"/"+strings.Repeat("0f", 16), nil, 0o600))
		fault := faulty{call: call, times: 1, err: syscall.EIO}
		_, err := open(dir, &Options{}, fault.system())
		require.ErrorIs(t, err, storage.ErrUnavailable)
	}
	openStore(t, dir)
	require.Empty(t, files(t, dir))
}

// Who declares a megabyte and sends a terabyte fills no disk, and who goes away
// in the middle frees at once what they took.
func TestWriteThatCannotEndWellFreesItsSpaceAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	for _, c := range []struct {
		spoil func() string
		want  error
	}{
		{func() string { return "one byte more" }, storage.ErrIncomplete},
		{func() string { cancel(); return "" }, context.Canceled},
	} {
		w, err := s.Create(ctx, "a", 10)
		require.NoError(t, err)
		_, err = io.WriteString(w, "0123456789")
		require.NoError(t, err)
		require.Len(t, files(t, dir), 1)
		_, err = io.WriteString(w, c.spoil())
		require.ErrorIs(t, err, c.want)
		require.Empty(t, files(t, dir))
		require.ErrorIs(t, w.Close(), c.want)
	}
}

func TestContextThatEndsDuringFsyncLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	s := openStore(t, dir)
	s.system.sync = func(file *os.File) error {
		defer cancel()
		return file.Sync()
	}
	require.ErrorIs(t, write(ctx, s, "a", "content"), context.Canceled)
	requireAbsent(t, s, "a")
	require.Empty(t, files(t, dir))
}

func TestBlobIsHiddenUntilItsNameIsDurable(t *testing.T) {
	t.Parallel()
	for _, fails := range []bool{false, true} {
		var s *Store
		sys := realSystem()
		committing, proceed := make(chan struct{}), make(chan error)
		first := true
		sys.syncFolder = func(root *os.Root, path string) error {
			if s == nil || !first {
				return realSystem().syncFolder(root, path)
			}
			first = false
			close(committing)
			return <-proceed
		}
		opened, err := open(t.TempDir(), &Options{}, sys)
		require.NoError(t, err)
		s = opened

		closed := make(chan error, 1)
		go func() { closed <- write(t.Context(), s, "a", "first") }()
		<-committing
		require.FileExists(t, s.root.Name()+"/"+blobPath("a"), "linked")
		requireAbsent(t, s, "a")

		// A second writer of the name has to hear how it ends, or give up.
		w, err := s.Create(t.Context(), "a", -1)
		require.NoError(t, err)
		cancelled, cancel := context.WithCancel(t.Context())
		impatient, err := s.Create(cancelled, "a", -1)
		require.NoError(t, err)
		second, third := make(chan error, 1), make(chan error, 1)
		go func() { second <- w.Close() }()
		go func() { third <- impatient.Close() }()
		cancel()
		require.ErrorIs(t, <-third, context.Canceled)

		if fails {
			proceed <- syscall.EIO
			require.ErrorIs(t, <-closed, storage.ErrUnavailable)
			require.NoError(t, <-second)
			require.Empty(t, get(t, s, "a"))
		} else {
			proceed <- nil
			require.NoError(t, <-closed)
			require.ErrorIs(t, <-second, storage.ErrExists)
			require.Equal(t, "first", get(t, s, "a"))
		}
		require.NoError(t, s.Close())
	}
}

func TestFileThatLostItsEndIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	put(t, s, "a", "0123456789")
	r, err := s.Open(t.Context(), "a", 2, 6)
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, os.Truncate(dir+"/"+blobPath("a"), 5))
	content, err := io.ReadAll(r)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.Equal(t, "234", string(content))
}

func TestClosingTheStoreThrowsAwayOpenWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(dir, nil)
	require.NoError(t, err)
	w, err := s.Create(t.Context(), "a", -1)
	require.NoError(t, err)
	_, err = io.WriteString(w, "half")
	require.NoError(t, err)
	require.Len(t, files(t, dir), 1)
	require.NoError(t, s.Close())
	require.Empty(t, files(t, dir))
	_, err = io.WriteString(w, "more")
	require.ErrorIs(t, err, storage.ErrClosed)
	require.ErrorIs(t, w.Close(), storage.ErrClosed)
	w.Abort()
}

func TestEveryFileIsClosedAgain(t *testing.T) {
	const openFiles = "/proc/self/fd"
	if _, err := os.Stat(openFiles); err != nil {
		needs(t, "a system that lists open files")
	}
	count := func() int {
		entries, err := os.ReadDir(openFiles)
		require.NoError(t, err)
		return len(entries)
	}
	s := openStore(t, t.TempDir())
	put(t, s, "a", "content")
	before := count()
	for i := range 50 {
		name := fmt.Sprintf("blob/%d", i)
		put(t, s, name, "content")
		require.ErrorIs(t, write(t.Context(), s, name, "taken"), storage.ErrExists)
		w, err := s.Create(t.Context(), "aborted", 3)
		require.NoError(t, err)
		w.Abort()
		w, err = s.Create(t.Context(), "short", 3)
		require.NoError(t, err)
		require.ErrorIs(t, w.Close(), storage.ErrIncomplete)
		require.Equal(t, "content", get(t, s, name))
		_, err = s.Open(t.Context(), name, 100, 1)
		require.ErrorIs(t, err, storage.ErrInvalid)
		requireAbsent(t, s, "aborted")
		require.NoError(t, s.Delete(t.Context(), name))
	}
	require.Equal(t, before, count())
	require.Empty(t, s.writers, "writers that ended are forgotten")
	_, err := Open(s.root.Name(), nil)
	require.ErrorIs(t, err, storage.ErrInUse)
	require.Equal(t, before, count())
}

// needs skips a test that this machine cannot run, but not where all must run.
func needs(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		t.Fatalf("this test needs %s", what)
	}
	t.Skipf("this test needs %s", what)
}
