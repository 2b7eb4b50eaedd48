package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkeys"
)

// running is a server that a test started, as a person starts it.
type running struct {
	folder  string
	url     string
	login   string // of the sample person
	secret  string
	out     *output
	logs    *output
	stop    context.CancelFunc
	stopped chan struct{} // closed when run has returned
	err     error         // of run, once stopped
}

// output is what a server prints, as it prints it.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

var (
	printedURL    = regexp.MustCompile(`Open +(\S+)`)
	printedLogin  = regexp.MustCompile(`Login +([0-9 ]+)`)
	printedSecret = regexp.MustCompile(`Password +([a-z ]+)`)
)

// shortDir is a folder whose path is short enough for a private socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rs")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// start runs the server on a free port until the test ends.
func start(t *testing.T, folder string, args ...string) *running {
	t.Helper()
	testkeys.UseCheapKDF()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{folder: folder, out: &output{}, logs: &output{}, stop: cancel, stopped: make(chan struct{})}
	go func() {
		defer close(r.stopped)
		r.err = run(ctx, append([]string{"--listen", "127.0.0.1:0", "--data", folder, "--log-level", "debug"}, args...), r.out, r.logs)
	}()
	t.Cleanup(func() { r.end(t) })
	require.Eventually(t, func() bool {
		select {
		case <-r.stopped:
			return true
		default:
			return strings.Contains(r.out.String(), "Stop with Ctrl-C")
		}
	}, time.Minute, 10*time.Millisecond)
	select {
	case <-r.stopped:
		require.NoError(t, r.err, r.logs.String())
	default:
	}
	r.url = found(printedURL, r.out.String())
	r.login, r.secret = found(printedLogin, r.out.String()), found(printedSecret, r.out.String())
	return r
}

func found(pattern *regexp.Regexp, text string) string {
	if m := pattern.FindStringSubmatch(text); m != nil {
		return strings.TrimSpace(m[1])
	}
	return ""
}

// end stops the server as SIGTERM does, and waits for it.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	select {
	case <-r.stopped:
	case <-time.After(time.Minute):
		require.Fail(t, "the server does not stop", r.logs.String())
	}
}

// command runs one command of the operator on the folder.
func command(t *testing.T, folder string, args ...string) (string, error) {
	t.Helper()
	testkeys.UseCheapKDF()
	var out, logs output
	err := run(t.Context(), append([]string{"--data", folder}, args...), &out, &logs)
	return out.String(), err
}

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	answer, err := http.Get(url) //nolint:gosec,noctx // a test's own server
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(body)
}
