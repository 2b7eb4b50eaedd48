package witness

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"reconnect.example/internal/seal"
)

// Identity is what one side of a connection between a service and a witness is
// known by: an Ed25519 key (RFC 8032), made of a seed of 32 bytes. The other side
// is told its public key once, out of band, and from then on speaks to nobody
// else. It cannot be printed.
//
// Both sides prove their keys in the handshake of TLS 1.3 (RFC 8446), with
// certificates that they sign themselves. There is no certificate authority:
// nobody but the two can vouch for either, and nothing expires. Requests that
// are signed one by one would not do. The answers have to be authentic and of
// this moment too, as an old answer is the very rollback that a witness is there
// against; nonces and clocks on both sides would be needed for what a handshake
// gives; and somebody on the way could still read which vault is used when. The
// price is that whatever stands between the two passes bytes on, and ends no TLS.
type Identity struct{ key seal.SigningKey }

// IdentityFromSeed makes an identity of 32 random bytes, which are copied.
// ErrInvalid for anything else.
func IdentityFromSeed(seed []byte) (*Identity, error) {
	key, err := seal.SigningKeyFromBytes(seed)
	if err != nil {
		return nil, fmt.Errorf("%w: a seed has 32 bytes: %w", ErrInvalid, err)
	}
	return &Identity{key}, nil
}

// OpenIdentity reads the seed in the file at path, or draws one and makes the
// file, with mode 0600 and durable when OpenIdentity returns. A file that others
// can read, or that is not a seed, is refused and never replaced: ErrInvalid,
// with what to do.
//
// Back it up. If it is lost, the other side has to be told a new public key; if
// somebody else has it, too, and at once.
func OpenIdentity(path string) (*Identity, error) {
	i, err := readIdentity(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return i, err
	}
	if err := makeIdentity(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w: the identity file %s cannot be made: %w", ErrInvalid, path, err)
	}
	return readIdentity(path) // somebody else may have been first
}

func readIdentity(path string) (*Identity, error) {
	f, err := os.Open(path) //nolint:gosec // named by the operator
	if err != nil {
		return nil, fmt.Errorf("%w: identity file: %w", ErrInvalid, err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: identity file: %w", ErrInvalid, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: others can read the identity file %s; run: chmod 600 %s", ErrInvalid, path, path)
	}
	seed, err := io.ReadAll(io.LimitReader(f, ed25519.SeedSize+1))
	if err != nil {
		return nil, fmt.Errorf("%w: identity file: %w", ErrInvalid, err)
	}
	i, err := IdentityFromSeed(seed)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not an identity file of 32 bytes; put the right one back from the backup", ErrInvalid, path)
	}
	return i, nil
}

// makeIdentity links a whole, flushed file to its name, so that a crash leaves
// either no identity or a good one. fs.ErrExist if there is one.
func makeIdentity(path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".identity-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, writeErr := f.Write(seal.NewSigningKey().Bytes())
	if err := errors.Join(writeErr, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil { // never over an identity that is there
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Public returns what the other side is told.
func (i *Identity) Public() PublicKey { return PublicKey(i.key.Public()) }

// Seed returns a copy of the 32 secret bytes, for [Config.Seed] and the like. An
// identity whose seed signs statements should have a file of its own, and speak
// to nobody: one key, one use.
func (i *Identity) Seed() []byte { return i.key.Bytes() }

// tls returns the part of a TLS configuration that both sides share: version 1.3
// only, the certificate of this identity, and nobody let in but whom trusts
// accepts. Nothing else of a certificate is looked at but its key.
func (i *Identity) tls(trusts func(PublicKey) error) (*tls.Config, error) {
	certificate, err := i.certificate()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{certificate},
		// A resumed session would be one that was checked against the keys of then.
		SessionTicketsDisabled: true,
		// Called in every handshake, on both sides, before a byte of a request is
		// sent or read. That the peer has the key, and not just the certificate, TLS
		// itself proves.
		VerifyConnection: func(state tls.ConnectionState) error {
			key, err := peerKey(&state)
			if err != nil {
				return err
			}
			return trusts(key)
		},
	}, nil
}

// certificate is a function of the key alone.
func (i *Identity) certificate() (tls.Certificate, error) {
	private := ed25519.NewKeyFromSeed(i.key.Bytes())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: i.Public().String()},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC), // RFC 5280, 4.1.2.5: never
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%w: certificate: %w", ErrInvalid, err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
}

// peerKey returns the key that the other side proved to have.
func peerKey(state *tls.ConnectionState) (PublicKey, error) {
	if len(state.PeerCertificates) == 0 {
		return PublicKey{}, errors.New("no certificate")
	}
	key, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok || len(key) != ed25519.PublicKeySize {
		return PublicKey{}, errors.New("the certificate is not of an Ed25519 key")
	}
	return PublicKey(key), nil
}

// PublicKey is the public half of an [Identity], and as text what people hand to
// each other: "rw-" and seven groups of eight letters and digits, of which the
// last five characters check the others.
type PublicKey [ed25519.PublicKeySize]byte

var publicText = seal.PublicText{Prefix: "rw", Label: "reconnect witness public key"}

// String returns the text of the key: 65 characters.
func (k PublicKey) String() string { return publicText.Format(k) }

// ParsePublicKey reads the text of a key: dashes, spaces and the case of letters
// do not count. ErrInvalid if it is not one. A key that was typed wrong is noticed
// but for one time in 16 million.
func ParsePublicKey(text string) (PublicKey, error) {
	key, err := publicText.Parse(text)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return key, nil
}

// MarshalText implements [encoding.TextMarshaler].
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] with [ParsePublicKey].
func (k *PublicKey) UnmarshalText(text []byte) (err error) {
	*k, err = ParsePublicKey(string(text))
	return err
}
