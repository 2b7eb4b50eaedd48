//go:build !linux

package check

// machine knows only Linux.
func (k *checker) machine() {}

func freeBytes(string) (uint64, bool) { return 0, false }
