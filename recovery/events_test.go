package recovery_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

type heard map[vault.EventType]int

func (h heard) Publish(_ context.Context, e vault.Event) error {
	h[e.Type]++
	return nil
}

func TestThatSomebodyAsksToGetBackInIsAnEvent(t *testing.T) {
	t.Parallel()
	h := heard{}
	s := recoverytest.New(t, &recoverytest.Options{Consent: consenttest.Options{Vault: vaulttest.Options{Events: h}}})
	sheet := s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{}}).Sheet
	s.Complete(t, s.Begin(t, vault.PathSheetDesk), recovery.Completion{Sheet: sheet.QRText()})
	s.Clock.Advance(time.Hour)
	_, err := s.PublishEvents(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, h[vault.EventRecoveryOpened])
	require.Equal(t, 1, h[vault.EventVaultRecovered])
}
