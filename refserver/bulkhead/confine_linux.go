package bulkhead

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"
)

// room is the address space beyond what the program takes when it starts, which the Go
// runtime reserves for the most part and never uses.
const room = 1 << 30

// confine gives up, before a byte of the paper is read and for good, what decoding
// needs not: a decoder that was taken over opens and writes no file, and one that
// swells or turns in circles ends alone.
func confine(processor time.Duration) error {
	taken, err := addressSpace()
	if err != nil {
		return err
	}
	limit := func(what int, n uint64) error {
		return syscall.Setrlimit(what, &syscall.Rlimit{Cur: n, Max: n})
	}
	return errors.Join(
		limit(syscall.RLIMIT_CORE, 0), // plaintext in a dump of memory
		limit(syscall.RLIMIT_FSIZE, 0),
		limit(syscall.RLIMIT_NOFILE, 0), // the pipes are open already
		limit(syscall.RLIMIT_CPU, uint64(max(1, processor/time.Second))),
		limit(syscall.RLIMIT_AS, taken+room),
	)
}

// addressSpace is what this process has mapped, in bytes.
func addressSpace() (uint64, error) {
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	pages, _, _ := bytes.Cut(content, []byte(" "))
	n, err := strconv.ParseUint(string(pages), 10, 64)
	return n * uint64(os.Getpagesize()), err
}
