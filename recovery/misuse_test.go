package recovery_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// F12: whoever at the desk opened a request with nothing of the person's would know number,
// code and the desk's part of it, and could complete it in the person's place as soon as
// honest people of a relay have agreed.
func TestADeskOpensNoRequestOfWhichItWouldHaveAllCodes(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	s.Enrol(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{Private: true}})
	path := s.Way(t, s.Post(t, s.Samir), vault.PathHelpers)
	lina := s.Post(t, s.Lina)
	n := recovery.NewRequest{Vault: s.Amina.Vault.ID(), Path: path, Recognised: "she called", Ask: []consent.RelayID{s.Harbour.ID}}
	_, err := s.Recovery.Open(t.Context(), lina, n)
	require.ErrorIs(t, err, vault.ErrInvalid)
	ways, err := s.Recovery.Ways(t.Context(), lina, n.Vault)
	require.NoError(t, err)
	require.Empty(t, ways, "it is not offered what it cannot open")
}

// What is done takes no room at the witness from who forgets again soon, and what of it was
// evaluated cannot be evaluated any more.
func TestWhoForgetsAgainAndAgainIsHelpedEachTime(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	for n := range 6 {
		s.Enrol(t, recovery.Enrolment{Answers: &recovery.NewAnswers{Questions: herQuestions}})
		help := s.Ready(t, vault.PathAnswersRelay)
		back := s.Complete(t, help, recovery.Completion{Answers: asTypedYearsLater, Password: fmt.Sprintf("veko lanu timo fasa %d", n)})
		require.NotNil(t, back.Vault)
		all, err := s.Witness.Requests(t.Context(), s.Amina.Vault.ID())
		require.NoError(t, err)
		for _, r := range all {
			require.True(t, r.Cancelled)
		}
	}
}
