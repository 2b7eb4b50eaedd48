package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// visitor is a browser that takes a Secure cookie from localhost, as real ones do.
type visitor struct {
	*testing.T
	r      *running
	client *http.Client
	cookie string
}

func visit(t *testing.T, r *running) *visitor {
	t.Helper()
	v := &visitor{T: t, r: r, client: &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{
			DisableKeepAlives: true, ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the test's own certificate
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	answer, body := v.post("/sign-in", url.Values{"login": {r.login}, "password": {r.secret}})
	require.Equal(t, http.StatusSeeOther, answer.StatusCode, body)
	v.cookie, _, _ = strings.Cut(answer.Header.Get("Set-Cookie"), ";")
	return v
}

func (v *visitor) do(method, path, contentType string, body io.Reader) (*http.Response, string, error) {
	v.Helper()
	r, err := http.NewRequest(method, v.r.url+path, body)
	require.NoError(v, err)
	r.Header.Set("Cookie", v.cookie)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	answer, err := v.client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer, string(text), err
}

func (v *visitor) get(path string) string {
	v.Helper()
	answer, body, err := v.do(http.MethodGet, path, "", nil)
	require.NoError(v, err)
	require.Equal(v, http.StatusOK, answer.StatusCode, path)
	return body
}

func (v *visitor) post(path string, values url.Values) (*http.Response, string) {
	v.Helper()
	answer, body, err := v.do(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(values.Encode()))
	require.NoError(v, err)
	return answer, body
}

// paper is the form of an upload.
func paper(t *testing.T, title string, content []byte) (contentType string, body []byte) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	require.NoError(t, w.WriteField("title", title))
	part, err := w.CreateFormFile("file", "paper.pdf")
	require.NoError(t, err)
	_, err = part.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return w.FormDataContentType(), out.Bytes()
}

// upload returns the status and the address of the new paper.
func (v *visitor) upload(title string, content []byte) (status int, path, body string) {
	v.Helper()
	contentType, form := paper(v.T, title, content)
	answer, text, err := v.do(http.MethodPost, "/papers/add", contentType, bytes.NewReader(form))
	require.NoError(v, err)
	path, _, _ = strings.Cut(answer.Header.Get("Location"), "?")
	return answer.StatusCode, path, text
}

var newSpace = regexp.MustCompile(`(?s)Login +([0-9 ]+)\n +Password +([a-z ]+)\n`)

func pdf(size int) []byte {
	return append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("0123456789abcdef"), size/16)...)
}
