package web

import (
	"strings"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// journalPage is how many lines one page shows.
const journalPage = 50

// journalView is a page of the journal, in words.
type journalView struct {
	Lines []journalLine
	Older uint64 // number before which the next page begins; 0: there is none
}

// helpingPurpose is what package consent opens a space for to help its person back in.
const helpingPurpose = "recovery"

type journalLine struct {
	vault.Entry
	Who, What string
}

func (p *pages) journal(v *visit) error {
	entries, err := v.happened(&vault.JournalOptions{Before: number(v.r.URL.Query().Get("before")), Limit: journalPage})
	if err != nil {
		return err
	}
	view := journalView{}
	for _, e := range entries {
		view.Lines = append(view.Lines, v.words(e))
	}
	if n := len(entries); n == journalPage && entries[n-1].Number > 1 {
		view.Older = entries[n-1].Number
	}
	return v.show("journal", view)
}

// happened reads the journal; where there are relays, with their names and the
// purposes of their workers.
func (v *visit) happened(o *vault.JournalOptions) ([]consent.Happening, error) {
	if v.pages.Staff != nil {
		return v.pages.Staff.WhatHappened(v.ctx(), v.vault, o)
	}
	entries, err := v.vault.Journal(v.ctx(), o)
	var all []consent.Happening
	for _, e := range entries {
		all = append(all, consent.Happening{Entry: e})
	}
	return all, err
}

// words puts a line of the journal into plain words. An act that this version
// has no words for is shown by its code, never left out.
func (v *visit) words(h consent.Happening) journalLine {
	e := h.Entry
	e.Name, e.Purpose = safename.Line(e.Name), safename.Line(e.Purpose)
	if e.Name == "" {
		e.Name = safename.Line(h.About)
	}
	if h.Why.Code != "" {
		e.Purpose = v.purposeWords(h.Why)
	}
	if e.Purpose == helpingPurpose {
		e.Purpose = v.t("journal.helping")
	}
	if kind := vault.ParsePathKind(e.Detail["path"]); kind != 0 { // a way back in, or a request by it
		e.Name, e.Purpose = v.wayWords(kind), v.requestReason(e.Detail)
	}
	line := journalLine{Entry: e, What: string(e.Act)}
	if key := "journal.act." + string(e.Act); v.Has(key) {
		line.What = v.t(key)
	}
	switch e.Detail["thumbnail"] {
	case "set":
		line.What = v.t("journal.small-made")
	case "read":
		line.What = v.t("journal.small-seen")
	}
	if e.Name == "" { // "Made private:" of something that has no name here
		line.What = strings.TrimRight(line.What, ": \u00a0")
	}
	line.Who = v.actorWords(e.Actor)
	return line
}

// requestReason says what a helper wrote about a request.
func (v *visit) requestReason(detail map[string]string) string {
	if how := safename.Line(detail["how"]); how != "" {
		return v.t("journal.recognised", how)
	}
	return safename.Line(detail["why"])
}

// actorWords says who somebody is: a worker in their own name, with their centre.
func (v *visit) actorWords(a vault.Actor) string {
	switch a.Kind {
	case vault.ActorPerson:
		return v.t("journal.you")
	case vault.ActorService:
		return v.t("journal.service")
	}
	who := safename.Line(a.Name)
	if a.Relay != "" {
		who += ", " + safename.Line(a.Relay)
	}
	if a.Organisation != "" {
		who += " (" + safename.Line(a.Organisation) + ")"
	}
	return who
}
