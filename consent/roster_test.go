package consent_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// A relay follows two thousand people: its list, and opening one of them, stay quick.
func TestARosterOfThousandsStaysQuick(t *testing.T) {
	t.Parallel()
	many := 150
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		many = 2_000
	}
	tn := newTown(t, nil)
	tn.follow(t)
	post := tn.post(t)
	for n := range many {
		id, grant := randomID(), vault.GrantID(randomID())
		data, err := consent.RosterData(id, grant, tn.Clock.Now())
		require.NoError(t, err)
		_, err = post.Space().TakeData(t.Context(), fmt.Sprintf("Person %04d", n), data, vault.Place{Compartment: vault.Shared}, func(tx *storage.Tx) error {
			tx.Put(id.String()+"/g/"+grant.String(), []byte("there"))
			return nil
		})
		require.NoError(t, err)
	}
	began := time.Now()
	people, err := post.People(t.Context())
	require.NoError(t, err)
	listed := time.Since(began)
	require.Len(t, people, many+1)
	began = time.Now()
	tn.open(t, post)
	opened := time.Since(began)
	t.Logf("%d people: listed in %s, one opened in %s", many, listed, opened)
	require.Less(t, listed, 10*time.Second)
	require.Less(t, opened, 10*time.Second)
}
