// Package consent says who may be let into a vault, and by whose word.
//
// # Directory
//
// The authority says who the relays are. What it says is the directory: one head
// that it signs, and pages of entries (organisations, relays, licences) that the
// head names by their digests. Everybody can read it; nothing in it is secret, and
// nothing in it is about a person. [OpenDirectory] reads and publishes it.
//
// The authority's key is never in the server. [Authority] holds it, on a machine
// of its own if one likes: it turns changes into a whole new directory as bytes,
// which are carried to the server, and [Directory.Publish] verifies every one of
// them again. The public half of its first key is configuration.
//
// The store can do nothing to the directory that is not noticed: an entry that was
// altered or made up fails its digest ([vault.ErrTampered]), a head that somebody
// else signed is [vault.ErrUntrustedKey], one that the witness remembers a later
// one of is [vault.ErrStale], another one of the same version [vault.ErrTampered].
//
// A relay's entry names the first signing key of the relay's own space. Which keys
// follow it, the relay's own head says. The end of a licence closes nothing but the
// opening of new vaults.
//
// # What stays open
//
// While the witness is away, reading goes on against what this process has seen,
// and [Directory.Away] says so. A server that has just started and finds the witness
// away has seen nothing: to it a store can show an old directory.
package consent
