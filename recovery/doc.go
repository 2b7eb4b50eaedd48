// Package recovery helps people back in who have forgotten their password, or lost
// everything: with their recovery sheet, answers to their own questions, or, if they
// allowed that, with nothing but two people of a relay and two of a desk, and a wait.
// No helper gets in by that door, alone or together with the operator.
//
// A way back in is a path of package vault: a keyslot that opens for two who each hold a
// half. Here is what the halves are made of, and how they come together:
//
//	Enrol, Review, Withdraw, Confirm   the person, in their session, with their secret
//	Open, Contribute, Approve, Cancel  people of relays and desks, each in their own
//	Enter, then Complete               the person alone, on any device, with a code
//	Own, CancelOwn, OpenPending        the person, afterwards, or before
//
// A request lies in the vault that it is about:
//
//	V/rq/<id>          who opened it, signed; a public key; its private half, sealed under the code
//	V/rq/<id>/r, /d    what a relay and the desk gave: signed, boxed to the public key
//	V/rq/<id>/t/<hash> the private half, sealed under the token of a page that is at it;
//	                   or only until when, under the token of who came too early
//	R/in/q/<note>      who is asked to help finds it here: boxed to them
//
// The store learns from it that somebody wants to get in, and not who helps, nor what is
// said.
package recovery
