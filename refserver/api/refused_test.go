package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The paper is 400 MB and none of it is sent: a phone on a poor network must
// hear that it does not fit before it pays for sending it.
func TestUploadThatDoesNotFitIsRefusedBeforeItsFirstByte(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	r := p.request("POST", "/documents", nil)
	conn, err := net.Dial("tcp", r.URL.Host)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second))) // less than a stalled body is given
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nDocument-Name: scan\r\nContent-Type: application/pdf\r\nContent-Length: 400000000\r\n\r\n",
		r.URL.Path, r.URL.Host, r.Header.Get("Authorization"))
	require.NoError(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusInsufficientStorage, answer.StatusCode)
}

// Who is not signed in is answered with no more than they sent.
func TestARefusalIsNoLongerThanWhatItRefuses(t *testing.T) {
	t.Parallel()
	s := commonServer(t)
	var body strings.Builder
	body.WriteString("{")
	for n := range 30_000 {
		fmt.Fprintf(&body, `"%x":1,`, n)
	}
	body.WriteString(`"z":1}`)
	answer, err := http.Post(s.URL+Path+"/sessions", "application/json", strings.NewReader(body.String()))
	require.NoError(t, err)
	defer answer.Body.Close()
	told, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode)
	require.Contains(t, string(told), "unexpected property")
	require.Less(t, len(told), 10_000)
}
