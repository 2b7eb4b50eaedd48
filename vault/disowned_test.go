package vault_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// The line is cut just after the acknowledgement has arrived: Create must answer
// with an error, and what it left must not stay for ever.
func TestACreationWhoseAnswerIsLostIsSwept(t *testing.T) {
	t.Parallel()
	w := newWatched(t, nil)
	w.line.cutAfter(2)
	_, err := w.Create(t.Context(), vaulttest.CreateRequest("bato kiru mesa"))
	require.ErrorIs(t, err, vault.ErrUnknown)
	report, err := w.Sweep(t.Context())
	require.Error(t, err, "not now")
	require.NotZero(t, report.Failed)
	w.heal()
	require.Len(t, vaultsIn(t, w.Store), 1)
	for range 2 {
		_, err = w.Sweep(t.Context())
		require.NoError(t, err)
		w.Clock.Advance(25 * time.Hour)
	}
	for _, key := range keys(t, w.Store, "") {
		require.Regexp(t, regexp.MustCompile("^(svc/keys|login/.*|.*/h/o)$"), key, "a tombstone at most")
	}
	ids := vaultsIn(t, w.Store)
	require.Len(t, ids, 1)
	id, err := vault.ParseID(ids[0])
	require.NoError(t, err)
	known, err := w.Witness.Latest(t.Context(), id)
	require.NoError(t, err)
	require.Len(t, known, 1, "the witness knows that it is erased")
	again, err := w.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, again)
	w.Person(t) // and the service goes on
}
