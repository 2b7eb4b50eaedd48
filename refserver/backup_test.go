package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// note adds a note on the pages.
func (v *visitor) note(title string) {
	v.Helper()
	answer, body := v.post("/notes/add", url.Values{"title": {title}, "text": {title}})
	require.Equal(v, http.StatusSeeOther, answer.StatusCode, body)
}

// copyInto copies files, as an operator does with those that are kept elsewhere.
func copyInto(t *testing.T, to string, files ...string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(to, 0o700))
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(to, filepath.Base(file)), content, 0o600))
	}
}

func keysOf(folder string) []string {
	return []string{filepath.Join(folder, "service.key"), filepath.Join(folder, "operator.key"), filepath.Join(folder, "witness.key")}
}

// The drill of every operator: a disk dies, and yesterday's backup goes to a new
// one. The witness was kept.
func TestTheDrillOfTheOperator(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	lost, fresh, copies := filepath.Join(dir, "data"), filepath.Join(dir, "new"), filepath.Join(dir, "copies")
	r := start(t, lost, "--demo")
	v := visit(t, r)
	v.note("Before the backup")
	_, err := command(t, lost, "backup", "take", filepath.Join(lost, "copies"))
	require.ErrorContains(t, err, "inside the data folder")
	out, err := command(t, lost, "backup", "take", copies) // through the running server
	require.NoError(t, err)
	require.Contains(t, out, "The keys are not in it")
	out, err = command(t, lost, "backup", "verify", copies)
	require.NoError(t, err)
	require.Contains(t, out, "is whole")
	v.note("After the backup")
	_, err = command(t, lost, "restore", copies)
	require.ErrorContains(t, err, "a server runs")
	r.end(t)

	_, err = command(t, fresh, "restore", copies)
	require.ErrorContains(t, err, "operator's key")
	copyInto(t, fresh, keysOf(lost)...)
	_, err = command(t, fresh, "restore", copies)
	require.ErrorContains(t, err, "--with-witness")
	copyInto(t, fresh, filepath.Join(lost, "witness.db"))
	_, err = command(t, fresh, "restore", copies, "20200101T000000Z")
	require.ErrorContains(t, err, "backup list")
	out, err = command(t, fresh, "restore", copies)
	require.NoError(t, err)
	require.Contains(t, out, "1 set back")
	_, err = command(t, fresh, "restore", copies)
	require.ErrorContains(t, err, "--settle-only")
	out, err = command(t, fresh, "restore", "--settle-only", copies)
	require.NoError(t, err)
	require.Contains(t, out, "0 set back")

	again := start(t, fresh)
	again.login, again.secret = r.login, r.secret
	v = visit(t, again)
	home := v.get("/")
	require.Contains(t, home, "sauvegarde")
	notes := v.get("/notes")
	require.Contains(t, notes, "Before the backup")
	require.NotContains(t, notes, "After the backup")
	answer, body := v.post("/restored", nil)
	require.Equal(t, http.StatusSeeOther, answer.StatusCode, body)
	require.NotContains(t, strings.ReplaceAll(v.get("/"), "C’est noté", ""), "sauvegarde")
	v.note("After the restore")
}

func TestABackupHoldsTheWitnessForWhenItIsLostToo(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	lost, fresh, copies := filepath.Join(dir, "data"), filepath.Join(dir, "new"), filepath.Join(dir, "copies")
	r := start(t, lost, "--demo")
	r.end(t)
	_, err := command(t, lost, "backup", "take", copies) // no server runs
	require.NoError(t, err)
	copyInto(t, fresh, keysOf(lost)...)
	out, err := command(t, fresh, "restore", "--with-witness", copies)
	require.NoError(t, err)
	require.Contains(t, out, "10 set back")
	again := start(t, fresh)
	again.login, again.secret = r.login, r.secret
	require.Contains(t, visit(t, again).get("/"), "sauvegarde")
	again.end(t)
	require.NoError(t, os.Remove(filepath.Join(fresh, "operator.key")))
	_, err = command(t, fresh, "admin", "status")
	require.ErrorContains(t, err, "operator.key is missing", "a new one never takes the place of the one in the drawer")
	require.NoFileExists(t, filepath.Join(fresh, "operator.key"))

	require.NoError(t, os.Remove(filepath.Join(copies, firstName(t, copies), "manifest.json")))
	_, err = command(t, filepath.Join(dir, "third"), "restore", copies)
	require.ErrorContains(t, err, "no whole backup")
}

func firstName(t *testing.T, copies string) string {
	t.Helper()
	entries, err := os.ReadDir(copies)
	require.NoError(t, err)
	return entries[0].Name()
}
