package witness_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage/memstore"
)

// wire is what lies between a client and a server. It passes bytes on, until it
// is told to cut.
type wire struct {
	to       string
	listener net.Listener
	all      sync.WaitGroup

	mu      sync.Mutex
	open    map[net.Conn]bool
	after   int  // so many bytes more are passed on, then all is cut; negative: no cut
	answers bool // of the answers; else of the requests
	cuts    atomic.Int32
}

func newWire(t *testing.T, url string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{to: strings.TrimPrefix(url, "https://"), listener: listener, open: map[net.Conn]bool{}, after: -1}
	w.all.Go(w.accept)
	t.Cleanup(func() {
		w.end()
		w.all.Wait()
	})
	return w
}

// end cuts the wire for good.
func (w *wire) end() {
	_ = w.listener.Close() // twice does no harm
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut()
}

func (w *wire) url() string { return "https://" + w.listener.Addr().String() }

// cutAfter lets n bytes of the requests or of the answers pass, from now on.
func (w *wire) cutAfter(n int, answers bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.after, w.answers = n, answers
}

// cut ends every connection. The lock is held.
func (w *wire) cut() {
	for conn := range w.open {
		_ = conn.Close()
	}
	clear(w.open)
}

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		w.mu.Lock()
		w.open[client], w.open[server] = true, true
		w.mu.Unlock()
		w.all.Go(func() { w.pass(client, server, false) })
		w.all.Go(func() { w.pass(server, client, true) })
	}
}

// pass moves bytes in one direction, as many as may pass.
func (w *wire) pass(from, to net.Conn, answers bool) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		last := w.after >= 0 && w.answers == answers && n >= w.after
		if last {
			n = w.after
		} else if w.after >= 0 && w.answers == answers {
			w.after -= n
		}
		w.mu.Unlock()
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
		if last {
			w.cuts.Add(1)
			w.mu.Lock()
			w.after = -1 // once
			w.cut()
			w.mu.Unlock()
			return
		}
	}
}

// However far a request or its answer came, its call may be repeated and then
// has happened, once.
func TestACallThatWasCutIsSettledByRepeatingIt(t *testing.T) {
	t.Parallel()
	names := everyCall(newPerson(t))
	delete(names, "prepare")
	for name := range names {
		for _, answers := range []bool{false, true} {
			t.Run(name+map[bool]string{false: "/request", true: "/answer"}[answers], func(t *testing.T) {
				t.Parallel()
				r := newRemote(t, memstore.New())
				for _, bytes := range []int{0, 1, 30, 100, 400, 1500} {
					p, calls := prepared(t, r.client)
					w := newWire(t, r.url)
					client := newClient(t, "service", w.url())
					require.NoError(t, client.Health(t.Context())) // the handshake is over
					w.cutAfter(bytes, answers)
					err := calls[name](t.Context(), client)
					if (name == "count" || name == "evaluate") && w.cuts.Load() > 0 {
						require.ErrorIs(t, err, witness.ErrUnavailable, "a try whose answer was lost is refused")
					} else {
						require.NoError(t, err, "the client repeats what is safe, on a new connection")
					}
					require.NoError(t, calls[name](t.Context(), r.client))
					requireOnce(t, r.client, p, name, err)
				}
			})
		}
	}
}

// requireOnce holds what a call and its repetition have done against what one
// of them does; cut is what the first answered.
func requireOnce(t *testing.T, w api, p *person, name string, cut error) {
	t.Helper()
	tries, err := w.Count(t.Context(), p.vault, password)
	require.NoError(t, err)
	switch {
	case name != "count":
		require.EqualValues(t, 1, tries.Total)
	case cut == nil:
		require.EqualValues(t, 3, tries.Total)
	default: // the one that was cut was counted or not, and never twice
		require.Contains(t, []uint64{2, 3}, tries.Total)
	}
	requireEvaluatedOnce(t, w, p, name == "evaluate", cut)
	forks, err := w.Forks(t.Context(), p.vault)
	require.NoError(t, err)
	require.Empty(t, forks)
	complete, err := w.Restored(t.Context(), p.vault)
	require.NoError(t, err)
	require.Equal(t, name == "restore", complete != nil)
	latest, err := w.Latest(t.Context(), p.vault)
	require.NoError(t, err)
	if name == "raise" {
		require.Equal(t, []witness.Checkpoint{at("shared", 2, 's'), at("journal", 3, 'j')}, latest[1:])
	}
}

func requireEvaluatedOnce(t *testing.T, w api, p *person, asked bool, cut error) {
	t.Helper()
	tries, err := w.Tried(t.Context(), p.vault, card)
	require.NoError(t, err)
	switch {
	case !asked:
		require.Zero(t, tries)
	case cut == nil:
		require.EqualValues(t, 2, tries.Total)
	default:
		require.Contains(t, []uint64{1, 2}, tries.Total)
	}
}

// A try is counted before it is evaluated: one that was sent must not be sent
// again by anything below, or guesses would be lost to honest people, and the
// answer to the second one would allow what was refused.
func TestATryIsNeverSentTwice(t *testing.T) {
	t.Parallel()
	r := newRemote(t, memstore.New())
	w := newWire(t, r.url)
	client := newClient(t, "service", w.url())
	for n := range uint64(4) {
		require.NoError(t, client.Health(t.Context()))
		w.cutAfter(10, true) // the request is there, the answer is not
		_, err := client.Count(t.Context(), [16]byte{1}, password)
		require.ErrorIs(t, err, witness.ErrUnavailable)
		require.EqualValues(t, n+1, w.cuts.Load())
	}
	tries, err := r.client.Count(context.Background(), [16]byte{1}, password)
	require.NoError(t, err)
	require.EqualValues(t, 5, tries.Total, "one each")
}

func TestAWireThatIsCutForGoodIsAWitnessThatIsAway(t *testing.T) {
	t.Parallel()
	r := newRemote(t, memstore.New())
	w := newWire(t, r.url)
	client := newClient(t, "service", w.url())
	_, calls := prepared(t, client)
	w.end()
	for name, call := range calls {
		require.ErrorIs(t, call(t.Context(), client), witness.ErrUnavailable, name)
	}
}

// Half a request does nothing.
func TestHalfARequestIsNoRequest(t *testing.T) {
	t.Parallel()
	r := newRemote(t, memstore.New())
	p, _ := prepared(t, r.client)
	whole := rawRequest("POST", "/v1/count", `{"vault":"`+hexOf(p.vault[:])+`","counter":"`+hexOf(password[:])+`"}`)
	for _, at := range []int{len(whole) - 1, len(whole) - 40} {
		conn := dial(t, r.url)
		_, err := io.WriteString(conn, whole[:at])
		require.NoError(t, err)
		require.NoError(t, conn.CloseWrite())
		answer, _ := io.ReadAll(conn)
		require.NotContains(t, string(answer), "200 OK")
	}
	tries, err := r.client.Count(t.Context(), p.vault, password)
	require.NoError(t, err)
	require.EqualValues(t, 1, tries.Total)
}
