package main

import (
	"context"

	"reconnect.example/refserver/problem"
)

// announceNow tells programs of others what happened in hours that are over, and logs
// counts alone.
func (s *server) announceNow(ctx context.Context) {
	r, err := s.data.PublishEvents(ctx)
	s.counts.announced(s.counts.events, r.Published, r.Failed, r.Lost)
	if err != nil && ctx.Err() == nil {
		s.log.Warn("some events were not taken", "failed", r.Failed, "cause", problem.Cause(err))
	}
	if s.data.Webhooks == nil {
		return
	}
	d, err := s.data.Webhooks.Deliver(ctx)
	s.counts.announced(s.counts.webhooks, d.Sent, d.Failed, d.Lost)
	if err != nil && ctx.Err() == nil {
		s.log.Error("webhooks were left for later", "cause", problem.Cause(err))
	} else if d.Failed > 0 || d.Lost > 0 {
		s.log.Warn("some webhooks were not taken", "failed", d.Failed, "lost", d.Lost)
	}
}
