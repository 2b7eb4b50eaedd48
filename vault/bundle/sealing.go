package bundle

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"filippo.io/age"

	"reconnect.example/vault"
)

// A bundle is in clear. It may be sealed with age (age-encryption.org/v1), which others
// have, too: to a passphrase, or to keys of X25519.

const (
	// MinPassphrase is how many characters a passphrase has at least: what is sealed may
	// lie anywhere, and be guessed at for ever.
	MinPassphrase = 12
	// workFactor of scrypt, as a power of two: 256 MiB and about a second, as age does it.
	workFactor = 18
	// mostHeader is how long the beginning of a sealed file may be.
	mostHeader = 64 << 10
)

// Lock says to whom a bundle is sealed: to a passphrase, or to recipients ("age1…").
type Lock struct {
	Passphrase string
	Recipients []string
	// Work is the work factor of a passphrase, as a power of two; 0: 18. Less is for tests.
	Work int
}

// Secret opens what was sealed: the passphrase, or an identity ("AGE-SECRET-KEY-1…").
type Secret struct {
	Passphrase string
	Identity   string
}

// Check says whether something can be sealed so: InvalidError for a passphrase that is too
// short, what is no recipient, or both or neither.
func (l *Lock) Check() error {
	if (l.Passphrase != "") == (len(l.Recipients) > 0) {
		return &vault.InvalidError{Field: "passphrase", Problem: "or recipients must be given, and not both"}
	}
	if l.Passphrase != "" && utf8.RuneCountInString(l.Passphrase) < MinPassphrase {
		return &vault.InvalidError{Field: "passphrase", Problem: "is shorter than 12 characters"}
	}
	for _, s := range l.Recipients {
		if _, err := age.ParseX25519Recipient(s); err != nil {
			return &vault.InvalidError{Field: "recipients", Problem: "holds something that is no age recipient"}
		}
	}
	return nil
}

// Seal returns a writer that seals what is written to it. Close it: without that nobody
// opens it. InvalidError for a short passphrase, what is no recipient, or both or neither.
func Seal(w io.Writer, l Lock) (io.WriteCloser, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	var to []age.Recipient
	if l.Passphrase != "" {
		r, err := age.NewScryptRecipient(l.Passphrase)
		if err != nil {
			return nil, &vault.InvalidError{Field: "passphrase", Problem: "cannot be used"}
		}
		r.SetWorkFactor(workFactor)
		if l.Work > 0 && l.Work < workFactor {
			r.SetWorkFactor(l.Work)
		}
		to = append(to, r)
	}
	for _, s := range l.Recipients {
		r, err := age.ParseX25519Recipient(s)
		if err != nil {
			return nil, &vault.InvalidError{Field: "recipients", Problem: "holds something that is no age recipient"}
		}
		to = append(to, r)
	}
	return age.Encrypt(w, to...)
}

// SealLate is as [Seal] and begins with the first byte that is written to it, so that what
// fails before that leaves w untouched. begin, if not nil, is given the beginning, which
// takes 256 MiB for a second where there is a passphrase, to run it when its turn comes.
func SealLate(w io.Writer, l Lock, begin func(func() error) error) io.WriteCloser {
	if begin == nil {
		begin = func(do func() error) error { return do() }
	}
	return &lateSeal{to: w, lock: l, begin: begin}
}

type lateSeal struct {
	to     io.Writer
	lock   Lock
	begin  func(func() error) error
	sealed io.WriteCloser
}

func (s *lateSeal) start() error {
	if s.sealed != nil {
		return nil
	}
	return s.begin(func() (err error) {
		s.sealed, err = Seal(s.to, s.lock)
		return err
	})
}

func (s *lateSeal) Write(p []byte) (int, error) {
	if err := s.start(); err != nil {
		return 0, err
	}
	return s.sealed.Write(p)
}

// Close ends the stream; of one to which nothing was written, nothing is there.
func (s *lateSeal) Close() error {
	if s.sealed == nil {
		return nil
	}
	return s.sealed.Close()
}

// IsSealed says whether something that begins so is sealed with age.
func IsSealed(first []byte) bool { return bytes.HasPrefix(first, []byte("age-encryption.org/v1\n")) }

// Unseal opens something sealed, to be read at any place; nothing is written anywhere.
// What is altered shows when it is read, as ErrDamaged.
//
// Errors: ErrSealed if no secret is given; ErrPassphrase; ErrDamaged; ErrTooMany if it
// asks for more work than age does of itself, which would stop the server; those of r.
func Unseal(r io.ReaderAt, size int64, s Secret) (io.ReaderAt, int64, error) {
	var with age.Identity
	switch {
	case s.Identity != "":
		id, err := age.ParseX25519Identity(s.Identity)
		if err != nil {
			return nil, 0, ErrPassphrase
		}
		with = id
	case s.Passphrase != "":
		id, err := age.NewScryptIdentity(s.Passphrase)
		if err != nil {
			return nil, 0, ErrPassphrase
		}
		id.SetMaxWorkFactor(workFactor)
		with = id
	default:
		return nil, 0, ErrSealed
	}
	header := make([]byte, min(size, mostHeader))
	if n, err := r.ReadAt(header, 0); err != nil && (err != io.EOF || n < len(header)) {
		return nil, 0, err
	}
	if !bytes.Contains(header, []byte("\n---")) {
		return nil, 0, ErrDamaged
	}
	if stanzas := bytes.Count(header[:bytes.Index(header, []byte("\n---"))], []byte("\n-> ")); stanzas > 20 {
		return nil, 0, ErrTooMany
	}
	inside, length, err := age.DecryptReaderAt(r, size, with)
	var none *age.NoIdentityMatchError
	switch {
	case err == nil:
		return &unsealed{inside}, length, nil
	case vault.Code(err) != "":
		return nil, 0, err
	case errors.As(err, &none):
		return nil, 0, ErrPassphrase
	case bytes.Contains([]byte(err.Error()), []byte("work factor")):
		return nil, 0, ErrTooMany
	}
	return nil, 0, ErrDamaged
}

// unsealed names what does not open.
type unsealed struct{ from io.ReaderAt }

func (u *unsealed) ReadAt(p []byte, off int64) (int, error) {
	n, err := u.from.ReadAt(p, off)
	if err != nil && err != io.EOF && vault.Code(err) == "" {
		err = ErrDamaged
	}
	return n, err
}
