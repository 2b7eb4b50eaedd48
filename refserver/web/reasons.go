package web

import (
	"fmt"
	"strings"

	"reconnect.example/consent"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// otherNames are fields that pages call by another name than the library.
var otherNames = map[string][]string{
	"name": {"name", "title", "subject", "representative"}, "start": {"date"}, "duration": {"minutes"}, "password": {"new", "password"},
	"code": {"invitation", "code"}, "size": {"file"}, "mediaType": {"file"},
	"recordedBy": {"ground"}, "until": {"majority"},
}

// refuseFields puts the library's complaints beside the fields that they are about.
func (v *visit) refuseFields(f *form, err error) {
	for _, invalid := range complaints(err) {
		v.refuseField(f, invalid)
	}
	if !f.wrong() {
		f.Problem = problem.Of(vault.ErrInvalid).Sentence(v.Language)
	}
}

// complaints are all InvalidErrors in an error: several fields may be wrong.
func complaints(err error) []*vault.InvalidError {
	switch e := err.(type) { //nolint:errorlint // the tree is walked by hand, as errors.As finds the first alone
	case *vault.InvalidError:
		return []*vault.InvalidError{e}
	case interface{ Unwrap() []error }:
		var all []*vault.InvalidError
		for _, one := range e.Unwrap() {
			all = append(all, complaints(one)...)
		}
		return all
	case interface{ Unwrap() error }:
		return complaints(e.Unwrap())
	}
	return nil
}

func (v *visit) refuseField(f *form, invalid *vault.InvalidError) {
	for _, field := range append(otherNames[invalid.Field], invalid.Field) {
		if f.Values.Has(field) || field == "file" {
			words := v.reason(invalid)
			if field == "invitation" { // whatever is wrong with it, another one helps
				words = v.sentence(problem.Of(consent.ErrInvitation))
			}
			f.refuse(field, words)
			return
		}
	}
	f.Problem = v.t("wrong.something")
}

// reason says what the library complains about in the language of the page. What
// the library's words are about is told from their beginning; words that are not
// known here say only that the field is wrong.
func (v *visit) reason(invalid *vault.InvalidError) string {
	says := func(start string) bool { return strings.HasPrefix(invalid.Problem, start) }
	var most int
	if n, _ := fmt.Sscanf(invalid.Problem, "is longer than %d characters", &most); n == 1 {
		return v.t("wrong.long", most)
	}
	switch {
	case says("is empty") && invalid.Field == "file":
		return v.t("wrong.empty-file")
	case says("is empty or holds"), says("holds a control character"), says("is not valid text"):
		return v.t("wrong.characters")
	case says("is empty"):
		return v.t("wrong.empty")
	case says("is not a day"):
		return v.t("wrong.date")
	case says("is missing or far out of time"):
		return v.t("wrong.far")
	case says("is negative or longer"):
		return v.t("wrong.minutes")
	case says("holds more than ten"):
		return v.t("wrong.ten")
	case says("has fewer than"):
		return v.t("wrong.short", vault.MinPassword)
	case says("repeats the same"):
		return v.t("wrong.repeats")
	case says("is more than") && invalid.Field == "size":
		return v.t("wrong.large", v.Size(vault.MaxLeft))
	case says("is not that of a picture"):
		return v.t("wrong.media")
	case says("is not in the future"):
		return v.t("wrong.past")
	case says("is not six digits"):
		return v.t("wrong.pin-digits")
	case says("is one of those that others try first"):
		return v.t("wrong.easy")
	case says("is one that others try first"):
		return v.t("wrong.pin-easy")
	case says("is a part of the login"):
		return v.t("wrong.pin-login")
	case says("is the login"):
		return v.t("wrong.login")
	}
	return v.t("wrong.field")
}
