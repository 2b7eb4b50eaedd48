package api

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUploadThatStandsStillIsEndedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	p := newServer(t, serverOptions{stall: 300 * time.Millisecond}).newPerson(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.s.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST %s/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s: n\r\nContent-Length: 5000\r\n\r\n%s",
		Path, p.token, headerName, strings.Repeat("x", 1000))
	require.NoError(t, err)
	answered, err := io.ReadAll(conn) // until the server gives up
	require.NoError(t, err)
	require.Regexp(t, "^HTTP/1.1 40[08] ", string(answered))
	require.Empty(t, ok[listed](p.call("GET", "/items?kind=document", nil), 200).Items)
	require.Zero(t, ok[Space](p.call("GET", "/usage", nil), 200).Reserved)
}

func TestDownloadThatNobodyReadsIsEnded(t *testing.T) {
	t.Parallel()
	ended := make(chan string, 100)
	s := newServer(t, serverOptions{stall: 300 * time.Millisecond, ended: ended})
	p := s.newPerson(t)
	item := ok[Item](p.upload("Grand", paper(1, 12_000_000)), 201)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(64<<10))
	at := Path + "/documents/" + item.ID + "/content"
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", at, p.token)
	require.NoError(t, err)
	for path := range ended {
		if path == at {
			break
		}
	}
	answered, _ := io.ReadAll(conn)
	require.Less(t, len(answered), 12_000_000)
}

// deadlines is a connection that remembers its deadlines.
type deadlines struct {
	http.ResponseWriter
	read, write []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.read = append(d.read, t); return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = append(d.write, t); return nil }

func TestDeadlinesMoveOnAndAreNotLeftBehind(t *testing.T) {
	t.Parallel()
	conn := &deadlines{ResponseWriter: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("abc"))
	w, done := patient(conn, r, time.Minute)
	_, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.False(t, conn.read[0].IsZero())
	require.True(t, conn.read[len(conn.read)-1].IsZero(), "lifted at the end of the body: net/http reads on behind the handler")
	_, err = w.Write([]byte("x"))
	require.NoError(t, err)
	require.False(t, conn.write[0].IsZero())
	done()
	require.True(t, conn.write[len(conn.write)-1].IsZero(), "the next request on the connection begins with none")
}

func TestDripOfBytesIsNotWaitedForEver(t *testing.T) {
	t.Parallel()
	conn := &deadlines{ResponseWriter: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", 50)))
	_, done := patient(conn, r, time.Minute)
	defer done()
	started := r.Body.(*patientBody).started
	one := make([]byte, 1)
	for range 50 {
		_, err := r.Body.Read(one)
		require.NoError(t, err)
	}
	for _, deadline := range conn.read {
		require.False(t, deadline.After(started.Add(time.Minute+time.Second)))
	}
}
