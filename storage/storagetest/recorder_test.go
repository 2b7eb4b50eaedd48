package storagetest_test

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

const secret = "Zoé Birth certificate 1987"

// writings are ways in which a careless program could write the secret down.
func writings(t *testing.T) map[string][]byte {
	t.Helper()
	inside := "name: " + secret + "; "
	escaped, err := json.Marshal(secret)
	require.NoError(t, err)
	ascii := strings.ReplaceAll(string(escaped), "é", `\u00e9`)
	all := map[string][]byte{
		"plain":         []byte(inside),
		"lower case":    []byte(strings.ToLower(inside)),
		"upper case":    []byte(strings.ToUpper(inside)),
		"JSON":          []byte(ascii),
		"hexadecimal":   []byte(hex.EncodeToString([]byte(inside))),
		"upper hex":     fmt.Appendf(nil, "%X", inside),
		"query":         []byte(url.QueryEscape(inside)),
		"path":          []byte(url.PathEscape(inside)),
		"little UTF-16": utf16of(inside, 1, 0),
		"big UTF-16":    utf16of(inside, 0, 1),
		"slug":          []byte("zoé-birth-certificate-1987"),
	}
	for before := range 5 {
		shifted := []byte(strings.Repeat("\xff", before) + secret + "!?")
		all[fmt.Sprint("base64 after ", before)] = []byte(base64.StdEncoding.EncodeToString(shifted))
		all[fmt.Sprint("base64 for URLs after ", before)] = []byte(base64.RawURLEncoding.EncodeToString(shifted))
		all[fmt.Sprint("base32 after ", before)] = []byte(base32.StdEncoding.EncodeToString(shifted))
		all[fmt.Sprint("lower base32 after ", before)] = []byte(strings.ToLower(base32.StdEncoding.EncodeToString(shifted)))
	}
	return all
}

// utf16of is enough for text below U+0100.
func utf16of(text string, high, low int) []byte {
	var out []byte
	for _, r := range text {
		unit := [2]byte{}
		unit[low], unit[high] = byte(r), 0
		out = append(out, unit[:]...)
	}
	return out
}

func writeBlob(ctx context.Context, blobs storage.Blobs, name string, pieces ...[]byte) error {
	w, err := blobs.Create(ctx, name, -1)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, piece := range pieces {
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return w.Close()
}

func TestEveryWritingOfAMarkerIsFoundAndOnlyOnce(t *testing.T) {
	t.Parallel()
	for how, written := range writings(t) {
		recorder := storagetest.NewRecorder([]byte("not there at all"), []byte(secret))
		driver := recorder.Driver(memstore.New())
		content := append(bytes.Repeat([]byte("."), 1000), written...)
		require.NoError(t, driver.Commit(t.Context(), nil, []storage.Write{{Key: "v/1", Value: content}}))
		leaks := recorder.Leaks()
		require.Len(t, leaks, 1, how)
		require.Contains(t, leaks[0], secret, how)
		require.Contains(t, leaks[0], `the value of "v/1", at byte 10`, how)
		require.NoError(t, driver.Commit(t.Context(), nil, []storage.Write{{Key: "v/1", Value: content}}))
		require.Equal(t, leaks, recorder.Leaks(), "%s: a place is named once", how)
	}
}

func TestMarkerCutByTheEndOfAWriteIsFound(t *testing.T) {
	t.Parallel()
	for how, written := range writings(t) {
		for cut := 1; cut < len(written); cut += 7 {
			recorder := storagetest.NewRecorder([]byte(secret))
			blobs := recorder.Blobs(memstore.NewBlobs())
			require.NoError(t, writeBlob(t.Context(), blobs, "b", written[:cut], written[cut:]))
			require.Len(t, recorder.Leaks(), 1, "%s cut at %d", how, cut)
		}
		recorder := storagetest.NewRecorder([]byte(secret))
		var bytewise [][]byte
		for i := range written {
			bytewise = append(bytewise, written[i:i+1])
		}
		require.NoError(t, writeBlob(t.Context(), recorder.Blobs(memstore.NewBlobs()), "b", bytewise...))
		require.Len(t, recorder.Leaks(), 1, "%s byte by byte", how)
	}
}

func TestEveryWayIntoStorageIsWatched(t *testing.T) {
	t.Parallel()
	const marker = "margueriteduval"
	key := "v/" + marker + "/1"
	for want, leak := range map[string]func(ctx context.Context, d storage.Driver, b storage.Blobs){
		`key "v/margueriteduval/1"`: func(ctx context.Context, d storage.Driver, _ storage.Blobs) { d.Get(ctx, key) },
		`key prefix "v/margueriteduval/1"`: func(ctx context.Context, d storage.Driver, _ storage.Blobs) {
			d.Scan(ctx, key, "", 1)
		},
		`key "v/margueriteduval/12"`: func(ctx context.Context, d storage.Driver, _ storage.Blobs) {
			d.Scan(ctx, "v/", key+"2", 1)
		},
		`key "v/margueriteduval/13"`: func(ctx context.Context, d storage.Driver, _ storage.Blobs) {
			d.Commit(ctx, []storage.Check{{Key: key + "3", Version: 7}}, nil)
		},
		`key "v/margueriteduval/14"`: func(ctx context.Context, d storage.Driver, _ storage.Blobs) {
			d.Commit(ctx, nil, []storage.Write{{Key: key + "4", Delete: true}})
		},
		`the value of "v/5"`: func(ctx context.Context, d storage.Driver, _ storage.Blobs) {
			d.Commit(ctx, []storage.Check{{Key: "v/5", Version: 7}}, []storage.Write{{Key: "v/5", Value: []byte("conflicts: " + marker)}})
		},
		`blob name "margueriteduval"`:  func(ctx context.Context, _ storage.Driver, b storage.Blobs) { b.Create(ctx, marker, 0) },
		`blob name "margueriteduval2"`: func(ctx context.Context, _ storage.Driver, b storage.Blobs) { b.Open(ctx, marker+"2", 0, -1) },
		`blob name "margueriteduval3"`: func(ctx context.Context, _ storage.Driver, b storage.Blobs) { b.Size(ctx, marker+"3") },
		`blob name "margueriteduval4"`: func(ctx context.Context, _ storage.Driver, b storage.Blobs) { b.Delete(ctx, marker+"4") },
		`blob "aborted"`: func(ctx context.Context, _ storage.Driver, b storage.Blobs) {
			w, err := b.Create(ctx, "aborted", -1)
			require.NoError(t, err)
			_, err = io.WriteString(w, "draft of "+marker)
			require.NoError(t, err)
			w.Abort()
		},
	} {
		recorder := storagetest.NewRecorder([]byte(marker))
		leak(t.Context(), recorder.Driver(memstore.New()), recorder.Blobs(memstore.NewBlobs()))
		leaks := recorder.Leaks()
		require.Len(t, leaks, 1, want)
		require.Contains(t, leaks[0], "in "+want+", at byte")
	}
}

func TestRecorderChangesNothing(t *testing.T) {
	t.Parallel()
	recorder := storagetest.NewRecorder([]byte(secret))
	driver, blobs := recorder.Driver(memstore.New()), recorder.Blobs(memstore.NewBlobs())
	require.NoError(t, driver.Commit(t.Context(), nil, []storage.Write{{Key: "k", Value: []byte("value")}}))
	record, err := driver.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, "value", string(record.Value))
	require.NoError(t, writeBlob(t.Context(), blobs, "b", []byte("con"), []byte("tent")))
	size, err := blobs.Size(t.Context(), "b")
	require.NoError(t, err)
	require.EqualValues(t, 7, size)
	require.ErrorIs(t, writeBlob(t.Context(), blobs, "b"), storage.ErrExists)
	require.EqualValues(t, 12, recorder.Written())
	recorder.RequireNoLeak(t)
}

func TestRecorderThatSawNothingProvesNothing(t *testing.T) {
	t.Parallel()
	write := func(r *storagetest.Recorder, value string) {
		require.NoError(t, r.Driver(memstore.New()).Commit(t.Context(), nil, []storage.Write{{Key: "k", Value: []byte(value)}}))
	}
	noMarker, unused := storagetest.NewRecorder(), storagetest.NewRecorder([]byte(secret))
	write(noMarker, "value")
	short := storagetest.NewRecorder([]byte("Ana"))
	write(short, "value")
	leaking := storagetest.NewRecorder()
	leaking.Forbid([]byte(secret))
	write(leaking, secret)
	for name, r := range map[string]*storagetest.Recorder{
		"no marker": noMarker, "nothing written": unused, "a marker that chance finds": short, "a leak": leaking,
	} {
		failed := &failing{TB: t}
		r.RequireNoLeak(failed)
		require.True(t, failed.failed, name)
	}
}

// failing takes note of a failure instead of failing.
type failing struct {
	testing.TB
	failed bool
}

func (f *failing) Fatalf(string, ...any) { f.failed = true }

func TestRecorderOfABigBlobStaysSmall(t *testing.T) {
	recorder := storagetest.NewRecorder([]byte(secret))
	blobs := recorder.Blobs(discard{})
	w, err := blobs.Create(t.Context(), "b", -1)
	require.NoError(t, err)
	var before, after runtime.MemStats
	piece := bytes.Repeat([]byte("Zoé Birth certificate 198"), 40_000) // nearly, a million times
	runtime.ReadMemStats(&before)
	for range 4 {
		_, err := w.Write(piece)
		require.NoError(t, err)
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<19))
	require.EqualValues(t, 4*len(piece), recorder.Written())
	require.Empty(t, recorder.Leaks())
	_, err = io.WriteString(w, "7")
	require.NoError(t, err)
	require.Len(t, recorder.Leaks(), 1)
}

// discard is a store whose blobs go nowhere.
type discard struct{ storage.Blobs }

func (discard) Create(context.Context, string, int64) (storage.BlobWriter, error) {
	return discardWriter{}, nil
}

type discardWriter struct{ storage.BlobWriter }

func (discardWriter) Write(p []byte) (int, error) { return len(p), nil }

func TestMarkerAnywhereInAFolderIsFound(t *testing.T) {
	t.Parallel()
	marker, other := []byte("Marguerite Duval"), []byte(secret)
	dir := t.TempDir()
	_, err := storagetest.ScanFolder(dir, marker)
	require.ErrorContains(t, err, "nothing is proved")
	_, err = storagetest.ScanFolder(filepath.Join(dir, "missing"), marker)
	require.Error(t, err)

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700))
	big := append(bytes.Repeat([]byte{0}, 64<<10-7), writings(t)["base64 after 1"]...)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a", "b", "db-wal"), big, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a", "clean"), []byte("nothing"), 0o600))
	_, err = storagetest.ScanFolder(dir)
	require.ErrorContains(t, err, "nothing is proved")
	leaks, err := storagetest.ScanFolder(dir, marker)
	require.NoError(t, err)
	require.Empty(t, leaks)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "marguerite_duval.log"), nil, 0o600))
	leaks, err = storagetest.ScanFolder(dir, marker, other, []byte("Ana"))
	require.NoError(t, err)
	require.Len(t, leaks, 3, "%q", leaks)
	all := strings.Join(leaks, "\n")
	require.Contains(t, all, `marker "Ana" cannot be looked for`)
	require.Contains(t, all, "in base64 in "+filepath.Join("a", "b", "db-wal")+", at byte 655")
	require.Contains(t, all, "without spaces in the name of marguerite_duval.log")
}
