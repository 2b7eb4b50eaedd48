package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/api"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

const password = "cheval-lampe-rivière-7"

// served is the API with one person.
func served(t *testing.T) (address, login string) {
	t.Helper()
	vaults, err := local.Open(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, vaults.Close()) })
	v, err := vaults.Create(t.Context(), vault.CreateRequest{Password: password, Consent: true, Notice: vault.Notice{Version: "1", Language: "fr", Text: "Ce que nous gardons."}})
	require.NoError(t, err)
	t.Cleanup(v.Close)
	login, err = v.Login(t.Context())
	require.NoError(t, err)
	handler, err := api.New(api.Config{Vaults: vaults.Vaults, Limits: session.NewLimits(session.LimitsConfig{})})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + api.Path + "/", login
}

func TestExampleKeepsAPaperThroughTheAPI(t *testing.T) {
	t.Parallel()
	address, login := served(t)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), address, login, password, &out))
	require.Equal(t, "kept: Carte d'identité private\nread: a photo\n", out.String())
	require.ErrorContains(t, run(t.Context(), address, login, "wrong", &out), "/problems/sign-in")
}

// What docs/api.md shows to type does what it says.
func TestWhatTheDocumentationTypesWorks(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil && os.Getenv("RECONNECT_TEST_ALL") != "1" {
		t.Skip("needs curl")
	}
	doc, err := os.ReadFile("../../docs/api.md")
	require.NoError(t, err)
	var typed strings.Builder
	for i, block := range strings.Split(string(doc), "```") {
		if script, is := strings.CutPrefix(block, "sh\n"); is && i%2 == 1 {
			typed.WriteString(script)
		}
	}
	address, login := served(t)
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", typed.String())
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "API="+strings.TrimSuffix(address, "/"), "LOGIN="+login, "PASSWORD="+password)
	require.NoError(t, os.WriteFile(cmd.Dir+"/card.jpg", []byte("a photo"), 0o600))
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	require.Contains(t, string(said), `"name":"Carte d'identité"`)
	require.Contains(t, string(said), "problems/revision")
	require.Contains(t, string(said), "a photo")
	require.Contains(t, string(said), "Upload-Offset: 7")
	require.Contains(t, string(said), "304")
}
