package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Verify reads a backup to its end without any key: every file of records
// against the manifest, every blob against the digest in its record. It returns
// the blobs that are missing or spoilt, besides those that the manifest says were
// so when the backup was taken. Delete those from blobs before the next [Take],
// which looks only at the length of what is there already. ErrDamaged if the
// records themselves are. progress may be nil.
func Verify(ctx context.Context, dir, name string, blobs storage.Blobs, progress Progress) (spoilt []string, err error) {
	m, err := ReadManifest(dir, name)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, blob := range m.Damaged {
		known[blob] = true
	}
	if m.Witness != nil {
		if err := readRecords(filepath.Join(dir, name, witnessName), *m.Witness, nothing); err != nil {
			return nil, err
		}
	}
	read := int64(0)
	err = readRecords(filepath.Join(dir, name, recordsName), m.Records, func(r storage.Record) error {
		for _, p := range vault.StoredParts(r) {
			progress.say(stepDocuments, read, m.Documents)
			read++
			if known[p.Blob] {
				continue
			}
			err := verifyBlob(ctx, blobs, p)
			if errors.Is(err, storage.ErrNotFound) || errors.Is(err, ErrDamaged) {
				spoilt = append(spoilt, p.Blob)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	return spoilt, err
}

// Repair deletes copies that [Verify] named, so that the next [Take] copies them
// again. Each is read once more before: a copy that is good stays, and so does
// every copy that only an error of the disk keeps from being read. progress may be nil.
func Repair(ctx context.Context, dir, name string, blobs storage.Blobs, spoilt []string, progress Progress) (deleted int, err error) {
	again, err := Verify(ctx, dir, name, blobs, progress)
	if err != nil {
		return 0, err
	}
	for _, blob := range spoilt {
		if !slices.Contains(again, blob) {
			continue
		}
		if err := blobs.Delete(ctx, blob); err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, nil
}

func nothing(storage.Record) error { return nil }

func verifyBlob(ctx context.Context, blobs storage.Blobs, p vault.StoredPart) error {
	r, err := blobs.Open(ctx, p.Blob, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // only read
	digest := sha256.New()
	n, err := io.CopyBuffer(digest, r, make([]byte, 1<<18))
	if err == nil && !matches(p, n, digest) {
		err = fmt.Errorf("%w: %s", ErrDamaged, p.Blob)
	}
	return err
}
