package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// madeLink is what the API says of a link that it has made.
type madeLink struct{ ID, Code string }

func (v *visitor) makesLink(about map[string]any) (l madeLink) {
	v.Helper()
	raw, err := json.Marshal(about)
	require.NoError(v, err)
	answer, body, err := v.do(http.MethodPost, "/api/v1/links", "application/json", bytes.NewReader(raw))
	require.NoError(v, err)
	require.Equal(v, http.StatusCreated, answer.StatusCode, body)
	require.NoError(v, json.Unmarshal([]byte(body), &l))
	return l
}

// What a server writes down at its most talkative has neither the code of a link nor its id,
// whatever is done with it: also where it is sent in an address, which no page of ours does.
func TestNoCodeOfALinkIsEverLogged(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo", "--sweep-every", "1s", "--log-level", "trace")
	v := visit(t, r)
	status, at, _ := v.upload("Secret-title", pdf(10_000))
	require.Equal(t, http.StatusSeeOther, status)
	deposit := v.makesLink(map[string]any{"kind": "deposit", "label": "Secret-label"})
	paper := v.makesLink(map[string]any{"kind": "paper", "label": "Secret-label", "item": path.Base(at), "times": 3, "secret": map[string]any{"password": r.secret}})

	sends := func(method, to, kind, body string) int {
		answer, _, err := v.do(method, to, kind, strings.NewReader(body))
		require.NoError(t, err)
		return answer.StatusCode
	}
	for _, code := range []string{deposit.Code, paper.Code} {
		asked := fmt.Sprintf(`{"code":%q}`, code)
		require.Equal(t, http.StatusOK, sends("POST", "/api/v1/links/look", "application/json", asked))
		for _, to := range []string{"/api/v1/links/look?code=" + code, "/api/v1/open/" + code, "/open?code=" + code, "/give/" + code, "/" + code} {
			sends("POST", to, "application/json", asked)
			sends("GET", to, "", "")
		}
		sends("POST", "/api/v1/open", "application/json", asked+code)
		sends("POST", "/api/v1/leave/notes", "application/json", fmt.Sprintf(`{"code":%q,"name":"","text":%q,%q:1}`, code, code, code))
	}
	var form bytes.Buffer
	fields := multipart.NewWriter(&form)
	require.NoError(t, fields.WriteField("code", deposit.Code))
	require.NoError(t, fields.WriteField(deposit.Code, deposit.Code))
	require.NoError(t, fields.Close())
	require.Equal(t, http.StatusUnprocessableEntity, sends("POST", "/api/v1/leave/documents", fields.FormDataContentType(), form.String()))
	breakBlobs(t, r.folder) // what is logged as a fault of this side
	require.Equal(t, http.StatusInternalServerError, sends("POST", "/api/v1/open", "application/json", fmt.Sprintf(`{"code":%q}`, paper.Code)))
	r.end(t)
	require.Contains(t, r.logs.String(), "an operation failed")
	for _, l := range []madeLink{deposit, paper} {
		for _, secret := range []string{l.Code, l.Code[:9], strings.ReplaceAll(l.Code, "-", "")[:8], l.ID} {
			require.NotContains(t, r.logs.String(), secret)
		}
	}
	require.NotContains(t, r.logs.String(), "Secret-")
}
