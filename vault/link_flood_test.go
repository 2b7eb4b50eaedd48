package vault_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// How many times longer, in the median, an act may take while eight senders flood one inbox
// than it takes without them: somebody else shares the processors with them, and the person
// whose inbox it is the journal, too. Measured alone: two and seven; the rest is for a machine
// that does other work.
const (
	othersSlowed = 30
	ownSlowed    = 40
)

// flooding is a link by which eight senders leave papers, one after the other, as fast as
// they are answered.
type flooding struct {
	stage         *vaulttest.Stage
	code          string
	taken, turned atomic.Int64
	wrong         atomic.Pointer[error]
}

// during floods while something is done.
func (f *flooding) during(t *testing.T, do func()) {
	t.Helper()
	var senders sync.WaitGroup
	var over atomic.Bool
	junk := drawing(8000)
	for range 8 {
		senders.Go(func() {
			for !over.Load() {
				switch err := f.stage.LeaveByLink(t.Context(), f.code, vault.NewDocument{Name: "junk"}, bytes.NewReader(junk)); vault.Code(err) {
				case "":
					f.taken.Add(1)
				case "not-taken":
					f.turned.Add(1)
				default:
					f.wrong.Store(&err)
				}
			}
		})
	}
	do()
	over.Store(true)
	senders.Wait()
}

// aDay is what somebody does, and how long each round of it took.
func aDay(t *testing.T, v *vault.Vault, rounds int) (took []time.Duration) {
	t.Helper()
	for n := range rounds {
		began := time.Now()
		it := add(t, v, fmt.Sprint("own ", n), content(uint64(n), 20_000))
		require.Len(t, read(t, v, it.ID), 20_000)
		_, err := v.List(t.Context(), nil)
		require.NoError(t, err)
		took = append(took, time.Since(began))
	}
	return took
}

func median(of []time.Duration) time.Duration {
	slices.Sort(of)
	return of[len(of)/2]
}

// On SQLite and files. The rounds without the flood lie between those with it, so that what
// else the machine does counts in both. It goes on until the share has long been full.
func TestAFloodOfThousandsByOneLinkKeepsNobodyFromTheirPapers(t *testing.T) {
	const limit = 10_000_000
	s := newScene(t, &vaulttest.Options{Folder: t.TempDir(), LeftPerDay: 1_000_000, Quota: quota.Config{Allowance: limit}})
	other := s.Person(t)
	f := &flooding{stage: s.Stage, code: depositLink(t, s.v, "poster").Code}
	calm, flooded := map[*vault.Vault][]time.Duration{}, map[*vault.Vault][]time.Duration{}
	whose := map[*vault.Vault]int{s.v: ownSlowed, other.Vault: othersSlowed}
	tries := func() int64 { return f.taken.Load() + f.turned.Load() }
	for range sized(2, 6) {
		for v := range whose {
			calm[v] = append(calm[v], aDay(t, v, 2)...)
			f.during(t, func() { flooded[v] = append(flooded[v], aDay(t, v, 2)...) })
		}
	}
	f.during(t, func() {
		for tries() < int64(sized(120, 2000)) || f.turned.Load() == 0 {
			aDay(t, other.Vault, 1)
		}
	})
	for v, most := range whose {
		without, with := median(calm[v]), median(flooded[v])
		t.Logf("%s without the flood, %s with it, of at most %d times", without, with, most)
		require.Less(t, with, time.Duration(most)*without)
	}
	t.Logf("%d were taken, %d turned away", f.taken.Load(), f.turned.Load())
	if err := f.wrong.Load(); err != nil {
		require.NoError(t, *err, "who leaves something is told that it was taken, or not")
	}
	_, inbox, err := s.v.Links(t.Context())
	require.NoError(t, err)
	require.LessOrEqual(t, inbox.Left, int64(limit/5))
	room := limit*4/5 - (usage(t, s.Stage, s.v.ID()).Used - inbox.Left)
	add(t, s.v, "mine", content(1, int(room*8/10))) // padded
	requireBooks(t, s.Stage, other.Vault.ID())
	requireBooks(t, s.Stage, s.v.ID())
}

// Senders who begin and never end hold eight places, and the person finds theirs.
func TestSendersWhoNeverEndKeepNoPlaceOfThePersons(t *testing.T) {
	t.Parallel()
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{MaxReservations: 10}})
	l := depositLink(t, s.v, "poster")
	var senders sync.WaitGroup
	var ends []*io.PipeWriter
	begun, turned := make(chan struct{}, 30), make(chan error, 30)
	for range 30 {
		r, w := io.Pipe()
		ends = append(ends, w)
		senders.Go(func() {
			err := s.LeaveByLink(t.Context(), l.Code, vault.NewDocument{Name: "slow"}, r)
			_ = r.CloseWithError(io.ErrClosedPipe)
			turned <- err
		})
		senders.Go(func() {
			_, _ = w.Write(drawing(2 * segment)) // more than is read before its place is looked for
			begun <- struct{}{}
		})
	}
	for range 20 { // all but those who are there, however many those are
		require.ErrorIs(t, <-turned, vault.ErrNotTaken)
	}
	for range 20 {
		<-begun
	}
	require.LessOrEqual(t, len(keys(t, s.Store, quota.ReservationPrefix(s.v.ID().String()))), 8)
	add(t, s.v, "mine", content(1, 100_000))
	for _, w := range ends {
		_ = w.Close()
	}
	senders.Wait()
	v := s.person.SignIn(t, s.Stage)
	require.Len(t, papers(t, v), 9)
	requireBooks(t, s.Stage, v.ID())
}
