package vault_test

import (
	"fmt"
	"os"
	"testing"

	"reconnect.example/internal/testkeys"
)

// TestMain also makes this test binary a service that works until it is killed,
// see kill_test.go.
func TestMain(m *testing.M) {
	testkeys.UseCheapKDF()
	if folder := os.Getenv(childFolder); folder != "" {
		fmt.Fprintln(os.Stderr, workUntilKilled(folder))
		os.Exit(1)
	}
	os.Exit(m.Run())
}
