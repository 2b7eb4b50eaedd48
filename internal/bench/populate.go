package main

import (
	"context"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"reconnect.example/storage"
)

// copiedItems is what the vault holds that the synthetic ones are copied from.
const copiedItems = 14

const (
	fillWriters = 8
	loginTable  = "login/"
)

var idText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// shape is a record without its value: the key with * for the vault, and ? for
// a digest that is nobody's.
type shape struct {
	key    string
	length int
}

// populate fills the stores of a server that is not running: as many vaults as
// told, each of the shape of the smallest that is there.
func populate(ctx context.Context, records, witness string, vaults int) error {
	store, err := storage.Open(ctx, records)
	if err != nil {
		return err
	}
	id, vault, err := smallest(ctx, store)
	if err == nil {
		err = fill(ctx, store, vault, vaults, func(id []byte) string { return idText.EncodeToString(id) })
	}
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	watched, err := storage.Open(ctx, witness)
	if err != nil {
		return err
	}
	seen, err := shapes(ctx, watched, hex.EncodeToString(id)) // the witness writes ids in hexadecimal
	if err == nil {
		err = fill(ctx, watched, seen, vaults, hex.EncodeToString)
	}
	return errors.Join(err, watched.Close())
}

// smallest finds the vault with the fewest records, and its shape.
func smallest(ctx context.Context, store *storage.Store) (id []byte, best []shape, err error) {
	for rec, err := range store.All(ctx, "") {
		if err != nil {
			return nil, nil, err
		}
		name, rest, _ := strings.Cut(rec.Key, "/")
		if rest != "h/o" { // the head of every vault
			continue
		}
		found, err := shapes(ctx, store, name)
		if err != nil {
			return nil, nil, err
		}
		if best == nil || len(found) < len(best) {
			if id, err = idText.DecodeString(name); err != nil {
				return nil, nil, err
			}
			best = found
		}
	}
	return id, best, nil
}

// shapes lists the records of a vault, by its name in the keys. A login names
// no vault, so any one is taken.
func shapes(ctx context.Context, store *storage.Store, name string) (out []shape, err error) {
	logins := 0
	for rec, err := range store.All(ctx, "") {
		if err != nil {
			return nil, err
		}
		key := strings.ReplaceAll(rec.Key, name, "*")
		if strings.HasPrefix(key, loginTable) && logins == 0 {
			logins++
			key = loginTable + strings.Repeat("?", len(key)-len(loginTable))
		}
		if strings.ContainsAny(key, "*?") {
			out = append(out, shape{key, len(rec.Value)})
		}
	}
	return out, nil
}

// fill writes copies, in the order of their keys as far as the writers keep
// step. Values are noise, so that no store can make them smaller.
func fill(ctx context.Context, store *storage.Store, of []shape, vaults int, text func(id []byte) string) error {
	noise := make([]byte, 4<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	numbers := make(chan int)
	errs := make([]error, fillWriters)
	var writers sync.WaitGroup
	for w := range fillWriters {
		writers.Go(func() {
			for n := range numbers {
				if errs[w] == nil {
					errs[w] = putCopy(ctx, store, of, text(place(n, vaults)), noise)
				}
			}
		})
	}
	for n := 0; n < vaults && ctx.Err() == nil; n++ {
		numbers <- n
	}
	close(numbers)
	writers.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

// place is the id of the n-th vault: they are spread evenly, as random ones are.
func place(n, vaults int) []byte {
	id := make([]byte, 16)
	binary.BigEndian.PutUint64(id, uint64(n)*(^uint64(0)/uint64(vaults)))
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	return id
}

func putCopy(ctx context.Context, store *storage.Store, of []shape, id string, noise []byte) error {
	digest := hex.EncodeToString(binary.BigEndian.AppendUint64(nil, rand.Uint64())) + id // nobody's, and never the same twice
	for part := range slices.Chunk(of, storage.MaxWrites) {
		err := store.Transact(ctx, func(tx *storage.Tx) error {
			for _, s := range part {
				key := strings.ReplaceAll(s.key, "*", id)
				if table, _, found := strings.Cut(key, "?"); found {
					key = (table + digest + digest)[:len(key)]
				}
				at := rand.IntN(len(noise) - s.length)
				tx.Put(key, noise[at:at+s.length])
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
