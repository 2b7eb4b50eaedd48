package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/rpc"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"reconnect.example/storage"
)

// SocketName is the private socket in the data folder.
const SocketName = "admin.sock"

// longestSocket is what every system takes as the path of a socket, in bytes.
const longestSocket = 100

// Door is the private socket of a running server.
type Door struct {
	listener net.Listener
	calls    *rpc.Server
	owned    sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]bool // nil: closed
}

// Listen opens the socket, for this user alone, and serves the methods of a
// service on it (net/rpc). A socket that answers is another server's: one that
// does not is left from a server that was killed. storage.ErrInUse says that two
// servers were given one data folder.
func Listen(folder string, service any) (*Door, error) {
	path := filepath.Join(folder, SocketName)
	if len(path) > longestSocket {
		return nil, fmt.Errorf("the path of the data folder is too long for a private socket in it: %d bytes, at most %d; "+
			"choose a shorter one with --data", len(folder), longestSocket-len(SocketName)-1)
	}
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("data folder %s: %w", folder, storage.ErrInUse)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("private socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("private socket: %w", err)
	}
	// The folder has mode 0700 already; this holds if somebody opens it up.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("private socket: %w", err), listener.Close())
	}
	d := &Door{listener: listener, calls: rpc.NewServer(), open: map[net.Conn]bool{}}
	if err := d.calls.Register(service); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	d.owned.Go(d.accept)
	return d, nil
}

func (d *Door) accept() {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return // closed
		}
		if !samePerson(conn) || !d.keep(conn) {
			_ = conn.Close()
			continue
		}
		d.owned.Go(func() {
			defer d.forget(conn)
			d.calls.ServeConn(conn)
		})
	}
}

func (d *Door) keep(conn net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == nil {
		return false
	}
	d.open[conn] = true
	return true
}

func (d *Door) forget(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.open, conn)
}

// Close ends the socket and waits for its goroutines.
func (d *Door) Close() {
	_ = d.listener.Close() // removes the file
	d.mu.Lock()
	for conn := range d.open {
		_ = conn.Close()
	}
	d.open = nil
	d.mu.Unlock()
	d.owned.Wait()
}

// Open makes the service of a socket when no server runs. The function that
// comes with it closes everything.
type Open func(context.Context) (service any, closeAll func() error, err error)

// ErrNotRunning: there is no running server to be reached.
var ErrNotRunning = errors.New("no server runs on this data folder")

// OnlyRunning is an Open for who wants to reach a running server, and none else.
func OnlyRunning(context.Context) (service any, closeAll func() error, err error) {
	return nil, nil, ErrNotRunning
}

// Reach calls the running server or, if none runs, opens its service itself: the
// same calls either way.
func Reach(ctx context.Context, folder string, open Open) (*rpc.Client, func() error, error) {
	conn, err := net.Dial("unix", filepath.Join(folder, SocketName))
	if err == nil {
		client := rpc.NewClient(conn)
		return client, client.Close, nil
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
		return nil, nil, fmt.Errorf("the running server does not let this user in: %w", err)
	}
	service, closeAll, err := open(ctx)
	if err != nil {
		return nil, nil, err
	}
	near, far := net.Pipe()
	calls := rpc.NewServer()
	if err := calls.Register(service); err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	var serving sync.WaitGroup
	serving.Go(func() { calls.ServeConn(far) })
	client := rpc.NewClient(near)
	return client, func() error {
		err := client.Close()
		serving.Wait()
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return errors.Join(err, closeAll())
	}, nil
}
