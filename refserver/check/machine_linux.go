package check

import (
	"os"
	"strings"
	"syscall"
)

// machine looks for places where keys could reach a disk.
func (k *checker) machine() {
	const part = "machine"
	swaps, err := os.ReadFile("/proc/swaps")
	if lines := strings.Split(strings.TrimSpace(string(swaps)), "\n"); err == nil && len(lines) > 1 {
		k.warn(part, "Encrypt swap, or switch it off: swapoff -a.", "This machine swaps memory to disk, and keys with it.")
	}
	var core syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &core); err == nil && core.Cur > 0 {
		k.warn(part, "Switch them off: ulimit -c 0, or LimitCORE=0 in the unit of systemd.", "A crash could write memory, and keys with it, into a core dump.")
	}
	if os.Getuid() == 0 {
		k.warn(part, "Run it as a user of its own.", "This runs as root, which the server does not need.")
	}
}

// FreeBytes is the space that this user has left on the disk of a folder.
func FreeBytes(folder string) (uint64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil || s.Bsize <= 0 {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
