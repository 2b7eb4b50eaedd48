package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// builtServer makes a folder for one measurement with the server in it, and what removes it.
func builtServer(ctx context.Context, o options) (dir, binary string, remove func(), err error) {
	if dir, remove, err = tempFolder(o); err != nil {
		return "", "", nil, err
	}
	if binary, err = buildServer(ctx, dir); err != nil {
		remove()
		return "", "", nil, err
	}
	return dir, binary, remove, nil
}

// buildServer builds the reference server as it is delivered.
func buildServer(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "refserver")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "reconnect.example/refserver").CombinedOutput() //nolint:gosec // our own program
	if err != nil {
		return "", fmt.Errorf("building the server (run this within the module): %w\n%s", err, out)
	}
	return binary, nil
}

// server is a process of its own that listens on a free port of this machine.
type server struct {
	url    string
	cmd    *exec.Cmd
	client *http.Client
}

var openAt = regexp.MustCompile(`http://[^/\s]+:([0-9]+)`)

// startServer starts a program and returns as soon as it has said where it listens.
func startServer(ctx context.Context, cmd *exec.Cmd) (*server, error) {
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if at := openAt.FindStringSubmatch(lines.Text()); at != nil {
			s.url = "http://127.0.0.1:" + at[1]
			go func() { _, _ = io.Copy(io.Discard, out) }() // until the process ends, which stop waits for
			return s, ctx.Err()
		}
	}
	return nil, errors.Join(fmt.Errorf("the server did not start: %s", &complaint), cmd.Process.Kill(), cmd.Wait())
}

// stop ends the server as an operator does, and waits for it.
func (s *server) stop() error {
	s.client.CloseIdleConnections()
	return errors.Join(s.cmd.Process.Signal(os.Interrupt), s.cmd.Wait())
}

// kill ends the server as a loss of power does, and waits for it.
func (s *server) kill() error {
	s.client.CloseIdleConnections()
	return errors.Join(s.cmd.Process.Kill(), ended(s.cmd))
}

// ended waits for a server that was killed.
func ended(cmd *exec.Cmd) error {
	if err := cmd.Wait(); cmd.ProcessState == nil {
		return err
	}
	return nil
}

// serve starts the reference server on a data folder, with limits that nobody
// meets who measures.
func serve(ctx context.Context, binary, folder string, more ...string) (*server, error) {
	args := append([]string{
		"--data", folder, "--listen", "127.0.0.1:0", "--log-level", "error", "--quota", "1000000000000",
		"--requests-per-second", "1000000", "--sign-ins-per-minute", "1000000",
	}, more...)
	return startServer(ctx, exec.CommandContext(ctx, binary, args...)) //nolint:gosec // our own program
}

var newSpace = regexp.MustCompile(`(?s)Login +([0-9 ]+)\n +Password +([a-z ]+)\n`)

// createVault makes a person as the operator does, and returns how to sign in.
func createVault(ctx context.Context, binary, folder string) (login, secret string, err error) {
	out, err := exec.CommandContext(ctx, binary, "--data", folder, "admin", "create-vault", "--consent").CombinedOutput() //nolint:gosec // our own program
	if err != nil {
		return "", "", fmt.Errorf("creating a person: %w: %s", err, out)
	}
	found := newSpace.FindSubmatch(out)
	if found == nil {
		return "", "", errors.New("creating a person: no login was printed")
	}
	return strings.TrimSpace(string(found[1])), strings.TrimSpace(string(found[2])), nil
}

// caller is a program that a person or a worker has signed in with.
type caller struct {
	server *server
	token  string
	id     string // of their own space
}

// Where programs sign in.
const (
	personSessions = "/api/v1/sessions"
	workerSessions = "/api/v1/staff/sessions"
)

func (s *server) signIn(ctx context.Context, login, secret string) (*caller, error) {
	return s.signInAt(ctx, personSessions, login, secret)
}

func (s *server) signInAt(ctx context.Context, sessions, login, secret string) (*caller, error) {
	c := &caller{server: s}
	var answer struct{ Token, ID string }
	body, err := json.Marshal(map[string]string{"login": login, "password": secret, "device": "bench"})
	if err != nil {
		return nil, err
	}
	err = c.call(ctx, http.MethodPost, sessions, "application/json", body, func(r io.Reader) error {
		return json.NewDecoder(r).Decode(&answer)
	})
	c.token, c.id = answer.Token, answer.ID
	return c, err
}

// call sends a request and gives the answer to read, which must be a success.
func (c *caller) call(ctx context.Context, method, path, mediaType string, body []byte, read func(io.Reader) error) error {
	r, err := http.NewRequestWithContext(ctx, method, c.server.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("Document-Name", "Scan")
	r.Header.Set("Document-Compartment", "shared")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.server.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		text, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	return errors.Join(read(answer.Body), drain(answer.Body))
}

// drain reads to the end, so that the connection can be used again.
func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
