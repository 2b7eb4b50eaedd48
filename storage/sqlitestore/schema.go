package sqlitestore

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // registers "sqlite" with database/sql

	"reconnect.example/storage"
)

const (
	fileMode = 0o600

	// In the header of the file: that it is ours, and which schema it has.
	applicationID = 0x52634e74 // "RcNt"
	schemaVersion = 1

	// The rows are kept in the tree of their keys, so that the records of one
	// vault lie side by side and one look-up finds the value. The sequence is the
	// last version that was given to any record, so that deleting a record does
	// not make its versions free again.
	schema = `
PRAGMA page_size = 4096;
BEGIN;
CREATE TABLE records (
	key     TEXT PRIMARY KEY,
	version INTEGER NOT NULL,
	value   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE sequence (
	only INTEGER PRIMARY KEY CHECK (only = 1),
	last INTEGER NOT NULL
) STRICT;
INSERT INTO sequence VALUES (1, 0);
PRAGMA application_id = %d;
PRAGMA user_version = %d;
COMMIT;`
)

// pragmas are set on every connection.
var pragmas = []string{
	"busy_timeout(5000)",           // ms; for a backup tool that looks in
	"journal_mode(WAL)",            // readers go on while one writes
	"synchronous(FULL)",            // fsync of the log at every commit
	"wal_autocheckpoint(0)",        // the writer does it, after it has answered
	"journal_size_limit(67108864)", // after a peak the log shrinks to 64 MiB
	"secure_delete(ON)",            // what is deleted is overwritten with zeros
	"temp_store(MEMORY)",           // nothing is spilled to /tmp
	"cache_size(-4096)",            // KiB for each connection
	"cell_size_check(ON)",          // find damage before following it
	"trusted_schema(OFF)",
}

func dataSource(path string, extra ...string) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path)}
	u.RawQuery = url.Values{"_pragma": append(extra, pragmas...)}.Encode()
	return u.String()
}

// create makes an empty database. It appears under its name only when it is
// whole and durable, so that a file of that name which is empty or has no tables
// is always a damaged one and never mistaken for a new store.
func create(ctx context.Context, path string) error {
	for _, stale := range []string{path + "-wal", path + "-journal"} {
		if !missing(stale) {
			// SQLite would play the log of the lost database into the new one.
			return fmt.Errorf("%w: the database is missing but its log %s is there; restore the database beside it, or move the log away to begin a new store",
				storage.ErrDamaged, filepath.Base(stale))
		}
	}
	unfinished := path + ".new"
	for _, left := range []string{unfinished, unfinished + "-journal"} {
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return systemError("remove what a crash left", err)
		}
	}
	file, err := os.OpenFile(unfinished, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return systemError("create", err)
	}
	defer file.Close()
	if err := fill(ctx, unfinished); err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	if err := file.Sync(); err != nil {
		return errors.Join(systemError("flush", err), os.Remove(unfinished))
	}
	if err := os.Rename(unfinished, path); err != nil {
		return systemError("name", err)
	}
	return syncFolder(filepath.Dir(path))
}

func fill(ctx context.Context, path string) (err error) {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path)}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return sqliteError("create", err)
	}
	defer func() {
		if closed := db.Close(); err == nil && closed != nil {
			err = sqliteError("create", closed)
		}
	}()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, fmt.Sprintf(schema, applicationID, schemaVersion)); err != nil {
		return sqliteError("create", err)
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return systemError("open its folder", err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return systemError("flush its folder", err)
	}
	return nil
}

// The header of an SQLite file (https://www.sqlite.org/fileformat.html).
const (
	headerSize        = 100
	headerMagic       = "SQLite format 3\x00"
	headerPageSize    = 16
	headerUserVersion = 60
	headerApplication = 68
)

// checkFile looks at the file before SQLite touches it, which would take a very
// short file for a new database and begin to change that of another program.
// It must not run while SQLite has the file open: see lockFile.
func checkFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return systemError("look at it", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is not a regular file", storage.ErrInvalid)
	}
	file, err := os.Open(path)
	if err != nil {
		return systemError("open", err)
	}
	defer file.Close()
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(file, header); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the file is cut off after %d bytes; restore it, or move it away to begin a new store", storage.ErrDamaged, info.Size())
	} else if err != nil {
		return systemError("read its header", err)
	}
	if !bytes.HasPrefix(header, []byte(headerMagic)) {
		return fmt.Errorf("%w: it does not begin as an SQLite database", storage.ErrDamaged)
	}
	// After a crash a half page is made good from the log. Without one SQLite
	// would fill it up with zeros.
	if info.Size()%pageSize(header) != 0 && missing(path+"-wal") {
		return fmt.Errorf("%w: the file is cut off after %d bytes, inside of a page", storage.ErrDamaged, info.Size())
	}
	return checkMarks(binary.BigEndian.Uint32(header[headerApplication:]), binary.BigEndian.Uint32(header[headerUserVersion:]))
}

func pageSize(header []byte) int64 {
	size := int64(binary.BigEndian.Uint16(header[headerPageSize:]))
	if size < 512 { // 1 stands for 65536; anything else SQLite refuses itself
		return 1 << 16
	}
	return size
}

// checkMarks refuses databases that this program did not write.
func checkMarks(application, version uint32) error {
	switch {
	case application != applicationID:
		return fmt.Errorf("%w: it is the SQLite database of another program", storage.ErrInvalid)
	case version > schemaVersion:
		return fmt.Errorf("%w: it was written by a newer version of this program (schema %d; this one knows %d)",
			storage.ErrInvalid, version, schemaVersion)
	case version != schemaVersion:
		return fmt.Errorf("%w: it has the unknown schema %d", storage.ErrDamaged, version)
	}
	return nil
}

// checkSchema makes sure that the database is one of ours and returns the last
// version that it gave.
func checkSchema(ctx context.Context, conn *sql.Conn) (last storage.Version, err error) {
	var application, version uint32
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&application); err != nil {
		return 0, sqliteError("read its header", err)
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return 0, sqliteError("read its header", err)
	}
	if err := checkMarks(application, version); err != nil {
		return 0, err // the log is newer than the file
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return 0, sqliteError("read its header", err)
	}
	if mode != "wal" {
		return 0, fmt.Errorf("%w: the file system does not let SQLite keep a log beside it (journal mode %s)", storage.ErrUnavailable, mode)
	}
	if err := conn.QueryRowContext(ctx, "SELECT last FROM sequence").Scan(&last); err != nil {
		return 0, sqliteError("read its sequence", err)
	}
	return last, nil
}
