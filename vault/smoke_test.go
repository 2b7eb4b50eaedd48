package vault_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkeys"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

func TestSmoke(t *testing.T) {
	testkeys.UseCheapKDF()
	dir := t.TempDir()
	l, err := local.Open(dir)
	require.NoError(t, err)
	ctx := t.Context()
	v, err := l.Create(ctx, vault.CreateRequest{Password: "bato kiru mesa", Notice: vault.Notice{Version: "1", Language: "fr", Text: "x"}, Consent: true, Session: &vault.SessionRequest{Device: "phone"}})
	require.NoError(t, err)
	login, err := v.Login(ctx)
	require.NoError(t, err)
	data := bytes.Repeat([]byte("hello papers "), 100000)
	it, err := v.AddDocument(ctx, vault.NewDocument{Name: "Carte"}, bytes.NewReader(data))
	require.NoError(t, err)
	c, err := v.ReadDocument(ctx, it.ID)
	require.NoError(t, err)
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, data, got)
	require.NoError(t, c.Close())
	tok := v.Token()
	require.NoError(t, l.Close())
	l, err = local.Open(dir)
	require.NoError(t, err)
	v, err = l.Resume(ctx, tok)
	require.NoError(t, err)
	it, err = v.Move(ctx, it.ID, it.Revision, vault.Shared)
	require.NoError(t, err)
	c, err = v.ReadDocument(ctx, it.ID)
	require.NoError(t, err)
	got, err = io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, data, got)
	_, err = l.Unlock(ctx, vault.Password{Login: login, Secret: "wrong wrong"})
	require.ErrorIs(t, err, vault.ErrSignIn)
	v2, err := l.Unlock(ctx, vault.Password{Login: login, Secret: "bato kiru mesa"})
	require.NoError(t, err)
	items, err := v2.List(ctx, nil)
	require.NoError(t, err)
	require.Len(t, items, 17)
	j, err := v2.Journal(ctx, nil)
	require.NoError(t, err)
	for _, e := range j {
		t.Log(e, e.Name, e.Detail)
	}
	o, err := v2.Overview(ctx)
	require.NoError(t, err)
	t.Logf("%+v", o)
	require.NoError(t, l.Close())
}
