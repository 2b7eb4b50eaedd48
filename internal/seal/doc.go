// Package seal closes and opens everything that is stored: records, keyslots,
// notes to somebody's inbox, signed heads and whole documents. It is the only
// package that imports Tink. It does no I/O of its own, so that it can also be
// compiled for a browser.
//
// # Words
//
//   - compartment: one part of a vault with keys of its own, Owner, Shared or Private;
//   - root: 256 random bits of one compartment, what a keyslot opens;
//   - generation: one [Key] and one inbox [BoxKey] of a compartment;
//   - keyring: the generations of a compartment, sealed under its root;
//   - keyslot: one way to open roots;
//   - head: the record that every change of a compartment moves;
//   - envelope: a sealed or signed record in the form of this package.
//
// # Promises
//
//   - An envelope opens only with its key and only in the place it was made for:
//     the [Context] (suite, type, vault, compartment, generation, object,
//     revision, holder), the format, the algorithm and the clear header are its
//     associated data, in an encoding that no two places share.
//   - Format and algorithm are checked before any key is used, and the caller's
//     method fixes the algorithm. Nothing is negotiated.
//   - Wrong key, altered, truncated and wrong place are one error, [ErrOpen].
//   - Envelopes whose key comes from a human secret are committed: a ciphertext
//     that opens under two keys is refused before it is decrypted.
//   - Nothing is compressed. Bodies and documents are padded to size classes.
//   - A stream releases no byte that is not verified, and not its last bytes
//     before all of it is.
//   - No key, secret or plaintext appears in an error, and keys cannot be printed.
//
// # Limits
//
// The boxes are HPKE in base mode: anybody who has the public key can seal to
// it, so what must come from somebody is signed as well. Go cannot promise to
// wipe memory. Padded sizes stay visible.
package seal
