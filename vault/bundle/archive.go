package bundle

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// openArchive lists a ZIP. What it says of itself is held against the limits before
// anything is made of it; what it does not say shows while it is read.
func openArchive(r io.ReaderAt, size int64, l Limits) (*files, error) {
	count, err := entriesOf(r, size)
	if err != nil {
		return nil, err
	}
	if count > uint64(l.Entries) {
		return nil, ErrTooMany // before a list is made of them
	}
	// The count may lie: archive/zip reads on while it finds entries. How much it may read
	// bounds that.
	once := &budget{from: r, left: 512<<10 + int64(count)*446}
	z, err := zip.NewReader(once, size)
	if once.left < 0 {
		return nil, ErrTooMany
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // each path is looked at below
		return nil, archiveError(err)
	}
	once.done = true
	if len(z.File) > l.Entries {
		return nil, ErrTooMany
	}
	out, packed := newFiles(l), uint64(0)
	var wrong faults
	for i, f := range z.File {
		name := f.Name
		if f.NonUTF8 && !utf8.ValidString(name) { // what Windows wrote in France
			name, _ = charmap.CodePage850.NewDecoder().String(name)
		}
		if f.FileInfo().IsDir() && strings.HasSuffix(name, "/") {
			if !out.checkPath(strings.TrimSuffix(name, "/")) {
				wrong.add(&FileError{File: name, Number: i + 1, Err: ErrPath})
			}
			continue
		}
		if packed += f.CompressedSize64; packed > uint64(size) { // entries that share their bytes
			return nil, &FileError{File: name, Number: i + 1, Err: ErrBomb}
		}
		if err := out.add(&file{path: name, size: int64(min(f.UncompressedSize64, 1<<62)), open: unpack(f)}); err != nil {
			wrong.add(err)
			continue
		}
		if err := checkEntry(f, l); err != nil {
			wrong.add(&FileError{File: name, Number: i + 1, Err: err})
		}
	}
	return out, wrong.err()
}

func checkEntry(f *zip.File, l Limits) error {
	switch {
	case f.Mode()&fs.ModeType != 0: // a link leads out of the folder
		return ErrPath
	case f.Flags&1 != 0:
		return ErrEncrypted
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return ErrNotBundle
	case f.UncompressedSize64 > 1<<20 && f.UncompressedSize64/uint64(l.Ratio) > f.CompressedSize64:
		return ErrBomb
	}
	return nil
}

// unpack reads no more of an entry than it says that it holds.
func unpack(f *zip.File) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		r, err := f.Open()
		if err != nil {
			return nil, archiveError(err)
		}
		return &unpacked{ReadCloser: r, left: int64(f.UncompressedSize64)}, nil
	}
}

type unpacked struct {
	io.ReadCloser
	left int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if u.left -= int64(n); u.left < 0 {
		return 0, ErrBomb
	}
	if err != nil && err != io.EOF {
		err = archiveError(err)
	}
	return n, err
}

// archiveError tells a broken archive from a store that does not answer.
func archiveError(err error) error {
	for _, broken := range []error{zip.ErrFormat, zip.ErrChecksum, zip.ErrAlgorithm, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, broken) {
			return ErrDamaged
		}
	}
	if strings.HasPrefix(err.Error(), "flate: ") {
		return ErrDamaged
	}
	return err
}

// budget ends a reader that reads more than it may.
type budget struct {
	from io.ReaderAt
	left int64
	done bool
}

func (b *budget) ReadAt(p []byte, off int64) (int, error) {
	if !b.done {
		if b.left -= int64(len(p)); b.left < 0 {
			return 0, ErrTooMany
		}
	}
	return b.from.ReadAt(p, off)
}

// entriesOf reads from the end of a ZIP how many entries it says that it has (PKWARE
// APPNOTE 4.3.14 to 4.3.16).
func entriesOf(r io.ReaderAt, size int64) (uint64, error) {
	const end, locator, most = 22, 20, 22 + 65535 + 20
	tail := make([]byte, min(size, most))
	if n, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && (err != io.EOF || n < len(tail)) {
		return 0, archiveError(err)
	}
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || len(tail)-at < end {
		return 0, ErrMissing // the end of the archive
	}
	count := uint64(binary.LittleEndian.Uint16(tail[at+10:]))
	if count != 0xffff || at < locator || !bytes.HasPrefix(tail[at-locator:], []byte("PK\x06\x07")) {
		return count, nil
	}
	where := binary.LittleEndian.Uint64(tail[at-locator+8:])
	if where > uint64(size) {
		return 0, ErrDamaged
	}
	record := make([]byte, 56)
	if n, err := r.ReadAt(record, int64(where)); err != nil && (err != io.EOF || n < len(record)) {
		return 0, archiveError(err)
	}
	if !bytes.HasPrefix(record, []byte("PK\x06\x06")) {
		return 0, ErrDamaged
	}
	return binary.LittleEndian.Uint64(record[32:]), nil
}
