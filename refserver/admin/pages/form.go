package pages

import (
	"net/http"
	"net/url"
	"strings"
)

// form is what was typed, and what is wrong with it.
type form struct {
	Values  url.Values
	Wrong   map[string]string // by field
	Problem *refusal          // what is about none of them; nil: nothing
}

func newForm() *form { return &form{Values: url.Values{}, Wrong: map[string]string{}} }

func (v *visit) readForm() (*form, error) {
	if err := v.r.ParseForm(); err != nil {
		return nil, err
	}
	f := newForm()
	f.Values = v.r.PostForm
	return f, nil
}

// Get returns what was typed, without space around it.
func (f *form) Get(field string) string { return strings.TrimSpace(f.Values.Get(field)) }

func (f *form) refuse(field, sentence string) { f.Wrong[field] = sentence }

func (f *form) wrong() bool { return len(f.Wrong) > 0 || f.Problem != nil }

func (f *form) status() int {
	if f.wrong() {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

func (v *visit) required(f *form, fields ...string) {
	for _, name := range fields {
		if f.Get(name) == "" {
			f.refuse(name, v.t("wrong.empty"))
		}
	}
}

// field is one field of a form with its label.
type field struct {
	Name, Type, Label, Hint, Value, Wrong string
	Required, Ltr                         bool
	Rows                                  int
	Options                               []option // of a list to choose from
	Default                               string   // what an empty one means
}

type option struct {
	Value, Text string
}
