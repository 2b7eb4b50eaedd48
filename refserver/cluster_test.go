package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkeys"
	"reconnect.example/internal/testservices"
	"reconnect.example/recovery/witness"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/engines"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// cluster is several servers, each a process with a data folder of its own, over
// one PostgreSQL, one bucket, one key and one witness, which is a process too.
type cluster struct {
	*testing.T
	args    []string // of every server
	folders []string
	servers []*process
	urls    []atomic.Pointer[string] // of each server; nil while it is away
}

// aKey is 32 bytes for the key service of tests.
const aKey = "base64key://smGbjm71Nxd1Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4="

// aBucket is one on a real server of S3 where there is one.
func aBucket(t *testing.T) string {
	t.Helper()
	caches, err := os.UserCacheDir()
	require.NoError(t, err)
	if _, err := os.Stat(filepath.Join(caches, "reconnect-ci", "minio")); err == nil {
		return testservices.MinIO(t)
	}
	return testservices.S3(t)
}

var (
	printedWitnessKey = regexp.MustCompile(`--witness-key +(rw-\S+)`)
	printedSigns      = regexp.MustCompile(`--witness-signs +(rw-\S+)`)
	printedListens    = regexp.MustCompile(`Listens +(\S+)`)
)

// aWitness runs a witness that serves one identity file, and returns the flags
// of the servers that use it.
func aWitness(t *testing.T, folder string, more ...string) (flags []string, p *process) {
	t.Helper()
	public := func(name string) (string, string) {
		path := filepath.Join(folder, name)
		identity, err := witness.OpenIdentity(path)
		require.NoError(t, err)
		return path, identity.Public().String()
	}
	mine, key := public("mine.key")
	_, operator := public("operator.key")
	p = spawn(t, nil, append([]string{"witness", "--listen", "127.0.0.1:0", "--data", filepath.Join(folder, "w"), "--client", "lyon=" + key + "/" + operator}, more...)...)
	p.running(t, folder)
	text := p.out.String()
	return []string{
		"--witness", "https://" + found(printedListens, text), "--witness-key", found(printedWitnessKey, text),
		"--witness-signs", found(printedSigns, text), "--witness-identity", mine, "--operator-key", operator,
	}, p
}

// newCluster starts two servers at once over stores that are empty.
func newCluster(t *testing.T, more ...string) *cluster {
	t.Helper()
	folder := shortDir(t)
	flags, _ := aWitness(t, folder)
	c := &cluster{T: t, args: append(append(flags, "--records", testservices.Postgres(t), "--blobs", aBucket(t), "--keys", aKey,
		"--requests-per-second", "10000", "--sign-ins-per-minute", "10000", "--sweep-every", "1s", "--log-level", "debug"), more...)}
	for n := range 2 {
		c.folders = append(c.folders, filepath.Join(folder, fmt.Sprint("s", n)))
	}
	c.servers, c.urls = make([]*process, 2), make([]atomic.Pointer[string], 2)
	for n := range c.servers { // the second does not wait for the first
		c.spawn(n)
	}
	for n := range c.servers {
		c.ready(n)
	}
	return c
}

func (c *cluster) spawn(n int) {
	c.Helper()
	c.servers[n] = spawn(c.T, nil, append([]string{"--listen", "127.0.0.1:0", "--data", c.folders[n]}, c.args...)...)
}

func (c *cluster) ready(n int) *running {
	c.Helper()
	r := c.servers[n].running(c.T, c.folders[n])
	c.urls[n].Store(&r.url)
	return r
}

// kill ends a server as a loss of its machine does.
func (c *cluster) kill(n int) {
	c.Helper()
	c.urls[n].Store(nil)
	require.NoError(c, c.servers[n].Process.Kill())
	<-c.servers[n].ended
}

// person is somebody with a space, and how a program acts for them.
type person struct{ login, secret, token string }

func (c *cluster) newPerson() *person {
	c.Helper()
	out, err := command(c.T, c.folders[1], "admin", "create-vault", "--consent")
	require.NoError(c, err)
	m := newSpace.FindStringSubmatch(out)
	require.NotNil(c, m, out)
	return &person{login: m[1], secret: m[2]}
}

func (c *cluster) signIn(p *person, server int) {
	c.Helper()
	body, err := json.Marshal(map[string]string{"login": p.login, "password": p.secret})
	require.NoError(c, err)
	answer, text, err := c.ask(&person{}, server, http.MethodPost, "/sessions", bytes.NewReader(body), http.Header{"Content-Type": {"application/json"}})
	require.NoError(c, err)
	require.Equal(c, http.StatusCreated, answer.StatusCode, text)
	var session struct{ Token string }
	require.NoError(c, json.Unmarshal([]byte(text), &session))
	p.token = session.Token
}

// client keeps no connection: a server that was killed is met as such.
var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16, ForceAttemptHTTP2: false}}

// ask sends a request to a server's API; the error says that there was no answer.
func (c *cluster) ask(p *person, server int, method, path string, body io.Reader, header http.Header) (*http.Response, string, error) {
	c.Helper()
	at := c.urls[server].Load()
	if at == nil {
		return nil, "", fmt.Errorf("server %d is away", server)
	}
	r, err := http.NewRequest(method, *at+"/api/v1"+path, body) //nolint:noctx // bounded by the client
	require.NoError(c, err)
	for name, values := range header {
		r.Header[name] = values
	}
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer, string(text), err
}

// upload returns the status and the id of the new document.
func (c *cluster) upload(p *person, server int, name string, content []byte) (status int, id string, err error) {
	c.Helper()
	answer, text, err := c.ask(p, server, http.MethodPost, "/documents", bytes.NewReader(content),
		http.Header{"Document-Name": {url.PathEscape(name)}, "Content-Type": {"application/pdf"}})
	if err != nil {
		return 0, "", err
	}
	var item struct{ ID string }
	if answer.StatusCode == http.StatusCreated {
		require.NoError(c, json.Unmarshal([]byte(text), &item))
	}
	return answer.StatusCode, item.ID, nil
}

func (c *cluster) read(p *person, server int, path string) string {
	c.Helper()
	answer, text, err := c.ask(p, server, http.MethodGet, path, nil, nil)
	require.NoError(c, err)
	require.Equal(c, http.StatusOK, answer.StatusCode, text)
	return text
}

// listed is a document of a list.
type listed struct {
	ID, Name string
	Document struct{ Sha256 string }
}

// documents lists all of them.
func (c *cluster) documents(p *person, server int) (all []listed, err error) {
	c.Helper()
	for next := ""; ; {
		answer, text, err := c.ask(p, server, http.MethodGet, "/items?kind=document&limit=1000&after="+next, nil, nil)
		if err != nil {
			return nil, err
		}
		if answer.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("status %d: %s", answer.StatusCode, text)
		}
		var page struct {
			Items []listed
			Next  string
		}
		require.NoError(c, json.Unmarshal([]byte(text), &page))
		all = append(all, page.Items...)
		if next = page.Next; next == "" {
			return all, nil
		}
	}
}

// open opens the stores beside the servers, as another process would.
func (c *cluster) open() (*engines.Engines, *config.Config) {
	c.Helper()
	testkeys.UseCheapKDF()
	settings, err := config.Parse(append([]string{"--data", filepath.Join(shortDir(c.T), "third")}, c.args...), io.Discard)
	require.NoError(c, err)
	e, err := engines.Open(c.Context(), settings)
	require.NoError(c, err)
	c.Cleanup(func() { require.NoError(c, e.Close()) })
	return e, settings
}

// in is the same cluster for a test within the test.
func (c *cluster) in(t *testing.T) *cluster {
	t.Helper()
	inner := *c
	inner.T = t
	return &inner
}

// exact holds the ledger of a person against what their records name, and
// against what a new ledger would say. It returns the bytes that are kept.
func (c *cluster) exact(e *engines.Engines, p *person) (sum int64) {
	c.Helper()
	v, err := e.Unlock(c.Context(), vault.Password{Login: p.login, Secret: p.secret})
	require.NoError(c, err)
	defer v.Close()
	owner := v.ID().String()
	for rec, err := range e.Records.All(c.Context(), owner+"/i/") {
		require.NoError(c, err)
		sum += int64(len(rec.Value))
		for _, part := range vault.StoredParts(rec) {
			sum += part.Length
		}
	}
	before, err := v.Space(c.Context())
	require.NoError(c, err)
	require.Equal(c, sum, before.Used, "the ledger says how much is stored")
	require.NoError(c, e.Records.Transact(c.Context(), func(tx *storage.Tx) error { return e.Quota.Rebuild(tx, owner, sum) }))
	after, err := v.Space(c.Context())
	require.NoError(c, err)
	require.Equal(c, before.Usage, after.Usage, "and what is set aside")
	return sum
}
