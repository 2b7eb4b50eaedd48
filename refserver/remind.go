package main

import (
	"context"

	"reconnect.example/refserver/problem"
)

// remindNow sends what is due to those who asked for it, and logs counts alone. Reminders
// are due at full hours.
func (s *server) remindNow(ctx context.Context) {
	r, err := s.data.SendReminders(ctx)
	for what, n := range map[string]int{"sent": r.Sent, "failed": r.Failed, "passed": r.Moved} {
		s.counts.reminders.WithLabelValues(what).Add(float64(n))
	}
	if (err != nil || r.Failed > 0) && ctx.Err() == nil {
		s.log.Warn("some reminders were not sent", "failed", r.Failed, "cause", problem.Cause(err))
	}
}
