package filestore

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"reconnect.example/storage"
)

const (
	formatPath = "format"
	formatLine = "reconnect filestore 1\n"
	lockPath   = "lock"
	tempFolder = "tmp"

	folderMode = 0o700
	fileMode   = 0o600

	shardCount = 256
	// Well under the 255 bytes that most file systems take, and the 143 of eCryptfs.
	maxPlainName = 128
)

func shardOf(name string) byte {
	return sha256.Sum256([]byte(name))[0]
}

func shardPath(shard byte) string {
	return hex.EncodeToString([]byte{shard})
}

func blobPath(name string) string {
	sum := sha256.Sum256([]byte(name))
	file := strings.ReplaceAll(name, "/", "+")
	if len(file) > maxPlainName {
		file = "~" + hex.EncodeToString(sum[:])
	}
	return shardPath(sum[0]) + "/" + file
}

// openFolder opens dir and, unless it must exist already, makes it and what is
// missing above it.
func openFolder(dir string, existing bool) (*os.Root, error) {
	if !existing {
		if err := os.MkdirAll(dir, folderMode); err != nil {
			return nil, folderError("make it", err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, folderError("open it", err)
	}
	return root, nil
}

// refuseForeign answers ErrInvalid if the folder holds anything but a store or
// the beginnings of one: a mistyped path must not fill someone's folder, nor
// empty one that happens to be called tmp.
func (s *Store) refuseForeign(existing bool) error {
	made, err := s.readFormat()
	if made || err != nil {
		return err
	}
	if existing {
		return fmt.Errorf("%w: there is no file store in it; is the disk mounted?", storage.ErrNotFound)
	}
	ours := map[string]bool{lockPath: true, tempFolder: true, "lost+found": true}
	for shard := range shardCount {
		ours[shardPath(byte(shard))] = true
	}
	names, err := readNames(s.root, ".")
	if err != nil {
		return readError("list it", err)
	}
	for _, name := range names {
		if !ours[name] {
			return fmt.Errorf("%w: it holds other things and no file store; name an empty folder", storage.ErrInvalid)
		}
	}
	return nil
}

// readFormat reports whether the store was completely made.
func (s *Store) readFormat() (bool, error) {
	file, err := s.openRegular(formatPath)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, readError("read its format", err)
	}
	defer file.Close()
	line, err := io.ReadAll(io.LimitReader(file, 100))
	if err != nil {
		return false, readError("read its format", err)
	}
	if string(line) != formatLine {
		return false, fmt.Errorf("%w: its format is %q; this program knows %q", storage.ErrInvalid, line, formatLine)
	}
	return true, nil
}

// makeLayout makes what is missing, each step durable before the next: folders,
// the way to them, and last the format, which says that all of it is there.
// Folders are also made again in a store that lost them: many backup programs
// leave out empty ones.
func (s *Store) makeLayout(dir string) error {
	made, err := s.readFormat()
	if err != nil {
		return err
	}
	grew, err := s.makeFolder(tempFolder)
	if err != nil {
		return err
	}
	for shard := range shardCount {
		grewHere, err := s.makeFolder(shardPath(byte(shard)))
		if err != nil {
			return err
		}
		grew = grew || grewHere
	}
	if grew || !made {
		if err := s.system.syncFolder(s.root, "."); err != nil {
			return writeError("make its folders durable", err)
		}
	}
	if made {
		return nil
	}
	if err := syncAncestors(dir); err != nil {
		return writeError("make the folders above it durable", err)
	}
	return s.writeFormat()
}

func (s *Store) makeFolder(path string) (grew bool, err error) {
	err = s.root.Mkdir(path, folderMode)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, fs.ErrExist) {
		return false, writeError("make a folder", err)
	}
	info, err := s.root.Lstat(path)
	if err != nil {
		return false, readError("look at a folder", err)
	}
	// Lstat: a symbolic link put in place of a folder would mix up blobs.
	if !info.IsDir() {
		return false, fmt.Errorf("%w: %s in it is not a folder", storage.ErrInvalid, path)
	}
	return false, nil
}

// writeFormat goes the way of a blob, so that the format is there whole or not.
func (s *Store) writeFormat() error {
	temp, file, err := s.createTemp()
	if err != nil {
		return writeError("make its format", err)
	}
	defer s.system.remove(s.root, temp)
	defer file.Close()
	if _, err := s.system.write(file, []byte(formatLine)); err != nil {
		return writeError("write its format", err)
	}
	if err := s.system.sync(file); err != nil {
		return writeError("make its format durable", err)
	}
	if err := s.system.link(s.root, temp, formatPath); err != nil {
		return writeError("name its format", err)
	}
	if err := s.system.syncFolder(s.root, "."); err != nil {
		return writeError("make its format durable", err)
	}
	return nil
}

// removeLeftovers empties tmp of what a killed process was writing. It may have
// died between link and fsync of a blob, which is visible now; so the folders
// are made durable first, and only then is the trace of it removed.
func (s *Store) removeLeftovers() error {
	names, err := readNames(s.root, tempFolder)
	if err != nil {
		return readError("list its tmp", err)
	}
	var left []string
	for _, name := range names {
		if isTempName(name) {
			left = append(left, tempFolder+"/"+name)
		}
	}
	if len(left) == 0 {
		return nil
	}
	for shard := range shardCount {
		if err := s.system.syncFolder(s.root, shardPath(byte(shard))); err != nil {
			return writeError("make blobs of a killed process durable", err)
		}
	}
	for _, path := range left {
		if err := s.system.remove(s.root, path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return writeError("remove what a killed process left", err)
		}
	}
	return nil
}

// syncAncestors makes the entries that lead to dir durable. All of them: a
// process killed in an earlier Open may have made any and synced none. A folder
// that we may not read was not made by us.
func syncAncestors(dir string) error {
	path, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	for parent := filepath.Dir(path); ; parent = filepath.Dir(parent) {
		folder, err := os.Open(parent)
		if err == nil {
			err = errors.Join(folder.Sync(), folder.Close())
		}
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		if parent == filepath.Dir(parent) {
			return nil
		}
	}
}

func readNames(root *os.Root, path string) ([]string, error) {
	folder, err := root.Open(path)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return folder.Readdirnames(-1)
}

// openRegular opens a file for reading and refuses all that is not a regular
// file: a link planted in the folder could show one blob under another's name,
// and opening a pipe would wait for ever.
func (s *Store) openRegular(path string) (*os.File, error) {
	info, err := s.root.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	file, err := s.root.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	opened, err := file.Stat()
	if err != nil || !os.SameFile(info, opened) { // exchanged in between
		file.Close()
		return nil, errors.Join(err, errNotRegular)
	}
	return file, nil
}
