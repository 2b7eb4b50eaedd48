package patience

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
	w, r, done := Bound(conn, r, time.Minute)
	_, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.False(t, conn.read[0].IsZero())
	require.True(t, conn.read[len(conn.read)-1].IsZero(), "lifted at the end of the body: net/http reads on behind the handler")
	_, err = w.Write([]byte("x"))
	require.NoError(t, err)
	require.False(t, conn.write[0].IsZero())
	done(true)
	require.True(t, conn.write[len(conn.write)-1].IsZero(), "the next request on the connection begins with none")
}

func TestDripOfBytesIsNotWaitedForEver(t *testing.T) {
	t.Parallel()
	conn := &deadlines{ResponseWriter: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", 50)))
	_, r, done := Bound(conn, r, time.Minute)
	defer done(false)
	started := r.Body.(*body).started
	one := make([]byte, 1)
	for range 50 {
		_, err := r.Body.Read(one)
		require.NoError(t, err)
	}
	for _, deadline := range conn.read {
		require.False(t, deadline.After(started.Add(time.Minute+time.Second)))
	}
}
