package consent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever prints the list when the centre opens has on it what is to be told on that day,
// at whichever hour it was to be told, and who was added late.
func TestAListIsWholeWhenTheDayBegins(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	tn.agreesToBeTold(t)
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	friday := time.Date(2026, 3, 6, 15, 0, 0, 0, paris)
	tn.remindedOf(t, friday)
	require.Equal(t, time.Date(2026, 3, 5, 0, 0, 0, 0, paris), tn.Clock.Now().In(paris), "by night: a list wakes nobody")
	tn.Clock.Set(time.Date(2026, 3, 5, 7, 0, 0, 0, paris))
	require.Len(t, listAt(t, tn.again(t)), 1)

	tn.Clock.Set(time.Date(2026, 3, 5, 11, 7, 0, 0, paris))
	tn.amina.Vault = tn.amina.SignIn(t, tn.Stage.Stage)
	tn.remindedOf(t, time.Date(2026, 3, 6, 10, 0, 0, 0, paris))
	tn.Clock.Set(time.Date(2026, 3, 5, 11, 8, 0, 0, paris))
	require.Len(t, listAt(t, tn.again(t)), 2, "late, and at once")
}

// A code that was used, or that another one was sent after, is not there to be given.
func TestACodeThatIsNoLongerGoodLeavesTheList(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	require.NoError(t, tn.amina.Vault.AskReminders(t.Context(), tn.told(t)))
	first := listAt(t, tn.post(t))
	require.NoError(t, tn.amina.Vault.AskReminders(t.Context(), tn.told(t)))
	second := listAt(t, tn.post(t))
	require.Len(t, second, 1)
	require.NotEqual(t, first[0].Line, second[0].Line)
	_, err := tn.amina.Vault.ConfirmReminders(t.Context(), second[0].Code)
	require.NoError(t, err)
	require.Empty(t, listAt(t, tn.post(t)))
}
