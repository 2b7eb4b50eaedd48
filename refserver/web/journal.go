package web

import (
	"slices"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// journalPage is how many lines of the journal one page is made of. Most of them are of
// people who look at their own space, and become one.
const journalPage = 200

// teamJournalPage is how many lines one page of a relay's journal shows.
const teamJournalPage = 50

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
	More      string        // of an access: what it allows, and until when
	Looks     []journalLine // of the same day and the same somebody, the latest first: then it stands for them
}

// looks are the acts of somebody who looks around: lists and pages, not a paper, and
// nothing that changes anything.
var looks = []vault.Act{vault.ActViewed, vault.ActListed, vault.ActCounted, vault.ActRead, vault.ActMetadata, vault.ActAccountRead, vault.ActJournalRead, vault.ActSessionsListed, vault.ActSpaceViewed, vault.ActGrantsListed, vault.ActPathsReviewed, vault.ActLinksListed, vault.ActPartnerAsks}

// together makes one line of what somebody looked at on one day for one purpose, where
// they looked last. So what happened is not lost among it.
func (v *visit) together(lines []journalLine) []journalLine {
	type looking struct {
		day, why string
		who      vault.Actor
	}
	var all []journalLine
	at := map[looking]int{}
	for _, line := range lines {
		looked := slices.Contains(looks, line.Act) || line.Detail["thumbnail"] != "" || line.Detail["for"] == "thumbnail"
		if !looked || line.Actor.Kind != vault.ActorPerson && line.Name != "" { // which of their things others look at stands by itself
			all = append(all, line)
			continue
		}
		key := looking{line.At.In(v.zone).Format(time.DateOnly), line.Purpose, line.Actor}
		i, known := at[key]
		if !known {
			i = len(all)
			at[key] = i
			all = append(all, journalLine{Entry: vault.Entry{At: line.At, Purpose: line.Purpose}, Who: line.Who})
		}
		all[i].Looks = append(all[i].Looks, line)
	}
	for i, line := range all {
		if len(line.Looks) == 1 {
			all[i] = line.Looks[0]
		} else if len(line.Looks) > 1 {
			all[i].What = v.n("journal.looked", len(line.Looks)) + v.between(line.Looks[len(line.Looks)-1].At, line.Looks[0].At)
		}
	}
	return all
}

// between says from when until when of a day, where these are not the same minute.
func (v *visit) between(first, last time.Time) string {
	from, to := v.Hour(first.In(v.zone)), v.Hour(last.In(v.zone))
	if from == to {
		return ""
	}
	return v.t("format.comma") + " " + v.t("journal.looked-at", from, to)
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
	view.Lines = v.together(view.Lines)
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
	if e.Act == vault.ActDownloaded {
		switch e.Detail["for"] {
		case "print":
			line.What = v.t("journal.printed")
		case "thumbnail": // nobody opened it: a list was looked at
			line.What = v.t("journal.small-read")
		}
	}
	if e.Name == "" { // "Made private:" of something that has no name here
		line.What = strings.TrimRight(line.What, ": \u00a0")
	}
	if label := safename.Line(e.Detail["label"]); label != "" && e.Name == "" {
		line.What, line.Name = v.t("journal.act."+string(e.Act)), label
	}
	if h.Grant != nil {
		given := v.follower(*h.Grant)
		if line.Name = given.Who; e.Act == vault.ActGranted {
			line.More = v.accessWords(given)
		}
	}
	line.Who = v.actorWords(e.Actor)
	if e.Act == vault.ActSignInFailed { // whoever tried is not known: that is what failed
		line.Who = v.t("journal.someone")
	}
	return line
}

// accessWords says what an access allows and, where it ends by itself, until when.
func (v *visit) accessWords(f followerView) string {
	words := f.Allowed
	if f.Items > 0 {
		words = v.n("sharing.items", f.Items)
	}
	if f.Until.IsZero() {
		return words
	}
	return words + v.t("format.comma") + " " + v.t("sharing.until", v.when(f.Until))
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
	case vault.ActorLink:
		return v.t("journal.by-link", safename.Line(a.Name))
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
