package vault_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// What somebody left and was told is taken, is the person's, also if who left it may no more a
// moment later, on another server, whose clock is not later: in whatever commit of the taking in.
func TestWhatWasLeftIsTakenInAlsoIfItsSenderIsEndedMeanwhile(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 3; n++ {
		for _, byLink := range []bool{true, false} {
			t.Run(fmt.Sprint(n, " ", byLink), func(t *testing.T) {
				t.Parallel()
				var meanwhile func()
				left := n
				said := &storagetest.Spoken{Say: func(int) {
					if left--; left == 0 && meanwhile != nil {
						meanwhile()
					}
				}}
				tn := newTown(t, &vaulttest.Options{Driver: said.Over})
				l, grant := depositLink(t, tn.v, "x"), tn.follow(t, vault.ScopeGive)
				giver, err := tn.open(t, grant)
				require.NoError(t, err)
				other := tn.person.SignIn(t, tn.Another(t, tn.opts()))
				if byLink {
					require.NoError(t, tn.LeaveNoteByLink(t.Context(), l.Code, "left", vault.Note{}, ""))
				} else {
					leaveNote(t, giver, "left")
				}
				left, meanwhile = n, func() {
					if byLink {
						require.NoError(t, other.EndLink(t.Context(), l.ID))
					} else {
						require.NoError(t, other.End(t.Context(), grant, nil))
					}
				}
				said.Begin()
				taken, err := tn.v.TakeIn(t.Context())
				require.NoError(t, err)
				require.Equal(t, vault.TakenIn{Items: 1}, taken)
				require.Contains(t, papers(t, tn.v), "left")
			})
		}
	}
}
