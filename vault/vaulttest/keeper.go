package vaulttest

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
)

// Keeper is a key service in memory.
type Keeper struct{ aead cipher.AEAD }

// NewKeeper draws a key of its own: what another Keeper made, it does not open.
func NewKeeper() (*Keeper, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &Keeper{aead}, err
}

// Encrypt implements vault.Keeper.
func (k *Keeper) Encrypt(_ context.Context, plaintext []byte) ([]byte, error) {
	return k.aead.Seal(nil, nil, plaintext, nil), nil
}

// Decrypt implements vault.Keeper.
func (k *Keeper) Decrypt(_ context.Context, ciphertext []byte) ([]byte, error) {
	return k.aead.Open(nil, nil, ciphertext, nil)
}
