package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// File is what a manifest says of one file of records.
type File struct {
	Records int64  `json:"records"`
	SHA256  string `json:"sha256"`
}

// Manifest says what one backup holds. It is in clear and names nobody.
type Manifest struct {
	Form      int       `json:"form"`  // 1
	Taken     time.Time `json:"taken"` // the instant of the records
	Records   File      `json:"records"`
	Witness   *File     `json:"witness,omitempty"` // nil: the witness is elsewhere
	Documents int64     `json:"documents"`         // blobs that the records name
	Bytes     int64     `json:"bytes"`             // of those
	// Damaged are blobs that the records name and that could not be copied as the
	// records say they are. The store has lost them already.
	Damaged []string `json:"damaged,omitempty"`
}

const (
	form         = 1
	manifestName = "manifest.json"
	recordsName  = "records"
	witnessName  = "witness"
	nameLayout   = "20060102T150405Z"

	// DocumentsName is the folder of the blobs inside a folder of backups.
	DocumentsName = "documents"
)

// ReadManifest reads the manifest of the backup at dir/name. ErrDamaged if it is
// missing (the backup was interrupted) or not understood.
func ReadManifest(dir, name string) (*Manifest, error) {
	raw, err := os.ReadFile(filepath.Join(dir, name, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s has no manifest, so it was interrupted; take another backup", ErrDamaged, name)
	}
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	if err := json.Unmarshal(raw, m); err != nil || m.Form != form {
		return nil, fmt.Errorf("%w: the manifest of %s is not one of this version", ErrDamaged, name)
	}
	return m, nil
}

// write puts the manifest into its place, durably: the backup is whole from then on.
func (m *Manifest) write(folder string) error {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	draft := filepath.Join(folder, "."+manifestName)
	file, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, writeErr := file.Write(append(raw, '\n'))
	if err := errors.Join(writeErr, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(draft, filepath.Join(folder, manifestName)); err != nil {
		return err
	}
	return errors.Join(syncFolder(folder), syncFolder(filepath.Dir(folder)))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// List names the backups of a folder, oldest first, also interrupted ones.
func List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if _, err := time.Parse(nameLayout, e.Name()); err == nil && e.IsDir() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}
