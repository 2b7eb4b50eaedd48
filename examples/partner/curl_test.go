package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/testfiles"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// shown is what docs/interop.md shows of partner systems: the program that signs an
// assertion, and the requests, one a line.
func shown(t *testing.T) (python string, requests []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/interop.md")
	require.NoError(t, err)
	_, section, there := strings.Cut(string(text), "\n### Over the reference server\n")
	require.True(t, there)
	blocks := regexp.MustCompile("(?s)```([a-z]*)\n(.*?)```").FindAllStringSubmatch(section, 2)
	require.Len(t, blocks, 2)
	require.Equal(t, "python", blocks[0][1])
	return blocks[0][2], strings.Split(strings.TrimSpace(blocks[1][2]), "\n")
}

// linked is a link to the person's file, who lets the partner leave something.
func linked(t *testing.T, stage *consenttest.Stage, of partner, p *vaulttest.Person) string {
	t.Helper()
	office, err := stage.Service.Office(t.Context(), of.ID)
	require.NoError(t, err)
	file := consent.Traits{Number: "7", FamilyName: "Keïta", FirstName: "Amina", BirthDate: "1990-05-01"}
	blinded, err := consent.BlindTraits(file)
	require.NoError(t, err)
	code, err := stage.Service.AskCode(t.Context(), p.Vault)
	require.NoError(t, err)
	token, err := office.AskLink(t.Context(), code.Code, consent.Purpose{Code: consent.PurposeBenefits, Text: "suivre votre dossier"}, blinded)
	require.NoError(t, err)
	asked, err := stage.Service.Asked(t.Context(), p.Vault)
	require.NoError(t, err)
	require.NoError(t, stage.Service.AgreeLink(t.Context(), p.Vault, asked[0].ID, file))
	require.NoError(t, stage.Service.LetLeave(t.Context(), p.Vault, of.ID))
	link, err := office.Link(t.Context(), token)
	require.NoError(t, err)
	return link
}

// programs looks for what the document needs, and returns a Python that knows how to sign.
func programs(t *testing.T) (python string, err error) {
	for _, name := range []string{"curl", "sh"} {
		if _, err := exec.LookPath(name); err != nil {
			return "", err
		}
	}
	for _, python := range []string{"/usr/bin/python3", "python3"} { // Debian's first
		if err = exec.CommandContext(t.Context(), python, "-c", "import jwt, cryptography").Run(); err == nil {
			return python, nil
		}
	}
	return "", err
}

// Each request that the document shows is sent as it stands there, by curl and a shell; the
// assertion is signed by the Python that it shows.
func TestTheRequestsOfTheDocumentAreAnswered(t *testing.T) {
	t.Parallel()
	debian, err := programs(t)
	if err != nil {
		require.NotEqual(t, "1", os.Getenv("RECONNECT_TEST_ALL"), err)
		t.Skip(err)
	}
	stage, caf := served(t)
	person := stage.Person(t)
	card, err := person.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "Card", Compartment: vault.Shared}, strings.NewReader("the bytes of the card"))
	require.NoError(t, err)
	link := linked(t, stage, caf, person)
	code, err := stage.Service.AskCode(t.Context(), person.Vault)
	require.NoError(t, err)

	folder := t.TempDir()
	signer, _ := caf.Keys.Seeds()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "partner.key"), signer, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "notification.pdf"), testfiles.Letter().Bytes(), 0o600))
	now := stage.Clock.Now()
	says := strings.NewReplacer("https://espace.example.org", caf.Server, "PARTNER", strconv.Quote(caf.ID.String()), "int(time.time())", strconv.FormatInt(now.Unix(), 10),
		"1234 5678 9012 3452", code.Code, "2026-12-31T12:00:00Z", now.AddDate(0, 0, 30).UTC().Format("2006-01-02T15:04:05Z"))
	env := []string{"LINK=" + link, "ITEM=" + card.ID.String()}
	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir, c.Env = folder, append(os.Environ(), env...)
		out, err := c.Output()
		require.NoError(t, err, "%s: %s", args, out)
		return strings.TrimSpace(string(out))
	}
	python, requests := shown(t)
	env = append(env, "ASSERTION="+run(debian, "-c", says.Replace(python)))
	require.Len(t, requests, 7)
	for n, line := range requests {
		require.True(t, strings.HasPrefix(line, "curl https://espace.example.org/"), line)
		out := run("sh", "-c", says.Replace(line)+" --fail-with-body --silent")
		var said struct {
			Token string `json:"access_token"`
			Ask   string
			Name  string
			consent.Handed
		}
		if strings.HasPrefix(out, "{") {
			require.NoError(t, json.Unmarshal([]byte(out), &said), out)
		}
		switch n {
		case 0:
			env = append(env, "TOKEN="+said.Token)
		case 1:
			require.Equal(t, "CAF", said.Name)
		case 2:
			env = append(env, "ASK="+said.Ask)
			answers(t, stage, person, card.ID)
		case 3:
			_, err := consent.OpenHanded(caf.Keys, caf.ID, caf.Service, said.Handed)
			require.NoError(t, err)
		case 4:
			sealed, err := os.ReadFile(filepath.Join(folder, "sealed"))
			require.NoError(t, err)
			require.NotEmpty(t, sealed)
		}
	}
	left, err := person.Vault.Deposits(t.Context())
	require.NoError(t, err)
	require.Len(t, left, 2, "a message and a paper")
}
