package storagetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"reconnect.example/storage"
)

// Malicious is a store whose host is the adversary. It keeps what a program
// writes, remembers every version of it, and shows what the test tells it to
// show: older records, each other's, cut, altered or made-up ones, or none. It is
// for programs that promise to notice.
//
//	host := storagetest.NewMalicious(memstore.New(), memstore.NewBlobs())
//	store, blobs := storage.New(host), host.Blobs()
//	... // the program writes two records
//	then := host.Now()
//	... // and writes them again
//	host.Record("a").Swap(host.Record("b")) // or Flip, Cut, Forge, Drop, Replay, …
//	... // does the program refuse both, and name them?
//	host.Honest()
//	host.Replay("", then) // everything, consistent in itself
//	... // does it notice that this is old?
//
// A lie is a layer over the truth: nothing below is altered, and [Malicious.Honest]
// takes all of it away. No check of a commit stands against it: the host says of
// a record that it lies about whatever the program expects to hear. What the
// program then writes over a lie is the truth from there on.
//
// Put it under a program before anything is written: it knows, in memory, what was
// written through it. While it does not lie it keeps the contracts of [Run] and
// [RunBlobs]. Its methods may be called from many goroutines.
type Malicious struct {
	driver storage.Driver
	below  storage.Blobs

	mu      sync.Mutex
	now     Moment
	records shelf
	blobs   shelf
}

var _ storage.Driver = (*Malicious)(nil)

// Moment is a point in the life of a [Malicious] store, to go back to.
type Moment int

// shelf is what the host knows of its records, or of its blobs, by their keys.
type shelf struct {
	written map[string][]version // oldest first
	lies    map[string]lie
}

// version is what was written at a moment; nil bytes: it was deleted.
type version struct {
	at    Moment
	bytes []byte
}

// lie is what is shown instead; nil bytes: nothing.
type lie struct {
	bytes []byte
	end   int // a blob is read no further than so many bytes, without an error; negative: to its end
}

// madeUp is the version of a record that was never written.
const madeUp storage.Version = 1 << 62

// NewMalicious makes a host of a driver and a store of blobs, both honest. Where
// there are only records, or only blobs, the other may be nil.
func NewMalicious(d storage.Driver, b storage.Blobs) *Malicious {
	return &Malicious{
		driver: d, below: b,
		records: shelf{written: map[string][]version{}, lies: map[string]lie{}},
		blobs:   shelf{written: map[string][]version{}, lies: map[string]lie{}},
	}
}

// truth is what was last written under a key.
func (s *shelf) truth(key string) []byte {
	if all := s.written[key]; len(all) > 0 {
		return all[len(all)-1].bytes
	}
	return nil
}

func (s *shelf) shown(key string) []byte {
	if l, lied := s.lies[key]; lied {
		return l.bytes
	}
	return s.truth(key)
}

func (s *shelf) at(key string, then Moment) (b []byte) {
	for _, v := range s.written[key] {
		if v.at <= then {
			b = v.bytes
		}
	}
	return b
}

// tell makes the host show b from now on. What is true is no lie.
func (s *shelf) tell(key string, b []byte) {
	truth := s.truth(key)
	if _, known := s.written[key]; known && (b == nil) == (truth == nil) && bytes.Equal(b, truth) {
		delete(s.lies, key)
		return
	}
	s.lies[key] = lie{bytes: copied(b), end: -1}
}

// keys lists what is shown, in order.
func (s *shelf) keys(prefix string) []string {
	out := []string{}
	for _, key := range s.known(prefix) {
		if s.shown(key) != nil {
			out = append(out, key)
		}
	}
	return out
}

// known lists what was ever written or made up, in order.
func (s *shelf) known(prefix string) (out []string) {
	for key := range s.written {
		if strings.HasPrefix(key, prefix) {
			out = append(out, key)
		}
	}
	for key := range s.lies {
		if _, twice := s.written[key]; !twice && strings.HasPrefix(key, prefix) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// copied keeps apart what is empty and what is not there.
func copied(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

// wrote notes a version; it ends a lie about the key.
func (m *Malicious) wrote(s *shelf, key string, b []byte) {
	m.now++
	s.written[key] = append(s.written[key], version{m.now, b})
	delete(s.lies, key)
}

// Get implements [storage.Driver].
func (m *Malicious) Get(ctx context.Context, key string) (storage.Record, error) {
	r, err := m.driver.Get(ctx, key)
	m.mu.Lock()
	defer m.mu.Unlock()
	l, lied := m.records.lies[key]
	if !lied || err != nil && !errors.Is(err, storage.ErrNotFound) {
		return r, err
	}
	if l.bytes == nil {
		return storage.Record{}, storage.ErrNotFound
	}
	return l.record(key, r.Version), nil
}

// record is the lie, as a record. It has the version of the true one, so that the
// program takes it for untouched.
func (l lie) record(key string, honest storage.Version) storage.Record {
	return storage.Record{Key: key, Value: copied(l.bytes), Version: l.version(honest)}
}

func (l lie) version(honest storage.Version) storage.Version {
	switch {
	case l.bytes == nil:
		return 0
	case honest == 0:
		return madeUp
	}
	return honest
}

// Scan implements [storage.Driver].
func (m *Malicious) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	var out []storage.Record
	for {
		page, err := m.driver.Scan(ctx, prefix, after, limit)
		if err != nil {
			return nil, err
		}
		more, last := len(page) == limit, ""
		if more {
			last = page[len(page)-1].Key
		}
		out = append(out, m.lieAbout(page, prefix, after, last)...)
		if !more || len(out) >= limit {
			return out[:min(limit, len(out))], nil
		}
		after = last
	}
}

// lieAbout puts lies into a page of honest records, between after and last
// (inclusive; "" for the end).
func (m *Malicious) lieAbout(page []storage.Record, prefix, after, last string) []storage.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.records.lies) == 0 {
		return page
	}
	honest := map[string]storage.Version{}
	out := slices.DeleteFunc(page, func(r storage.Record) bool {
		honest[r.Key] = r.Version
		_, lied := m.records.lies[r.Key]
		return lied
	})
	for key, l := range m.records.lies {
		if l.bytes != nil && strings.HasPrefix(key, prefix) && key > after && (last == "" || key <= last) {
			out = append(out, l.record(key, honest[key]))
		}
	}
	slices.SortFunc(out, func(a, b storage.Record) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// Commit implements [storage.Driver].
func (m *Malicious) Commit(ctx context.Context, checks []storage.Check, writes []storage.Write) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	checks, err := m.believe(ctx, checks)
	if err != nil {
		return err
	}
	err = m.driver.Commit(ctx, checks, writes)
	switch {
	case err == nil:
		for _, w := range writes {
			value := copied(w.Value)
			if w.Delete {
				value = nil
			} else if value == nil {
				value = []byte{}
			}
			m.wrote(&m.records, w.Key, value)
		}
	case errors.Is(err, storage.ErrUnknown):
		m.lookAt(context.WithoutCancel(ctx), writes)
	}
	return err
}

// believe turns what the program expects of records that the host lies about into
// what is true of them.
func (m *Malicious) believe(ctx context.Context, checks []storage.Check) ([]storage.Check, error) {
	out := slices.Clone(checks)
	for i, check := range out {
		l, lied := m.records.lies[check.Key]
		if !lied {
			continue
		}
		r, err := m.driver.Get(ctx, check.Key)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, err
		}
		if check.Version != l.version(r.Version) {
			return nil, storage.ErrConflict
		}
		out[i].Version = r.Version
	}
	return out, nil
}

// lookAt finds out whether writes of a commit that nobody knows about were made.
func (m *Malicious) lookAt(ctx context.Context, writes []storage.Write) {
	for _, w := range writes {
		r, err := m.driver.Get(ctx, w.Key)
		switch {
		case err == nil && !w.Delete && bytes.Equal(r.Value, w.Value):
			m.wrote(&m.records, w.Key, append([]byte{}, w.Value...))
		case errors.Is(err, storage.ErrNotFound) && w.Delete:
			m.wrote(&m.records, w.Key, nil)
		}
	}
}

// Close implements [storage.Driver].
func (m *Malicious) Close() error { return m.driver.Close() }
