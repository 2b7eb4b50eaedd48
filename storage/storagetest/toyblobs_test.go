package storagetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"reconnect.example/storage"
)

// toyBlobs is the plainest store of blobs that keeps the contract, but for loss
// of power, and, when flaw names one of the flaws below, one that breaks it in
// this way only. Blobs are files in dir/blobs, writers write in dir/tmp.
type toyBlobs struct {
	dir    string
	flaw   string
	mu     sync.Mutex
	closed bool
	burnt  map[string]bool
	shared map[string]*os.File
}

const (
	blobFlawHoardsWriting  = "gathers a blob in memory before it writes it"
	blobFlawHoardsReading  = "reads a blob into memory at Open"
	blobFlawDeleteError    = "finds fault with deleting what is not there"
	blobFlawDeletesNothing = "deletes nothing"
	blobFlawBurnsNames     = "never takes a name again"
	blobFlawKeepsSlice     = "keeps the caller's slice"
	blobFlawNoEmpty        = "keeps no empty blob"
	blobFlawCuts           = "cuts blobs at 1 MiB"
	blobFlawPastEnd        = "refuses a range that goes past the end"
	blobFlawAtEnd          = "refuses an offset at the end"
	blobFlawBehindEnd      = "reads nothing behind the end instead of refusing"
	blobFlawNegative       = "takes a negative offset for 0"
	blobFlawZeroIsAll      = "takes length 0 for all"
	blobFlawOverflow       = "adds offset and length without care"
	blobFlawSharedReader   = "has one position for all readers of a blob"
	blobFlawSlashIsDash    = "writes a dash for a slash"
	blobFlawShortNames     = "cuts names at 255 bytes"
	blobFlawAnyName        = "takes any name"
	blobFlawSizesAnyName   = "looks for the size of any name"
	blobFlawInPlace        = "writes in place"
	blobFlawEmptyFirst     = "reserves the name with an empty blob"
	blobFlawCopies         = "copies to the name at Close"
	blobFlawAbortKeeps     = "keeps what was written when it is aborted"
	blobFlawAbortBurns     = "leaves the name taken by an aborted blob"
	blobFlawClosesAborted  = "closes an aborted blob without an error"
	blobFlawAbortsClosed   = "deletes a closed blob at Abort"
	blobFlawShortIsFine    = "keeps a blob that is too short"
	blobFlawLongIsFine     = "keeps a blob that is too long"
	blobFlawKeepsFitting   = "refuses what is too long, and keeps what fitted"
	blobFlawDeaf           = "does not look at the context"
	blobFlawDeafDelete     = "deletes without looking at the context"
	blobFlawKeepsCut       = "keeps what a cancelled writer had written" // gocloud's fileblob, and its GCS
	blobFlawLies           = "keeps the blob, then looks at the context"
	blobFlawDeafReader     = "does not look at the context of a reader"
	blobFlawReaderEnds     = "ends a cancelled reader as if all was read"
	blobFlawOverwrites     = "overwrites"
	blobFlawChecksEarly    = "looks only at Create whether the name is taken"
	blobFlawRaces          = "looks whether the name is taken, then renames"
	blobFlawLoserDeletes   = "clears the name when a writer fails"
	blobFlawReopens        = "opens the name again for every piece that is read"
	blobFlawSharedTemp     = "uses a temporary file for the last part of a name"
	blobFlawNeverClosed    = "goes on after Close"
	blobFlawLateCommit     = "lets writers close after the store"
	blobFlawKeepsClosed    = "keeps the blob, then looks whether the store is closed"
	blobFlawForgets        = "forgets everything at Close"
	blobFlawResurrects     = "brings back what was deleted when it is opened"
	blobFlawKeepsHalf      = "takes what was left half-written for blobs when it is opened"
	blobFlawWritesLater    = "acknowledges before it writes"
	blobFlawDeletesLater   = "acknowledges a deletion before it happens"
)

func openToyBlobs(dir, flaw string) (*toyBlobs, error) {
	b := &toyBlobs{dir: dir, flaw: flaw, burnt: map[string]bool{}, shared: map[string]*os.File{}}
	for _, folder := range []string{"blobs", "tmp", "gone"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, err
		}
	}
	for flaw, folder := range map[string]string{blobFlawResurrects: "gone", blobFlawKeepsHalf: "tmp"} {
		left, err := filepath.Glob(filepath.Join(dir, folder, "*"))
		if err != nil {
			return nil, err
		}
		for _, path := range left {
			if b.flaw == flaw {
				name, _, _ := strings.Cut(filepath.Base(path), ".")
				_ = os.Link(path, filepath.Join(dir, "blobs", name))
			}
			if err := os.Remove(path); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

func (b *toyBlobs) file(name string) string {
	switch {
	case b.flaw == blobFlawSlashIsDash:
		name = strings.ReplaceAll(name, "/", "-")
	case b.flaw == blobFlawShortNames:
		name = name[:min(len(name), 255)]
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

func (b *toyBlobs) path(name string) string { return filepath.Join(b.dir, "blobs", b.file(name)) }

// ready is asked with b.mu held.
func (b *toyBlobs) ready(ctx context.Context, name string) error {
	if b.closed && b.flaw != blobFlawNeverClosed {
		return storage.ErrClosed
	}
	if err := storage.CheckBlobName(name); err != nil && b.flaw != blobFlawAnyName {
		return err
	}
	if b.flaw == blobFlawDeaf {
		return nil
	}
	return ctx.Err()
}

func (b *toyBlobs) Size(ctx context.Context, name string) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.flaw == blobFlawSizesAnyName && storage.CheckBlobName(name) != nil {
		return 0, storage.ErrNotFound
	}
	if err := b.ready(ctx, name); err != nil {
		return 0, err
	}
	info, err := os.Stat(b.path(name))
	if os.IsNotExist(err) {
		return 0, storage.ErrNotFound
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (b *toyBlobs) Delete(ctx context.Context, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.ready(ctx, name)
	if b.flaw == blobFlawDeafDelete {
		err = b.ready(context.Background(), name)
	}
	if err != nil {
		return err
	}
	switch b.flaw {
	case blobFlawDeletesNothing:
		return nil
	case blobFlawBurnsNames:
		b.burnt[name] = true
	case blobFlawResurrects:
		_ = os.Link(b.path(name), filepath.Join(b.dir, "gone", b.file(name)))
	case blobFlawDeletesLater:
		go func() { // only in processes that are killed
			time.Sleep(20 * time.Millisecond)
			_ = os.Remove(b.path(name))
		}()
		return nil
	}
	err = os.Remove(b.path(name))
	if os.IsNotExist(err) && b.flaw != blobFlawDeleteError {
		return nil
	}
	return err
}

func (b *toyBlobs) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, file := range b.shared {
		_ = file.Close()
	}
	if b.flaw == blobFlawForgets {
		return os.RemoveAll(filepath.Join(b.dir, "blobs"))
	}
	return nil
}

func (b *toyBlobs) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	size, err := b.Size(ctx, name)
	if err != nil {
		return nil, err
	}
	if b.flaw == blobFlawNegative {
		offset = max(offset, 0)
	}
	if b.flaw == blobFlawZeroIsAll && length == 0 {
		length = -1
	}
	refused := offset < 0 || offset > size && b.flaw != blobFlawBehindEnd || offset == size && b.flaw == blobFlawAtEnd ||
		offset+length > size && b.flaw == blobFlawPastEnd
	if refused {
		return nil, fmt.Errorf("%w: offset %d of %d", storage.ErrInvalid, offset, size)
	}
	end := size
	switch {
	case length < 0:
	case b.flaw == blobFlawOverflow:
		end = min(size, offset+length)
	case length < size-offset:
		end = offset + length
	}
	r := &toyReader{ctx: ctx, blobs: b, name: name, offset: offset, end: end}
	b.mu.Lock()
	defer b.mu.Unlock()
	r.file, err = os.Open(b.path(name))
	if os.IsNotExist(err) {
		return nil, storage.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	switch b.flaw {
	case blobFlawHoardsReading:
		r.all, err = io.ReadAll(r.file)
	case blobFlawSharedReader:
		if b.shared[name] == nil {
			if b.shared[name], err = os.Open(b.path(name)); err != nil {
				return nil, err
			}
		}
		r.shared = b.shared[name]
		_, err = r.shared.Seek(offset, io.SeekStart)
	}
	return r, err
}

type toyReader struct {
	ctx         context.Context
	blobs       *toyBlobs
	name        string
	file        *os.File
	shared      *os.File
	all         []byte // of blobFlawHoardsReading
	offset, end int64
}

func (r *toyReader) Read(p []byte) (int, error) {
	flaw := r.blobs.flaw
	if err := r.ctx.Err(); err != nil && flaw != blobFlawDeafReader {
		if flaw == blobFlawReaderEnds {
			return 0, io.EOF
		}
		return 0, err
	}
	if r.offset >= r.end {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), r.end-r.offset)]
	var n int
	var err error
	switch flaw {
	case blobFlawSharedReader:
		r.blobs.mu.Lock()
		defer r.blobs.mu.Unlock()
		n, err = r.shared.Read(p)
	case blobFlawReopens:
		var again *os.File
		if again, err = os.Open(r.blobs.path(r.name)); err == nil {
			n, err = again.ReadAt(p, r.offset)
			_ = again.Close()
		}
	default:
		n, err = r.file.ReadAt(p, r.offset)
	}
	r.offset += int64(n)
	return n, err
}

func (r *toyReader) Close() error { return r.file.Close() }
