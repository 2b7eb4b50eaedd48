package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	bytesof "encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// Every POST of somebody who is signed in takes Idempotency-Key, as
// draft-ietf-httpapi-idempotency-key-header describes it: a phone that lost the network
// sends the request again, and it is carried out once. The session remembers
// (vault.Vaults.Once), in whichever process the second request ends up.
const headerIdempotency = "Idempotency-Key"

// onceAnswers is how long an answer may take to be remembered after its caller has gone.
const onceAnswers = 10 * time.Second

// errAskedBefore marks the answer to a request that was sent before, and of which this side
// does not know how it ends. A phone asks so whenever it lost the network: it is told, and
// nobody is called for it, or whoever is signed in could call the operator at night.
var errAskedBefore = errors.New("api: it was asked before")

// spelled is what a key may look like: a text, in quotation marks or not.
var spelled = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)

// once reports whether the session of the caller remembers this operation.
func (o operation) once() bool {
	return o.method == http.MethodPost && !o.open && o.scheme == "" && !o.streams
}

func onceParam() *huma.Param {
	return headerParam(headerIdempotency, "A text of your own, new for each request: with it, a request that is sent again in the same session is carried out once and has the same answer. Of a document it is compared by its length and headers. A request that was refused is forgotten, and may be sent again under the same key.", false, &huma.Schema{Type: huma.TypeString, Pattern: spelled.String()})
}

// onceIn is once for an operation in JSON. It stands behind the gate of its operation, so
// that a stranger has nothing remembered.
func (a *API) onceIn(o operation) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		if r.Header.Get(headerIdempotency) == "" {
			next(ctx)
			return
		}
		if !o.once() { // refused rather than ignored: whoever sends the header relies on it
			writeProblem(w, r, errIdempotency)
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, maxJSON+1)) // what is longer, huma refuses
		if err == nil {
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), r.Body))
			err = a.onceOver(w, r.WithContext(ctx.Context()), body, func(w http.ResponseWriter, r *http.Request) error {
				next(humago.NewContext(ctx.Operation(), r, w))
				return nil
			})
		}
		if err != nil {
			a.report(r.Context(), o.id, err)
			writeProblem(w, r, err)
		}
	}
}

// once carries out an operation on a stream of bytes once.
func (a *API) once(w http.ResponseWriter, r *http.Request, do func(http.ResponseWriter, *http.Request) error) error {
	if r.Method != http.MethodPost || r.Header.Get(headerIdempotency) == "" {
		return do(w, r)
	}
	return a.onceOver(w, r, bytesof.BigEndian.AppendUint64(nil, uint64(r.ContentLength)), do)
}

func (a *API) onceOver(w http.ResponseWriter, r *http.Request, body []byte, do func(http.ResponseWriter, *http.Request) error) error {
	key, token := r.Header.Get(headerIdempotency), session.Token(r)
	if len(r.Header.Values(headerIdempotency)) != 1 || !spelled.MatchString(key) {
		return errIdempotency
	}
	kept, answered, err := a.vaults.Once(r.Context(), token, key, digestOf(r, body))
	if err == nil && answered {
		_, _ = io.Copy(io.Discard, r.Body) // a client that is still sending would not read the answer
		err = writeKept(w, kept)
	}
	if errors.Is(err, vault.ErrUnknown) {
		return fmt.Errorf("%w: %w", errAskedBefore, err)
	}
	if err != nil || answered {
		return err
	}
	out := &answerKeeper{header: http.Header{}}
	err = do(out, r)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), onceAnswers)
	defer cancel()
	switch {
	case err != nil && errors.Is(err, vault.ErrUnknown) || out.unknown():
		// It stays as begun: nobody knows, and so it is told to who asks again.
	case err != nil || out.status >= 400:
		_ = a.vaults.Answered(ctx, token, key, false, nil) // it stays as begun, then
	default:
		_ = a.vaults.Answered(ctx, token, key, true, out.keep())
	}
	if err != nil {
		return err
	}
	out.writeTo(w)
	return nil
}

// digestOf is of everything that says what a request asks.
func digestOf(r *http.Request, body []byte) [32]byte {
	h := sha256.New()
	part := func(text string) {
		h.Write(bytesof.BigEndian.AppendUint32(nil, uint32(len(text))))
		_, _ = io.WriteString(h, text)
	}
	part(r.Method)
	part(r.URL.RequestURI())
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if name == "Content-Type" || strings.HasPrefix(name, "Document-") || strings.HasPrefix(name, "Upload-") {
			part(name)
			part(r.Header.Get(name))
		}
	}
	part(string(body))
	return [32]byte(h.Sum(nil))
}

// answerKeeper holds an answer back until it is remembered.
type answerKeeper struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answerKeeper) Header() http.Header { return a.header }

func (a *answerKeeper) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answerKeeper) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// unknown reports whether the answer says that nobody knows how it ended.
func (a *answerKeeper) unknown() bool {
	var p Problem
	return a.status >= 400 && json.Unmarshal(a.body.Bytes(), &p) == nil && p.Type == kindOf(vault.ErrUnknown).uri()
}

func (a *answerKeeper) writeTo(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // it is done, whether or not the caller hears of it
}

// kept is an answer as it is remembered.
type kept struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

func (a *answerKeeper) keep() []byte {
	raw, err := json.Marshal(kept{a.status, a.header, a.body.Bytes()})
	if err != nil {
		return nil
	}
	return raw
}

// writeKept gives the answer of then.
func writeKept(w http.ResponseWriter, raw []byte) error {
	var k kept
	if raw == nil || json.Unmarshal(raw, &k) != nil {
		return vault.ErrUnknown // it was carried out; what it answered was too long to remember
	}
	maps.Copy(w.Header(), k.Header)
	w.WriteHeader(k.Status)
	_, _ = w.Write(k.Body)
	return nil
}
