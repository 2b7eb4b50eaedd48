package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// TestDownloadThatFailsIsAlwaysShorterThanItSaid is A12: whatever fails, and be
// it the digest after the very last byte, the reader has not got all of it.
func TestDownloadThatFailsIsAlwaysShorterThanItSaid(t *testing.T) {
	t.Parallel()
	broken := errors.New("the end is not what it should be")
	for _, size := range []int{1, chunk - 1, chunk, chunk + 1, 2*chunk - 1, 2 * chunk, 5*chunk + 7} {
		for _, failure := range []error{broken, io.ErrUnexpectedEOF} {
			for name, shape := range map[string]func(io.Reader) io.Reader{
				"at once": func(r io.Reader) io.Reader { return r }, "in halves": iotest.HalfReader, "error with data": iotest.DataErrReader,
			} {
				w, said := httptest.NewRecorder(), false
				content := shape(io.MultiReader(bytes.NewReader(paper(1, size)), iotest.ErrReader(failure)))
				require.ErrorIs(t, send(w, content, func() { said = true }), failure, name)
				require.True(t, said || size <= chunk, name)
				require.Less(t, w.Body.Len(), size, name)
			}
		}
	}
}

func TestDownloadThatSucceedsIsWhole(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 5*chunk + 7} {
		for _, shape := range []func(io.Reader) io.Reader{iotest.HalfReader, iotest.DataErrReader} {
			w, said := httptest.NewRecorder(), 0
			require.NoError(t, send(w, shape(bytes.NewReader(paper(1, size))), func() { said++ }))
			require.True(t, bytes.Equal(paper(1, size), w.Body.Bytes()))
			require.Equal(t, 1, said)
		}
	}
}

func TestPartOfADocumentThatWasReplacedMeanwhileIsRefused(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	item := ok[Item](p.upload("Bail", paper(1, 5000)), 201)
	id, err := vault.ParseItemID(item.ID)
	require.NoError(t, err)
	seen, err := p.vault.Item(t.Context(), id)
	require.NoError(t, err)
	ok[Item](p.send("PUT", "/documents/"+item.ID+"/content", bytes.NewReader(paper(2, 100)), "If-Match", `"1"`), 200)

	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Range", "bytes=0-9")
	w := httptest.NewRecorder()
	require.ErrorIs(t, readPart(w, r, p.vault, seen), vault.ErrRevision)
	require.Empty(t, w.Body.Bytes())
}

func TestASmallPictureIsShownAndNothingElse(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	item := ok[Item](p.upload("Bail", paper(1, 5000)), 201)
	require.Equal(t, 404, p.call("GET", "/documents/"+item.ID+"/thumbnail", nil).Status)
	id, err := vault.ParseItemID(item.ID)
	require.NoError(t, err)
	small := append([]byte{0xFF, 0xD8, 0xFF}, paper(2, 4000)...)
	_, err = p.vault.SetThumbnail(t.Context(), id, 1, small)
	require.NoError(t, err)

	require.True(t, ok[Item](p.call("GET", "/items/"+item.ID, nil), 200).Document.Thumbnail)
	got := p.call("GET", "/documents/"+item.ID+"/thumbnail", nil)
	require.Equal(t, 200, got.Status)
	require.Equal(t, small, got.Body)
	require.Equal(t, "image/jpeg", got.Header.Get("Content-Type"))
	require.Equal(t, "no-store", got.Header.Get("Cache-Control"))
	require.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"))
	require.Contains(t, got.Header.Get("Content-Security-Policy"), "sandbox")
	require.Equal(t, 404, commonServer(t).newPerson(t).call("GET", "/documents/"+item.ID+"/thumbnail", nil).Status)
}
