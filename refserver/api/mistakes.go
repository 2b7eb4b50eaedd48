package api

import (
	"errors"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"reconnect.example/vault"
)

// mistakes are what is wrong with an input, each with its place.
type mistakes struct {
	registry huma.Registry
	at       *huma.PathBuffer
	res      huma.ValidateResult
}

func (m *mistakes) place(steps ...string) *huma.PathBuffer {
	m.at.Reset()
	for _, step := range steps {
		if step != "" {
			m.at.Push(step)
		}
	}
	return m.at
}

func (m *mistakes) add(where, name, what string) { m.res.Add(m.place(where, name), nil, what) }

func (m *mistakes) validate(s *huma.Schema, v any, where ...string) {
	huma.Validate(m.registry, s, m.place(where...), huma.ModeWriteToServer, v, &m.res)
}

// mostTold is how many mistakes a refusal names: a body of unknown members would be answered
// with several times its size, to anybody.
const mostTold = 50

// told returns them as one problem, which names the first mostTold. It drops the values that
// huma repeats: they may be a password.
func (m *mistakes) told() error {
	if len(m.res.Errors) == 0 {
		return nil
	}
	p := newProblem(kindOf(vault.ErrInvalid))
	for _, err := range m.res.Errors[:min(len(m.res.Errors), mostTold)] {
		var detail *huma.ErrorDetail
		if errors.As(err, &detail) {
			p.Fields = append(p.Fields, fieldOf(detail))
		}
	}
	return p
}

// fieldOf names the field that huma refuses.
func fieldOf(detail *huma.ErrorDetail) FieldProblem {
	if name, found := strings.CutPrefix(detail.Message, "expected required property "); found {
		if name, found = strings.CutSuffix(name, " to be present"); found { // a name of ours: huma takes it from the schema
			return FieldProblem{Field: printable(detail.Location) + "." + name, Problem: "is missing"}
		}
	}
	return FieldProblem{Field: printable(detail.Location), Problem: detail.Message}
}

// printable returns the place of a field, which ends with whatever name the
// caller gave to an unknown one, without anything but a plain name.
func printable(location string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-[]", r)
	}
	if len(location) > 60 || strings.ContainsFunc(location, func(r rune) bool { return !plain(r) }) {
		location, _, _ = strings.Cut(location, ".")
	}
	return location
}
