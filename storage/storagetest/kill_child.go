package storagetest

import (
	"bufio"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// untilKilled starts the running test binary again, as a child that runs only
// the calling test and has these variables in its environment. It gives each
// line that the child says to hear, and kills the child with SIGKILL once it has
// said so many, at whatever it is doing then. hear gets also what the child said
// before it died. It is skipped where a process cannot start another.
func untilKilled(t testing.TB, environment []string, enough int, hear func(line string)) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		needs(t, "a test binary that can be started again: "+err.Error())
	}
	var only []string
	for _, part := range strings.Split(t.Name(), "/") {
		only = append(only, "^"+regexp.QuoteMeta(part)+"$")
	}
	child := exec.CommandContext(t.Context(), self, "-test.run="+strings.Join(only, "/"))
	child.Env = append(os.Environ(), environment...)
	var complaint strings.Builder
	child.Stderr = &complaint
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())

	lines := bufio.NewScanner(out)
	for n := 1; lines.Scan(); n++ {
		if n == enough {
			require.NoError(t, child.Process.Kill())
		}
		hear(lines.Text())
	}
	require.NoError(t, lines.Err())
	var exit *exec.ExitError
	require.ErrorAs(t, child.Wait(), &exit)
	require.Equal(t, -1, exit.ExitCode(), "the child ended by itself: %s", complaint.String())
}

// needs skips a test that this machine cannot run, but not where all must run.
func needs(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		t.Fatalf("this test needs %s", what)
	}
	t.Skipf("this test needs %s", what)
}
