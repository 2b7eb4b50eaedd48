package admin_test

import (
	"net"
	"net/rpc"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/progress"
)

// slow is a server whose work ends when it was asked twice how far it is.
type slow struct {
	mu    sync.Mutex
	asked int64
	end   chan struct{}
}

func (s *slow) Work(_ admin.None, out *string) error {
	<-s.end
	*out = "done"
	return nil
}

func (s *slow) HowFar(call string, out *admin.Doing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if call != "Operator.Work" {
		return nil
	}
	s.asked++
	*out = admin.Doing{What: "documents", Done: s.asked, Of: 9}
	if s.asked == 2 {
		close(s.end)
	}
	return nil
}

func TestWhoWaitsForALongCallIsToldHowFarItIs(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	calls := rpc.NewServer()
	require.NoError(t, calls.RegisterName("Operator", &slow{end: make(chan struct{})}))
	var serving sync.WaitGroup
	serving.Go(func() { calls.ServeConn(far) })
	client := rpc.NewClient(near)
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	var said strings.Builder
	printer := progress.New(&said, func() time.Time {
		now = now.Add(time.Minute)
		return now
	})
	var out string
	require.NoError(t, admin.CallLong(client, "Operator.Work", admin.None{}, &out, printer))
	require.Equal(t, "done", out)
	require.Contains(t, said.String(), "documents: 1 of 9\n")
	require.Error(t, admin.CallLong(client, "Operator.Nothing", admin.None{}, &out, nil))
	require.NoError(t, client.Close())
	serving.Wait()
}
