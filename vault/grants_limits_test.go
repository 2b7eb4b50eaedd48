package vault_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// team lets new workers into the relay's space until it holds as many as it can.
func (tn *town) team(t testing.TB, most int) (workers []*vault.Vault, grants []vault.GrantID) {
	t.Helper()
	for n := 2; n <= most; n++ {
		w := space(t, tn.Vaults, seal.KindWorker, "worker's own password")
		g, err := tn.relay.Give(t.Context(), vault.NewGrant{Holder: w.ID(), Scope: vault.ScopeTeam, Until: tn.Clock.Now().Add(1000 * day)}, vault.Secret{Password: sheet})
		require.NoError(t, err)
		workers, grants = append(workers, w), append(grants, g.ID)
	}
	return workers, grants
}

// enter opens the relay's space as one of its workers.
func (tn *town) enter(t testing.TB, worker *vault.Vault, grant vault.GrantID) (*vault.Vault, error) {
	t.Helper()
	keys, err := worker.OwnKeys(t.Context())
	require.NoError(t, err)
	a := vault.Actor{Kind: vault.ActorWorker, ID: worker.ID().String(), RelayID: tn.relay.ID().String(), Name: "Samir"}
	credential := "credential of " + a.ID
	tn.register.members[credential] = vault.Signer{Actor: a, Key: keys.Signer.Public(), Named: func(string) bool { return true }}
	return tn.Vaults.OpenGrant(t.Context(), tn.relay.ID(), grant, vault.Guest{Actor: a, Signer: keys.Signer, Credential: []byte(credential), Holder: worker.ID(), Keys: keys.Inboxes})
}

func TestTheLargestTeamCanLoseAWorkerAndAManager(t *testing.T) {
	t.Parallel()
	const most = 40
	tn := newTown(t, nil)
	workers, grants := tn.team(t, most)
	_, err := tn.relay.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeTeam}, vault.Secret{Password: sheet})
	require.ErrorIs(t, err, vault.ErrTooMany)
	secret := vault.Secret{Password: sheet}
	for _, w := range workers[:11] {
		require.NoError(t, tn.relay.AddHolder(t.Context(), w.ID(), nil, secret))
	}
	require.ErrorIs(t, tn.relay.AddHolder(t.Context(), tn.worker.ID(), nil, secret), vault.ErrTooMany)
	require.NoError(t, tn.relay.AddHolder(t.Context(), workers[0].ID(), nil, secret), "in the place of the earlier keyslot")

	require.NoError(t, tn.relay.End(t.Context(), tn.member, &secret))
	for i, w := range workers {
		_, err := tn.enter(t, w, grants[i])
		require.NoError(t, err, i)
	}
	require.NoError(t, tn.relay.RemoveHolder(t.Context(), workers[0].ID(), secret, "another sheet 4712"))
	secret.Password = "another sheet 4712"
	holders, err := tn.relay.Holders(t.Context(), secret)
	require.NoError(t, err)
	require.Len(t, holders, 10)
	for i, w := range workers {
		_, err := tn.enter(t, w, grants[i])
		require.NoError(t, err, i)
	}
	// All of them end at one moment.
	tn.Clock.Advance(1001 * day)
	login, err := tn.relay.Login(t.Context())
	require.NoError(t, err)
	again, err := tn.Vaults.Unlock(t.Context(), vault.Password{Login: login, Secret: secret.Password, Kind: seal.KindRelay})
	require.NoError(t, err)
	all, err := again.Grants(t.Context())
	require.NoError(t, err)
	require.Len(t, all, most)
	for _, g := range all {
		require.NotZero(t, g.Ended)
	}
	_, err = again.Erase(t.Context(), secret.Password)
	require.NoError(t, err)
}

// A person with everything that there can be: grants, visits and sessions.
func TestAFullVaultCanChangeItsKeysAndBeErased(t *testing.T) {
	t.Parallel()
	for name, visits := range map[string]int{"grants": 0, "visits": 16, "both": 8} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn := newTown(t, &vaulttest.Options{SessionIdle: 400 * day, SessionMax: 400 * day})
			for range 31 {
				tn.person.SignIn(t, tn.Stage)
			}
			for n := range 16 {
				g := vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee, Until: tn.Clock.Now().Add(100 * day), Facts: make([]byte, 16<<10)}
				if g.Visit = n < visits; g.Visit {
					g.Holder = tn.worker.ID()
				}
				_, err := tn.v.Give(t.Context(), g, tn.secret())
				require.NoError(t, err)
			}
			_, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee}, tn.secret())
			require.ErrorIs(t, err, vault.ErrTooMany)
			require.NoError(t, tn.v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
			tn.person.Password = "gato niru pesa fova"
			all, err := tn.v.Grants(t.Context())
			require.NoError(t, err)
			ended := 0
			for _, g := range all {
				if g.Ended.IsZero() {
					require.False(t, g.Visit)
				} else {
					ended++
				}
			}
			require.Equal(t, visits, ended)
			for range 31 {
				tn.person.SignIn(t, tn.Stage)
			}
			v := tn.person.SignIn(t, tn.Stage)
			require.NoError(t, v.EndOtherSessions(t.Context()))
			tn.Clock.Advance(101 * day)
			v = tn.person.SignIn(t, tn.Stage)
			all, err = v.Grants(t.Context())
			require.NoError(t, err)
			for _, g := range all {
				require.NotZero(t, g.Ended)
			}
			_, err = v.Erase(t.Context(), tn.person.Password)
			require.NoError(t, err)
		})
	}
}

// A person who allows and ends again and again stays within what a witness keeps.
func TestWhatEndedIsForgottenBeforeTheWitnessIsFull(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	for n := range sized(80, 260) {
		g, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee, Facts: make([]byte, 16<<10)}, tn.secret())
		require.NoError(t, err, n)
		require.NoError(t, tn.v.End(t.Context(), g.ID, nil), n)
	}
	all, err := tn.v.Grants(t.Context())
	require.NoError(t, err)
	require.Less(t, len(all), 80)
}

func TestAVisitToMuchTextIsRefusedAndAGreatOneIsWitnessed(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	text, items := make([]rune, vault.MaxNote), []vault.ItemID{}
	for i := range text {
		text[i] = '好'
	}
	for n := range 12 {
		it, err := tn.v.AddNote(t.Context(), fmt.Sprint(n), vault.Note{Text: string(text)}, vault.Place{})
		require.NoError(t, err)
		items = append(items, it.ID)
	}
	visit := func(items []vault.ItemID) error {
		_, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeSee, Visit: true, Until: tn.Clock.Now().Add(time.Hour), Items: items}, tn.secret())
		return err
	}
	requireInvalid(t, visit(items), "items")
	for range 16 {
		require.NoError(t, visit(items[:8]))
	}
	tn.Clock.Advance(2 * time.Hour)
	v := tn.person.SignIn(t, tn.Stage)
	all, err := v.Grants(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 16)
}

// Visits whose time is over leave room for others, without another sign-in.
func TestVisitsThatAreOverLeaveRoom(t *testing.T) {
	t.Parallel()
	tn := newTown(t, &vaulttest.Options{SessionIdle: 24 * time.Hour, SessionMax: 24 * time.Hour})
	for range 20 {
		_, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeSee, Visit: true, Until: tn.Clock.Now().Add(time.Minute)}, tn.secret())
		require.NoError(t, err)
		tn.Clock.Advance(2 * time.Minute)
	}
}

func TestAVisitEndsWithItsSessionHoweverThatEnds(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	g, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeSee, Visit: true, Until: tn.Clock.Now().Add(time.Hour)}, tn.secret())
	require.NoError(t, err)
	v, err := tn.Vaults.OpenGrant(t.Context(), tn.v.ID(), g.ID, tn.guest(tn.own, tn.worker.ID(), "visit"))
	require.NoError(t, err)
	_, err = v.List(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, tn.person.SignIn(t, tn.Stage).EndOtherSessions(t.Context()))
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
}

func TestTheScopeFitsTheSpace(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	_, err := tn.v.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeTeam}, tn.secret())
	requireInvalid(t, err, "scope")
	_, err = tn.relay.Give(t.Context(), vault.NewGrant{Holder: tn.worker.ID(), Scope: vault.ScopeSee}, vault.Secret{Password: sheet})
	requireInvalid(t, err, "scope")
	_, err = tn.worker.Give(t.Context(), vault.NewGrant{Holder: tn.relay.ID(), Scope: vault.ScopeSee}, vault.Secret{Password: "worker's own password"})
	requireInvalid(t, err, "scope")
}
