package vault

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// marks are the highest heads seen of the vaults in use, by this process or by
// the witness, and what the witness itself said last. It is asked at opening,
// and again when that is older than 30 seconds.
type marks struct {
	now   func() time.Time
	mu    sync.Mutex
	known map[ID]*mark
	away  time.Time // when the witness last did not answer
}

type mark struct {
	asked time.Time             // of the witness; zero: not yet
	heads map[string]Checkpoint // the highest
	told  map[string]Checkpoint // by the witness
}

// view is what a turn holds the store against.
type view struct {
	heads map[string]Checkpoint
	told  map[string]Checkpoint // empty: the witness was not asked, or does not know the vault
	asked bool
	away  bool // the witness does not answer: rollbacks may go unnoticed
}

const (
	marksKept    = 10_000
	marksFresh   = 30 * time.Second
	witnessWaits = 3 * time.Second // a witness that hangs is away (nobody waits for it with a vault's queue in hand)
	awayFor      = 5 * time.Second // and is not asked again at once
)

func newMarks(now func() time.Time) *marks {
	return &marks{now: now, known: map[ID]*mark{}}
}

func later(a, b Checkpoint) bool {
	return a.Restore > b.Restore || a.Restore == b.Restore && a.Version > b.Version
}

func sameVersion(a, b Checkpoint) bool { return a.Restore == b.Restore && a.Version == b.Version }

func (m *marks) of(id ID) *mark {
	k, ok := m.known[id]
	if !ok {
		for other := range m.known { // any one: forgetting costs one question to the witness
			if len(m.known) < marksKept {
				break
			}
			delete(m.known, other)
		}
		k = &mark{heads: map[string]Checkpoint{}, told: map[string]Checkpoint{}}
		m.known[id] = k
	}
	return k
}

// seen raises what is known of a vault; it never lowers it.
func (m *marks) seen(id ID, heads []Checkpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.of(id)
	for _, h := range heads {
		if old, ok := k.heads[h.Head]; !ok || later(h, old) {
			k.heads[h.Head] = h
		}
	}
}

// answered keeps what the witness said. Where it remembers another history of
// the same version, its word counts: this process is in the fork (C2).
func (m *marks) answered(id ID, heads []Checkpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.of(id)
	k.asked, m.away = m.now(), time.Time{}
	for _, h := range heads {
		k.told[h.Head] = h
		if old, ok := k.heads[h.Head]; !ok || later(h, old) || sameVersion(h, old) {
			k.heads[h.Head] = h
		}
	}
}

func (m *marks) view(id ID) view {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.known[id]
	if !ok {
		return view{}
	}
	return view{heads: maps.Clone(k.heads), told: maps.Clone(k.told), asked: !k.asked.IsZero()}
}

func (m *marks) fresh(id ID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.known[id]
	return ok && within(m.now(), k.asked, marksFresh)
}

// within also fails where the clock went back.
func within(now, then time.Time, span time.Duration) bool {
	age := now.Sub(then)
	return age >= 0 && age <= span
}

// silent notes that the witness did not answer; isSilent says so for a while.
func (m *marks) silent() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = m.now()
}

func (m *marks) isSilent() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.away.IsZero() && within(m.now(), m.away, awayFor)
}

// latest returns what to hold the store against. When the witness does not
// answer, reading and depositing go on against the highest heads that this
// process saw, and the view says that it is away.
func (s *Vaults) latest(ctx context.Context, id ID) view {
	if s.marks.fresh(id) {
		return s.marks.view(id)
	}
	away := s.marks.isSilent()
	if !away {
		_, err := s.ask(ctx, id)
		away = err != nil
	}
	v := s.marks.view(id)
	v.away = away
	return v
}

// ask asks the witness itself, for acts that must not be done without it.
func (s *Vaults) ask(ctx context.Context, id ID) ([]Checkpoint, error) {
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	heads, err := s.cfg.Checkpoints.Latest(waits, id)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.marks.silent()
		return nil, ErrWitnessAway
	}
	s.marks.answered(id, heads)
	return heads, nil
}

// confirm reports heads durably, with the owner head, and holds the answer
// against them: a change of a secret is acknowledged only after this.
func (s *Vaults) confirm(ctx context.Context, id ID, heads []Checkpoint, owner signedOwner) error {
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	after, err := s.tell(waits, id, heads, owner, true)
	if err != nil {
		return ErrWitnessAway
	}
	s.marks.answered(id, after)
	for _, mine := range heads {
		for _, theirs := range after {
			if mine.Head == theirs.Head && sameVersion(mine, theirs) && mine.Hash != theirs.Hash {
				return tampered("%s head", mine.Head)
			}
		}
	}
	return nil
}

// reporter tells the witness of new heads without keeping anybody waiting:
// reports of one vault are coalesced, and the last is sent when the service closes.
// A report that fails is not repeated: the next one says more, and an owner head
// that the witness has not confirmed goes with it.
type reporter struct {
	tell    func(ctx context.Context, id ID, heads []Checkpoint, owner signedOwner, durable bool) ([]Checkpoint, error)
	marks   *marks
	sending sync.Mutex // of one flush at a time
	mu      sync.Mutex
	waiting map[ID]report
	wake    chan struct{}
	done    chan struct{}
	cancel  context.CancelFunc
}

// report is what waits to be told of one vault. owner goes with an "owner"
// checkpoint.
type report struct {
	heads map[string]Checkpoint
	owner signedOwner
}

const reportTimeout = 5 * time.Second

func newReporter(s *Vaults) *reporter {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reporter{tell: s.tell, marks: s.marks, waiting: map[ID]report{}, wake: make(chan struct{}, 1), done: make(chan struct{}), cancel: cancel}
	go r.run(ctx)
	return r
}

// report queues heads. Owner checkpoints are flushed to disk by the witness, so
// that they are sent only with the record of a head that moved.
func (r *reporter) report(id ID, heads []Checkpoint, owner signedOwner) {
	r.mu.Lock()
	rep, ok := r.waiting[id]
	if !ok {
		rep.heads = map[string]Checkpoint{}
	}
	for _, h := range heads {
		if h.Head == headOwner && owner.record == nil {
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

// flush sends what waits. When it returns, so is what another flush had taken.
func (r *reporter) flush() {
	r.sending.Lock()
	defer r.sending.Unlock()
	r.mu.Lock()
	batch := r.waiting
	r.waiting = map[ID]report{}
	r.mu.Unlock()
	for id, rep := range batch {
		ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
		after, err := r.tell(ctx, id, slices.Collect(maps.Values(rep.heads)), rep.owner, false)
		cancel()
		if err == nil {
			r.marks.answered(id, after)
		}
	}
}

func (r *reporter) close() {
	r.cancel()
	<-r.done
}
