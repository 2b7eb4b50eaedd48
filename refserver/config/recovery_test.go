package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/vault"
)

func TestWithoutSettingsAllWaysBackInAreOfferedAndWaitTheLeast(t *testing.T) {
	t.Parallel()
	c := parse(t)
	require.Nil(t, c.Recovery.Offered())
	require.Equal(t, recovery.LeastWaits(), c.Recovery.Waits())
	require.Equal(t, 14*24*time.Hour, c.Recovery.RequestLife())
	require.False(t, c.WitnessIndependent)
}

func TestWaysBackInAreSetByFlagsOrTheFile(t *testing.T) {
	t.Parallel()
	c := parse(t, "--recovery-offer", "sheet-relay,answers-relay", "--recovery-answers-wait", "48", "--recovery-private-wait", "60")
	require.Equal(t, []vault.PathKind{vault.PathSheetRelay, vault.PathAnswersRelay}, c.Recovery.Offered())
	require.Equal(t, 48*time.Hour, c.Recovery.Waits().AnswersDesk)
	require.Equal(t, 60*24*time.Hour, c.Recovery.Waits().HelpersPrivate)
	c = parse(t, "--config", write(t, "c.yaml", "recovery-offer: [sheet-relay, sheet-desk]\nrecovery-helpers-wait: 10\nrecovery-requests-last: 30\n"))
	require.Equal(t, []vault.PathKind{vault.PathSheetRelay, vault.PathSheetDesk}, c.Recovery.Offered())
	require.Equal(t, 10*24*time.Hour, c.Recovery.Waits().Helpers)
	require.Equal(t, 30*24*time.Hour, c.Recovery.RequestLife())
	require.Nil(t, parse(t, "--recovery-offer", "all").Recovery.Offered())
	none := parse(t, "--recovery-offer", "none").Recovery.Offered()
	require.NotNil(t, none)
	require.Empty(t, none)
}

// F4: nobody configures away the time in which a person sees what was asked for.
func TestNoSettingShortensAWait(t *testing.T) {
	t.Parallel()
	for _, wrong := range [][2]string{
		{"--recovery-answers-wait", "0"}, {"--recovery-answers-wait", "-48"}, {"--recovery-answers-wait", "8761"},
		{"--recovery-helpers-wait", "366"}, {"--recovery-private-wait", "9223372036854775"}, {"--recovery-requests-last", "31"},
		{"--recovery-offer", "all,none"}, {"--recovery-offer", "sheet-relay,none"},
	} {
		require.Contains(t, refused(t, wrong[0]+"="+wrong[1]), wrong[0])
	}
	require.Contains(t, refused(t, "--recovery-helpers-wait", "40"), "--recovery-private-wait must not be less")
}

// Of whom a witness is, only the operator can say; their own is not somebody else's.
func TestOnlyAWitnessElsewhereIsOfAnotherOrganisation(t *testing.T) {
	t.Parallel()
	require.Contains(t, refused(t, "--witness-independent"), "--witness-independent is given without --witness")
	require.True(t, parse(t, "--witness", "https://w.example.org", "--witness-key", aKey(t, "w"), "--witness-independent").WitnessIndependent)
	require.False(t, parse(t, "--witness", "https://w.example.org", "--witness-key", aKey(t, "w")).WitnessIndependent, "elsewhere may be the next room")
}
