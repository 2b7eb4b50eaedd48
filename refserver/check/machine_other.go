//go:build !linux

package check

// machine knows only Linux.
func (k *checker) machine() {}

// FreeBytes knows only Linux.
func FreeBytes(string) (uint64, bool) { return 0, false }
