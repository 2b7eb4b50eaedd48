// Package check tries a configuration against its real services and says in
// plain sentences what was found and what to do. It writes only what it removes
// again, makes nothing that is not there, and never shows a secret.
package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"reconnect.example/refserver/config"
	"reconnect.example/refserver/progress"
)

// Level says how serious a finding is.
type Level string

// The levels.
const (
	Good    Level = "good"
	Warning Level = "warning" // works, but look at it
	Problem Level = "problem" // does not work, or is not safe
)

// Finding is one thing that was found.
type Finding struct {
	Part  string `json:"part"` // "records", "documents", "keys", "witness", "machine", …
	Level Level  `json:"level"`
	Says  string `json:"says"`
	Do    string `json:"do,omitempty"` // what to do about it; empty if it is good
}

// ErrFound is the error of a check that found problems.
var ErrFound = errors.New("the configuration has problems")

// patience is how long one part may take.
const patience = 20 * time.Second

// checker collects findings.
type checker struct {
	c        *config.Config
	now      func() time.Time
	findings []Finding
	running  bool // a server runs on the data folder
}

func (k *checker) good(part, says string, args ...any) {
	k.findings = append(k.findings, Finding{Part: part, Level: Good, Says: fmt.Sprintf(says, args...)})
}

func (k *checker) warn(part, do, says string, args ...any) {
	k.findings = append(k.findings, Finding{Part: part, Level: Warning, Says: fmt.Sprintf(says, args...), Do: do})
}

func (k *checker) fail(part, do, says string, args ...any) {
	k.findings = append(k.findings, Finding{Part: part, Level: Problem, Says: fmt.Sprintf(says, args...), Do: do})
}

// Run tries everything and returns what it found, part by part. far says meanwhile how far
// it is, as each part may take twenty seconds; it may be nil.
func Run(ctx context.Context, c *config.Config, far *progress.Printer) []Finding {
	k := &checker{c: c, now: time.Now}
	k.folder()
	parts := []func(context.Context){k.records, k.documents, k.clock, k.keys, k.witness, k.notify}
	for n, part := range parts {
		far.Say("parts tried", int64(n), int64(len(parts)))
		limited, cancel := context.WithTimeout(ctx, patience)
		part(limited)
		cancel()
	}
	k.privateFiles()
	k.tls()
	k.settings()
	k.machine()
	return k.findings
}

// Print writes the findings, in words or as JSON, and returns ErrFound if there
// is a problem among them.
func Print(out io.Writer, findings []Finding, format string) error {
	problems := 0
	for _, f := range findings {
		if f.Level == Problem {
			problems++
		}
	}
	printed := printText
	if format == "json" {
		printed = printJSON
	}
	err := printed(out, findings)
	if err == nil && problems > 0 {
		err = fmt.Errorf("%w: %d", ErrFound, problems)
	}
	return err
}

func printText(out io.Writer, findings []Finding) error {
	var text strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&text, "%-8s %-10s %s\n", map[Level]string{Good: "ok", Warning: "WARNING", Problem: "PROBLEM"}[f.Level], f.Part, f.Says)
		if f.Do != "" {
			fmt.Fprintf(&text, "%20s-> %s\n", "", f.Do)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func printJSON(out io.Writer, findings []Finding) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(findings)
}

// median returns the middle of some durations.
func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
