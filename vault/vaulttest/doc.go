// Package vaulttest sets the stage for tests of programs that embed package
// vault: a whole service with a clock that the test moves, and people who are
// signed in.
//
//	func TestALetterIsKept(t *testing.T) {
//		stage := vaulttest.New(t, nil)
//		amina := stage.Person(t)
//		letter, err := amina.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "Letter"}, strings.NewReader("…"))
//		...
//		stage.Clock.Advance(time.Hour)
//		again := amina.SignIn(t, stage)
//		...
//	}
//
// Everything is in memory and gone with the test, unless [Options.Folder] names
// a folder: then records lie in SQLite and documents in files, as in a service
// on one machine, and a second [New] on the folder finds them again. With
// [Options.Records] and [Options.Documents] a stage stands on any other store,
// also on one that lies: see storagetest.Malicious.
//
// Each part can be wrapped: to count calls, to record what passes, to fail.
// [Stage.Another] is a second service over the same data, as another process
// would be: without the wraps, to see what a fault has left.
//
// Passwords cost next to nothing here. The package works in test binaries only.
package vaulttest
