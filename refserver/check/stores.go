package check

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"reconnect.example/refserver/engines"
	"reconnect.example/refserver/problem"
	"reconnect.example/storage"
)

// prefix is reserved for what a check writes and removes again.
const prefix = "check/"

// slow is the time of one read from which pages become slow: a page reads and
// writes about ten times.
const slow = 50 * time.Millisecond

func probeName() string {
	b := make([]byte, 10)
	_, _ = rand.Read(b)
	return prefix + hex.EncodeToString(b)
}

func (k *checker) records(ctx context.Context) {
	const part = "records"
	if k.running && !k.c.SharedRecords() {
		k.good(part, "A server is using the store of records, which only one can. Its own /readyz says whether the store answers.")
		k.relaysOfRunning(ctx)
		return
	}
	store, err := engines.OpenRecords(ctx, k.c, true)
	if errors.Is(err, storage.ErrNotFound) {
		k.good(part, "The store of records is not there yet. The first start makes it.")
		return
	}
	if err != nil {
		k.failedStore(part, "--records", err)
		return
	}
	defer func() { _ = store.Close() }() // nothing was left in it
	if err := k.probeRecords(ctx, store); err != nil {
		k.failedStore(part, "--records", err)
		return
	}
	k.sameKeys(ctx, store)
	k.relays(ctx, store)
}

// probeRecords writes, reads, changes and removes a record, and sees whether a
// change on a wrong assumption is refused.
func (k *checker) probeRecords(ctx context.Context, store *storage.Store) (err error) {
	key, value := probeName(), []byte("written by a check, and removed by it")
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		err = errors.Join(err, store.Transact(clean, func(tx *storage.Tx) error { tx.Delete(key); return nil }))
	}()
	began := time.Now()
	if err := store.Transact(ctx, func(tx *storage.Tx) error { tx.Put(key, value); return nil }); err != nil {
		return err
	}
	written := time.Since(began)
	var times []time.Duration
	for range 5 {
		began := time.Now()
		got, err := store.Get(ctx, key)
		if err != nil {
			return err
		}
		if !bytes.Equal(got.Value, value) {
			k.fail("records", "Do not use this store.", "The store of records gives back something else than was written.")
			return nil
		}
		times = append(times, time.Since(began))
	}
	read := median(times)
	k.good("records", "The store of records (%s) writes, reads and removes. A read takes %s, a durable write %s.", k.scheme(k.c.Records.Scheme(), "sqlite"), round(read), round(written))
	if read > slow {
		k.warn("records", "Put the servers near the database: one page needs about ten reads and writes.", "A read of a record takes %s.", round(read))
	}
	return nil
}

func (k *checker) scheme(given, byDefault string) string {
	if given == "" {
		return byDefault
	}
	return given
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

func (k *checker) documents(ctx context.Context) {
	const part = "documents"
	if k.running && k.scheme(k.c.Blobs.Scheme(), "file") == "file" {
		k.good(part, "A server is using the store of documents, which only one can.")
		return
	}
	blobs, err := engines.OpenBlobs(ctx, k.c, true)
	if errors.Is(err, storage.ErrNotFound) && k.c.Blobs == "" {
		k.good(part, "The store of documents is not there yet. The first start makes it.")
		return
	}
	if err != nil {
		k.failedStore(part, "--blobs", err)
		return
	}
	defer func() { _ = blobs.Close() }()
	if err := k.probeBlobs(ctx, blobs); err != nil {
		k.failedStore(part, "--blobs", err)
	}
}

// probeBlobs makes, reads and deletes a blob, and sees whether a second one of
// the same name is refused, as two servers rely on.
func (k *checker) probeBlobs(ctx context.Context, blobs storage.Blobs) (err error) {
	name, content := probeName(), make([]byte, 300_000)
	_, _ = rand.Read(content)
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		err = errors.Join(err, blobs.Delete(clean, name))
		if _, sizeErr := blobs.Size(clean, name); err == nil && !errors.Is(sizeErr, storage.ErrNotFound) {
			k.fail("documents", "Allow this server to delete objects.", "The store of documents does not delete: a paper that is destroyed would stay.")
		}
	}()
	began := time.Now()
	if err := put(ctx, blobs, name, content); err != nil {
		return err
	}
	written := time.Since(began)
	began = time.Now()
	for _, r := range []struct{ from, length int64 }{{0, -1}, {100_000, 1000}} {
		got, err := get(ctx, blobs, name, r.from, r.length)
		if err != nil {
			return err
		}
		want := content[r.from:]
		if r.length >= 0 {
			want = want[:r.length]
		}
		if !bytes.Equal(got, want) {
			k.fail("documents", "Do not use this store.", "The store of documents gives back something else than was written.")
			return nil
		}
	}
	read := time.Since(began) / 2
	if err := put(ctx, blobs, name, content); !errors.Is(err, storage.ErrExists) {
		k.fail("documents", "Use a store that honours conditional writes (If-None-Match), as S3 does since 2024.",
			"The store of documents lets a second object take the name of the first.")
	}
	k.good("documents", "The store of documents (%s) writes, reads, also in parts, and deletes. 300 kB are written in %s and read in %s.",
		k.scheme(k.c.Blobs.Scheme(), "file"), round(written), round(read))
	return nil
}

func put(ctx context.Context, blobs storage.Blobs, name string, content []byte) error {
	w, err := blobs.Create(ctx, name, int64(len(content)))
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(content); err != nil {
		return err
	}
	return w.Close()
}

func get(ctx context.Context, blobs storage.Blobs, name string, from, length int64) ([]byte, error) {
	r, err := blobs.Open(ctx, name, from, length)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// failedStore says what is wrong with a store. The text of a driver may name
// hosts and buckets, never a password; what looks like a key is left out all the
// same.
func (k *checker) failedStore(part, flag string, err error) {
	do := "Look whether the service runs, whether this machine reaches it, and whether " + flag + " names it rightly."
	switch {
	case errors.Is(err, storage.ErrInUse):
		do = "Another process has it. Stop that, or choose another folder with --data."
	case errors.Is(err, storage.ErrReadOnly):
		do = "Allow this user to write there."
	case errors.Is(err, storage.ErrNoSpace):
		do = "Make room."
	case errors.Is(err, storage.ErrDamaged):
		do = "Put it back from a backup."
	case errors.Is(err, storage.ErrInvalid):
		do = "Write " + flag + " as the manual says (docs/operations.md)."
	}
	k.fail(part, do, "The store of %s does not work: %s.", part, problem.Cause(err))
}
