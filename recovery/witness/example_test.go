package witness_test

import (
	"context"
	"fmt"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// A vault is registered with its first owner head. From then on the witness
// knows an older state of the store when it sees one, and slows guesses down.
func Example() {
	ctx := context.Background()
	store := storage.New(memstore.New()) // in earnest: storage.Open(ctx, "sqlite:///var/lib/witness/witness.db")
	defer store.Close()
	w, err := witness.New(witness.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()

	vault, key := [16]byte{1}, seal.NewSigningKey()
	head, err := key.SealOwnerHead(&seal.OwnerHead{
		Vault: vault, Version: 1, MinFormat: seal.MinFormat, Key: key.Public(),
		Service: key.Public(), Wrapping: make([]byte, 32),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = w.Raise(ctx, vault, []witness.Checkpoint{
		{Head: "owner", Version: 1, Hash: seal.Digest(head)},
		{Head: "shared", Version: 41, Hash: seal.Digest([]byte("a shared head"))},
	}, head, true)
	if err != nil {
		fmt.Println(err)
		return
	}

	checkpoints, err := w.Latest(ctx, vault)
	for _, c := range checkpoints {
		fmt.Println(c.Head, c.Version, err)
	}

	counter := seal.Digest([]byte("the password of this login"))
	for range 6 {
		tries, err := w.Count(ctx, vault, counter) // first count, then look at the password
		fmt.Println(tries.Failed, tries.Wait > 0, err)
	}
	statement, err := key.SealReset(vault, counter, 5) // only who opened the vault can sign it
	fmt.Println(w.Reset(ctx, vault, counter, statement), err)
	// Output:
	// owner 1 <nil>
	// shared 41 <nil>
	// 1 false <nil>
	// 2 false <nil>
	// 3 false <nil>
	// 4 false <nil>
	// 5 false <nil>
	// 5 true <nil>
	// <nil> <nil>
}
