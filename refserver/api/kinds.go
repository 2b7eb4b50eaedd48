package api

import (
	"errors"
	"net/http"
	"time"

	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// Errors of the API alone, beside those of the library and of the server.
var (
	errPrecondition = errors.New("api: If-Match is missing")
	errMediaType    = errors.New("api: a body of a kind that is not read here")
	errMethod       = errors.New("api: a method that is not offered here")
	errIdempotency  = errors.New("api: Idempotency-Key is not offered")
	errNothingOpen  = errors.New("api: this worker has nobody's space open")
	errStaffOnly    = errors.New("api: this is for workers of relays")
)

// kind is one kind of problem: what its stable name and status are, and how it
// is said.
type kind struct {
	status   int
	code     string
	retry    time.Duration
	sentence func(language string) string
}

func (k kind) uri() string { return problem.Problem{Code: k.code}.Type() }

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
	return kind{status: p.Status, code: p.Code, retry: p.Retry, sentence: p.Sentence}
}

type httpKind struct {
	err error
	kind
}

// httpKinds are the problems that only a program can meet: they are about HTTP, and
// about which session asks.
func httpKinds() []httpKind {
	return []httpKind{
		{errPrecondition, kind{http.StatusPreconditionRequired, "if-match-required", 0, say(
			"Dites dans If-Match quelle révision vous avez lue.",
			"Say in If-Match which revision you have read.")}},
		{errMediaType, kind{http.StatusUnsupportedMediaType, "media-type", 0, say(
			"Ce genre de contenu n’est pas lu ici.",
			"This kind of content is not read here.")}},
		{errMethod, kind{http.StatusMethodNotAllowed, "method", 0, say(
			"Cette méthode n’existe pas à cette adresse.",
			"This method is not offered at this address.")}},
		{errRange, kind{http.StatusRequestedRangeNotSatisfiable, "range", 0, say(
			"Le document est plus court que cela.",
			"The document is shorter than that.")}},
		{errIdempotency, kind{http.StatusNotImplemented, "idempotency-key", 0, say(
			"Idempotency-Key n’est pas encore pris en charge. Rien n’a été fait.",
			"Idempotency-Key is not offered yet. Nothing was done.")}},
		{errNothingOpen, kind{http.StatusConflict, "nothing-open", 0, say(
			"Aucun espace n’est ouvert, ou l’accès a pris fin. Ouvrez d’abord l’espace d’une personne.",
			"No space is open, or the access to it has ended. Open somebody’s space first.")}},
		{errStaffOnly, kind{http.StatusForbidden, "staff-only", 0, say(
			"Ceci est réservé à qui travaille dans un relais.",
			"This is for people who work at a relay.")}},
	}
}

func say(fr, en string) func(string) string {
	return func(language string) string {
		if language == "fr" {
			return fr
		}
		return en
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
