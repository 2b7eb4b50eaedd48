package witness_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
)

// lost is a town whose witness was lost after it had enrolled a path and a card, and the
// witness that was given its keys again. Nobody has told it a head yet.
type lost struct {
	*town
	before, after *subject
	path, card    witness.Evaluation // of before
}

// toldApart are the counters of ways back in as vaults name them.
var (
	answersThere = seal.RequestCounter([32]byte{'a', 31: 'a'})
	goneThere    = seal.RequestCounter([32]byte{'g', 31: 'g'})
)

func lose(t *testing.T) *lost {
	t.Helper()
	l := &lost{before: inMemory(t)}
	l.town = &town{person: newPerson(t), relay: newOffice(t, 1), desk: newOffice(t, 2)}
	l.nadia = l.relay.hire(seal.RoleHelp)
	l.relay.open(t, l.before)
	l.allow(t, l.before)
	l.path = evaluated(t, l.before, l.vault, answersThere, typed, 0)
	evaluated(t, l.before, l.vault, goneThere, typed, 0)
	l.card = evaluated(t, l.before, l.vault, card, pin, 0)
	l.before.clock.move(time.Hour)
	gone := seal.PolicyRule{Path: helpers, Counters: []seal.PolicyCounter{{Counter: goneThere}}, Parties: []seal.PolicyParty{l.relay.party(false)}}
	l.allow(t, l.before, l.rule(), gone)
	l.allow(t, l.before, l.rule()) // the other path is withdrawn
	l.begin(t, l.before, byPath, l.nadia)

	e, err := witness.NewEscrow(t.Context(), witness.PublicKey(witnessKey.Public()), noon, []witness.EscrowPart{{Witness: l.before.api.(*witness.Witness)}})
	require.NoError(t, err)
	shares, err := e.Shares()
	require.NoError(t, err)
	driver := kept{memstore.New()}
	require.NoError(t, opened(t, shares[0], shares[1]).PutBack(t.Context(), "", storage.New(driver), l.before.clock.Now()))
	l.after = newSubject(t, func() storage.Driver { return driver })
	l.after.clock.move(2 * time.Hour)
	return l
}

func (l *lost) rule() seal.PolicyRule {
	return seal.PolicyRule{Path: byPath, Counters: []seal.PolicyCounter{{Counter: answersThere, Wait: time.Hour.Milliseconds()}}, Parties: []seal.PolicyParty{l.relay.party(false)}}
}

// tellAgain gives the new witness the heads that the store has.
func (l *lost) tellAgain(t *testing.T) {
	t.Helper()
	l.relay.version--
	l.relay.open(t, l.after)
	h, side := l.ruled(t, l.before, l.rule())
	require.NoError(t, l.after.Keep(t.Context(), l.vault, h.record, side))
	_, err := l.after.Raise(t.Context(), l.vault, h.heads(), h.record, true)
	require.NoError(t, err)
}

func TestAfterALossNothingIsEvaluatedAtOldKeysBeforeTheRulesAreKnownAgain(t *testing.T) {
	t.Parallel()
	l := lose(t)
	for _, counter := range [][32]byte{card, answers} {
		_, err := l.after.Evaluate(t.Context(), l.vault, counter, pin, l.card.Generation)
		require.ErrorIs(t, err, witness.ErrUnregistered)
	}
	// Nobody learns from it who is known: at the latest key anybody is answered.
	evaluated(t, l.after, [16]byte{'x'}, card, pin, 0)
	l.tellAgain(t)
	require.Equal(t, l.card.Output, evaluated(t, l.after, l.vault, card, pin, l.card.Generation).Output)
}

func TestAfterALossAPathOpensWithinARequestAsBeforeAndItsWaitBeginsAgain(t *testing.T) {
	t.Parallel()
	l := lose(t)
	l.before.clock.move(time.Hour) // where the witness was not lost, the wait is over
	l.tellAgain(t)
	_, err := l.after.EvaluateWithin(t.Context(), l.vault, asked, answersThere, typed, l.path.Generation)
	require.ErrorIs(t, err, witness.ErrRequest, "the request is lost")
	q := l.begin(t, l.after, byPath, l.nadia)
	require.Equal(t, []time.Duration{time.Hour}, q.Ready)
	l.after.clock.move(time.Hour)
	e, err := l.after.EvaluateWithin(t.Context(), l.vault, asked, answersThere, typed, l.path.Generation)
	require.NoError(t, err)
	require.Equal(t, l.path.Output, e.Output)
}

// The new witness remembers of no counter that it is dead (C5).
func TestAfterALossAPathThatWasWithdrawnStaysDead(t *testing.T) {
	t.Parallel()
	l := lose(t)
	l.tellAgain(t)
	for _, counter := range [][32]byte{answersThere, goneThere} {
		_, err := l.after.Evaluate(t.Context(), l.vault, counter, typed, l.path.Generation)
		require.ErrorIs(t, err, witness.ErrRuled)
	}
	l.begin(t, l.after, byPath, l.nadia)
	l.after.clock.move(time.Hour)
	_, err := l.after.EvaluateWithin(t.Context(), l.vault, asked, goneThere, typed, l.path.Generation)
	require.ErrorIs(t, err, witness.ErrRequest)
	// Who enrols a path now is answered, with a key that opens nothing of before.
	fresh := evaluated(t, l.after, l.vault, goneThere, typed, 0)
	require.Greater(t, fresh.Generation, l.path.Generation)
	require.NotEqual(t, l.path.Output, fresh.Output)
}

func TestAfterALossFewTriesAreLeftAndNoOldStatementGivesMore(t *testing.T) {
	t.Parallel()
	l := lose(t)
	old := map[[32]byte][][]byte{}
	for total := range uint64(60) { // the service has seen them all, and kept them
		for _, counter := range [][32]byte{card, password} {
			old[counter] = append(old[counter], l.reset(counter, total+1))
		}
	}
	l.tellAgain(t)
	for n := range uint64(5) {
		e := evaluated(t, l.after, l.vault, card, [32]byte{'w'}, l.card.Generation)
		require.Equal(t, 16+n, e.Tries.Failed)
		for _, statement := range old[card] {
			require.NoError(t, l.after.Reset(t.Context(), l.vault, card, statement), "it is worth nothing")
		}
	}
	e, err := l.after.Evaluate(t.Context(), l.vault, card, pin, l.card.Generation)
	require.NoError(t, err)
	require.True(t, e.Tries.Spent)
	// The person is in by the password, and sets it right.
	require.NoError(t, l.after.Reset(t.Context(), l.vault, card, l.reset(card, e.Tries.Total)))
	require.Equal(t, l.card.Output, evaluated(t, l.after, l.vault, card, pin, l.card.Generation).Output)

	for n := range uint64(5) { // a password begins anew: whoever waits is the person
		tries, err := l.after.Count(t.Context(), l.vault, password)
		require.NoError(t, err)
		require.Equal(t, n+1, tries.Failed)
		for _, statement := range old[password] {
			require.NoError(t, l.after.Reset(t.Context(), l.vault, password, statement))
		}
	}
	tries, err := l.after.Count(t.Context(), l.vault, password)
	require.NoError(t, err)
	require.Positive(t, tries.Wait)
}

func TestAWitnessWhoseKeysAreLostTooTakesNoStatementFromBefore(t *testing.T) {
	t.Parallel()
	driver := kept{memstore.New()}
	require.NoError(t, witness.AfterLoss(t.Context(), storage.New(driver), noon))
	require.NoError(t, witness.AfterLoss(t.Context(), storage.New(driver), noon.Add(-time.Hour)), "again, and by a wrong clock")
	s := newSubject(t, func() storage.Driver { return driver })
	p := newPerson(t)
	register(t, s, p)
	tries, err := s.Count(t.Context(), p.vault, password)
	require.NoError(t, err)
	require.Equal(t, witness.Tries{Total: uint64(noon.UnixMilli()) + 1, Failed: 1}, tries)
	require.NoError(t, s.Reset(t.Context(), p.vault, password, p.reset(password, 1)))
	tries, err = s.Tried(t.Context(), p.vault, password)
	require.NoError(t, err)
	require.Equal(t, uint64(1), tries.Failed)
	evaluated(t, s, p.vault, card, pin, 0)
	_, err = s.Evaluate(t.Context(), p.vault, card, pin, 1)
	require.ErrorIs(t, err, witness.ErrGeneration)
}

// Whatever fails while keys are put back: repeated, everything is there, and never is
// there a key whose loss is not noted.
func TestEveryStorageFaultLeavesKeysThatCanBePutBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.escrow(t)
	inTurn(t, func(t *testing.T, driver *storagetest.Faulty, arm func()) bool {
		store := storage.New(driver)
		arm()
		err := e.PutBack(t.Context(), "lyon", store, noon)
		met := driver.Failed()
		driver.Heal()
		if err != nil {
			require.ErrorIs(t, err, witness.ErrUnavailable)
			all, err := store.Scan(t.Context(), "", "", 100)
			require.NoError(t, err)
			require.True(t, len(all) == 0 || len(all) == 4, "all of it or nothing: %d", len(all))
			require.NoError(t, e.PutBack(t.Context(), "lyon", store, noon))
		}
		require.NoError(t, e.PutBack(t.Context(), "lyon", store, noon.Add(time.Minute)), "again")
		w, err := witness.New(witness.Config{Store: store, Now: h.clock.Now})
		require.NoError(t, err)
		keys, err := w.Keys(t.Context())
		require.NoError(t, err)
		require.Len(t, keys, 2, "that of the escrow, and the new one")
		_, err = w.Evaluate(t.Context(), [16]byte{1}, card, pin, keys[0].Generation)
		require.ErrorIs(t, err, witness.ErrUnregistered, "the loss is noted")
		require.NoError(t, w.Close())
		return met
	})
}

func TestEveryStorageFaultLeavesAnEscrowOfEveryKeyOrNone(t *testing.T) {
	t.Parallel()
	inTurn(t, func(t *testing.T, driver *storagetest.Faulty, arm func()) bool {
		w, err := witness.New(witness.Config{Store: storage.New(driver)})
		require.NoError(t, err)
		defer func() { require.NoError(t, w.Close()) }()
		first, err := w.RenewKey(t.Context())
		require.NoError(t, err)
		second, err := w.RenewKey(t.Context())
		require.NoError(t, err)
		arm()
		e, err := witness.NewEscrow(t.Context(), witness.PublicKey{}, noon, []witness.EscrowPart{{Name: "lyon", Witness: w}})
		if err == nil {
			require.Equal(t, []uint64{first, second}, e.Generations("lyon"))
			err = w.Escrowed(t.Context(), e, "lyon")
		}
		met := driver.Failed()
		driver.Heal()
		if err != nil {
			require.ErrorIs(t, err, witness.ErrUnavailable)
			return met
		}
		keys, err := w.Keys(t.Context())
		require.NoError(t, err)
		require.Equal(t, []witness.Key{{Generation: first, Escrowed: true}, {Generation: second, Escrowed: true}}, keys)
		return met
	})
}
