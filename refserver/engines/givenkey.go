package engines

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/nacl/secretbox"

	"reconnect.example/vault"
)

// givenKey is the scheme of a key that stands in its URL, of 32 bytes in URL-safe
// base64: what gocloud.dev/secrets/localsecrets calls so and seals in the same
// form, which therefore opens what this one sealed, and the other way round.
const givenKey = "base64key"

const boxNonce = 24 // bytes, in front of what is sealed

// ownKeySchemes are those of key services that need nobody else.
func ownKeySchemes() []string { return []string{"file", givenKey} }

// keeper is a key service in this process.
type keeper struct{ key [32]byte }

func openGivenKey(raw string) (*keeper, error) {
	_, text, _ := strings.Cut(raw, "://")
	if text == "" {
		return nil, fmt.Errorf("%w: --keys holds no key after base64key://", vault.ErrKeyService)
	}
	k := &keeper{}
	key, err := base64.URLEncoding.DecodeString(text)
	if err != nil || len(key) != len(k.key) { // the reason would repeat a part of it
		return nil, fmt.Errorf("%w: --keys holds no 32 bytes in URL-safe base64 after base64key://", vault.ErrKeyService)
	}
	copy(k.key[:], key)
	return k, nil
}

// Encrypt implements [vault.Keeper].
func (k *keeper) Encrypt(_ context.Context, plaintext []byte) ([]byte, error) {
	var nonce [boxNonce]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, err
	}
	return secretbox.Seal(nonce[:], plaintext, &nonce, &k.key), nil
}

// Decrypt implements [vault.Keeper].
func (k *keeper) Decrypt(_ context.Context, sealed []byte) ([]byte, error) {
	if len(sealed) < boxNonce {
		return nil, errors.New("engines: what should be sealed is too short")
	}
	plaintext, ok := secretbox.Open(nil, sealed[boxNonce:], (*[boxNonce]byte)(sealed), &k.key)
	if !ok {
		return nil, errors.New("engines: sealed with another key, or changed since")
	}
	return plaintext, nil
}
