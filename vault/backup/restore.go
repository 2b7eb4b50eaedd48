package backup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// ErrNotEmpty: a store that a backup should be put into holds something. A
// restore never writes over anything: choose an empty store, or another folder.
var ErrNotEmpty = errors.New("backup: the store is not empty")

// Target is what a backup is put into. Nothing else may use it until Restore,
// and then [Settle], have returned.
type Target struct {
	Store   *storage.Store // empty
	Blobs   storage.Blobs  // blobs that are there already and have the right length stay
	Witness *storage.Store // nil: the witness lives on. Otherwise empty, and filled from the backup

	Progress Progress // nil: nobody is told
}

// Restore puts a backup into empty stores: documents first, then the witness if
// Target.Witness asks for it, then records. A service does not start on records
// that are put back only in part; if it is interrupted, begin again with empty
// stores. from is the store of blobs at dir/[DocumentsName].
//
// Errors: ErrNotEmpty, ErrDamaged, those of the stores. Blobs that the backup
// itself lacks are returned: their papers will show as damaged to their owner.
func Restore(ctx context.Context, dir, name string, from storage.Blobs, to Target) (m *Manifest, missing []string, err error) {
	if m, err = ReadManifest(dir, name); err != nil {
		return nil, nil, err
	}
	if to.Witness != nil && m.Witness == nil {
		return nil, nil, fmt.Errorf("%w: %s holds no copy of a witness", ErrDamaged, name)
	}
	for _, store := range []*storage.Store{to.Store, to.Witness} {
		if err := empty(ctx, store); err != nil {
			return nil, nil, err
		}
	}
	records := filepath.Join(dir, name, recordsName)
	copied := int64(0)
	err = readRecords(records, m.Records, func(r storage.Record) error {
		for _, p := range vault.StoredParts(r) {
			to.Progress.say(stepDocuments, copied, m.Documents)
			copied++
			err := copyBlob(ctx, from, to.Blobs, p)
			if errors.Is(err, storage.ErrNotFound) || errors.Is(err, ErrDamaged) {
				missing = append(missing, p.Blob)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && to.Witness != nil {
		err = fill(ctx, to.Witness, filepath.Join(dir, name, witnessName), *m.Witness, to.Progress.ofFile(stepWitness, *m.Witness))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("restore: %w", err)
	}
	if err := vault.MarkRestoring(ctx, to.Store, true); err != nil {
		return nil, nil, err
	}
	if err := fill(ctx, to.Store, records, m.Records, to.Progress.ofFile(stepRecords, m.Records)); err != nil {
		return nil, nil, fmt.Errorf("restore: %w", err)
	}
	return m, missing, vault.MarkRestoring(ctx, to.Store, false)
}

func empty(ctx context.Context, store *storage.Store) error {
	if store == nil {
		return nil
	}
	some, err := store.Scan(ctx, "", "", 10)
	for _, r := range some {
		if !strings.HasPrefix(r.Key, "check/") { // a probe of refserver check that was killed
			return ErrNotEmpty
		}
	}
	return err
}

// batchBytes keeps one commit small in memory.
const batchBytes = 8 << 20

// fill writes the records of a file, many in a commit.
func fill(ctx context.Context, store *storage.Store, path string, want File, tell func(done int64)) error {
	var batch []storage.Record
	size, written := 0, int64(0)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := store.Transact(ctx, func(tx *storage.Tx) error {
			for _, r := range batch {
				tx.Put(r.Key, r.Value)
			}
			return nil
		})
		written += int64(len(batch))
		tell(written)
		batch, size = nil, 0
		return err
	}
	add := func(r storage.Record) error {
		batch = append(batch, r)
		if size += len(r.Value); len(batch) == storage.MaxWrites || size > batchBytes {
			return flush()
		}
		return nil
	}
	err := readRecords(path, want, func(r storage.Record) error {
		// Until the witness was asked once, a password of that day may be one that
		// was changed since: nobody signs in without it, also if Settle never runs.
		if mark := vault.AwaitKey(r.Key); mark != "" {
			if err := add(storage.Record{Key: mark}); err != nil {
				return err
			}
		}
		return add(r)
	})
	if err != nil {
		return err
	}
	return flush()
}
