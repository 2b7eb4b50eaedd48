package web_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// begins is the answer to the script of the page.
type begins struct {
	Upload, Problem string
	Full, Unlike    bool
}

func (p *person) begins(status int, values url.Values) begins {
	p.t.Helper()
	g := p.post("/papers/begin", values)
	require.Equal(p.t, status, g.Status, g.Body)
	protected(p.t, g)
	require.Equal(p.t, "application/json", g.Header.Get("Content-Type"))
	var said begins
	require.NoError(p.t, json.Unmarshal([]byte(g.Body), &said))
	return said
}

// beginning is a form of the script.
func (p *person) beginning(set url.Values) url.Values {
	p.t.Helper()
	values := p.get("/papers/add").ok().form("/papers/add", url.Values{"size": {"1000"}, "head": {base64.StdEncoding.EncodeToString(pdf[:100])}, "file": {"bail.pdf"}})
	for name, v := range set {
		values[name] = v
	}
	return values
}

func TestAPaperBeginsAsTheFormSaysAndIsFinishedAnywhere(t *testing.T) {
	t.Parallel()
	p := open(t, nil).newPerson()
	fields := p.beginning(url.Values{"folder": {"Logement"}, "visibility": {"shared"}, "type": {"text/html"}, "expires": {"2031-01-02"}, "size": {"7009"}})
	one := p.begins(http.StatusCreated, fields)
	require.Equal(t, one, p.begins(http.StatusCreated, fields), "an answer that was lost is given again")
	require.False(t, one.Unlike)
	require.True(t, p.begins(http.StatusCreated, p.beginning(url.Values{"head": {base64.StdEncoding.EncodeToString([]byte("<!DOCTYPE html><p>bail"))}})).Unlike, "bail.pdf is a page of HTML")
	id, err := vault.ParseItemID(one.Upload)
	require.NoError(t, err)
	v := p.vault()
	_, err = v.AppendUpload(t.Context(), id, 0, strings.NewReader(string(pdf)))
	require.NoError(t, err)
	it, err := v.FinishUpload(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "bail", it.Name)
	require.Equal(t, "application/pdf", it.Document.MediaType, "the bytes say what it is")
	require.Equal(t, vault.Shared, it.Compartment)
	require.Equal(t, "web", it.Origin.Channel)
	p.get("/papers/"+one.Upload).ok("Logement", "2 janvier 2031", "bail")
}

func TestAnUploadIsRefusedBeforeAByteIsSent(t *testing.T) {
	t.Parallel()
	p := open(t, room(2_000_000)).newPerson()
	before := usage(t, p)
	full := p.begins(http.StatusInsufficientStorage, p.beginning(url.Values{"size": {"3000000"}}))
	require.True(t, full.Full)
	require.Contains(t, full.Problem, "Il n’y a plus assez de place\u00a0: il reste")
	require.Contains(t, full.Problem, "Rien n’a été envoyé.")
	require.NotEmpty(t, p.begins(http.StatusUnprocessableEntity, p.beginning(url.Values{"size": {"0"}})).Problem)
	require.Equal(t, "La fin est avant le début.", p.begins(http.StatusUnprocessableEntity, p.beginning(url.Values{"issued": {"2031-01-02"}, "expires": {"2030-01-02"}})).Problem)
	require.NotEmpty(t, p.begins(http.StatusBadRequest, p.beginning(url.Values{"head": {"?"}})).Problem)
	require.NotEmpty(t, p.begins(http.StatusConflict, p.beginning(url.Values{"space": {p.newPerson().vault().ID().String()}})).Problem)
	require.Equal(t, before, usage(t, p))
	r, err := http.NewRequest(http.MethodPost, p.server.URL+"/papers/begin", strings.NewReader(p.beginning(nil).Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	p.do(r).is(http.StatusForbidden)
	require.Equal(t, before, usage(t, p), "another site begins nothing")
	require.Contains(t, p.stranger().post("/papers/begin", nil).Path, "/sign-in")
}
