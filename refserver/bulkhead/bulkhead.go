// Package bulkhead runs this program again as a child that looks at what strangers
// made: papers, whose decoders are where strangers break in. The child gets bytes by a
// pipe and answers by a pipe, has an empty environment, and dies at a deadline. On Linux
// it first gives up, for good, opening files, writing any, dumping its memory, and more
// than its share of memory and of processor time; elsewhere only the Go runtime's own
// memory limit and the deadline hold. It has the user's rights otherwise: it is a
// bulkhead against what breaks or swells, not a sandbox.
//
// No plaintext touches the disk, and nothing is logged.
package bulkhead

import (
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"time"
)

// memory is what the Go runtime of a child tries to do with.
const memory = 512 << 20

// Enter is the first thing that a child does: it gives up what it does not need. After
// so much processor time the child is ended. Whoever gets an error looks at nothing.
func Enter(processor time.Duration) error {
	runtime.GOMAXPROCS(1)
	debug.SetMemoryLimit(memory)
	return confine(processor)
}

// Program is where this program lies, even after its file was replaced by a newer one.
func Program() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// Run starts a program with one argument and waits for its end, which is at the latest
// that of ctx. The child may answer without reading in to its end. The error says how it
// ended, which tells nothing about what it was given.
func Run(ctx context.Context, program, argument string, in io.Reader, out io.Writer) error {
	c := exec.CommandContext(ctx, program, argument)
	c.Env = []string{} // nil would be this process's, with its secrets
	c.Dir = string(os.PathSeparator)
	c.WaitDelay = time.Second
	c.Stdout = out // stderr is thrown away: a crash there prints what it was looking at
	pipe, err := c.StdinPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	_, _ = io.Copy(pipe, in)
	_ = pipe.Close()
	return c.Wait()
}
