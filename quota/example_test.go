package quota_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// An upload, an upload that dies, and a sweeper.
func Example() {
	ctx := context.Background()
	store, blobs := storage.New(memstore.New()), memstore.NewBlobs()
	now := time.Date(2026, time.November, 21, 9, 30, 0, 0, time.UTC)
	q, err := quota.New(quota.Config{Allowance: 1000, Now: func() time.Time { return now }})
	if err != nil {
		fmt.Println(err)
		return
	}
	do := func(what string, fn func(tx *storage.Tx) error) {
		var usage quota.Usage
		err := store.Transact(ctx, func(tx *storage.Tx) (err error) {
			if err := fn(tx); err != nil {
				return err
			}
			usage, err = q.Usage(tx, "v1")
			return err
		})
		if err != nil {
			fmt.Printf("%s: %v\n", what, err)
			return
		}
		fmt.Printf("%s: %d used, %d reserved, %d left\n", what, usage.Used, usage.Reserved, usage.Left)
	}
	reserve := func(id string, bytes int64) func(tx *storage.Tx) error {
		return func(tx *storage.Tx) error {
			_, err := q.Reserve(tx, "v1", quota.Reservation{ID: id, Blob: "v1/" + id, Bytes: bytes})
			return err
		}
	}

	do("open", func(tx *storage.Tx) error { return q.Open(tx, "v1") })
	do("reserve", reserve("first", 600))
	do("settle", func(tx *storage.Tx) error {
		tx.Put("v1/i/passport", []byte("names the blob v1/first")) // in the same commit
		return q.Settle(tx, "v1", "first", 580)
	})
	do("too much", reserve("second", 421))
	do("just enough", reserve("third", 420)) // and then the process dies

	now = now.Add(3 * time.Hour)
	for due, err := range store.DueBefore(ctx, now) {
		if _, ours := quota.ReservationID(due); !ours || err != nil {
			continue
		}
		if err := q.Sweep(ctx, store, blobs, due); err != nil {
			fmt.Println(err)
		}
	}
	do("swept", func(*storage.Tx) error { return nil })
	// Output:
	// open: 0 used, 0 reserved, 1000 left
	// reserve: 0 used, 600 reserved, 400 left
	// settle: 580 used, 0 reserved, 420 left
	// too much: quota: full: 421 bytes wanted, 420 left of 1000 (580 used, 0 reserved)
	// just enough: 580 used, 420 reserved, 0 left
	// swept: 580 used, 0 reserved, 420 left
}

// A request for more, from the owner's click to the operator's.
func ExampleQuota_RequestIncrease() {
	ctx := context.Background()
	store := storage.New(memstore.New())
	q, err := quota.New(quota.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = store.Transact(ctx, func(tx *storage.Tx) error {
		if err := q.Open(tx, "v1"); err != nil {
			return err
		}
		_, err := q.RequestIncrease(tx, "v1", []byte("sealed to the operator"))
		return err
	})
	fmt.Println(err)

	for asked, err := range q.Pending(ctx, store) { // the operator's list
		if err != nil {
			fmt.Println(err)
			continue
		}
		err = store.Transact(ctx, func(tx *storage.Tx) error {
			decided, err := q.Decide(tx, asked.Owner, quota.Decision{Number: asked.Number, Approve: true, By: "Anne", Why: "a family"})
			fmt.Println(decided.State, "by", decided.By, "up to", decided.Limit)
			return err
		})
		if errors.Is(err, quota.ErrDecided) {
			fmt.Println("somebody else was faster")
		}
	}
	// Output:
	// <nil>
	// approved by Anne up to 300000000
}
