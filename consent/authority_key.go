package consent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"reconnect.example/internal/seal"
)

// AuthorityKey is the public half of an authority's key (Ed25519, RFC 8032), and as
// text what is put into the configuration of servers: "ra-" and seven groups of
// eight letters and digits, of which the last five characters check the others.
type AuthorityKey [seal.PublicSize]byte

var (
	authorityText = seal.PublicText{Prefix: "ra", Label: "reconnect authority public key"}
	relayText     = seal.PublicText{Prefix: "rr", Label: "reconnect relay public key"}
)

// String returns the text of the key: 65 characters.
func (k AuthorityKey) String() string { return authorityText.Format(k) }

// ParseAuthorityKey reads the text of a key: dashes, spaces and the case of letters
// do not count. vault.ErrInvalid if it is not one.
func ParseAuthorityKey(text string) (AuthorityKey, error) {
	key, err := authorityText.Parse(text)
	if err != nil {
		return AuthorityKey{}, invalid("authority", "is not a public key of an authority: %v", err)
	}
	return key, nil
}

// Authority signs directories. It lies where the server does not: on the machine of
// whoever answers for who the relays are. It cannot be printed.
type Authority struct{ key seal.SigningKey }

// NewAuthority draws a key.
func NewAuthority() *Authority { return &Authority{seal.NewSigningKey()} }

// AuthorityFromSeed takes the 32 bytes of a key, copied. vault.ErrInvalid for
// anything else.
func AuthorityFromSeed(seed []byte) (*Authority, error) {
	key, err := seal.SigningKeyFromBytes(seed)
	if err != nil {
		return nil, invalid("authority key", "is not 32 random bytes")
	}
	return &Authority{key}, nil
}

// Public returns the public half.
func (a *Authority) Public() AuthorityKey { return AuthorityKey(a.key.Public()) }

// MakeAuthorityFile draws a key and makes the file at path, with mode 0600 and
// durable on return. A file that is there is never replaced (fs.ErrExist): with the
// key it holds, what was signed could be changed.
func MakeAuthorityFile(path string) (*Authority, error) {
	a := NewAuthority()
	if err := makeSecretFile(path, a.key.Bytes()); err != nil {
		return nil, fmt.Errorf("the key file of the authority cannot be made: %w", err)
	}
	return a, nil
}

// makeSecretFile writes a whole file or none, for its owner alone, and never over one.
func makeSecretFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, writeErr := f.Write(content)
	if err := errors.Join(writeErr, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil { // a whole file, and never over one that is there
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// readSecretFile reads what makeSecretFile made, and at most one byte more than most.
func readSecretFile(path, field string, most int64) (content []byte, err error) {
	f, err := os.Open(path) //nolint:gosec // named by who holds the key
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, invalid(field, "can be read by others; run: chmod 600 %s", path)
	}
	return io.ReadAll(io.LimitReader(f, most+1))
}

// OpenAuthorityFile reads the key that MakeAuthorityFile made. A file that others
// can read, or that is no key, is vault.ErrInvalid, with what to do.
func OpenAuthorityFile(path string) (*Authority, error) {
	seed, err := readSecretFile(path, "authority key", seedSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (a new authority begins with: refserver authority init)", err)
	}
	if err != nil {
		return nil, err
	}
	a, err := AuthorityFromSeed(seed)
	if err != nil {
		return nil, invalid("authority key", "is not the file %s of 32 bytes that init made; put the right one back", path)
	}
	return a, nil
}

const seedSize = 32
