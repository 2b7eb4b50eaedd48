package recovery

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Count is a number of one month. It is of nobody.
type Count struct {
	Month string // "2026-11", in the zone of the directory
	Event string // "opened", "completed", "cancelled"
	Kind  vault.PathKind
	// Count is "<10" below ten, and "-" where it would tell, with the others of its month
	// or with what is counted for who pays, one that is below ten.
	Count consent.Count
}

// countsDir is where a relay or a desk has its counters, R/rc/<month>/<event>/<kind>: a
// number in clear, that commits raise and nobody signs. It is for the yearly report.
const countsDir = "/rc/"

const (
	eventOpened    = "opened"
	eventCompleted = "completed"
	eventCancelled = "cancelled"
)

// count raises a number, in the month that counts for who pays have ([consent.Tally]):
// otherwise the two together would tell what was done in the hours between the months.
func (s *Service) count(tx *storage.Tx, relay consent.RelayID, event string, kind vault.PathKind) error {
	key := relay.String() + countsDir + s.cfg.Directory.Month(s.cfg.Now()) + "/" + event + "/" + strconv.Itoa(int(kind))
	rec, err := tx.Get(key)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	n, _ := strconv.Atoi(string(rec.Value))
	tx.Put(key, []byte(strconv.Itoa(n+1)))
	return nil
}

// Counts returns how many requests this desk or relay had, month by month. For managers:
// consent.ErrNotManager; vault.ErrEnded to who is none any more.
func (s *Service) Counts(ctx context.Context, p *consent.Post) ([]Count, error) {
	if !p.Roles().Has(consent.RoleManage) {
		return nil, consent.ErrNotManager
	}
	if err := stands(ctx, p); err != nil {
		return nil, err
	}
	var all []counted
	prefix := p.Relay().ID.String() + countsDir
	for rec, err := range s.cfg.Store.All(ctx, prefix) {
		if err != nil {
			return nil, storageError(err)
		}
		parts := strings.Split(strings.TrimPrefix(rec.Key, prefix), "/")
		if len(parts) != 3 {
			continue
		}
		kind, kindErr := strconv.ParseUint(parts[2], 10, 8)
		n, err := strconv.Atoi(string(rec.Value))
		if errors.Join(kindErr, err) == nil {
			all = append(all, counted{parts[0], parts[1], vault.PathKind(kind), n})
		}
	}
	return said(all), nil
}

// counted is a number as it is.
type counted struct {
	month, event string
	kind         vault.PathKind
	n            int
}

// said says numbers so that none which is below ten can be reckoned from the others
// (N87). How many came back in each month in all is counted for who pays, too: so if one
// way was too rare to be said, the others are not said either, or the sum less these
// would say it. And of how many were opened, it is known what became of most: where that
// would tell something, how many were opened is not said.
func said(all []counted) []Count {
	completed, left, rare := map[string]int{}, map[string]int{}, map[string]bool{}
	done := map[counted]int{} // by month and kind
	for _, c := range all {
		switch c.event {
		case eventOpened:
			left[c.month] += c.n
		case eventCompleted:
			left[c.month] -= c.n
			completed[c.month] += c.n
			rare[c.month] = rare[c.month] || c.n < consent.LeastCount
			done[counted{month: c.month, kind: c.kind}] = c.n
		}
	}
	hidden := func(month string) bool { return rare[month] && completed[month] >= consent.LeastCount }
	out := make([]Count, 0, len(all))
	for _, c := range all {
		one := Count{Month: c.month, Event: c.event, Kind: c.kind, Count: consent.CountOf(c.n)}
		switch c.event {
		case eventCompleted:
			if hidden(c.month) {
				one.Count = consent.Unsaid()
			}
		case eventCancelled:
			one.Count = consent.CountOfPart(c.n, left[c.month])
		case eventOpened:
			one.Count = saidOpened(c.n, done[counted{month: c.month, kind: c.kind}], hidden(c.month))
		}
		out = append(out, one)
	}
	return out
}

// saidOpened says how many of a way were opened, of which so many were completed. As nobody
// completes more than were opened, this bounds what is hidden of the month, which then is
// told by the sum; and what is left is told by it (N104).
func saidOpened(opened, completed int, hidden bool) consent.Count {
	open := opened - completed
	switch {
	case completed == 0:
	case hidden, opened >= consent.LeastCount && open > 0 && (opened < 2*consent.LeastCount || open < consent.LeastCount):
		return consent.Unsaid()
	}
	return consent.CountOf(opened)
}
