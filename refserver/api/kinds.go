package api

import (
	"errors"
	"net/http"
	"time"

	"reconnect.example/refserver/language"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// Errors of the API alone, beside those of the library and of the server.
var (
	errPrecondition = errors.New("api: If-Match is missing")
	errMediaType    = errors.New("api: a body of a kind that is not read here")
	errMethod       = errors.New("api: a method that is not offered here")
	errIdempotency  = errors.New("api: this Idempotency-Key cannot be used here")
	errNothingOpen  = errors.New("api: this worker has nobody's space open")
	errTusVersion   = errors.New("api: another version of tus")
	errStaffOnly    = errors.New("api: this is for workers of relays")
)

// kind is one kind of problem: what its stable name and status are, and how it
// is said.
type kind struct {
	status int
	code   string
	retry  time.Duration
}

func (k kind) uri() string { return problem.Problem{Code: k.code}.Type() }

func (k kind) sentence(in *language.Language) string {
	return problem.Problem{Code: k.code}.Sentence(in)
}

// kindOf finds an error in the table of this file and then in that of the whole
// server, which pages share.
func kindOf(err error) kind {
	for _, line := range httpKinds() {
		if errors.Is(err, line.err) {
			return line.kind
		}
	}
	return shared(problem.Of(err))
}

func shared(p problem.Problem) kind {
	if p.Code == vault.Code(vault.ErrRevision) {
		// An edit of the API names its revision in If-Match, and then a conflict is
		// a failed precondition (RFC 9110, 13.1.1).
		p.Status = http.StatusPreconditionFailed
	}
	return kind{status: p.Status, code: p.Code, retry: p.Retry}
}

type httpKind struct {
	err error
	kind
}

// httpKinds are the problems that only a program can meet: they are about HTTP, and
// about which session asks.
func httpKinds() []httpKind {
	return []httpKind{
		{errPrecondition, kind{http.StatusPreconditionRequired, "if-match-required", 0}},
		{errMediaType, kind{http.StatusUnsupportedMediaType, "media-type", 0}},
		{errMethod, kind{http.StatusMethodNotAllowed, "method", 0}},
		{errRange, kind{http.StatusRequestedRangeNotSatisfiable, "range", 0}},
		{errIdempotency, kind{http.StatusBadRequest, "idempotency-key", 0}},
		{errTusVersion, kind{http.StatusPreconditionFailed, "tus-version", 0}},
		{errNothingOpen, kind{http.StatusConflict, "nothing-open", 0}},
		{errStaffOnly, kind{http.StatusForbidden, "staff-only", 0}},
	}
}

// kinds returns every kind that an answer can have, for the document.
func kinds() map[string]kind {
	all := make(map[string]kind)
	for _, p := range problem.All() {
		all[p.Code] = shared(p)
	}
	for _, line := range httpKinds() {
		all[line.code] = line.kind
	}
	return all
}
