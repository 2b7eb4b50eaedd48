package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/demo"
	"reconnect.example/refserver/engines"
	"reconnect.example/vault"
)

// Each command that the manual shows is run as it stands there.
func TestTheManualOnADesk(t *testing.T) {
	t.Parallel()
	lines := shownIn(t, "recovery.md", "What has to be there")
	require.Len(t, lines, 6)
	d, _ := publishedDesk(t)
	relay, key := aRelay()
	d.says = strings.NewReplacer("RELAY", relay, "KEY", key)
	said := ""
	for _, line := range lines {
		said = d.line(line[1])
		if strings.Contains(line[1], "organisation add") {
			d.says = strings.NewReplacer("RELAY", relay, "KEY", key, "ORGANISATION", found(printedID, said))
		}
	}
	require.Regexp(t, relay+`  Permanence, desk`, d.must("admin", "directory", "show"))
	require.Contains(t, said, "Ways back in that people can choose: sheet-desk.")
	require.Contains(t, said, "There is no relay but desks")
}

// What a start of the sample prints is enough to follow the stories of who forgot the
// password; and who then is somebody else, the next start makes anew.
func TestTheSamplePrintsAllThatGettingBackInTakes(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(shortDir(t), "data")
	r := start(t, folder, "--demo")
	sheet := found(printedSheet, r.out.String())
	read, err := recovery.ReadSheet(sheet)
	require.NoError(t, err)
	require.Equal(t, sheet, read.Code)
	for _, words := range []string{"Louise Modèle, who works at Accueil de jour Exemple", "Inès Standard, who manages Permanence Exemple", "Karim Standard, who works at Permanence Exemple", "Moustache Gris", "/back"} {
		require.Contains(t, r.out.String(), words)
	}
	login := r.login
	out, err := command(t, folder, "check")
	require.NoError(t, err, out)
	require.Contains(t, out, "Ways back in that people can choose: sheet-relay, sheet-desk, answers-relay, helpers.")
	r.end(t)

	back := recoverSample(t, folder, sheet)
	require.Equal(t, login, back)
	r = start(t, folder, "--demo")
	require.NotEqual(t, login, r.login, "the printed password opens nothing any more")
	require.NotEqual(t, sheet, found(printedSheet, r.out.String()))
}

var printedSheet = regexp.MustCompile(`Sheet +([0-9 ]+)\n`)

// recoverSample lets the sample person back in by call, as agent and person do, on a
// folder that nobody serves, and returns their login.
func recoverSample(t *testing.T, folder, sheet string) string {
	t.Helper()
	c, err := config.Parse([]string{"--data", folder, "--demo"}, io.Discard)
	require.NoError(t, err)
	_, err = sampleAuthority(c)
	require.NoError(t, err)
	data, err := engines.Open(t.Context(), c)
	require.NoError(t, err)
	defer func() { require.NoError(t, data.Close()) }()
	var sample demo.Sample
	raw, err := os.ReadFile(filepath.Join(folder, "demo-relays.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &sample))
	agent := sample.Staff[len(sample.Staff)-1]
	w, err := data.Staff.SignIn(t.Context(), vault.Password{Login: agent.Login, Secret: agent.Password})
	require.NoError(t, err)
	defer w.Close()
	p, err := w.At(t.Context(), sample.Desk)
	require.NoError(t, err)
	defer p.Close()
	id, err := data.Recovery.Find(t.Context(), p, sample.Person)
	require.NoError(t, err)
	ways, err := data.Recovery.Ways(t.Context(), p, id)
	require.NoError(t, err)
	for _, way := range ways {
		if way.Kind != vault.PathSheetDesk {
			continue
		}
		opened, err := data.Recovery.Open(t.Context(), p, recovery.NewRequest{Vault: id, Path: way.Path, Recognised: "by the voice"})
		require.NoError(t, err)
		page, err := data.Recovery.Enter(t.Context(), recovery.HandOverCode{Number: opened.Number, Code: opened.Code})
		require.NoError(t, err)
		back, err := page.Complete(t.Context(), recovery.Completion{Sheet: sheet, Password: "veko lanu timo fasa"})
		require.NoError(t, err)
		defer back.Vault.Close()
		return back.Login
	}
	require.Fail(t, "the desk cannot help with the sheet")
	return ""
}

// With a witness as a second program every way back in is there, and nothing is left
// running when the server has ended.
func TestTheSampleWitnessIsAProgramOfItsOwn(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(shortDir(t), "data")
	r := start(t, folder, "--demo", "--demo-witness")
	require.NotContains(t, r.out.String(), "The witness lies on the same disk")
	require.Contains(t, r.out.String(), "passes for another organisation's")
	require.NoFileExists(t, filepath.Join(folder, "witness.db"))
	require.NotContains(t, r.logs.String(), "the witness does not answer")
	_, err := command(t, filepath.Join(folder, "demo-witness"), "witness", "forks")
	require.NoError(t, err, "it runs")
	login := r.login
	r.end(t)
	require.NoError(t, r.err)
	_, err = command(t, filepath.Join(folder, "demo-witness"), "witness", "forks")
	require.ErrorContains(t, err, "no witness runs")

	_, err = command(t, folder, "serve", "--demo")
	require.ErrorContains(t, err, "--demo-witness", "another witness could not vouch for what is there")
	r = start(t, folder, "--demo", "--demo-witness")
	require.Equal(t, login, r.login)
	require.NotEmpty(t, visit(t, r).get("/papers"))
}
