package main

import (
	"context"
	"time"

	"reconnect.example/refserver/problem"
)

// remindEvery is how often reminders are looked at: they are due at full hours.
const remindEvery = time.Minute

// remind sends what is due to those who asked for it, and logs counts alone.
func (s *server) remind(ctx context.Context) {
	every := time.NewTicker(remindEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		r, err := s.data.SendReminders(ctx)
		for what, n := range map[string]int{"sent": r.Sent, "failed": r.Failed, "passed": r.Moved} {
			s.counts.reminders.WithLabelValues(what).Add(float64(n))
		}
		if (err != nil || r.Failed > 0) && ctx.Err() == nil {
			s.log.Warn("some reminders were not sent", "failed", r.Failed, "cause", problem.Cause(err))
		}
	}
}
