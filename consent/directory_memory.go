package consent

import (
	"context"
	"sync"
	"time"

	"reconnect.example/vault"
)

// How long the word of the witness counts, as in package vault.
const (
	asksEvery    = 30 * time.Second
	witnessWaits = 3 * time.Second // a witness that hangs is away
	awayFor      = 5 * time.Second // and is not asked again at once

	carryWaits = 15 * time.Second // it is sent a whole directory, which is rare
)

// memory is what is remembered of the directory against rollback: by the witness,
// and by this process.
type memory struct {
	witness vault.Checkpoints
	id      vault.ID
	now     func() time.Time

	asking sync.Mutex // held by who asks the witness, so that the others wait for one answer

	mu      sync.Mutex
	highest vault.Checkpoint // that the witness said or this process saw; version 0: none
	told    vault.Checkpoint // what the witness said
	asked   time.Time        // when the witness last answered
	silent  time.Time        // when it last did not; zero: it answers
}

func later(a, b vault.Checkpoint) bool {
	return a.Restore > b.Restore || a.Restore == b.Restore && a.Version > b.Version
}

func sameVersion(a, b vault.Checkpoint) bool { return a.Restore == b.Restore && a.Version == b.Version }

// hold compares a directory with what is remembered.
func hold(c, highest vault.Checkpoint) error {
	switch {
	case later(highest, c):
		return vault.ErrStale // C1
	case sameVersion(c, highest) && c.Hash != highest.Hash:
		return tampered("directory head") // C2: two of one version
	}
	return nil
}

// view is what a reading holds the store against.
type view struct {
	highest, told vault.Checkpoint
	away          bool // the witness does not answer: highest is what this process saw
}

// latest returns what to hold the store against. While the witness does not answer
// that is what this process saw.
func (m *memory) latest(ctx context.Context) (view, error) {
	if v, fresh := m.known(); fresh {
		return v, nil
	}
	m.asking.Lock()
	defer m.asking.Unlock()
	if v, fresh := m.known(); fresh { // somebody else has asked meanwhile
		return v, nil
	}
	if err := m.ask(ctx); err != nil && ctx.Err() != nil {
		return view{}, ctx.Err()
	}
	v, _ := m.known()
	return v, nil
}

// known returns what is remembered; fresh says that the witness need not be asked now.
func (m *memory) known() (v view, fresh bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, now := view{highest: m.highest, told: m.told, away: !m.silent.IsZero()}, m.now()
	if v.away {
		return v, within(now, m.silent, awayFor)
	}
	return v, !m.asked.IsZero() && within(now, m.asked, asksEvery)
}

// within also fails where the clock went back.
func within(now, then time.Time, span time.Duration) bool {
	age := now.Sub(then)
	return age >= 0 && age <= span
}

// ask asks the witness itself.
func (m *memory) ask(ctx context.Context) error {
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	told, err := m.witness.Latest(waits, m.id)
	if err != nil {
		if ctx.Err() == nil {
			m.mu.Lock()
			m.silent = m.now()
			m.mu.Unlock()
		}
		return vault.ErrWitnessAway
	}
	m.answered(told)
	return nil
}

// answered keeps what the witness said. Where it remembers another history of the
// same version, its word counts: this process is in the fork (C2).
func (m *memory) answered(told []vault.Checkpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked, m.silent = m.now(), time.Time{}
	for _, c := range told {
		if c.Head != headDirectory {
			continue
		}
		m.told = c
		if !later(m.highest, c) {
			m.highest = c
		}
	}
}

// keep gives the witness what belongs to a directory, durably. It comes before
// anything else: from the moment when a head is raised, a restore can bring back what
// it names; and a head that the witness would refuse is refused here already.
func (m *memory) keep(ctx context.Context, s *DirectoryState) error {
	waits, cancel := context.WithTimeout(ctx, carryWaits)
	defer cancel()
	return m.refusal(ctx, m.witness.Keep(waits, m.id, s.record, s.side()))
}

// raise reports a directory, durably. vault.ErrTampered: the witness remembers another
// one of the same version.
func (m *memory) raise(ctx context.Context, s *DirectoryState) error {
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	told, err := m.witness.Raise(waits, m.id, []vault.Checkpoint{s.checkpoint()}, s.record, true)
	if err != nil {
		return m.refusal(ctx, err)
	}
	m.answered(told)
	v, _ := m.known()
	if sameVersion(v.told, s.checkpoint()) {
		return hold(s.checkpoint(), v.told)
	}
	return nil
}

// refusal is what an error of the witness means. ErrWitnessAway: no answer.
// ErrUntrustedKey: the witness answers, and does not take the directory; it remembers a
// key that this one does not follow (C3). Its errors are its own; which of the two it
// is, it says by answering another question.
func (m *memory) refusal(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case m.ask(ctx) != nil:
		return vault.ErrWitnessAway
	}
	m.forget()
	return vault.ErrUntrustedKey
}

// forget takes the word of the witness for what this process saw: it had believed,
// while the witness was away, what the witness does not take.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.highest = m.told
}

// seen raises what this process remembers.
func (m *memory) seen(c vault.Checkpoint) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if later(c, m.highest) {
		m.highest = c
	}
}
