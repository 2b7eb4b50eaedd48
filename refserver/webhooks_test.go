package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

// As an operator sets it up: a secret, a file, a flag. What happened in an hour that is over
// arrives signed, at a program that knows the specification, and says nothing of whom.
func TestAServerTellsAProgramOfOthersWhatHappened(t *testing.T) {
	t.Parallel()
	type told struct {
		body []byte
		head http.Header
	}
	got := make(chan told, 10)
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- told{body, r.Header}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(files.Close)

	folder := shortDir(t)
	drawn, err := command(t, folder, "admin", "webhook-secret")
	require.NoError(t, err)
	secret := strings.TrimSpace(drawn)
	hooks := filepath.Join(folder, "webhooks.yaml")
	require.NoError(t, os.WriteFile(hooks, []byte("- name: case-files\n  url: "+files.URL+"/hooks\n  secrets: ["+secret+"]\n  types: [vault.created]\n"), 0o600))
	data := filepath.Join(folder, "data")
	c := &cluster{T: t, args: []string{"--data", data, "--address", "https://espace.example.org", "--webhooks", hooks, "--webhooks-private"}}
	serve := func() *process {
		p := spawn(t, nil, append([]string{"--listen", "127.0.0.1:0"}, c.args...)...)
		p.running(t, data)
		return p
	}
	before := serve()
	made, err := command(t, data, "admin", "create-vault", "--consent")
	require.NoError(t, err)
	require.NoError(t, before.Process.Signal(os.Interrupt))
	require.Zero(t, before.wait(t))
	twoHoursPass(t, c)
	serve()
	var first told
	select {
	case first = <-got:
	case <-time.After(3 * time.Minute):
		require.Fail(t, "nothing came")
	}
	by, err := standard.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, by.Verify(first.body, first.head))
	require.Contains(t, string(first.body), `"type":"org.reconnect.vault.created"`)
	require.Contains(t, string(first.body), `"source":"https://espace.example.org"`)
	for _, of := range newSpace.FindStringSubmatch(made)[1:] {
		require.NotContains(t, string(first.body), of)
	}
}

// twoHoursPass puts what waits to be told back by two hours: what happened is told when its
// hour is over.
func twoHoursPass(t *testing.T, c *cluster) {
	t.Helper()
	e, _ := c.open()
	const waiting = "svc/event/"
	require.NoError(t, e.Records.Transact(t.Context(), func(tx *storage.Tx) error {
		all, err := tx.Scan(waiting, "", 10)
		require.Len(t, all, 1)
		for _, r := range all {
			hour, rest, _ := strings.Cut(r.Key[len(waiting):], "/")
			at, err := time.Parse("2006010215", hour)
			require.NoError(t, err)
			tx.Delete(r.Key)
			tx.Put(waiting+at.Add(-2*time.Hour).Format("2006010215")+"/"+rest, r.Value)
		}
		return err
	}))
	require.NoError(t, e.Close())
}
