package vault

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// marks are the highest heads seen of the vaults in use, by this process or by
// the witness. The witness is asked at opening, and again when what it said is
// older than 30 seconds.
type marks struct {
	now   func() time.Time
	mu    sync.Mutex
	known map[ID]*mark
}

type mark struct {
	asked time.Time // of the witness; zero: not yet
	heads map[string]Checkpoint
}

const (
	marksKept   = 10_000
	marksFreshS = 30 * time.Second
)

func newMarks(now func() time.Time) *marks {
	return &marks{now: now, known: map[ID]*mark{}}
}

func later(a, b Checkpoint) bool {
	return a.Restore > b.Restore || a.Restore == b.Restore && a.Version > b.Version
}

// seen raises what is known of a vault; it never lowers it.
func (m *marks) seen(id ID, heads []Checkpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.raise(id, heads)
}

func (m *marks) raise(id ID, heads []Checkpoint) *mark {
	k, ok := m.known[id]
	if !ok {
		for other := range m.known { // any one: forgetting costs one question to the witness
			if len(m.known) < marksKept {
				break
			}
			delete(m.known, other)
		}
		k = &mark{heads: map[string]Checkpoint{}}
		m.known[id] = k
	}
	for _, h := range heads {
		if old, ok := k.heads[h.Head]; !ok || later(h, old) {
			k.heads[h.Head] = h
		}
	}
	return k
}

func (m *marks) get(id ID, fresh bool) (heads map[string]Checkpoint, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, found := m.known[id]
	if !found || fresh && m.now().Sub(k.asked) > marksFreshS {
		return nil, false
	}
	heads = make(map[string]Checkpoint, len(k.heads))
	for n, h := range k.heads {
		heads[n] = h
	}
	return heads, true
}

func (m *marks) answered(id ID, heads []Checkpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.raise(id, heads).asked = m.now()
}

// latest returns the checkpoints to hold the store against. When the witness
// does not answer, reading and depositing go on against the highest heads that
// this process saw, and away says so.
func (s *Vaults) latest(ctx context.Context, id ID) (heads map[string]Checkpoint, away error) {
	if heads, ok := s.marks.get(id, true); ok {
		return heads, nil
	}
	if _, away = s.ask(ctx, id); away != nil {
		heads, _ = s.marks.get(id, false)
		return heads, away
	}
	heads, _ = s.marks.get(id, false)
	return heads, nil
}

// ask asks the witness itself, for acts that must not be done without it.
func (s *Vaults) ask(ctx context.Context, id ID) ([]Checkpoint, error) {
	heads, err := s.cfg.Checkpoints.Latest(ctx, id)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, ErrWitnessAway
	}
	s.marks.answered(id, heads)
	return heads, nil
}

// confirm reports heads durably, with the owner head, and holds the answer
// against them: a change of a secret is acknowledged only after this.
func (s *Vaults) confirm(ctx context.Context, id ID, heads []Checkpoint, owner []byte) error {
	after, err := s.cfg.Checkpoints.Raise(ctx, id, heads, owner, true)
	if err != nil {
		return ErrWitnessAway
	}
	for _, mine := range heads {
		for _, theirs := range after {
			if mine.Head == theirs.Head && mine.Restore == theirs.Restore && mine.Version == theirs.Version && mine.Hash != theirs.Hash {
				return tampered("%s head", mine.Head)
			}
		}
	}
	s.marks.seen(id, heads)
	return nil
}

// reporter tells the witness of new heads without keeping anybody waiting:
// reports of one vault are coalesced, and the last is sent when the service closes.
// A report that fails is not repeated: the next one says more, and the next
// opening raises what was missed.
type reporter struct {
	to      Checkpoints
	marks   *marks
	mu      sync.Mutex
	waiting map[ID]report
	wake    chan struct{}
	done    chan struct{}
	cancel  context.CancelFunc
}

// report is what waits to be told of one vault. owner is the signed record that
// goes with an "owner" checkpoint.
type report struct {
	heads map[string]Checkpoint
	owner []byte
}

const reportTimeout = 5 * time.Second

func newReporter(to Checkpoints, m *marks) *reporter {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reporter{to: to, marks: m, waiting: map[ID]report{}, wake: make(chan struct{}, 1), done: make(chan struct{}), cancel: cancel}
	go r.run(ctx)
	return r
}

// report queues heads. Owner checkpoints are flushed to disk by the witness, so
// that they are sent only with the record of a head that moved.
func (r *reporter) report(id ID, heads []Checkpoint, owner []byte) {
	r.mu.Lock()
	rep, ok := r.waiting[id]
	if !ok {
		rep.heads = map[string]Checkpoint{}
	}
	for _, h := range heads {
		if h.Head == headOwner && owner == nil {
			continue
		}
		if old, ok := rep.heads[h.Head]; !ok || later(h, old) {
			if rep.heads[h.Head] = h; h.Head == headOwner {
				rep.owner = owner
			}
		}
	}
	r.waiting[id] = rep
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reporter) run(ctx context.Context) {
	defer close(r.done)
	for {
		select {
		case <-ctx.Done():
			r.flush()
			return
		case <-r.wake:
			r.flush()
		}
	}
}

func (r *reporter) flush() {
	r.mu.Lock()
	batch := r.waiting
	r.waiting = map[ID]report{}
	r.mu.Unlock()
	for id, rep := range batch {
		ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
		_, _ = r.to.Raise(ctx, id, slices.Collect(maps.Values(rep.heads)), rep.owner, false)
		cancel()
	}
}

func (r *reporter) close() {
	r.cancel()
	<-r.done
}
