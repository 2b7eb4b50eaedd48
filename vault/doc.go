// Package vault is one person's safe: papers, contacts, appointments and notes
// that can be opened by their holder, and by nobody while the holder is away.
//
//	vaults, err := local.Open("./data")                       // or vault.New with parts of your own
//	v, err := vaults.Create(ctx, vault.CreateRequest{…})      // *Vault, open
//	v, err := vaults.Unlock(ctx, vault.Password{Login: …, Secret: …})
//	doc, err := v.AddDocument(ctx, vault.NewDocument{Name: "Birth certificate"}, r)
//	content, err := v.ReadDocument(ctx, doc.ID)               // journalled before the first byte
//	err := v.Export(ctx, w, nil)                              // everything, in open formats
//
// # What it promises
//
// A [Vault] is a capability. It reaches the compartments whose keys it holds and
// does not list what it cannot reach; "private" is no flag that somebody could
// flip. The service ([Vaults]) holds no key of a vault that nobody has open: the
// store, the service's own keys and the key service together open nothing of it.
//
// What is acknowledged is durable, in the store and, for whatever concerns
// secrets, at the witness. What fails has changed nothing, except where the error
// is [ErrUnknown] (look before repeating) or [ErrUnconfirmed] (it is in force).
//
// The store is not trusted. Whatever it alters, drops, swaps, rolls back or
// forges is refused with [ErrTampered] or [ErrStale], and named. Everything that
// is read or done leaves a line in the journal before plaintext leaves the library.
//
// A store that was put back from a backup is refused like a rollback, unless
// operator and witness have both signed which state was put back ([RestoreKeys]).
// Then the vault goes on from there once, with the secrets of today, and says so
// until the person confirms it ([Vault.ConfirmRestored]).
//
// # How it is built
//
// Everything passes through one gate (turn.go): heads are read and verified, the
// change and its journal line are collected, and one commit writes them. Stored
// forms are drawn where they are written: heads.go, pages.go, record.go,
// keyring.go, keyslot.go, session.go, journal.go, papers.go, inbox.go, restore.go. Keys of
// records are in keys.go. Why it is so is in docs/design.md; the attacks are in
// docs/threat-model.md, by the ids that comments here name.
package vault
