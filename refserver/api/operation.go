package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// maxJSON bounds a JSON body, in bytes; patience bounds the time. The longest text is a note of 20,000
// characters, of twelve bytes each if every one is escaped.
const maxJSON = 384 << 10

// operation is what an operation says of itself in the document.
type operation struct {
	method, path, id string
	tag              string
	summary          string
	description      string
	status           int      // of success; 0: 200
	problems         []string // kinds of problem beyond those that any operation has
	open             bool     // needs no session
	scheme           string   // how its caller is known instead; "": not at all, or by a session
	space            bool     // is about the space that a worker has open, if one calls
	ifMatch          bool     // needs If-Match
	tagged           bool     // answers 304 to who has it already
	streams          bool     // its answer is too long to be remembered: no Idempotency-Key
}

// always are the problems that any operation may end with.
func (o operation) always() []string {
	always := []string{"internal", "storage", "back-off", "cut-off", "request"}
	if !o.open {
		always = append(always, "session-ended", "locked", "cross-origin", "not-allowed", "ended", "tampered", "stale")
	}
	if o.space {
		always = append(always, "nothing-open", "not-member", "no-second-factor", "key-changed", "not-named", "witness-away", "untrusted-key")
	}
	if o.once() {
		always = append(always, "idempotency-key", "repeated")
	}
	if o.method != http.MethodGet {
		always = append(always, "cross-origin", "unknown")
	}
	if o.ifMatch {
		always = append(always, "if-match-required", "revision", "invalid", "closing")
	}
	return append(always, o.problems...)
}

// huma returns the operation for the document, with every answer it can give.
func (a *API) huma(o operation) huma.Operation {
	op := huma.Operation{
		Method: o.method, Path: o.path, OperationID: o.id, Tags: []string{o.tag},
		Summary: o.summary, Description: o.description, DefaultStatus: o.status,
		Responses:    map[string]*huma.Response{},
		MaxBodyBytes: maxJSON,
		Middlewares:  huma.Middlewares{endsOrIsCut},
	}
	if o.scheme != "" {
		op.Security = []map[string][]string{{o.scheme: {}}}
	} else if !o.open {
		op.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	}
	schema := a.schemaOf(reflect.TypeFor[Problem]())
	for status, codes := range byStatus(o.always()) {
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: refused + strings.Join(codes, ", ") + ".",
			Headers:     problemHeaders(status),
			Content:     map[string]*huma.MediaType{problemType: {Schema: schema}},
		}
	}
	if o.tagged {
		op.Responses["304"] = &huma.Response{Description: "Unchanged since the ETag that you have."}
	}
	return op
}

// endsOrIsCut tells a body that broke off from a fault of this side.
func endsOrIsCut(ctx huma.Context, next func(huma.Context)) {
	r, _ := humago.Unwrap(ctx)
	r.Body = cutBody{r.Body}
	next(ctx)
}

type cutBody struct{ io.ReadCloser }

func (b cutBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = errCut
	}
	return n, err
}

var errCut = fmt.Errorf("api: the body broke off: %w", context.DeadlineExceeded)

// byStatus sorts kinds of problems under the status that they are told with.
func byStatus(codes []string) map[int][]string {
	all := kinds()
	out := make(map[int][]string)
	for _, code := range codes {
		k, known := all[code]
		if !known {
			panic(fmt.Sprintf("api: no kind of problem is called %q", code)) // a slip in this package, met by every test
		}
		if !slices.Contains(out[k.status], code) {
			out[k.status] = append(out[k.status], code)
		}
	}
	for _, codes := range out {
		slices.Sort(codes)
	}
	return out
}

// shareRefusals says once in the document what many operations answer with.
func shareRefusals(doc *huma.OpenAPI) {
	doc.Components.Responses = map[string]*huma.Response{}
	for _, item := range doc.Paths {
		for _, op := range operationsAt(item) {
			for status, answer := range op.Responses {
				codes, isRefusal := strings.CutPrefix(answer.Description, refused)
				if !isRefusal {
					continue
				}
				name := status + "." + strings.ReplaceAll(strings.TrimSuffix(codes, "."), ", ", ".")
				doc.Components.Responses[name] = answer
				op.Responses[status] = &huma.Response{Ref: sharedAnswers + name}
			}
		}
	}
}

// refused begins the description of an answer that is a problem.
const refused = "Refused: "

// sharedAnswers begins a reference to an answer that several operations give.
const sharedAnswers = "#/components/responses/"

func operationsAt(item *huma.PathItem) (all []*huma.Operation) {
	for _, op := range []*huma.Operation{item.Options, item.Head, item.Get, item.Post, item.Put, item.Patch, item.Delete} {
		if op != nil {
			all = append(all, op)
		}
	}
	return all
}

// reading adds to an operation how reading its input can fail.
func (o operation) reading(in reflect.Type) operation {
	o.problems = append(slices.Clone(o.problems), "invalid") // an address may have what no operation knows
	if _, hasBody := in.FieldByName("Body"); hasBody {
		o.problems = append(o.problems, "media-type", "too-large")
	}
	return o
}

// add adds an operation that passes the given gate before anything of it is read.
func (a *API) add(o operation, gate func(huma.Context, func(huma.Context)), h handler) {
	o = o.reading(h.in)
	op := a.huma(o)
	op.Middlewares = append(op.Middlewares, gate)
	if o.method == http.MethodPost {
		op.Middlewares = append(op.Middlewares, a.onceIn(o))
	}
	bind(a.doc, op, a.reporting(o, h))
	a.documentIfMatch(o)
	if o.once() {
		item := a.doc.OpenAPI().Paths[o.path].Post
		item.Parameters = append(item.Parameters, onceParam())
	}
}

// register adds an operation on what a space holds: the caller's own, or the one
// that a worker has open. It answers in JSON.
func register[I, O any](a *API, o operation, handle func(context.Context, *vault.Vault, *I) (*O, error)) {
	o.space = true
	a.add(o, a.inSpace, handles(func(ctx context.Context, in *I) (*O, error) {
		return handle(ctx, ctx.Value(callerKey{}).(*vault.Vault), in)
	}))
}

// registerOpen adds an operation that anybody calls.
func registerOpen[I, O any](a *API, o operation, handle func(context.Context, *I) (*O, error)) {
	o.open = true
	h := handles(handle)
	bind(a.doc, a.huma(o.reading(h.in)), a.reporting(o, h))
}

// reporting tells the operator what went wrong on this side.
func (a *API) reporting(o operation, h handler) handler {
	call := h.call
	h.call = func(ctx context.Context, in any) (any, error) {
		out, err := call(ctx, in)
		if err != nil {
			a.report(ctx, o.id, err)
			return nil, err
		}
		return out, nil
	}
	return h
}

// stream adds an operation whose body or answer is a stream of bytes, which
// huma would hold in memory. It is on what a space holds, as with register.
func (a *API) stream(op huma.Operation, handle func(http.ResponseWriter, *http.Request, *vault.Vault) error) {
	a.doc.OpenAPI().AddOperation(&op)
	a.mux.HandleFunc(op.Method+" "+Path+op.Path, func(w http.ResponseWriter, r *http.Request) {
		out := &streamWriter{ResponseWriter: w}
		who, err := a.space(r)
		if err == nil {
			defer who.Close()
			err = a.once(out, r, func(w http.ResponseWriter, r *http.Request) error { return handle(w, r, who.Vault) })
		}
		if err == nil {
			return
		}
		if !out.broken {
			a.report(r.Context(), op.OperationID, err)
		}
		if out.begun {
			panic(http.ErrAbortHandler) // the status is out: only a broken connection still says that it failed (A12)
		}
		writeProblem(w, r, err)
	})
}

// streamWriter remembers what of an answer can still be taken back.
type streamWriter struct {
	http.ResponseWriter
	begun  bool // the status is out
	broken bool // the reader has gone
}

func (w *streamWriter) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *streamWriter) Write(p []byte) (int, error) {
	w.begun = true
	n, err := w.ResponseWriter.Write(p)
	w.broken = w.broken || err != nil
	return n, err
}

// FlushError is what http.ResponseController calls to flush.
func (w *streamWriter) FlushError() error {
	err := http.NewResponseController(w.ResponseWriter).Flush()
	w.broken = w.broken || err != nil
	return err
}

// Unwrap lets http.ResponseController find the connection.
func (w *streamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// report tells the operator what went wrong on the server's side, with nothing
// in it that could name a person or an item. What a caller did wrong is between
// the caller and us.
func (a *API) report(ctx context.Context, operation string, err error) {
	if errors.Is(err, errAskedBefore) {
		return
	}
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError && p.Status != http.StatusInsufficientStorage && ctx.Err() == nil {
		a.failed(p.kind.code)
		a.log.Error("an operation failed", "operation", operation, "problem", p.kind.code, "cause", problem.Cause(err))
	}
}

// documentIfMatch says that If-Match is required. huma must not check it, or a
// request without it would be answered with 422 instead of 428.
func (a *API) documentIfMatch(o operation) {
	if !o.ifMatch {
		return
	}
	item := a.doc.OpenAPI().Paths[o.path]
	for _, op := range []*huma.Operation{item.Post, item.Put, item.Patch, item.Delete} {
		if op == nil || op.OperationID != o.id {
			continue
		}
		for _, p := range op.Parameters {
			p.Required = p.Required || p.Name == "If-Match"
		}
	}
}

func problemHeaders(status int) map[string]*huma.Param {
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return map[string]*huma.Param{"Retry-After": header("Seconds to wait.")}
	case http.StatusUnauthorized:
		return map[string]*huma.Param{"WWW-Authenticate": header("Bearer")}
	}
	return nil
}
