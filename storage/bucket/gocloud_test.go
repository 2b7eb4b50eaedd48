package bucket

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	storagetest.RunBlobs(t, storagetest.BlobsHarness{
		Volatile: true,
		Place: func(t testing.TB) func() (storage.Blobs, error) {
			return func() (storage.Blobs, error) { return New(t.Context(), memblob.OpenBucket(nil), nil) }
		},
	})
}

// The tests below show defects of gocloud v0.47.0 that this package is built
// around. When one fails, gocloud has repaired it, and the code that its message
// names may become simpler.

var errBroken = errors.New("the reader broke")

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

func broken(n int) io.Reader {
	return io.MultiReader(strings.NewReader(strings.Repeat("x", n)), brokenReader{})
}

func TestGocloudCommitsWhatAFailedReaderGave(t *testing.T) {
	t.Parallel()
	files, err := fileblob.OpenBucket(t.TempDir(), &fileblob.Options{NoTempDir: true})
	require.NoError(t, err)
	for name, b := range map[string]*blob.Bucket{"fileblob": files, "memblob": memblob.OpenBucket(nil)} {
		err := b.Upload(t.Context(), "key", broken(1000), &blob.WriterOptions{ContentType: "text/plain"})
		require.ErrorIs(t, err, errBroken, name)
		kept, err := b.ReadAll(t.Context(), "key")
		require.NoError(t, err, "%s keeps nothing: see writer in writer.go, which cancels first", name)
		require.Len(t, kept, 1000, name)

		// The same through this package, which would refuse files.
		s := &Store{bucket: b, patience: patience, writers: map[*writer]struct{}{}}
		for _, declared := range []int64{-1, 2000} {
			w, err := s.Create(t.Context(), "blob", declared)
			require.NoError(t, err)
			_, err = io.Copy(w, broken(1000))
			require.ErrorIs(t, err, errBroken, name)
			w.Abort()
			there, err := b.Exists(t.Context(), "blob")
			require.NoError(t, err)
			require.False(t, there, "%s has a part of a blob", name)
		}
		require.NoError(t, s.Close())
	}
}

// Opening Azure's driver here would make its client a dependency of the module.
// Its writer was seen to panic in Close, on a server that answers 403 to all,
// and its source says why: one goroutine sets to nil what the other one closes.
// This package uses Upload, which does not come there: cloudWriter panics if not.
func TestGocloudPanicsInCloseOnAzure(t *testing.T) {
	t.Parallel()
	source := gocloud(t, "blob/azureblob/azureblob.go")
	require.Contains(t, source, "w.pr.CloseWithError(w.err)\n\t\t\t\tw.pr = nil", "repaired: see writer in writer.go, which uses Upload")

	s := openCloud(t, &cloud{refuses: errNetwork})
	require.ErrorIs(t, send(t.Context(), s, "blob", make([]byte, 1000)), storage.ErrUnknown)
	require.Panics(t, func() {
		w, err := s.bucket.NewWriter(t.Context(), "blob", &blob.WriterOptions{ContentType: "text/plain"})
		require.NoError(t, err)
		_, err = w.Write([]byte("content"))
		require.NoError(t, err)
		_ = w.Close()
	})
}

func TestGocloudDoesNotSyncFiles(t *testing.T) {
	t.Parallel()
	require.NotContains(t, gocloud(t, "blob/fileblob/fileblob.go"), ".Sync()", "repaired: see errNotDurable")

	dir := t.TempDir()
	files, err := fileblob.OpenBucket(dir, nil)
	require.NoError(t, err)
	_, err = New(t.Context(), files, nil)
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorContains(t, err, "storage/filestore")
	_, err = New(t.Context(), blob.PrefixedBucket(files, "a/"), nil)
	require.ErrorContains(t, err, "storage/filestore")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)

	_, err = OpenURL(t.Context(), &url.URL{Scheme: "file", Path: filepath.ToSlash(dir)})
	require.ErrorIs(t, err, storage.ErrInvalid)
	require.ErrorContains(t, err, "storage/filestore")
	_, err = OpenURL(t.Context(), &url.URL{Scheme: "mem"})
	require.ErrorIs(t, err, storage.ErrInvalid)
}

// gocloud reads a file of the version that this module uses.
func gocloud(t *testing.T, file string) string {
	t.Helper()
	dir, err := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "list", "-m", "-f", "{{.Dir}}", "gocloud.dev").Output()
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), filepath.FromSlash(file)))
	require.NoError(t, err)
	return string(source)
}

func TestURLsOfOtherCloudsNameTheMissingDriver(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"gs", "azblob"} {
		_, err := storage.OpenBlobs(t.Context(), scheme+"://vault?prefix=blobs/")
		require.ErrorIs(t, err, storage.ErrInvalid)
		require.ErrorContains(t, err, "import gocloud's driver")
	}
}
