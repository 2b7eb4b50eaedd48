package web_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"html"
	"image"
	jpg "image/jpeg"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkeys"
	"reconnect.example/quota"
	"reconnect.example/refserver/notice"
	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

const password = "bato kiru mesa lova"

// centre is a server with its data folder, as in a relay.
type centre struct {
	t       *testing.T
	folder  string
	data    *local.Local
	options *local.Options
	server  *httptest.Server
}

func open(t *testing.T, options *local.Options) *centre {
	t.Helper()
	testkeys.UseCheapKDF()
	c := &centre{t: t, folder: t.TempDir(), options: options}
	var err error
	c.data, err = local.OpenWith(t.Context(), c.folder, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.data.Close()) })
	return c.another()
}

// another is another server over the same data.
func (c *centre) another() *centre {
	t, inner := c.t, *c
	t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	var most int64
	if c.options != nil {
		most = 2 * c.options.Quota.Allowance
	}
	pages, err := web.New(web.Config{
		Vaults: c.data.Vaults, MostSpace: most, Zone: paris, Limits: session.NewLimits(session.LimitsConfig{SignInsPerMinute: 1000, RequestsPerSecond: 1000}),
	})
	require.NoError(t, err)
	inner.server = httptest.NewTLSServer(pages) // the cookie is for HTTPS alone
	t.Cleanup(inner.server.Close)
	return &inner
}

// person is somebody with a browser. Their space may be another's: Login says whose.
type person struct {
	*centre
	login  string
	secret string // the password of a worker
	client *http.Client
}

// stranger is a browser that is not signed in.
func (c *centre) stranger() *person {
	c.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(c.t, err)
	transport := c.server.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: c.server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs} //nolint:gosec // a test
	c.t.Cleanup(transport.CloseIdleConnections)
	return &person{centre: c, client: &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute}}
}

// newLogin makes a space and returns its login.
func (c *centre) newLogin() string {
	c.t.Helper()
	ctx := context.Background()
	v, err := c.data.Create(ctx, vault.CreateRequest{Password: password, Notice: notice.In("fr"), Consent: true, Channel: "test"})
	require.NoError(c.t, err)
	defer v.Close()
	login, err := v.Login(ctx)
	require.NoError(c.t, err)
	return login
}

// newPerson has a space and is signed in.
func (c *centre) newPerson() *person {
	c.t.Helper()
	p := c.stranger()
	p.login = c.newLogin()
	p.signIn(password)
	return p
}

func (p *person) signIn(secret string) *page {
	p.t.Helper()
	return p.post("/sign-in", url.Values{"login": {p.login}, "password": {secret}})
}

// vault is the person's space, for what a page cannot show.
func (p *person) vault() *vault.Vault {
	p.t.Helper()
	v, err := p.data.Unlock(context.Background(), vault.Password{Login: p.login, Secret: password})
	require.NoError(p.t, err)
	p.t.Cleanup(v.Close)
	return v
}

// page is an answer that was read to its end.
type page struct {
	t      *testing.T
	Status int
	Path   string // where the browser ended
	Header http.Header
	Body   string
	method string // by which it ended there
	query  string
}

func (p *person) get(path string) *page {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodGet, p.server.URL+path, nil)
	require.NoError(p.t, err)
	return p.do(r)
}

func (p *person) post(path string, values url.Values) *page {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodPost, p.server.URL+path, strings.NewReader(values.Encode()))
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.do(r)
}

func (p *person) do(r *http.Request) *page {
	p.t.Helper()
	answer, err := p.client.Do(r)
	require.NoError(p.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	return &page{p.t, answer.StatusCode, answer.Request.URL.Path, answer.Header, string(body), answer.Request.Method, answer.Request.URL.RawQuery}
}

// ok fails unless the page is one of success that says the words.
func (g *page) ok(words ...string) *page {
	g.t.Helper()
	return g.is(http.StatusOK, words...)
}

func (g *page) is(status int, words ...string) *page {
	g.t.Helper()
	require.Equal(g.t, status, g.Status, "%s: %s", g.Path, g.text())
	for _, w := range words {
		require.Contains(g.t, g.text(), w)
	}
	return g
}

func (g *page) without(words ...string) *page {
	g.t.Helper()
	for _, w := range words {
		require.NotContains(g.t, g.Body, w)
	}
	return g
}

var tags = regexp.MustCompile(`<[^>]*>`)

// text is what a person reads of a page.
func (g *page) text() string {
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(g.Body, " "))), " ")
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// form returns the hidden fields of the form whose action is action ("" for one
// without) with other fields set.
func (g *page) form(action string, set url.Values) url.Values {
	g.t.Helper()
	for _, chunk := range strings.Split(g.Body, "<form ")[1:] {
		head, _, _ := strings.Cut(chunk, ">")
		body, _, _ := strings.Cut(chunk, "</form>")
		if action == "" && strings.Contains(head, "action=") || action != "" && !strings.Contains(head, `action="`+action+`"`) {
			continue
		}
		values := url.Values{}
		for _, field := range hidden.FindAllStringSubmatch(body, -1) {
			values.Set(field[1], html.UnescapeString(field[2]))
		}
		maps.Copy(values, set)
		return values
	}
	require.Fail(g.t, "no such form", "action %q on %s: %s", action, g.Path, g.text())
	return nil
}

// link returns the first address on the page that a pattern matches.
func (g *page) link(pattern string) string {
	g.t.Helper()
	found := regexp.MustCompile(`(?:href|action)="(` + pattern + `)"`).FindStringSubmatch(g.Body)
	require.NotNil(g.t, found, "no link %s on %s: %s", pattern, g.Path, g.text())
	return html.UnescapeString(found[1])
}

// file is a file of an upload.
type file struct {
	field, name, mediaType string
	content                []byte
}

// multipartOf writes a form as browsers do: fields, then files.
func multipartOf(t *testing.T, values url.Values, files ...file) (contentType string, body []byte) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		require.NoError(t, w.WriteField(name, values.Get(name)))
	}
	for _, f := range files {
		part, err := w.CreatePart(map[string][]string{
			"Content-Disposition": {`form-data; name="` + f.field + `"; filename="` + f.name + `"`},
			"Content-Type":        {f.mediaType},
		})
		require.NoError(t, err)
		_, err = part.Write(f.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), out.Bytes()
}

// upload fills in the form for a new paper and sends it.
func (p *person) upload(values url.Values, files ...file) *page {
	p.t.Helper()
	contentType, body := multipartOf(p.t, p.get("/papers/add").ok().form("/papers/add", values), files...)
	return p.send(contentType, bytes.NewReader(body))
}

func (p *person) send(contentType string, body io.Reader) *page {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodPost, p.server.URL+"/papers/add", body)
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", contentType)
	return p.do(r)
}

// small options of a space that fills quickly.
func room(bytes int64) *local.Options {
	return &local.Options{Quota: quota.Config{Allowance: bytes}}
}

var (
	pdf  = append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("ink and paper\n"), 500)...)
	jpeg = photographed(160, 120)
)

// photographed is a photo of this size.
func photographed(width, height int) []byte {
	m := image.NewGray(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = byte(i * i >> 3)
	}
	var out bytes.Buffer
	if err := jpg.Encode(&out, m, nil); err != nil {
		panic(err)
	}
	return out.Bytes()
}
