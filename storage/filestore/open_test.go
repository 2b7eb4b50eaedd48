package filestore

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func openStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func put(t *testing.T, s *Store, name, content string) {
	t.Helper()
	w, err := s.Create(t.Context(), name, int64(len(content)))
	require.NoError(t, err)
	_, err = io.WriteString(w, content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

func get(t *testing.T, s *Store, name string) string {
	t.Helper()
	r, err := s.Open(t.Context(), name, 0, -1)
	require.NoError(t, err)
	defer r.Close()
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(content)
}

func requireAbsent(t *testing.T, s *Store, name string) {
	t.Helper()
	_, err := s.Size(t.Context(), name)
	require.ErrorIs(t, err, storage.ErrNotFound)
	_, err = s.Open(t.Context(), name, 0, -1)
	require.ErrorIs(t, err, storage.ErrNotFound)
}

// files lists every file under dir with its content, but for the two that are
// always there.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		short, err := filepath.Rel(dir, path)
		if err != nil || short == formatPath || short == lockPath {
			return err
		}
		content, err := os.ReadFile(path)
		found[filepath.ToSlash(short)] = string(content)
		return err
	}))
	return found
}

func TestFolderIsLaidOutAsDocumented(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "missing", "blobs")
	s := openStore(t, dir)
	long := strings.Repeat("0123456789abcdef/", 20) + "x"
	put(t, s, "v/b/x", "a document")
	put(t, s, "v", "named like a folder of the other")
	put(t, s, long, "a long name")

	// From sha256sum(1): the layout is a promise to whoever restores a backup.
	require.Equal(t, map[string]string{
		"eb/v+b+x": "a document",
		"4c/v":     "named like a folder of the other",
		"58/~58500ed15f73378855b7092feffb40a9c17ddbb4ec011b938441a167bd86e797": "a long name",
	}, files(t, dir))

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 256+3, "256 folders, tmp, format and lock")
	require.NoError(t, filepath.WalkDir(filepath.Dir(dir), func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		if entry.IsDir() {
			require.Equal(t, fs.FileMode(0o700), info.Mode().Perm(), path)
		} else {
			require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), path)
		}
		return nil
	}))
}

func TestSecondOpenIsRefusedUntilTheFirstCloses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := Open(dir, nil)
	require.NoError(t, err)
	_, err = Open(dir, nil)
	require.ErrorIs(t, err, storage.ErrInUse)
	require.ErrorContains(t, err, "stop the other process")
	require.NoError(t, first.Close())
	require.NoError(t, first.Close(), "closing again does nothing")
	openStore(t, dir)
}

func TestFolderOfSomeoneElseIsRefusedAndUntouched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// What Open("/") would meet: a tmp with files that look like leftovers of ours.
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tmp"), 0o777))
	theirs := filepath.Join(dir, "tmp", strings.Repeat("ab", 16))
	require.NoError(t, os.WriteFile(theirs, []byte("theirs"), 0o666))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "etc"), 0o777))

	_, err := Open(dir, nil)
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorContains(t, err, "empty folder")
	require.FileExists(t, theirs)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2)

	_, err = Open(theirs, nil)
	require.ErrorIs(t, err, storage.ErrInvalid, "a file is not a folder")
	_, err = Open("", nil)
	require.ErrorIs(t, err, storage.ErrInvalid)
}

func TestFreshDiskMayHoldLostAndFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "lost+found"), 0o700))
	put(t, openStore(t, dir), "a", "content")
}

func TestUnmountedDiskIsNotAnEmptyStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, dir := range []string{dir, filepath.Join(dir, "missing")} {
		_, err := Open(dir, &Options{Existing: true})
		require.ErrorIs(t, err, storage.ErrNotFound)
		require.ErrorContains(t, err, "mounted")
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries, "nothing was made")

	s, err := Open(dir, nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s, err = Open(dir, &Options{Existing: true})
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func TestOtherFormatIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(dir, nil)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	for _, format := range []string{"reconnect filestore 2\n", ""} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, formatPath), []byte(format), 0o600))
		_, err = Open(dir, nil)
		require.ErrorIs(t, err, storage.ErrInvalid)
		require.ErrorContains(t, err, "format")
	}
}

func TestBackupWithoutEmptyFoldersOpens(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(dir, nil)
	require.NoError(t, err)
	put(t, s, "a", "kept")
	require.NoError(t, s.Close())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.IsDir() {
			os.Remove(filepath.Join(dir, entry.Name())) // fails where there is a blob
		}
	}
	s = openStore(t, dir)
	require.Equal(t, "kept", get(t, s, "a"))
	put(t, s, "b", "new")
}

func TestLeftoversOfAKilledProcessAreRemovedAndNothingElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(dir, nil)
	require.NoError(t, err)
	put(t, s, "a", "kept")
	require.NoError(t, s.Close())
	tmp := filepath.Join(dir, tempFolder)
	require.NoError(t, os.WriteFile(filepath.Join(tmp, strings.Repeat("0f", 16)), []byte("half"), 0o600))
	require.NoError(t, os.Link(filepath.Join(dir, blobPath("a")), filepath.Join(tmp, strings.Repeat("1e", 16))))
	require.NoError(t, os.WriteFile(filepath.Join(tmp, "notes.txt"), []byte("an operator's"), 0o600))

	s = openStore(t, dir)
	require.Equal(t, map[string]string{blobPath("a"): "kept", "tmp/notes.txt": "an operator's"}, files(t, dir))
	require.Equal(t, "kept", get(t, s, "a"))
}

// A writer killed between link and fsync leaves its blob visible, though a loss
// of power could still take it. Open must end that before anybody sees it.
func TestBlobOfAKilledWriterIsMadeDurableBeforeItsTraceIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(dir, nil)
	require.NoError(t, err)
	put(t, s, "a", "linked")
	require.NoError(t, s.Close())
	left := tempFolder + "/" + strings.Repeat("2d", 16)
	require.NoError(t, os.Link(filepath.Join(dir, blobPath("a")), filepath.Join(dir, left)))

	var calls []string
	sys := realSystem()
	sys.syncFolder = func(root *os.Root, path string) error {
		calls = append(calls, "sync "+path)
		return realSystem().syncFolder(root, path)
	}
	sys.remove = func(root *os.Root, path string) error {
		calls = append(calls, "remove "+path)
		return realSystem().remove(root, path)
	}
	s, err = open(dir, &Options{}, sys)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Len(t, calls, 256+1)
	require.Contains(t, calls[:256], "sync "+shardPath(shardOf("a")))
	require.Equal(t, "remove "+left, calls[256])
}

func TestPlantedLinksAreNotFollowed(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	dir := t.TempDir()
	s, err := Open(dir, nil)
	require.NoError(t, err)
	put(t, s, "good", "good")

	inside, err := filepath.Rel(filepath.Dir(blobPath("x")), blobPath("good"))
	require.NoError(t, err)
	for name, target := range map[string]string{"out": outside, "in": inside, "folder": dir} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, blobPath(name))))
		_, err := s.Open(t.Context(), name, 0, -1)
		require.ErrorIs(t, err, storage.ErrUnavailable, name)
		require.ErrorContains(t, err, "not a regular file")
		_, err = s.Size(t.Context(), name)
		require.ErrorIs(t, err, storage.ErrUnavailable, name)

		w, err := s.Create(t.Context(), name, -1)
		require.NoError(t, err)
		_, err = io.WriteString(w, "overwritten?")
		require.NoError(t, err)
		require.ErrorIs(t, w.Close(), storage.ErrExists)
		require.NoError(t, s.Delete(t.Context(), name), "removes the link itself")
	}
	require.Equal(t, "good", get(t, s, "good"))
	content, err := os.ReadFile(outside)
	require.NoError(t, err)
	require.Equal(t, "secret", string(content))

	require.NoError(t, s.Close())
	shard := filepath.Join(dir, shardPath(shardOf("good")))
	require.NoError(t, os.Rename(shard, shard+".moved"))
	require.NoError(t, os.Symlink(shard+".moved", shard))
	_, err = Open(dir, nil)
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorContains(t, err, "not a folder")
}

func TestURLNamesOneFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blobs, err := storage.OpenBlobs(t.Context(), "file://"+dir+"/a%20b")
	require.NoError(t, err)
	require.NoError(t, blobs.Close())
	require.DirExists(t, filepath.Join(dir, "a b"))
	_, err = storage.OpenBlobs(t.Context(), "file://"+dir+"/other?existing=true")
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.NoDirExists(t, filepath.Join(dir, "other"))

	here, err := os.Getwd()
	require.NoError(t, err)
	relative, err := filepath.Rel(here, filepath.Join(dir, "relative"))
	require.NoError(t, err)
	blobs, err = storage.OpenBlobs(t.Context(), "file:"+filepath.ToSlash(relative))
	require.NoError(t, err)
	require.NoError(t, blobs.Close())
	require.DirExists(t, filepath.Join(dir, "relative"))

	for _, bad := range []string{
		"file:", "file://", "file://data/blobs", "file://user@/x", "file:///x#y",
		"file:///x?create=true", "file:///x?existing=1", "file:///x?existing=true&existing=true", "file:///x?%zz",
	} {
		_, err := storage.OpenBlobs(t.Context(), bad)
		require.ErrorIs(t, err, storage.ErrInvalid, bad)
	}
}
