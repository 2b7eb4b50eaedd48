package recovery_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// Somebody who had opened a request leaves. It goes on without them.
func TestARequestGoesOnWhenWhoOpenedItLeaves(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"relay", "desk"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			s := recoverytest.New(t, nil)
			sheet := s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}}).Sheet
			kind, at, gone, stays := vault.PathSheetRelay, s.Harbour, s.Samir, s.Rosa
			if side == "desk" {
				kind, at, gone, stays = vault.PathSheetDesk, s.Line, s.Lina, s.Omar
			}
			help := s.Begin(t, kind)
			_, err := s.Post(t, at.Manager).Remove(t.Context(), gone.ID())
			require.NoError(t, err)
			fresh := at.Hire(t, "Noor", consent.RoleHelp)
			p, err := fresh.Worker.At(t.Context(), at.ID)
			require.NoError(t, err)
			defer p.Close()
			_, err = s.Post(t, at.Manager).RotateKey(t.Context()) // and once more
			require.NoError(t, err)
			p, err = fresh.Worker.At(t.Context(), at.ID)
			require.NoError(t, err)
			defer p.Close()
			for name, post := range map[string]*consent.Post{"who stays": s.Post(t, stays), "who is new": p} {
				all, err := s.Recovery.Requests(t.Context(), post, s.Amina.Vault.ID())
				require.NoError(t, err, name)
				require.Len(t, all, 1, name)
			}
			s.Complete(t, help, recovery.Completion{Sheet: sheet.Code})
		})
	}
}
