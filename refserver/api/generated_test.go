package api

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/stretchr/testify/require"
)

var (
	seed  = flag.Uint64("seed", 0, "of generated requests; 0: another one each time")
	times = flag.Int("times", 0, "generated requests per operation; 0: 8, and 100 with RECONNECT_TEST_ALL=1")
)

// Whatever is sent, valid or broken, by whomever: each answer is one that the document
// announces with that operation, none is a fault of the server, what is carried out is
// what the document calls a request, and nothing that was kept is lost.
func TestAnyRequestIsAnsweredAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	from := *seed
	if from == 0 {
		from = rand.Uint64()
	}
	n := *times
	if n == 0 {
		if n = 8; everything() {
			n = 100
		}
	}
	t.Logf("%d requests per operation; to repeat them: -seed %d", n, from)
	groups := map[string][]call{}
	for path, item := range newTown(t, &townOptions{recovery: independently}).document(t).Paths.Map() {
		for method, op := range item.Operations() {
			one := call{method: method, path: path, op: op}
			groups[one.group()] = append(groups[one.group()], one)
		}
	}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			generated(t, groups[group], from, n)
		})
	}
}

// group keeps apart what ends the sessions of others.
func (c call) group() string {
	switch c.op.Tags[0] {
	case "Account", "Sessions", "Hand-over", "Recovery":
		return "coming and going"
	case "Staff", "Team", "Helping":
		return "helping"
	}
	return "keeping"
}

// call is an operation of the document.
type call struct {
	method, path string
	op           *openapi3.Operation
}

func generated(t *testing.T, calls []call, seed uint64, n int) {
	slices.SortFunc(calls, func(a, b call) int { return strings.Compare(a.op.OperationID, b.op.OperationID) })
	r := rand.New(rand.NewPCG(seed, uint64(len(calls))))
	var all []call
	for range n {
		all = append(all, calls...)
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	c := newCast(t)
	statuses, good := map[int]int{}, map[string]bool{}
	for i, one := range all {
		role := one.caller(r)
		request, body := c.draw(one, role, r)
		said := fmt.Sprintf("seed %d, %s %d by %s: %s %s %v\n%.2000q", seed, one.op.OperationID, i, role, request.Method, request.URL.RequestURI(), request.Header, body)
		cut := r.IntN(20) == 0
		a, err := c.send(request, body, cut)
		if cut && err != nil {
			continue // who has gone in the middle hears nothing more
		}
		require.NoError(t, err, said)
		statuses[a.Status]++
		good[one.op.OperationID] = good[one.op.OperationID] || a.Status < 300
		if a.Status >= 500 && a.Status != http.StatusServiceUnavailable && a.Status != http.StatusInsufficientStorage {
			t.Errorf("a fault of the server: %d %s\n%s", a.Status, a.Body, said)
		}
		if err := c.judged(request, a); err != nil {
			t.Errorf("%s: %v\n%d %.500s\n%s", one.op.OperationID, err, a.Status, a.Body, said)
		}
		if err := c.carriedOut(request, body, a); err != nil {
			t.Errorf("carried out, though it is none for the document: %v\n%s", err, said)
		}
		c.harvest(a)
		c.renew(role, a)
	}
	for _, p := range append(c.gone, c.amina) {
		c.whole(p)
	}
	var never []string
	for id, was := range good {
		if !was {
			never = append(never, id)
		}
	}
	t.Logf("answers: %v; never carried out: %v", statuses, never)
}

// caller is mostly who the operation is for.
func (c call) caller(r *rand.Rand) string {
	if r.IntN(100) < 25 {
		return []string{"person", "worker", "manager", "desk", "nobody", "handOver", "partner"}[r.IntN(7)]
	}
	switch {
	case c.op.Security == nil:
		return "nobody"
	case c.op.Tags[0] == "Hand-over":
		return "handOver"
	case c.op.Tags[0] == "Team":
		return "manager"
	case c.op.Tags[0] == "Partners":
		return "partner"
	case c.op.Tags[0] == "Helping":
		return []string{"desk", "worker"}[r.IntN(2)]
	case c.op.Tags[0] == "Staff":
		return "worker"
	case c.op.Tags[0] == "Items", c.op.Tags[0] == "Documents":
		return []string{"person", "person", "worker"}[r.IntN(3)]
	}
	return "person"
}

// draw makes a request, and its body.
func (c *cast) draw(one call, role string, r *rand.Rand) (*http.Request, []byte) {
	d := c.dice(r, role)
	maps.Copy(d.fixed, c.fits[one.op.OperationID])
	path, query, headers := one.path, url.Values{}, http.Header{}
	for _, p := range one.op.Parameters {
		switch p := p.Value; p.In {
		case "path":
			path = strings.Replace(path, "{"+p.Name+"}", url.PathEscape(d.segment(c, p, role)), 1)
		case "query":
			if d.chance(50) {
				query.Set(p.Name, d.word(p))
			}
		case "header":
			if p.Required && d.chance(93) || d.chance(35) {
				headers.Set(p.Name, strings.Map(printableASCII, d.header(p)))
			}
		}
	}
	if d.chance(4) {
		query.Set(pick(d, "nmae", "limit", "after", "token"), pick(d, nasty...))
	}
	method := one.method
	if d.chance(4) {
		method = pick(d, "GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
	}
	body := d.body(one.op, headers)
	address := c.URL + Path + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, address, bytes.NewReader(body))
	require.NoError(c.t, err)
	request.Header = headers
	if token := c.person[role].token; token != "" {
		headers.Set("Authorization", "Bearer "+token)
	}
	d.disturb(headers)
	return request, body
}

func printableASCII(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// segment is one of a path: mostly an id that fits the caller.
func (d *dice) segment(c *cast, p *openapi3.Parameter, role string) string {
	own := map[string]string{"relay": c.harbour.id, "vault": c.amina.id}
	if role == "desk" {
		own["relay"] = c.line.id
	}
	if d.chance(75) && own[p.Name] != "" {
		return own[p.Name]
	}
	if len(p.Schema.Value.Enum) > 0 && d.chance(85) {
		return pick(d, p.Schema.Value.Enum...).(string)
	}
	if s := d.id(p.Name); strings.Trim(s, "./ \x00") != "" { // an empty one would be another address
		return s
	}
	return "x"
}

func (d *dice) word(p *openapi3.Parameter) string {
	if d.chance(20) {
		return pick(d, nasty...)
	}
	if p.Name == "folder" {
		return pick(d, "top", d.id("folder"))
	}
	return fmt.Sprint(d.value(p.Name, p.Schema))
}

func (d *dice) header(p *openapi3.Parameter) string {
	if d.chance(12) {
		return pick(d, nasty...)
	}
	switch p.Name {
	case "If-Match", "If-None-Match", "If-Range":
		return pick(d, `"1"`, `"1"`, `"1"`, `"2"`, `"3"`, "*", `W/"1"`, `"1", "2"`, `"99999999999999999999"`, "1")
	case "Range":
		return pick(d, "bytes=0-9", "bytes=10-", "bytes=-5", "bytes=5-1", "bytes=99999-", "bytes=0-1,3-4", "items=1-2", "bytes=a-b")
	case headerIdempotency:
		return pick(d, "a-key", strconv.Itoa(d.IntN(1000)), strings.Repeat("k", 256), "a b")
	case headerName:
		return pick(d, "Carte%20d%27identit%C3%A9", "a", "%FF", "%", url.PathEscape("شهادة"), strings.Repeat("x", 201))
	case headerTus:
		return tusVersion
	case headerOffset:
		return pick(d, "0", "0", "5", "-1", "99999999999999999999")
	case headerLength:
		return strconv.Itoa(1 + d.IntN(2000))
	case headerMetadata:
		return pick(d, tusMetadata("filename", "x"), tusMetadata("filename", "x", "compartment", "shared", "folder", d.id("folder")), "filename", base64.StdEncoding.EncodeToString(d.bytes(9)))
	}
	return fmt.Sprint(d.value(p.Name, p.Schema))
}

// body is one of the kind that an operation reads, or another.
func (d *dice) body(op *openapi3.Operation, headers http.Header) []byte {
	if op.RequestBody == nil {
		if d.chance(90) {
			return nil
		}
		headers.Set("Content-Type", "application/json")
		return d.encoded(d.other())
	}
	content := op.RequestBody.Value.Content
	if content["multipart/form-data"] != nil {
		return d.form(headers)
	}
	if content["application/json"] == nil {
		headers.Set("Content-Type", pick(d, "application/pdf", "image/jpeg", "text/plain", "text/html; charset=utf-8", tusBody))
		if content[tusBody] != nil && d.chance(85) {
			headers.Set("Content-Type", tusBody)
		}
		return d.bytes(pick(d, 1, 100, 70_000))
	}
	headers.Set("Content-Type", "application/json")
	v := d.value("", content["application/json"].Schema)
	if whole, is := d.fixed["*"]; is && d.chance(60) {
		v = copied(whole)
	}
	for d.chance(25) {
		v = d.broken(copied(v)) // what was fixed is fixed for others, too
	}
	return d.encoded(v)
}

func copied(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, one := range v {
			out[name] = copied(one)
		}
		return out
	case []any:
		return slices.Clone(v)
	}
	return v
}

// disturb does what other programs do to headers.
func (d *dice) disturb(h http.Header) {
	if d.chance(30) {
		h.Set("Accept-Language", pick(d, "fr", "ar", "en-GB;q=0.5, ar;q=0.9", "zz", "*", ";;;=", strings.Repeat("fr,", 3000)))
	}
	if d.chance(10) {
		h.Set("Accept", pick(d, "application/xml", "*/*", "text/html", "application/cbor", ";"))
	}
	if d.chance(6) {
		h.Set("Content-Type", pick(d, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=latin1", "application/json/json", "a/b;c"))
	}
	if d.chance(3) {
		h.Set("Content-Encoding", pick(d, "gzip", "identity", "br"))
	}
	if d.chance(3) {
		h.Set("Sec-Fetch-Site", pick(d, "cross-site", "same-site", "same-origin"))
	}
	if d.chance(3) {
		h.Set("Origin", pick(d, "https://elsewhere.example", "null"))
	}
	if d.chance(4) {
		h.Set("Authorization", pick(d, "", "Bearer", "Bearer ", "bearer x", "Basic YTpi", "Bearer "+strings.Repeat("x", 5000), "Bearer "+strings.Repeat("A", 43)))
	}
	if d.chance(3) {
		h.Set("Expect", "100-continue")
	}
}

// send sends a request; cut: less of its body than it says.
func (c *cast) send(request *http.Request, body []byte, cut bool) (*reply, error) {
	if !cut || len(body) < 2 {
		response, err := c.Client().Do(request)
		if err != nil {
			return nil, err
		}
		return c.kept(response)
	}
	request = request.Clone(request.Context())
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	request.Header.Del("Expect")
	var raw bytes.Buffer
	if err := request.Write(&raw); err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", request.URL.Host)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(raw.Bytes()[:raw.Len()-len(body)/2]); err != nil {
		return nil, err
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return nil, err
	}
	return c.kept(response)
}

func (c *cast) kept(response *http.Response) (*reply, error) {
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return &reply{t: c.t, Status: response.StatusCode, Header: response.Header, Body: body}, err
}

// carriedOut holds that what was not refused is a request as the document describes it.
// Forgiven is what is as good as missing: an empty parameter or header, and null.
func (c *cast) carriedOut(request *http.Request, body []byte, a *reply) error {
	if a.Status >= 300 {
		return nil
	}
	asked := request.Clone(context.Background())
	asked.URL.Scheme, asked.URL.Host = "", ""
	query := asked.URL.Query()
	maps.DeleteFunc(query, func(_ string, v []string) bool { return v[0] == "" })
	asked.URL.RawQuery = query.Encode()
	maps.DeleteFunc(asked.Header, func(_ string, v []string) bool { return strings.TrimSpace(v[0]) == "" })
	route, params, err := c.judge.FindRoute(asked)
	if err != nil {
		return nil // HEAD of what is described by its GET
	}
	inJSON := route.Operation.RequestBody != nil && route.Operation.RequestBody.Value.Content["application/json"] != nil
	if inJSON {
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			return err
		}
		if body, err = json.Marshal(withoutNull(v)); err != nil {
			return err
		}
		asked.Header.Set("Content-Type", cmp.Or(asked.Header.Get("Content-Type"), "application/json"))
	}
	asked.Body, asked.GetBody = io.NopCloser(bytes.NewReader(body)), nil
	return openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
		Request: asked, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, ExcludeRequestBody: !inJSON},
	})
}

func withoutNull(v any) any {
	if o, is := v.(map[string]any); is {
		maps.DeleteFunc(o, func(_ string, one any) bool { return one == nil })
		for name := range o {
			o[name] = withoutNull(o[name])
		}
	}
	return v
}
