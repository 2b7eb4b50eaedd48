package vault

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
)

// TestBodiesHaveTheBytesThatWerePublished: whoever changes what is stored, or how, sees it
// here. With -update a file that is not there is written.
func TestBodiesHaveTheBytesThatWerePublished(t *testing.T) {
	t.Parallel()
	got, err := testvectors.Bodies(map[string]any{
		"kdf": seal.KDF{}, "owner-head": seal.OwnerHead{}, "restore": seal.Restore{},
		"service-keys": serviceKeysBody{}, "keyslot": slotBody{}, "keyring-clear": keyringClear{}, "keyring": keyringBody{},
		"head-clear": clearHead{}, "head": sealedHead{}, "page-clear": pageClear{}, "item-clear": recordClear{}, "item": recordBody{}, "item-facts": recordFacts{},
		"journal-head": journalHead{}, "entry-clear": entryClear{}, "entry": entryBody{}, "entry-facts": entryFacts{},
		"paper-clear": paperClear{}, "paper": ownerPaper{}, "consent": consentBody{}, "space": spacePaper{}, "restored": restoredBody{},
		"card": cardPaperBody{}, "factor": factorBody{}, "rules": rulesBody{}, "representative": representativeBody{}, "gaps": gapsBody{},
		"terms": Terms{}, "path": pathBody{}, "policy": seal.Policy{}, "policy-inbox": seal.PolicyInbox{}, "policy-paper": policyPaper{}, "approval": seal.Approval{}, "signed-approval": seal.SignedApproval{}, "grant": grantBody{}, "grant-paper": grantPaper{}, "deposit-clear": depositClear{}, "deposit": depositBody{},
		"wish": wishBody{}, "carry": wishCarry{}, "death": deathBody{}, "seen": lastSeen{}, "moving": moving{},
		"session-clear": sessionClear{}, "session": sessionBody{}, "stop-clear": stopClear{}, "stop": stopBody{}, "stop-facts": stopFacts{}, "receipt": receiptBody{},
	}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies.txt", got)
	// What was added since; those of before never change.
	got, err = testvectors.Bodies(map[string]any{"upload-clear": uploadClear{}, "upload": uploadBody{}, "upload-facts": uploadFacts{}, "once": onceBody{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-added.txt", got)
	got, err = testvectors.Bodies(map[string]any{"document-data": documentData{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-attested.txt", got)
	got, err = testvectors.Bodies(map[string]any{"remind": remindBody{}, "remind-to": remindToBody{}, "reminder": reminderBody{}, "remind-paper": remindPaperBody{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-remind.txt", got)
	got, err = testvectors.Bodies(map[string]any{"partners": partnersBody{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-partners.txt", got)
	got, err = testvectors.Bodies(map[string]any{"partner-links": partnerLinksBody{}, "partner-leaving": partnerLink{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-partner-links.txt", got)
	got, err = testvectors.Bodies(map[string]any{"arrival": arrivalBody{}, "arrival-paper": arrivalPaperBody{}, "departure": departureBody{}, "transfer-keys": transferKeysBody{}, "transfer-box": transferBody{}, "transfer-receipt": transferReceiptBody{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-transfer.txt", got)
	got, err = testvectors.Bodies(map[string]any{"link": linkBody{}, "link-credential": linkCredential{}, "link-paper": linkPaper{}, "uses": usesBody{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-links.txt", got)
	got, err = testvectors.Bodies(map[string]any{"kept-apart": keptBody{}}, seal.Marshal)
	require.NoError(t, err)
	requireBodies(t, "testdata/bodies-kept.txt", got)
}

func requireBodies(t *testing.T, file string, got *testvectors.Vector) {
	t.Helper()
	if _, err := os.Stat(file); os.IsNotExist(err) && flag.Lookup("update").Value.String() == "true" {
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}
