package vault_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// knownBlobs remembers the name of every blob that anybody began to write, so
// that what is left behind can be found: stores of blobs cannot be listed.
type knownBlobs struct {
	storage.Blobs
	mu    sync.Mutex
	names map[string]bool
}

func newKnownBlobs(b storage.Blobs) *knownBlobs {
	return &knownBlobs{Blobs: b, names: map[string]bool{}}
}

func (k *knownBlobs) Create(ctx context.Context, name string, size int64) (storage.BlobWriter, error) {
	k.mu.Lock()
	k.names[name] = true
	k.mu.Unlock()
	return k.Blobs.Create(ctx, name, size)
}

// there lists the blobs that exist.
func (k *knownBlobs) there(t testing.TB) []string {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	out := []string{}
	for name := range k.names {
		_, err := k.Size(context.WithoutCancel(t.Context()), name)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		require.NoError(t, err)
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
