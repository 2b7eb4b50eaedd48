package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// desk is where somebody works with files of the authority, beside a server.
type desk struct {
	*testing.T
	folder    string // of the files
	data      string // of the server
	authority string // the public key; "": not known yet
	says      *strings.Replacer
}

func newDesk(t *testing.T) *desk {
	dir := shortDir(t)
	return &desk{T: t, folder: filepath.Join(dir, "files"), data: filepath.Join(dir, "data"), says: strings.NewReplacer()}
}

// file is a file of the desk by its name.
func (d *desk) file(name string) string {
	require.NoError(d, os.MkdirAll(d.folder, 0o700))
	return filepath.Join(d.folder, name)
}

// do runs a command, with files in the desk's folder.
func (d *desk) do(args ...string) (string, error) {
	d.Helper()
	for n, arg := range args {
		if filepath.IsAbs(arg) {
			continue
		}
		if strings.HasSuffix(arg, ".key") || strings.HasSuffix(arg, ".directory") || arg == "changes" {
			args[n] = d.file(arg)
		}
	}
	if d.authority != "" {
		args = append([]string{"--authority", d.authority}, args...)
	}
	return command(d.T, d.data, args...)
}

func (d *desk) must(args ...string) string {
	d.Helper()
	out, err := d.do(args...)
	require.NoError(d, err, args)
	return out
}

var (
	printedAuthority = regexp.MustCompile(`(?m)^(ra(?:-[a-z2-7]{8}){7})$`)
	printedID        = regexp.MustCompile(`"id": "([a-z2-7]{26})"`)
	commandLine      = regexp.MustCompile(`(?m)^refserver (.*)$`)
	words            = regexp.MustCompile(`"[^"]*"|\S+`)
)

// published is a desk with a running server, on which the first directory is published.
func publishedDesk(t *testing.T) (*desk, *running) {
	d := newDesk(t)
	d.authority = found(printedAuthority, d.must("authority", "init", "--authority-key", "authority.key", "--out", "first.directory"))
	require.NotEmpty(t, d.authority)
	r := start(t, d.data, "--authority", d.authority)
	d.must("admin", "directory", "publish", "first.directory")
	return d, r
}

// aRelay is the id and the key of a relay's space.
func aRelay() (id, key string) {
	return vault.ID(consent.NewOrganisationID()).String(), consent.RelayKey(seal.NewSigningKey().Public()).String()
}

// manual returns the commands that a section of the manual shows.
func manual(t *testing.T, title string) [][]string {
	t.Helper()
	return shownIn(t, "operations.md", title)
}

// shownIn returns the commands that a section of a document shows.
func shownIn(t *testing.T, document, title string) [][]string {
	t.Helper()
	text, err := os.ReadFile("../docs/" + document)
	require.NoError(t, err)
	_, section, there := strings.Cut(string(text), "\n## "+title+"\n")
	require.True(t, there)
	section, _, _ = strings.Cut(section, "\n## ")
	return commandLine.FindAllStringSubmatch(section, -1)
}

// Each command that the manual shows is run as it stands there.
func TestTheManualOnRelaysAndLicences(t *testing.T) {
	t.Parallel()
	lines := manual(t, "Relays and licences")
	require.Len(t, lines, 15)
	d := newDesk(t)
	relay, key := aRelay()
	d.says = strings.NewReplacer("RELAY", relay, "KEY", key)
	for _, line := range lines {
		if d.authority != "" && line[1] == "admin directory publish first.directory" {
			start(t, d.data, "--authority", d.authority)
		}
		out := d.line(line[1])
		if printed := found(printedAuthority, out); printed != "" && d.authority == "" {
			d.authority = printed
		}
		if strings.Contains(line[1], "organisation add") {
			d.says = strings.NewReplacer("RELAY", relay, "KEY", key, "ORGANISATION", found(printedID, out))
		}
	}
	shown := d.must("admin", "directory", "show")
	require.Contains(t, shown, "Version    5\n")
	require.Regexp(t, relay+`  Accueil de jour, day-centre, WITHDRAWN 20`, shown)
	require.Regexp(t, `licence      2026-17, from 2026-01-01 to 2026-12-31, 1500.00 EUR, WITHDRAWN 20`, shown)
	require.Contains(t, shown, "place        12 rue des Écoles, Lyon (FR)")
	require.Contains(t, shown, "Authority  "+d.authority+"\n")
	require.NotContains(t, shown, "Signed by  "+d.authority, "another key signs now")
}

// line runs a line as a shell does.
func (d *desk) line(text string) string {
	d.Helper()
	text, to, appends := strings.Cut(text, " >> ")
	if !appends {
		text, to, _ = strings.Cut(text, " > ")
	}
	var args []string
	for _, word := range words.FindAllString(text, -1) {
		args = append(args, d.says.Replace(strings.Trim(word, `"`)))
	}
	out := d.must(args...)
	if to != "" {
		flags := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
		if appends {
			flags = os.O_CREATE | os.O_WRONLY | os.O_APPEND
		}
		f, err := os.OpenFile(d.file(to), flags, 0o600)
		require.NoError(d, err)
		_, err = f.WriteString(out)
		require.NoError(d, err)
		require.NoError(d, f.Close())
	}
	return out
}

func TestTheKeyOfTheAuthorityNeverReachesTheServer(t *testing.T) {
	t.Parallel()
	d, r := publishedDesk(t)
	out := d.must("admin", "organisation", "add", "--name", "بلدية ليون", "--authority-key", "authority.key")
	organisation := strings.TrimSpace(strings.SplitN(out, "\n", 2)[0])
	relay, key := aRelay()
	d.must("admin", "relay", "add", "--id", relay, "--key", key, "--organisation", organisation, "--name", "مركز", "--type", "cada", "--authority-key", "authority.key")
	d.must("admin", "licence", "add", "--relay", relay, "--number", "1", "--from", "2026-01-01", "--to", "2026-12-31", "--fee", "200000", "--authority-key", "authority.key")
	_, err := d.do("admin", "licence", "add", "--relay", relay, "--number", "2", "--from", "2027-01-01", "--to", "2027-12-31", "--fee", "200001", "--authority-key", "authority.key")
	require.ErrorContains(t, err, "licence.fee is over the cap of 200000")
	_, err = d.do("admin", "relay", "add", "--id", relay, "--key", strings.Replace(key, "rr-", "ra-", 1), "--organisation", organisation, "--name", "x", "--type", "cada")
	require.ErrorContains(t, err, "key is not a public key of a relay")
	require.Contains(t, d.must("admin", "directory", "show"), "مركز, cada")
	r.end(t)
	require.Contains(t, d.must("admin", "directory", "show"), "مركز, cada", "also when no server runs")

	seed, err := os.ReadFile(d.file("authority.key"))
	require.NoError(t, err)
	require.Len(t, seed, 32)
	require.NoError(t, filepath.WalkDir(d.data, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		require.NotContains(t, string(content), string(seed), path)
		return err
	}))
	require.NotContains(t, r.logs.String(), organisation)
}

func TestAKeyFileOfTheAuthorityIsNeverReplacedAndNeverOpenToOthers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.must("authority", "init", "--authority-key", "authority.key", "--out", "first.directory")
	before, err := os.ReadFile(d.file("authority.key"))
	require.NoError(t, err)
	info, err := os.Stat(d.file("authority.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, err = d.do("authority", "init", "--authority-key", "authority.key", "--out", "other.directory")
	require.ErrorIs(t, err, os.ErrExist)
	after, err := os.ReadFile(d.file("authority.key"))
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.NoDirExists(t, d.data, "the authority needs no data folder")

	require.NoError(t, os.WriteFile(d.file("changes"), []byte(`{"organisation":{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaa","name":"X","country":"FR","nickname":"Y"}}`), 0o600))
	_, err = d.do("authority", "sign", "first.directory", "changes", "--authority-key", "authority.key", "--out", "next.directory")
	require.ErrorContains(t, err, "nickname")
	require.NoError(t, os.WriteFile(d.file("changes"), nil, 0o600))
	_, err = d.do("authority", "sign", "first.directory", "changes", "--authority-key", "authority.key", "--out", "next.directory")
	require.Error(t, err, "nothing is signed when nothing is said")
	d.must("authority", "init", "--authority-key", "stranger.key", "--out", "stranger.directory")
	_, err = d.do("authority", "rotate", "first.directory", "--authority-key", "stranger.key", "--new-key", "new.key", "--out", "next.directory")
	require.ErrorContains(t, err, "not the key that signs this directory")
	require.NoFileExists(t, d.file("new.key"))
	require.NoError(t, os.WriteFile(d.file("torn.directory"), before, 0o600))
	_, err = d.do("authority", "show", "torn.directory")
	require.ErrorContains(t, err, "not a directory of relays")
	require.NoError(t, os.Chmod(d.file("authority.key"), 0o640))
	_, err = d.do("authority", "sign", "first.directory", "changes", "--authority-key", "authority.key", "--out", "next.directory")
	require.Error(t, err)
	require.NoFileExists(t, d.file("next.directory"))
}

func TestAServerTakesNothingFromAnotherAuthority(t *testing.T) {
	t.Parallel()
	d, _ := publishedDesk(t)
	stranger := newDesk(t)
	stranger.must("authority", "init", "--authority-key", "authority.key", "--out", "first.directory")
	_, err := command(t, d.data, "admin", "directory", "publish", stranger.file("first.directory"))
	require.Error(t, err)
	_, err = d.do("admin", "organisation", "add", "--name", "X", "--authority-key", stranger.file("authority.key"))
	require.ErrorContains(t, err, "not the key that signs this directory")
	require.Contains(t, d.must("admin", "directory", "show"), "Version    1\n")
}

func TestWithoutAnAuthorityTheServerRunsWithoutRelays(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	r := start(t, d.data)
	status, body := fetch(t, r.url+"/sign-in")
	require.Equal(t, http.StatusOK, status)
	require.NotContains(t, body, "/staff/sign-in")
	_, err := d.do("admin", "directory", "show")
	require.ErrorContains(t, err, "--authority")
	d.must("authority", "init", "--authority-key", "authority.key", "--out", "first.directory")
	_, err = d.do("admin", "directory", "publish", "first.directory")
	require.ErrorContains(t, err, "--authority")
}

func TestCheckSaysWhetherTheDirectoryIsThereAndSigned(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	r := start(t, d.data)
	require.Contains(t, d.must("check"), "the server runs without relays")
	r.end(t)
	require.Contains(t, d.must("check"), "the server runs without relays")
	d.authority = found(printedAuthority, d.must("authority", "init", "--authority-key", "authority.key", "--out", "first.directory"))
	require.Contains(t, d.must("check"), "There is no directory of relays yet")
	r = start(t, d.data, "--authority", d.authority)
	require.Contains(t, d.must("check"), "There is no directory of relays yet")
	d.must("admin", "directory", "publish", "first.directory")
	require.Contains(t, d.must("check"), "there and signed: version 1, 0 relays")
	r.end(t)
	organisation := strings.SplitN(d.must("admin", "organisation", "add", "--name", "Ville de Lyon", "--authority-key", "authority.key"), "\n", 2)[0]
	relay, key := aRelay()
	d.must("admin", "relay", "add", "--id", relay, "--key", key, "--organisation", organisation, "--name", "Accueil", "--type", "ccas", "--authority-key", "authority.key")
	said := d.must("check")
	require.Contains(t, said, "there and signed: version 3, 1 relays, 1 of them without a licence today")
	require.Contains(t, said, "This store has no space of these relays: Accueil.")
	last := time.Now().AddDate(0, 0, 10).Format(time.DateOnly)
	d.must("admin", "licence", "add", "--relay", relay, "--number", "1", "--from", "2024-01-01", "--to", last, "--fee", "0", "--authority-key", "authority.key")
	require.Contains(t, d.must("check"), "Licences end soon: Accueil on "+last+".")
	r = start(t, d.data, "--authority", d.authority)
	require.Contains(t, d.must("check"), "Licences end soon: Accueil on "+last+".", "the running server says the same")
	r.end(t)

	stranger := newDesk(t)
	d.authority = found(printedAuthority, stranger.must("authority", "init", "--authority-key", "authority.key", "--out", "first.directory"))
	require.Contains(t, d.must("check"), "There is no directory of relays yet", "of this authority")
}

// A relay that was withdrawn since the backup stays withdrawn: the witness keeps the
// directory, and no backup sets it back.
func TestARestoreDoesNotBringAWithdrawnRelayBack(t *testing.T) {
	t.Parallel()
	d, r := publishedDesk(t)
	organisation := strings.SplitN(d.must("admin", "organisation", "add", "--name", "Ville de Lyon", "--authority-key", "authority.key"), "\n", 2)[0]
	relay, key := aRelay()
	d.must("admin", "relay", "add", "--id", relay, "--key", key, "--organisation", organisation, "--name", "Accueil", "--type", "ccas", "--authority-key", "authority.key")
	copies, fresh := filepath.Join(filepath.Dir(d.data), "copies"), filepath.Join(filepath.Dir(d.data), "new")
	d.must("backup", "take", copies)
	d.must("admin", "relay", "withdraw", relay, "--on", "2026-03-02", "--authority-key", "authority.key")
	r.end(t)

	copyInto(t, fresh, append(keysOf(d.data), filepath.Join(d.data, "witness.db"))...)
	d.data = fresh
	require.Contains(t, d.must("restore", copies), "0 accounts: 0 unchanged since the backup, 0 set back")
	start(t, fresh, "--authority", d.authority)
	require.Contains(t, d.must("admin", "directory", "show"), "Accueil, ccas, WITHDRAWN 2026-03-02")
}
