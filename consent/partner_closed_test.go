package consent_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// A link of a space that is closed is as one that was ended: a partner is not told which.
func TestALinkToAClosedSpaceIsAsOneThatEnded(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	link := agreedLink(t, tn, caf)
	_, err := tn.office(t, caf).AskLinked(t.Context(), link, tn.newAsk())
	require.NoError(t, err)
	_, err = tn.amina.Vault.CloseAccount(t.Context(), tn.amina.Password)
	require.NoError(t, err)
	_, err = tn.office(t, caf).AskLinked(t.Context(), link, tn.newAsk())
	require.ErrorIs(t, err, vault.ErrNotFound)
}

// agreedLink is a link to which Amina agreed.
func agreedLink(t *testing.T, tn *town, b *body) string {
	t.Helper()
	traits := consent.Traits{Number: "123", FamilyName: "A", FirstName: "B", BirthDate: "1990-01-01"}
	blind, err := consent.BlindTraits(traits)
	require.NoError(t, err)
	code, err := tn.service.AskCode(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	token, err := tn.office(t, b).AskLink(t.Context(), code.Code, housingAid, blind)
	require.NoError(t, err)
	require.NoError(t, tn.service.AgreeLink(t.Context(), tn.amina.Vault, tn.waiting(t).ID, traits))
	link, err := tn.office(t, b).Link(t.Context(), token)
	require.NoError(t, err)
	return link
}
