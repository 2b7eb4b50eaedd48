// Package consenttest sets the stage for tests of programs that embed package
// consent: everything of vaulttest.Stage, an authority with its directory, one
// organisation, and relays with people who work there and are signed in.
//
//	func TestAWorkerSeesWhatIsShared(t *testing.T) {
//		stage := consenttest.New(t, nil)
//		harbour := stage.Relay(t, "Harbour")
//		samir := harbour.Hire(t, "Samir", consent.RoleHelp)
//		amina := stage.Person(t)
//		...
//		post := samir.At(t, harbour)
//		...
//	}
//
// [Stage.Another] is a second service over the same data, as another process would
// be. Second factors and passwords cost next to nothing here. The package works in
// test binaries only.
package consenttest
