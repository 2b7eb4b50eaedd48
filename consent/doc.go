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
// # Workers
//
// A worker has a space of their own and a second factor. The operator's code
// ([Service.InviteManager]) makes the account of the first one ([Service.Enrol]), who
// founds the relay ([Worker.FoundRelay]); the authority signs its id and key. A manager
// gives others a code ([Post.Invite]), with which they enrol and ask ([Worker.Ask]), and
// lets them in by the digits of their key, read aloud ([Post.Admit]). From then on
// [Service.SignIn], [Worker.At] and [Worker.Relays] lead to a [Post]. To open people's
// spaces a worker needs a session: ask for one when they sign in
// (vault.Password.Session) or enrol ([NewWorker]).
//
// # To begin
//
// Parts are made in this order, over one store and one witness: [OpenDirectory];
// [NewRegister]; the vaults, with the register as vault.Config.Directory; [New].
// local.OpenWith of package vault/local does the vaults on one machine. examples/relay
// is a whole program, and package consent/consenttest a ready stage for tests.
//
// # Originals that were seen
//
// A worker who has held the original of a paper signs that the copy shows it
// ([Post.Attest]); anybody verifies it, here ([Service.CheckAttestation]) or with the
// published keys ([Service.AttestKeySet]); the person and the relay take it back
// ([Service.RevokeAttestation], [Post.Revoke]).
//
// # What stays open
//
// While the witness is away, reading goes on against what this process has seen,
// and [Directory.Away] says so. A server that has just started and finds the witness
// away has seen nothing: to it a store can show an old directory.
package consent
