package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/refserver/moving"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

// undocumented is what is about the interface itself and not part of it.
var undocumented = []string{"GET " + Path + "/openapi.json", "GET " + Path + "/openapi.yaml", "GET " + Path + "/docs", "GET " + Path + "/docs.css", "GET " + Path + "/problems/{code}"}

// server is the API over a real vault service on disk, with a judge beside it
// that compares every answer with the document.
type server struct {
	*httptest.Server
	dir    string
	vaults *local.Local
	routes *recorder
	judge  routers.Router
}

type serverOptions struct {
	allowance int64         // bytes for each person; 0: the default
	stall     time.Duration // 0: the default
	limits    session.LimitsConfig
	log       io.Writer
	ended     chan<- string // told the path of each request whose handler has ended; nil: nobody is
}

// common is a server for tests that need nothing special of it: each has a
// person of its own there, as on a server in use.
var common = sync.OnceValues(func() (*server, error) {
	dir, err := os.MkdirTemp("", "api-test-")
	if err != nil {
		return nil, err
	}
	return start(dir, serverOptions{limits: session.LimitsConfig{SignInsPerMinute: 100_000}})
})

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // thousands of small worlds, each soon thrown away: an eighth of the time
	code := m.Run()
	s, err := common()
	if err == nil {
		err = errors.Join(s.stop(), os.RemoveAll(s.dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func commonServer(t *testing.T) *server {
	t.Helper()
	s, err := common()
	require.NoError(t, err)
	return s
}

func newServer(t *testing.T, o serverOptions) *server {
	t.Helper()
	s, err := start(t.TempDir(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.stop()) })
	return s
}

func start(dir string, o serverOptions) (*server, error) {
	vaults, err := local.OpenWith(context.Background(), dir, &local.Options{Quota: quota.Config{Allowance: o.allowance}})
	if err != nil {
		return nil, err
	}
	s, err := serve(Config{Vaults: vaults.Vaults}, o)
	if err != nil {
		return nil, errors.Join(err, vaults.Close())
	}
	s.dir, s.vaults = dir, vaults
	return s, nil
}

// serve starts a server of what a configuration names.
func serve(cfg Config, o serverOptions) (*server, error) {
	if o.limits.RequestsPerSecond == 0 {
		o.limits.RequestsPerSecond = 1000 // tests are in a hurry
	}
	if o.limits.LinksPerMinute == 0 {
		o.limits.LinksPerMinute = 100_000
	}
	if o.limits.PartnerPerSecond == 0 {
		o.limits.PartnerPerSecond = 1000
	}
	if o.log == nil {
		o.log = io.Discard
	}
	cfg.Limits, cfg.Stall, cfg.Logger = session.NewLimits(o.limits), o.stall, hclog.New(&hclog.LoggerOptions{Output: o.log})
	cfg.Moving = &moving.Way{To: moving.New(&moving.Options{Private: true}).To}
	s := &server{routes: &recorder{ServeMux: http.NewServeMux()}}
	api, err := newAPI(cfg, s.routes)
	if err != nil {
		return nil, err
	}
	handler := api.guarded()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if o.ended != nil {
			defer func() { o.ended <- r.URL.Path }()
		}
		handler.ServeHTTP(w, r)
	}))
	cfg.Moving.Address = s.Server.URL
	s.judge, err = newJudge(s)
	return s, err
}

func (s *server) stop() error {
	s.Server.Close()
	return s.vaults.Close()
}

// newJudge reads the document from the server, as a partner would. Servers with the
// same document have one judge: to read it takes longer than most tests.
func newJudge(s *server) (routers.Router, error) {
	response, err := s.Client().Get(s.URL + Path + "/openapi.json")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	judge, _ := judges.LoadOrStore(sha256.Sum256(raw), sync.OnceValues(func() (routers.Router, error) {
		doc, err := openapi3.NewLoader().LoadFromData(raw)
		if err != nil {
			return nil, err
		}
		return legacy.NewRouter(doc)
	}))
	return judge.(func() (routers.Router, error))()
}

// judges are functions that give the judge of a document, by its digest.
var judges sync.Map

const goodPassword = "cheval-lampe-rivière-7"

// person is somebody with an account, who is signed in.
type person struct {
	t     *testing.T
	s     *server
	vault *vault.Vault // opened beside the API, to look behind it
	login string
	token string
}

func (s *server) newPerson(t *testing.T) *person {
	t.Helper()
	v, err := s.vaults.Create(t.Context(), vault.CreateRequest{
		Password: goodPassword, Consent: true,
		Notice:  vault.Notice{Version: "1", Language: "fr", Text: "Ce que nous gardons."},
		Session: &vault.SessionRequest{Device: "téléphone"},
	})
	require.NoError(t, err)
	t.Cleanup(v.Close)
	login, err := v.Login(t.Context())
	require.NoError(t, err)
	return &person{t: t, s: s, vault: v, login: login, token: v.Token()}
}

// stranger calls without any session.
func (s *server) stranger(t *testing.T) *person { return &person{t: t, s: s} }

// reply is what came back, read to its end.
type reply struct {
	t      *testing.T
	Status int
	Header http.Header
	Body   []byte
}

// call sends JSON (nil: no body) and has the answer judged.
func (p *person) call(method, path string, body any, headers ...string) *reply {
	p.t.Helper()
	var raw io.Reader = http.NoBody
	if body != nil {
		encoded, err := json.Marshal(body)
		require.NoError(p.t, err)
		raw = bytes.NewReader(encoded)
		headers = append([]string{"Content-Type", "application/json"}, headers...)
	}
	return p.send(method, path, raw, headers...)
}

// send sends any body, with headers given as name, value, name, value.
func (p *person) send(method, path string, body io.Reader, headers ...string) *reply {
	p.t.Helper()
	response, err := p.s.Client().Do(p.request(method, path, body, headers...))
	require.NoError(p.t, err)
	return p.read(response)
}

func (p *person) request(method, path string, body io.Reader, headers ...string) *http.Request {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.s.URL+Path+path, body)
	require.NoError(p.t, err)
	if p.token != "" {
		request.Header.Set("Authorization", "Bearer "+p.token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	return request
}

func (p *person) read(response *http.Response) *reply {
	p.t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	a := &reply{t: p.t, Status: response.StatusCode, Header: response.Header, Body: body}
	p.s.judgeAnswer(p.t, response.Request, a)
	return a
}

// judgeAnswer holds that an answer is one that the document announces, and that
// every answer carries what protects a shared device.
func (s *server) judgeAnswer(t *testing.T, request *http.Request, a *reply) {
	t.Helper()
	require.NoError(t, s.judged(request, a), "%s %s: %d %s", request.Method, request.URL.Path, a.Status, a.Body)
}

// judged says what of an answer is not as the document announces it.
func (s *server) judged(request *http.Request, a *reply) error {
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Content-Security-Policy") == "" {
		return fmt.Errorf("an answer without protection: %v", a.Header)
	}
	asked := request.Clone(request.Context())
	asked.URL.Scheme, asked.URL.Host = "", "" // the document names its server by path alone
	route, params, err := s.judge.FindRoute(asked)
	if err != nil && asked.Method == http.MethodHead { // most are described by their GET
		asked.Method = http.MethodGet
		route, params, err = s.judge.FindRoute(asked)
	}
	if slices.Contains(undocumented, asked.Method+" "+asked.URL.Path) || strings.HasPrefix(asked.URL.Path, Path+"/problems/") {
		return nil
	}
	if allowed := a.Header.Get("Allow"); err == nil && a.Status == http.StatusMethodNotAllowed && !strings.Contains(allowed, asked.Method) {
		return nil // the judge takes /uploads for /uploads/{upload}
	}
	if err != nil { // no such operation: then the answer must say so
		if !slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusForbidden}, a.Status) { // 403: sent by another site
			return fmt.Errorf("an answer to what is not offered: %w", err)
		}
		return nil
	}
	stream := a.Status < 300 && !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json")
	err = openapi3filter.ValidateResponse(request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: asked, PathParams: params, Route: route},
		Status:                 a.Status, Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: stream || request.Method == http.MethodHead},
	})
	if err != nil || a.Status < 400 || request.Method == http.MethodHead {
		return err
	}
	return announcedKind(route.Operation, a)
}

// announcedKind holds that the document names the kind of a problem with its operation.
func announcedKind(op *openapi3.Operation, a *reply) error {
	var p Problem
	if err := json.Unmarshal(a.Body, &p); err != nil {
		return err
	}
	code, ours := strings.CutPrefix(p.Type, "https://reconnect.example/problems/")
	announced := *op.Responses.Status(a.Status).Value.Description
	listed := strings.FieldsFunc(strings.TrimPrefix(announced, "Refused: "), func(r rune) bool { return strings.ContainsRune(" ,.", r) })
	if !ours || p.Status != a.Status || p.Title == "" || !slices.Contains(listed, code) {
		return fmt.Errorf("%s announces %d as %q, and not as %q", op.OperationID, a.Status, announced, code)
	}
	return nil
}

// ok holds that the answer has this status and decodes it.
func ok[T any](a *reply, status int) (out T) {
	a.t.Helper()
	require.Equal(a.t, status, a.Status, "%s", a.Body)
	require.NoError(a.t, json.Unmarshal(a.Body, &out))
	return out
}

// done holds that the answer has this status and no body.
func (a *reply) done(status int) {
	a.t.Helper()
	require.Equal(a.t, status, a.Status, "%s", a.Body)
	require.Empty(a.t, a.Body)
}

// refused holds that the answer is a problem of this kind.
func (a *reply) refused(status int, code string) Problem {
	a.t.Helper()
	require.Equal(a.t, status, a.Status, "%s", a.Body)
	require.Equal(a.t, problemType, a.Header.Get("Content-Type"))
	var p Problem
	require.NoError(a.t, json.Unmarshal(a.Body, &p))
	require.Equal(a.t, "https://reconnect.example/problems/"+code, p.Type)
	require.Equal(a.t, status, p.Status)
	require.NotEmpty(a.t, p.Title)
	return p
}

// upload adds a document.
func (p *person) upload(name string, content []byte, headers ...string) *reply {
	p.t.Helper()
	headers = append([]string{headerName, name, "Content-Type", "application/pdf"}, headers...)
	return p.send(http.MethodPost, "/documents", bytes.NewReader(content), headers...)
}

// paper returns n bytes that differ from paper to paper.
func paper(seed byte, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i>>8) ^ byte(i) ^ seed
	}
	return out
}
