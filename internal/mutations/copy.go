package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// leftOut are tests that no mutation needs, and whose libraries, clients of
// servers, take longer to link than everything else together.
var leftOut = []string{"vault/attack_servers_test.go"}

// moduleCopy is a copy of the module in a temporary folder.
type moduleCopy struct{ folder string }

func copyModule(root string) (c *moduleCopy, err error) {
	folder, err := os.MkdirTemp("", "mutations-")
	if err != nil {
		return nil, err
	}
	c = &moduleCopy{folder}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != root && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		to := filepath.Join(folder, strings.TrimPrefix(path, root))
		if entry.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		if !entry.Type().IsRegular() || slices.Contains(leftOut, filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))) {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, 0o600)
	})
	if err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

func (c *moduleCopy) remove() error { return os.RemoveAll(c.folder) }

// outcome is what a test said to a mutation.
type outcome struct {
	caught bool
	by     string // the innermost test that failed
	output string
}

func (o outcome) result() string {
	if !o.caught {
		return "**nothing**"
	}
	return "`" + o.by + "`"
}

// failed is a line of the output of go test.
var failed = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+) `)

// try applies a mutation, runs its test, and takes the mutation back. A mutation
// that does not compile, or a test that is not there, proves nothing: an error.
func (c *moduleCopy) try(ctx context.Context, m mutation) (o outcome, err error) {
	for _, e := range m.edits {
		takeBack, err := c.apply(e)
		if err != nil {
			return o, err
		}
		defer func() { err = errors.Join(err, takeBack()) }()
	}
	// One build cache for all copies: paths are trimmed, so that what is the same is
	// built once. What only a debugger needs is left out, since linking is most of it.
	test := exec.CommandContext(ctx, "go", "test", "-trimpath", "-ldflags=-s -w", "-vet=off", "-count=1", "-timeout=5m", "-run", m.test, "./"+m.pkg)
	test.Dir = c.folder
	output, err := test.CombinedOutput()
	o.output = string(output)
	var exit *exec.ExitError
	switch {
	case err == nil && strings.Contains(o.output, "no tests to run"):
		return o, fmt.Errorf("there is no test %s in %s", m.test, m.pkg)
	case err == nil:
		return o, nil
	case ctx.Err() != nil:
		return o, ctx.Err()
	case !errors.As(err, &exit):
		return o, err
	case strings.Contains(o.output, "[build failed]"), strings.Contains(o.output, "[setup failed]"):
		return o, fmt.Errorf("the mutation does not compile:\n%s", o.output)
	}
	for _, line := range failed.FindAllStringSubmatch(o.output, -1) {
		if len(line[1]) > len(o.by) {
			o.by = line[1]
		}
	}
	if o.by == "" {
		return o, fmt.Errorf("the test ended without a word:\n%s", o.output)
	}
	o.caught = true
	return o, nil
}

// apply makes one edit; takeBack undoes it.
func (c *moduleCopy) apply(e edit) (takeBack func() error, err error) {
	path := filepath.Join(c.folder, filepath.FromSlash(e.file))
	if e.old == "" { // a file of its own
		return func() error { return os.Remove(path) }, os.WriteFile(path, []byte(e.new), 0o600)
	}
	was, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(was, []byte(e.old)); n != 1 {
		return nil, fmt.Errorf("%s has %d times: %s", e.file, n, e.old)
	}
	now := bytes.Replace(was, []byte(e.old), []byte(e.new), 1)
	return func() error { return os.WriteFile(path, was, 0o600) }, os.WriteFile(path, now, 0o600)
}
