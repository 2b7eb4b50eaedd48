package recovery_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// recovered is how often a relay or a desk counted that somebody came back in.
func recovered(t *testing.T, s *recoverytest.Stage, at vault.ID) (n int) {
	t.Helper()
	prefix := "svc/count/" + at.String() + "/" + s.Clock.Now().Format("2006-01") + "/recovered/"
	for _, err := range s.Store.All(t.Context(), prefix) {
		require.NoError(t, err)
		n++
	}
	return n
}

func TestWhoCameBackInIsCountedOnceAtEachWhoHelped(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	sheet := s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}}).Sheet
	help := s.Begin(t, vault.PathSheetDesk)
	page := s.Enter(t, help)
	wrong := recovery.Completion{Sheet: sheet.QRText()[:5], Password: "another long one 7"}
	_, err := page.Complete(t.Context(), wrong)
	require.Error(t, err)
	require.Zero(t, recovered(t, s, s.Line.ID), "who did not come in is not counted")

	s.Complete(t, help, recovery.Completion{Sheet: sheet.QRText()})
	_, err = page.Complete(t.Context(), recovery.Completion{Sheet: sheet.QRText(), Password: "another long one 8"})
	require.Error(t, err)
	require.Equal(t, 1, recovered(t, s, s.Line.ID))
	require.Zero(t, recovered(t, s, s.Harbour.ID), "which had no part in it")
}
