// Package reconnect is the front page of a digital safe for people who live on the street, in shelters or on the move: copies of
// their papers, their contacts and the dates of their appointments, encrypted so that stored data cannot be read while they are away.
// There is nothing to import here; the packages below are the library.
//
// # Map
//
// The folders are the architecture. Imports point one way: storage <- quota <- vault <- consent <- recovery <- refserver. A test holds it.
//
//	storage             what is kept: records and blobs, opaque bytes, and the contract that every driver proves
//	  memstore          both in memory, for tests
//	  sqlitestore       records in one SQLite file
//	  postgresstore     records in PostgreSQL, for several processes
//	  filestore         blobs in local files, durable
//	  bucket            blobs in S3, and in GCS and Azure by URL
//	  storagetest       the suite that proves a driver, and stores that misbehave on purpose
//	quota               how much: allowance, reservations, increase on request
//	vault               one person's safe: items, compartments, keyrings, keyslots, heads, journal, export
//	  local             everything for one machine wired together, in one line
//	  backup            copies of everything while it runs, and their lawful return
//	  bundle            what people bring with them: read, checked, planned, taken in; sealed with age
//	  vaulttest         a ready vault for the tests of who embeds one
//	consent             who may be let in: relays and their licences, workers, following, visits, receipts
//	  consenttest       a ready service with relays for the tests of who embeds one
//	recovery/witness    the witness: checkpoints, guesses, restores; embedded, or as a server and its client
//	refserver           a small server that shows how, and runs in a centre
//	examples            whole programs, each run by a test
//
// docs/format.md draws every stored form; examples/reader opens it without this library.
//
// Later releases add the rest of recovery: getting back in with two halves.
//
// # Words
//
// These words mean one thing everywhere, in code, papers and messages.
//
//   - Compartment: one part of a vault with keys of its own. Owner holds the signing key, the journal's inbox and recovery material, and
//     is never given to anyone; Shared can be given to a relay; Private is the person's alone. Whether a paper is private is which
//     compartment it lies in, not a flag beside it.
//   - Root: 256 random bits of one compartment, which a keyslot opens. It never leaves the person's side.
//   - Keyring: the generations of a compartment's keys, sealed under its root.
//   - Generation: one set of keys of a compartment, for sealing and for its inbox. A relay is given a generation of Shared, never the root.
//   - Keyslot: one way to open roots: password, access card with PIN, one recovery path.
//   - Grant: what lets a relay open Shared: terms signed by the vault, and the generation sealed to the relay.
//   - Head: per compartment the one record that every change moves: version, digests of the index, generation.
//   - Journal: what happened, sealed so that only the person reads it. It has a head of its own.
//   - Witness: a small independent service that remembers checkpoints (version and hash of each head), limits guesses and keeps the
//     clock of waits. Embedded on one machine; another organisation's server where it counts.
//   - Half: one of the two inputs that a recovery keyslot needs.
//   - Recovery request: one attempt to get back in, with its approvals and its end.
//   - Person: the holder of the vault. Worker: a social worker at a relay. Relay: a centre, shelter or team. Manager: adds and removes a
//     relay's workers. Desk: answers the phone. Operator: runs the server. Authority: signs relays, managers and desks. Organisation:
//     what each signed directory entry belongs to.
//   - Access card: carried, with a QR code and a PIN; signs in. Recovery sheet: kept elsewhere, with a code; only recovers.
//   - Key service: what wraps keyslots once more: a cloud key service or a local key file.
package reconnect
