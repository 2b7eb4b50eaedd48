package s3bucket_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
)

// kinds of requests of an upload, and the length of a blob that makes them.
var uploads = map[string]int{"put": 100_000, "begin": 6 << 20, "part": 11 << 20, "complete": 6 << 20}

func networkThatRecoversIsNotNoticed(t *testing.T) {
	cases := map[string]func(t *testing.T){}
	for wanted, length := range uploads {
		for fault, f := range map[string]fault{
			"cut before": cut, "cut after": after(cut), "500 before": status(500), "503 after": after(status(503)),
		} {
			cases[wanted+" "+fault] = func(t *testing.T) {
				p := startProxy(t)
				b := p.open(t)
				content := bytesOf(length)
				p.begin(on(wanted, 1, f))
				// Also when the request was done and its answer lost: the second try is
				// told that the name is taken, by the first.
				require.NoError(t, send(t.Context(), b, name, content))
				requireTrue(t, nil, b, name, content)
				require.ErrorIs(t, send(t.Context(), b, name, content), storage.ErrExists)
			}
		}
	}
	atOnce(t, cases)
}

func brokenNetworkShowsNoPartOfABlob(t *testing.T) {
	cases := map[string]func(t *testing.T){}
	for wanted, length := range uploads {
		for fault, f := range map[string]fault{
			"cut before": cut, "cut after": after(cut), "500 before": status(500), "503 after": after(status(503)), "403": status(403),
		} {
			cases[wanted+" "+fault] = func(t *testing.T) {
				p := startProxy(t)
				b := p.open(t)
				content := bytesOf(length)
				p.begin(on(wanted, -1, f))
				err := send(t.Context(), b, name, content)
				p.heal()
				requireTrue(t, err, b, name, content)
				if fault == "403" {
					require.ErrorIs(t, err, storage.ErrReadOnly)
				}
				require.NoError(t, b.Delete(t.Context(), name))
				require.NoError(t, send(t.Context(), b, name, content), "the name is free again")
				requireTrue(t, nil, b, name, content)
			}
		}
	}
	atOnce(t, cases)
}

// The server itself is gone from one moment on, so that the driver cannot look
// either.
func outageIsNeverAnAcknowledgement(t *testing.T) {
	cases := map[string]func(t *testing.T){}
	for wanted, length := range uploads {
		if wanted != "put" && os.Getenv("RECONNECT_TEST_ALL") != "1" {
			continue // each of several requests is tried three times
		}
		cases[wanted] = func(t *testing.T) {
			p := startProxy(t)
			b := p.open(t)
			content := bytesOf(length)
			broken := false
			p.begin(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if kind(r) == wanted && !broken {
					broken = true
					after(cut)(w, r, next)
				}
				if broken {
					cut(w, r, next)
				}
				next.ServeHTTP(w, r)
			})
			err := send(t.Context(), b, name, content)
			require.Error(t, err)
			p.heal()
			requireTrue(t, err, b, name, content)
		}
	}
	atOnce(t, cases)
}

func TestFalseAcknowledgementIsNotBelieved(t *testing.T) {
	t.Parallel()
	p := startProxy(t)
	b := p.open(t)
	p.begin(on("put", -1, status(200)))
	err := send(t.Context(), b, name, bytesOf(1000))
	requireTrue(t, err, b, name, bytesOf(1000))
	require.ErrorIs(t, err, storage.ErrUnknown)

	// What stands before the server passes on the first half only.
	p.begin(on("put", -1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		half := r.Clone(r.Context())
		half.ContentLength = 500
		half.Header.Set("Content-Length", "500")
		half.Body = io.NopCloser(io.LimitReader(r.Body, 500))
		next.ServeHTTP(w, half)
	}))
	err = send(t.Context(), b, name, bytesOf(1000))
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.NotErrorIs(t, err, storage.ErrUnknown)
	_, err = b.Size(t.Context(), name)
	require.ErrorIs(t, err, storage.ErrNotFound, "the half is removed")
}

func TestStalledUploadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	cases := map[string]func(t *testing.T){}
	for wanted, length := range uploads {
		cases[wanted] = func(t *testing.T) {
			p := startProxy(t)
			b := p.open(t)
			ctx, cancel := context.WithCancel(t.Context())
			p.begin(on(wanted, -1, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
				_, _ = io.Copy(io.Discard, r.Body)
				cancel()
				<-r.Context().Done() // the client hangs up
			}))
			err := send(ctx, b, name, bytesOf(length))
			require.ErrorIs(t, err, context.Canceled)
			p.heal()
			requireTrue(t, err, b, name, bytesOf(length))
			requireNoParts(t, p.url)
		}
	}
	atOnce(t, cases)
}

func TestEndedUploadLeavesNoParts(t *testing.T) {
	t.Parallel()
	content := bytesOf(12 << 20)
	for ending, end := range map[string]func(cancel context.CancelFunc, w storage.BlobWriter, b storage.Blobs) error{
		"aborted": func(_ context.CancelFunc, w storage.BlobWriter, _ storage.Blobs) error {
			w.Abort()
			return w.Close()
		},
		"cancelled": func(cancel context.CancelFunc, w storage.BlobWriter, _ storage.Blobs) error {
			cancel()
			return w.Close()
		},
		"too short": func(_ context.CancelFunc, w storage.BlobWriter, _ storage.Blobs) error { return w.Close() },
		"too long": func(_ context.CancelFunc, w storage.BlobWriter, _ storage.Blobs) error {
			_, err := w.Write(make([]byte, 2))
			return err
		},
		"closed with the store": func(_ context.CancelFunc, w storage.BlobWriter, b storage.Blobs) error {
			if err := b.Close(); err != nil {
				return fmt.Errorf("close the store: %w", err)
			}
			return w.Close()
		},
		"late": func(_ context.CancelFunc, w storage.BlobWriter, b storage.Blobs) error {
			if err := send(context.Background(), b, name, []byte("first")); err != nil {
				return fmt.Errorf("write the other: %w", err)
			}
			_, _ = w.Write([]byte("x"))
			return w.Close()
		},
	} {
		t.Run(ending, func(t *testing.T) {
			t.Parallel()
			p := startProxy(t)
			b := p.open(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w, err := b.Create(ctx, name, int64(len(content))+1)
			require.NoError(t, err)
			_, err = w.Write(content)
			require.NoError(t, err)
			require.NotZero(t, parts(t, p.url), "it has begun to send parts")
			require.Error(t, end(cancel, w, b))
			requireNoParts(t, p.url)
		})
	}
}

// parts counts the uploads under way.
func parts(t *testing.T, url string) int {
	t.Helper()
	client, bucket := testservices.S3Client(t, url)
	list, err := client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil {
		require.ErrorContains(t, err, "NoSuchUpload") // what gofakes3 says until there was one
		return 0
	}
	return len(list.Uploads)
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func requireNoParts(t *testing.T, url string) {
	t.Helper()
	require.Zero(t, parts(t, url), "parts of an upload that ended are left")
}

func TestServiceThatIgnoresConditionsIsRefused(t *testing.T) {
	t.Parallel()
	for what, forget := range map[string]func(r *http.Request) bool{
		"always":   func(*http.Request) bool { return true },
		"in parts": func(r *http.Request) bool { return r.URL.Query().Has("uploadId") },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := startProxy(t)
			p.begin(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if forget(r) {
					r.Header.Del("If-None-Match")
				}
				next.ServeHTTP(w, r)
			})
			for range 2 {
				_, err := storage.OpenBlobs(t.Context(), p.url)
				require.ErrorIs(t, err, storage.ErrInvalid)
				require.ErrorContains(t, err, "If-None-Match")
			}
			requireNoParts(t, p.url)
			p.heal()
			p.open(t)
		})
	}
}

// 300 MB need no more memory than 64, which the suite measures.
func TestVeryBigBlobTakesLittleMemory(t *testing.T) {
	if os.Getenv("RECONNECT_TEST_ALL") != "1" {
		t.Skip("takes long; set RECONNECT_TEST_ALL=1")
	}
	b := opened(t, testservices.MinIO(t))
	const size, allowed = 300 << 20, 40 << 20
	piece := bytesOf(1 << 20)
	start := heap()
	w, err := b.Create(t.Context(), name, size)
	require.NoError(t, err)
	defer w.Abort()
	for i := range size / len(piece) {
		_, err := w.Write(piece)
		require.NoError(t, err)
		if i%20 == 0 {
			require.Less(t, heap(), start+allowed)
		}
	}
	require.NoError(t, w.Close())
	r, err := b.Open(t.Context(), name, 0, -1)
	require.NoError(t, err)
	defer r.Close()
	have := make([]byte, len(piece))
	for i := range size / len(piece) {
		_, err := io.ReadFull(r, have)
		require.NoError(t, err)
		require.True(t, bytes.Equal(piece, have))
		if i%20 == 0 {
			require.Less(t, heap(), start+allowed)
		}
	}
	_, err = r.Read(have)
	require.ErrorIs(t, err, io.EOF)
}
