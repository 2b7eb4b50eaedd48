// Package quota says how much one owner may keep, exactly: so many bytes are
// allowed, so many are used, so many are reserved for what is being written.
// An owner is an opaque text, in this module the id of a vault.
//
// Everything happens inside a transaction of the caller, so that an item, its
// journal line and its charge are one commit:
//
//	// 1. before the first byte: bytes are set aside, with a deadline
//	err := store.Transact(ctx, func(tx *storage.Tx) (err error) {
//		reserved, err = q.Reserve(tx, vault, quota.Reservation{ID: id, Blob: blob, Bytes: size})
//		return err
//	})
//	// 2. the blob is written; reserved.Deadline is moved with Renew if need be
//	// 3. the item appears, and the reservation becomes a charge
//	err = store.Transact(ctx, func(tx *storage.Tx) error {
//		tx.PutUnique(itemKey, item)
//		return q.Settle(tx, vault, id, written)
//	})
//
// A record and a blob cannot commit together. So the reservation is also the
// note of a blob that may exist without a record: whoever dies between 1 and 3
// leaves it behind, and a sweeper that holds no key frees the bytes and deletes
// the blob ([Quota.Sweep]). Three rules keep a slow writer and a sweeper apart:
//
//   - A writer renews its deadline in time and does not close a blob after it.
//     A context that ends at [Reservation.Deadline] does this.
//   - A sweeper begins only [Config.SweepGrace] later, for clocks that differ
//     and calls that hang, and marks the reservation before it deletes the blob.
//   - Settle checks that mark in the commit of the item. Either the item is
//     committed or the sweeper has begun, never both.
//
// Ids and blob names are drawn at random, 128 bits at least, and never used
// twice, also not to try again: a sweeper may still be at work on them.
//
// # Records
//
// All in clear, since sweepers and operators hold no keys, and all with the
// trust that the store deserves: quota guards the disk, not a secret.
//
//	<owner>/q             ledger: used, reserved, number of reservations, granted limit
//	<owner>/q/r/<id>      reservation: blob, bytes, deadline, being swept or not
//	<owner>/q/i           what was asked and how it was decided
//	increase/<owner>      a request for more that waits for an operator
//	due/<hour>/<owner>/q/<id>   when a sweeper looks at the reservation
//
// The limit is configuration ([Config.Allowance]) unless more was granted, so
// that a change of it holds for everybody at once.
//
// Who erases an owner calls [Quota.Close] and then may delete all records under
// <owner>/ but those under [ReservationPrefix]: their blobs may still be
// growing, so each is left to the sweeper at its own time.
package quota
