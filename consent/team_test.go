package consent_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
)

func names(t testing.TB, p *consent.Post) map[string]consent.MemberState {
	t.Helper()
	team, err := p.Members(t.Context())
	require.NoError(t, err)
	out := map[string]consent.MemberState{}
	for _, m := range team.Members {
		out[m.Name] = m.State
	}
	return out
}

func TestARelayIsFoundedSignedAndStaffed(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	ctx := t.Context()
	i, err := s.InviteManager(ctx)
	require.NoError(t, err)
	boss, err := s.Enrolled(ctx, i.Code, "Jeanne")
	require.NoError(t, err)
	f, err := boss.FoundRelay(ctx, i.Code)
	require.NoError(t, err)
	require.True(t, consent.WellTyped(consent.Fingerprint(f.Key)))

	// Nothing before the authority has signed.
	_, err = boss.Worker.At(ctx, f.Relay)
	require.ErrorIs(t, err, consent.ErrNotNamed)
	mine, err := boss.Relays(ctx)
	require.NoError(t, err)
	require.True(t, mine[0].Founded)

	entry := s.Entry(f, "Harbour")
	s.Sign(t, consent.Change{Relay: &entry})
	p, err := boss.Worker.At(ctx, f.Relay)
	require.NoError(t, err)
	require.Equal(t, consent.RoleHelp|consent.RoleManage, p.Roles())
	team, err := p.Members(ctx)
	require.NoError(t, err)
	require.Len(t, team.Members, 1)
	require.Equal(t, "Jeanne", team.Members[0].Name)
	require.True(t, team.OneManager)
}

func TestAWorkerJoinsAndOpensWhatARelayFollows(t *testing.T) {
	t.Parallel()
	s := consenttest.New(t, nil)
	harbour := s.Relay(t, "Harbour")
	samir := harbour.Hire(t, "Samir", consent.RoleHelp)
	require.Equal(t, map[string]consent.MemberState{"Manager of Harbour": consent.MemberActive, "Samir": consent.MemberActive}, names(t, harbour.Desk(t)))

	amina := s.Person(t)
	g, err := amina.Vault.Give(t.Context(), vault.NewGrant{Holder: harbour.ID, Scope: vault.ScopeAdd}, vault.Secret{Password: amina.Password})
	require.NoError(t, err)
	p := samir.At(t, harbour)
	v, err := s.OpenGrant(t.Context(), amina.Vault.ID(), g.ID, p.Guest("housing"))
	require.NoError(t, err)
	_, err = v.AddNote(t.Context(), "called the town hall", vault.Note{Text: "n"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	entries, err := amina.Vault.Journal(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, vault.Actor{Kind: vault.ActorWorker, ID: samir.ID().String(), Name: "Samir", Organisation: "Les Amis", Relay: "Harbour", RelayID: harbour.ID.String()}, entries[0].Actor)

	sheet, err := harbour.Desk(t).Remove(t.Context(), samir.ID())
	require.NoError(t, err)
	require.Nil(t, sheet)
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = samir.Worker.At(t.Context(), harbour.ID)
	require.ErrorIs(t, err, consent.ErrNotMember)
}
