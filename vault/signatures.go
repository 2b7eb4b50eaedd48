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
	k.mu.Lock()
	_, right := k.right[name]
	k.mu.Unlock()
	if right {
		return nil
	}
	if err := seal.VerifySignature(s.Key, c, message, s.Bytes); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for other := range k.right { // any one: forgetting costs one more look
		if len(k.right) < signaturesKept {
			break
		}
		delete(k.right, other)
	}
	k.right[name] = struct{}{}
	return nil
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
