package storagetest

import (
	"context"
	"slices"
	"sync"

	"reconnect.example/storage"
)

// Op is a kind of call to a [storage.Driver].
type Op string

// The calls that [Faulty] counts.
const (
	Get    Op = "get"
	Scan   Op = "scan"
	Commit Op = "commit"
)

// When says on which side of a call a fault lies.
type When int

const (
	// Before fails without performing the call.
	Before When = iota
	// After performs the call, and fails if it went well: the answer is lost. With
	// ErrUnknown it is what a cut connection does to a commit.
	After
)

// Faulty passes calls on to a driver and makes chosen ones fail. Its methods may
// be called from many goroutines. To fail every storage call of an operation in
// turn:
//
//	for n := 1; ; n++ {
//		f := storagetest.NewFaulty(memstore.New())
//		... // prepare
//		f.FailAt(n, storage.ErrUnavailable, storagetest.Before)
//		err := operation(storage.New(f))
//		if !f.Failed() {
//			break // it makes fewer than n calls
//		}
//		... // what must hold when its n-th call failed?
//	}
type Faulty struct {
	driver storage.Driver

	mu     sync.Mutex
	calls  map[Op]int
	fault  fault
	seen   int // calls of the kinds of the fault since it was set
	failed bool
}

var _ storage.Driver = (*Faulty)(nil)

type fault struct {
	first, last int // counted from 1; nothing fails if first is 0
	err         error
	when        When
	ops         []Op
}

// NewFaulty wraps a driver. At first nothing fails.
func NewFaulty(d storage.Driver) *Faulty {
	return &Faulty{driver: d, calls: map[Op]int{}}
}

// FailAt makes one call fail with err: the n-th from now on, counted from 1,
// among those of the kinds ops, or among all if none is named. It replaces any
// earlier fault and starts all counts again.
func (f *Faulty) FailAt(n int, err error, when When, ops ...Op) {
	f.set(fault{first: n, last: n, err: err, when: when, ops: ops})
}

// FailFrom is FailAt for the n-th call and all after it, as when the store is
// down.
func (f *Faulty) FailFrom(n int, err error, when When, ops ...Op) {
	f.set(fault{first: n, last: int(^uint(0) >> 1), err: err, when: when, ops: ops})
}

// Heal ends the fault and starts all counts again.
func (f *Faulty) Heal() { f.set(fault{}) }

// Calls returns how many calls of the kinds ops, or of all if none is named,
// were made since the counts were last started. Close is not counted.
func (f *Faulty) Calls(ops ...Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	sum := 0
	for op, n := range f.calls {
		if len(ops) == 0 || slices.Contains(ops, op) {
			sum += n
		}
	}
	return sum
}

// Failed says whether a call was reached that had to fail.
func (f *Faulty) Failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// Get implements [storage.Driver].
func (f *Faulty) Get(ctx context.Context, key string) (r storage.Record, err error) {
	err = f.call(Get, func() (err error) {
		r, err = f.driver.Get(ctx, key)
		return err
	})
	if err != nil {
		return storage.Record{}, err
	}
	return r, nil
}

// Scan implements [storage.Driver].
func (f *Faulty) Scan(ctx context.Context, prefix, after string, limit int) (page []storage.Record, err error) {
	err = f.call(Scan, func() (err error) {
		page, err = f.driver.Scan(ctx, prefix, after, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Commit implements [storage.Driver].
func (f *Faulty) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	return f.call(Commit, func() error { return f.driver.Commit(ctx, checks, writes) })
}

// Close implements [storage.Driver]. It never fails by itself.
func (f *Faulty) Close() error { return f.driver.Close() }

// call counts a call and performs it, or not.
func (f *Faulty) call(op Op, perform func() error) error {
	lost, failNow := f.count(op)
	if failNow {
		return lost
	}
	if err := perform(); err != nil {
		return err
	}
	return lost
}

// count returns the error of this call, and whether it comes before the call.
func (f *Faulty) count(op Op) (err error, now bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[op]++
	if len(f.fault.ops) > 0 && !slices.Contains(f.fault.ops, op) {
		return nil, false
	}
	f.seen++
	if f.fault.first == 0 || f.seen < f.fault.first || f.seen > f.fault.last {
		return nil, false
	}
	f.failed = true
	return f.fault.err, f.fault.when == Before
}

func (f *Faulty) set(new fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault, f.seen, f.failed = new, 0, false
	clear(f.calls)
}
