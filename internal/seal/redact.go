package seal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redactedText = "[secret]"

// secret holds 32 secret bytes and prints as nothing. They lie behind two
// pointers: fmt cannot call methods on unexported fields of other structs, and
// with a verb that does not fit it follows one pointer, but never two; a
// traceback shows arguments word by word. All of them then show an address.
type secret struct{ p **[32]byte }

func newSecret(b []byte) (secret, error) {
	if len(b) != 32 {
		return secret{}, fmt.Errorf("%w: a key has 32 bytes", ErrArgument)
	}
	raw := [32]byte(b)
	if raw == ([32]byte{}) { // a buffer that nobody filled
		return secret{}, fmt.Errorf("%w: all-zero key", ErrArgument)
	}
	return hide(&raw), nil
}

func randomSecret() secret {
	raw := new([32]byte)
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	return hide(raw)
}

func hide(raw *[32]byte) secret { return secret{&raw} }

// raw is the secret itself; the key must not be zero.
func (s secret) raw() []byte { return (*s.p)[:] }

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
