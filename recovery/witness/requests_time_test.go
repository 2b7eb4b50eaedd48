package witness_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage/memstore"
)

// everybodyAgrees opens the request without anything of the person's, with all who must agree.
func (n *town) everybodyAgrees(t *testing.T, s *subject) {
	t.Helper()
	n.begin(t, s, helpers, n.nadia)
	for _, next := range []*colleague{n.omar, n.clara, n.denis} {
		_, err := s.Approve(t.Context(), n.vault, next.agrees(t, n.vault, about(helpers, n.policy)))
		require.NoError(t, err)
	}
}

// left is what is left of the week.
func (n *town) left(t *testing.T, s *subject) time.Duration {
	t.Helper()
	e, err := s.EvaluateWithin(t.Context(), n.vault, asked, week, typed, 0)
	require.NoError(t, err)
	return e.Tries.Wait
}

// F4: whoever sets the clock of the witness's machine shortens no wait of a request. One
// that is set forward while the witness is off is believed, as the package comment says.
var requestTimePromises = map[string]func(*testing.T, *subject){
	"a clock set back while it runs stops no wait and shortens none": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.everybodyAgrees(t, s)
		for _, back := range []time.Duration{time.Second, time.Hour, years} {
			before := n.left(t, s)
			s.clock.move(-back)
			require.Equal(t, before, n.left(t, s))
			s.clock.move(24 * time.Hour)
			require.Equal(t, before-24*time.Hour, n.left(t, s))
		}
	},
	"a clock set back between two runs neither shortens a wait nor makes it endless": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.everybodyAgrees(t, s)
		for _, again := range []func(){s.restart, s.crash} {
			before := n.left(t, s)
			s.clock.move(12 * time.Hour)
			s.clock.move(-years)
			again()
			require.LessOrEqual(t, n.left(t, s), sevenDays)
			require.GreaterOrEqual(t, n.left(t, s), before-12*time.Hour)
		}
		s.clock.move(sevenDays - time.Millisecond)
		require.Equal(t, time.Millisecond, n.left(t, s))
		s.clock.move(time.Millisecond)
		require.True(t, n.released(t, s, week))
	},
	"a clock set back and right again between runs shortens nothing": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		s.clock.move(-time.Hour)
		s.crash()
		n.everybodyAgrees(t, s)
		s.clock.move(time.Hour) // set right while the witness is down
		s.crash()
		require.GreaterOrEqual(t, n.left(t, s), sevenDays-time.Hour)
	},
	"what is cancelled stays so, whatever the clock says": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.everybodyAgrees(t, s)
		require.NoError(t, s.Cancel(t.Context(), n.vault, asked))
		for _, set := range []time.Duration{-years, 2 * years} {
			s.clock.move(set)
			s.crash()
			require.False(t, n.released(t, s, week))
		}
	},
}

// Requests are in the store: every process over it knows them.
func TestRequestsAreKnownToEveryProcess(t *testing.T) {
	t.Parallel()
	driver := kept{memstore.New()}
	clock := &testClock{now: noon}
	one := &subject{api: start(t, driver, witness.Config{Now: clock.Now, Seed: witnessSeed}), clock: clock}
	other := &subject{api: start(t, driver, witness.Config{Now: clock.Now, Seed: witnessSeed}), clock: clock}
	n := newTown(t, one)
	n.begin(t, one, helpers, n.nadia)
	said := about(helpers, n.policy)
	approved := make(chan error)
	for at, next := range []*colleague{n.omar, n.clara, n.denis} { // at once, in two processes
		s := []*subject{one, other}[at%2]
		word := next.agrees(t, n.vault, said)
		go func() {
			_, err := s.Approve(t.Context(), n.vault, word)
			approved <- err
		}()
	}
	for range 3 {
		require.NoError(t, <-approved)
	}
	require.Equal(t, sevenDays, n.left(t, other))
	clock.move(sevenDays)
	require.True(t, n.released(t, other, week))
	require.True(t, n.released(t, one, week))
	require.NoError(t, other.Cancel(t.Context(), n.vault, asked))
	require.False(t, n.released(t, one, week))
	third := &subject{api: start(t, driver, witness.Config{Now: clock.Now, Seed: witnessSeed}), clock: clock}
	require.False(t, n.released(t, third, week))
	all, err := third.Requests(t.Context(), n.vault)
	require.NoError(t, err)
	require.Equal(t, [2]int{2, 2}, [2]int{all[0].Relay, all[0].Desk})
}

// Two processes whose clocks differ: nobody gets to the end of a wait by asking the one
// that is ahead, from when that one has written anything.
func TestAProcessWhoseClockIsAheadShortensNoWait(t *testing.T) {
	t.Parallel()
	driver := kept{memstore.New()}
	behind, ahead := &testClock{now: noon}, &testClock{now: noon.Add(3 * 24 * time.Hour)}
	one := &subject{api: start(t, driver, witness.Config{Now: behind.Now, Seed: witnessSeed}), clock: behind}
	other := &subject{api: start(t, driver, witness.Config{Now: ahead.Now, Seed: witnessSeed}), clock: ahead}
	n := newTown(t, one)
	_, err := other.Count(t.Context(), [16]byte{'x'}, password)
	require.NoError(t, err)
	n.everybodyAgrees(t, one)
	require.Equal(t, sevenDays, n.left(t, other))
	ahead.move(sevenDays - time.Millisecond)
	require.Equal(t, time.Millisecond, n.left(t, other))
}
