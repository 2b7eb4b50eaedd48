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
// # Following
//
// A person lets a relay follow ([Service.Follow]): they read a notice, say what it may
// and for how long, and show their secret again. They are given a [Receipt], which
// their vault and the service both sign, and one of the end ([Service.Withdraw]).
// [Service.Followers] and [Service.WhatHappened] say who can see, who could, and who
// opened what and why.
//
// A worker at a relay ([Post]) sees whom it follows ([Post.People]), opens one of them
// at a time for a [Purpose] ([Post.Open]), and opens accounts together with new people
// ([Post.OpenAccount]). Who is not followed can show a worker what they choose for a
// while ([Service.Visit], [Post.OpenVisit]).
//
// What was seen may have been kept: an end keeps out from what comes, and cannot take
// back. A worker who may see holds the keys of what is shared; that they only see and
// do not add is this service's to hold, and each reading is in the journal because it
// goes through this service.
//
// # What stays open
//
// While the witness is away, reading goes on against what this process has seen,
// and [Directory.Away] says so. A server that has just started and finds the witness
// away has seen nothing: to it a store can show an old directory.
package consent
