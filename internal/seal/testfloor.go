package seal

import "sync/atomic"

// testFloor is nil outside tests.
var testFloor atomic.Pointer[KDF]

// lowest returns the cheapest parameters that are allowed, without a salt.
func lowest() KDF {
	if k := testFloor.Load(); k != nil {
		return *k
	}
	return KDF{Algorithm: Argon2id, Time: floorTime, MemoryKiB: floorMemoryKiB, Threads: floorThreads}
}

// SetTestFloor makes human secrets cheap to derive, for the life of this
// process. Only internal/testkeys calls it, which refuses outside a test binary;
// a test holds that nothing else names it.
func SetTestFloor(time, memoryKiB uint32) {
	testFloor.Store(&KDF{Algorithm: Argon2id, Time: time, MemoryKiB: memoryKiB, Threads: floorThreads})
}
