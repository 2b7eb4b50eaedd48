package bulkhead_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/bulkhead"
)

// tryToBreakOut is what a decoder does that was taken over. It returns what it could.
func tryToBreakOut(file string) int {
	if bulkhead.Enter(10*time.Second) != nil {
		return 100
	}
	could := 0
	if _, err := os.ReadFile("/proc/self/environ"); err == nil {
		could |= 1
	}
	if os.WriteFile(file, []byte("x"), 0o600) == nil {
		could |= 2
	}
	if exec.Command("/bin/true").Run() == nil {
		could |= 4
	}
	return could
}

func TestAChildThatWasTakenOverOpensAndStartsNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "stolen")
	program, err := os.Executable()
	require.NoError(t, err)
	out, err := exec.Command(program, "break-out", file).CombinedOutput()
	require.NoError(t, err, "it could: %s", out)
	require.NoFileExists(t, file)
}
