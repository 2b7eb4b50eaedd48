package check_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/refserver/check"
	"reconnect.example/refserver/engines"
	"reconnect.example/vault"
)

// town is a data folder with a directory: the type of each relay, by its organisation.
func town(t *testing.T, relays map[string][]consent.RelayType) (args []string) {
	t.Helper()
	authority := consent.NewAuthority()
	args = []string{"--data", filepath.Join(t.TempDir(), "data"), "--authority", authority.Public().String()}
	e, err := engines.Open(t.Context(), parsed(t, args...))
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close()) }()
	var changes []consent.Change
	for name, types := range relays {
		o := &consent.Organisation{ID: consent.NewOrganisationID(), Name: name, Country: "FR"}
		changes = append(changes, consent.Change{Organisation: o})
		for _, kind := range types {
			public, _, err := ed25519.GenerateKey(rand.Reader)
			require.NoError(t, err)
			changes = append(changes, consent.Change{Relay: &consent.Relay{
				ID: consent.RelayID(consent.NewOrganisationID()), Key: consent.RelayKey(public), Organisation: o.ID, Name: name + " " + string(kind), Type: kind,
				Country: "FR", Since: vault.Date(time.Now().AddDate(0, 0, -1).Format(time.DateOnly)),
			}})
		}
	}
	state, err := authority.Begin()
	require.NoError(t, err)
	state, err = authority.Sign(state, changes...)
	require.NoError(t, err)
	bundle, err := state.Bundle()
	require.NoError(t, err)
	_, err = e.Directory.Publish(t.Context(), bundle)
	require.NoError(t, err)
	return args
}

// said are the findings about ways back in: those that are good, and the others.
func said(t *testing.T, args ...string) (good, other string) {
	t.Helper()
	findings, _, _ := run(t, args...)
	for _, f := range findings {
		switch {
		case f.Part == "recovery" && f.Level == check.Good:
			good += f.Says + "\n"
		case f.Part == "recovery":
			require.Equal(t, check.Warning, f.Level, "a server serves without ways back in, too")
			other += f.Says + " " + f.Do + "\n"
		}
	}
	return good, other
}

func TestWhatKeepsAWayBackInFromExistingIsSaid(t *testing.T) {
	t.Parallel()
	good, other := said(t, "--data", used(t))
	require.Empty(t, good)
	require.Contains(t, other, "Without relays nobody can help anybody back in")

	// F13: one organisation.
	args := town(t, map[string][]consent.RelayType{"City": {consent.TypeDayCentre}})
	good, other = said(t, args...)
	require.Contains(t, good, "sheet-relay, answers-relay.")
	require.Contains(t, other, "There is no desk")
	require.Contains(t, other, "By answers-relay, whoever runs this server and its witness could guess")
	require.Contains(t, other, "--address")
	_, other = said(t, append(args, "--recovery-offer", "answers-relay")...)
	require.NotContains(t, other, "--address", "without sheets nothing is printed on one")
	args = append(args, "--address", "https://espace.example.org")
	good, other = said(t, append(args, "--recovery-offer", "sheet-relay")...)
	require.Contains(t, good, "sheet-relay. Answers")
	require.Empty(t, other, "what is not offered is not missed")
	_, other = said(t, append(args, "--recovery-offer", "helpers")...)
	require.Contains(t, other, "No way back in can be chosen here")

	good, other = said(t, town(t, map[string][]consent.RelayType{"City": {consent.TypeDayCentre, consent.TypeDesk}})...)
	require.Contains(t, good, "sheet-relay, sheet-desk, answers-relay.")
	require.Contains(t, other, "Relays and desk are of one organisation: helpers")
	require.Contains(t, other, "The witness lies on this machine: answers-desk cannot be chosen")
	require.Contains(t, other, "--witness-independent")

	good, other = said(t, town(t, map[string][]consent.RelayType{"Line": {consent.TypeDesk}})...)
	require.Contains(t, good, "sheet-desk.")
	require.Contains(t, other, "There is no relay but desks")
}

func TestWithAWitnessAndADeskOfOthersEveryWayCanExist(t *testing.T) {
	t.Parallel()
	args := town(t, map[string][]consent.RelayType{"City": {consent.TypeDayCentre}, "Line": {consent.TypeDesk}})
	args = append(args, "--address", "https://espace.example.org")
	p := newParties(t)
	elsewhere := []string{"--witness", p.url, "--witness-key", p.server, "--witness-identity", p.minePath}
	good, other := said(t, append(args, elsewhere...)...)
	require.Contains(t, good, "sheet-relay, sheet-desk, answers-relay, helpers.")
	require.Contains(t, other, "Nobody has said that the witness is of another organisation")
	good, other = said(t, append(append(args, elsewhere...), "--witness-independent", "--recovery-answers-wait", "48")...)
	require.Contains(t, good, "sheet-relay, sheet-desk, answers-relay, answers-desk, helpers. Answers by call wait 48 hours, the way with nothing 7 days, for private papers 30.")
	require.Empty(t, other)
}
