package api

import (
	"archive/zip"
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/session"
	"reconnect.example/vault/bundle"
)

func inZIP(t *testing.T, r io.ReaderAt, size int64) (all []string) {
	t.Helper()
	archive, err := zip.NewReader(r, size)
	require.NoError(t, err)
	for _, f := range archive.File {
		all = append(all, f.Name)
	}
	return all
}

func TestWhatIsChosenLeavesSealedAndThePassphraseIsInNoAddress(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	card, lease := ok[Item](p.upload("Carte", paper(1, 3000)), 201), ok[Item](p.upload("Bail", paper(2, 3000), "Document-Compartment", "shared"), 201)
	const phrase = "quatre chevaux verts"
	got := p.call("POST", "/export", map[string]any{"items": []string{card.ID}, "passphrase": phrase})
	require.Equal(t, 200, got.Status)
	require.Equal(t, `attachment; filename="reconnect-export.zip.age"`, got.Header.Get("Content-Disposition"))
	require.True(t, bundle.IsSealed(got.Body))
	sealed := bytes.NewReader(got.Body)
	inside, size, err := bundle.Unseal(sealed, sealed.Size(), bundle.Secret{Passphrase: phrase})
	require.NoError(t, err)
	all := inZIP(t, inside, size)
	require.Contains(t, all, "reconnect/data/documents/private/Carte.pdf")
	require.NotContains(t, all, "reconnect/data/account.json", "who is given a paper is not given the account")
	require.False(t, slices.ContainsFunc(all, func(n string) bool { return n == "reconnect/data/documents/shared/Bail.pdf" }))

	got = p.call("POST", "/export", map[string]any{"withoutPrivate": true, "kinds": []string{"document"}})
	require.Equal(t, "application/zip", got.Header.Get("Content-Type"))
	all = inZIP(t, bytes.NewReader(got.Body), int64(len(got.Body)))
	require.Contains(t, all, "reconnect/data/documents/shared/Bail.pdf")
	require.NotContains(t, all, "reconnect/data/documents/private/Carte.pdf")

	p.call("POST", "/export", map[string]any{"passphrase": "trop court"}).refused(422, "invalid")
	p.call("POST", "/export", map[string]any{"recipients": []string{"age1nobody"}}).refused(422, "invalid")
	p.call("POST", "/export", map[string]any{"items": []string{"x"}, "passphrase": phrase}).refused(404, "not-found")
	p.call("DELETE", "/items/"+lease.ID, nil, "If-Match", `"1"`).done(204)
	p.call("POST", "/export", map[string]any{"items": []string{lease.ID}, "passphrase": phrase}).refused(404, "not-found") // before the first byte
	p.call("POST", "/export", map[string]any{}, headerIdempotency, "k").refused(400, "idempotency-key")
}

func TestReceiptsGoAlongAndAWorkerTakesNothing(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	amina.follow(at)
	for _, got := range []*reply{amina.call("GET", "/export", nil), amina.call("POST", "/export", map[string]any{})} {
		all := inZIP(t, bytes.NewReader(got.Body), int64(len(got.Body)))
		require.Contains(t, all, "reconnect/data/receipts/0001.json")
	}
	at.worker.call("POST", "/export", map[string]any{}).refused(403, "not-allowed")
	tn.passes(session.Lately)
	amina.call("POST", "/export", map[string]any{}).refused(403, "secret-again")
}
