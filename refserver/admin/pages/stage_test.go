package pages

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/testkeys"
	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/engines"
)

// stage is a server that runs on a folder, the pages beside it, and a browser.
type stage struct {
	*testing.T
	config    *config.Config
	data      *engines.Engines
	door      *admin.Door
	authority *consent.Authority
	keyFile   string
	gate      *gate
	token     string // of the link
	address   string // where the pages listen
	cookie    *http.Cookie
	language  string
	served    chan error

	mu    sync.Mutex
	ahead time.Duration // of the clock
	told  string        // on the terminal
}

func (s *stage) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.ahead)
}

// wait lets time pass.
func (s *stage) wait(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
}

func (s *stage) terminal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

// open starts everything. Arguments are those of admin pages; with "key", the authority's
// key is at hand.
func open(t *testing.T, key bool, args ...string) *stage {
	t.Helper()
	testkeys.UseCheapKDF()
	dir, err := os.MkdirTemp("", "op") // short enough for a private socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	s := &stage{T: t, keyFile: filepath.Join(dir, "authority.key"), language: "en", served: make(chan error, 1)}
	s.authority, err = consent.MakeAuthorityFile(s.keyFile)
	require.NoError(t, err)
	if key {
		args = append(args, "--authority-key", s.keyFile)
	}
	s.config, err = config.Parse(append([]string{"--data", filepath.Join(dir, "data"), "--authority", s.authority.Public().String(), "admin", "pages"}, args...), io.Discard)
	require.NoError(t, err)
	s.data, err = engines.Open(t.Context(), s.config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.data.Close()) })
	s.door, err = admin.Listen(s.config.Data, admin.NewOperator(t.Context(), s.data, time.Now))
	require.NoError(t, err)
	t.Cleanup(s.door.Close)
	first, err := s.authority.Begin()
	require.NoError(t, err)
	bundle, err := first.Bundle()
	require.NoError(t, err)
	_, err = s.data.Directory.Publish(t.Context(), bundle)
	require.NoError(t, err)
	s.serve(15 * time.Minute)
	return s
}

// serve starts the pages.
func (s *stage) serve(idle time.Duration) {
	s.Helper()
	listeners, err := listen(s.Context(), "127.0.0.1:0", (&net.ListenConfig{}).Listen)
	require.NoError(s, err)
	s.address = listeners[0].Addr().String()
	_, port, _ := net.SplitHostPort(s.address)
	s.gate, s.token = newGate(port, idle, 12*time.Hour, s.now)
	o, err := newOffice(s.config, s.gate, func(text string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told += text + "\n"
	})
	require.NoError(s, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.served <- o.serve(ctx, listeners)
	}()
	s.Cleanup(func() {
		stop()
		<-ended
	})
}

// enter opens the link as a browser does.
func (s *stage) enter() *stage {
	s.Helper()
	g := s.get("/enter/" + s.token)
	require.Equal(s, http.StatusSeeOther, g.status)
	require.Equal(s, "/", g.header.Get("Location"), "the token stands in no address any more")
	cookie, err := http.ParseSetCookie(g.header.Get("Set-Cookie"))
	require.NoError(s, err)
	s.cookie = cookie
	return s
}

// got is an answer.
type got struct {
	s      *stage
	status int
	header http.Header
	body   string
}

func (s *stage) request(method, path string, body io.Reader) *http.Request {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, "http://"+s.gate.host+path, body)
	require.NoError(s, err)
	r.Header.Set("Accept-Language", s.language)
	if s.cookie != nil {
		r.AddCookie(&http.Cookie{Name: s.cookie.Name, Value: s.cookie.Value})
	}
	return r
}

// do sends a request to where the pages listen, whatever name it asks for.
func (s *stage) do(r *http.Request) got {
	s.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.address)
	}}
	answer, err := transport.RoundTrip(r)
	require.NoError(s, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(s, err)
	return got{s, answer.StatusCode, answer.Header, string(body)}
}

func (s *stage) get(path string) got {
	s.Helper()
	return s.do(s.request(http.MethodGet, path, nil))
}

// post sends a form as the browser sends one of this page.
func (s *stage) post(path string, values url.Values) got {
	s.Helper()
	r := s.request(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://"+s.gate.host)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return s.do(r)
}

// is holds an answer against its status and what it must say.
func (g got) is(status int, texts ...string) got {
	g.s.Helper()
	require.Equal(g.s, status, g.status, g.body)
	for _, text := range texts {
		require.Contains(g.s, g.body, text)
	}
	return g
}

func (g got) without(texts ...string) got {
	g.s.Helper()
	for _, text := range texts {
		require.NotContains(g.s, g.body, text)
	}
	return g
}

// then follows to the next page.
func (g got) then() got {
	g.s.Helper()
	require.Equal(g.s, http.StatusSeeOther, g.status, g.body)
	return g.s.get(g.header.Get("Location"))
}

// published is the directory as the server has it.
func (s *stage) published() *consent.DirectoryState {
	s.Helper()
	state, err := s.data.Directory.Current(s.Context())
	require.NoError(s, err)
	return state
}

// output collects what a program prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
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
