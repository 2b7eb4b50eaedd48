package recovery_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// F4: how long a request by sheet lasts, its record says in the clear. Who opened it has
// signed that, and a store that says otherwise is not believed: the witness knows nothing of
// such a request, but for some time that it was cancelled.
func TestNoStoreMakesARequestLastLonger(t *testing.T) {
	t.Parallel()
	s := newHostile(t)
	sheet := s.withSheet(t)
	h := s.Begin(t, vault.PathSheetRelay)
	s.Clock.Advance(15 * 24 * time.Hour)
	_, err := s.enter(t, h)
	require.ErrorIs(t, err, recovery.ErrRequest)
	key, _, _ := s.records(h)
	r := s.stored(t, h)
	r.Until = s.Clock.Now().Add(24 * time.Hour).UnixMilli()
	raw, err := seal.Marshal(r)
	require.NoError(t, err)
	s.host.Record(key).Forge(raw)
	_, err = s.enter(t, h)
	require.ErrorIs(t, err, recovery.ErrRequest)
	s.host.Honest()
	s.comesBack(t, s.Begin(t, vault.PathSheetRelay), recovery.Completion{Sheet: sheet.Code})
}
