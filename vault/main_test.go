package vault_test

import (
	"flag"
	"fmt"
	"runtime/debug"
	"testing"

	"reconnect.example/internal/testkeys"
	"reconnect.example/internal/testkill"
)

// TestMain also makes this test binary a service that works until it is killed,
// see kill_test.go.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // thousands of small worlds, each soon thrown away: an eighth of the time
	testkeys.UseCheapKDF()
	if err := flag.Set("rapid.checks", fmt.Sprint(sized(12/slower, 30))); err != nil { // an argument of go test is heard afterwards
		panic(err)
	}
	testkill.Main(m, map[string]func(string) error{
		childWork: testkill.Errand(workUntilKilled), childErrand: testkill.Errand(runErrands),
		childWithdrawal: testkill.Errand(runWithdrawal), childReturn: testkill.Errand(runReturn), childLinks: testkill.Errand(runLinks),
	})
}
