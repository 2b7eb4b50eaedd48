package filestore

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
)

// system is the handful of calls that can fail half-way through a change. Tests
// replace one at a time, to show that no failure loses or half-writes a blob.
type system struct {
	create     func(root *os.Root, path string) (*os.File, error)
	write      func(file *os.File, p []byte) (int, error)
	sync       func(file *os.File) error
	close      func(file *os.File) error
	link       func(root *os.Root, from, to string) error
	remove     func(root *os.Root, path string) error
	syncFolder func(root *os.Root, path string) error
}

func realSystem() system {
	return system{
		create: func(root *os.Root, path string) (*os.File, error) {
			return root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
		},
		write:  (*os.File).Write,
		sync:   (*os.File).Sync,
		close:  (*os.File).Close,
		link:   (*os.Root).Link,
		remove: (*os.Root).Remove,
		syncFolder: func(root *os.Root, path string) error {
			folder, err := root.Open(path)
			if err != nil {
				return err
			}
			return errors.Join(folder.Sync(), folder.Close())
		},
	}
}

// createTemp makes a file that only this process knows, readable by nobody else.
func (s *Store) createTemp() (path string, file *os.File, err error) {
	var random [16]byte
	rand.Read(random[:]) // never fails
	path = tempFolder + "/" + hex.EncodeToString(random[:])
	file, err = s.system.create(s.root, path)
	return path, file, err
}

// isTempName tells files of ours in tmp from anything else, which is left alone.
func isTempName(name string) bool {
	raw, err := hex.DecodeString(name)
	return err == nil && len(raw) == 16
}
