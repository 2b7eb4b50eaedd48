package config_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/refserver/config"
)

const secret = "geheim"

// aKey is the text of a public key.
func aKey(t *testing.T, name string) string {
	t.Helper()
	identity, err := witness.OpenIdentity(filepath.Join(t.TempDir(), name))
	require.NoError(t, err)
	return identity.Public().String()
}

// mistyped changes the last character.
func mistyped(key string) string {
	if last := key[len(key)-1]; last != '7' {
		return key[:len(key)-1] + "7"
	}
	return key[:len(key)-1] + "6"
}

func refused(t *testing.T, args ...string) string {
	t.Helper()
	_, err := config.Parse(args, io.Discard)
	require.Error(t, err)
	return err.Error()
}

func TestEnginesAreNamedByURL(t *testing.T) {
	t.Parallel()
	c := parse(t)
	require.False(t, c.SharedRecords())
	key := aKey(t, "w")
	c = parse(t, "--records", "postgres://safe:"+secret+"@db/safe", "--blobs", "s3://vault?region=eu-west-3", "--keys", "base64key://"+secret,
		"--witness", "https://w.example.org:8443", "--witness-key", key)
	require.True(t, c.SharedRecords())
	require.Equal(t, "postgres://safe:"+secret+"@db/safe", c.Records.Reveal())
	require.ElementsMatch(t, []string{"--records", "--keys"}, c.Shown, "they stand in the list of processes")
	c = parse(t, "check", "--format", "json", "--tls-cert", "", "--listen", "127.0.0.1:1")
	require.Equal(t, "json", c.Check.Format)
	require.Equal(t, "127.0.0.1:1", c.Serve.Listen, "a check is of what the server would do")
}

// However a configuration is printed, it gives no password away.
func TestNoPasswordIsPrinted(t *testing.T) {
	t.Parallel()
	c := parse(t, "--alone", "--records", "postgres://safe:"+secret+"@db/safe?password="+secret, "--keys", "base64key://"+secret)
	for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		require.NotContains(t, fmt.Sprintf(form, *c), secret, form)
		require.NotContains(t, fmt.Sprintf(form, c.Records), secret, form)
	}
	for _, args := range [][]string{
		{"postgres://safe:" + secret + "@db/safe"},
		{"--recrods", "postgres://safe:" + secret + "@db/safe"},
		{"--recrods=postgres://safe:" + secret + "@db/safe"},
		{"--records", "mysql://safe:" + secret + "@db/safe"},
		{"--records", "postgres://safe:" + secret + "%zz@db/safe"},
		{"--quota", "postgres://safe:" + secret + "@db/safe"},
		{"--keys", secret}, {"--blobs", secret},
	} {
		require.NotContains(t, refused(t, args...), secret, args)
	}
}

func TestASecretMayComeFromAFile(t *testing.T) {
	t.Parallel()
	path := write(t, "records", "  sqlite:///tmp/x.db\n")
	c := parse(t, "--records", "@"+path)
	require.Equal(t, "sqlite:///tmp/x.db", c.Records.Reveal())
	require.Equal(t, []string{path}, c.Secrets)
	require.Empty(t, c.Shown)
	require.Contains(t, refused(t, "--records", "@/nowhere"), "--records names a file that cannot be read")
	for _, bad := range []string{"", "\n", "sqlite:///a\nsqlite:///b", strings.Repeat("x", 20_000)} {
		require.Contains(t, refused(t, "--blobs", "@"+write(t, "bad", bad)), "--blobs names a file that cannot be read")
	}
}

// Not parallel: it sets the environment.
func TestASecretMayComeFromTheEnvironmentAndTheFile(t *testing.T) {
	t.Setenv("RECONNECT_RECORDS", "sqlite:///tmp/env.db")
	c := parse(t, "--config", write(t, "c.yaml", "blobs: file:///tmp/blobs\n"))
	require.Equal(t, "sqlite:///tmp/env.db", c.Records.Reveal())
	require.Equal(t, "file:///tmp/blobs", c.Blobs.Reveal())
	require.Empty(t, c.Shown)
}

// A second server would find records without their documents, or count guesses
// for itself.
func TestWhatIsSharedInPartIsRefusedWithEveryReason(t *testing.T) {
	t.Parallel()
	said := refused(t, "--records", "postgres://db/safe")
	for _, flag := range []string{"--blobs", "--witness", "--keys", "--alone"} {
		require.Contains(t, said, flag)
	}
	require.NotContains(t, refused(t, "--records", "postgres://db/safe", "--blobs", "s3://b"), "--blobs lies")
	require.Contains(t, refused(t, "--records", "postgres://db/safe", "--blobs", "file:///b"), "--blobs lies")
	parse(t, "--records", "postgres://db/safe", "--alone")
	parse(t, "--blobs", "s3://b") // one server still: SQLite refuses a second
}

func TestAWitnessIsNamedWithItsKey(t *testing.T) {
	t.Parallel()
	key := aKey(t, "w")
	parse(t, "--witness", "https://w.example.org", "--witness-key", strings.ToUpper(key))
	require.Contains(t, refused(t, "--witness", "https://w.example.org"), "--witness-key")
	require.Contains(t, refused(t, "--witness", "http://w.example.org", "--witness-key", key), "https")
	require.Contains(t, refused(t, "--witness-key", key), "without --witness")
	require.Contains(t, refused(t, "--witness", "https://w.example.org", "--witness-key", mistyped(key)), "mistyped")
	require.Contains(t, refused(t, "--witness", "https://w.example.org", "--witness-key", key, "--witness-signs", key), "--operator-key")
}

func TestAWitnessServesWhomItKnows(t *testing.T) {
	t.Parallel()
	one, two, operator := aKey(t, "1"), aKey(t, "2"), aKey(t, "o")
	c := parse(t, "witness", "--client", "lyon="+one+"/"+operator, "--client", "lyon="+two+"/"+operator)
	require.Equal(t, "witness serve", c.Command)
	require.Equal(t, "./reconnect-witness", c.Data, "never the folder of a server")
	clients, problems := c.WitnessServer.Serve.Clients()
	require.Empty(t, problems)
	require.Len(t, clients, 2)
	require.Equal(t, []string{one, operator, two}, []string{clients[0].Key.String(), clients[0].Operator.String(), clients[1].Key.String()})
	c = parse(t, "witness", "--config", write(t, "c.yaml", "client: [lyon="+one+", paris="+two+"/"+operator+"]\nrecords: postgres://db/witness\n"))
	clients, _ = c.WitnessServer.Serve.Clients()
	require.Len(t, clients, 2)
	require.Nil(t, clients[0].Operator)

	for _, wrong := range [][]string{
		{}, {"--client", "lyon"}, {"--client", "Lyon=" + one}, {"--client", "../x=" + one}, {"--client", "lyon=" + one + "/x"},
		{"--client", "lyon=" + one + "/" + one}, {"--client", "lyon=" + one, "--client", "paris=" + one},
		{"--client", "lyon=" + one + "/" + operator, "--client", "lyon=" + two},
	} {
		require.Contains(t, refused(t, append([]string{"witness"}, wrong...)...), "--client", wrong)
	}
	require.Equal(t, "witness identity", parse(t, "witness", "identity").Command)
	require.Equal(t, "lyon", parse(t, "witness", "forks", "--of", "lyon").WitnessServer.Forks.Of)
}

// The example in the manual is one that the server takes.
func TestTheExampleOfTheManualIsAConfiguration(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	_, example, found := strings.Cut(string(manual), "```yaml\n")
	require.True(t, found)
	example, _, _ = strings.Cut(example, "```")
	example = strings.Replace(example, "@/run/secrets/reconnect-keys", "@"+write(t, "keys", "base64key://"+secret), 1)
	c := parse(t, "--config", write(t, "config.yaml", example))
	require.True(t, c.SharedRecords())
	require.Empty(t, c.Shown)
	require.Equal(t, "10.0.0.11:8080", c.Serve.Listen)
	require.NotEmpty(t, c.WitnessSigns)
}
