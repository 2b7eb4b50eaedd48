// Package witness is the small independent memory beside a store that is not
// trusted. A store of records may swap, drop, roll back and forge; what it
// cannot do is make the witness forget. The witness keeps, for every vault,
//
//   - its checkpoints: restore epoch, version and hash of the owner, shared,
//     private and journal head, so that an old state of the store is told from
//     the present one (attacks C1, C2);
//   - its latest signed owner head, the key that signs it, and the records that
//     this head names (the owner side): keyrings, keyslots and papers, all of it
//     ciphertext;
//   - the statement that began its restore epoch;
//   - counters of tries, so that guesses are limited where the store cannot
//     reset them (C6, F9, F11);
//   - a key of its own, with which it evaluates what is too short to be a secret
//     by itself, such as the PIN of a card, as it counts the try.
//
// It holds nothing that decrypts anything alone. [Witness] runs over any
// [storage.Store]: over one in memory for tests, over an SQLite file of its own
// inside a service on one machine (where store and witness share a disk,
// protection against rollback ends there), or in another organisation's server,
// where it counts. Its store must never be restored from a backup that is older
// than the last answer: a witness that is rolled back vouches for what is gone.
//
// # Whom it believes
//
// An owner head is believed for its signature: the first one registers the
// vault with its key, later ones must be signed by that key or by a successor
// that it signed. Whoever steals the credential of a client of the witness can
// therefore not move an owner checkpoint. The shared, private and journal
// checkpoints are believed from the client that reports them; a false report of
// those can refuse service, and cannot open anything or pass off old data as new.
//
// A PIN of six digits is tested in an instant by whoever has a copy of what it
// opens. So what it opens lies under a key that is made of the card's own secret
// and of what the witness makes of the PIN ([Witness.Evaluate]): without the
// witness there is nothing to test a guess against, and the witness, which is
// given a keyed hash, has nothing to test one against either. It counts first,
// and after twenty tries it stops. With the store of a witness these keys would be
// lost, and every card would have to be made anew: so two people keep them as an
// escrow ([NewEscrow]), and a witness that has lost everything else is given them again
// ([Escrow.PutBack]). They have generations, so that a key that
// may be known to others can be followed by another ([Witness.RenewKey]) while the
// cards of the earlier one go on working until they are replaced.
//
// A counter goes back only on a statement signed by the vault's key. The service
// that asks for the tries cannot reset them by saying that one succeeded.
//
// # Helping somebody back in
//
// A path back in that takes nothing, or too little, of the person's needs somebody
// who keeps to the rules: the witness. The vault's key signs a policy, which comes
// with the owner side: at which counters the witness evaluates within requests only,
// who may open and agree to one, and how long it waits ([Witness.Begin],
// [Witness.Approve], [Witness.EvaluateWithin], [Witness.Cancel]). It holds what people
// of a relay say against the head of their relay's space, as it knows it itself, so
// that who has left approves of nothing. What it evaluates opens nothing alone.
//
// # Restores
//
// An operator who puts the store back from a backup does what an attacker would.
// Two things tell them apart. The witness gives back the owner side, with each
// owner head kept before that head was raised ([Witness.Keep],
// [Witness.OwnerSide]), so that a password of that day opens nothing today. And
// for the rest the operator signs which heads were put back, with a key that the
// running service does not have; the witness countersigns it and begins a new
// restore epoch, in which its checkpoints are these ([Witness.Restore]). Vaults
// demand both signatures. Checkpoints are ordered by epoch first, so that
// whatever was true before the restore is simply earlier. A checkpoint that a
// stolen credential raised is set right in the same way.
//
// # What is durable
//
// Owner checkpoints, owner sides, counted tries, keys, resets and restores are
// durable before the answer.
// Other checkpoints may be reported as not urgent: they count at once, and are
// written together within [Config.FlushEvery] and by [Witness.Close]. A crash
// loses at most those.
//
// # Time
//
// A wait must not become shorter because somebody set a clock, nor endless. So
// the witness has a time of its own. It begins at the machine's clock or at the
// highest time ever recorded, whichever is later, and then moves by elapsed
// time, which a step of the clock does not change. The highest time is written
// in the same commit as each try that it dates. It follows that
//
//   - a clock set back while the witness runs, or between two runs, changes
//     nothing: the wait goes on from where it stood, at the usual pace;
//   - a clock set forward while it runs changes nothing either;
//   - a clock set forward between two runs is believed, as nothing tells it from
//     a witness that was switched off. Whoever can do that to the witness's
//     machine can end a wait, also of a request: who keeps the witness is trusted
//     with that, and with nothing that opens a vault alone;
//   - time in which the machine was suspended may not count until the next start.
//
// Every wait is a difference of this time, so that it never exceeds fifteen
// minutes, or what the policy says, even where the time itself is wrong. Of several processes over one
// store, one that meets a later time on record goes on from there.
package witness
