package backup_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault/backup"
)

func TestWhoWaitsIsToldHowFarItIs(t *testing.T) {
	t.Parallel()
	c, shelf := newCentre(t), newShelf(t)
	for _, name := range []string{"one", "two", "three"} {
		letter(t, c.person().Vault, name, name)
	}
	said := map[string][]backup.Step{}
	far := func(s backup.Step) { said[s.What] = append(said[s.What], s) }
	last := func(what string) backup.Step {
		require.NotEmpty(t, said[what], what)
		return said[what][len(said[what])-1]
	}
	threeOf := func(of int64) []backup.Step {
		return []backup.Step{{What: "documents", Done: 0, Of: of}, {What: "documents", Done: 1, Of: of}, {What: "documents", Done: 2, Of: of}}
	}

	c.clock.Advance(time.Minute)
	name, m, err := backup.Take(t.Context(), backup.Source{Store: c.store, Blobs: c.blobs, Witness: c.memory, Now: c.clock.Now, Progress: far}, shelf.dir, shelf.documents)
	require.NoError(t, err)
	require.Equal(t, threeOf(0), said["documents"], "nobody knows how many there are")
	require.GreaterOrEqual(t, last("records").Done, m.Records.Records, "sessions are read and left out")
	require.NotZero(t, last("records of the witness").Done)

	clear(said)
	_, err = backup.Verify(t.Context(), shelf.dir, name, shelf.documents, far)
	require.NoError(t, err)
	require.Equal(t, threeOf(3), said["documents"])

	clear(said)
	c.down()
	c.loseStores()
	_, _, err = backup.Restore(t.Context(), shelf.dir, name, shelf.documents, backup.Target{Store: c.store, Blobs: c.blobs, Progress: far})
	require.NoError(t, err)
	require.Equal(t, threeOf(3), said["documents"])
	require.GreaterOrEqual(t, last("records").Done, m.Records.Records)
	require.Equal(t, m.Records.Records, last("records").Of)

	clear(said)
	c.open()
	cfg := c.settling(m)
	cfg.Progress = far
	_, err = backup.Settle(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, backup.Step{What: "accounts", Done: 2}, last("accounts"))

	clear(said)
	_, err = backup.Prune(t.Context(), shelf.dir, shelf.documents, 1, far)
	require.NoError(t, err)
	require.Equal(t, []backup.Step{{What: "backups", Done: 0, Of: 1}}, said["backups"])
}
