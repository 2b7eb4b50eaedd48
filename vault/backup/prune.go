package backup

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Prune deletes the oldest backups of a folder until keep whole ones are left
// (at least one), each with the blobs that no other backup names. Interrupted
// backups go too, but for one that is younger than every whole one: it may be
// under way. Prune returns the names of what it deleted. It can stop anywhere and
// be called again.
//
// A backup holds the sealed keyslots of everybody who had an account then: how
// long backups are kept is how long an erased account can still be opened with
// its password and the key service. progress may be nil.
func Prune(ctx context.Context, dir string, blobs storage.Blobs, keep int, progress Progress) (deleted []string, err error) {
	names, err := List(dir)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{} // blobs that a kept backup names
	var old []string
	whole := 0
	for i := len(names) - 1; i >= 0; i-- {
		progress.say(stepBackups, int64(len(names)-1-i), int64(len(names)))
		m, err := ReadManifest(dir, names[i])
		switch {
		case errors.Is(err, ErrDamaged) && whole == 0:
			continue
		case errors.Is(err, ErrDamaged), err == nil && whole >= max(keep, 1):
			old = append(old, names[i])
			continue
		case err != nil:
			return nil, err
		}
		whole++
		err = readRecords(filepath.Join(dir, names[i], recordsName), m.Records, func(r storage.Record) error {
			for _, p := range vault.StoredParts(r) {
				named[p.Blob] = true
			}
			return nil
		})
		if err != nil { // without knowing what it needs, nothing may go
			return nil, err
		}
	}
	for _, name := range old {
		if err := drop(ctx, filepath.Join(dir, name), blobs, named); err != nil {
			return deleted, err
		}
		deleted = append(deleted, name)
	}
	return deleted, nil
}

// drop deletes one backup: its blobs, then its records, which name them.
func drop(ctx context.Context, folder string, blobs storage.Blobs, named map[string]bool) error {
	file, err := os.Open(filepath.Join(folder, recordsName))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return os.RemoveAll(folder)
	case err != nil:
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	err = parseRecords(bufio.NewReader(file), func(r storage.Record) error {
		for _, p := range vault.StoredParts(r) {
			if named[p.Blob] {
				continue
			}
			if err := blobs.Delete(ctx, p.Blob); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrDamaged) { // an interrupted one ends anywhere
		return err
	}
	return os.RemoveAll(folder)
}
