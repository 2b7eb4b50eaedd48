package main

import (
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/recovery/witness"
)

var printedHealth = regexp.MustCompile(`Health +(\S+)`)

// dial makes a client with the flags of a server.
func dial(t *testing.T, flags []string) *witness.Client {
	t.Helper()
	value := map[string]string{}
	for n := 0; n < len(flags); n += 2 {
		value[flags[n]] = flags[n+1]
	}
	identity, err := witness.OpenIdentity(value["--witness-identity"])
	require.NoError(t, err)
	server, err := witness.ParsePublicKey(value["--witness-key"])
	require.NoError(t, err)
	client, err := witness.NewClient(witness.ClientConfig{URL: value["--witness"], Identity: identity, Server: server})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// Another organisation runs the witness: it sees no names, and notices two
// states of one store.
func TestAWitnessElsewhereGuardsAServerAndNamesForks(t *testing.T) {
	t.Parallel()
	folder := shortDir(t)
	flags, guard := aWitness(t, folder, "--health-listen", "127.0.0.1:0", "--records", testservices.Postgres(t))
	r := start(t, filepath.Join(folder, "data"), append([]string{"--demo", "--session-idle", "1h"}, flags...)...)
	v := visit(t, r)
	status, path, body := v.upload("Kept", pdf(100_000))
	require.Equal(t, http.StatusSeeOther, status, body)
	require.NoFileExists(t, filepath.Join(r.folder, "witness.db"))
	require.NotContains(t, r.out.String(), "The witness lies on the same disk")
	identity, err := command(t, folder, "witness", "identity", filepath.Join(folder, "mine.key"))
	require.NoError(t, err)
	require.Contains(t, r.out.String(), strings.TrimSpace(identity))
	require.NotContains(t, r.logs.String(), "the witness does not answer")

	health := found(printedHealth, guard.out.String())
	for _, path := range []string{health, health[:len(health)-len("healthz")] + "readyz"} {
		status, _ := fetch(t, path)
		require.Equal(t, http.StatusOK, status)
	}
	data := filepath.Join(folder, "w")
	require.NoFileExists(t, filepath.Join(data, "witness.db"), "its records lie in the database")
	out, err := command(t, data, "witness", "forks")
	require.NoError(t, err)
	require.Contains(t, out, "No fork was seen.")
	client := dial(t, flags)
	vaults, err := client.Vaults(t.Context(), [16]byte{}, 20)
	require.NoError(t, err)
	require.Len(t, vaults, 11, "the sample person, two centres and a desk, six who work there, and the directory")
	var other witness.Checkpoint
	space := vaults[0]
	if heads, err := client.Latest(t.Context(), space); err == nil && len(heads) == 1 {
		space = vaults[1] // the first was the directory, whose only head must be signed
	}
	require.Eventually(t, func() bool { // until the server has reported all that it did
		heads, err := client.Latest(t.Context(), space)
		require.NoError(t, err)
		other = heads[len(heads)-1]
		other.Hash[0] ^= 1
		_, err = client.Raise(t.Context(), space, []witness.Checkpoint{other}, nil, true)
		require.NoError(t, err)
		forks, err := client.Forks(t.Context(), space)
		require.NoError(t, err)
		return len(forks) > 0
	}, time.Minute, 50*time.Millisecond)
	out, err = command(t, data, "witness", "forks", "--of", "lyon")
	require.NoError(t, err)
	require.Contains(t, out, "reported by the client alone")
	require.Contains(t, out, other.Head)
	_, err = command(t, data, "witness", "forks", "--of", "paris")
	require.ErrorContains(t, err, "no client of this name")

	require.NoError(t, guard.Process.Kill())
	<-guard.ended
	require.Equal(t, string(pdf(100_000)), v.get(path+"/file"), "reading goes on without it")
	answer, body := v.post("/password", url.Values{"old": {r.secret}, "new": {"lova mesa kiru bato"}, "repeat": {"lova mesa kiru bato"}})
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode, "but no secret changes")
	require.Contains(t, body, "Un service de sécurité ne répond pas. Rien n’a été changé.")
	_, err = command(t, data, "witness", "forks")
	require.ErrorContains(t, err, "no witness runs")

	r.end(t)
	r = start(t, r.folder, flags...)
	require.Contains(t, r.logs.String(), "the witness does not answer; try: refserver check", "it starts all the same, and says so")
	_, err = command(t, filepath.Join(folder, "third"), append(flags, "--witness-identity", filepath.Join(folder, "none"))...)
	require.ErrorContains(t, err, "refserver witness identity")
}

func TestAnIdentityIsMadeOnceAndOnlyItsPublicHalfIsPrinted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(shortDir(t), "me.key")
	first, err := command(t, "unused", "witness", "identity", path)
	require.NoError(t, err)
	require.Regexp(t, `^rw(-[a-z2-7]{8}){7}\n$`, first)
	second, err := command(t, "unused", "witness", "identity", path)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.NoDirExists(t, "unused")
}

func TestAStoreThatIsAwayIsNamedClearlyAndWithoutItsPassword(t *testing.T) {
	t.Parallel()
	p := spawn(t, nil, serving(filepath.Join(shortDir(t), "data"), "--alone", "--records", "postgres://safe:geheim@127.0.0.1:1/safe")...)
	require.Equal(t, 1, p.wait(t))
	require.Contains(t, p.logs.String(), "what --records names cannot be used. Try the same settings with: refserver check")
	require.NotContains(t, p.logs.String()+p.out.String(), "geheim")
}
