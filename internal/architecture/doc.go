// Package architecture holds the rules of this module as tests: which package may import which, what the core may depend on, that
// everything exported is explained, and that what the papers promise is true of the repository.
//
// There is nothing here to import. Each rule is a function from what was read to a list of sentences, and is itself tested on a small
// invented module that breaks it. After a wanted change of the core's dependencies:
//
//	go test ./internal/architecture -run TestCoreDependencies -update
//
// and after a new test of an attack, to have the threat model name it:
//
//	go test ./internal/architecture -run TestTheThreatModel -update
package architecture
