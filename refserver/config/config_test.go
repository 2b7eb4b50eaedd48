package config_test

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/config"
)

func parse(t *testing.T, args ...string) *config.Config {
	t.Helper()
	c, err := config.Parse(args, io.Discard)
	require.NoError(t, err)
	return c
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestWithoutArgumentsTheServerRunsWithDefaults(t *testing.T) {
	t.Parallel()
	c := parse(t)
	require.Equal(t, "serve", c.Command)
	require.Equal(t, "127.0.0.1:8080", c.Serve.Listen)
	require.Equal(t, "./reconnect-data", c.Data)
	require.EqualValues(t, 150_000_000, c.Quota)
	require.Equal(t, 15*time.Minute, c.SessionIdle)
	require.True(t, c.Serve.OnlyThisMachine())
	require.False(t, c.Serve.Demo)
}

func TestFlagsMayBeWrittenWithOneDash(t *testing.T) {
	t.Parallel()
	require.True(t, parse(t, "-demo").Serve.Demo)
	require.True(t, parse(t, "--demo").Serve.Demo)
	require.True(t, parse(t, "serve", "-demo").Serve.Demo)
	require.False(t, parse(t, "-listen", "0.0.0.0:443").Serve.OnlyThisMachine())
}

// The address of the server, which stands in the file of a machine, is not where the
// operator's pages are.
func TestTheOperatorsPagesTakeNoAddressFromTheSettingsOfTheServer(t *testing.T) {
	t.Parallel()
	file := write(t, "config.yaml", "listen: 10.0.0.11:8080\n")
	require.Equal(t, "10.0.0.11:8080", parse(t, "--config", file).Serve.Listen)
	require.Equal(t, "127.0.0.1:0", parse(t, "--config", file, "admin", "pages").Admin.Pages.Listen)
	require.Equal(t, "[::1]:9443", parse(t, "--config", file, "admin", "pages", "--listen", "[::1]:9443").Admin.Pages.Listen)
}

func TestTheCommandsOfTheOperatorAreRead(t *testing.T) {
	t.Parallel()
	require.Equal(t, "admin sweep", parse(t, "admin", "sweep").Command)
	require.Equal(t, "admin create-vault", parse(t, "admin", "create-vault", "--consent").Command)
	require.Equal(t, "en", parse(t, "admin", "notice", "--language", "en").Admin.Notice.Language)
	c := parse(t, "admin", "approve", "abc", "--by", "Dominique", "--why", "beaucoup de papiers")
	require.Equal(t, "admin approve", c.Command)
	require.Equal(t, config.Decision{ID: "abc", By: "Dominique", Why: "beaucoup de papiers"}, c.Admin.Approve)
	_, err := config.Parse([]string{"admin", "refuse", "abc"}, io.Discard)
	require.ErrorContains(t, err, "--by")
}

func TestFilesInJSONAndYAMLSetFlags(t *testing.T) {
	t.Parallel()
	yaml := write(t, "c.yaml", "listen: 127.0.0.1:9000\nquota: 1000\nsession-idle: 5m\ntrusted-proxy: [10.0.0.0/8, 192.168.0.0/16]\ndemo: true\n")
	json := write(t, "c.json", `{"listen":"127.0.0.1:9000","quota":1000,"session-idle":"5m","trusted-proxy":["10.0.0.0/8","192.168.0.0/16"],"demo":true}`)
	for _, path := range []string{yaml, json} {
		c := parse(t, "--config", path)
		require.Equal(t, "127.0.0.1:9000", c.Serve.Listen)
		require.EqualValues(t, 1000, c.Quota)
		require.Equal(t, 5*time.Minute, c.SessionIdle)
		require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.0.0/16")}, c.Serve.TrustedProxy)
		require.True(t, c.Serve.Demo)
	}
}

// Not parallel: it sets the environment.
func TestAFlagWinsOverTheEnvironmentAndThatOverTheFile(t *testing.T) {
	t.Setenv("RECONNECT_QUOTA", "2000")
	t.Setenv("RECONNECT_SESSION_IDLE", "7m")
	path := write(t, "c.yaml", "quota: 1000\nsession-idle: 5m\nsession-max: 3h\n")
	c := parse(t, "--config", path, "--session-idle", "9m")
	require.Equal(t, 9*time.Minute, c.SessionIdle)
	require.EqualValues(t, 2000, c.Quota)
	require.Equal(t, 3*time.Hour, c.SessionMax)
}

// Not parallel: it sets the environment.
func TestNoSettingAgreesForEverybody(t *testing.T) {
	t.Setenv("RECONNECT_CONSENT", "true")
	_, err := config.Parse([]string{"admin", "create-vault"}, io.Discard)
	require.ErrorContains(t, err, "--consent")
	_, err = config.Parse([]string{"--config", write(t, "c.yaml", "consent: true\n"), "admin", "create-vault"}, io.Discard)
	require.ErrorContains(t, err, "consent")
}

func TestASpellingMistakeInAFileIsRefused(t *testing.T) {
	t.Parallel()
	_, err := config.Parse([]string{"--config", write(t, "c.yaml", "quotta: 1000\nlisten: 127.0.0.1:1\n")}, io.Discard)
	require.ErrorContains(t, err, "quotta")
	require.NotContains(t, err.Error(), "1000")
	_, err = config.Parse([]string{"--config", write(t, "c.yaml", "listen: [unclosed secret")}, io.Discard)
	require.ErrorContains(t, err, "neither JSON nor YAML")
	require.NotContains(t, err.Error(), "secret")
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := config.Parse([]string{
		"--quota=-1", "--session-idle=1s", "--listen=nowhere", "--tls-cert=a.pem", "--zone=Mars/Base", "--languages=fr,xx", "--staff-per-minute=0", "--address=http://espace.example.org",
		"--death-wait=29", "--unseen-after=5", "--recovery-offer=password", "--recovery-answers-wait=23", "--recovery-helpers-wait=6", "--recovery-private-wait=29", "--recovery-requests-last=0", "--witness-independent", "--demo-witness", "--metrics-listen=9100", "--left-share=91", "--left-per-day=0", "--links-per-minute=0",
	}, io.Discard)
	for _, flag := range []string{"--quota", "--session-idle", "--listen", "--tls-key", "--zone", "--languages", "--staff-per-minute", "--address", "--death-wait", "--unseen-after",
		"--recovery-offer", "--recovery-answers-wait", "--recovery-helpers-wait", "--recovery-private-wait", "--recovery-requests-last", "--witness-independent", "--demo-witness", "--metrics-listen", "--left-share", "--left-per-day", "--links-per-minute",
	} {
		require.ErrorContains(t, err, flag)
	}
}

// Nobody can make a session last so long that a lost phone or a screen that was left is
// open to whoever comes: less for who reaches the spaces of many.
func TestNoSettingMakesASessionLastTooLong(t *testing.T) {
	t.Parallel()
	for _, good := range [][]string{
		nil, {"--session-idle=1m"}, {"--session-idle=24h", "--session-max=720h"}, {"--staff-session-idle=1h", "--staff-session-max=24h"}, {"--staff-session-idle=1m", "--staff-session-max=1m"},
	} {
		_, err := config.Parse(good, io.Discard)
		require.NoError(t, err, good)
	}
	for _, bad := range []string{
		"--session-idle=59s", "--session-idle=24h1m", "--session-max=10m", "--session-max=721h",
		"--staff-session-idle=59s", "--staff-session-idle=61m", "--staff-session-max=10m", "--staff-session-max=24h1m", "--staff-session-max=0s",
	} {
		_, err := config.Parse([]string{bad}, io.Discard)
		flag, _, _ := strings.Cut(bad, "=")
		require.ErrorContains(t, err, flag, bad)
	}
}

func TestTheAddressOfThePagesIsOneThatCanBeTyped(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"https://espace.example.org", "https://espace.example.org/", "https://espace.example.org:8443", "http://localhost:8080"} {
		_, err := config.Parse([]string{"--address", good}, io.Discard)
		require.NoError(t, err, good)
	}
	for _, bad := range []string{"espace.example.org", "http://espace.example.org", "https://", "https://somebody@espace.example.org", "https://espace.example.org/app", "https://espace.example.org?x", "ftp://localhost", "https://espace.example.org/#a", "javascript:1"} {
		_, err := config.Parse([]string{"--address", bad}, io.Discard)
		require.ErrorContains(t, err, "--address", bad)
	}
}

func TestHelpIsPrintedAndEndsTheProgram(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	_, err := config.Parse([]string{"--help"}, &out)
	require.True(t, config.IsHelp(err))
	require.Contains(t, out.String(), "--data")
	require.Contains(t, out.String(), "RECONNECT_DATA")
}

func TestTheKeyOfAnAuthorityIsReadAsItWasPrinted(t *testing.T) {
	t.Parallel()
	const key = "ra-wjytwlan-fsykq5xp-le5khnho-y4h22zh3-ajkgra73-qes6fkdf-zjbi44bo"
	require.Nil(t, parse(t).AuthorityKey())
	require.Equal(t, key, parse(t, "--authority", key).AuthorityKey().String())
	require.EqualValues(t, 200_000, parse(t).FeeCap)
	require.Equal(t, "EUR", parse(t).Currency)
	for _, wrong := range [][]string{
		{"--authority", key[:len(key)-1] + "p"}, {"--authority", "rw" + key[2:]}, {"--authority", "x"}, {"--fee-cap", "0"}, {"--fee-cap=-1"}, {"--currency", "euro"}, {"--currency", "eur"},
	} {
		require.Contains(t, refused(t, wrong...), strings.TrimSuffix(strings.Split(wrong[0], "=")[0], "=-1"))
	}
	require.Equal(t, "authority init", parse(t, "authority", "init", "--authority-key", "a", "--out", "b").Command)
	require.Equal(t, "admin relay withdraw", parse(t, "admin", "relay", "withdraw", "abc").Command)
}

// An operator who types half a command is told all that there are, and where they are
// explained.
func TestACommandThatIsNotWholeNamesAllThatThereAre(t *testing.T) {
	t.Parallel()
	for line, said := range map[string][]string{
		"admin":           {"notice", "increases", "unseen", "invite", "pages", "partner", "(see: refserver admin --help)"},
		"admin relay":     {"add, withdraw", "(see: refserver admin relay --help)"},
		"admin approve x": {"--by", "--why", "(see: refserver admin approve --help)"},
		"admin health":    {"unexpected argument health", "(see: refserver admin --help)"},
	} {
		_, err := config.Parse(strings.Fields(line), io.Discard)
		for _, words := range said {
			require.ErrorContains(t, err, words, line)
		}
		require.NotContains(t, err.Error(), "...", line)
	}
}
