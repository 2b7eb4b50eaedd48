package recovery_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/recovery/witness"
	"reconnect.example/vault"
)

// unheard is a witness that no cancel reaches.
type unheard struct{ recovery.Witness }

func (unheard) Cancel(context.Context, [16]byte, [16]byte) error { return vault.ErrWitnessAway }

// F8: a request by the way with nothing, of which the first key was released and which
// nobody completed, ends with a recovery by another way: also where the service cannot say
// so. Its second key would open what was private for who has the halves and an old copy.
func TestWhatWasReleasedForNobodyEndsWithARecoveryByAnotherWay(t *testing.T) {
	t.Parallel()
	var w recovery.Witness
	s := recoverytest.New(t, &recoverytest.Options{Witness: func(real recovery.Witness) recovery.Witness {
		w = real
		return unheard{real}
	}})
	id := s.Amina.Vault.ID()
	sheet := s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{}, Helpers: &recovery.NewHelpers{Private: true}}).Sheet
	left := s.Ready(t, vault.PathHelpers)
	release := func(class int) (vault.Evaluation, error) {
		return w.EvaluateWithin(t.Context(), id, left.Request.ID, s.Vaults.PathCounter(id, left.Request.Path, class), [32]byte{1}, 0)
	}
	e, err := release(0)
	require.NoError(t, err)
	require.NotZero(t, e.Generation)
	s.Complete(t, s.Begin(t, vault.PathSheetRelay), recovery.Completion{Sheet: sheet.Code})
	s.Wait(vault.PathHelpers, true)
	_, err = release(1)
	require.ErrorIs(t, err, witness.ErrRequest)
	_, err = s.Recovery.Enter(t.Context(), left.HandOverCode())
	require.ErrorIs(t, err, recovery.ErrCode)
}
