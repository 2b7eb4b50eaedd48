package testservices

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// MinIO returns the "s3://" URL of a new bucket on a real S3 server. All tests
// of the process that run at the same time share one server in a folder of its
// own; both are gone when the last of them ends. The program is looked for in
// reconnect-ci/minio below the user's folder for caches; without it the test is
// skipped, but fails where RECONNECT_TEST_ALL=1 says that every test must run.
func MinIO(t testing.TB) string {
	t.Helper()
	program := minioProgram(t)
	sharedMinIO.Lock()
	defer sharedMinIO.Unlock()
	if sharedMinIO.users == 0 {
		sharedMinIO.server = newMinIOServer(t, program)
	}
	sharedMinIO.users++
	t.Cleanup(func() {
		sharedMinIO.Lock()
		defer sharedMinIO.Unlock()
		if sharedMinIO.users--; sharedMinIO.users == 0 {
			sharedMinIO.server.remove()
		}
	})
	return sharedMinIO.server.Bucket(t)
}

var sharedMinIO struct {
	sync.Mutex
	server *MinIOServer
	users  int
}

// MinIOServer is a MinIO process of one test, which may kill it.
type MinIOServer struct {
	program string
	folder  string
	address string
	running *minioProcess
	broom   *exec.Cmd // removes the folder when this process has ended or says so
	handle  io.Closer // of the broom
	mu      sync.Mutex
	buckets int
}

// StartMinIO starts a server for this test alone; see [MinIO] for where the
// program comes from.
func StartMinIO(t testing.TB) *MinIOServer {
	t.Helper()
	s := newMinIOServer(t, minioProgram(t))
	t.Cleanup(s.remove)
	return s
}

// Bucket returns the URL of a new bucket.
func (s *MinIOServer) Bucket(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	s.buckets++
	name := fmt.Sprintf("vault-%d", s.buckets)
	s.mu.Unlock()
	return newBucket(t, "http://"+s.address, name)
}

// Folder is where the server keeps its buckets, each in a folder of its name.
func (s *MinIOServer) Folder() string { return s.folder }

// Kill ends the server with SIGKILL.
func (s *MinIOServer) Kill() {
	if s.running != nil {
		s.running.kill()
		s.running = nil
	}
}

// Restart starts it again at the same address, with what it had kept, and
// returns when it serves.
func (s *MinIOServer) Restart(t testing.TB) {
	t.Helper()
	s.Kill()
	running, err := startMinIO(s.program, s.folder, s.address)
	require.NoError(t, err)
	s.running = running
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		answer, err := http.Get("http://" + s.address + "/minio/health/cluster")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				tick.Stop()
				return
			}
		}
		require.False(t, running.ended(), "MinIO ended: %s", &running.said)
		require.True(t, time.Now().Before(deadline), "MinIO does not serve: %s", &running.said)
	}
}

func newMinIOServer(t testing.TB, program string) *MinIOServer {
	t.Helper()
	setS3Credentials()
	folder, err := os.MkdirTemp("", "minio-")
	require.NoError(t, err)
	s := &MinIOServer{program: program, folder: folder, address: freeAddress(t)}
	s.broom = exec.CommandContext(context.Background(), "sh", "-c", sweep, "sh", folder)
	s.handle, err = s.broom.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, s.broom.Start())
	s.Restart(t)
	return s
}

// sweep waits for its pipe to break. A server that is being killed with us may
// still write for a moment.
const sweep = `trap "" INT TERM HUP; cat >/dev/null; rm -rf "$1"; while [ -e "$1" ]; do sleep 0.1; rm -rf "$1"; done`

func (s *MinIOServer) remove() {
	s.Kill()
	_ = s.handle.Close()
	_ = s.broom.Wait()
}

// minioProcess is a running server and the goroutine that owns it.
type minioProcess struct {
	command *exec.Cmd
	said    bytes.Buffer // to be read once ended, or in despair
	done    chan struct{}
}

func startMinIO(program, folder, address string) (*minioProcess, error) {
	p := &minioProcess{done: make(chan struct{})}
	p.command = exec.CommandContext(context.Background(), program, "server", "--quiet", "--address", address, "--console-address", "127.0.0.1:0", folder)
	p.command.Env = append(os.Environ(), "MINIO_ROOT_USER="+s3User, "MINIO_ROOT_PASSWORD="+s3Password,
		"MINIO_BROWSER=off", "MINIO_UPDATE=off", "HOME="+folder, "CI=true")
	p.command.Stdout, p.command.Stderr = &p.said, &p.said
	// The kernel kills it with us, also when we are killed.
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// Pdeathsig follows the thread that started it and not the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := p.command.Start()
		started <- err
		if err == nil {
			_ = p.command.Wait()
		}
	}()
	return p, <-started
}

func (p *minioProcess) kill() {
	_ = p.command.Process.Kill()
	<-p.done
}

func (p *minioProcess) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// minioProgram skips or fails the test if the program is not there.
func minioProgram(t testing.TB) string {
	t.Helper()
	caches, err := os.UserCacheDir()
	program := filepath.Join(caches, "reconnect-ci", "minio")
	if err == nil {
		_, err = exec.LookPath(program)
	}
	if err != nil {
		needs(t, "MinIO: "+err.Error())
	}
	return program
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
