package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
)

// cutter is the network between two operators: it breaks every so many bytes, in the
// middle of whatever is on its way.
type cutter struct {
	*testing.T
	at   string // of the new server, as the old one reaches it
	to   atomic.Pointer[string]
	mu   sync.Mutex
	came int64
	cuts []int64     // after how many bytes in all the connection breaks
	then func(n int) // what happens besides at the nth cut; nil: nothing
	n    int
}

func newCutter(t *testing.T, cuts ...int64) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cutter{T: t, at: fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port), cuts: cuts}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.carry(conn.(*net.TCPConn))
		}
	}()
	return c
}

func (c *cutter) carry(from *net.TCPConn) {
	defer from.Close()
	at := c.to.Load()
	if at == nil {
		return
	}
	to, err := net.Dial("tcp", *at)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(from, to)
		_ = from.Close()
	}()
	piece := make([]byte, 8<<10)
	for {
		n, err := from.Read(piece)
		if n > 0 {
			if c.breaks(int64(n)) {
				_ = from.SetLinger(0)
				return
			}
			if _, err := to.Write(piece[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (c *cutter) breaks(n int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.came += n
	if c.n == len(c.cuts) || c.came < c.cuts[c.n] {
		return false
	}
	c.n++
	if c.then != nil {
		c.then(c.n)
	}
	return true
}

func (c *cutter) broke() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// operators are the old one, on one machine with SQLite, and the new one, over PostgreSQL.
type operators struct {
	*cluster
	each [2][]string // flags
	net  *cutter
}

const old, fresh = 0, 1

func twoOperators(t *testing.T, cuts ...int64) *operators {
	t.Helper()
	folder := shortDir(t)
	o := &operators{cluster: &cluster{T: t, servers: make([]*process, 2), urls: make([]atomic.Pointer[string], 2)}, net: newCutter(t, cuts...)}
	o.folders = []string{filepath.Join(folder, "old"), filepath.Join(folder, "fresh")}
	flags, _ := aWitness(t, folder)
	o.each[old] = []string{"--address", "http://localhost:8000", "--move-private"}
	o.each[fresh] = append(flags, "--records", testservices.Postgres(t), "--alone", "--address", o.net.at)
	for n := range o.each {
		o.starts(n)
	}
	return o
}

func (o *operators) starts(n int) {
	o.Helper()
	o.servers[n] = spawn(o.T, nil, append([]string{"--listen", "127.0.0.1:0", "--data", o.folders[n], "--sweep-every", "1s", "--requests-per-second", "10000"}, o.each[n]...)...)
	at := o.ready(n).url[len("http://"):]
	if n == fresh {
		o.net.to.Store(&at)
	}
}

func (o *operators) person(n int) *person {
	o.Helper()
	out, err := command(o.T, o.folders[n], "admin", "create-vault", "--consent")
	require.NoError(o, err)
	m := newSpace.FindStringSubmatch(out)
	require.NotNil(o, m, out)
	p := &person{login: m[1], secret: m[2]}
	o.signIn(p, n)
	return p
}

// does sends JSON, and reads the answer of a status into what is given.
func (o *operators) does(p *person, n int, method, path string, body any, status int, into any) {
	o.Helper()
	raw, err := json.Marshal(body)
	require.NoError(o, err)
	answer, text, err := o.ask(p, n, method, path, bytes.NewReader(raw), http.Header{"Content-Type": {"application/json"}})
	require.NoError(o, err)
	require.Equal(o, status, answer.StatusCode, "%s %s: %s", method, path, text)
	if into != nil {
		require.NoError(o, json.Unmarshal([]byte(text), into))
	}
}

// papers are the digests of what a person has, by name: what is said of them, and what
// the bytes have when they are read.
func (o *operators) papers(p *person, n int) map[string]string {
	o.Helper()
	all, err := o.documents(p, n)
	require.NoError(o, err)
	out := map[string]string{}
	for _, one := range all {
		out[one.Name] = one.Document.Sha256
		require.Equal(o, one.Document.Sha256, fmt.Sprintf("%x", sha256.Sum256([]byte(o.read(p, n, "/documents/"+one.ID+"/content")))), one.Name)
	}
	return out
}

type moveReceipt struct{ From, To, Digest, Signed string }

// leaves is the story up to where everything is at the new server.
func (o *operators) leaves(there *person, here *person, again func()) {
	o.Helper()
	var code struct{ Code string }
	o.does(there, fresh, "POST", "/arrival", map[string]any{}, 201, &code)
	o.does(here, old, "POST", "/departure", map[string]any{"code": code.Code}, 201, nil)
	for tries := 0; ; tries++ {
		require.Less(o, tries, 40, "it comes to an end")
		answer, text, err := o.ask(here, old, "POST", "/departure/send", nil, nil)
		if err == nil && answer.StatusCode == http.StatusOK {
			var left struct{ Left int64 }
			require.NoError(o, json.Unmarshal([]byte(text), &left))
			if left.Left == 0 {
				return
			}
		}
		if err == nil && answer.StatusCode >= 400 {
			require.Contains(o, text, "/move-away", "what the person is told of a network that broke")
		}
		again()
	}
}

func (o *operators) takesIn(there, here *person, secret string) {
	o.Helper()
	var receipt moveReceipt
	o.does(there, fresh, "POST", "/arrival/import", map[string]any{}, 200, &receipt)
	require.Equal(o, o.net.at, receipt.To)
	var said struct {
		Confirmed bool
		Receipt   moveReceipt
	}
	o.does(here, old, "POST", "/departure/confirm", nil, 200, &said)
	require.True(o, said.Confirmed)
	require.Equal(o, receipt, said.Receipt, "both sides keep the same")
	var kept struct{ Receipt moveReceipt }
	o.does(here, old, "GET", "/departure", nil, 200, &kept)
	require.Equal(o, receipt, kept.Receipt)
	o.does(there, fresh, "GET", "/arrival", nil, 200, &kept)
	require.Equal(o, receipt, kept.Receipt)
	was := o.papers(here, old)
	require.NotEmpty(o, was)
	require.Equal(o, was, o.papers(there, fresh), "every paper is there to the byte")
	o.does(here, old, "POST", "/notes", map[string]any{"name": "n", "note": map[string]any{"text": "x"}}, 201, nil) // nothing was closed
	o.does(here, old, "POST", "/account/close", map[string]any{"password": secret}, 200, nil)
	o.does(here, old, "POST", "/notes", map[string]any{"name": "n", "note": map[string]any{"text": "x"}}, 409, nil) // on the word
}

// aLotOfPapers uploads what takes several parts.
func (o *operators) aLotOfPapers(p *person, n, most int) {
	o.Helper()
	for i := range n {
		status, _, err := o.upload(p, old, fmt.Sprintf("Papier %d", i), pdf(1000+i*most/n))
		require.NoError(o, err)
		require.Equal(o, http.StatusCreated, status)
	}
}

// From a centre with one machine to an operator over PostgreSQL, through a network that
// breaks in the middle, again and again.
func TestAPersonMovesBetweenTwoServersThroughANetworkThatBreaks(t *testing.T) {
	t.Parallel()
	o := twoOperators(t, 300_000, 900_000, 1_500_000, 2_900_000)
	here, there := o.person(old), o.person(fresh)
	o.aLotOfPapers(here, 5, 2_000_000)
	o.leaves(there, here, func() {})
	require.Equal(t, 4, o.net.broke())
	o.takesIn(there, here, here.secret)
}

// Either server may die in the middle, at any byte: what was acknowledged is there when it
// is started again.
func TestAMoveOutlivesTheDeathOfEitherServer(t *testing.T) {
	t.Parallel()
	o := twoOperators(t, 700_000, 2_200_000)
	here, there := o.person(old), o.person(fresh)
	o.aLotOfPapers(here, 4, 2_000_000)
	died := make(chan int, 2)
	o.net.then = func(n int) {
		_ = o.servers[n-1].Process.Kill() // the old one first
		died <- n - 1
	}
	o.leaves(there, here, func() {
		select {
		case n := <-died:
			<-o.servers[n].ended
			o.starts(n)
		default:
		}
	})
	require.Equal(t, 2, o.net.broke())
	require.Empty(t, died)
	o.takesIn(there, here, here.secret)
}
