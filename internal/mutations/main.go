// Command mutations proves that the tests of the attacks can fail. It takes one
// defence after the other out of a copy of the module and runs the test that
// plays the attack, which must fail then:
//
//	go run ./internal/mutations               # the whole list, a quarter of an hour
//	go run ./internal/mutations -only C1,C5   # some; -v shows what the tests said
//
// It prints a table for docs/threat-model.md, and ends with an error if a test
// passed without its defence, or if a copy did not compile. Nothing is changed
// outside of a temporary folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "", "run only these attacks, such as C1,C5")
	verbose := flag.Bool("v", false, "show what each test said")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "mutations:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, verbose bool) (err error) {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	c, err := copyModule(root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.remove()) }()

	begun, tried, problems := time.Now(), 0, []error{}
	fmt.Println("| id | what was taken out | caught by | s |\n|---|---|---|---|")
	for _, m := range mutations {
		if only != "" && !slices.Contains(strings.Split(only, ","), m.id) {
			continue
		}
		began := time.Now()
		o, err := c.try(ctx, m)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			problems = append(problems, fmt.Errorf("%s: %w", m.id, err))
		case !o.caught:
			problems = append(problems, fmt.Errorf("%s: the test passed without the defence", m.id))
		}
		fmt.Printf("| `%s` | %s | %s | %.0f |\n", m.id, m.removed, o.result(), time.Since(began).Seconds())
		if verbose {
			fmt.Fprintln(os.Stderr, o.output)
		}
		tried++
	}
	fmt.Printf("\n%d defences taken out in %s\n", tried, time.Since(begun).Round(time.Second))
	if tried == 0 {
		return fmt.Errorf("no attack is called %q", only)
	}
	return errors.Join(problems...)
}

// moduleRoot is the folder of go.mod, at or above the working folder.
func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	for ; err == nil; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("there is no go.mod at or above the working folder")
		}
	}
	return "", err
}
