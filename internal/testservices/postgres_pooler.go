package testservices

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Messages of PostgreSQL after the first are a letter, a length that counts
// itself, and a body: https://www.postgresql.org/docs/current/protocol-message-formats.html
const (
	messageQuery     = 'Q'
	messageSync      = 'S'
	messageTerminate = 'X'
	messageReady     = 'Z' // its body is the state of the session
	sessionIdle      = 'I'
	cancelRequest    = 80877102
)

// PostgresPooler stands before the database of a URL until the test ends, and
// returns the URL of the database through it. Like a pooler in transaction mode
// it gives every transaction of a client another session than the one before.
func PostgresPooler(t testing.TB, databaseURL string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(t, err)
	query := u.Query()
	p := &pooler{server: filepath.Join(query.Get("host"), socketName), open: map[net.Conn]bool{}}
	folder, err := os.MkdirTemp("", "reconnect-pooler")
	require.NoError(t, err)
	listen, err := net.Listen("unix", filepath.Join(folder, socketName))
	require.NoError(t, err)
	p.clients.Go(func() {
		for {
			client, err := listen.Accept()
			if err != nil {
				return
			}
			p.clients.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = listen.Close()
		p.closeAll()
		p.clients.Wait()
		require.NoError(t, os.RemoveAll(folder))
	})
	query.Set("host", folder)
	u.RawQuery = query.Encode()
	return u.String()
}

type pooler struct {
	server  string // its socket
	clients sync.WaitGroup

	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
}

// keep notes a connection, to be closed with the pooler or with its client.
func (p *pooler) keep(conn net.Conn) (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[conn] = true
	if p.closed {
		_ = conn.Close()
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, conn)
		_ = conn.Close()
	}
}

func (p *pooler) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for conn := range p.open {
		_ = conn.Close()
	}
}

// serve lets one client take turns on two sessions, until something ends.
func (p *pooler) serve(client net.Conn) {
	defer p.keep(client)()
	first := make([]byte, 4)
	startup, err := readBody(client, first)
	if err != nil {
		return
	}
	var sessions [2]net.Conn
	for i := range sessions {
		if sessions[i], err = net.Dial("unix", p.server); err != nil {
			return
		}
		defer p.keep(sessions[i])()
		if _, err := sessions[i].Write(startup); err != nil {
			return
		}
		if len(startup) >= 8 && binary.BigEndian.Uint32(startup[4:]) == cancelRequest {
			return
		}
		to := io.Writer(client)
		if i > 0 {
			to = io.Discard // the client has been greeted
		}
		if _, err := answers(to, sessions[i]); err != nil {
			return
		}
	}
	for turn := 0; ; {
		kind, message, err := readMessage(client)
		if err != nil || kind == messageTerminate {
			return
		}
		session := sessions[turn%len(sessions)]
		if _, err := session.Write(message); err != nil {
			return
		}
		if kind != messageQuery && kind != messageSync {
			continue
		}
		state, err := answers(client, session)
		if err != nil {
			return
		}
		if state == sessionIdle { // the transaction is over
			turn++
		}
	}
}

// answers passes on what a session says until it is ready for the next query,
// and returns its state.
func answers(to io.Writer, session io.Reader) (state byte, err error) {
	for {
		kind, message, err := readMessage(session)
		if err != nil {
			return 0, err
		}
		if _, err := to.Write(message); err != nil {
			return 0, err
		}
		if kind == messageReady {
			return message[len(message)-1], nil
		}
	}
}

func readMessage(from io.Reader) (kind byte, message []byte, err error) {
	head := make([]byte, 5)
	message, err = readBody(from, head)
	return head[0], message, err
}

// readBody fills head, whose last four bytes are a length that counts itself, and
// returns it with what follows.
func readBody(from io.Reader, head []byte) ([]byte, error) {
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[len(head)-4:])
	if length < 4 || length > 1<<30 {
		return nil, errors.New("this is no message of PostgreSQL")
	}
	message := append(head, make([]byte, length-4)...)
	_, err := io.ReadFull(from, message[len(head):])
	return message, err
}
