package quota

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Config is what a [Quota] needs. Every zero field takes its default.
type Config struct {
	// Allowance is what an owner may keep, in bytes. Default 150,000,000 (150
	// decimal megabytes). When it is lowered, nobody loses what they have; who is
	// over it can add nothing.
	Allowance int64
	// Increased is the limit after the increase that the default Policy allows.
	// Default twice Allowance.
	Increased int64
	// ReservationTTL is how long a reservation lasts that nobody renews, at least
	// a second. Default one hour.
	ReservationTTL time.Duration
	// SweepGrace is how much longer sweepers wait, at least a second: more than
	// the clocks of two servers differ and the last call to a blob store hangs.
	// Default one hour.
	SweepGrace time.Duration
	// MaxReservations of one owner at a time, 1 to 100. Default 64.
	MaxReservations int
	// Policy answers requests for more. Default: an operator decides, and the
	// limit is raised once, to Increased.
	Policy Policy
	// Now is the clock. Default [time.Now].
	Now func() time.Time
}

// Defaults of [Config], and the most reservations that one transaction of
// [Quota.Rebuild] can count.
const (
	defaultAllowance       = 150_000_000
	defaultTTL             = time.Hour
	defaultGrace           = time.Hour
	defaultMaxReservations = 64
	mostReservations       = 100
)

// Quota keeps the books of all owners. It holds no state but its configuration:
// any number of processes may use the same store. Its methods may be called from
// many goroutines.
type Quota struct {
	allowance       int64
	ttl             time.Duration
	grace           time.Duration
	maxReservations int64
	policy          Policy
	now             func() time.Time
	beside          int64
}

// Beside returns the same books, but for one transaction in which so many bytes count as
// free that the owner holds still and gives back soon: of a file out of which something is
// taken, say. Who uses it sees to it that those bytes are there, of nothing else, and go:
// until then the owner has at most so many bytes beside the limit.
func (q *Quota) Beside(bytes int64) *Quota {
	c := *q
	c.beside = max(0, bytes)
	return &c
}

// New checks the configuration and reports every problem at once, as
// [storage.ErrInvalid].
func New(c Config) (*Quota, error) {
	if c.Allowance == 0 {
		c.Allowance = defaultAllowance
	}
	if c.Increased == 0 {
		c.Increased = c.Allowance + min(c.Allowance, math.MaxInt64-c.Allowance)
	}
	if c.ReservationTTL == 0 {
		c.ReservationTTL = defaultTTL
	}
	if c.SweepGrace == 0 {
		c.SweepGrace = defaultGrace
	}
	if c.MaxReservations == 0 {
		c.MaxReservations = defaultMaxReservations
	}
	if c.Policy == nil {
		c.Policy = once{limit: c.Increased}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return &Quota{
		allowance:       c.Allowance,
		ttl:             c.ReservationTTL,
		grace:           c.SweepGrace,
		maxReservations: int64(c.MaxReservations),
		policy:          c.Policy,
		now:             c.Now,
	}, nil
}

func (c Config) check() error {
	var problems []error
	expect := func(ok bool, problem string, args ...any) {
		if !ok {
			problems = append(problems, invalid(problem, args...))
		}
	}
	expect(c.Allowance > 0, "Allowance is %d bytes, want more than 0", c.Allowance)
	expect(c.Allowance <= 0 || c.Increased >= c.Allowance,
		"Increased is %d bytes, want at least the Allowance of %d", c.Increased, c.Allowance)
	expect(c.ReservationTTL >= time.Second, "ReservationTTL is %v, want at least a second", c.ReservationTTL)
	expect(c.SweepGrace >= time.Second, "SweepGrace is %v, want at least a second", c.SweepGrace)
	expect(c.MaxReservations >= 1 && c.MaxReservations <= mostReservations,
		"MaxReservations is %d, want 1 to %d", c.MaxReservations, mostReservations)
	if len(problems) > 0 {
		return fmt.Errorf("quota: configuration: %w", errors.Join(problems...))
	}
	return nil
}
