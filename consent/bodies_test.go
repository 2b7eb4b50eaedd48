package consent

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
)

var updateBodies = flag.Bool("update", false, "write testdata/bodies.txt if it is not there")

// TestBodiesHaveTheBytesThatWerePublished: whoever changes what is stored, or how, sees it
// here.
func TestBodiesHaveTheBytesThatWerePublished(t *testing.T) {
	t.Parallel()
	got, err := testvectors.Bodies(map[string]any{
		"directory-page": page{}, "organisation": Organisation{}, "relay": Relay{}, "licence": Licence{}, "bundle": bundle{},
		"credential": seal.Credential{}, "member": seal.CredentialBody{}, "membership": membership{}, "member-facts": memberFacts{},
		"ask": askBody{}, "invitation": invitationRecord{}, "invited": invitedRecord{}, "profile": profile{}, "founding": founding{}, "left-key": leftKey{},
		"roster-entry": rosterEntry{}, "draft": draftEntry{}, "opened-mark": openedEntry{}, "note": noteBody{}, "note-facts": noteFacts{},
		"follow-facts": followFacts{}, "kept-receipt": keptReceipt{}, "open-vault": opened{}, "consent-receipt": Receipt{},
	}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies.txt", got)
	// What was added since; those of before never change.
	got, err = testvectors.Bodies(map[string]any{"attest-key": attestKeyData{}, "attest-published": attestKeyRecord{}, "attest-public": attestKeyBody{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-attest.txt", got)
	got, err = testvectors.Bodies(map[string]any{
		"partner-book": partnerBook{}, "partner-refused": refusedAsk{}, "partner-kept-link": keptLink{}, "partner-request": askedBody{}, "partner-code": codeSlip{},
		"partner-ask": askSlip{}, "partner-answer": answerSlip{}, "partner-paper": paperSlip{}, "partner-link": linkSlip{}, "partner": Partner{}, "partner-page": partnerPage{},
	}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-partners.txt", got)
	got, err = testvectors.Bodies(map[string]any{"partner-token": tokenSlip{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-partner-tokens.txt", got)
	got, err = testvectors.Bodies(map[string]any{"partner-count": countSlip{}, "partner-places": placesSlip{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-partner-limits.txt", got)
	got, err = testvectors.Bodies(map[string]any{"attest-end": attestEndBody{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-attest-end.txt", got)
	got, err = testvectors.Bodies(map[string]any{"attest-ended": attestEndRecord{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-attest-ended.txt", got)
	got, err = testvectors.Bodies(map[string]any{"partner-leave": leaveSlip{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-partner-leave.txt", got)
	got, err = testvectors.Bodies(map[string]any{"told": toldBody{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-told.txt", got)
	got, err = testvectors.Bodies(map[string]any{"invitation-label": labelBody{}, "asked-mark": askedMark{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-invited.txt", got)
}

func requireBodies(t *testing.T, file string, got *testvectors.Vector) {
	t.Helper()
	if _, err := os.Stat(file); os.IsNotExist(err) && *updateBodies {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}
