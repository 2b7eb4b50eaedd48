package consent_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

var phoneLost = consent.Purpose{Code: consent.PurposeOther, Text: "téléphone perdu"}

// Story 12: a phone is lost. A relay that follows, or the desk, ends what it has open.
func TestAFollowingRelayOrTheDeskEndsTheSessionsOfALostPhone(t *testing.T) {
	t.Parallel()
	for name, folder := range map[string]string{"memory": "", "sqlite and files": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn := newTown(t, &vaulttest.Options{Folder: folder})
			desk, elsewhere := aDesk(t, tn), tn.newPlace(t, "Abri")
			_, err := tn.service.AllowDesk(t.Context(), tn.amina.Vault, deskHelp(desk), tn.secret())
			require.NoError(t, err)
			tn.follow(t)
			require.ErrorIs(t, postAt(t, elsewhere.worker, elsewhere.relay).StopSessions(t.Context(), tn.amina.Vault.ID(), phoneLost), vault.ErrNotFound, "who does not follow")
			manager := postAt(t, tn.centre.Hire(t, "Mona", consent.RoleManage), tn.centre.relay)
			require.ErrorIs(t, manager.StopSessions(t.Context(), tn.amina.Vault.ID(), phoneLost), vault.ErrNotAllowed, "who only manages")

			for helper, at := range map[string]*centre{"Samir": tn.centre, "Lina": desk} {
				phone := tn.amina.SignIn(t, tn.Stage.Stage)
				id, err := tn.Vaults.ByLogin(t.Context(), tn.amina.Login)
				require.NoError(t, err)
				post := postAt(t, at.worker, at.relay)
				require.ErrorIs(t, post.StopSessions(t.Context(), id, consent.Purpose{Code: consent.PurposeOther}), vault.ErrInvalid)
				require.NoError(t, post.StopSessions(t.Context(), id, phoneLost))
				_, err = phone.List(t.Context(), nil)
				require.ErrorIs(t, err, vault.ErrSessionEnded)
				_, err = tn.Vaults.Resume(t.Context(), phone.Token())
				require.ErrorIs(t, err, vault.ErrSessionEnded)

				v := tn.amina.SignIn(t, tn.Stage.Stage)
				happened, err := tn.service.WhatHappened(t.Context(), v, nil)
				require.NoError(t, err)
				found := false
				for _, h := range happened {
					if h.Act == vault.ActSessionsEnded {
						require.Equal(t, helper, h.Actor.Name)
						require.Equal(t, at.relay.Name, h.Actor.Relay)
						require.Equal(t, phoneLost, consent.ParsePurpose(h.Purpose))
						found = true
						break
					}
				}
				require.True(t, found)
				tn.amina.Vault = v
			}

			grants, err := tn.service.Followers(t.Context(), tn.amina.Vault)
			require.NoError(t, err)
			for _, g := range grants {
				_, err := tn.service.Withdraw(t.Context(), tn.amina.Vault, g.Grant, nil)
				require.NoError(t, err)
			}
			for _, at := range []*centre{tn.centre, desk} {
				err := postAt(t, at.worker, at.relay).StopSessions(t.Context(), tn.amina.Vault.ID(), phoneLost)
				require.Error(t, err)
				require.Contains(t, []string{"not-found", "ended"}, vault.Code(err), "who does not help any more")
			}
			_, err = tn.amina.Vault.List(t.Context(), nil)
			require.NoError(t, err)
		})
	}
}
