package api

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/refserver/api/apiclient"
)

// Stories as a partner's program does them, with the client that is made from the document.

func (s *server) client(t *testing.T) *apiclient.ClientWithResponses {
	t.Helper()
	c, err := apiclient.NewClientWithResponses(s.URL+Path+"/", apiclient.WithHTTPClient(s.Client()))
	require.NoError(t, err)
	return c
}

func noticed(text string) apiclient.Notice {
	return apiclient.Notice{Version: "1", Language: "fr", Text: text}
}

// keeps adds a paper and returns its id.
func keeps(t *testing.T, c *apiclient.ClientWithResponses, who apiclient.RequestEditorFn, name string, content []byte) *apiclient.AddDocumentResponse {
	t.Helper()
	a, err := c.AddDocumentWithBodyWithResponse(t.Context(), &apiclient.AddDocumentParams{DocumentName: name}, "image/jpeg", bytes.NewReader(content), who)
	require.NoError(t, err)
	return a
}

func reads(t *testing.T, c *apiclient.ClientWithResponses, who apiclient.RequestEditorFn, id string) *apiclient.ReadContentResponse {
	t.Helper()
	a, err := c.ReadContentWithResponse(t.Context(), id, nil, who)
	require.NoError(t, err)
	return a
}

func TestStories1And2WithTheClient(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, elsewhere, c := tn.relay(t, "Accueil"), tn.relay(t, "Abri du pont"), tn.client(t)
	pin, device := "482915", "écran du relais"
	opened, err := c.OpenAccountWithResponse(t.Context(), at.id, nil, apiclient.NewAccount{
		Name: "Ibrahim", Password: "quatre mots que nul ne sait", Pin: &pin, Scope: "see-and-add", Device: &device,
		Account: apiclient.Agreement{Agreed: true, Notice: noticed("Ce que nous gardons.")},
		Follow:  apiclient.Agreement{Agreed: true, Notice: noticed("Ce que ce centre pourra voir.")},
	}, apiclient.Bearer(at.worker.token))
	require.NoError(t, err)
	require.NotNil(t, opened.JSON201, string(opened.Body))
	require.NotEmpty(t, opened.JSON201.Receipt.RecordId)
	photo := keeps(t, c, apiclient.Bearer(*opened.JSON201.Token), "Acte%20de%20naissance", paper(3, 5000)).JSON201
	require.Equal(t, "Acte de naissance", photo.Name)

	// Another relay, with card and PIN: one paper, for an hour.
	in, err := c.SignInWithCardWithResponse(t.Context(), apiclient.CardSignInRequest{Card: *opened.JSON201.Card, Pin: "٤٨٢٩١٥"})
	require.NoError(t, err)
	ibrahim, worker := apiclient.Bearer(in.JSON201.Token), apiclient.Bearer(elsewhere.worker.token)
	shown, err := c.VisitCodeWithResponse(t.Context(), elsewhere.id, worker)
	require.NoError(t, err)
	visit, err := c.VisitWithResponse(t.Context(), nil, apiclient.VisitRequest{
		Agreed: true, Notice: noticed("Pour une heure."), Code: shown.JSON200.Code, Items: &[]string{photo.Id}, Minutes: 60, Name: "Ibrahim",
		Secret: apiclient.Secret{Card: opened.JSON201.Card, Pin: &pin},
	}, ibrahim)
	require.NoError(t, err)
	require.True(t, visit.JSON201.Confirmed, string(visit.Body))
	visits, err := c.ListVisitsWithResponse(t.Context(), elsewhere.id, nil, worker)
	require.NoError(t, err)
	require.Len(t, visits.JSON200.Visits, 1)
	open, err := c.OpenVisitWithResponse(t.Context(), elsewhere.id, visits.JSON200.Visits[0].Grant, nil, apiclient.OpenVisitRequest{Purpose: apiclient.Purpose{Code: "housing"}}, worker)
	require.NoError(t, err)
	require.Equal(t, opened.JSON201.Id, open.JSON200.Vault)
	require.Equal(t, paper(3, 5000), reads(t, c, worker, photo.Id).Body)
	for range 5 {
		tn.passes(10 * time.Minute)
		require.Equal(t, http.StatusOK, reads(t, c, worker, photo.Id).StatusCode())
		require.Equal(t, http.StatusOK, reads(t, c, ibrahim, photo.Id).StatusCode())
	}
	tn.passes(10*time.Minute + time.Second)
	over := reads(t, c, worker, photo.Id)
	require.Equal(t, kindOf(errNothingOpen).uri(), over.ApplicationproblemJSONDefault.Type)
}

func TestStories7And13WithTheClient(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverOptions{allowance: 1_000_000})
	p, c := s.newPerson(t), s.client(t)
	in, err := c.SignInWithResponse(t.Context(), apiclient.SignInRequest{Login: p.login, Password: goodPassword})
	require.NoError(t, err)
	me := apiclient.Bearer(in.JSON201.Token)
	first := keeps(t, c, me, "Bail", paper(1, 500_000)).JSON201
	full := keeps(t, c, me, "Passeport", paper(2, 700_000)).ApplicationproblemJSONDefault
	require.Equal(t, "https://reconnect.example/problems/full", full.Type)
	require.Less(t, *full.Left, *full.Wanted)
	require.Equal(t, paper(1, 500_000), reads(t, c, me, first.Id).Body, "nothing is lost")

	asked, err := c.AskForSpaceWithResponse(t.Context(), nil, apiclient.AskRequest{Reason: "mes papiers"}, me)
	require.NoError(t, err)
	_, err = s.vaults.DecideSpace(t.Context(), p.vault.ID(), quota.Decision{Number: uint64(asked.JSON201.Number), Approve: true, By: "opérateur", Why: "oui"})
	require.NoError(t, err)
	b := paper(2, 700_000)
	length, none := strconv.Itoa(len(b)), "0"
	begun, err := c.BeginUploadWithResponse(t.Context(), &apiclient.BeginUploadParams{
		TusResumable: tusVersion, UploadLength: length, UploadMetadata: "filename " + base64.StdEncoding.EncodeToString([]byte("Passeport")),
	}, me)
	require.NoError(t, err)
	_, upload, _ := strings.Cut(begun.HTTPResponse.Header.Get("Location"), "/uploads/")
	sent, err := c.AppendUploadWithBodyWithResponse(t.Context(), upload, &apiclient.AppendUploadParams{TusResumable: tusVersion, UploadOffset: none}, tusBody, bytes.NewReader(b), me)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, sent.StatusCode(), string(sent.Body))
	require.Equal(t, b, reads(t, c, me, sent.HTTPResponse.Header.Get(headerDocument)).Body)

	// Everything in one file, and a receipt.
	everything, err := c.ExportWithResponse(t.Context(), me)
	require.NoError(t, err)
	z, err := zip.NewReader(bytes.NewReader(everything.Body), int64(len(everything.Body)))
	require.NoError(t, err)
	require.NotEmpty(t, z.File)
	erased, err := c.EraseAccountWithResponse(t.Context(), nil, apiclient.LeaveRequest{Password: goodPassword}, me)
	require.NoError(t, err)
	require.EqualValues(t, "vault.erased", erased.JSON200.Act)
	require.NotEmpty(t, erased.JSON200.Signature)
	require.Equal(t, http.StatusUnauthorized, reads(t, c, me, first.Id).StatusCode())
}
