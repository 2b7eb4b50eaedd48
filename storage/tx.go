package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Tx is one transaction of [Store.Transact]: it remembers what is read through
// it and keeps what is written until the commit. It is used by one goroutine,
// and not after the function that received it has returned.
type Tx struct {
	ctx    context.Context
	driver Driver
	reads  map[string]Record // as first read; Version 0 for "there is none"
	writes map[string]bufferedWrite

	snapshots int   // reads that reached the driver, each of its own instant
	torn      bool  // two of them contradict each other
	failed    error // the first mistake or failure: nothing may be committed
}

type bufferedWrite struct {
	value   []byte
	deleted bool
	unique  bool
}

// Context returns the context of the transaction.
func (tx *Tx) Context() context.Context { return tx.ctx }

// Get returns the record of key, or ErrNotFound. What it answers is remembered
// and checked at the commit, the absence of a record too, and a second Get
// answers the same. It sees what this transaction itself put (with Version 0)
// and deleted.
func (tx *Tx) Get(key string) (Record, error) {
	if w, ok := tx.writes[key]; ok {
		if w.deleted {
			return Record{}, fmt.Errorf("get %q: %w", key, ErrNotFound)
		}
		return Record{Key: key, Value: bytes.Clone(w.value)}, nil
	}
	r, ok := tx.reads[key]
	if !ok {
		var err error
		if r, err = tx.read(key); err != nil {
			return Record{}, err
		}
	}
	if r.Version == 0 {
		return Record{}, fmt.Errorf("get %q: %w", key, ErrNotFound)
	}
	r.Value = bytes.Clone(r.Value)
	return r, nil
}

func (tx *Tx) read(key string) (Record, error) {
	if err := checkKey(key); err != nil {
		return Record{}, tx.fail(fmt.Errorf("get: %w", err))
	}
	r, err := tx.driver.Get(tx.ctx, key)
	if errors.Is(err, ErrNotFound) {
		r, err = Record{Key: key}, nil
	}
	if err != nil {
		return Record{}, tx.fail(fmt.Errorf("get %q: %w", key, closedSet(err)))
	}
	tx.snapshots++
	if err := tx.remember(r); err != nil {
		return Record{}, err
	}
	return r, nil
}

// Scan is [Store.Scan] with the transaction's own writes merged in. Every
// record it returns is remembered and checked at the commit. A record that
// somebody else adds to the range is not noticed: where that matters, let every
// writer of the range also put one guard record, and read that.
//
// As all that is read is checked, more than [MaxChecks] records in all are
// ErrTooLarge.
func (tx *Tx) Scan(prefix, after string, limit int) ([]Record, error) {
	if err := checkScan(prefix, after, limit); err != nil {
		return nil, tx.fail(fmt.Errorf("scan: %w", err))
	}
	// Records that this transaction deleted do not count towards limit, so ask
	// for as many more. The cut at MaxScan loses nothing: that many records are
	// more than can be checked.
	page := min(limit+len(tx.writes), MaxScan)
	stored, err := tx.driver.Scan(tx.ctx, prefix, after, page)
	if err != nil {
		return nil, tx.fail(fmt.Errorf("scan %q: %w", prefix, closedSet(err)))
	}
	tx.snapshots++

	merged := tx.merge(stored, prefix, after)
	more := len(stored) == page || len(merged) > limit
	merged = merged[:min(limit, len(merged))]
	seen := make(map[string]bool, len(merged))
	for i, r := range merged {
		seen[r.Key] = true
		if r.Version != 0 {
			if err := tx.remember(r); err != nil {
				return nil, err
			}
		}
		merged[i].Value = bytes.Clone(r.Value)
	}
	for key, r := range tx.reads {
		inPage := strings.HasPrefix(key, prefix) && key > after && (!more || key <= merged[len(merged)-1].Key)
		if _, own := tx.writes[key]; inPage && r.Version != 0 && !seen[key] && !own {
			return nil, tx.tear(key)
		}
	}
	return merged, nil
}

// merge lays the transaction's own writes over a page of stored records. Those
// it put have Version 0.
func (tx *Tx) merge(stored []Record, prefix, after string) []Record {
	merged := make([]Record, 0, len(stored)+len(tx.writes))
	for _, r := range stored {
		if _, own := tx.writes[r.Key]; !own {
			merged = append(merged, r)
		}
	}
	for key, w := range tx.writes {
		if !w.deleted && strings.HasPrefix(key, prefix) && key > after {
			merged = append(merged, Record{Key: key, Value: w.value})
		}
	}
	slices.SortFunc(merged, func(a, b Record) int { return strings.Compare(a.Key, b.Key) })
	return merged
}

// Put writes value, which is copied, under key when the transaction commits. A
// key or value outside the limits makes the transaction fail with ErrInvalid or
// ErrTooLarge.
func (tx *Tx) Put(key string, value []byte) {
	tx.write(key, bufferedWrite{value: bytes.Clone(value)})
}

// PutUnique is [Tx.Put] for a value that nobody else would ever put, because it
// holds 128 random bits or more, as everything that is sealed does.
//
// It matters when the answer to a commit is lost and records that it checked
// have moved: by this commit, or by somebody else's? To find the unique value
// in the store proves that the commit happened. A counter that went from 4 to 5
// proves nothing, since another writer does the same. A transaction without a
// unique value is then ErrUnknown.
func (tx *Tx) PutUnique(key string, value []byte) {
	tx.write(key, bufferedWrite{value: bytes.Clone(value), unique: true})
}

// Delete removes the record of key, if there is one, when the transaction commits.
func (tx *Tx) Delete(key string) {
	tx.write(key, bufferedWrite{deleted: true})
}

func (tx *Tx) write(key string, w bufferedWrite) {
	if err := checkKey(key); err != nil {
		tx.fail(fmt.Errorf("write: %w", err))
		return
	}
	if len(w.value) > MaxValue {
		tx.fail(fmt.Errorf("put %q: %w: %d bytes are more than %d", key, ErrTooLarge, len(w.value), MaxValue))
		return
	}
	if _, again := tx.writes[key]; !again && len(tx.writes) == MaxWrites {
		tx.fail(fmt.Errorf("write %q: %w: a transaction writes at most %d records", key, ErrTooLarge, MaxWrites))
		return
	}
	tx.writes[key] = w
}

// remember keeps what was read to be checked, and notices early when the store
// has moved on since an earlier read.
func (tx *Tx) remember(r Record) error {
	if before, known := tx.reads[r.Key]; known {
		if before.Version != r.Version {
			return tx.tear(r.Key)
		}
		return nil
	}
	if len(tx.reads) == MaxChecks {
		return tx.fail(fmt.Errorf("read %q: %w: a transaction reads at most %d records", r.Key, ErrTooLarge, MaxChecks))
	}
	tx.reads[r.Key] = r
	return nil
}

// tear ends an attempt that has seen two states of the store.
func (tx *Tx) tear(key string) error {
	tx.torn = true
	return fmt.Errorf("read %q: it moved during the transaction: %w", key, ErrConflict)
}

func (tx *Tx) fail(err error) error {
	if tx.failed == nil {
		tx.failed = err
	}
	return err
}

// checks and driverWrites are in the order of keys: drivers that lock rows then
// lock them all in the same order and do not deadlock.
func (tx *Tx) checks() []Check {
	checks := make([]Check, 0, len(tx.reads))
	for _, key := range slices.Sorted(maps.Keys(tx.reads)) {
		checks = append(checks, Check{Key: key, Version: tx.reads[key].Version})
	}
	return checks
}

func (tx *Tx) driverWrites() []Write {
	writes := make([]Write, 0, len(tx.writes))
	for _, key := range slices.Sorted(maps.Keys(tx.writes)) {
		w := tx.writes[key]
		writes = append(writes, Write{Key: key, Value: w.value, Delete: w.deleted})
	}
	return writes
}
