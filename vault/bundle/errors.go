package bundle

import (
	"errors"
	"fmt"
)

// The closed set of errors of this package. Test them with [errors.Is]; [Code] gives each
// a stable name. No message holds the name of a file: [Named] gives those, for the person.
var (
	// ErrNotBundle: it is none of the forms that are read here, or not as its form says.
	ErrNotBundle = errors.New("bundle: this is nothing that can be taken in")
	// ErrVersion: it was written by a later version; bring this program up to date.
	ErrVersion = errors.New("bundle: written by a later version of this program")
	// ErrDamaged: a file is not as its digest, or the archive, says.
	ErrDamaged = errors.New("bundle: a file is damaged or was changed")
	// ErrMissing: a file that is listed is not there, or the end is missing.
	ErrMissing = errors.New("bundle: a file is missing")
	// ErrExtra: a file is there that is not listed.
	ErrExtra = errors.New("bundle: a file was added")
	// ErrPath: a file would lie outside the folder, is a link, or takes the place of another.
	ErrPath = errors.New("bundle: the name of a file is not allowed")
	// ErrTooMany: more files, or larger ones, than [Limits] allow.
	ErrTooMany = errors.New("bundle: too many files, or too large")
	// ErrBomb: it would become unreasonably larger when it is unpacked.
	ErrBomb = errors.New("bundle: it would become far too large when unpacked")
	// ErrEncrypted: it is a ZIP with a password, which is not read here; unpack it first.
	ErrEncrypted = errors.New("bundle: a ZIP with a password of its own is not read, unpack it first")
	// ErrSealed: it is sealed; its passphrase or key is needed.
	ErrSealed = errors.New("bundle: sealed, its passphrase or key is needed")
	// ErrPassphrase: it is not this passphrase or key.
	ErrPassphrase = errors.New("bundle: the passphrase or key is not the right one")
)

var codes = []struct {
	err  error
	code string
}{
	{ErrNotBundle, "not-a-bundle"}, {ErrVersion, "bundle-version"}, {ErrPath, "bundle-path"}, {ErrBomb, "bundle-bomb"}, {ErrTooMany, "bundle-too-many"},
	{ErrEncrypted, "bundle-encrypted"}, {ErrSealed, "bundle-sealed"}, {ErrPassphrase, "bundle-passphrase"},
	{ErrDamaged, "bundle-damaged"}, {ErrMissing, "bundle-missing"}, {ErrExtra, "bundle-extra"},
}

// Code returns the stable name of an error of this package, or "" for any other:
// not-a-bundle, bundle-version, bundle-path, bundle-bomb, bundle-too-many,
// bundle-encrypted, bundle-sealed, bundle-passphrase, bundle-damaged, bundle-missing,
// bundle-extra.
func Code(err error) string {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code
		}
	}
	return ""
}

// FileError says which file of a bundle is wrong. It wraps one of the errors above.
type FileError struct {
	File   string // its path, as it is written there: the person's own words
	Number int    // its place among the files, from 1; 0: it is not there
	Err    error
}

func (e *FileError) Error() string { return fmt.Sprintf("%v (file %d)", e.Err, e.Number) }

// Unwrap returns what is wrong.
func (e *FileError) Unwrap() error { return e.Err }

// Named returns the files that an error names, at most mostNamed.
func Named(err error) (out []*FileError) {
	var one *FileError
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			out = append(out, Named(e)...)
		}
		return out
	}
	if errors.As(err, &one) {
		return []*FileError{one}
	}
	return nil
}

// mostNamed bounds how many files an error names.
const mostNamed = 100

// faults collects what is wrong with files.
type faults []error

func (f *faults) add(err error) {
	if len(*f) < mostNamed {
		*f = append(*f, err)
	}
}

func (f faults) err() error { return errors.Join(f...) }
