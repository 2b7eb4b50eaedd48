package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// resident reads one line of /proc/<process>/status, in bytes: VmRSS is what a process
// has in memory now, VmHWM the most that it had.
func resident(process, field string) (int64, error) {
	f, err := os.Open("/proc/" + process + "/status") //nolint:gosec // of the kernel
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), field+":"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb * 1024, err
		}
	}
	return 0, fmt.Errorf("no %s in /proc/%s/status", field, process)
}

// beginMark makes VmHWM begin again at what is in memory now.
func beginMark(process string) error {
	return os.WriteFile("/proc/"+process+"/clear_refs", []byte("5"), 0)
}

// tick is the unit in which Linux tells programs the time of a processor: a hundredth of
// a second on every machine that Go runs on.
const tick = 10 * time.Millisecond

// processor is how long a process has run on a processor, for itself and in the kernel.
func processor(process string) (time.Duration, error) {
	raw, err := os.ReadFile("/proc/" + process + "/stat") //nolint:gosec // of the kernel
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:])) // from the third on (proc(5))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%s/stat is too short", process)
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// watchChildren looks a hundred times a second at what the processes that a process has
// started have in memory together. The function that it returns ends that, and returns
// the most, and how many different ones were seen.
func watchChildren(ctx context.Context, process string) func() (most int64, seen int) {
	ctx, stop := context.WithCancel(ctx)
	var owned sync.WaitGroup
	var most int64
	all := map[string]bool{}
	owned.Go(func() {
		every := time.NewTicker(tick)
		defer every.Stop()
		for ctx.Err() == nil {
			var now int64
			for _, child := range children(process) {
				if memory, err := resident(child, "VmRSS"); err == nil { // it may have ended meanwhile
					all[child] = true
					now += memory
				}
			}
			most = max(most, now)
			select {
			case <-ctx.Done():
			case <-every.C:
			}
		}
	})
	return func() (int64, int) {
		stop()
		owned.Wait()
		return most, len(all)
	}
}

// children are the processes that the threads of a process have started.
func children(process string) (all []string) {
	lists, _ := filepath.Glob("/proc/" + process + "/task/*/children") // the pattern is well formed
	for _, list := range lists {
		raw, err := os.ReadFile(list) //nolint:gosec // of the kernel
		if err == nil {
			all = append(all, strings.Fields(string(raw))...)
		}
	}
	return all
}
