package vault_test

import (
	"flag"
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
	if say := os.Getenv(childErrand); say != "" {
		fmt.Fprintln(os.Stderr, runErrands(say))
		os.Exit(1)
	}
	if say := os.Getenv(childWithdrawal); say != "" {
		fmt.Fprintln(os.Stderr, runWithdrawal(say))
		os.Exit(1)
	}
	if say := os.Getenv(childReturn); say != "" {
		fmt.Fprintln(os.Stderr, runReturn(say))
		os.Exit(1)
	}
	if err := flag.Set("rapid.checks", fmt.Sprint(sized(12/slower, 30))); err != nil { // an argument of go test is heard afterwards
		panic(err)
	}
	os.Exit(m.Run())
}
