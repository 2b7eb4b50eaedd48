package consent_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// itemReads counts how many records of items a service reads.
type itemReads struct {
	storage.Driver
	n atomic.Int64
}

func (c *itemReads) count(all ...storage.Record) {
	for _, rec := range all {
		if strings.Contains(rec.Key, "/i/") {
			c.n.Add(1)
		}
	}
}

func (c *itemReads) Get(ctx context.Context, key string) (storage.Record, error) {
	rec, err := c.Driver.Get(ctx, key)
	c.count(rec)
	return rec, err
}

func (c *itemReads) Scan(ctx context.Context, prefix, after string, limit int) ([]storage.Record, error) {
	all, err := c.Driver.Scan(ctx, prefix, after, limit)
	c.count(all...)
	return all, err
}

// of is how many one act reads.
func (c *itemReads) of(act func()) int {
	before := c.n.Load()
	act()
	return int(c.n.Load() - before)
}

// crowd fills the roster of the town's centre with people who are not there.
func (tn *town) crowd(t testing.TB, post *consent.Post, many int) {
	t.Helper()
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
}

// A relay follows two thousand people: all are read once for its page, and one of
// them is opened without the others.
func TestOneOfThousandsIsOpenedWithoutTheOthers(t *testing.T) {
	t.Parallel()
	many := 100
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		many = 2_000
	}
	reads := &itemReads{}
	tn := newTown(t, &vaulttest.Options{Driver: func(d storage.Driver) storage.Driver { reads.Driver = d; return reads }})
	tn.follow(t)
	post, desk := tn.post(t), tn.centre.Desk(t)
	tn.crowd(t, post, many)

	tn.open(t, post) // nobody has been listed: the only time that all are read
	require.Less(t, reads.of(func() { tn.open(t, post) }), 5)
	require.Less(t, reads.of(func() {
		all, err := post.Roster(t.Context())
		require.NoError(t, err)
		require.Len(t, all.People, many+1)
	}), 2*many)
	require.Less(t, reads.of(func() {
		_, _, err := post.Opened(t.Context())
		require.NoError(t, err)
		require.Equal(t, "Amina K.", post.Called())
	}), 5)
	require.Less(t, reads.of(func() {
		_, err := desk.Members(t.Context())
		require.NoError(t, err)
	}), 5, "the team is not the roster")
}

// A process that knows where somebody was found does not take what lies there for
// them: neither after they came again, nor where the store shows something else.
func TestWhereSomebodyWasFoundIsNotBelieved(t *testing.T) {
	t.Parallel()
	tn, host := lyingTown(t)
	tn.follow(t)
	post := tn.post(t)
	tn.crowd(t, post, 1)
	items := tn.centre.relay.ID.String() + "/i/"
	tn.open(t, post)
	tn.open(t, post)

	roster, honest := host.Records(items), scan(t, tn, items)
	for i, key := range roster {
		host.Record(key).Forge(honest[roster[(i+1)%len(roster)]])
	}
	_, err := post.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.ErrorIs(t, err, vault.ErrNotFound)
	host.Honest()
	for _, key := range roster {
		host.Record(key).Drop()
	}
	_, err = post.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.ErrorIs(t, err, vault.ErrNotFound)
	_, err = post.People(t.Context())
	require.ErrorIs(t, err, vault.ErrTampered)
	host.Honest()
	tn.open(t, post)

	// She withdraws, and comes again; another process takes her in.
	_, err = tn.service.Withdraw(t.Context(), tn.amina.Vault, tn.grant(t).ID, nil)
	require.NoError(t, err)
	_, err = post.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.ErrorIs(t, err, vault.ErrNotFound)
	tn.follow(t)
	require.Len(t, mustPeople(t, tn.postElsewhere(t)), 2)
	tn.open(t, post)
}

// postElsewhere is the worker at the centre in another process.
func (tn *town) postElsewhere(t testing.TB) *consent.Post {
	t.Helper()
	w, err := tn.Another(t, nil).Service.Resume(t.Context(), tn.centre.worker.Own().Token())
	require.NoError(t, err)
	p, err := w.At(t.Context(), tn.centre.relay.ID)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// Who only manages reads numbers on the page of the relay, and nobody's name.
func TestThePageOfWhoOnlyManagesNamesNobody(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	boss := postAt(t, tn.centre.Hire(t, "Boss", consent.RoleManage), tn.centre.relay)
	all, err := boss.Roster(t.Context())
	require.NoError(t, err)
	require.Empty(t, all.People)
	require.Empty(t, all.Drafts)
	require.Equal(t, "<10", all.Counts.Followed.String())
	_, err = boss.Find(t.Context(), tn.amina.Vault.ID())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
}
