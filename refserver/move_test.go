package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
)

// A centre that grew: from one folder to PostgreSQL, a bucket and a witness of somebody
// else's, as the manual says.
func TestOneMachineMovesToSharedServices(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	old, fresh, copies := filepath.Join(dir, "data"), filepath.Join(dir, "new"), filepath.Join(dir, "copies")
	r := start(t, old)
	made, err := command(t, old, "admin", "create-vault", "--consent")
	require.NoError(t, err)
	m := newSpace.FindStringSubmatch(made)
	require.NotNil(t, m, made)
	r.login, r.secret = m[1], m[2]
	v := visit(t, r)
	v.note("From before")
	_, path, body := v.upload("Carte", pdf(100_000))
	require.NotEmpty(t, path, body)
	r.end(t)
	_, err = command(t, old, "backup", "take", copies) // nobody works any more
	require.NoError(t, err)

	witness, _ := aWitness(t, dir)
	copyInto(t, dir, filepath.Join(old, "service.key"))
	shared := append(witness, "--records", testservices.Postgres(t), "--blobs", aBucket(t), "--keys", "file://"+filepath.Join(dir, "service.key"))
	_, err = command(t, fresh, append(shared, "restore", "--operator-key-file", filepath.Join(dir, "operator.key"), copies)...)
	require.NoError(t, err)
	again := start(t, fresh, shared...)
	again.login, again.secret = r.login, r.secret
	out, err := command(t, fresh, append(shared, "admin", "tell-witness")...)
	require.NoError(t, err)
	require.Contains(t, out, "told of 1 vaults")
	v = visit(t, again)
	require.Contains(t, v.get("/notes"), "From before")
	require.Equal(t, string(pdf(100_000)), v.get(path+"/file"))
	require.NotContains(t, v.get("/"), "sauvegarde", "nothing was set back")
	v.note("From after")
}
