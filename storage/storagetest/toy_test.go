package storagetest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"reconnect.example/storage"
)

// toyDisk is what outlives a toy driver.
type toyDisk struct {
	mu      sync.Mutex
	records map[string]storage.Record
	last    storage.Version
	deleted map[string]storage.Record // as they last were
}

// toy is the plainest driver that keeps the contract, and, when flaw names one
// of the flaws below, one that breaks it in this way only.
type toy struct {
	disk   *toyDisk
	flaw   string
	closed bool
	cursor map[string]int            // of flawOffset
	stale  map[string]storage.Record // of flawStale
	calls  int

	snapshots    int  // that are open
	lastSnapshot *toy // of flawSnapshotIsOld
}

const (
	flawLosesWrites   = "loses a write now and then"
	flawSameVersion   = "gives no new version to the same value"
	flawDeleteError   = "finds fault with deleting what is not there"
	flawEmptyIsNone   = "takes an empty value for none"
	flawCutsValues    = "cuts values at 64 KiB"
	flawKeepsSlice    = "keeps the caller's slice"
	flawGivesSlice    = "gives away its own slice"
	flawFoldsCase     = "folds the case of keys"
	flawSortsByLetter = "sorts without regard to case"
	flawUnordered     = "does not sort"
	flawAfterIncluded = "begins a page with what the last one ended with"
	flawShortPages    = "returns short pages"
	flawLike          = "takes % and _ in prefixes for wildcards"
	flawFewChecks     = "looks at the first hundred checks"
	flawSmallPages    = "returns at most 500 records"
	flawWritesFirst   = "writes, then checks"
	flawNoAbsence     = "ignores checks for absence"
	flawOwnChecks     = "ignores checks of what is not written"
	flawNewerIsFine   = "takes a newer version for the one that was read"
	flawNoWritesNoCk  = "checks nothing when nothing is written"
	flawOwnVersions   = "counts versions for each key, from 1 when it comes back"
	flawDeaf          = "does not look at the context"
	flawPlainContext  = "answers with the context's error for what it did"
	flawNeverClosed   = "goes on after Close"
	flawForgets       = "forgets everything at Close"
	flawResurrects    = "brings back what was deleted when it is opened"
	flawRenumbers     = "gives new versions when it is opened"
	flawHighestFound  = "goes on from the highest version that it finds"
	flawWritesLater   = "acknowledges, and at Close drops what it had no time for"
	flawChecksEarly   = "checks, then takes the lock and writes"
	flawSkew          = "checks what it does not write before it takes the lock"
	flawPiecemeal     = "shows a commit write by write"
	flawScanMoves     = "scans while others write"
	flawOffset        = "remembers pages by their position"
	flawStale         = "now and then reads from a replica that lags"
	flawNoChecks      = "ignores all checks"
)

func newToyDisk() *toyDisk {
	return &toyDisk{records: map[string]storage.Record{}, deleted: map[string]storage.Record{}}
}

func openToy(disk *toyDisk, flaw string) *toy {
	disk.mu.Lock()
	defer disk.mu.Unlock()
	d := &toy{disk: disk, flaw: flaw, cursor: map[string]int{}, stale: map[string]storage.Record{}}
	switch flaw {
	case flawResurrects:
		maps.Copy(disk.records, disk.deleted)
	case flawRenumbers:
		for key, r := range disk.records {
			disk.last++
			r.Version = disk.last
			disk.records[key] = r
		}
	case flawHighestFound:
		disk.last = 0
		for _, r := range disk.records {
			disk.last = max(disk.last, r.Version)
		}
	}
	return d
}

// linger gives others time to come between.
func linger() { time.Sleep(30 * time.Microsecond) }

func (d *toy) ready(ctx context.Context) error {
	d.calls++
	if d.closed && d.flaw != flawNeverClosed {
		return storage.ErrClosed
	}
	if d.flaw == flawDeaf {
		return nil
	}
	return ctx.Err()
}

func (d *toy) Get(ctx context.Context, key string) (storage.Record, error) {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if err := d.ready(ctx); err != nil {
		return storage.Record{}, err
	}
	r, ok := d.disk.records[d.fold(key)]
	if old, had := d.stale[key]; had && d.flaw == flawStale && d.calls%5 == 0 {
		r, ok = old, true
	}
	if !ok || d.flaw == flawEmptyIsNone && len(r.Value) == 0 {
		return storage.Record{}, storage.ErrNotFound
	}
	r.Key = key
	return d.copied(r), nil
}

func (d *toy) copied(r storage.Record) storage.Record {
	if d.flaw != flawGivesSlice {
		r.Value = bytes.Clone(r.Value)
	}
	return r
}

func (d *toy) fold(key string) string {
	if d.flaw == flawFoldsCase {
		return strings.ToLower(key)
	}
	return key
}

func (d *toy) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	var page []storage.Record
	start := d.cursor[prefix+" "+after]
	keys := d.keys(prefix)
	for i, key := range keys {
		switch {
		case d.flaw == flawOffset && after != "" && start > 0:
			if i < start {
				continue
			}
		case d.flaw == flawAfterIncluded && after != "":
			if key < after {
				continue
			}
		case key <= after:
			continue
		}
		if len(page) == d.pageLimit(limit) {
			break
		}
		if d.flaw == flawScanMoves && i%5 == 4 {
			d.disk.mu.Unlock()
			linger()
			d.disk.mu.Lock()
		}
		r, ok := d.disk.records[key]
		if !ok {
			continue
		}
		page = append(page, d.copied(r))
		d.cursor[prefix+" "+key] = i + 1
	}
	return page, nil
}

func (d *toy) keys(prefix string) []string {
	var keys []string
	for key := range d.disk.records {
		if strings.HasPrefix(key, prefix) || d.flaw == flawLike && like(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	switch d.flaw {
	case flawSortsByLetter:
		slices.SortStableFunc(keys, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	case flawUnordered:
		slices.SortFunc(keys, func(a, b string) int { return len(a) - len(b) })
	}
	return keys
}

// like matches prefixes as SQL does.
func like(key, prefix string) bool {
	for i := range len(prefix) {
		if prefix[i] == '%' {
			return true
		}
		if i >= len(key) || prefix[i] != '_' && prefix[i] != key[i] {
			return false
		}
	}
	return true
}

func (d *toy) pageLimit(limit int) int {
	switch d.flaw {
	case flawShortPages:
		return max(1, limit-1)
	case flawSmallPages:
		return min(limit, 500)
	}
	return limit
}

func (d *toy) Close() error {
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	switch d.flaw {
	case flawForgets:
		clear(d.disk.records)
	case flawWritesLater:
		late := d.disk.last - min(d.disk.last, 3)
		maps.DeleteFunc(d.disk.records, func(_ string, r storage.Record) bool { return r.Version > late })
	}
	return nil
}
