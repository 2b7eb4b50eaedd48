package testservices

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// killedEnv asks a child of TestKilledProcessLeavesNothing to start a cluster.
const killedEnv = "TESTSERVICES_POSTGRES_CHILD"

func TestPostgresIsEmptyAndOneForEachCall(t *testing.T) {
	t.Parallel()
	first, second := Postgres(t), Postgres(t)
	require.NotEqual(t, first, second)
	PostgresSQL(t, first, "CREATE TABLE mine (n int)")
	require.Equal(t, "0", PostgresSQL(t, second, "SELECT count(*) FROM pg_tables WHERE tablename = 'mine'"))
	require.Equal(t, "on", PostgresSQL(t, first, "SHOW fsync"))
	require.Equal(t, "f", PostgresSQL(t, first, "SELECT rolsuper FROM pg_roles WHERE rolname = '"+owner+"'"))
}

func TestPostgresRestartsAndEndsWithItsTest(t *testing.T) {
	t.Parallel()
	var folder string
	t.Run("cluster", func(t *testing.T) {
		c := NewPostgresCluster(t, "work_mem = '5MB'")
		folder = c.folder
		u := c.Database(t)
		PostgresSQL(t, u, "CREATE TABLE kept (n int)")
		c.Stop(t)
		c.Start(t)
		require.Equal(t, "5MB", PostgresSQL(t, u, "SHOW work_mem"))
		require.Equal(t, "0", PostgresSQL(t, u, "SELECT count(*) FROM kept"))
		c.Standby(t)
		require.Equal(t, "t", PostgresSQL(t, u, "SELECT pg_is_in_recovery()"))
	})
	require.NoDirExists(t, folder)
	require.Empty(t, processesOf(t, folder))
}

func TestKilledProcessLeavesNoServerAndNoFolder(t *testing.T) {
	t.Parallel()
	if os.Getenv(killedEnv) != "" {
		fmt.Println("at", NewPostgresCluster(t).folder)
		select {} // until it is killed
	}
	postgresPrograms(t)
	self, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), killedEnv+"=1")
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	folder := ""
	for lines := bufio.NewScanner(out); folder == "" && lines.Scan(); {
		folder, _ = strings.CutPrefix(lines.Text(), "at ")
	}
	require.DirExists(t, folder)
	require.NotEmpty(t, processesOf(t, folder))

	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	require.Eventually(t, func() bool {
		_, err := os.Stat(folder)
		return os.IsNotExist(err) && len(processesOf(t, folder)) == 0
	}, 20*time.Second, 20*time.Millisecond)
}

// processesOf returns the processes that have the folder among their arguments.
func processesOf(t *testing.T, folder string) []string {
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var found []string
	for _, e := range entries {
		arguments, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err == nil && strings.Contains(string(arguments), folder) {
			found = append(found, e.Name())
		}
	}
	return found
}
