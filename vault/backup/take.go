package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Source is what is copied. It may be in use meanwhile, also by other processes.
type Source struct {
	Store   *storage.Store // its driver must take snapshots (storage.Snapshotter)
	Blobs   storage.Blobs
	Witness *storage.Store   // the embedded witness's own; nil: the witness is elsewhere and keeps itself
	Now     func() time.Time // nil: time.Now

	Progress Progress // nil: nobody is told
}

const (
	holdFor   = 15 * time.Minute // how long a hold outlives a backup that was killed
	holdRenew = time.Minute
)

// Take makes a backup in the folder dir and returns its name and manifest. to
// is the store of blobs at dir/[DocumentsName]; blobs that are there already are
// not copied again. When Take returns nil, everything is durable.
//
// A blob that the source has lost or spoilt does not stop it: it is named in
// Manifest.Damaged, and everything else is there. Any other error leaves a backup
// without manifest, which nothing takes for whole.
func Take(ctx context.Context, src Source, dir string, to storage.Blobs) (name string, m *Manifest, err error) {
	now := src.Now
	if now == nil {
		now = time.Now
	}
	h := &hold{store: src.Store, now: now}
	if err := h.renew(ctx); err != nil {
		return "", nil, err
	}
	// Whatever became of the backup, and of ctx: sweepers go on.
	defer func() { err = errors.Join(err, h.release(context.WithoutCancel(ctx))) }()

	name = now().UTC().Format(nameLayout)
	folder := filepath.Join(dir, name)
	if err := os.Mkdir(folder, 0o700); errors.Is(err, fs.ErrExist) {
		return "", nil, fmt.Errorf("backup: another one began in this second; try again: %w", err)
	} else if err != nil {
		return "", nil, fmt.Errorf("backup: %w", err)
	}
	m = &Manifest{Form: form}
	if src.Witness != nil {
		// Before the records: it must not remember what they do not have.
		m.Witness, err = copyRecords(ctx, src.Witness, filepath.Join(folder, witnessName), h, everything, src.Progress.of(stepWitness))
		if err != nil {
			return name, nil, fmt.Errorf("backup of the witness: %w", err)
		}
	}
	m.Taken = now().UTC() // no later than the snapshot that follows
	records, err := copyRecords(ctx, src.Store, filepath.Join(folder, recordsName), h, notSessions, src.Progress.of(stepRecords))
	if err != nil {
		return name, nil, fmt.Errorf("backup of the records: %w", err)
	}
	m.Records = *records
	if err := m.copyBlobs(ctx, folder, src.Blobs, to, h, src.Progress); err != nil {
		return name, nil, fmt.Errorf("backup of the documents: %w", err)
	}
	return name, m, m.write(folder)
}

func everything(string) bool { return true }

// notSessions leaves sessions out (N27), and what only concerns this moment.
func notSessions(key string) bool {
	return !vault.IsSessionKey(key) && !vault.IsHoldKey(key)
}

// copyRecords writes all records of one instant.
func copyRecords(ctx context.Context, store *storage.Store, path string, h *hold, wanted func(key string) bool, tell func(done int64)) (*File, error) {
	snapshot, err := store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close() //nolint:errcheck // only read
	w, err := createRecords(path)
	if err != nil {
		return nil, err
	}
	read := int64(0)
	for after := ""; ; {
		page, err := snapshot.Scan(ctx, "", after, scanPage)
		if err == nil {
			err = h.renew(ctx)
		}
		for i := 0; i < len(page) && err == nil; i++ {
			if after = page[i].Key; wanted(after) {
				err = w.add(page[i])
			}
		}
		if err != nil {
			_, _ = w.close()
			return nil, err
		}
		read += int64(len(page))
		tell(read)
		if len(page) < scanPage {
			break
		}
	}
	f, err := w.close()
	return &f, err
}

// copyBlobs copies what the records that were just written name.
func (m *Manifest) copyBlobs(ctx context.Context, folder string, from, to storage.Blobs, h *hold, progress Progress) error {
	return readRecords(filepath.Join(folder, recordsName), m.Records, func(r storage.Record) error {
		for _, p := range vault.StoredParts(r) {
			if err := h.renew(ctx); err != nil {
				return err
			}
			progress.say(stepDocuments, m.Documents, 0)
			m.Documents++
			m.Bytes += p.Length
			err := dropCut(ctx, to, p)
			if err == nil {
				err = copyBlob(ctx, from, to, p)
			}
			if errors.Is(err, storage.ErrNotFound) || errors.Is(err, ErrDamaged) {
				m.Damaged = append(m.Damaged, p.Blob)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}

// dropCut deletes a copy of another length than the record says: a disk cut it.
func dropCut(ctx context.Context, to storage.Blobs, p vault.StoredPart) error {
	size, err := to.Size(ctx, p.Blob)
	if err == nil && size != p.Length {
		return to.Delete(ctx, p.Blob)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// copyBlob copies one blob, unless it is there. What is not as its record says
// is not kept: the digest is over the ciphertext, so that no key is needed.
func copyBlob(ctx context.Context, from, to storage.Blobs, p vault.StoredPart) error {
	if size, err := to.Size(ctx, p.Blob); err == nil && size == p.Length {
		return nil
	}
	source, err := from.Open(ctx, p.Blob, 0, -1)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // only read
	target, err := to.Create(ctx, p.Blob, p.Length)
	if errors.Is(err, storage.ErrExists) {
		return fmt.Errorf("%w: %s", ErrDamaged, p.Blob) // another length than the record says
	}
	if err != nil {
		return err
	}
	defer target.Abort()
	digest := sha256.New()
	n, err := io.CopyBuffer(target, io.TeeReader(source, digest), make([]byte, 1<<18))
	if errors.Is(err, storage.ErrIncomplete) || err == nil && !matches(p, n, digest) {
		return fmt.Errorf("%w: %s", ErrDamaged, p.Blob)
	}
	if err != nil {
		return err
	}
	return target.Close()
}

func matches(p vault.StoredPart, n int64, digest hash.Hash) bool {
	return n == p.Length && bytes.Equal(digest.Sum(nil), p.Digest)
}

// hold keeps sweepers from deleting blobs while they are copied.
type hold struct {
	store *storage.Store
	now   func() time.Time
	until time.Time
}

// renew is cheap when called often.
func (h *hold) renew(ctx context.Context) error {
	if now := h.now(); now.Add(holdFor - holdRenew).After(h.until) {
		h.until = now.Add(holdFor)
		return vault.HoldBlobs(ctx, h.store, h.until)
	}
	return nil
}

func (h *hold) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return vault.ReleaseBlobs(ctx, h.store, h.until)
}
