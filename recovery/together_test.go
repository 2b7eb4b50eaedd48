package recovery_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// together does something several times at once.
func together(n int, do func(i int) error) []error {
	errs, all := make([]error, n), sync.WaitGroup{}
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errs
}

// Two helpers press the button at the same moment: one request waits, and the other is
// told so.
func TestOfTwoRequestsAtOnceOneWaits(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	s.Enrol(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{}})
	samir, rosa := s.Post(t, s.Samir), s.Post(t, s.Rosa)
	n := asksTheDesk(s, s.Way(t, samir, vault.PathHelpers))
	opened := 0
	for i, err := range together(4, func(i int) error {
		p := samir
		if i%2 == 0 {
			p = rosa
		}
		_, err := s.Recovery.Open(t.Context(), p, n)
		return err
	}) {
		if err == nil {
			opened++
		} else {
			require.ErrorIs(t, err, recovery.ErrOpen, i)
		}
	}
	require.Equal(t, 1, opened)
	all, err := s.Recovery.Requests(t.Context(), samir, n.Vault)
	require.NoError(t, err)
	require.Len(t, all, 1)
}

// Somebody presses the last button again and again, on two devices: she comes back in
// once, and the password of the one that was first is in force.
func TestWhoeverPressesTwiceComesBackOnce(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	sheet := s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}}).Sheet
	help := s.Begin(t, vault.PathSheetRelay)
	pages := []*recovery.HandOver{s.Enter(t, help), s.Enter(t, help)}
	passwords := []string{"veko lanu timo a", "veko lanu timo b", "veko lanu timo c", "veko lanu timo d"}
	in := ""
	for i, err := range together(len(passwords), func(i int) error {
		_, err := pages[i%2].Complete(t.Context(), recovery.Completion{Sheet: sheet.Code, Password: passwords[i]})
		return err
	}) {
		if err == nil {
			require.Empty(t, in, "one of them")
			in = passwords[i]
			continue
		}
		require.True(t, errors.Is(err, recovery.ErrRequest) || errors.Is(err, vault.ErrSignIn), "%v", err)
	}
	require.NotEmpty(t, in)
	for _, password := range passwords {
		_, err := s.Unlock(t.Context(), vault.Password{Login: s.Amina.Login, Secret: password})
		require.Equal(t, password == in, err == nil, "%v", err)
	}
}

// A cancel and the last button at the same moment: one of them comes first.
func TestACancelAndACompletionEndInOneOfTheTwo(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	sheet := s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}}).Sheet
	help := s.Begin(t, vault.PathSheetRelay)
	page, rosa := s.Enter(t, help), s.Post(t, s.Rosa)
	errs := together(2, func(i int) error {
		if i == 0 {
			return s.Recovery.Cancel(t.Context(), rosa, help.Request.Vault, help.Request.ID, "")
		}
		_, err := page.Complete(t.Context(), recovery.Completion{Sheet: sheet.Code, Password: recoverytest.NewPassword})
		return err
	})
	require.True(t, (errs[0] == nil) != (errs[1] == nil), "%v", errs)
	_, err := s.Unlock(t.Context(), vault.Password{Login: s.Amina.Login, Secret: recoverytest.NewPassword})
	require.Equal(t, errs[1] == nil, err == nil)
}
