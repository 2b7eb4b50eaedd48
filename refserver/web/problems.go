package web

import (
	"errors"
	"time"

	"reconnect.example/quota"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// problemView is what the page of an error shows.
type problemView struct {
	Code     string
	Sentence string
	Full     *quota.FullError // how much room is left, where that is the matter
	Binned   bool             // with Full: there is something in the bin
	Wait     string           // how long to wait, in words
	Kept     int              // files of the same upload that were stored before
}

// explain says an error to the person whose space it is about.
func (v *visit) explain(p problem.Problem, err error) problemView {
	view := problemView{Code: p.Code, Sentence: v.said(p), Wait: v.wait(p.Retry)}
	if v.vault != nil { // how much is used is for the owner's eyes only
		errors.As(err, &view.Full)
		view.Binned = v.binned
	}
	if partly := (*partlyStored)(nil); errors.As(err, &partly) {
		view.Kept = partly.stored
	}
	return view
}

// sentence is a problem in one line, with how long to wait.
func (v *visit) sentence(p problem.Problem) string {
	if wait := v.wait(p.Retry); wait != "" {
		return v.said(p) + " " + wait
	}
	return v.said(p)
}

// said is the sentence of a problem, to whom it is told.
func (v *visit) said(p problem.Problem) string {
	if p.Code == "closing" && v.worker != nil { // the account is somebody else's
		return v.t("people.closing")
	}
	return p.Sentence(v.Language)
}

func (v *visit) wait(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d <= 90*time.Second:
		return v.n("wait.seconds", int(d/time.Second))
	}
	return v.n("wait.minutes", int((d+time.Minute-1)/time.Minute))
}

// partlyStored says that an upload of several files stopped after some.
type partlyStored struct {
	stored int
	err    error
}

func (e *partlyStored) Error() string { return e.err.Error() }

func (e *partlyStored) Unwrap() error { return e.err }

// notFoundUnless hides an item behind an address of another kind.
func notFoundUnless(i vault.Item, kind vault.Kind) error {
	if i.Kind != kind {
		return vault.ErrNotFound
	}
	return nil
}
