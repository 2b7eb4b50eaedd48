package testservices

import (
	"bytes"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// PostgresProxy stands between a client and a database and cuts connections.
type PostgresProxy struct {
	server string // its socket
	url    string
	listen net.Listener
	pumps  sync.WaitGroup

	mu    sync.Mutex
	open  map[net.Conn]bool
	armed *cutting
}

// socketName is that of the server's socket in its folder.
const socketName = ".s.PGSQL.5432"

// All stands for all bytes of a message.
const All = -1

// AtOnce cuts a connection as soon as the request has been passed on, so that
// the server may or may not have done it when the client looks.
const AtOnce = -2

// Cut is the moment at which a connection breaks: after so many bytes of a
// request have reached the server or, if these are All, after so many bytes of
// its answer have reached the client. With Answered 0 the server has answered
// and the client hears nothing of it.
type Cut struct{ Sent, Answered int }

// cutting is a cut on its way.
type cutting struct {
	Cut
	marker []byte
	on     *link // once a message with the marker came by
	sent   int
	heard  int
	done   bool
}

// link is one connection of a client with that to the server.
type link struct {
	client, server net.Conn
	cut            bool // nothing passes any more
}

func (l *link) close() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// NewPostgresProxy stands before the database of a URL until the test ends.
func NewPostgresProxy(t testing.TB, databaseURL string) *PostgresProxy {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	query := u.Query()
	folder, err := os.MkdirTemp("", "reconnect-proxy") // not t.TempDir(), which is too long for a socket
	require.NoError(t, err)
	p := &PostgresProxy{server: filepath.Join(query.Get("host"), socketName), open: map[net.Conn]bool{}}
	p.listen, err = net.Listen("unix", filepath.Join(folder, socketName))
	require.NoError(t, err)
	query.Set("host", folder)
	u.RawQuery = query.Encode()
	p.url = u.String()
	p.pumps.Go(p.accept)
	t.Cleanup(func() {
		_ = p.listen.Close()
		p.CutAll()
		p.pumps.Wait()
		require.NoError(t, os.RemoveAll(folder))
	})
	return p
}

// URL is that of the database through the proxy.
func (p *PostgresProxy) URL() string { return p.url }

// CutNext cuts the connection over which the next message with these bytes in
// it goes to the server.
func (p *PostgresProxy) CutNext(marker string, c Cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = &cutting{Cut: c, marker: []byte(marker)}
}

// WasCut says whether the last CutNext cut a connection, and takes it back if
// it did not: request and answer were shorter than it waited for.
func (p *PostgresProxy) WasCut() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := p.armed != nil && p.armed.done
	p.armed = nil
	return done
}

// CutAll cuts all connections that are open.
func (p *PostgresProxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		_ = conn.Close()
	}
}

func (p *PostgresProxy) accept() {
	for {
		client, err := p.listen.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{client: client, server: server}
		p.mu.Lock()
		p.open[client], p.open[server] = true, true
		p.mu.Unlock()
		p.pumps.Go(func() { p.pump(l, client, server, p.request) })
		p.pumps.Go(func() { p.pump(l, server, client, p.answer) })
	}
}

// pump passes on what a side says, or only the beginning of it and then cuts.
func (p *PostgresProxy) pump(l *link, from, to net.Conn, limit func(l *link, message []byte) (pass int, cut bool)) {
	defer func() {
		l.close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, from)
	}()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		pass, cut := limit(l, buffer[:n])
		if _, failed := to.Write(buffer[:pass]); failed != nil || err != nil || cut {
			return
		}
	}
}

// request returns how much of what a client says still reaches the server.
func (p *PostgresProxy) request(l *link, message []byte) (pass int, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.armed
	switch {
	case l.cut:
		return 0, true
	case a == nil || a.done:
		return len(message), false
	case a.on == nil && bytes.Contains(message, a.marker):
		a.on = l
	}
	if a.on != l {
		return len(message), false
	}
	a.sent += len(message)
	switch {
	case a.Sent != All && a.sent > a.Sent:
		a.done, l.cut = true, true
		return len(message) - (a.sent - a.Sent), true
	case a.Sent == All && a.Answered == AtOnce:
		a.done, l.cut = true, true
		return len(message), true
	}
	return len(message), false
}

// answer returns how much of what the server says still reaches a client.
func (p *PostgresProxy) answer(l *link, message []byte) (pass int, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.armed
	switch {
	case l.cut:
		return 0, true
	case a == nil || a.done || a.on != l || a.Sent != All || a.Answered < 0:
		return len(message), false
	}
	a.heard += len(message)
	if a.heard > a.Answered {
		a.done, l.cut = true, true
		return len(message) - (a.heard - a.Answered), true
	}
	return len(message), false
}
