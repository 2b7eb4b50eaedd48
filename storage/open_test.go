package storage_test

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

func TestStoreIsOpenedByTheDriverOfItsScheme(t *testing.T) {
	t.Parallel()
	var asked *url.URL
	storage.Register("opentest", func(_ context.Context, u *url.URL) (storage.Driver, error) {
		asked = u
		return memstore.New(), nil
	})
	s, err := storage.Open(t.Context(), "opentest://host/path?a=b")
	require.NoError(t, err)
	require.Equal(t, "/path", asked.Path)
	require.Equal(t, "a=b", asked.RawQuery)
	_, err = s.Get(t.Context(), "a")
	require.ErrorIs(t, err, storage.ErrNotFound)
}

func TestErrorOfOpeningKeepsItsKind(t *testing.T) {
	t.Parallel()
	foreign := errors.New("no route")
	storage.RegisterBlobs("openfails", func(context.Context, *url.URL) (storage.Blobs, error) { return nil, storage.ErrInUse })
	storage.Register("openfails", func(context.Context, *url.URL) (storage.Driver, error) { return nil, foreign })
	_, err := storage.OpenBlobs(t.Context(), "openfails://")
	require.ErrorIs(t, err, storage.ErrInUse)
	_, err = storage.Open(t.Context(), "openfails://")
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.ErrorIs(t, err, foreign)
}

func TestUnknownURLIsRefusedWithoutRepeatingIt(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"", "records.db", "nothing://user:passw0rd@host/", "://passw0rd", "nothing://user:pass w0rd@h/passw0rd", "mem://user:passw0rd@host:port/",
	} {
		_, err := storage.Open(t.Context(), raw)
		require.ErrorIs(t, err, storage.ErrInvalid, raw)
		require.NotContains(t, err.Error(), "w0rd", "the URL may hold a password")
		_, err = storage.OpenBlobs(t.Context(), raw)
		require.ErrorIs(t, err, storage.ErrInvalid, raw)
	}
	_, err := storage.Open(t.Context(), "nothing://")
	require.ErrorContains(t, err, "mem", "the error names what is imported")
}

func TestTwoDriversOfOneSchemeAreAMistake(t *testing.T) {
	t.Parallel()
	open := func(context.Context, *url.URL) (storage.Driver, error) { return memstore.New(), nil }
	storage.Register("opentwice", open)
	require.Panics(t, func() { storage.Register("opentwice", open) })
	require.Panics(t, func() { storage.Register("opennothing", nil) })
	require.Panics(t, func() { storage.RegisterBlobs("mem", nil) })
}
