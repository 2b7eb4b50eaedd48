package vault_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testfiles"
	"reconnect.example/quota"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// sizes around everything that has an edge: nothing, padding, pieces, segments.
var sizes = []int{0, 1, 1023, 1024, 1025, segment - 17, segment - 16, segment - 1, segment, segment + 1, 2*segment - 40, 2*segment - 16, 2 * segment, 2*segment + 1, 3*segment + 100_000}

func TestDocumentsOfEverySizeComeBackToTheByte(t *testing.T) {
	t.Parallel()
	for name, folder := range map[string]string{"memory": "", "sqlite and files": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, &vaulttest.Options{Folder: folder})
			other := s.person.SignIn(t, s.Another(t, nil))
			for i, size := range sizes {
				b := content(uint64(i), size)
				known := addTo(t, s.v, vault.NewDocument{Name: "known", Size: int64(size)}, b)
				unknown, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "unknown", Size: -1}, iotest.HalfReader(bytes.NewReader(b)))
				require.NoError(t, err)
				require.EqualValues(t, size, known.Document.Size)
				require.Equal(t, known.Document.Stored, unknown.Document.Stored)
				require.Equal(t, known.Document.Digest, unknown.Document.Digest)
				require.Equal(t, b, read(t, s.v, known.ID))
				require.Equal(t, b, read(t, other, unknown.ID))
			}
			requireBooks(t, s.Stage, s.v.ID())
			require.Zero(t, usage(t, s.Stage, s.v.ID()).Reserved, "what was reserved beyond is given back")
		})
	}
}

func TestRealPapersAreKept(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for _, f := range testfiles.All() {
		it, err := s.v.Deposit(t.Context(), vault.NewDocument{Name: f.Name, MediaType: f.MediaType, Size: f.Size()}, f.Open())
		require.NoError(t, err)
		c, err := s.v.Read(t.Context(), it.ID)
		require.NoError(t, err)
		got, err := io.ReadAll(iotest.OneByteReader(c))
		require.NoError(t, err)
		require.Equal(t, f.Bytes(), got)
		require.Equal(t, f.MediaType, c.Item.Document.MediaType)
		require.NoError(t, c.Close())
	}
}

func TestRangesAtTheEdgesOfSegments(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for _, size := range []int{0, 1, segment, 3*segment + 5} {
		b := content(1, size)
		paper := add(t, s.v, "long", b)
		for _, offset := range []int{0, 1, segment - 80, segment - 40, segment - 16, segment - 1, segment, segment + 1, 2 * segment, size - 1, size} {
			if offset < 0 || offset > size {
				continue
			}
			for _, length := range []int{-1, 0, 1, 2, 79, segment - 1, segment, segment + 1, 2 * segment, 10 * segment} {
				c, err := s.v.ReadDocumentRange(t.Context(), paper.ID, int64(offset), int64(length))
				require.NoError(t, err)
				got, err := io.ReadAll(c)
				require.NoError(t, err)
				end := size
				if length >= 0 {
					end = min(size, offset+length)
				}
				require.True(t, bytes.Equal(b[offset:end], got), "%d from %d of %d", length, offset, size)
				require.NoError(t, c.Close())
			}
		}
		for _, offset := range []int64{-1, int64(size) + 1, 1 << 62} {
			_, err := s.v.ReadDocumentRange(t.Context(), paper.ID, offset, 1)
			requireInvalid(t, err, "range")
		}
	}
}

func TestADownloadThatIsClosedGivesNoMore(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "long", content(1, 2*segment))
	c, err := s.v.ReadDocument(t.Context(), paper.ID)
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 10))
	require.NoError(t, err)
	require.NoError(t, c.Close())
	_, err = c.Read(make([]byte, 10))
	require.ErrorIs(t, err, vault.ErrClosed)
}

// endings are the ways in which an upload can fail before its end.
func endings(t *testing.T) map[string]func(b []byte) (ctx context.Context, r io.Reader, is error) {
	cut := errors.New("connection reset")
	return map[string]func(b []byte) (context.Context, io.Reader, error){
		"cut": func(b []byte) (context.Context, io.Reader, error) {
			return t.Context(), brokenAfter(b, io.ErrUnexpectedEOF), io.ErrUnexpectedEOF
		},
		"reset": func(b []byte) (context.Context, io.Reader, error) {
			return t.Context(), iotest.OneByteReader(brokenAfter(b[:min(len(b), 3000)], cut)), cut
		},
		"cancelled": func(b []byte) (context.Context, io.Reader, error) {
			ctx, cancel := context.WithCancel(t.Context())
			return ctx, io.MultiReader(bytes.NewReader(b), readerFunc(func(p []byte) (int, error) { cancel(); return copy(p, "more"), nil })), context.Canceled
		},
		"stuck": func(b []byte) (context.Context, io.Reader, error) {
			return t.Context(), io.MultiReader(bytes.NewReader(b), readerFunc(func([]byte) (int, error) { return 0, nil })), io.ErrNoProgress
		},
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAnUploadThatBreaksOffLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, ending := range endings(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatched(t, nil)
			p := w.Person(t)
			before := usage(t, w.Stage, p.Vault.ID())
			for i, size := range []int{0, 1, segment, 2*segment + 3} {
				for _, declared := range []int64{-1, 4 * segment} {
					ctx, r, is := ending(content(uint64(i), size))
					_, err := p.Vault.AddDocument(ctx, vault.NewDocument{Name: "half", Size: declared}, r)
					require.ErrorIs(t, err, is)
				}
			}
			require.Empty(t, papers(t, p.Vault))
			require.Equal(t, before, usage(t, w.Stage, p.Vault.ID()), "the space is given back at once")
			require.Empty(t, w.blobs.there(t))
			require.Empty(t, keys(t, w.Store, quota.ReservationPrefix(p.Vault.ID().String())))
		})
	}
}

func TestAReplacementThatBreaksOffKeepsTheOldWhole(t *testing.T) {
	t.Parallel()
	for name, ending := range endings(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatched(t, nil)
			p := w.Person(t)
			old := content(9, 5000)
			paper := add(t, p.Vault, "Carte", old)
			before := usage(t, w.Stage, p.Vault.ID())
			ctx, r, is := ending(content(1, segment+1))
			_, err := p.Vault.ReplaceDocument(ctx, paper.ID, 1, vault.NewDocument{}, r)
			require.ErrorIs(t, err, is)
			require.Equal(t, old, read(t, p.Vault, paper.ID))
			require.Equal(t, paper, item(t, p.Vault, paper.ID))
			require.Equal(t, before, usage(t, w.Stage, p.Vault.ID()))
			require.Len(t, w.blobs.there(t), 1)
		})
	}
}

func TestAWrongSizeIsRefusedAndNothingKept(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	for _, c := range []struct{ declared, sent int }{
		{1, 0}, {1, 2}, {5000, 4999}, {5000, 5001}, {5000, 5000 + 2*segment}, {segment, segment - 1}, {segment, segment + 1}, {2 * segment, segment},
	} {
		_, err := p.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "x", Size: int64(c.declared)}, bytes.NewReader(content(1, c.sent)))
		requireInvalid(t, err, "size")
	}
	require.Empty(t, papers(t, p.Vault))
	require.Empty(t, w.blobs.there(t))
	require.Zero(t, usage(t, w.Stage, p.Vault.ID()).Reserved)
}

func TestAReplacementIsADepositOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	p := w.Person(t)
	it := addTo(t, p.Vault, vault.NewDocument{Name: "Carte", MediaType: "image/png", Issued: "2020-01-01", Expires: "2026-04-01", Folder: folder(t, p.Vault, "Papers", vault.Private).ID}, content(1, 5000))
	w.Clock.Advance(vaultWait)
	next, err := p.Vault.ReplaceDocument(t.Context(), it.ID, 1, vault.NewDocument{
		Name: "ignored", Compartment: vault.Shared, MediaType: "application/pdf", Expires: "2036-04-01", Channel: "relay",
	}, bytes.NewReader(content(2, 90_000)))
	require.NoError(t, err)
	require.Equal(t, it.ID, next.ID)
	require.EqualValues(t, 2, next.Revision)
	require.Equal(t, "Carte", next.Name)
	require.Equal(t, it.Folder, next.Folder)
	require.Equal(t, vault.Private, next.Compartment)
	require.Equal(t, "application/pdf", next.Document.MediaType)
	require.Equal(t, vault.Date("2020-01-01"), next.Document.Issued, "as it was")
	require.Equal(t, vault.Date("2036-04-01"), next.Document.Expires)
	require.Equal(t, "relay", next.Origin.Channel)
	require.Equal(t, w.Clock.Now(), next.Origin.At)
	require.Equal(t, next.Document.Digest, next.Origin.Digest)
	require.Equal(t, next, item(t, p.SignIn(t, w.Another(t, nil)), it.ID))
	require.Equal(t, content(2, 90_000), read(t, p.Vault, it.ID))
	require.Len(t, w.blobs.there(t), 2)
	settle(t, w.Stage)
	requireTidy(t, w.Stage, w.blobs, p.Vault.ID())
}

func TestWhoReadsWhileItIsReplacedReadsTheOldToItsEnd(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "Carte", content(1, 3*segment))
	c, err := s.v.ReadDocument(t.Context(), paper.ID)
	require.NoError(t, err)
	defer c.Close()
	first := make([]byte, segment)
	_, err = io.ReadFull(c, first)
	require.NoError(t, err)
	_, err = s.v.ReplaceDocument(t.Context(), paper.ID, 1, vault.NewDocument{}, bytes.NewReader(content(2, 3*segment)))
	require.NoError(t, err)
	rest, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, content(1, 3*segment), append(first, rest...))
	require.Equal(t, content(2, 3*segment), read(t, s.v, paper.ID))
}

func TestADocumentOfTheVaultCanBeCopiedWithinIt(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "Carte", content(1, 2*segment))
	c, err := s.v.ReadDocument(t.Context(), paper.ID)
	require.NoError(t, err)
	defer c.Close()
	double, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "double"}, slow{c, segment, func() { s.Clock.Advance(vaultWait / 16) }})
	require.NoError(t, err, "reading and writing do not wait for each other")
	require.Equal(t, content(1, 2*segment), read(t, s.v, double.ID))
}
