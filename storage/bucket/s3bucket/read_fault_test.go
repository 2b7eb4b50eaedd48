package s3bucket_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
)

// halved answers with the right headers and the first half of the body.
func halved(w http.ResponseWriter, r *http.Request, next http.Handler) {
	whole := httptest.NewRecorder()
	next.ServeHTTP(whole, r)
	copyHeader(w, whole)
	w.WriteHeader(whole.Code)
	_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// resized answers with another length, and says that this is all.
func resized(change func([]byte) []byte) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		whole := httptest.NewRecorder()
		next.ServeHTTP(whole, r)
		copyHeader(w, whole)
		body := change(whole.Body.Bytes())
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(whole.Code)
		_, _ = w.Write(body)
	}
}

// chunked says nothing about the length.
func chunked(change func([]byte) []byte) fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		whole := httptest.NewRecorder()
		next.ServeHTTP(whole, r)
		copyHeader(w, whole)
		w.Header().Del("Content-Length")
		w.WriteHeader(whole.Code)
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(change(whole.Body.Bytes()))
	}
}

func copyHeader(w http.ResponseWriter, whole *httptest.ResponseRecorder) {
	for key, values := range whole.Header() {
		w.Header()[key] = values
	}
}

func half(p []byte) []byte    { return p[:len(p)/2] }
func nothing([]byte) []byte   { return nil }
func twice(p []byte) []byte   { return append(bytes.Clone(p), p...) }
func oneMore(p []byte) []byte { return append(bytes.Clone(p), 'x') }

func cutDownloadIsAnErrorAndNeverShort(t *testing.T) {
	cases := map[string]func(t *testing.T){}
	for what, f := range map[string]fault{
		"cut before": cut, "cut half-way": halved, "500": status(500), "503": status(503),
		"said to be half": resized(half), "said to be nothing": resized(nothing), "said to be more": resized(oneMore),
		"half without a length": chunked(half), "nothing without a length": chunked(nothing), "twice without a length": chunked(twice),
		"empty 200": status(200), "empty 204": status(204),
	} {
		cases[what] = func(t *testing.T) {
			p := startProxy(t)
			b := p.open(t)
			content := bytesOf(200_000)
			require.NoError(t, send(t.Context(), b, name, content))
			p.begin(on("get", -1, f))
			have, err := read(t.Context(), b, name)
			require.ErrorIs(t, err, storage.ErrUnavailable, "%d bytes were read", len(have))
			requireDiscreet(t, err)
			r, err := b.Open(t.Context(), name, 1000, 50_000)
			if err == nil {
				have, err = io.ReadAll(r)
				require.NoError(t, r.Close())
			}
			require.ErrorIs(t, err, storage.ErrUnavailable, "%d bytes were read of a range", len(have))
			requireDiscreet(t, err)
			p.heal()
			requireTrue(t, nil, b, name, content)
		}
	}
	atOnce(t, cases)
}

func failedLookIsNotAMissingBlob(t *testing.T) {
	cases := map[string]func(t *testing.T){}
	for what, f := range map[string]fault{"cut": cut, "500": status(500), "403": status(403)} {
		cases[what] = func(t *testing.T) {
			p := startProxy(t)
			b := p.open(t)
			require.NoError(t, send(t.Context(), b, name, bytesOf(1000)))
			p.begin(on("head", -1, f))
			_, err := b.Size(t.Context(), name)
			require.ErrorIs(t, err, storage.ErrUnavailable)
			requireDiscreet(t, err)
			_, err = read(t.Context(), b, name)
			require.ErrorIs(t, err, storage.ErrUnavailable)
			require.Error(t, b.Delete(t.Context(), name))
			p.heal()
			requireTrue(t, nil, b, name, bytesOf(1000))
		}
	}
	atOnce(t, cases)
}

// A bucket that is gone answers like one that is empty. Who believes it takes
// every document for deleted.
func TestVanishedBucketIsNotAnEmptyOne(t *testing.T) {
	t.Parallel()
	url := testservices.S3(t)
	b := opened(t, url)
	require.NoError(t, send(t.Context(), b, name, bytesOf(1000)))
	client, bucket := testservices.S3Client(t, url)
	for _, key := range []string{name, ".reconnect"} {
		_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String(key)})
		require.NoError(t, err)
	}
	_, err := client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &bucket})
	require.NoError(t, err)
	_, err = b.Size(t.Context(), name)
	require.ErrorIs(t, err, storage.ErrUnavailable)
	_, err = b.Open(t.Context(), name, 0, -1)
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.ErrorIs(t, b.Delete(t.Context(), name), storage.ErrUnavailable)
	require.Error(t, send(t.Context(), b, name, bytesOf(1000)))
	_, err = storage.OpenBlobs(t.Context(), url)
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.ErrorContains(t, err, "NoSuchBucket")
}

// The length that was looked up is that of another blob then.
func TestBlobReplacedWhileItIsOpenedIsNotMixed(t *testing.T) {
	t.Parallel()
	p := startProxy(t)
	b := p.open(t)
	require.NoError(t, send(t.Context(), b, name, bytesOf(1000)))
	client, bucket := testservices.S3Client(t, p.url)
	p.begin(on("get", -1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		_, err := client.DeleteObject(r.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String(name)})
		if err == nil {
			_, err = client.PutObject(r.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(name), Body: bytes.NewReader(bytesOf(2000))})
		}
		if err == nil {
			next.ServeHTTP(w, r)
		}
	}))
	_, err := b.Open(t.Context(), name, 100, 200)
	require.ErrorIs(t, err, storage.ErrUnavailable)
	p.heal()
	requireTrue(t, nil, b, name, bytesOf(2000))
}

// The client checks what S3 says of the whole when the last byte has come: after
// all bytes, and before the end.
func TestChangedByteIsNoticedAtTheEnd(t *testing.T) {
	t.Parallel()
	p := startProxy(t)
	b := p.open(t)
	require.NoError(t, send(t.Context(), b, name, bytesOf(1000)))
	p.begin(on("get", -1, resized(func(p []byte) []byte {
		p[500] ^= 1
		return p
	})))
	have, err := read(t.Context(), b, name)
	require.Len(t, have, 1000)
	require.ErrorIs(t, err, storage.ErrUnavailable)
}

func TestStalledDownloadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p := startProxy(t)
	b := p.open(t)
	require.NoError(t, send(t.Context(), b, name, bytesOf(200_000)))
	ctx, cancel := context.WithCancel(t.Context())
	p.begin(on("get", -1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		whole := httptest.NewRecorder()
		next.ServeHTTP(whole, r)
		copyHeader(w, whole)
		w.WriteHeader(whole.Code)
		_, _ = w.Write(whole.Body.Bytes()[:1000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	r, err := b.Open(ctx, name, 0, -1)
	require.NoError(t, err)
	defer r.Close()
	_, err = io.ReadFull(r, make([]byte, 1000))
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() {
		_, err := r.Read(make([]byte, 1000))
		failed <- err
	}()
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
}

func TestURLIsCheckedAndNeverRepeated(t *testing.T) {
	t.Parallel()
	good := testservices.S3(t)
	for what, url := range map[string]string{
		"prefix without a slash": good + "&prefix=blobs",
		"prefix of nothing":      good + "&prefix=/",
		"unknown option":         good + "&secret-option=secret-value",
		"password":               "s3://user:secret@vault",
		"unreadable options":     good + "&%zz=secret",
		"fragment":               good + "#secret",
	} {
		_, err := storage.OpenBlobs(t.Context(), url)
		require.ErrorIs(t, err, storage.ErrInvalid, what)
		require.NotContains(t, err.Error(), "127.0.0.1", what)
		if what != "unknown option" { // the name of an option is told, its value is not
			require.NotContains(t, err.Error(), "secret", what)
		}
		require.NotContains(t, err.Error(), "secret-value", what)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := storage.OpenBlobs(ctx, good)
	require.ErrorIs(t, err, context.Canceled)
}

func TestWrongKindOfServerIsNamed(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(testservices.S3Handler("vault"))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	server.StartTLS()
	defer server.Close()
	_, err := storage.OpenBlobs(t.Context(), testservices.S3URL("vault", server.URL))
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.ErrorContains(t, err, "x509")
	requireDiscreet(t, err)
}

func TestStoresUnderTwoPrefixesDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	url := testservices.S3(t)
	all, one, two := opened(t, url), opened(t, url+"&prefix=one/"), opened(t, url+"&prefix=two/")
	require.NoError(t, send(t.Context(), one, name, []byte("one")))
	require.NoError(t, send(t.Context(), two, name, []byte("two")))
	requireTrue(t, nil, one, name, []byte("one"))
	requireTrue(t, nil, two, name, []byte("two"))
	requireTrue(t, nil, all, "one/"+name, []byte("one"))
	_, err := read(t.Context(), all, name)
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.NoError(t, one.Delete(t.Context(), name))
	requireTrue(t, nil, two, name, []byte("two"))
}

func TestStrangerIsToldThatTheBucketIsReadOnly(t *testing.T) {
	t.Parallel()
	url := testservices.MinIO(t)
	_, err := storage.OpenBlobs(t.Context(), url+"&anonymous=true")
	require.ErrorIs(t, err, storage.ErrReadOnly)
	require.False(t, errors.Is(err, storage.ErrUnavailable))
	requireDiscreet(t, err)
}
