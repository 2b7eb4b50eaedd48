package vault

import (
	"time"

	"reconnect.example/internal/seal"
)

// sessionLimits are how long a session lasts: without use, and in any case.
type sessionLimits struct{ idle, longest time.Duration }

// limitsOf are those of the sessions of an account. The kind comes from the signed head, so
// that no store makes the session of a worker, who can open many, last like a person's.
func (s *Vaults) limitsOf(head *seal.OwnerHead) sessionLimits {
	if head.Kind == seal.KindPerson {
		return sessionLimits{s.cfg.SessionIdle, s.cfg.SessionMax}
	}
	return sessionLimits{s.cfg.StaffSessionIdle, s.cfg.StaffSessionMax}
}

// widest are limits that no session outlives, whoever's it is.
func (s *Vaults) widest() sessionLimits {
	return sessionLimits{max(s.cfg.SessionIdle, s.cfg.StaffSessionIdle), max(s.cfg.SessionMax, s.cfg.StaffSessionMax)}
}

// alive reports whether a session of these limits is not over by its own record.
func (l sessionLimits) alive(c sessionClear, now time.Time) bool {
	used, started := time.UnixMilli(c.Used), time.UnixMilli(c.Started)
	// The last use is written every five minutes only: give that much more.
	return now.Before(used.Add(l.idle+usedEvery)) && now.Before(started.Add(l.longest))
}

// expires is when a session ends that is not used any more.
func (l sessionLimits) expires(started, used time.Time) time.Time {
	if end := started.Add(l.longest); end.Before(used.Add(l.idle)) {
		return end
	}
	return used.Add(l.idle)
}
