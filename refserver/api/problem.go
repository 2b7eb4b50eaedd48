package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"reconnect.example/quota"
	"reconnect.example/recovery"
	"reconnect.example/refserver/language"
	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
)

// Problem is how every refusal is told (RFC 9457). It never repeats a value that
// the caller sent, nor a name, login or id: it may end in a log on the way (E8). But for files: who
// brought them must know which is wrong.
type Problem struct {
	Type   string         `json:"type" format:"uri" doc:"Stable name of the kind of problem, to compare with. Nothing is served at this address: the server that refused explains it at /problems/ and the last word." example:"https://reconnect.example/problems/full"`
	Title  string         `json:"title" doc:"What happened and what to do, in plain words, in the language that Accept-Language prefers (fr, en or ar)."`
	Status int            `json:"status" minimum:"400" maximum:"599" doc:"The HTTP status of this answer."`
	Fields []FieldProblem `json:"fields,omitempty" nullable:"false" doc:"Which fields are wrong, for the problem \"invalid\"."`
	Left   *int64         `json:"left,omitempty" doc:"Bytes that can still be had, for the problem \"full\"."`
	Wanted *int64         `json:"wanted,omitempty" doc:"Bytes that were wanted, sealed, for the problem \"full\"."`

	Missing []string `json:"missing,omitempty" nullable:"false" doc:"What a request still needs, for the problem \"not-ready\"."`
	Wait    int64    `json:"wait,omitempty" doc:"Seconds that are left of its wait."`
	Look    string   `json:"look,omitempty" doc:"Where number and code were right and it is too early: a token for GET /hand-over/look, which costs no try."`

	Files []string `json:"files,omitempty" nullable:"false" doc:"Which files are wrong of what was brought, by their paths in it, at most 100."`

	kind kind
}

// FieldProblem names one field that is wrong.
type FieldProblem struct {
	Field   string `json:"field" doc:"Where it stands: \"body.name\", \"query.limit\", \"header.If-Match\". A rule of the safe itself names it alone: \"password\", \"recognised\"."`
	Problem string `json:"problem" doc:"What is wrong with it or what was expected, in English, for the developer of the client."`
}

// Error returns the stable name only, so that an error that is logged says nothing more.
func (p *Problem) Error() string { return "api: " + p.kind.code }

// GetStatus, GetHeaders and ContentType are what huma asks of an error.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns Retry-After (RFC 9110, 10.2.3) where waiting helps, and the
// challenge that a 401 must carry (RFC 6750).
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.kind.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.kind.retry+time.Second-1)/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	return h
}

// ContentType makes it application/problem+json.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// problemOf tells an error of the library, of the server or of this package.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	p = newProblem(kindOf(err))
	p.Fields = wrongFields(err)
	var full *quota.FullError
	if errors.As(err, &full) {
		p.Left, p.Wanted = &full.Left, &full.Wanted
	}
	for _, f := range bundle.Named(err) {
		p.Files = append(p.Files, f.File)
	}
	var notReady *recovery.NotReadyError
	if errors.As(err, &notReady) {
		p.Missing, p.Wait, p.Look = missingWords(notReady.Missing), seconds(notReady.Wait), notReady.Look
	}
	return p
}

// wrongFields names every field that an error of the library names, which may
// be several joined.
func wrongFields(err error) []FieldProblem {
	if field, ok := err.(*vault.InvalidError); ok {
		return []FieldProblem{{Field: field.Field, Problem: field.Problem}}
	}
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		var all []FieldProblem
		for _, one := range e.Unwrap() {
			all = append(all, wrongFields(one)...)
		}
		return all
	case interface{ Unwrap() error }:
		return wrongFields(e.Unwrap())
	}
	return nil
}

func newProblem(k kind) *Problem {
	return &Problem{Type: k.uri(), Status: k.status, kind: k}
}

// invalid names one field that is wrong.
func invalid(field, what string) error { return &vault.InvalidError{Field: field, Problem: what} }

// speaks returns the language of sentences that Accept-Language prefers, among those
// that were reviewed.
func speaks(acceptLanguage string) *language.Language {
	return language.In(language.NewChooser(language.Offered()).Choose(acceptLanguage))
}

// in returns the problem with its sentence in the caller's language.
func (p *Problem) in(l *language.Language) *Problem {
	said := *p
	said.Title = p.kind.sentence(l)
	return &said
}

// writeProblem answers a request that huma does not handle.
func writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err).in(speaks(r.Header.Get("Accept-Language")))
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	// The header is out; nothing can be told any more to a caller who has gone.
	_ = json.NewEncoder(w).Encode(p)
}
