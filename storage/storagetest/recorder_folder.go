package storagetest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ScanFolder looks for markers, in the ways of [Recorder], in the name and in
// every byte of every file under dir: the data folder of a running or stopped
// program, with its databases, logs and leftovers. It says which marker is where.
// A folder without any file is an error, since looking at nothing proves nothing.
// A database may cut a value in the middle of a marker, so repeat markers.
func ScanFolder(dir string, markers ...[]byte) (leaks []string, err error) {
	search := newSearch(markers)
	leaks = search.refused
	files := 0
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // a running program removed it meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		short, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		names := &stream{search: search}
		names.next([]byte(filepath.ToSlash(short)), func(f form, _ int64) {
			leaks = append(leaks, fmt.Sprintf("%q %s in the name of %s", f.marker, f.writing, short))
		})
		if !entry.Type().IsRegular() {
			return nil
		}
		files++
		return scanFile(path, search, func(f form, offset int64) {
			leaks = append(leaks, fmt.Sprintf("%q %s in %s, at byte %d", f.marker, f.writing, short, offset))
		})
	})
	if err == nil && (files == 0 || len(markers) == 0) {
		err = fmt.Errorf("storagetest: nothing is proved: %d markers looked for in %d files", len(markers), files)
	}
	return leaks, err
}

func scanFile(path string, search *search, found func(f form, offset int64)) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	contents := &stream{search: search}
	piece := make([]byte, 64<<10)
	for {
		n, err := file.Read(piece)
		contents.next(piece[:n], found)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
