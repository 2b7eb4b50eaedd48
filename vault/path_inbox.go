package vault

import (
	"context"
	"sync"
	"time"

	"reconnect.example/internal/seal"
)

// witnessInbox is the witness's own key, to which policies are closed, as this process
// knows it.
type witnessInbox struct {
	mu    sync.Mutex
	asked time.Time
	known *seal.PolicyInbox
}

// inboxFresh is how long it is not asked for again. Policies to an earlier key stay
// readable, so that a later one need not be known at once.
const inboxFresh = 10 * time.Minute

// policyInbox asks the witness for its key; as it was known last, while it does not
// answer, or what answers does not sign as the configuration says; nil: not known.
func (s *Vaults) policyInbox(ctx context.Context) *seal.PolicyInbox {
	now := s.cfg.Now()
	s.inbox.mu.Lock()
	known, fresh := s.inbox.known, within(now, s.inbox.asked, inboxFresh)
	s.inbox.mu.Unlock()
	if known != nil && fresh || s.marks.isSilent() {
		return known
	}
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	said, err := s.cfg.Checkpoints.Inbox(waits)
	if err != nil {
		if ctx.Err() == nil {
			s.marks.silent()
		}
		return known
	}
	// Whoever could put a key of theirs here would be told who helps whom.
	var signs []byte
	if s.cfg.Restore != nil {
		signs = s.cfg.Restore.Witness
	}
	inbox, err := seal.OpenPolicyInbox(signs, said)
	if err != nil {
		return known
	}
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	s.inbox.known, s.inbox.asked = inbox, now
	return inbox
}
