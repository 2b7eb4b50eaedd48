package vault

import (
	"context"
	"time"

	"reconnect.example/internal/seal"
)

// What the tests of audit findings need to see of the package's inside.

// OccupyPublicLane takes every place in the queue of sign-ins that is not kept
// for staff and known devices, and says how many wait.
func (s *Vaults) OccupyPublicLane() (waiting func() int, release func()) {
	d := s.derive
	for range cap(d.slots) {
		d.slots <- struct{}{}
	}
	taken := d.room - d.room/4
	add := func(n int) int {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.waiting += n
		return d.waiting - taken
	}
	add(taken)
	return func() int { return add(0) }, func() {
		add(-taken)
		for range cap(d.slots) {
			<-d.slots
		}
	}
}

// CutJournalHead is a head of the journal that knows only its first line, signed
// as somebody could who has the key file.
func (s *Vaults) CutJournalHead(ctx context.Context, id ID) ([]byte, error) {
	first, err := s.cfg.Store.Get(ctx, id.entry(1))
	if err != nil {
		return nil, err
	}
	rec, err := s.cfg.Store.Get(ctx, id.key("h/j"))
	if err != nil {
		return nil, err
	}
	h, err := openJournalHead(id, s.keys.signer.Public(), rec.Value)
	if err != nil {
		return nil, err
	}
	digest := seal.Digest(first.Value)
	h.Count, h.Last = 1, digest[:]
	return sealJournalHead(id, s.keys.signer, h)
}

// ForgeSession is a session that the store's host makes up from what it can read:
// the owner head and the public key in it.
func (s *Vaults) ForgeSession(ctx context.Context, id ID) (key string, record []byte, err error) {
	rec, err := s.cfg.Store.Get(ctx, id.head(Owner))
	if err != nil {
		return "", nil, err
	}
	h, err := openOwnerHead(id, rec.Value)
	if err != nil {
		return "", nil, err
	}
	keys, _ := keysOf(h, Owner)
	inbox, err := seal.BoxPublicFromBytes(keys.Inbox)
	if err != nil {
		return "", nil, err
	}
	v, sid := &Vault{id: id}, SessionID(newID())
	device, err := inbox.Seal(v.deviceContext(sid, keys.Generation), nil, []byte("somebody else's"))
	if err != nil {
		return "", nil, err
	}
	clear, err := seal.Marshal(sessionClear{Epoch: h.Epoch, Started: s.now().UnixMilli(), Used: s.now().Add(time.Hour).UnixMilli(), Device: device})
	if err != nil {
		return "", nil, err
	}
	record, err = seal.NewKey().Seal(v.sessionContext(sid), clear, []byte("x"))
	return id.session(sid), record, err
}

// CopySession is the record of a session as it would be under another id.
func (id ID) CopySession() (key string) { return id.session(SessionID(newID())) }

// ForgeMove is a move that never ends.
func ForgeMove(until time.Time) ([]byte, error) {
	return seal.Marshal(moving{Reservation: "x", Deadline: until.UnixMilli()})
}
