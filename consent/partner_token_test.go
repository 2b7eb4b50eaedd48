package consent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

func (tn *town) entered(t testing.TB, b *body, jti string) (consent.PartnerToken, error) {
	t.Helper()
	return tn.office(t, b).Enter(t.Context(), jti, tn.Clock.Now().Add(time.Minute))
}

func TestAnAssertionOpensAnOfficeOnce(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf, cpam := tn.newBody(t, "CAF"), tn.newBody(t, "CPAM")
	token, err := tn.entered(t, caf, "one")
	require.NoError(t, err)
	_, err = tn.entered(t, caf, "one")
	require.ErrorIs(t, err, vault.ErrRepeated)
	_, err = tn.entered(t, cpam, "one")
	require.NoError(t, err, "one partner uses up no id of another")
	office, err := tn.service.OfficeOf(t.Context(), token.Token)
	require.NoError(t, err)
	require.Equal(t, caf.ID, office.Partner().ID)
	for key, value := range tn.contents(t) {
		require.NotContains(t, key+string(value), token.Token, "the store has no token")
	}
	for name, ends := range map[string]time.Duration{"over": 0, "too long": consent.MaxAssertion + time.Second} {
		_, err = tn.office(t, caf).Enter(t.Context(), name, tn.Clock.Now().Add(ends))
		require.ErrorIs(t, err, vault.ErrInvalid, name)
	}
	_, err = tn.entered(t, caf, "")
	require.ErrorIs(t, err, vault.ErrInvalid)
}

func TestATokenOfAPartnerEnds(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	enter := func(jti string) string {
		token, err := tn.entered(t, caf, jti)
		require.NoError(t, err)
		return token.Token
	}
	ended := func(token string, as error) {
		t.Helper()
		_, err := tn.service.OfficeOf(t.Context(), token)
		require.ErrorIs(t, err, as)
	}
	first := enter("1")
	tn.Clock.Advance(consent.PartnerTokenLasts)
	ended(first, vault.ErrSessionEnded)
	ended("", vault.ErrSessionEnded)
	ended(first[:51]+"x", vault.ErrSessionEnded)

	second := enter("2")
	next, err := consent.NewPartnerKeys()
	require.NoError(t, err)
	caf.Key, caf.Box = next.Key(), next.Box()
	tn.publish(t, consent.Change{Partner: &caf.Partner})
	ended(second, vault.ErrSessionEnded) // it was given to the former key

	third := enter("3")
	tn.publish(t, consent.Change{WithdrawPartner: &caf.ID, On: "2026-03-02"})
	ended(third, vault.ErrEnded)
}
