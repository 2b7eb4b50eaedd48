package seal

import (
	"crypto/rand"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// Argon2id is the only algorithm for human secrets (RFC 9106).
const Argon2id uint8 = 1

// The bounds of [KDF]. The floor is also what new keyslots get: 0.16 s and 64 MiB
// on one core. The ceiling keeps a store from stopping a service with absurd costs.
const (
	floorTime, ceilingTime           uint32 = 3, 10
	floorMemoryKiB, ceilingMemoryKiB uint32 = 64 << 10, 256 << 10
	floorThreads, ceilingThreads     uint8  = 1, 4
	minSalt, newSalt, maxSalt               = 16, 16, 32
)

// KDF says how a key comes from what a person remembers. It is stored with the
// keyslot, so that it comes from the store: every use checks it against compiled
// bounds, and what is missing has no default (attacks E1, E2, E9).
type KDF struct {
	Algorithm uint8  `cbor:"1,keyasint"` // Argon2id
	Time      uint32 `cbor:"2,keyasint"` // passes
	MemoryKiB uint32 `cbor:"3,keyasint"`
	Threads   uint8  `cbor:"4,keyasint"`
	Salt      []byte `cbor:"5,keyasint"` // 16 to 32 bytes, fresh for each secret
}

// NewKDF returns today's parameters with a fresh salt.
func NewKDF() KDF {
	k := lowest()
	k.Salt = make([]byte, newSalt)
	_, _ = rand.Read(k.Salt)
	return k
}

// Check answers ErrKDF if a parameter is missing or out of bounds.
func (k KDF) Check() error {
	low := lowest()
	switch {
	case k.Algorithm != Argon2id:
		return fmt.Errorf("%w: algorithm", ErrKDF)
	case k.Time < low.Time || k.Time > ceilingTime:
		return fmt.Errorf("%w: time", ErrKDF)
	case k.MemoryKiB < low.MemoryKiB || k.MemoryKiB > ceilingMemoryKiB:
		return fmt.Errorf("%w: memory", ErrKDF)
	case k.Threads < floorThreads || k.Threads > ceilingThreads:
		return fmt.Errorf("%w: threads", ErrKDF)
	case len(k.Salt) < minSalt || len(k.Salt) > maxSalt:
		return fmt.Errorf("%w: salt", ErrKDF)
	}
	return nil
}

// Derive makes the key, after Check. It takes MemoryKiB of memory while it runs:
// callers bound how many run at once.
func (k KDF) Derive(secret []byte) (Key, error) {
	if err := k.Check(); err != nil { // E1, E2, E9: before deriving
		return Key{}, err
	}
	return KeyFromBytes(argon2.IDKey(secret, k.Salt, k.Time, k.MemoryKiB, k.Threads, 32))
}
