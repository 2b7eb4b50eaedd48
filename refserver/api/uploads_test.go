package api

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const uploadPart = 512 << 10

// begin begins an upload, and returns its address below the API.
func (p *person) beginUpload(size int, pairs ...string) string {
	p.t.Helper()
	a := p.send("POST", "/uploads", http.NoBody, headerTus, tusVersion, headerLength, strconv.Itoa(size), headerMetadata, tusMetadata(pairs...))
	a.done(201)
	require.Equal(p.t, tusVersion, a.Header.Get(headerTus))
	require.Equal(p.t, "0", a.Header.Get(headerOffset))
	require.NotEmpty(p.t, a.Header.Get(headerUntil))
	at, ours := strings.CutPrefix(a.Header.Get("Location"), Path)
	require.True(p.t, ours)
	return at
}

func tusMetadata(pairs ...string) string {
	var said []string
	for i := 0; i < len(pairs); i += 2 {
		said = append(said, pairs[i]+" "+base64.StdEncoding.EncodeToString([]byte(pairs[i+1])))
	}
	return strings.Join(said, ",")
}

func (p *person) patch(at string, offset int, body []byte) *reply {
	p.t.Helper()
	return p.send("PATCH", at, bytes.NewReader(body), headerTus, tusVersion, headerOffset, strconv.Itoa(offset), "Content-Type", tusBody)
}

// offset asks how far an upload is.
func (p *person) offset(at string) int {
	p.t.Helper()
	a := p.send("HEAD", at, http.NoBody, headerTus, tusVersion)
	require.Equal(p.t, 200, a.Status)
	n, err := strconv.Atoi(a.Header.Get(headerOffset))
	require.NoError(p.t, err)
	return n
}

func TestAnUploadByTusIsADocument(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	b := paper(3, 2*uploadPart+1000)
	at := p.beginUpload(len(b), "filename", "Carte d’identité", "filetype", "application/pdf", "compartment", "shared", "issued", "2026-02-01", "relativePath", "x")
	a := p.patch(at, 0, b)
	a.done(204)
	require.Equal(t, strconv.Itoa(len(b)), a.Header.Get(headerOffset))
	id := a.Header.Get(headerDocument)
	item := ok[Item](p.call("GET", "/items/"+id, nil), 200)
	require.Equal(t, "Carte d’identité", item.Name)
	require.Equal(t, "application/pdf", item.Document.MediaType)
	require.Equal(t, "shared", item.Compartment)
	require.True(t, bytes.Equal(b, p.call("GET", "/documents/"+id+"/content", nil).Body))
	again := p.patch(at, len(b), nil)
	again.done(204)
	require.Equal(t, id, again.Header.Get(headerDocument), "who did not hear the answer asks again")
	require.Equal(t, len(b), p.offset(at))
	p.send("DELETE", at, http.NoBody, headerTus, tusVersion).refused(404, "not-found")
	require.Equal(t, 200, p.call("GET", "/items/"+id, nil).Status)
}

// The connection is cut anywhere, and the server is another one in the middle.
func TestAnUploadByTusGoesOnAfterEveryCut(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, err := start(folder, serverOptions{})
	require.NoError(t, err)
	p := s.newPerson(t)
	b := paper(3, 4*uploadPart+77)
	at := p.beginUpload(len(b), "filename", "Film")
	for cut := 0; cut < 5; cut++ {
		from := p.offset(at)
		n := rand.IntN(len(b) - from)
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.s.URL, "http://"))
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s: %s\r\n%s: %d\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
			Path+at, p.token, headerTus, tusVersion, headerOffset, from, tusBody, len(b)-from, b[from:from+n])
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		answered, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.Regexp(t, "^HTTP/1.1 400 ", string(answered))
		require.Equal(t, (from+n)/uploadPart*uploadPart, p.offset(at), "what was whole is kept")
		if cut == 2 { // another process, over what this one left
			p.vault.Close()
			require.NoError(t, s.stop())
			s, err = start(folder, serverOptions{})
			require.NoError(t, err)
			p.s = s
		}
	}
	a := p.patch(at, p.offset(at), b[p.offset(at):])
	a.done(204)
	id := a.Header.Get(headerDocument)
	require.True(t, bytes.Equal(b, p.call("GET", "/documents/"+id+"/content", nil).Body))
	require.NoError(t, s.stop())
}

func TestUploadsByTusRefuseWithAReason(t *testing.T) {
	t.Parallel()
	p := newServer(t, serverOptions{allowance: 10_000_000}).newPerson(t)
	post := func(headers ...string) *reply { return p.send("POST", "/uploads", http.NoBody, headers...) }
	said := tusMetadata("filename", "x")
	wrong := post(headerLength, "10", headerMetadata, said)
	wrong.refused(412, "tus-version")
	require.Equal(t, tusVersion, wrong.Header.Get("Tus-Version"))
	for _, length := range []string{"", "0", "-1", "x", "99999999999999999999"} {
		post(headerTus, tusVersion, headerLength, length, headerMetadata, said).refused(422, "invalid")
	}
	for _, metadata := range []string{"", "filename", "filename !!", said + "," + said, tusMetadata("filename", "x", "compartment", "secret"), tusMetadata("filename", "x", "folder", "?"), "filename " + base64.StdEncoding.EncodeToString([]byte{0xff})} {
		post(headerTus, tusVersion, headerLength, "10", headerMetadata, metadata).refused(422, "invalid")
	}
	full := post(headerTus, tusVersion, headerLength, "20000000", headerMetadata, said).refused(507, "full")
	require.NotNil(t, full.Left)

	b := paper(1, uploadPart+10)
	at := p.beginUpload(len(b), "filename", "x")
	conflict := p.patch(at, 5, b[5:])
	conflict.refused(409, "offset")
	require.Equal(t, "0", conflict.Header.Get(headerOffset))
	p.patch(at, 0, b[:100]).refused(422, "invalid")
	p.patch(at, 0, append(bytes.Clone(b), 1)).refused(422, "invalid")
	require.Equal(t, uploadPart, p.offset(at))
	p.send("PATCH", at, bytes.NewReader(b), headerTus, tusVersion, headerOffset, "0").refused(415, "media-type")
	p.send("PATCH", at, bytes.NewReader(b), headerTus, tusVersion, "Content-Type", tusBody).refused(422, "invalid")
	other := p.s.newPerson(t)
	other.patch(at, 0, b).refused(404, "not-found")
	p.s.stranger(t).patch(at, 0, b).refused(401, "session-ended")
	p.send("DELETE", at, http.NoBody, headerTus, tusVersion).done(204)
	require.Equal(t, 404, p.send("HEAD", at, http.NoBody, headerTus, tusVersion).Status)
	require.Zero(t, ok[Space](p.call("GET", "/usage", nil), 200).Reserved)
	require.Equal(t, "creation,termination,expiration", p.send("OPTIONS", "/uploads", http.NoBody).Header.Get("Tus-Extension"))
}
