// Package storage keeps opaque bytes: small versioned records in the order of
// their keys, and large immutable blobs. It knows nothing of what they mean.
//
// A store is opened by URL, and the driver is chosen by importing its package,
// as with database/sql:
//
//	import _ "reconnect.example/storage/sqlitestore"
//
//	store, err := storage.Open(ctx, "sqlite:///var/lib/safe/records.db")
//
// Everything that changes records goes through [Store.Transact], so that
// packages which know nothing of each other can write in one commit:
//
//	err := store.Transact(ctx, func(tx *storage.Tx) error {
//		usage, err := tx.Get("v1/usage")
//		...
//		tx.Put("v1/usage", more(usage.Value))
//		tx.PutUnique("v1/item/17", sealed)
//		return nil
//	})
//
// Transactions are optimistic: they remember the versions they read and are run
// again when one of them moved. The function may therefore run several times
// and must have no effect but through its [Tx].
//
// The package has three kinds of readers. Who uses a store needs [Store] and
// [Blobs]. Who brings a database of their own implements [Driver] or [Blobs]
// and proves it with package storagetest. Who operates one reads the comment of
// the driver's package: memstore, sqlitestore, postgresstore, filestore, bucket.
package storage
