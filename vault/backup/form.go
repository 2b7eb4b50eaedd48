package backup

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"reconnect.example/storage"
)

// ErrDamaged: a backup is not whole, or not what its manifest says. Take
// another one. Test it with errors.Is.
var ErrDamaged = errors.New("backup: damaged or incomplete")

// A file of records:
//
//	"reconnect records 1\n" | for each record, in the order of keys: uvarint length | key | uvarint length | value | one byte 0 at the end
//
// No key is empty, so that the byte at the end cannot be the length of one.
const (
	recordsMagic = "reconnect records 1\n"
	scanPage     = 200
)

// recordsWriter writes such a file and its digest.
type recordsWriter struct {
	file   *os.File
	to     *bufio.Writer
	digest hash.Hash
	count  int64
}

// createRecords makes the file; it must not be there yet.
func createRecords(path string) (*recordsWriter, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	w := &recordsWriter{file: file, digest: sha256.New()}
	w.to = bufio.NewWriterSize(io.MultiWriter(file, w.digest), 1<<18)
	_, err = w.to.WriteString(recordsMagic)
	return w, err
}

func (w *recordsWriter) add(r storage.Record) error {
	w.count++
	for _, field := range [][]byte{[]byte(r.Key), r.Value} {
		if _, err := w.to.Write(binary.AppendUvarint(nil, uint64(len(field)))); err != nil {
			return err
		}
		if _, err := w.to.Write(field); err != nil {
			return err
		}
	}
	return nil
}

// close ends the file, durably, and says what it holds.
func (w *recordsWriter) close() (File, error) {
	endErr := w.to.WriteByte(0)
	err := errors.Join(endErr, w.to.Flush(), w.file.Sync(), w.file.Close())
	return File{Records: w.count, SHA256: fmt.Sprintf("%x", w.digest.Sum(nil))}, err
}

// readRecords calls f with each record of a file. The digest is checked before
// the first call, so that nothing of a damaged file is used.
func readRecords(path string, want File, f func(storage.Record) error) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer file.Close() //nolint:errcheck // only read
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, filepath.Base(path), err)
	}
	if got := fmt.Sprintf("%x", digest.Sum(nil)); got != want.SHA256 {
		return fmt.Errorf("%w: %s is not the file that was written", ErrDamaged, filepath.Base(path))
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return parseRecords(bufio.NewReaderSize(file, 1<<18), f)
}

// parseRecords reads what recordsWriter wrote.
func parseRecords(from *bufio.Reader, f func(storage.Record) error) error {
	magic := make([]byte, len(recordsMagic))
	if _, err := io.ReadFull(from, magic); err != nil || string(magic) != recordsMagic {
		return fmt.Errorf("%w: not a file of records of this version", ErrDamaged)
	}
	previous := ""
	for {
		key, err := readField(from, storage.MaxKey)
		if err != nil {
			return err
		}
		if len(key) == 0 {
			break
		}
		value, err := readField(from, storage.MaxValue)
		if err != nil {
			return err
		}
		if string(key) <= previous {
			return fmt.Errorf("%w: records are not in order", ErrDamaged)
		}
		previous = string(key)
		if err := f(storage.Record{Key: previous, Value: value}); err != nil {
			return err
		}
	}
	if _, err := from.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the end", ErrDamaged)
	}
	return nil
}

func readField(from *bufio.Reader, most uint64) ([]byte, error) {
	n, err := binary.ReadUvarint(from)
	if err != nil || n > most {
		return nil, fmt.Errorf("%w: a record is cut or too long", ErrDamaged)
	}
	field := make([]byte, n)
	if _, err := io.ReadFull(from, field); err != nil {
		return nil, fmt.Errorf("%w: a record is cut", ErrDamaged)
	}
	return field, nil
}
