package bucket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"reconnect.example/storage"
)

// cloud is a driver of gocloud with the faults that real ones have.
type cloud struct {
	driver.Bucket // what is not used

	forgetsConditions bool
	forgetsMetadata   bool
	keeps             int           // bytes of an object at most, if positive
	loses             error         // answer of an upload that was done
	refuses           error         // answer of an upload that was not
	looks             error         // answer of every look
	reached           chan struct{} // closed when an upload has all bytes
	release           chan struct{} // and then waits for this

	mu      sync.Mutex
	objects map[string]object
}

type object struct {
	content  []byte
	metadata map[string]string
}

var (
	errPrecondition = errors.New("precondition")
	errAbsent       = errors.New("absent")
	errForbidden    = errors.New("forbidden")
	errNetwork      = errors.New("secret: the network broke at https://key@cloud/0f3a")
)

func (c *cloud) ErrorCode(err error) gcerrors.ErrorCode {
	switch {
	case errors.Is(err, errPrecondition):
		return gcerrors.FailedPrecondition
	case errors.Is(err, errAbsent):
		return gcerrors.NotFound
	case errors.Is(err, errForbidden):
		return gcerrors.PermissionDenied
	}
	return gcerrors.Unknown
}

func (c *cloud) As(any) bool             { return false }
func (c *cloud) ErrorAs(error, any) bool { return false }
func (c *cloud) Close() error            { return nil }

func (c *cloud) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o, there := c.objects[key]
	switch {
	case c.looks != nil && key != Marker:
		return nil, c.looks
	case !there:
		return nil, errAbsent
	}
	return &driver.Attributes{Size: int64(len(o.content)), Metadata: o.metadata, ModTime: time.Unix(1, 0)}, nil
}

func (c *cloud) Delete(_ context.Context, key string, _ *driver.DeleteOptions) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.objects, key)
	return nil
}

func (c *cloud) NewTypedWriter(ctx context.Context, key, _ string, opts *driver.WriterOptions) (driver.Writer, error) {
	return &cloudWriter{cloud: c, ctx: ctx, key: key, opts: opts}, nil
}

// cloudWriter commits, in Close, whatever it was given before its reader failed,
// unless its context has ended by then, like those of Google's cloud and of
// files; and panics if it was used with Write and failed, like Azure's.
type cloudWriter struct {
	cloud   *cloud
	ctx     context.Context
	key     string
	opts    *driver.WriterOptions
	content bytes.Buffer
	wrote   bool
}

func (w *cloudWriter) Upload(r io.Reader) error {
	_, err := w.content.ReadFrom(r)
	return err
}

func (w *cloudWriter) Write(p []byte) (int, error) {
	w.wrote = true
	return w.content.Write(p)
}

func (w *cloudWriter) Close() error {
	c := w.cloud
	if w.wrote {
		panic("a writer that fails in Close")
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if c.reached != nil && w.key != Marker {
		close(c.reached)
		<-c.release
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuses != nil && w.key != Marker {
		return c.refuses
	}
	if _, there := c.objects[w.key]; there && w.opts.IfNotExist && !c.forgetsConditions {
		return errPrecondition
	}
	o := object{content: bytes.Clone(w.content.Bytes()), metadata: w.opts.Metadata}
	if c.keeps > 0 && w.key != Marker {
		o.content = o.content[:min(c.keeps, len(o.content))]
	}
	if c.forgetsMetadata {
		o.metadata = nil
	}
	c.objects[w.key] = o
	if w.key != Marker {
		return c.loses
	}
	return nil
}

func openCloud(t *testing.T, c *cloud) *Store {
	t.Helper()
	c.objects = map[string]object{}
	s, err := New(t.Context(), blob.NewBucket(c), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func send(ctx context.Context, s storage.Blobs, name string, content []byte) error {
	w, err := s.Create(ctx, name, int64(len(content)))
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(content); err != nil {
		return err
	}
	return w.Close()
}

func TestCloudThatBlobsAreNotSafeInIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []*cloud{{forgetsConditions: true}, {forgetsMetadata: true}} {
		c.objects = map[string]object{}
		_, err := New(t.Context(), blob.NewBucket(c), nil)
		require.ErrorIs(t, err, storage.ErrInvalid)
	}
	_, err := New(t.Context(), nil, nil)
	require.ErrorIs(t, err, storage.ErrInvalid)
}

func TestFailedUploadNeverCommits(t *testing.T) {
	t.Parallel()
	for how, end := range map[string]func(w storage.BlobWriter, cancel context.CancelFunc) error{
		"aborted":   func(w storage.BlobWriter, _ context.CancelFunc) error { w.Abort(); return w.Close() },
		"cancelled": func(w storage.BlobWriter, cancel context.CancelFunc) error { cancel(); return w.Close() },
		"short":     func(w storage.BlobWriter, _ context.CancelFunc) error { return w.Close() },
		"long":      func(w storage.BlobWriter, _ context.CancelFunc) error { _, err := w.Write(make([]byte, 2)); return err },
	} {
		c := &cloud{}
		s := openCloud(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w, err := s.Create(ctx, "blob", 1001)
		require.NoError(t, err)
		_, err = w.Write(make([]byte, 1000))
		require.NoError(t, err)
		require.Error(t, end(w, cancel))
		require.NotContains(t, c.objects, "blob", how)
	}
}

func TestAnswerOfCloseIsWhatIsInTheBucket(t *testing.T) {
	t.Parallel()
	for what, example := range map[string]struct {
		cloud  *cloud
		answer error
		not    error
		there  bool
	}{
		"lost answer":               {&cloud{loses: errNetwork}, nil, nil, true},
		"own retry was refused":     {&cloud{loses: errPrecondition}, nil, nil, true},
		"lost answer, and no look":  {&cloud{loses: errNetwork, looks: errNetwork}, storage.ErrUnknown, nil, true},
		"no look":                   {&cloud{looks: errNetwork}, storage.ErrUnknown, nil, true},
		"nobody knows":              {&cloud{refuses: errNetwork}, storage.ErrUnknown, nil, false},
		"refused":                   {&cloud{refuses: errForbidden}, storage.ErrReadOnly, storage.ErrUnknown, false},
		"refused, and no look":      {&cloud{refuses: errForbidden, looks: errNetwork}, storage.ErrReadOnly, storage.ErrUnknown, false},
		"taken, says a blind cloud": {&cloud{refuses: errPrecondition}, storage.ErrUnknown, storage.ErrExists, false},
		"kept in part":              {&cloud{keeps: 999}, storage.ErrUnavailable, storage.ErrUnknown, false},
	} {
		s := openCloud(t, example.cloud)
		err := send(t.Context(), s, "blob", make([]byte, 1000))
		if example.answer == nil {
			require.NoError(t, err, what)
		} else {
			require.ErrorIs(t, err, example.answer, what)
			require.NotContains(t, err.Error(), "secret", what)
			require.NotContains(t, err.Error(), "0f3a", what)
		}
		if example.not != nil {
			require.NotErrorIs(t, err, example.not, what)
		}
		_, there := example.cloud.objects["blob"]
		require.Equal(t, example.there, there, what)
	}
}

// The answer that comes when the caller has gone is still the truth.
func TestContextEndingDuringCommitIsHonest(t *testing.T) {
	t.Parallel()
	for _, loses := range []error{nil, errNetwork} {
		c := &cloud{loses: loses, reached: make(chan struct{}), release: make(chan struct{})}
		s := openCloud(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		answer := make(chan error)
		go func() { answer <- send(ctx, s, "blob", make([]byte, 1000)) }()
		<-c.reached
		cancel()
		close(c.release)
		require.NoError(t, <-answer, "it is there")
	}
	c := &cloud{refuses: errNetwork, reached: make(chan struct{}), release: make(chan struct{})}
	s := openCloud(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error)
	go func() { answer <- send(ctx, s, "blob", make([]byte, 1000)) }()
	<-c.reached
	cancel()
	close(c.release)
	err := <-answer
	require.ErrorIs(t, err, storage.ErrUnknown)
	require.ErrorIs(t, err, context.Canceled)
}
