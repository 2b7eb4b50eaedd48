package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"reconnect.example/recovery"
	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
)

// Whoever comes too early sees until when they wait. The page looks again by itself, with
// a token that opens nothing, so that it costs no try of the code (F9).

// waitView is the page of a request that is not complete yet.
type waitView struct {
	Ready   bool // nothing is missing any more: number and code open it
	Missing []string
	Wait    string // ""; no wait is left
	At      time.Time
}

// How soon the page of a wait is loaded again: colleagues agree within minutes, a wait
// goes on for days. A phone that was asleep loads it when it wakes.
const (
	soonAgain  = time.Minute
	laterAgain = time.Hour
)

// tooEarly is the answer to the right number and code while something is missing.
func (v *visit) tooEarly(view enterView, missing *recovery.NotReadyError) error {
	f := view.Form
	if missing.Look != "" {
		session.Hold(v.w, session.LookCookie, missing.Look)
	}
	noDesk := slices.Contains(missing.Missing, recovery.MissingDeskCode)
	if noDesk && (missing.Look == "" || f.Get("deskcode") != "") { // nothing else, or they mistyped it
		f.refuse("deskcode", v.t("wrong.deskcode"))
		return v.again("back", f, nil, view)
	}
	return v.goTo("/back/wait", "")
}

// look shows how far the request is.
func (p *pages) look(v *visit) error {
	err := problem.ErrHandOverEnded
	if token := session.Held(v.r, session.LookCookie); token != "" {
		if err = p.Limits.SignIn(v.r); err == nil {
			err = p.Recovery.Look(v.ctx(), token)
		}
	}
	switch {
	case err == nil:
		return v.show("back-wait", waitView{Ready: true})
	case errors.Is(err, recovery.ErrNotReady):
		return v.notReady(err, http.StatusOK, "/back/wait")
	case errors.Is(err, problem.ErrHandOverEnded), errors.Is(err, recovery.ErrCode), errors.Is(err, recovery.ErrRequest):
		session.Drop(v.w, session.LookCookie)
		return v.goTo("/back", "handover-ended")
	}
	return err
}

// notReady shows what is missing, on a page that is loaded again from path.
func (v *visit) notReady(err error, status int, path string) error {
	var missing *recovery.NotReadyError
	if !errors.As(err, &missing) {
		return err
	}
	view := waitView{Missing: v.missingWords(missing.Missing)}
	if missing.Wait > 0 {
		view.Wait, view.At = v.lasting(missing.Wait), v.now().Add(missing.Wait)
	}
	again := soonAgain
	if view.Missing == nil { // the wait alone: until it is over, and a second
		again = min(missing.Wait.Truncate(time.Second)+time.Second, laterAgain)
	}
	v.w.Header().Set("Refresh", strconv.Itoa(int(again/time.Second))+"; url="+path)
	return v.showWith(status, "back-wait", view)
}

// missingWords says what a request still needs; a wait is said with its end.
func (v *visit) missingWords(all []recovery.Missing) (words []string) {
	for _, m := range all {
		switch m {
		case recovery.MissingRelay:
			words = append(words, v.t("missing.centre"))
		case recovery.MissingDesk:
			words = append(words, v.t("missing.desk"))
		case recovery.MissingRelayApproval:
			words = append(words, v.t("missing.centre-agree"))
		case recovery.MissingDeskApproval:
			words = append(words, v.t("missing.desk-agree"))
		case recovery.MissingWait, recovery.MissingDeskCode: // time; and what they type themselves
		default:
			words = append(words, string(m))
		}
	}
	return words
}

// dropHandOver makes the browser forget what it had of a request.
func (v *visit) dropHandOver() {
	session.Drop(v.w, session.HandOverCookie)
	session.Drop(v.w, session.LookCookie)
}
