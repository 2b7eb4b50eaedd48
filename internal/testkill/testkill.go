// Package testkill makes a test binary a service that works until it is killed. It
// belongs to tests alone: TestMain calls [Main], and a test calls [Child]. To kill a
// service at one of its commits, have it say them: see storagetest.Spoken.
package testkill

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Main runs the tests, and does not come back. In a process that [Child] has started it
// does what stands under the name that was asked for, instead: it says what it did, line
// by line, on the standard output, and is killed. Whatever it returns is a complaint.
func Main(m *testing.M, errands map[string]func(order string) error) {
	for name, do := range errands {
		if order := os.Getenv(name); order != "" {
			fmt.Fprintln(os.Stderr, do(order))
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// Errand is one for [Main], whose order is what [Child] was given.
func Errand[T any](do func(T) error) func(order string) error {
	return func(order string) error {
		var o T
		if err := json.Unmarshal([]byte(order), &o); err != nil {
			return err
		}
		return do(o)
	}
}

// Never is what hear of [Child] returns while the child is to go on.
const Never time.Duration = -1

// Child starts this test binary anew to do an [Errand], and lets hear listen to each line
// that it says. When hear returns another time than [Never] the child is killed so long
// after it: 0 is at once. What it said before it died is heard all the same. A child that
// ends by itself, or that lives for a minute, fails the test.
func Child(t testing.TB, name string, order any, hear func(line string) (kill time.Duration)) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatalf("testkill: %v", err)
	}
	said, err := json.Marshal(order)
	if err != nil {
		t.Fatalf("testkill: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, self)
	child.Env = append(os.Environ(), name+"="+string(said))
	var complaint strings.Builder
	child.Stderr = &complaint
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatalf("testkill: %v", err)
	}
	var late sync.WaitGroup
	killed := false
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		after := hear(lines.Text())
		if after == Never || killed {
			continue
		}
		killed = true
		late.Go(func() {
			<-time.After(after)
			_ = child.Process.Kill()
		})
	}
	late.Wait()
	err = child.Wait()
	switch {
	case lines.Err() != nil:
		t.Fatalf("testkill: %v", lines.Err())
	case err == nil || child.ProcessState.ExitCode() != -1:
		t.Fatalf("testkill: the child ended by itself: %s", complaint.String())
	case !killed:
		t.Fatalf("testkill: nobody killed the child in a minute: %s", complaint.String())
	}
}
