package web

import (
	"net/url"
	"strconv"

	"reconnect.example/consent"
	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// teamJournalView is what happened at a relay, for its managers.
type teamJournalView struct {
	Relay relayView
	Lines []journalLine
	All   bool   // with the lines of who only looked
	Older string // address of the next page; "": there is none
}

// teamLooks are the lines of who looked at a list: each visit of a page leaves some.
// Whoever wants them asks for them.
var teamLooks = map[vault.Act]bool{
	vault.ActListed: true, vault.ActCounted: true, vault.ActGrantsListed: true, vault.ActJournalRead: true, vault.ActAccountRead: true, vault.ActRead: true,
}

// mostRounds bounds how much of a long journal one page reads to find its lines.
const (
	teamRound  = 200
	mostRounds = 5
)

func (p *pages) teamJournal(v *visit) error {
	return v.managing(func(post *consent.Post) error {
		view := teamJournalView{Relay: v.relay(post.Relay()), All: v.r.URL.Query().Get("all") != ""}
		before, err := v.teamLines(post, &view, number(v.r.URL.Query().Get("before")))
		if err != nil {
			return err
		}
		if before > 1 {
			next := url.Values{"before": {strconv.FormatUint(before, 10)}}
			if view.All {
				next.Set("all", "1")
			}
			view.Older = teamPath(post) + "/journal?" + next.Encode()
		}
		return v.show("team-journal", view)
	})
}

// teamLines reads a page of lines, and returns the number of the last that it looked at.
func (v *visit) teamLines(post *consent.Post, view *teamJournalView, before uint64) (uint64, error) {
	for range mostRounds {
		lines, err := post.WhatHappened(v.ctx(), &vault.JournalOptions{Before: before, Limit: teamRound})
		if err != nil {
			return 0, err
		}
		for _, h := range lines {
			before = h.Number
			if !view.All && teamLooks[h.Act] {
				continue
			}
			view.Lines = append(view.Lines, v.teamWords(h))
			if len(view.Lines) == teamJournalPage {
				return before, nil
			}
		}
		if len(lines) < teamRound {
			return 0, nil
		}
	}
	return before, nil
}

// teamWords are the words of a line where a relay's space means something else than a
// person's. The space of a relay has no person: who opened it by its secret had the
// recovery sheet.
func (v *visit) teamWords(h consent.Happening) journalLine {
	line := v.words(h)
	if h.Actor.Kind == vault.ActorPerson {
		line.Who = v.t("team-journal.sheet")
	} else if h.Actor.Kind == vault.ActorWorker {
		line.Who = safename.Line(h.Actor.Name) // of this relay, as everybody here
	}
	switch h.Act {
	case vault.ActCreated:
		line.What = v.t("team-journal.created")
	case vault.ActSignedIn:
		line.What = v.t("team-journal.signed-in")
	case vault.ActSignInFailed:
		line.What = v.t("team-journal.sign-in-failed")
	case vault.ActKeysChanged:
		line.What = v.t("team-journal.keys-changed")
	case vault.ActPasswordChanged:
		line.What = v.t("team-journal.new-sheet")
	case vault.ActSharedKeysChanged:
		line.What = v.t("team-journal.shared-keys-changed")
	case vault.ActGranted:
		line.What = v.t("team-journal.granted")
	case vault.ActGrantEnded:
		line.What = v.t("team-journal.grant-ended")
	case vault.ActGrantsListed:
		line.What = v.t("team-journal.grants-listed")
	case vault.ActHolderAdded:
		line.What = v.t("team-journal.holder-added")
	case vault.ActAdded:
		line.What = v.t("team-journal.added")
	case vault.ActChanged:
		line.What = v.t("team-journal.changed")
	case vault.ActDestroyed:
		line.What = v.t("team-journal.destroyed")
	case vault.ActListed, vault.ActRead:
		line.What = v.t("team-journal.listed")
	}
	switch {
	case h.Signing && h.Act == vault.ActAdded:
		line.What = v.t("team-journal.signing")
		return line
	case h.Signing && h.Act == vault.ActDestroyed:
		line.What = v.t("team-journal.signing-ended")
		return line
	}
	if !h.Item.IsZero() && line.Name == "" { // keys that are kept for the team, or somebody whose name is not shown
		line.What = v.t("team-journal.something")
	}
	return line
}
