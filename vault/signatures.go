package vault

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"reconnect.example/internal/seal"
)

// signatures remembers which signatures were found right, so that a list need not
// verify each again: whether one is right follows from key, place, message and
// signature alone. Whose key it is, and whether they may be there, is asked every
// time. It holds digests, and nothing that opens or names anything.
type signatures struct {
	mu    sync.Mutex
	right map[[sha256.Size]byte]struct{}
}

// signaturesKept bounds them: some 5 MB, the lists of 25 relays of 2,000 people.
const signaturesKept = 100_000

func newSignatures() *signatures {
	return &signatures{right: map[[sha256.Size]byte]struct{}{}}
}

// verify is seal.VerifySignature, which is asked once. nil remembers nothing.
func (k *signatures) verify(s signature, c seal.Context, message []byte) error {
	if k == nil {
		return seal.VerifySignature(s.Key, c, message, s.Bytes)
	}
	name := signatureName(s, c, message)
	if k.isRight(name) {
		return nil
	}
	if err := seal.VerifySignature(s.Key, c, message, s.Bytes); err != nil {
		return err
	}
	k.remember(name)
	return nil
}

func (k *signatures) isRight(name [sha256.Size]byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, right := k.right[name]
	return right
}

func (k *signatures) remember(name [sha256.Size]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for other := range k.right { // any one: forgetting costs one more look
		if len(k.right) < signaturesKept {
			break
		}
		delete(k.right, other)
	}
	k.right[name] = struct{}{}
}

// ownerHead is openOwnerHead, of which each record is verified once: every act reads the
// heads, and most find those of before.
func (k *signatures) ownerHead(id ID, record []byte) (*seal.OwnerHead, error) {
	return openOnce(k, headName(id, 0, nil, record), record, func() (*seal.OwnerHead, error) { return openOwnerHead(id, record) })
}

// journalHead is openJournalHead in the same way.
func (k *signatures) journalHead(id ID, service, record []byte) (journalHead, error) {
	h, err := openOnce(k, headName(id, 1, service, record), record, func() (*journalHead, error) {
		h, err := openJournalHead(id, service, record)
		return &h, err
	})
	if err != nil {
		return journalHead{}, err
	}
	return *h, nil
}

// openOnce opens a signed record, or reads it without looking at the signature where these
// very bytes were opened before, by the same key in the same place, which is its name.
func openOnce[T any](k *signatures, name [sha256.Size]byte, record []byte, open func() (*T, error)) (*T, error) {
	if !k.isRight(name) {
		h, err := open()
		if err != nil {
			return nil, err
		}
		k.remember(name)
		return h, nil
	}
	_, body, err := seal.ParseClear(record)
	if err != nil {
		return nil, tampered("head")
	}
	h := new(T)
	if err := seal.Unmarshal(body, h); err != nil {
		return nil, tampered("head")
	}
	return h, nil
}

// headName is a digest of a whole record, of its place, and of whose signature is on it if
// the record does not say so itself. It is no [signatureName]: that begins with the length of a key.
func headName(id ID, kind byte, key, record []byte) [sha256.Size]byte {
	b := append([]byte{0xff, kind}, id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(key)))
	return sha256.Sum256(append(append(b, key...), record...))
}

// signatureName is a digest of everything that decides whether a signature is right.
// No two have one: each part but the last says where it ends (I1).
func signatureName(s signature, c seal.Context, message []byte) [sha256.Size]byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(len(s.Key)))
	b = append(b, s.Key...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(s.Bytes)))
	b = append(b, s.Bytes...)
	b = append(b, c.Bytes()...)
	return sha256.Sum256(append(b, message...))
}
