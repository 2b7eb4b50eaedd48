package testservices

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// watchdog is a shell that started a server and ends it: when it is told to, or
// when its standard input ends because this process did.
type watchdog struct {
	mu      sync.Mutex
	process *exec.Cmd
	tell    io.WriteCloser
	answers *bufio.Reader
}

// startWatchdog runs a script in a session of its own, where no signal that is
// meant for the tests reaches it, and returns the folder that it says it is at.
func startWatchdog(script string, arguments ...string) (w *watchdog, folder string, err error) {
	// Nothing of it may keep a standard output or error of the tests open, which
	// "go test" waits for.
	process := exec.Command("/bin/sh", append([]string{"-c", script, "sh"}, arguments...)...)
	process.Dir = "/"
	process.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if os.Geteuid() == 0 {
		if process.SysProcAttr.Credential, err = lesserUser(); err != nil {
			return nil, "", err
		}
	}
	w = &watchdog{process: process}
	if w.tell, err = process.StdinPipe(); err != nil {
		return nil, "", err
	}
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	w.answers = bufio.NewReader(out)
	if err := process.Start(); err != nil {
		return nil, "", err
	}
	answer, err := w.answers.ReadString('\n')
	folder, ready := strings.CutPrefix(strings.TrimSpace(answer), "at ")
	if !ready {
		return nil, "", errors.Join(fmt.Errorf("the server did not start: %s", answer), err, process.Wait())
	}
	return w, folder, nil
}

// lesserUser returns a user that PostgreSQL runs as, which refuses to be root.
func lesserUser() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
	}
	return nil, errors.New("there is no user to run the server, and root may not")
}

// command tells the watchdog something and waits until it is done.
func (w *watchdog) command(what string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := fmt.Fprintln(w.tell, what); err != nil {
		return fmt.Errorf("%s the server: %w", what, err)
	}
	answer, err := w.answers.ReadString('\n')
	if strings.TrimSpace(answer) != "done" {
		return fmt.Errorf("%s the server: %s %w", what, answer, err)
	}
	return nil
}

// end ends the server, removes its folder and waits for both.
func (w *watchdog) end() error {
	return errors.Join(w.command("end"), w.tell.Close(), w.process.Wait())
}
