package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkeys"
	"reconnect.example/refserver/preview"
	"reconnect.example/refserver/printing"
)

// The variables that make this test binary be a server, which can then be
// killed, run as another user, or run out of disk, as no goroutine can.
const (
	beServer  = "REFSERVER_TEST_ARGS"  // arguments, one a line
	fileLimit = "REFSERVER_TEST_FSIZE" // largest file in bytes, once the server runs: a full disk
)

func TestMain(m *testing.M) {
	if args, ok := os.LookupEnv(beServer); ok {
		os.Exit(child(strings.Split(args, "\n")))
	}
	if len(os.Args) == 2 && os.Args[1] == preview.Argument {
		os.Exit(preview.Child(os.Stdin, os.Stdout))
	}
	if len(os.Args) == 2 && os.Args[1] == printing.Argument {
		os.Exit(printing.Child(os.Stdin, os.Stdout))
	}
	if len(os.Args) > 1 && os.Args[1] == "witness" { // as --demo-witness starts it
		os.Exit(child(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// child is main with cheap passwords.
func child(args []string) int {
	testkeys.UseCheapKDF()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var out io.Writer = os.Stdout
	if limit, err := strconv.ParseUint(os.Getenv(fileLimit), 10, 64); err == nil {
		signal.Ignore(syscall.SIGXFSZ) // the write fails with EFBIG instead
		out = &limiting{to: out, limit: limit}
	}
	if err := run(ctx, args, out, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "refserver:", inPlainWords(err))
		return 1
	}
	return 0
}

// limiting makes the disk full when the server has said that it runs.
type limiting struct {
	to    io.Writer
	limit uint64
}

func (l *limiting) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("Stop with Ctrl-C")) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: l.limit, Max: l.limit}); err != nil {
			return 0, err
		}
	}
	return l.to.Write(p)
}

// process is a server of its own.
type process struct {
	*exec.Cmd
	out, logs *output
	ended     chan struct{}
	err       error // of Wait, once ended
}

func spawn(t *testing.T, change func(*exec.Cmd), args ...string) *process {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	p := &process{Cmd: exec.Command(binary), out: &output{}, logs: &output{}, ended: make(chan struct{})} //nolint:gosec // this test
	p.Env = append(os.Environ(), beServer+"="+strings.Join(args, "\n"))
	p.Stdout, p.Stderr = p.out, p.logs
	if change != nil {
		change(p.Cmd)
	}
	require.NoError(t, p.Start())
	go func() {
		defer close(p.ended)
		p.err = p.Wait()
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.ended
	})
	return p
}

// running waits until it serves, and returns how to reach it.
func (p *process) running(t *testing.T, folder string) *running {
	t.Helper()
	require.Eventually(t, func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return strings.Contains(p.out.String(), "Stop with Ctrl-C")
		}
	}, time.Minute, 10*time.Millisecond)
	text := p.out.String()
	require.Contains(t, text, "Stop with Ctrl-C", p.logs.String())
	return &running{folder: folder, url: found(printedURL, text), login: found(printedLogin, text), secret: found(printedSecret, text), logs: p.logs}
}

// wait waits for the end of the process and returns its exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		require.Fail(t, "the process does not end", p.logs.String())
	}
	return p.ProcessState.ExitCode()
}

func serving(folder string, more ...string) []string {
	return append([]string{"--listen", "127.0.0.1:0", "--data", folder}, more...)
}

// asNobody makes a process run as another user, who can execute the test but
// owns nothing.
func asNobody(t *testing.T) func(*exec.Cmd) {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("RECONNECT_TEST_ALL") == "1" {
			require.Fail(t, "only root can run a process as another user")
		}
		t.Skip("only root can run a process as another user")
	}
	place := shortDir(t)
	require.NoError(t, os.Chmod(place, 0o755)) //nolint:gosec // the other user runs it
	copied := filepath.Join(place, "refserver.test")
	binary, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(copied, binary, 0o755)) //nolint:gosec // likewise
	return func(c *exec.Cmd) {
		c.Path, c.Args, c.Dir = copied, []string{copied}, "/"
		c.Env = append(c.Env, "HOME=/nonexistent")
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}
