package vault

import (
	"context"
	"sync"
	"time"

	"reconnect.example/internal/seal"
)

// queue lets the commits of one vault pass one after the other within this
// process; between processes, compare-and-swap in the store decides.
type queue struct {
	mu    sync.Mutex
	lines map[ID]*line
}

type line struct {
	turn    chan struct{} // holds one token while nobody is in
	waiting int
}

func newQueue() *queue { return &queue{lines: map[ID]*line{}} }

// enter waits for its turn, or for the end of ctx. leave must be called once.
func (q *queue) enter(ctx context.Context, id ID) (leave func(), err error) {
	q.mu.Lock()
	l, ok := q.lines[id]
	if !ok {
		l = &line{turn: make(chan struct{}, 1)}
		l.turn <- struct{}{}
		q.lines[id] = l
	}
	l.waiting++
	q.mu.Unlock()
	out := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if l.waiting--; l.waiting == 0 {
			delete(q.lines, id)
		}
	}
	select {
	case <-l.turn:
		return func() { l.turn <- struct{}{}; out() }, nil
	case <-ctx.Done():
		out()
		return nil, ctx.Err()
	}
}

// derivations bounds the memory and the work of Argon2id: so many at once, so
// many waiting, and then ErrBusy, so that a flood of sign-ins cannot stop the
// service. A quarter of the waiting room is kept for staff and known devices.
type derivations struct {
	slots   chan struct{}
	mu      sync.Mutex
	waiting int
	room    int
}

func newDerivations(atOnce, room int) *derivations {
	return &derivations{slots: make(chan struct{}, atOnce), room: room}
}

func (d *derivations) derive(ctx context.Context, kdf seal.KDF, secret string, priority bool) (seal.Key, error) {
	if err := kdf.Check(); err != nil { // E1, E2, E9: before a slot is taken
		return seal.Key{}, ErrPolicy
	}
	if err := d.enter(ctx, priority); err != nil {
		return seal.Key{}, err
	}
	defer func() { <-d.slots }()
	key, err := kdf.Derive([]byte(secret))
	if err != nil {
		return seal.Key{}, ErrPolicy
	}
	return key, nil
}

// Stretch derives a key from what a person brings, with the parameters that were kept,
// within the same bound on how many do at once as a sign-in. Whoever comes here has
// shown a secret or a code before. Errors: ErrPolicy for parameters out of bounds
// (E1, E2, E9), ErrBusy.
func (s *Vaults) Stretch(ctx context.Context, kdf seal.KDF, secret string) (seal.Key, error) {
	return s.derive.derive(ctx, kdf, secret, true)
}

func (d *derivations) enter(ctx context.Context, priority bool) error {
	select {
	case d.slots <- struct{}{}:
		return nil
	default:
	}
	room := d.room
	if !priority {
		room -= d.room / 4
	}
	d.mu.Lock()
	if d.waiting >= room {
		d.mu.Unlock()
		return ErrBusy
	}
	d.waiting++
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.waiting--
		d.mu.Unlock()
	}()
	select {
	case d.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// awayTries limits password tries while the witness, which keeps the real
// counters, does not answer: 10 an hour for each account, in this process.
type awayTries struct {
	now   func() time.Time
	mu    sync.Mutex
	tries map[[32]byte][]time.Time
}

const (
	awayPerHour = 10
	awayKept    = 100_000
)

func newAwayTries(now func() time.Time) *awayTries {
	return &awayTries{now: now, tries: map[[32]byte][]time.Time{}}
}

// count counts a try, or says how long to wait.
func (a *awayTries) count(login [32]byte) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	var recent []time.Time
	for _, t := range a.tries[login] {
		if age := now.Sub(t); age < time.Hour && age >= 0 {
			recent = append(recent, t)
		}
	}
	if len(recent) >= awayPerHour {
		return time.Hour - now.Sub(recent[0])
	}
	if len(a.tries) >= awayKept { // a flood of made-up logins: nobody gets in before it ends
		for k, ts := range a.tries {
			if now.Sub(ts[len(ts)-1]) >= time.Hour {
				delete(a.tries, k)
			}
		}
		if len(a.tries) >= awayKept {
			return time.Minute
		}
	}
	a.tries[login] = append(recent, now)
	return 0
}
