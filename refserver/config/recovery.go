package config

import (
	"slices"
	"strings"
	"time"

	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// Recovery says which ways back in are offered, and how long the slow ones take.
type Recovery struct {
	Offer        []string `name:"recovery-offer" sep:"," placeholder:"WAYS" help:"Ways back in that people may choose: all, none, or a list of sheet-relay, sheet-desk, answers-relay, answers-desk, helpers. Those of before go on. Default: all."`
	AnswersWait  int      `name:"recovery-answers-wait" default:"24" placeholder:"HOURS" help:"Hours from a request to the answers, by call: at least 24. Default: ${default}."`
	HelpersWait  int      `name:"recovery-helpers-wait" default:"7" placeholder:"DAYS" help:"Days of the way that takes nothing of the person's: at least 7. Default: ${default}."`
	PrivateWait  int      `name:"recovery-private-wait" default:"30" placeholder:"DAYS" help:"Days of the same way until private papers come back, too, where that was wanted: at least 30. Default: ${default}."`
	RequestsLast int      `name:"recovery-requests-last" default:"14" placeholder:"DAYS" help:"Days for which a request can be used when its wait is over, from 1 to 30. Default: ${default}."`
}

// The most that may be asked of somebody who waits, and what the witness bears with.
const (
	longestWait    = 365 // days
	longestRequest = 30  // days
)

// Waits are the waits of new ways back in.
func (r *Recovery) Waits() recovery.Waits {
	const day = 24 * time.Hour
	return recovery.Waits{
		AnswersDesk:    time.Duration(r.AnswersWait) * time.Hour,
		Helpers:        time.Duration(r.HelpersWait) * day,
		HelpersPrivate: time.Duration(r.PrivateWait) * day,
	}
}

// RequestLife is how long a request can be used when its wait is over.
func (r *Recovery) RequestLife() time.Duration { return time.Duration(r.RequestsLast) * 24 * time.Hour }

// Offered are the ways back in that people may choose; nil: all.
func (r *Recovery) Offered() []vault.PathKind {
	switch {
	case len(r.Offer) == 0 || slices.Equal(r.Offer, []string{"all"}):
		return nil
	case slices.Equal(r.Offer, []string{"none"}):
		return []vault.PathKind{}
	}
	kinds := []vault.PathKind{}
	for _, word := range r.Offer {
		kinds = append(kinds, vault.ParsePathKind(strings.TrimSpace(word)))
	}
	return kinds
}

// check refuses what would weaken a way back in: a wait is there so that a person who did
// not ask has the time to see it and to stop it (F4, F5).
func (r *Recovery) check(expect func(bool, string)) {
	expect(!slices.Contains(r.Offered(), 0), "--recovery-offer must be all, none, or a list of: sheet-relay, sheet-desk, answers-relay, answers-desk, helpers")
	least, waits := recovery.LeastWaits(), r.Waits()
	expect(r.AnswersWait <= longestWait*24 && waits.AnswersDesk >= least.AnswersDesk, "--recovery-answers-wait must be from 24 to 8760 hours")
	expect(r.HelpersWait <= longestWait && waits.Helpers >= least.Helpers, "--recovery-helpers-wait must be from 7 to 365 days")
	expect(r.PrivateWait <= longestWait && waits.HelpersPrivate >= least.HelpersPrivate, "--recovery-private-wait must be from 30 to 365 days")
	expect(r.PrivateWait >= r.HelpersWait, "--recovery-private-wait must not be less than --recovery-helpers-wait")
	expect(r.RequestsLast >= 1 && r.RequestsLast <= longestRequest, "--recovery-requests-last must be from 1 to 30 days")
}
