package recoverytest

import (
	"errors"
	"testing"
	"time"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// NewPassword is what Amina types when she is back, unless a test says another.
const NewPassword = "veko lanu timo fasa"

// Help is a request under way, and what the person was given.
type Help struct {
	recovery.Opened
	Kind vault.PathKind
	Desk string // the desk's part of the code, where two have one each
}

// HandOverCode is what Amina types on the page where she goes on alone.
func (h Help) HandOverCode() recovery.HandOverCode {
	return recovery.HandOverCode{Number: h.Number, Code: h.Code, Desk: h.Desk}
}

// Enrol makes ways back in for Amina, who has read and agreed.
func (s *Stage) Enrol(t testing.TB, e recovery.Enrolment) recovery.Enrolled {
	t.Helper()
	e.Notice, e.Agreed = Notice(), true
	made, err := s.Recovery.Enrol(t.Context(), s.Amina.Vault, e, s.Secret())
	must(t, "enrol", err)
	return made
}

// Post is somebody at their relay or desk, who signs in again if their session is over.
func (s *Stage) Post(t testing.TB, w *consenttest.Staff) *consent.Post {
	t.Helper()
	at := s.Harbour
	if w == s.Lina || w == s.Omar || w == s.Line.Manager {
		at = s.Line
	}
	p, err := w.Worker.At(t.Context(), at.ID)
	if errors.Is(err, vault.ErrSessionEnded) || errors.Is(err, vault.ErrClosed) {
		again := w.SignIn(t, s.Stage)
		*w = *again
		p, err = w.Worker.At(t.Context(), at.ID)
	}
	must(t, "at "+at.Name, err)
	t.Cleanup(p.Close)
	return p
}

// Way is Amina's way back in of a kind, as who is at a relay or desk sees it.
func (s *Stage) Way(t testing.TB, p *consent.Post, kind vault.PathKind) vault.PathID {
	t.Helper()
	ways, err := s.Recovery.Ways(t.Context(), p, s.Amina.Vault.ID())
	must(t, "ways", err)
	for _, w := range ways {
		if w.Kind == kind {
			return w.Path
		}
	}
	t.Fatalf("recoverytest: %s helps by no way of the kind %s: %v", p.Relay().Name, kind, ways)
	return vault.PathID{}
}

// Begin opens a request: Samir does at Harbour, or Lina at the desk where the kind takes
// no relay. Nobody else has agreed yet, and nothing has waited.
func (s *Stage) Begin(t testing.TB, kind vault.PathKind) Help {
	t.Helper()
	who := s.Samir
	if !kind.Relay() {
		who = s.Lina
	}
	p := s.Post(t, who)
	n := recovery.NewRequest{Vault: s.Amina.Vault.ID(), Path: s.Way(t, p, kind), Recognised: "we know each other"}
	if kind == vault.PathHelpers {
		n.Ask = []consent.RelayID{s.Line.ID}
	}
	opened, err := s.Recovery.Open(t.Context(), p, n)
	must(t, "open", err)
	return Help{Opened: opened, Kind: kind}
}

// Agreed adds what others do where two of each side must agree: Lina gives the desk's
// half, Rosa and Omar agree.
func (s *Stage) Agreed(t testing.TB, h Help) Help {
	t.Helper()
	id := s.Amina.Vault.ID()
	given, err := s.Recovery.Contribute(t.Context(), s.Post(t, s.Lina), id, h.Request.ID)
	must(t, "contribute", err)
	h.Request, h.Desk = given.Request, given.Code
	for _, who := range []*consenttest.Staff{s.Rosa, s.Omar} {
		h.Request, err = s.Recovery.Approve(t.Context(), s.Post(t, who), id, h.Request.ID, "we know each other")
		must(t, "approve", err)
	}
	return h
}

// Wait lets the time pass that a way back in waits, to open Private too if there is a
// longer wait for that.
func (s *Stage) Wait(kind vault.PathKind, private bool) {
	waits := s.Recovery.Waits()
	switch {
	case kind == vault.PathAnswersDesk:
		s.Clock.Advance(waits.AnswersDesk + time.Minute)
	case kind == vault.PathHelpers && private:
		s.Clock.Advance(waits.HelpersPrivate + time.Minute)
	case kind == vault.PathHelpers:
		s.Clock.Advance(waits.Helpers + time.Minute)
	}
}

// Ready is a request that Amina alone has to complete: everybody has agreed, and all
// waits are over but that for Private.
func (s *Stage) Ready(t testing.TB, kind vault.PathKind) Help {
	t.Helper()
	h := s.Begin(t, kind)
	if kind == vault.PathHelpers {
		h = s.Agreed(t, h)
	}
	s.Wait(kind, false)
	return h
}

// Enter opens the page where Amina goes on alone.
func (s *Stage) Enter(t testing.TB, h Help) *recovery.HandOver {
	t.Helper()
	page, err := s.Recovery.Enter(t.Context(), h.HandOverCode())
	must(t, "enter", err)
	return page
}

// Complete has Amina come back in: with NewPassword, unless c says another one. She is
// signed in with it afterwards.
func (s *Stage) Complete(t testing.TB, h Help, c recovery.Completion) recovery.Completed {
	t.Helper()
	if c.Password == "" {
		c.Password = NewPassword
	}
	if c.Session == nil {
		c.Session = &vault.SessionRequest{Device: "test"}
	}
	back, err := s.Enter(t, h).Complete(t.Context(), c)
	must(t, "complete", err)
	s.Amina.Vault, s.Amina.Password = back.Vault, c.Password
	return back
}

func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("recoverytest: %s: %v", what, err)
	}
}
