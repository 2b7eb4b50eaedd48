package api

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestDownloadIsWhatWasUploaded(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	for _, size := range []int{1, chunk - 1, chunk, chunk + 1, 2 * chunk, 256 << 10, 256<<10 + 1, 1_000_003} {
		content := paper(byte(size), size)
		item := ok[Item](p.upload("Papier", content), 201)
		got := p.call("GET", "/documents/"+item.ID+"/content", nil)
		require.Equal(t, 200, got.Status)
		require.True(t, bytes.Equal(content, got.Body), "%d bytes", size)
		require.Equal(t, fmt.Sprint(size), got.Header.Get("Content-Length"))
		require.Equal(t, `"1"`, got.Header.Get("ETag"))
		require.Equal(t, "bytes", got.Header.Get("Accept-Ranges"))
		sum := sha256.Sum256(content)
		require.Equal(t, "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":", got.Header.Get("Repr-Digest"))
	}
}

func TestUploadOfUnknownLengthIsStoredWhole(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	content := paper(5, 1_500_000)
	// No length is declared, and the bytes come in odd pieces.
	item := ok[Item](p.send("POST", "/documents", iotest.HalfReader(io.MultiReader(bytes.NewReader(content))), headerName, "Scan"), 201)
	require.EqualValues(t, len(content), item.Document.Size)
	require.Equal(t, "application/octet-stream", item.Document.MediaType)
	require.True(t, bytes.Equal(content, p.call("GET", "/documents/"+item.ID+"/content", nil).Body))
}

func TestDownloadOfAPart(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	content := paper(9, 600_000)
	item := ok[Item](p.upload("Papier", content), 201)
	at := "/documents/" + item.ID + "/content"
	for header, part := range map[string][2]int{
		"bytes=0-0": {0, 1}, "bytes=262143-262145": {262143, 262146}, "bytes=599999-": {599999, 600000},
		"bytes=-10": {599990, 600000}, "bytes=100000-9999999": {100000, 600000}, "bytes=0-": {0, 600000},
	} {
		got := p.call("GET", at, nil, "Range", header)
		require.Equal(t, 206, got.Status, header)
		require.True(t, bytes.Equal(content[part[0]:part[1]], got.Body), header)
		require.Equal(t, fmt.Sprintf("bytes %d-%d/600000", part[0], part[1]-1), got.Header.Get("Content-Range"))
	}
	for _, header := range []string{"bytes=0-1,5-6", "lines=1-2", "bytes=5-1"} {
		got := p.call("GET", at, nil, "Range", header)
		require.Equal(t, 200, got.Status, header)
		require.Len(t, got.Body, 600_000, header)
	}
	beyond := p.call("GET", at, nil, "Range", "bytes=600000-")
	beyond.refused(416, "range")
	require.Equal(t, "bytes */600000", beyond.Header.Get("Content-Range"))

	require.Equal(t, 206, p.call("GET", at, nil, "Range", "bytes=0-0", "If-Range", `"1"`).Status)
	require.Equal(t, 200, p.call("GET", at, nil, "Range", "bytes=0-0", "If-Range", `"2"`).Status)
}

func TestDownloadIsConditional(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	item := ok[Item](p.upload("Papier", paper(9, 1000)), 201)
	at := "/documents/" + item.ID + "/content"
	for _, header := range []string{`"1"`, `W/"1"`, `"0", "1"`, "*"} {
		got := p.call("GET", at, nil, "If-None-Match", header)
		got.done(304)
		require.Equal(t, `"1"`, got.Header.Get("ETag"))
	}
	require.Equal(t, 200, p.call("GET", at, nil, "If-None-Match", `"2"`).Status)

	head := p.call("HEAD", at, nil)
	head.done(200)
	require.Equal(t, "1000", head.Header.Get("Content-Length"))
	require.Equal(t, `"1"`, head.Header.Get("ETag"))
}

func TestDownloadIsSavedAndNeverRunByABrowser(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	for claimed, sent := range map[string]string{
		"application/pdf": "application/pdf", "image/jpeg": "image/jpeg", "text/plain; charset=utf-8": "text/plain",
		"text/html": "application/octet-stream", "image/svg+xml": "application/octet-stream",
		"text/javascript": "application/octet-stream", "application/xhtml+xml": "application/octet-stream",
	} {
		item := ok[Item](p.upload("..%2F..%2Fpa%22pier%E2%80%AEfdp.exe", []byte("<script>alert(1)</script>"), "Content-Type", claimed), 201)
		got := p.call("GET", "/documents/"+item.ID+"/content", nil)
		require.Equal(t, 200, got.Status)
		require.Equal(t, sent, got.Header.Get("Content-Type"), claimed)
		disposition := got.Header.Get("Content-Disposition")
		require.True(t, strings.HasPrefix(disposition, "attachment; filename="), disposition)
		require.NotContains(t, disposition, "/")
		require.NotContains(t, disposition, "%E2%80%AE", "the mark that reverses the direction")
		require.Contains(t, got.Header.Get("Content-Security-Policy"), "sandbox")
	}
}

func TestReplacingNeedsTheRevisionAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	item := ok[Item](p.upload("Bail", paper(1, 5000), headerExpires, "2030-01-01"), 201)
	at := "/documents/" + item.ID + "/content"
	next := paper(2, 6000)
	put := func(body []byte, headers ...string) *reply {
		return p.send("PUT", at, bytes.NewReader(body), append([]string{"Content-Type", "image/png"}, headers...)...)
	}
	put(next).refused(428, "if-match-required")
	put(next, "If-Match", `"9"`).refused(412, "revision")
	put(nil, "If-Match", `"1"`).refused(422, "invalid")
	replaced := ok[Item](put(next, "If-Match", `"1"`), 200)
	require.EqualValues(t, 2, replaced.Revision)
	require.Equal(t, "Bail", replaced.Name)
	require.Equal(t, "2030-01-01", replaced.Document.Expires)
	require.Equal(t, "image/png", replaced.Document.MediaType)
	require.Equal(t, next, p.call("GET", at, nil).Body)
}

func TestUploadsThatAreNoDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	content := paper(1, 10)
	p.upload("", content).refused(422, "invalid")
	p.upload("%zz", content).refused(422, "invalid")
	p.upload("%E9t%E9", content).refused(422, "invalid")
	p.upload("n%0Ax", content).refused(422, "invalid")
	p.upload(strings.Repeat("x", 201), content).refused(422, "invalid")
	p.upload("n", nil).refused(422, "invalid")
	p.send("POST", "/documents", io.MultiReader(strings.NewReader("")), headerName, "n").refused(422, "invalid")
	p.upload("n", content, headerCompartment, "owner").refused(422, "invalid")
	p.upload("n", content, headerFolder, "nowhere").refused(422, "invalid")
	p.upload("n", content, headerFolder, strings.Repeat("a", 26)).refused(422, "invalid")
	p.upload("n", content, headerExpires, "31/12/2030").refused(422, "invalid")
	p.upload("n", content, "Content-Type", "no type").refused(422, "invalid")
	p.upload("n", content, "Content-Type", "multipart/form-data; boundary=x").refused(415, "media-type")
	p.upload("n", content, "Content-Type", "application/x-www-form-urlencoded").refused(415, "media-type")
	p.upload("n", content, "Content-Encoding", "gzip").refused(415, "media-type")
	p.upload("n", content, headerIdempotency, strings.Repeat("k", 256)).refused(400, "idempotency-key")
	require.Empty(t, ok[listed](p.call("GET", "/items?kind=document", nil), 200).Items)
	require.Zero(t, ok[Space](p.call("GET", "/usage", nil), 200).Reserved)
}

// cut sends the beginning of a request over a connection of its own, closes its
// sending side and returns the answer, if one comes.
func (p *person) cut(head, body string) *http.Response {
	p.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.s.URL, "http://"))
	require.NoError(p.t, err)
	p.t.Cleanup(func() { conn.Close() })
	_, err = fmt.Fprintf(conn, "%s\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n%s", head, p.token, body)
	require.NoError(p.t, err)
	require.NoError(p.t, conn.(*net.TCPConn).CloseWrite())
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil
	}
	return response
}

func TestUploadThatIsCutStoresNothing(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	before := ok[Space](p.call("GET", "/usage", nil), 200)
	piece := strings.Repeat("x", 100_000)
	post := "POST " + Path + "/documents HTTP/1.1\r\n" + headerName + ": n\r\n"
	for name, response := range map[string]*http.Response{
		"shorter than declared":     p.cut(post+"Content-Length: 200000", piece),
		"nothing of what was said":  p.cut(post+"Content-Length: 200000", ""),
		"cut between two chunks":    p.cut(post+"Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece)),
		"cut within a chunk":        p.cut(post+"Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s", 2*len(piece), piece)),
		"cut before the last CRLF":  p.cut(post+"Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n0\r\n", len(piece), piece)),
		"a chunk of no length":      p.cut(post+"Transfer-Encoding: chunked", "zz\r\n"+piece),
		"cut where a segment ends":  p.cut(post+"Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n", 256<<10, strings.Repeat("x", 256<<10))),
		"cut before the first byte": p.cut(post+"Transfer-Encoding: chunked", ""),
	} {
		require.NotNil(t, response, name)
		require.Contains(t, []int{400, 408}, response.StatusCode, name) // whichever is noticed first: the cut or that nobody listens
	}
	require.Empty(t, ok[listed](p.call("GET", "/items?kind=document", nil), 200).Items)
	require.Equal(t, before, ok[Space](p.call("GET", "/usage", nil), 200), "the space was given back")
}

func TestReplacementThatIsCutLeavesTheOldDocumentWhole(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	content := paper(4, 400_000)
	item := ok[Item](p.upload("Bail", content), 201)
	put := "PUT " + Path + "/documents/" + item.ID + "/content HTTP/1.1\r\nIf-Match: \"1\"\r\n"
	piece := strings.Repeat("x", 300_000)
	require.Contains(t, []int{400, 408}, p.cut(put+"Content-Length: 400000", piece).StatusCode)
	require.Contains(t, []int{400, 408}, p.cut(put+"Transfer-Encoding: chunked", fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece)).StatusCode)

	require.Equal(t, item, ok[Item](p.call("GET", "/items/"+item.ID, nil), 200))
	require.True(t, bytes.Equal(content, p.call("GET", "/documents/"+item.ID+"/content", nil).Body))
}

func TestDownloadOfAnAlteredDocumentNeverLooksComplete(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1000, 700_000} {
		s := commonServer(t)
		p := s.newPerson(t)
		item := ok[Item](p.upload("Papier", paper(6, size)), 201)
		s.alterEndOfBlob(t, p, item.ID)

		for _, headers := range [][]string{nil, {"Range", "bytes=0-"}} {
			response, err := s.Client().Do(p.request("GET", "/documents/"+item.ID+"/content", nil, headers...))
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, response.Body.Close())
			if response.StatusCode >= 500 { // found before the first byte
				require.NoError(t, err)
				continue
			}
			require.Error(t, err, "the connection breaks")
			require.Less(t, len(body), size)
		}
		report := ok[Control](p.call("GET", "/documents/"+item.ID+"/control", nil), 200)
		require.False(t, report.Intact)
	}
}

func TestDocumentIsControlledAndDescribed(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	content := paper(6, 5000)
	sum := sha256.Sum256(content)
	item := ok[Item](p.upload("Papier", content), 201)

	report := ok[Control](p.call("GET", "/documents/"+item.ID+"/control", nil), 200)
	require.True(t, report.Intact)
	require.Equal(t, hex.EncodeToString(sum[:]), report.Found)

	metadata := ok[Metadata](p.call("GET", "/documents/"+item.ID+"/metadata", nil), 200)
	require.Equal(t, item, metadata.Item)
	require.NotEmpty(t, metadata.Algorithms)
	require.Len(t, metadata.Parts, 1)

	note := ok[Item](p.call("POST", "/notes", map[string]any{"name": "n", "note": map[string]any{"text": ""}}), 201)
	for _, at := range []string{"/control", "/metadata", "/content"} {
		p.call("GET", "/documents/"+note.ID+at, nil).refused(422, "invalid")
		p.call("GET", "/documents/"+strings.Repeat("a", 26)+at, nil).refused(404, "not-found")
	}
}
