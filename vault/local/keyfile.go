package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// KeyFile is a key service on one machine: one key of 256 bits in a file that
// only its owner reads. Whoever has the file and a copy of the store can test
// guesses at passwords, each at the cost of Argon2id; keep them apart in
// backups. A KMS keeps the key where nobody can copy it.
type KeyFile struct{ key seal.Key }

var keyFileContext = seal.Context{Type: seal.TypeKeyFile}

// OpenKeyFile reads the key file at path, or makes it with mode 0600, durably.
// A file that others can read, or that is not a key, is refused with an error
// that says what to do; it is never replaced, as everything depends on it.
func OpenKeyFile(path string) (*KeyFile, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKeyFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: key file: %w", vault.ErrKeyService, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: key file: %w", vault.ErrKeyService, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: others can read the key file %s; run: chmod 600 %s", vault.ErrKeyService, path, path)
	}
	key, err := seal.KeyFromBytes(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not a key file of 32 bytes; put the right one back from the backup", vault.ErrKeyService, path)
	}
	return &KeyFile{key: key}, nil
}

// makeKeyFile links a whole, flushed file to its name, so that a crash leaves
// either no key file or a good one.
func makeKeyFile(path string) (k *KeyFile, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: the key file %s cannot be made: %w", vault.ErrKeyService, path, err)
		}
	}()
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, ".key-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	key := seal.NewKey()
	_, writeErr := f.Write(key.Bytes())
	if err := errors.Join(writeErr, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); err != nil { // never over a key that is there
		return nil, err
	}
	dir, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return nil, err
	}
	return &KeyFile{key: key}, nil
}

// Encrypt implements [vault.Keeper].
func (k *KeyFile) Encrypt(_ context.Context, plaintext []byte) ([]byte, error) {
	return k.key.Seal(keyFileContext, nil, plaintext)
}

// Decrypt implements [vault.Keeper].
func (k *KeyFile) Decrypt(_ context.Context, ciphertext []byte) ([]byte, error) {
	_, plaintext, err := k.key.Open(keyFileContext, ciphertext)
	return plaintext, err
}
