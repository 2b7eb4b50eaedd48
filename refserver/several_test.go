package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// Everything that a person can do at one server goes on at another.
func TestSeveralServersOverOneStoreBehaveAsOne(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "--quota", "4000000")
	for _, story := range []struct {
		promise string
		holds   func(*testing.T, *cluster)
	}{
		{"a session of one is a session of the other", sessionsAreShared},
		{"a paper of one is a paper of the other", papersAreShared},
		{"the space is exact with uploads to both", theSpaceIsExact},
		{"a new password at one ends the sessions at the other", aNewPasswordEndsSessions},
		{"a killed server loses nothing and signs nobody out", aKilledServerLosesNothing},
		{"no two share a data folder", noTwoShareAFolder},
	} {
		t.Run(story.promise, func(t *testing.T) { story.holds(t, c.in(t)) })
	}
	for _, server := range c.servers {
		for _, secret := range []string{aKey, strings.TrimPrefix(aKey, "base64key://")} {
			require.NotContains(t, server.logs.String()+server.out.String(), secret)
		}
		require.NotContains(t, server.out.String(), "For one machine only:\n  - Records")
		require.NotRegexp(t, `ERROR`, server.logs.String())
	}
}

func sessionsAreShared(t *testing.T, c *cluster) {
	t.Helper()
	p := c.newPerson()
	c.signIn(p, 0)
	require.Contains(t, c.read(p, 1, "/overview"), `"documents":0`)

	browser := visit(t, &running{url: *c.urls[1].Load(), login: p.login, secret: p.secret})
	browser.r = &running{url: *c.urls[0].Load()}
	require.Contains(t, browser.get("/"), "0 papier")
	browser.post("/leave", nil)
	browser.r = &running{url: *c.urls[1].Load()}
	answer, _, err := browser.do(http.MethodGet, "/", "", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSeeOther, answer.StatusCode, "who leaves one has left the other")
	require.Contains(t, c.read(p, 0, "/overview"), `"documents":0`, "and only that session")
}

func papersAreShared(t *testing.T, c *cluster) {
	t.Helper()
	p := c.newPerson()
	c.signIn(p, 0)
	for n := range 2 {
		content := pdf(700_000 + n)
		status, id, err := c.upload(p, n, "Carte", content)
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, status)
		require.Equal(t, string(content), c.read(p, 1-n, "/documents/"+id+"/content"))
	}
}

func theSpaceIsExact(t *testing.T, c *cluster) {
	t.Helper()
	p := c.newPerson()
	c.signIn(p, 1)
	var taken, refused atomic.Int64
	var uploads sync.WaitGroup
	for n := range 14 {
		uploads.Go(func() {
			status, _, err := c.upload(p, n%2, fmt.Sprint(n), pdf(390_000))
			switch {
			case err == nil && status == http.StatusCreated:
				taken.Add(1)
			case err == nil && status == http.StatusInsufficientStorage:
				refused.Add(1)
			}
		})
	}
	uploads.Wait()
	require.EqualValues(t, 14, taken.Load()+refused.Load(), "each was taken, or refused for want of space")
	e, settings := c.open()
	sum := c.exact(e, p)
	require.LessOrEqual(t, sum, settings.Quota)
	require.Greater(t, sum+sum/taken.Load(), settings.Quota, "one more does not fit")
}

func aNewPasswordEndsSessions(t *testing.T, c *cluster) {
	t.Helper()
	p := c.newPerson()
	c.signIn(p, 0)
	phone := visit(t, &running{url: *c.urls[1].Load(), login: p.login, secret: p.secret})
	require.Contains(t, phone.get("/"), "papier")
	answer, text, err := c.ask(p, 0, http.MethodPost, "/password",
		strings.NewReader(fmt.Sprintf(`{"old":%q,"new":"lova mesa kiru bato"}`, p.secret)), http.Header{"Content-Type": {"application/json"}})
	require.NoError(t, err)
	require.Less(t, answer.StatusCode, 300, text)
	answer, _, err = phone.do(http.MethodGet, "/", "", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSeeOther, answer.StatusCode, "at once, and not when something is forgotten")
	p.secret = "lova mesa kiru bato"
	c.signIn(p, 1)
}

func aKilledServerLosesNothing(t *testing.T, c *cluster) {
	t.Helper()
	p := c.newPerson()
	c.signIn(p, 0)
	contentType, form := paper(t, "Half", pdf(3_000_000))
	upload := visit(t, &running{url: *c.urls[0].Load(), login: p.login, secret: p.secret})
	status, id, err := c.upload(p, 0, "Whole", pdf(500_000))
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, status)
	slow := newHalf(form)
	broken := make(chan error, 1)
	go func() {
		_, _, err := upload.do(http.MethodPost, "/papers/add", contentType, slow)
		broken <- err
	}()
	<-slow.reached
	c.kill(0)
	close(slow.goOn)
	require.Error(t, <-broken)

	require.Equal(t, string(pdf(500_000)), c.read(p, 1, "/documents/"+id+"/content"))
	upload.r = &running{url: *c.urls[1].Load()}
	list := upload.get("/papers")
	require.Contains(t, list, "Whole")
	require.NotContains(t, list, "Half")
	e, _ := c.open()
	c.exact(e, p)
	c.spawn(0)
	c.ready(0)
	require.Contains(t, c.read(p, 0, "/overview"), `"documents":1`)
}

func noTwoShareAFolder(t *testing.T, c *cluster) {
	t.Helper()
	p := spawn(t, nil, append([]string{"--listen", "127.0.0.1:0", "--data", c.folders[1]}, c.args...)...)
	require.Equal(t, 1, p.wait(t))
	require.Contains(t, p.logs.String(), "another server uses this data folder already")
	_, err := command(t, c.folders[1], "admin", "status")
	require.NoError(t, err, "the first one's socket is its own still")
}

// half is a body that stops in its middle until it may go on.
type half struct {
	first, rest   *bytes.Reader
	reached, goOn chan struct{}
	once          sync.Once
}

func newHalf(b []byte) *half {
	return &half{first: bytes.NewReader(b[:len(b)/2]), rest: bytes.NewReader(b[len(b)/2:]), reached: make(chan struct{}), goOn: make(chan struct{})}
}

func (h *half) Read(p []byte) (int, error) {
	if h.first.Len() > 0 {
		return h.first.Read(p)
	}
	h.once.Do(func() { close(h.reached) })
	<-h.goOn
	return h.rest.Read(p)
}
