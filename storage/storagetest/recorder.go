package storagetest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"reconnect.example/storage"
)

// Recorder looks at every byte that reaches storage and tells where plaintext
// is among them: keys, values, blob names and blobs, also of writes that fail or
// are aborted afterwards, and the keys and names that are only asked for.
//
//	recorder := storagetest.NewRecorder([]byte("Marguerite Duval"), []byte("Birth certificate"))
//	store := storage.New(recorder.Driver(memstore.New()))
//	blobs := recorder.Blobs(memstore.NewBlobs())
//	... // use a safe that holds these words
//	recorder.RequireNoLeak(t)
//
// A marker is found as it is and in the writings that programs use for text: hexadecimal,
// base64, base32, UTF-16, escapes, other case. It is not found compressed or under a
// weak cipher. Memory does not grow with what is written.
type Recorder struct {
	mu      sync.Mutex
	markers [][]byte
	search  *search
	written int64
	leaks   []string
	known   map[string]bool
}

// NewRecorder looks for markers of at least 6 bytes; shorter ones would be found
// by chance and are reported as leaks.
func NewRecorder(markers ...[]byte) *Recorder {
	r := &Recorder{known: map[string]bool{}}
	r.Forbid(markers...)
	return r
}

// Forbid adds markers. They are looked for in what is written from now on.
func (r *Recorder) Forbid(markers ...[]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.markers = append(r.markers, markers...)
	r.search = newSearch(r.markers)
}

// Leaks says, once for each place and writing, which marker was seen where.
func (r *Recorder) Leaks() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append(slices.Clone(r.search.refused), r.leaks...)
}

// Written is the number of bytes of values and blobs that were looked at.
func (r *Recorder) Written() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.written
}

// RequireNoLeak fails the test if a marker was seen, and also if there was
// nothing to see: no marker, or nothing written.
func (r *Recorder) RequireNoLeak(t testing.TB) {
	t.Helper()
	r.mu.Lock()
	markers := len(r.markers)
	r.mu.Unlock()
	if markers == 0 || r.Written() == 0 {
		t.Fatalf("nothing is proved: %d markers looked for in %d bytes written", markers, r.Written())
	}
	if leaks := r.Leaks(); len(leaks) > 0 {
		t.Fatalf("plaintext reached storage: %q", leaks)
	}
}

// Driver returns d with everything looked at that passes into it.
func (r *Recorder) Driver(d storage.Driver) storage.Driver {
	return recordedDriver{d, r}
}

// Blobs returns b with everything looked at that passes into it.
func (r *Recorder) Blobs(b storage.Blobs) storage.Blobs {
	return recordedBlobs{b, r}
}

// look goes through something short at once.
func (r *Recorder) look(place, text string) {
	s := r.stream()
	s.next([]byte(text), func(f form, offset int64) { r.leak(place, f, offset) })
}

func (r *Recorder) stream() *stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &stream{search: r.search}
}

func (r *Recorder) leak(place string, f form, offset int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if what := fmt.Sprintf("%q %s in %s", f.marker, f.writing, place); !r.known[what] {
		r.known[what] = true
		r.leaks = append(r.leaks, fmt.Sprintf("%s, at byte %d", what, offset))
	}
}

func (r *Recorder) count(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written += int64(n)
}

type recordedDriver struct {
	storage.Driver
	recorder *Recorder
}

func (d recordedDriver) Get(ctx context.Context, key string) (storage.Record, error) {
	d.recorder.look(fmt.Sprintf("key %q", key), key)
	return d.Driver.Get(ctx, key)
}

func (d recordedDriver) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	d.recorder.look(fmt.Sprintf("key prefix %q", prefix), prefix)
	d.recorder.look(fmt.Sprintf("key %q", after), after)
	return d.Driver.Scan(ctx, prefix, after, limit)
}

func (d recordedDriver) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	for _, check := range checks {
		d.recorder.look(fmt.Sprintf("key %q", check.Key), check.Key)
	}
	for _, write := range writes {
		d.recorder.look(fmt.Sprintf("key %q", write.Key), write.Key)
		d.recorder.count(len(write.Value))
		place := fmt.Sprintf("the value of %q", write.Key)
		d.recorder.stream().next(write.Value, func(f form, offset int64) { d.recorder.leak(place, f, offset) })
	}
	return d.Driver.Commit(ctx, checks, writes)
}

type recordedBlobs struct {
	storage.Blobs
	recorder *Recorder
}

func (b recordedBlobs) name(name string) {
	b.recorder.look(fmt.Sprintf("blob name %q", name), name)
}

func (b recordedBlobs) Create(ctx context.Context, name string, size int64) (storage.BlobWriter, error) {
	b.name(name)
	w, err := b.Blobs.Create(ctx, name, size)
	if err != nil {
		return nil, err
	}
	return &recordedWriter{w, b.recorder, fmt.Sprintf("blob %q", name), b.recorder.stream()}, nil
}

func (b recordedBlobs) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	b.name(name)
	return b.Blobs.Open(ctx, name, offset, length)
}

func (b recordedBlobs) Size(ctx context.Context, name string) (int64, error) {
	b.name(name)
	return b.Blobs.Size(ctx, name)
}

func (b recordedBlobs) Delete(ctx context.Context, name string) error {
	b.name(name)
	return b.Blobs.Delete(ctx, name)
}

type recordedWriter struct {
	storage.BlobWriter
	recorder *Recorder
	place    string
	stream   *stream
}

func (w *recordedWriter) Write(p []byte) (int, error) {
	w.recorder.count(len(p))
	w.stream.next(p, func(f form, offset int64) { w.recorder.leak(w.place, f, offset) })
	return w.BlobWriter.Write(p)
}
