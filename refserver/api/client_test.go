package api

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/refserver/api/apiclient"
)

// Stories as a partner's program does them, with the client that is made from the document.

func (s *server) client() *apiclient.Client {
	return &apiclient.Client{Server: s.URL + Path, HTTP: s.Client()}
}

func noticed(text string) apiclient.Notice {
	return apiclient.Notice{Version: "1", Language: "fr", Text: text}
}

// did holds that a request was carried out, and returns what was answered.
func did[T any](t *testing.T) func(*apiclient.Answer[T], error) T {
	t.Helper()
	return func(a *apiclient.Answer[T], err error) T {
		t.Helper()
		require.NoError(t, err)
		return a.Value
	}
}

// refusedAs holds that a request was refused, and returns the problem.
func refusedAs[T any](t *testing.T, code string) func(*apiclient.Answer[T], error) *apiclient.Problem {
	t.Helper()
	return func(_ *apiclient.Answer[T], err error) *apiclient.Problem {
		t.Helper()
		var p *apiclient.Problem
		require.True(t, errors.As(err, &p), "%v", err)
		require.Equal(t, "https://reconnect.example/problems/"+code, p.Type)
		require.NotEmpty(t, p.Title)
		return p
	}
}

// keeps adds a paper.
func keeps(t *testing.T, c *apiclient.Client, who apiclient.Editor, name string, content []byte) (*apiclient.Answer[apiclient.Item], error) {
	t.Helper()
	return c.AddDocument(t.Context(), &apiclient.AddDocumentParams{DocumentName: name}, "image/jpeg", bytes.NewReader(content), who)
}

func TestStories1And2WithTheClient(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, elsewhere, c := tn.relay(t, "Accueil"), tn.relay(t, "Abri du pont"), tn.client()
	pin, device := "482915", "écran du relais"
	opened := did[apiclient.AccountAnswer](t)(c.OpenAccount(t.Context(), at.id, nil, apiclient.NewAccount{
		Name: "Ibrahim", Password: "quatre mots que nul ne sait", Pin: &pin, Scope: "see-and-add", Device: &device,
		Account: apiclient.Agreement{Agreed: true, Notice: noticed("Ce que nous gardons.")},
		Follow:  &apiclient.Agreement{Agreed: true, Notice: noticed("Ce que ce centre pourra voir.")},
	}, apiclient.Bearer(at.worker.token)))
	require.NotEmpty(t, opened.Receipt.RecordId)
	photo := did[apiclient.Item](t)(keeps(t, c, apiclient.Bearer(*opened.Token), "Acte%20de%20naissance", paper(3, 5000)))
	require.Equal(t, "Acte de naissance", photo.Name)

	// Another relay, with card and PIN: one paper, for an hour.
	in := did[apiclient.SignInAnswer](t)(c.SignInWithCard(t.Context(), apiclient.CardSignInRequest{Card: *opened.Card, Pin: "٤٨٢٩١٥"}))
	ibrahim, worker := apiclient.Bearer(in.Token), apiclient.Bearer(elsewhere.worker.token)
	shown := did[apiclient.VisitCodeAnswer](t)(c.VisitCode(t.Context(), elsewhere.id, worker))
	visit := did[apiclient.ConsentAnswer](t)(c.Visit(t.Context(), nil, apiclient.VisitRequest{
		Agreed: true, Notice: noticed("Pour une heure."), Code: shown.Code, Items: &[]string{photo.Id}, Minutes: 60, Name: "Ibrahim",
		Secret: apiclient.Secret{Card: opened.Card, Pin: &pin},
	}, ibrahim))
	require.True(t, visit.Confirmed)
	visits := did[apiclient.VisitingAnswer](t)(c.ListVisits(t.Context(), elsewhere.id, nil, worker)).Visits
	require.Len(t, visits, 1)
	open := did[apiclient.Opened](t)(c.OpenVisit(t.Context(), elsewhere.id, visits[0].Grant, nil, apiclient.OpenVisitRequest{Purpose: apiclient.Purpose{Code: "housing"}}, worker))
	require.Equal(t, opened.Id, open.Vault)
	reads := func(who apiclient.Editor) []byte {
		return did[[]byte](t)(c.ReadContent(t.Context(), photo.Id, nil, who))
	}
	require.Equal(t, paper(3, 5000), reads(worker))
	for range 5 {
		tn.passes(10 * time.Minute)
		require.NotEmpty(t, reads(worker))
		require.NotEmpty(t, reads(ibrahim))
	}
	tn.passes(10*time.Minute + time.Second)
	refusedAs[[]byte](t, "nothing-open")(c.ReadContent(t.Context(), photo.Id, nil, worker))
}

func TestStories7And13WithTheClient(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverOptions{allowance: 1_000_000})
	p, c := s.newPerson(t), s.client()
	in := did[apiclient.SignInAnswer](t)(c.SignIn(t.Context(), apiclient.SignInRequest{Login: p.login, Password: goodPassword}))
	me := apiclient.Bearer(in.Token)
	first := did[apiclient.Item](t)(keeps(t, c, me, "Bail", paper(1, 500_000)))
	full := refusedAs[apiclient.Item](t, "full")(keeps(t, c, me, "Passeport", paper(2, 700_000)))
	require.Less(t, *full.Left, *full.Wanted)
	require.Equal(t, paper(1, 500_000), did[[]byte](t)(c.ReadContent(t.Context(), first.Id, nil, me)), "nothing is lost")

	asked := did[apiclient.SpaceRequest](t)(c.AskForSpace(t.Context(), nil, apiclient.AskRequest{Reason: "mes papiers"}, me))
	_, err := s.vaults.DecideSpace(t.Context(), p.vault.ID(), quota.Decision{Number: uint64(asked.Number), Approve: true, By: "opérateur", Why: "oui"})
	require.NoError(t, err)
	b := paper(2, 700_000)
	begun, err := c.BeginUpload(t.Context(), &apiclient.BeginUploadParams{
		TusResumable: tusVersion, UploadLength: strconv.Itoa(len(b)), UploadMetadata: "filename " + base64.StdEncoding.EncodeToString([]byte("Passeport")),
	}, me)
	require.NoError(t, err)
	_, upload, _ := strings.Cut(begun.Header.Get("Location"), "/uploads/")
	sent, err := c.AppendUpload(t.Context(), upload, &apiclient.AppendUploadParams{TusResumable: tusVersion, UploadOffset: "0"}, tusBody, bytes.NewReader(b), me)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, sent.Status)
	id := sent.Header.Get(headerDocument)
	require.Equal(t, b, did[[]byte](t)(c.ReadContent(t.Context(), id, nil, me)))

	// Page by page, and not twice.
	one, kind := int64(1), "document"
	page := did[apiclient.ListAnswer](t)(c.ListItems(t.Context(), &apiclient.ListItemsParams{Kind: &kind, Limit: &one}, me))
	rest := did[apiclient.ListAnswer](t)(c.ListItems(t.Context(), &apiclient.ListItemsParams{Kind: &kind, After: page.Next}, me))
	require.ElementsMatch(t, []string{first.Id, id}, []string{page.Items[0].Id, rest.Items[0].Id})
	tag := `"1"`
	same, err := c.GetItem(t.Context(), first.Id, &apiclient.GetItemParams{IfNoneMatch: &tag}, me)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotModified, same.Status)

	// Everything in one file, and a receipt.
	everything := did[[]byte](t)(c.Export(t.Context(), me))
	z, err := zip.NewReader(bytes.NewReader(everything), int64(len(everything)))
	require.NoError(t, err)
	require.NotEmpty(t, z.File)
	erased := did[apiclient.Receipt](t)(c.EraseAccount(t.Context(), nil, apiclient.LeaveRequest{Password: goodPassword}, me))
	require.EqualValues(t, "vault.erased", erased.Act)
	require.NotEmpty(t, erased.Signature)
	refusedAs[[]byte](t, "session-ended")(c.ReadContent(t.Context(), first.Id, nil, me))
}

// What stands between a program and the server may answer for it.
func TestWhatIsNoAnswerOfTheServerIsAnError(t *testing.T) {
	t.Parallel()
	between := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(between.Close)
	_, err := (&apiclient.Client{Server: between.URL}).Export(t.Context())
	require.EqualError(t, err, "apiclient: 404 Not Found")
}
