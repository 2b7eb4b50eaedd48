// Command testlog reads what `go test -json` writes and prints what `go test` would: a line for each package, and everything that a
// failing test said. Then it names the slowest packages and every skipped test. It fails when a test failed or was skipped: where
// everything must run, a skipped test is a promise that nobody looked at.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

type event struct {
	Action     string
	Package    string
	ImportPath string // of a package that does not build
	Test       string
	Output     string
	Elapsed    float64
}

type slow struct {
	pkg     string
	seconds float64
}

func main() {
	ok, err := summarise(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// summarise reports whether every test ran and passed.
func summarise(r io.Reader, w io.Writer) (ok bool, err error) {
	said := map[string]*strings.Builder{} // by package and test
	var packages []slow
	var skipped []string
	failed, passed := false, 0
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return false, fmt.Errorf("not a line of go test -json: %w", err)
		}
		name := e.Package + " " + e.Test
		switch e.Action {
		case "output":
			if said[name] == nil {
				said[name] = &strings.Builder{}
			}
			said[name].WriteString(e.Output)
		case "build-output":
			fmt.Fprint(w, e.Output)
		case "build-fail":
			failed = true
		case "pass", "fail", "skip":
			if e.Action == "fail" {
				failed = true
			}
			switch {
			case e.Test == "":
				packages = append(packages, slow{e.Package, e.Elapsed})
				fmt.Fprint(w, lastLine(said[name], e.Action))
			case e.Action == "fail":
				fmt.Fprint(w, said[name])
			case e.Action == "skip":
				skipped = append(skipped, name)
			default:
				passed++
			}
			delete(said, name)
		}
	}
	fmt.Fprintf(w, "%d tests passed, %d skipped; the slowest packages:", passed, len(skipped))
	slices.SortFunc(packages, func(a, b slow) int { return cmp.Compare(b.seconds, a.seconds) })
	for _, p := range packages[:min(5, len(packages))] {
		fmt.Fprintf(w, " %s %.1fs", p.pkg, p.seconds)
	}
	fmt.Fprintln(w)
	for _, name := range skipped {
		fmt.Fprintln(w, "SKIPPED:", name)
	}
	return !failed && len(skipped) == 0 && passed > 0, lines.Err()
}

// lastLine is the verdict on a package ("ok …"); of one that failed, everything it said outside tests (a panic, a race).
func lastLine(said *strings.Builder, action string) string {
	if said == nil {
		return ""
	}
	text := said.String()
	if action == "fail" {
		return text
	}
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1] + "\n"
}
