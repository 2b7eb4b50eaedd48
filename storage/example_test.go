package storage_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"

	"reconnect.example/storage"
	_ "reconnect.example/storage/memstore"
)

// Two packages write in one commit: one adds a record, the other charges for
// it. Neither knows of the other.
func ExampleStore_Transact() {
	ctx := context.Background()
	store, err := storage.Open(ctx, "mem://")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()

	charge := func(tx *storage.Tx, bytes int) error {
		used := 0
		usage, err := tx.Get("v1/usage")
		switch {
		case err == nil:
			if used, err = strconv.Atoi(string(usage.Value)); err != nil {
				return err
			}
		case !errors.Is(err, storage.ErrNotFound):
			return err
		}
		if used+bytes > 100 {
			return errors.New("over the quota")
		}
		tx.Put("v1/usage", []byte(strconv.Itoa(used+bytes)))
		return nil
	}
	add := func(id string, sealed []byte) error {
		return store.Transact(ctx, func(tx *storage.Tx) error {
			tx.PutUnique("v1/item/"+id, sealed)
			return charge(tx, len(sealed))
		})
	}

	fmt.Println(add("passport", make([]byte, 60)))
	fmt.Println(add("payslip", make([]byte, 60)))
	for record, err := range store.All(ctx, "v1/") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(record.Key, len(record.Value))
	}
	// Output:
	// <nil>
	// over the quota
	// v1/item/passport 60
	// v1/usage 2
}

func ExampleStore_Scan() {
	ctx := context.Background()
	store, err := storage.Open(ctx, "mem://")
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	err = store.Transact(ctx, func(tx *storage.Tx) error {
		for _, key := range []string{"a/1", "a/2", "a/3", "b/1"} {
			tx.Put(key, nil)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	after := ""
	for {
		page, err := store.Scan(ctx, "a/", after, 2)
		if err != nil {
			log.Fatal(err)
		}
		for _, record := range page {
			fmt.Println(record.Key)
			after = record.Key
		}
		if len(page) < 2 {
			break
		}
		fmt.Println("next page")
	}
	// Output:
	// a/1
	// a/2
	// next page
	// a/3
}
