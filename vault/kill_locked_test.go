package vault_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkill"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// childReturn tells a child process to come back in, or to open what was locked by that,
// until it is killed.
const childReturn = "VAULT_TEST_RETURN"

// comingBack is what a child must know for it.
type comingBack struct {
	Folder, Login, Old string
	Start              time.Time
	Vault              vault.ID
	Proof              vault.PathProof
	Opens              bool
}

func runReturn(c comingBack) error {
	ctx := context.Background()
	stage, err := vaulttest.Open(ctx, &vaulttest.Options{Folder: c.Folder, Start: c.Start})
	if err != nil {
		return err
	}
	fmt.Println("begins")
	if !c.Opens {
		_, err = stage.Recover(ctx, vault.Recovery{Vault: c.Vault, Proof: c.Proof, Password: afterwards})
	} else {
		var v *vault.Vault
		if v, err = stage.Unlock(ctx, vault.Password{Login: c.Login, Secret: afterwards}); err == nil {
			_, err = v.OpenLocked(ctx, vault.Secret{Password: c.Old}, vault.Secret{Password: afterwards}, nil)
		}
	}
	if err != nil {
		return err
	}
	fmt.Println("done")
	select {} // until it is killed
}

// The server is killed while somebody with much that is private comes back in without it,
// and while they open that again. They are in or out, and everything is there.
func TestWhatIsLockedSurvivesKill(t *testing.T) {
	t.Parallel()
	for round := range sized(4, 16) {
		folder, opens := t.TempDir(), round%2 == 1
		l := newLarge(t, &vaulttest.Options{Folder: folder}, pagesOfMany, 1)
		if opens {
			_, err := l.comeBack(t, l.Stage)
			require.NoError(t, err)
		}
		c := comingBack{Folder: folder, Login: l.person.Login, Old: l.old, Start: l.Clock.Now(), Vault: l.v.ID(), Proof: l.proof, Opens: opens}
		require.NoError(t, l.Close())
		done := false
		testkill.Child(t, childReturn, c, func(line string) time.Duration {
			done = done || line == "done"
			return time.Duration(10+rand.IntN(400)) * time.Millisecond
		})
		l.checkKilled(t, c, done)
	}
}

func (l *large) checkKilled(t *testing.T, c comingBack, done bool) {
	t.Helper()
	r := *l.register
	o := organised{of: l.organisations, register: &r}
	stage, err := vaulttest.Open(t.Context(), &vaulttest.Options{
		Folder: c.Folder, Start: c.Start.Add(time.Hour),
		Directory: func(*storage.Store, vault.Checkpoints) (vault.Directory, error) { return o, nil },
	})
	require.NoError(t, err)
	r.service = stage.Vaults
	defer func() { require.NoError(t, stage.Close()) }()
	err = nil
	if !done {
		err = vault.ErrUnknown
	}
	l.requireSafe(t, stage, err, c.Opens)
}
