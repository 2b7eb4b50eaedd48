package vault

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
	"reconnect.example/storage"
)

// serviceKeys are the service's own, one record for all processes on one
// store. They open no vault: lookup finds a vault by its login, signer signs
// journal heads and receipts, operator reads the reasons that people give when
// they ask for more space.
//
//	svc/keys  key service( purpose | CBOR{1: lookup, 2: signer seed, 3: operator seed} )
type serviceKeys struct {
	lookup   seal.Key
	signer   seal.SigningKey
	operator seal.BoxKey
}

type serviceKeysBody struct {
	Lookup   []byte `cbor:"1,keyasint"`
	Signer   []byte `cbor:"2,keyasint"`
	Operator []byte `cbor:"3,keyasint"`
}

const serviceKeysKey = "svc/keys"

var serviceKeysContext = seal.Context{Type: seal.TypeServiceKeys}

// openServiceKeys opens the record, or makes it at the first start. Two first
// starts at once agree: the second finds the record of the first.
func openServiceKeys(ctx context.Context, store *storage.Store, keeper Keeper) (*serviceKeys, error) {
	if err := checkRestored(ctx, store); err != nil {
		return nil, err
	}
	rec, err := store.Get(ctx, serviceKeysKey)
	if errors.Is(err, storage.ErrNotFound) {
		// With accounts in it, this is no new store but one that lost its keys: new
		// ones would make it unreadable for ever.
		if some, err := store.Scan(ctx, loginPrefix, "", 1); err != nil || len(some) > 0 {
			return nil, errors.Join(fmt.Errorf("%w: the record of service keys is missing from this store; put it back from a backup", ErrKeyService), err)
		}
		sealed, err := newServiceKeys(ctx, keeper)
		if err != nil {
			return nil, err
		}
		err = store.Transact(ctx, func(tx *storage.Tx) error {
			found, err := tx.Get(serviceKeysKey)
			if errors.Is(err, storage.ErrNotFound) {
				rec = storage.Record{Value: sealed}
				tx.PutUnique(serviceKeysKey, sealed)
				return nil
			}
			rec = found
			return err
		})
		if err != nil {
			return nil, storageError(err)
		}
	} else if err != nil {
		return nil, storageError(err)
	}
	return parseServiceKeys(ctx, rec.Value, keeper)
}

func newServiceKeys(ctx context.Context, keeper Keeper) ([]byte, error) {
	operator, err := seal.NewBoxKey()
	if err != nil {
		return nil, err
	}
	body, err := seal.Marshal(serviceKeysBody{
		Lookup: seal.NewKey().Bytes(), Signer: seal.NewSigningKey().Bytes(), Operator: operator.Bytes(),
	})
	if err != nil {
		return nil, err
	}
	return keep(ctx, keeper, serviceKeysContext, body)
}

func parseServiceKeys(ctx context.Context, record []byte, keeper Keeper) (*serviceKeys, error) {
	body, err := unkeep(ctx, keeper, serviceKeysContext, record)
	if errors.Is(err, ErrTampered) || errors.Is(err, ErrKeyService) && ctx.Err() == nil {
		return nil, fmt.Errorf("%w: it does not open this store's own keys; was it started with another key file?", ErrKeyService)
	}
	if err != nil {
		return nil, err
	}
	var b serviceKeysBody
	if err := seal.Unmarshal(body, &b); err != nil {
		return nil, tampered("the record of service keys")
	}
	var k serviceKeys
	var errs [3]error
	k.lookup, errs[0] = seal.KeyFromBytes(b.Lookup)
	k.signer, errs[1] = seal.SigningKeyFromBytes(b.Signer)
	k.operator, errs[2] = seal.BoxKeyFromBytes(b.Operator)
	if errors.Join(errs[:]...) != nil {
		return nil, tampered("the record of service keys")
	}
	return &k, nil
}

// login returns the keyed hash under which a login is looked up: a copy of the
// store says neither which logins exist nor whose they are.
func (k *serviceKeys) login(normal string) [32]byte { return k.hash("login", normal) }

func (k *serviceKeys) hash(label, value string) (h [32]byte) {
	m := hmac.New(sha256.New, k.lookup.Bytes())
	m.Write([]byte(label + "\x00" + value))
	m.Sum(h[:0])
	return h
}

// keep puts a body into the key service's envelope. The place is inside the
// plaintext, because a Keeper takes no associated data: swapping two of its
// ciphertexts is refused at opening (H1, H2).
func keep(ctx context.Context, keeper Keeper, c seal.Context, body []byte) ([]byte, error) {
	record, err := seal.SealKeeper(c, nil, body, func(plain []byte) ([]byte, error) {
		sealed, err := keeper.Encrypt(ctx, plain)
		if err != nil {
			return nil, keeperError(ctx)
		}
		return sealed, nil
	})
	return record, err
}

func unkeep(ctx context.Context, keeper Keeper, c seal.Context, record []byte) ([]byte, error) {
	_, body, err := seal.OpenKeeper(c, record, func(sealed []byte) ([]byte, error) {
		plain, err := keeper.Decrypt(ctx, sealed)
		if err != nil {
			return nil, keeperError(ctx)
		}
		return plain, nil
	})
	if err != nil && !errors.Is(err, ErrKeyService) && ctx.Err() == nil {
		return nil, tampered("a record of the key service")
	}
	return body, err
}

// keeperError drops the text of the key service's error: it may quote what it was given.
func keeperError(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrKeyService, err)
	}
	return ErrKeyService
}

// storageError gives an error of the storage contract its name in this package
// and keeps the original for errors.Is.
func storageError(err error) error {
	var target error
	switch {
	case err == nil:
		return nil
	case Code(err) != "":
		return err
	case errors.Is(err, quota.ErrPending), errors.Is(err, quota.ErrNoIncrease), errors.Is(err, quota.ErrDecided):
		return err // the store is well: this is the answer
	case errors.Is(err, quota.ErrTooMany):
		target = ErrTooMany
	case errors.Is(err, storage.ErrInvalid):
		target = ErrInvalid
	case errors.Is(err, storage.ErrUnknown):
		target = ErrUnknown
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, storage.ErrClosed):
		target = ErrClosed
	default:
		target = ErrStorage
	}
	return fmt.Errorf("%w: %w", target, err)
}
