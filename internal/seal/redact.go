package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/tink-crypto/tink-go/v2/hybrid/hpke"
)

const redactedText = "[secret]"

// secret holds 32 secret bytes, and what is made of them, and prints as nothing. They lie behind two
// pointers: fmt cannot call methods on unexported fields of other structs, and
// with a verb that does not fit it follows one pointer, but never two; a
// traceback shows arguments word by word. All of them then show an address.
type secret struct{ p **hidden }

// hidden is a secret, and what a key pair is made of it when it is first used: to make
// that costs as much as to use it, and every line of a journal is signed and sealed.
type hidden struct {
	raw  [32]byte
	pair sync.Once
	sign ed25519.PrivateKey // of a [SigningKey]
	box  *hpke.PrivateKey   // of a [BoxKey]; nil where it cannot be made
}

func newSecret(b []byte) (secret, error) {
	if len(b) != 32 {
		return secret{}, fmt.Errorf("%w: a key has 32 bytes", ErrArgument)
	}
	raw := [32]byte(b)
	if raw == ([32]byte{}) { // a buffer that nobody filled
		return secret{}, fmt.Errorf("%w: all-zero key", ErrArgument)
	}
	return hide(&hidden{raw: raw}), nil
}

func randomSecret() secret {
	h := new(hidden)
	_, _ = rand.Read(h.raw[:]) // never fails: crypto/rand ends the program instead
	return hide(h)
}

func hide(h *hidden) secret { return secret{&h} }

// raw is the secret itself; the key must not be zero.
func (s secret) raw() []byte { return (*s.p).raw[:] }

// IsZero says that there is no key in it. A zero key seals and opens nothing.
func (s secret) IsZero() bool { return s.p == nil }

// Bytes returns a copy of the raw 32 bytes, nil for a zero key. It is the one
// way to get at them; what it returns belongs into a sealed body and nowhere else.
func (s secret) Bytes() []byte {
	if s.p == nil {
		return nil
	}
	return bytes.Clone(s.raw())
}

func (secret) String() string   { return redactedText }
func (secret) GoString() string { return redactedText }

// Format prints the same text for every verb and flag.
func (secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redactedText) }

// MarshalJSON writes the same text for every key.
func (secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redactedText + `"`), nil }

// LogValue prints the same text for every key.
func (secret) LogValue() slog.Value { return slog.StringValue(redactedText) }

// MarshalCBOR refuses: a key enters a body through Bytes, where a reader of the
// code can see it.
func (secret) MarshalCBOR() ([]byte, error) {
	return nil, errors.New("seal: a key is not encoded by itself")
}
