package storagetest_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

// A program keeps the price of a night with a seal on it. The malicious store
// shows that the seal finds an altered price, and not an old one: for this the
// program must remember something outside the store.
func ExampleMalicious() {
	ctx := context.Background()
	host := storagetest.NewMalicious(memstore.New(), memstore.NewBlobs())
	store := storage.New(host)

	write := func(price string) error {
		return store.Transact(ctx, func(tx *storage.Tx) error {
			tx.Put("price", append(seal(price), price...))
			return nil
		})
	}
	show := func() {
		r, err := store.Get(ctx, "price")
		switch {
		case err != nil:
			fmt.Println(err)
		case len(r.Value) < sha256.Size || !hmac.Equal(seal(string(r.Value[sha256.Size:])), r.Value[:sha256.Size]):
			fmt.Println("refused")
		default:
			fmt.Println("a night costs", string(r.Value[sha256.Size:]))
		}
	}

	err := write("3 euros")
	yesterday := host.Now()
	err = errors.Join(err, write("4 euros"))
	show()

	host.Record("price").Flip(8 * sha256.Size) // the lowest bit of the first figure
	show()
	host.Record("price").Replay(yesterday)
	show()
	host.Honest()
	show()
	fmt.Println(err)
	// Output:
	// a night costs 4 euros
	// refused
	// a night costs 3 euros
	// a night costs 4 euros
	// <nil>
}

func seal(price string) []byte {
	h := hmac.New(sha256.New, []byte("a key that the host does not have"))
	h.Write([]byte(price))
	return h.Sum(nil)
}
