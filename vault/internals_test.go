package vault

import (
	"reconnect.example/internal/seal"
)

// What tests outside the package need to see of its inside.

// CountDerivations counts how often a secret is derived from now on, one at a
// time. Nobody may be signing in when it is called, nor when stop is.
func (s *Vaults) CountDerivations() (count func() int, stop func()) {
	slots, was := make(chan struct{}), s.derive.slots
	n, done := 0, make(chan struct{})
	s.derive.slots = slots
	counted := make(chan func(), 1)
	go func() {
		defer close(done)
		for {
			select {
			case <-slots: // somebody enters
				n++
				slots <- struct{}{} // and leaves
			case f := <-counted:
				if f == nil {
					return
				}
				f()
			}
		}
	}()
	count = func() (out int) {
		seen := make(chan struct{})
		counted <- func() { out = n; close(seen) }
		<-seen
		return out
	}
	return count, func() {
		counted <- nil
		<-done
		s.derive.slots = was
	}
}

// OccupySignIns takes every place in the queue of sign-ins.
func (s *Vaults) OccupySignIns() (release func()) {
	d := s.derive
	for range cap(d.slots) {
		d.slots <- struct{}{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting += d.room
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.waiting -= d.room
		for range cap(d.slots) {
			<-d.slots
		}
	}
}

// Keys are the secrets that an open vault holds.
func (v *Vault) Keys() (keys map[Compartment][]seal.Key, inboxes []seal.BoxKey, signer seal.SigningKey) {
	keys = map[Compartment][]seal.Key{}
	for c, ring := range v.rings {
		for _, g := range ring.generations {
			keys[c] = append(keys[c], g.key)
			inboxes = append(inboxes, g.inbox)
		}
	}
	return keys, inboxes, v.signer
}
