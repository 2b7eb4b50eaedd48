// Package backup copies a service's records, documents and embedded witness
// while the service runs, and puts such a copy back so that a legitimate restore
// is told from an attack. It holds no key of any vault, and needs none.
//
// # What is copied
//
// A folder takes many backups. Documents are immutable and have random names, so
// that each is copied once, whichever backups name it:
//
//	FOLDER/documents/             the sealed blobs, a store of its own (storage/filestore)
//	FOLDER/<name>/records         all records of one instant, but sessions
//	FOLDER/<name>/witness         all records of the embedded witness, if there is one
//	FOLDER/<name>/manifest.json   written last: what the backup holds, and digests. Without it, a backup is not whole
//
// <name> is the instant in UTC, such as 20261121T230500Z. The witness is copied
// before the records, so that what it remembers is never later than what is
// there; [vault.HoldBlobs] keeps sweepers from deleting what is still to be copied.
//
// Sessions are left out: one that was ended, or a phone that was lost, would
// come back to life with them. The key service's key is not in a backup either.
// Keep it in another place and with other people: together they are all that an
// attacker needs to try passwords.
//
// # Putting it back
//
// [Restore] fills empty stores. Then the witness remembers more than the store
// has, which is what an attacker's rollback looks like, and vaults refuse with
// vault.ErrStale until [Settle] has been through them: for each vault it puts
// back what the witness kept of its keys (so that a changed password, or an
// erasure, stays), and states with the operator's key exactly which heads were
// put back. The witness countersigns, the vault takes this once, at its next
// sign-in, and shows the person the date until they confirm it.
//
// Where the witness was lost too, its copy goes back with the rest; Settle then
// makes a statement for every vault, so that everybody is told.
package backup
