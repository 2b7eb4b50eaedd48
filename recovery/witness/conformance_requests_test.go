package witness_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
)

// requestPromises are about one request, from its opening to its end.
var requestPromises = map[string]func(*testing.T, *subject){
	"tries in a request slow down, and end after twenty": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		for tries := range 20 {
			e, err := s.EvaluateWithin(t.Context(), n.vault, asked, answers, typed, 0)
			require.NoError(t, err)
			if e.Tries.Wait > 0 {
				s.clock.move(e.Tries.Wait)
				e, err = s.EvaluateWithin(t.Context(), n.vault, asked, answers, typed, 0)
				require.NoError(t, err)
			}
			require.Equal(t, uint64(tries+1), e.Tries.Failed)
		}
		e, err := s.EvaluateWithin(t.Context(), n.vault, asked, answers, typed, 0)
		require.NoError(t, err)
		require.True(t, e.Tries.Spent)
		require.Zero(t, e.Generation)
	},
	"without anything of the person's it takes two people of each side, and the wait (F4, F6)": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		q := n.begin(t, s, helpers, n.nadia)
		require.Equal(t, []time.Duration{sevenDays, thirtyDays}, q.Ready)
		said := about(helpers, n.policy)
		for range 2 { // the same word twice is one
			q, err := s.Approve(t.Context(), n.vault, n.nadia.agrees(t, n.vault, said))
			require.NoError(t, err)
			require.Equal(t, [2]int{1, 0}, [2]int{q.Relay, q.Desk})
		}
		s.clock.move(sevenDays)
		for _, next := range []*colleague{n.clara, n.omar} {
			_, err := s.Approve(t.Context(), n.vault, next.agrees(t, n.vault, said))
			require.NoError(t, err)
			require.False(t, n.released(t, s, week))
		}
		// Nadia has found work at the desk as well: she is still one person.
		twice := n.desk.hireAs(seal.RoleHelp, [16]byte{'n', '2'}, n.nadia.key)
		same := n.desk.hireAs(seal.RoleHelp, n.nadia.id, seal.NewSigningKey())
		n.desk.open(t, s)
		_, err := s.Approve(t.Context(), n.vault, twice.agrees(t, n.vault, said))
		require.ErrorIs(t, err, witness.ErrApproval)
		_, err = s.Approve(t.Context(), n.vault, same.agrees(t, n.vault, said))
		require.ErrorIs(t, err, witness.ErrApproval)
		require.False(t, n.released(t, s, week))
		q, err = s.Approve(t.Context(), n.vault, n.denis.agrees(t, n.vault, said))
		require.NoError(t, err)
		require.Equal(t, [2]int{2, 2}, [2]int{q.Relay, q.Desk})
		require.True(t, n.released(t, s, week))
		require.False(t, n.released(t, s, month))
	},
	"the wait runs by the witness's time and from the opening": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, helpers, n.nadia)
		for _, next := range []*colleague{n.omar, n.clara, n.denis} {
			_, err := s.Approve(t.Context(), n.vault, next.agrees(t, n.vault, about(helpers, n.policy)))
			require.NoError(t, err)
		}
		require.False(t, n.released(t, s, week))
		s.clock.move(sevenDays - time.Millisecond)
		e, err := s.EvaluateWithin(t.Context(), n.vault, asked, week, typed, 0)
		require.NoError(t, err)
		require.Equal(t, time.Millisecond, e.Tries.Wait)
		s.clock.move(-24 * time.Hour) // somebody sets the clock back
		require.False(t, n.released(t, s, week))
		s.clock.move(time.Millisecond)
		require.True(t, n.released(t, s, week))
		n.begin(t, s, helpers, n.nadia) // said again, it begins nothing anew
		require.True(t, n.released(t, s, week))
	},
	"who signs in has cancelled it": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		_, err := s.Count(t.Context(), n.vault, password)
		require.NoError(t, err)
		require.NoError(t, s.Reset(t.Context(), n.vault, password, n.reset(password, 1)))
		require.False(t, n.released(t, s, answers))
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.True(t, all[0].Cancelled)
		_, err = s.Approve(t.Context(), n.vault, n.omar.agrees(t, n.vault, about(byPath, n.policy)))
		require.ErrorIs(t, err, witness.ErrRequest)
	},
	"a cancel holds, also in the middle of the wait for Private": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, helpers, n.nadia)
		for _, next := range []*colleague{n.omar, n.clara, n.denis} {
			_, err := s.Approve(t.Context(), n.vault, next.agrees(t, n.vault, about(helpers, n.policy)))
			require.NoError(t, err)
		}
		s.clock.move(sevenDays)
		require.True(t, n.released(t, s, week))
		n.cameBack(t, s, true)
		_, err := s.Count(t.Context(), n.vault, password)
		require.NoError(t, err)
		require.NoError(t, s.Reset(t.Context(), n.vault, password, n.reset(password, 1)))
		s.clock.move(thirtyDays - sevenDays)
		require.False(t, n.released(t, s, week), "the first key is not given again")
		require.True(t, n.released(t, s, month), "signing in with the secrets of after does not cancel it (N14)")
		require.NoError(t, s.Cancel(t.Context(), n.vault, asked))
		require.NoError(t, s.Cancel(t.Context(), n.vault, asked))
		require.False(t, n.released(t, s, month))
		require.ErrorIs(t, s.Cancel(t.Context(), n.vault, [16]byte{'n', 'o'}), witness.ErrRequest)
	},
	"a path that was withdrawn releases nothing, also where its first key was released and nobody came in": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, helpers, n.nadia)
		for _, next := range []*colleague{n.omar, n.clara, n.denis} {
			_, err := s.Approve(t.Context(), n.vault, next.agrees(t, n.vault, about(helpers, n.policy)))
			require.NoError(t, err)
		}
		s.clock.move(sevenDays)
		require.True(t, n.released(t, s, week))
		n.allow(t, s) // no recovery: the person themself, by the same key
		s.clock.move(thirtyDays - sevenDays)
		require.False(t, n.released(t, s, month))
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.True(t, all[0].Cancelled)
	},
	"what was released for nobody ends with a recovery by another way, and what waits since another one goes on": func(t *testing.T, s *subject) {
		for _, waited := range []bool{false, true} {
			n := newTown(t, s)
			if waited {
				n.served(t, s, first)
				n.cameBack(t, s, true) // by that one
				n.allow(t, s, n.rules()...)
			}
			n.served(t, s, asked) // and nobody completes it
			n.cameBack(t, s, false)
			s.clock.move(thirtyDays)
			require.False(t, n.released(t, s, month))
			all, err := s.Requests(t.Context(), n.vault)
			require.NoError(t, err)
			for _, q := range all {
				require.Equal(t, q.ID == asked, q.Cancelled)
			}
			if waited {
				e, err := s.EvaluateWithin(t.Context(), n.vault, first, month, typed, 0)
				require.NoError(t, err)
				require.NotZero(t, e.Generation)
			}
		}
	},
	"a recovery by the way with nothing ends the requests of other ways (C5)": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		require.True(t, n.released(t, s, answers))
		n.cameBack(t, s, true)
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.True(t, all[0].Cancelled)
	},
	"a vault has four open requests at most, and cancelling makes room": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		begin := func(id byte) error {
			a := about(byPath, n.policy)
			a.Request = [16]byte{id}
			_, err := s.Begin(t.Context(), n.vault, n.nadia.says(t, n.vault, a))
			return err
		}
		for id := range byte(4) {
			require.NoError(t, begin(id+1))
		}
		require.ErrorIs(t, begin(5), witness.ErrRequest)
		require.NoError(t, s.Cancel(t.Context(), n.vault, [16]byte{}))
		require.NoError(t, begin(6))
	},
	"a request expires, and is forgotten later": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		s.clock.move(thirtyDays)
		require.False(t, n.released(t, s, answers))
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.Len(t, all, 1)
		s.clock.move(thirtyDays + 2*time.Hour)
		_, err = s.sweep(t.Context())
		require.NoError(t, err)
		all, err = s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.Empty(t, all)
	},
	"what is guessed at once is counted before any of it is evaluated (F9)": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		var all sync.WaitGroup
		evaluated := make(chan bool, 40)
		for range 40 {
			all.Go(func() {
				e, err := s.EvaluateWithin(t.Context(), n.vault, asked, answers, typed, 0)
				evaluated <- err == nil && e.Generation != 0
			})
		}
		all.Wait()
		close(evaluated)
		made := 0
		for yes := range evaluated {
			if yes {
				made++
			}
		}
		require.Equal(t, 5, made)
	},
	"requests survive a restart and a crash": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, helpers, n.nadia)
		s.crash()
		_, err := s.Approve(t.Context(), n.vault, n.clara.agrees(t, n.vault, about(helpers, n.policy)))
		require.NoError(t, err)
		s.restart()
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.Equal(t, [2]int{1, 1}, [2]int{all[0].Relay, all[0].Desk})
	},
	"an erased vault has no requests": func(t *testing.T, s *subject) {
		n := newTown(t, s)
		n.begin(t, s, byPath, n.nadia)
		tomb := n.tombstone(n.version + 1)
		_, err := s.Raise(t.Context(), n.vault, tomb.heads(), tomb.record, true)
		require.NoError(t, err)
		_, err = s.Begin(t.Context(), n.vault, n.nadia.says(t, n.vault, about(byPath, n.policy)))
		require.ErrorIs(t, err, witness.ErrErased)
		all, err := s.Requests(t.Context(), n.vault)
		require.NoError(t, err)
		require.Empty(t, all)
		_, err = s.Begin(t.Context(), [16]byte{'n', 'o'}, nil)
		require.ErrorIs(t, err, witness.ErrUnregistered)
	},
}
