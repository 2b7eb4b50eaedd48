// Command bench measures the targets of docs/performance.md side by side in one
// run and prints each ratio with its target: go run ./internal/bench.
//
// Absolute times say little on a shared machine; ratios of things measured in
// turns, and their medians, do. Nothing here is a test: no time is ever asserted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"
)

var targets = []struct {
	id      string
	what    string
	measure func(ctx context.Context, o options) ([]result, error)
}{
	{"P1", "seal and open a stream, against raw AES-256-GCM in 64 KiB pieces", measureStreams},
	{"P2", "upload and download through the server, against a bare handler that syncs", measureTransfers},
	{"P3", "the same acts, and (P7) the start, in a small store and in a large one", measureGrowth},
	{"P4", "memory of eight uploads of 140 MB at once", measureMemory},
	{"P4", "the same through the pages: photos, and small pictures of them", measurePhotos},
	{"P5", "commits of eight writers against one, SQLite", measureCommits},
	{"P6", "sign-in, against its Argon2id alone", measureSignIn},
	{"mix", "a mixed load on the server, every answer checked", measureMixed},
}

type options struct {
	repeat  int
	folder  string // for what is written; "" is a temporary folder
	few     int    // vaults in the small store of P3 and P7
	vaults  int    // of the large store of P3 and P7; 0: they are left out
	records string // URL of the stores of P3, P7 and mix, {} for which of them; "" is SQLite

	requests, people, papers, clients int // of mix
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if folder := os.Getenv(bareFolder); folder != "" {
		if err := serveBare(ctx, folder, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "targets to measure, as in P1,P6; empty: all")
	o := options{}
	flags.IntVar(&o.repeat, "repeat", 7, "repetitions, at least 5")
	flags.StringVar(&o.folder, "folder", "", "where to write, on the disk to be measured; empty: a temporary folder")
	flags.IntVar(&o.vaults, "vaults", 0, "vaults in the large store of P3 and P7; 0: leave them out")
	flags.IntVar(&o.few, "few", 10_000, "vaults in the small store of P3 and P7")
	flags.StringVar(&o.records, "records", "", "where P3, P7 and mix keep records, as postgres://host/bench_{}, with {} for few, many or mix; empty: SQLite")
	flags.IntVar(&o.requests, "requests", 20_000, "requests of mix, at least 100")
	flags.IntVar(&o.people, "people", 40, "people of mix")
	flags.IntVar(&o.papers, "papers", 20, "papers of 1 MB that each of them has when mix begins")
	flags.IntVar(&o.clients, "clients", 8, "clients of mix, each of which sends one request after the other")
	paste := flags.Bool("markdown", false, "print the rows as docs/performance.md has them")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.requests < 100 || min(o.people, o.papers, o.clients) < 1 {
		return errors.New("mix needs at least 100 requests, and one of each other")
	}
	o.repeat = max(o.repeat, 5)
	fmt.Fprintf(out, "%s, %d CPUs, %s/%s, medians of %d\n\n", runtime.Version(), runtime.GOMAXPROCS(0), runtime.GOOS, runtime.GOARCH, o.repeat)
	var all []result
	for _, t := range targets {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), t.id) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s: %s …\n", t.id, t.what)
		results, err := t.measure(ctx, o)
		all = append(all, results...)
		if err != nil { // what was measured before is worth as much
			return errors.Join(fmt.Errorf("%s: %w", t.id, err), printTable(out, all, *paste))
		}
	}
	return printTable(out, all, *paste)
}

// inTurns runs each function once per round, in turns, and returns the median
// time of each.
func inTurns(ctx context.Context, rounds int, f ...func() error) ([]time.Duration, error) {
	times := make([][]time.Duration, len(f))
	for range rounds {
		for i := range f {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			began := time.Now()
			if err := f[i](); err != nil {
				return nil, err
			}
			times[i] = append(times[i], time.Since(began))
		}
	}
	medians := make([]time.Duration, len(f))
	for i, t := range times {
		slices.Sort(t)
		medians[i] = t[len(t)/2]
	}
	return medians, nil
}

// tempFolder makes a folder for one measurement, and what removes it.
func tempFolder(o options) (string, func(), error) {
	dir, err := os.MkdirTemp(o.folder, "reconnect-bench-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}
