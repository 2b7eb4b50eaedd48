// Package recoverytest sets the stage for tests of programs that embed package recovery:
// everything of consenttest.Stage, a relay and the desk of another organisation, each
// with two people who may help, and somebody whom the relay follows and who let the desk
// help them back in.
//
//	func TestWhoLostTheirPasswordIsBack(t *testing.T) {
//		stage := recoverytest.New(t, nil)
//		made := stage.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}})
//		help := stage.Begin(t, vault.PathSheetRelay)
//		back := stage.Complete(t, help, recovery.Completion{Sheet: made.Sheet.Code})
//		...
//	}
//
// Waits are the real ones, and pass when the stage's clock moves: [Stage.Wait].
// [Stage.Another] is a second service over the same data, as another process would be.
// The package works in test binaries only.
package recoverytest
