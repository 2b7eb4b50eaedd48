// Package testkeys makes human secrets cheap to derive in tests: Argon2id at its
// real cost takes 0.16 s and 64 MiB each time. It works in test binaries only,
// and only tests and public test packages may import it.
package testkeys

import (
	"testing"

	"reconnect.example/internal/seal"
)

// UseCheapKDF lowers the floor of [seal.KDF], and with it what [seal.NewKDF]
// returns, to next to nothing until the process ends. Calling it again does no
// harm. It panics outside a binary that "go test" made: a service that got here
// must not go on with passwords that anybody can guess.
func UseCheapKDF() {
	if !testing.Testing() {
		panic("testkeys: not a test")
	}
	seal.SetTestFloor(1, 64)
}
