package vault_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// words that must never be seen in what is kept.
var words = []string{
	"Marguerite Duval", "Certificat de naissance", "Titre de séjour", "rue des Lilas 17", "+33 6 98 76 54 32", "marguerite@example.org",
	"Préfecture de Lyon", "Maître Benkhaled", "le code du coffre", "mot de passe secret", "téléphone volé", "papiers de mes enfants",
	"dossier très privé", "شهادة الميلاد", "channel-of-deposit", "text of the notice",
}

// secretContent is a document full of a word, so that no cut can hide it.
func secretContent(n int) []byte {
	return bytes.Repeat([]byte("contenu du certificat "), n/22+1)[:n]
}

// useEverything lives a life with the words, and says what else must stay secret.
func useEverything(t *testing.T, stage *vaulttest.Stage, during func(v *vault.Vault)) (secrets [][]byte) {
	t.Helper()
	ctx := t.Context()
	req := vaulttest.CreateRequest(words[9])
	req.Notice.Text, req.Channel = words[15], words[14]
	req.Session.Device = words[10]
	v, err := stage.Create(ctx, req)
	require.NoError(t, err)
	login, err := v.Login(ctx)
	require.NoError(t, err)
	raw, err := base64.RawURLEncoding.DecodeString(v.Token())
	require.NoError(t, err)
	secrets = append(secrets, []byte(login), []byte(strings.ReplaceAll(login, " ", "")), []byte(v.Token()[22:]), raw[16:], []byte("contenu du certificat"))
	keep := func() {
		rings, inboxes, signer := v.Keys()
		for _, keys := range rings {
			for _, k := range keys {
				secrets = append(secrets, k.Bytes())
			}
		}
		for _, k := range inboxes {
			secrets = append(secrets, k.Bytes())
		}
		secrets = append(secrets, signer.Bytes())
	}
	keep()
	f, err := v.AddFolder(ctx, words[12], vault.Place{})
	require.NoError(t, err)
	paper := addTo(t, v, vault.NewDocument{Name: words[1], Folder: f.ID, Channel: words[14]}, secretContent(2*segment))
	addTo(t, v, vault.NewDocument{Name: words[2], Compartment: vault.Shared}, secretContent(900))
	addTo(t, v, vault.NewDocument{Name: words[13]}, secretContent(10))
	_, err = v.AddContact(ctx, words[0], vault.Contact{Address: words[3], Phones: []string{words[4]}, Emails: []string{words[5]}}, vault.Place{})
	require.NoError(t, err)
	appointment(t, v, words[6], vault.Appointment{Start: stage.Clock.Now(), Zone: "Europe/Paris", With: words[7]})
	addNote(t, v, words[8], words[8])
	_, err = v.AddDocument(ctx, vault.NewDocument{Name: words[1]}, brokenAfter(secretContent(segment+5), io.ErrUnexpectedEOF))
	require.Error(t, err)
	_, err = v.AddDocument(ctx, vault.NewDocument{Name: words[1]}, io.MultiReader(bytes.NewReader(secretContent(segment)), readerFunc(func([]byte) (int, error) {
		during(v) // while an upload stands still in the middle
		return 0, io.EOF
	})))
	require.NoError(t, err)
	_, err = v.Move(ctx, paper.ID, 1, vault.Shared)
	require.NoError(t, err)
	_, err = v.ReplaceDocument(ctx, paper.ID, 2, vault.NewDocument{}, bytes.NewReader(secretContent(70_000)))
	require.NoError(t, err)
	_, err = v.AskForSpace(ctx, words[11])
	require.NoError(t, err)
	_, err = stage.Unlock(ctx, vault.Password{Login: login, Secret: words[11]})
	require.ErrorIs(t, err, vault.ErrSignIn)
	require.NoError(t, v.ChangePassword(ctx, vault.ChangePassword{Old: words[9], New: words[10], KnownToOthers: true}))
	keep()
	_, err = v.Journal(ctx, nil)
	require.NoError(t, err)
	require.NoError(t, v.SignOut(ctx))
	return secrets
}

func markers() (out [][]byte) {
	for _, w := range words {
		out = append(out, []byte(w))
	}
	return append(out, []byte("contenu du certificat"))
}

func TestNoPlaintextReachesStorage(t *testing.T) {
	t.Parallel()
	recorder := storagetest.NewRecorder(markers()...)
	stage := vaulttest.New(t, &vaulttest.Options{
		Driver: func(d storage.Driver) storage.Driver { return recorder.Driver(d) },
		Blobs:  func(b storage.Blobs) storage.Blobs { return recorder.Blobs(b) },
	})
	secrets := useEverything(t, stage, func(*vault.Vault) { recorder.RequireNoLeak(t) })
	recorder.RequireNoLeak(t)
	require.Greater(t, recorder.Written(), int64(5*segment))

	// Login, token and keys are known only now: look through all that is there.
	late := storagetest.NewRecorder(secrets...)
	copied := storage.New(late.Driver(blackHole{}))
	for key, value := range dump(t, stage.Store) {
		require.NoError(t, copied.Transact(t.Context(), func(tx *storage.Tx) error { tx.Put(key, value); return nil }))
	}
	late.RequireNoLeak(t)
}

// blackHole is a driver that takes everything.
type blackHole struct{ storage.Driver }

func (blackHole) Commit(ctx context.Context, _ []storage.Check, _ []storage.Write) error { return nil }
func (blackHole) Close() error                                                           { return nil }

func TestNoPlaintextLiesInTheDataFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	stage := vaulttest.New(t, &vaulttest.Options{Folder: folder})
	looked := 0
	clean := func(markers ...[]byte) {
		t.Helper()
		looked++
		leaks, err := storagetest.ScanFolder(folder, markers...)
		require.NoError(t, err)
		require.Empty(t, leaks)
	}
	secrets := useEverything(t, stage, func(*vault.Vault) { clean(markers()...) })
	clean(append(markers(), secrets...)...)
	stage.Clock.Advance(3 * time.Hour)
	_, err := stage.Sweep(t.Context())
	require.NoError(t, err)
	require.NoError(t, stage.Close())
	clean(append(markers(), secrets...)...)
	require.Equal(t, 3, looked)
}
