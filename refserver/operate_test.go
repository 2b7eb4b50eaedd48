package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/notice"
)

var increaseID = regexp.MustCompile(`[a-z2-7]{26}-[0-9]+`)

// The commands of the operator do the same through a running server and on a
// folder that nobody serves.
func TestTheOperatorWorksWithAndWithoutARunningServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		running bool
	}{{"running", true}, {"alone", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(shortDir(t), "data")
			r := start(t, folder, "--demo")
			answer, body := visit(t, r).post("/space", url.Values{"reason": {"J’ai \x1b[2Jbeaucoup de papiers"}})
			require.Equal(t, http.StatusUnprocessableEntity, answer.StatusCode, body)
			answer, body = visit(t, r).post("/space", url.Values{"reason": {"J’ai\nbeaucoup de papiers"}})
			require.Equal(t, http.StatusSeeOther, answer.StatusCode, body)
			if !c.running {
				r.end(t)
				require.NoFileExists(t, filepath.Join(folder, admin.SocketName))
			}
			operate(t, folder)
			if !c.running {
				r = start(t, folder, "--demo")
			}
			space := visit(t, r).get("/space")
			require.Contains(t, space, "Accordée")
			require.Contains(t, space, "Beaucoup de papiers, oui")
			require.Contains(t, space, "300\u00a0Mo")
		})
	}
}

func operate(t *testing.T, folder string) {
	t.Helper()
	out, err := command(t, folder, "admin", "status")
	require.NoError(t, err)
	require.Contains(t, out, "1 waiting")
	out, err = command(t, folder, "admin", "increases")
	require.NoError(t, err)
	require.Contains(t, out, "J’ai beaucoup de papiers")
	id := increaseID.FindString(out)
	require.NotEmpty(t, id)
	for _, empty := range [][]string{{"--by", "Dominique", "--why", " "}, {"--by", "", "--why", "non"}} {
		_, err = command(t, folder, append([]string{"admin", "refuse", id}, empty...)...)
		require.ErrorContains(t, err, "--by and --why")
	}
	for _, wrong := range []string{"x", id[:26], id[:26] + "-9", "aaaaaaaaaaaaaaaaaaaaaaaaaa-1"} {
		_, err = command(t, folder, "admin", "refuse", wrong, "--by", "Dominique", "--why", "non")
		require.Error(t, err)
	}
	out, err = command(t, folder, "admin", "approve", id, "--by", "Dominique", "--why", "Beaucoup de papiers, oui.")
	require.NoError(t, err)
	require.Contains(t, out, "granted")
	_, err = command(t, folder, "admin", "refuse", id, "--by", "Dominique", "--why", "non")
	require.Error(t, err, "it was decided already")
	out, err = command(t, folder, "admin", "increases")
	require.NoError(t, err)
	require.Contains(t, out, "No request")
	out, err = command(t, folder, "admin", "sweep")
	require.NoError(t, err)
	require.Contains(t, out, "0 left for the next time")
	out, err = command(t, folder, "admin", "counts")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(out, "relay,month,what,count\r\n"), out)
	// The authority of the sample relays need not be named.
	out, err = command(t, folder, "admin", "directory", "show")
	require.NoError(t, err)
	require.Contains(t, out, "Accueil de jour Exemple, day-centre")
	out, err = command(t, folder, "check")
	require.NoError(t, err)
	require.Contains(t, out, "3 relays, 0 of them without a licence today")
	require.NotContains(t, out, "relays     Nobody")
}

func TestASpaceThatTheOperatorMadeCanBeEntered(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"))
	_, err := command(t, r.folder, "admin", "create-vault")
	require.ErrorContains(t, err, "--consent")
	told, err := command(t, r.folder, "admin", "notice", "--language", "en")
	require.NoError(t, err)
	require.Equal(t, notice.In("en").Text, told)
	out, err := command(t, r.folder, "admin", "create-vault", "--consent")
	require.NoError(t, err)
	m := newSpace.FindStringSubmatch(out)
	require.NotNil(t, m, out)
	r.login, r.secret = m[1], m[2]
	require.Contains(t, visit(t, r).get("/"), "0 papier")
	require.NotContains(t, r.logs.String(), r.secret)
	require.NotContains(t, r.logs.String(), r.login)
}

func TestACommandOnAFolderThatDoesNotExistMakesNone(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(shortDir(t), "typo")
	for _, args := range [][]string{{"status"}, {"sweep"}, {"increases"}, {"approve", "x", "--by", "a", "--why", "b"}} {
		_, err := command(t, folder, append([]string{"admin"}, args...)...)
		require.ErrorContains(t, err, "it does not exist", args)
		require.NoDirExists(t, folder)
	}
}

func TestReadinessIsAskedOfARunningServerOnly(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(shortDir(t), "data")
	_, err := command(t, folder, "admin", "ready")
	require.ErrorContains(t, err, "does not exist")
	require.NoDirExists(t, folder)
	r := start(t, folder)
	out, err := command(t, folder, "admin", "ready")
	require.NoError(t, err)
	require.Equal(t, "ready\n", out)
	r.end(t)
	_, err = command(t, folder, "admin", "ready")
	require.ErrorContains(t, err, "no server runs on this data folder")
}

func TestTheSweeperWorksByItself(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--sweep-every", "1s")
	require.Eventually(t, func() bool {
		out, err := command(t, r.folder, "admin", "status")
		return err == nil && !strings.Contains(out, "not yet")
	}, time.Minute, 100*time.Millisecond)
}

func TestThePrivateSocketLetsNobodyElseIn(t *testing.T) {
	t.Parallel()
	nobody := asNobody(t)
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	// As if somebody had opened the folder and the socket up to everybody.
	for _, path := range []string{filepath.Dir(r.folder), r.folder, filepath.Join(r.folder, admin.SocketName)} {
		require.NoError(t, os.Chmod(path, 0o777)) //nolint:gosec // that is the point
	}
	p := spawn(t, nobody, "--data", r.folder, "admin", "status")
	require.Equal(t, 1, p.wait(t))
	require.Empty(t, p.out.String())
	_, err := command(t, r.folder, "admin", "status")
	require.NoError(t, err)
}

func TestAFolderWithTooLongAPathIsNamedClearly(t *testing.T) {
	t.Parallel()
	_, err := command(t, filepath.Join(shortDir(t), strings.Repeat("long", 30)), "--listen", "127.0.0.1:0")
	require.ErrorContains(t, err, "too long")
	require.ErrorContains(t, err, "--data")
}
