package api

import (
	"fmt"
	"io"
	"net"
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
