package s3bucket_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
)

// fault is what a proxy does with a request; next is the server behind it.
type fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// proxy is an S3 server whose faults begin when a test says so.
type proxy struct {
	url   string
	fault atomic.Pointer[fault]
}

func startProxy(t *testing.T) *proxy {
	return proxyBefore(t, testservices.S3Handler("vault"))
}

func proxyBefore(t *testing.T, server http.Handler) *proxy {
	p := &proxy{}
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := p.fault.Load(); f != nil {
			(*f)(w, r, server)
			return
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(listener.Close)
	p.url = testservices.S3URL("vault", listener.URL)
	return p
}

func (p *proxy) open(t *testing.T) storage.Blobs {
	t.Helper()
	return opened(t, p.url)
}

func opened(t *testing.T, url string) storage.Blobs {
	t.Helper()
	b, err := storage.OpenBlobs(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// begin lets f meet requests from now on, and heal ends that.
func (p *proxy) begin(f fault) { p.fault.Store(&f) }
func (p *proxy) heal()         { p.fault.Store(nil) }

// kind is what a request does to an object, or "" for what concerns the marker.
func kind(r *http.Request) string {
	query := r.URL.Query()
	switch {
	case strings.HasSuffix(r.URL.Path, ".reconnect"):
		return ""
	case r.Method == http.MethodPost && query.Has("uploads"):
		return "begin"
	case r.Method == http.MethodPut && query.Has("uploadId"):
		return "part"
	case r.Method == http.MethodPost && query.Has("uploadId"):
		return "complete"
	}
	return strings.ToLower(r.Method)
}

// on meets requests of one kind, the first so many of them, or all if negative.
func on(wanted string, times int64, f fault) fault {
	var met atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if kind(r) == wanted && (times < 0 || met.Add(1) <= times) {
			f(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// cut closes the connection without an answer.
func cut(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	panic(http.ErrAbortHandler)
}

func status(code int) fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(code)
	}
}

// after lets the server do it first, and then loses its answer.
func after(f fault) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(httptest.NewRecorder(), r)
		f(w, r, next)
	}
}

// atOnce runs tests that wait much more than they work, so that they need not
// wait for each other.
func atOnce(t *testing.T, tests map[string]func(t *testing.T)) {
	t.Helper()
	var all sync.WaitGroup
	for name, test := range tests {
		all.Go(func() { t.Run(name, test) })
	}
	all.Wait()
}

// TestFaults are the tests in which the client tries each request three times,
// seconds apart.
func TestFaults(t *testing.T) {
	t.Parallel()
	atOnce(t, map[string]func(t *testing.T){
		"NetworkThatRecoversIsNotNoticed":   networkThatRecoversIsNotNoticed,
		"BrokenNetworkShowsNoPartOfABlob":   brokenNetworkShowsNoPartOfABlob,
		"OutageIsNeverAnAcknowledgement":    outageIsNeverAnAcknowledgement,
		"CutDownloadIsAnErrorAndNeverShort": cutDownloadIsAnErrorAndNeverShort,
		"FailedLookIsNotAMissingBlob":       failedLookIsNotAMissingBlob,
	})
}

func bytesOf(n int) []byte { return bytes.Repeat([]byte("0123456789abcdef\n"), n/17+1)[:n] }

const name = "0f3a/secret-name"

// send writes a blob of that name.
func send(ctx context.Context, b storage.Blobs, name string, content []byte) error {
	w, err := b.Create(ctx, name, int64(len(content)))
	if err != nil {
		return err
	}
	defer w.Abort()
	for len(content) > 0 {
		n := min(len(content), 256<<10)
		if _, err := w.Write(content[:n]); err != nil {
			return err
		}
		content = content[n:]
	}
	return w.Close()
}

func read(ctx context.Context, b storage.Blobs, name string) ([]byte, error) {
	r, err := b.Open(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// requireTrue holds the answer of a writer against what is there.
func requireTrue(t *testing.T, answer error, b storage.Blobs, name string, content []byte) {
	t.Helper()
	requireDiscreet(t, answer)
	have, err := read(t.Context(), b, name)
	switch {
	case err == nil:
		require.True(t, bytes.Equal(content, have), "%d of %d bytes are visible", len(have), len(content))
		require.True(t, answer == nil || errors.Is(answer, storage.ErrUnknown), "it is there, and the writer said %v", answer)
	default:
		require.ErrorIs(t, err, storage.ErrNotFound)
		require.Error(t, answer, "it was acknowledged and is not there")
	}
}

// requireDiscreet looks for what must not reach a log.
func requireDiscreet(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, secret := range []string{"secret", "0f3a", "Signature", "reconnect-test", url.QueryEscape(name)} {
		require.NotContains(t, err.Error(), secret)
	}
}
