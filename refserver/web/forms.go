package web

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// largestForm bounds a form without a file, in bytes: a note of 20,000
// characters in any script, as browsers encode it.
const largestForm = 512 << 10

// form is what was typed, and what is wrong with it.
type form struct {
	Values   url.Values
	Wrong    map[string]string // by field: what to do
	Missing  bool              // a field that must be filled in is empty
	Problem  string            // what is wrong with the whole
	ID       string            // names this form, so that a second click does nothing new
	Revision uint64            // of the item when it was read
	Current  *vault.Item       // after somebody else's change: the item as it is now

	begins bool // a page that shows it again has said where to begin
}

func newForm() *form {
	return &form{Values: url.Values{}, Wrong: map[string]string{}, ID: rand.Text()}
}

// readForm reads a form without files.
func (v *visit) readForm() (*form, error) {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, largestForm)
	if err := v.r.ParseForm(); err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return nil, problem.ErrTooLarge
		}
		return nil, problem.ErrRequest
	}
	f := formOf(v.r.PostForm)
	return f, v.stillThere(f)
}

// errOtherSpace: a form was filled in for a space that is not the one that is open now.
var errOtherSpace = errors.New("web: the form is of another space")

// space is the id of what is open.
func (v *visit) space() string {
	if v.vault == nil {
		return ""
	}
	return v.vault.ID().String()
}

// stillThere refuses a form that was filled in for another space: whoever has two windows
// and opens somebody else in one, must not send what they wrote of one person in the
// other into the space of the next, where others would read it.
func (v *visit) stillThere(f *form) error {
	if whose := f.Get("space"); whose != "" && whose != v.space() {
		return errOtherSpace
	}
	return nil
}

func formOf(values url.Values) *form {
	return &form{Values: values, Wrong: map[string]string{}, ID: values.Get("form"), Revision: number(values.Get("revision"))}
}

// Get returns what was typed into a field, without space around it.
func (f *form) Get(field string) string { return strings.TrimSpace(f.Values.Get(field)) }

// Text returns what was typed into a field of several lines, with the line ends
// of this system.
func (f *form) Text(field string) string {
	return strings.ReplaceAll(f.Get(field), "\r\n", "\n")
}

// Lines returns the lines of a field that hold something.
func (f *form) Lines(field string) []string {
	var kept []string
	for line := range strings.Lines(f.Text(field)) {
		if line = strings.TrimSpace(line); line != "" {
			kept = append(kept, line)
		}
	}
	return kept
}

// Set fills a field before it is shown.
func (f *form) Set(field, value string) { f.Values.Set(field, value) }

// refuse notes what is wrong with a field.
func (f *form) refuse(field, sentence string) { f.Wrong[field] = sentence }

func (f *form) wrong() bool { return len(f.Wrong) > 0 || f.Problem != "" }

// date reads a field of the form 2026-11-24; empty is no date.
func (v *visit) typedDate(f *form, field string) vault.Date {
	text := f.Get(field)
	if text == "" {
		return ""
	}
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		f.refuse(field, v.t("wrong.date"))
		return ""
	}
	return vault.Date(text)
}

// required refuses an empty field.
func (v *visit) required(f *form, fields ...string) {
	for _, field := range fields {
		if f.Get(field) == "" {
			f.refuse(field, v.t("wrong.empty"))
			f.Missing = true
		}
	}
}

// again shows a form once more, with what is wrong. What is not the form's
// matter is returned.
func (v *visit) again(name string, f *form, err error, data any) error {
	status := http.StatusUnprocessableEntity
	if err != nil {
		p := problem.Of(err)
		switch {
		case errors.Is(err, vault.ErrInvalid):
			if !f.wrong() {
				v.refuseFields(f, err)
			}
		case errors.Is(err, vault.ErrSignIn) && f.wrong(): // said beside the secret: no login was asked for
		case errors.Is(err, vault.ErrRevision), errors.Is(err, vault.ErrSignIn), errors.Is(err, vault.ErrBackOff),
			errors.Is(err, vault.ErrTooMany), errors.Is(err, vault.ErrTooManyLocked), errors.Is(err, vault.ErrBusy):
			f.Problem = v.sentence(p)
		default:
			return err
		}
		status = p.Status
		v.retryAfter(p)
	}
	if f.ID == "" {
		f.ID = rand.Text()
	}
	return v.showWith(status, name, data)
}

// wrongFirst reports whether a field is the first on the page with something wrong: who
// sends a form that cannot be taken begins again there, also without JavaScript. Templates
// ask in the order of the page.
func (f *form) wrongFirst(field string) bool {
	first := f.Wrong[field] != "" && !f.begins
	f.begins = f.begins || first
	return first
}

// wrongView is what is wrong with a field that is no input of one line, for the template "wrong".
type wrongView struct {
	Field, Text string
	First       bool
}

func wrong(f *form, field string) wrongView {
	return wrongView{field, f.Wrong[field], f.wrongFirst(field)}
}

// filled reports whether there is something in one of some fields, or wrong with it: then
// they are not folded away.
func filled(f *form, fields ...string) bool {
	return slices.ContainsFunc(fields, func(field string) bool { return f.Get(field) != "" || f.Wrong[field] != "" })
}

// inputView is one field with its label, for the template "input".
type inputView struct {
	Name, Type, Label, Hint, Value, Wrong, Autocomplete string
	Required, Optional, Autofocus, Ltr                  bool
	Rows, Max                                           int
}

// input describes a field for a template: {{template "input" (input .Data.Form
// "name" "required" "max=200")}}. Its label is the message "field." and its name, or what
// "label=" says, its hint likewise.
func (l *language) input(f *form, name string, options ...string) inputView {
	in := inputView{
		Name: name, Type: "text", Label: l.t("field." + name), Value: f.Values.Get(name), Wrong: f.Wrong[name],
		Required:  slices.Contains(options, "required"),
		Optional:  !slices.Contains(options, "required") && !slices.Contains(options, "either"), // either: this or another field
		Autofocus: f.wrongFirst(name),
		Ltr:       slices.Contains(options, "ltr"), Autocomplete: "off", // a shared phone remembers nothing
	}
	if l.Has("hint."+name) && !slices.Contains(options, "no-hint") {
		in.Hint = l.t("hint." + name)
	}
	for _, option := range options {
		switch key, value, _ := strings.Cut(option, "="); key {
		case "type":
			in.Type = value
		case "label":
			in.Label = l.t("field." + value)
		case "hint":
			in.Hint = l.t("hint." + value)
		case "rows":
			in.Rows = int(number(value))
		case "max":
			in.Max = int(number(value))
		case "autocomplete":
			in.Autocomplete = value
		}
	}
	if in.Type == "password" {
		in.Value = "" // a secret never goes back into a page
	}
	return in
}
