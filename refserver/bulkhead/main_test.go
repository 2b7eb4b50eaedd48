package bulkhead_test

import (
	"os"
	"testing"
)

// This test binary is a child that does what it must not.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "break-out" {
		os.Exit(tryToBreakOut(os.Args[2]))
	}
	os.Exit(m.Run())
}
