package consent_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

func TestPublishingAgainIsHarmlessAndAnOlderOneIsRefused(t *testing.T) {
	t.Parallel()
	p := twice(t)
	for range 3 {
		publish(t, p.directory, p.after)
	}
	for _, d := range []*consent.Directory{p.directory, p.open(t)} {
		_, err := d.Publish(t.Context(), carried(t, p.before))
		require.ErrorIs(t, err, consent.ErrOutdated)
	}
	s, err := p.open(t).Current(t.Context())
	require.NoError(t, err)
	require.Equal(t, p.after.Version(), s.Version())
	require.Equal(t, carried(t, p.after), carried(t, s), "it comes back as it was signed")
}

func TestADamagedCopyIsSetRightByPublishingAgain(t *testing.T) {
	t.Parallel()
	p := twice(t)
	head, page := p.directory.ID().String()+"/h/o", p.directory.ID().String()+"/x/o/0"
	for _, damage := range []func(tx *storage.Tx){
		func(tx *storage.Tx) { tx.Delete(page) },
		func(tx *storage.Tx) { tx.Put(page, []byte("x")) },
		func(tx *storage.Tx) { tx.Delete(head) },
		func(tx *storage.Tx) { tx.Put(head, nil) },
		func(tx *storage.Tx) { tx.Put(head, []byte(strings.Repeat("x", 1000))); tx.Delete(page) },
	} {
		require.NoError(t, p.store.Transact(t.Context(), func(tx *storage.Tx) error { damage(tx); return nil }))
		_, err := p.open(t).Relays(t.Context())
		require.Error(t, err)
		_, err = p.open(t).Publish(t.Context(), carried(t, p.before))
		require.ErrorIs(t, err, consent.ErrOutdated, "not by an older one")
		publish(t, p.open(t), p.after)
		_, err = p.open(t).Relays(t.Context())
		require.NoError(t, err)
	}
}

func TestOfTwoOperatorsAtOnceOneIsTold(t *testing.T) {
	t.Parallel()
	for range 20 {
		s := newStage(t)
		first := s.begin(t)
		publish(t, s.open(t), first)
		var states []*consent.DirectoryState
		for n := range 4 {
			states = append(states, s.sign(t, first, consent.Change{Organisation: organisation(fmt.Sprintf("Ville %d", n))}))
		}
		results := make([]error, len(states))
		var all sync.WaitGroup
		for n, state := range states {
			bundle, d := carried(t, state), s.open(t)
			all.Go(func() { _, results[n] = d.Publish(t.Context(), bundle) })
		}
		all.Wait()
		won := -1
		for n, err := range results {
			if err == nil {
				require.Equal(t, -1, won, "one only")
				won = n
				continue
			}
			require.ErrorIs(t, err, consent.ErrOutdated)
		}
		require.GreaterOrEqual(t, won, 0)
		now, err := s.open(t).Current(t.Context())
		require.NoError(t, err)
		require.Equal(t, carried(t, states[won]), carried(t, now))
		publish(t, s.open(t), s.sign(t, now, consent.Change{Organisation: organisation("Ville de plus")}))
	}
}

func TestReadersBesidePublishersSeeOneVersionOrTheNext(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	state := s.begin(t)
	publish(t, s.open(t), state)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		d := s.open(t)
		readers.Go(func() {
			last := uint64(0)
			for {
				now, err := d.Current(t.Context())
				if err != nil || now.Version() < last {
					t.Errorf("after version %d: %v", last, err)
					return
				}
				last = now.Version()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for n := range 30 {
		state = s.sign(t, state, consent.Change{Organisation: organisation(fmt.Sprintf("Ville %d", n))})
		publish(t, s.open(t), state)
	}
	close(done)
	readers.Wait()
}

func TestPagesHoldTwoHundredAndFiftySixEntries(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	d := s.open(t)
	state, count := s.begin(t), 0
	for _, c := range []struct{ entries, pages int }{{0, 1}, {1, 1}, {255, 1}, {256, 1}, {257, 2}, {512, 2}, {513, 3}} {
		var changes []consent.Change
		for ; count < c.entries; count++ {
			changes = append(changes, consent.Change{Organisation: organisation(fmt.Sprintf("Organisation %d", count))})
		}
		state = s.sign(t, state, changes...)
		publish(t, d, state)
		require.Len(t, s.host.Records(d.ID().String()+"/x/o/"), c.pages)
		all, err := s.open(t).Organisations(t.Context())
		require.NoError(t, err)
		require.Len(t, all, c.entries)
	}
	// A change of an entry writes the page that it lies on, and no other.
	then := s.host.Now()
	all, err := d.Organisations(t.Context())
	require.NoError(t, err)
	renamed := all[300]
	renamed.Name = "Un autre nom"
	publish(t, d, s.sign(t, state, consent.Change{Organisation: &renamed}))
	written := s.host.Written(then)
	require.Len(t, written, 2)
	require.Equal(t, d.ID().String()+"/x/o/1", written[1].Key)
}

// many is a directory of n relays with a licence each, in made-up towns.
func many(t *testing.T, s *stage, n int) (*consent.DirectoryState, []*consent.Relay) {
	t.Helper()
	var changes []consent.Change
	var relays []*consent.Relay
	towns := make([]*consent.Organisation, 0, n/20+1)
	for i := range n {
		if i%20 == 0 {
			towns = append(towns, organisation(fmt.Sprintf("Association n° %d", i/20)))
			changes = append(changes, consent.Change{Organisation: towns[i/20]})
		}
		r := relayOf(towns[i/20], fmt.Sprintf("Accueil de jour n° %d", i))
		relays = append(relays, r)
		changes = append(changes, consent.Change{Relay: r}, consent.Change{Licence: licenceOf(r, fmt.Sprintf("2026-%d", i), "2026-01-01", "2026-12-31")})
	}
	return s.sign(t, s.begin(t), changes...), relays
}

func TestTenThousandRelaysStayFast(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	faulty := storagetest.NewFaulty(s.host)
	s.store = storage.New(faulty)
	began := time.Now()
	state, relays := many(t, s, 10_000)
	signed := time.Since(began)
	d := s.open(t)
	began = time.Now()
	publish(t, d, state)
	published := time.Since(began)
	fresh := s.open(t)
	began = time.Now()
	_, err := fresh.Relay(t.Context(), relays[0].ID)
	require.NoError(t, err)
	opened := time.Since(began)
	faulty.Heal()
	began = time.Now()
	const questions = 10_000
	for range questions {
		r := relays[rand.IntN(len(relays))] //nolint:gosec // which is asked for does not matter
		got, err := fresh.Relay(t.Context(), r.ID)
		require.NoError(t, err)
		require.Equal(t, r.Name, got.Name)
	}
	t.Logf("signed in %s, published in %s, opened in %s, %s a question, %d kB", signed, published, opened, time.Since(began)/questions, len(carried(t, state))/1000)
	require.Equal(t, questions, faulty.Calls(), "one Get each, and no scan")
}

func TestADirectoryThatIsTooLargeIsRefusedByWhoSigns(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	town := organisation("Ville de Lyon")
	var changes []consent.Change
	for n := range 6000 { // as long as entries may be, in a script of three bytes a character
		r := relayOf(town, strings.Repeat("ሀ", consent.MaxName))
		r.Place, r.Contact = strings.Repeat("ሁ", consent.MaxPlace-8)+fmt.Sprint(n), strings.Repeat("ሂ", consent.MaxContact)
		changes = append(changes, consent.Change{Relay: r})
	}
	_, err := s.authority.Sign(s.begin(t), append([]consent.Change{{Organisation: town}}, changes...)...)
	require.ErrorIs(t, err, vault.ErrTooMany)
}

func TestNothingThatWasNamedVanishesAndNoRelayGetsAnotherKey(t *testing.T) {
	t.Parallel()
	p := twice(t)
	rekeyed := *p.centre
	rekeyed.Key = newKey()
	_, err := p.authority.Sign(p.after, consent.Change{Relay: &rekeyed})
	var field *vault.InvalidError
	require.ErrorAs(t, err, &field)
	require.Equal(t, "relay.key", field.Field)

	// A directory of the same authority in which things are missing: made from the beginning.
	anew := p.begin(t)
	for range 10 {
		anew = p.sign(t, anew)
	}
	for _, changes := range [][]consent.Change{nil, {{Organisation: p.town}}, {{Organisation: p.town}, {Relay: &rekeyed}}} {
		_, err = p.directory.Publish(t.Context(), carried(t, p.sign(t, anew, changes...)))
		require.ErrorIs(t, err, vault.ErrInvalid)
	}
	_, err = p.directory.Relay(t.Context(), p.centre.ID)
	require.NoError(t, err)
}

func TestFeesHaveACap(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	town := organisation("Ville de Lyon")
	centre := relayOf(town, "Accueil de jour")
	state := s.sign(t, s.begin(t), adding(town, centre)...)
	licence := licenceOf(centre, "2026-1", "2026-01-01", "2026-12-31")
	licence.Fee = 200_000
	exactly := s.sign(t, state, consent.Change{Licence: licence})
	publish(t, s.open(t), exactly)
	for _, wrong := range []struct {
		fee      int64
		currency string
		field    string
	}{{200_001, "EUR", "licence.fee"}, {1, "CAD", "licence.currency"}} {
		l := licenceOf(centre, "2027-1", "2027-01-01", "2027-12-31")
		l.Fee, l.Currency = wrong.fee, wrong.currency
		_, err := s.open(t).Publish(t.Context(), carried(t, s.sign(t, exactly, consent.Change{Licence: l})))
		var field *vault.InvalidError
		require.ErrorAs(t, err, &field)
		require.Equal(t, wrong.field, field.Field)
	}
	lower, err := consent.OpenDirectory(t.Context(), consent.DirectoryConfig{Store: s.store, Checkpoints: s.witness, Authority: s.first, Now: s.clock.Now, FeeCap: 1, Currency: "CAD"})
	require.NoError(t, err)
	_, err = lower.Relays(t.Context())
	require.NoError(t, err, "what was sold stays")
	publish(t, lower, s.sign(t, exactly, consent.Change{Organisation: organisation("Ville de Paris")}))
}

// Whichever call of the store fails, before or after it was done, what is answered is
// true, everybody reads a whole directory, and publishing again goes on.
func TestFaultsOfTheStoreWhilePublishing(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct {
		err  error
		when storagetest.When
	}{{storage.ErrUnavailable, storagetest.Before}, {storage.ErrNoSpace, storagetest.Before}, {storage.ErrUnknown, storagetest.After}, {storage.ErrUnknown, storagetest.Before}} {
		for n := 1; ; n++ {
			s := newStage(t)
			before, _ := many(t, s, 150)
			publish(t, s.open(t), before)
			after := s.sign(t, before, consent.Change{Organisation: organisation("Ville de plus")})
			faulty := storagetest.NewFaulty(s.host)
			honest := s.store
			s.store = storage.New(faulty)
			d := s.open(t)
			faulty.FailAt(n, fault.err, fault.when)
			_, err := d.Publish(t.Context(), carried(t, after))
			if !faulty.Failed() {
				require.NoError(t, err)
				break
			}
			s.store = honest
			now, readErr := s.open(t).Current(t.Context())
			require.NoError(t, readErr)
			if err == nil {
				require.Equal(t, after.Version(), now.Version())
			} else {
				require.NotEmpty(t, vault.Code(err), err)
				require.Contains(t, []uint64{before.Version(), after.Version()}, now.Version())
			}
			publish(t, s.open(t), after)
		}
	}
}

func TestFaultsOfTheWitnessWhilePublishing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	d := s.open(t)
	before := s.begin(t)
	publish(t, d, before)
	after := s.sign(t, before, consent.Change{Organisation: organisation("Ville de Lyon")})

	s.witness.set(func(c *counted) { c.away = true })
	_, err := d.Publish(t.Context(), carried(t, after))
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	requireVersion(t, s, before)

	s.witness.set(func(c *counted) { c.away, c.failKeep = false, true })
	_, err = d.Publish(t.Context(), carried(t, after))
	require.Error(t, err)
	require.NotErrorIs(t, err, vault.ErrUnconfirmed, "nothing was changed")
	s.witness.set(func(c *counted) { c.failKeep = false })
	requireVersion(t, s, before)

	s.witness.set(func(c *counted) { c.failRaise = true })
	_, err = d.Publish(t.Context(), carried(t, after))
	require.ErrorIs(t, err, vault.ErrUnconfirmed)
	_, err = s.open(t).Current(t.Context())
	require.Error(t, err, "nobody believes what the witness does not take")
	s.witness.set(func(c *counted) { c.failRaise = false })
	requireVersion(t, s, after) // who reads it tells the witness
	told, err := s.own.Latest(t.Context(), d.ID())
	require.NoError(t, err)
	require.Equal(t, after.Version(), told[0].Version)
	publish(t, d, after)
}

func requireVersion(t *testing.T, s *stage, state *consent.DirectoryState) {
	t.Helper()
	now, err := s.open(t).Current(t.Context())
	require.NoError(t, err)
	require.Equal(t, state.Version(), now.Version())
}

func TestTheWitnessKeepsTheWholeDirectoryForARestore(t *testing.T) {
	t.Parallel()
	p := twice(t)
	head, side, err := p.own.OwnerSide(t.Context(), p.directory.ID())
	require.NoError(t, err)
	wantHead, pages := split(t, p.after)
	require.Equal(t, wantHead, head)
	require.Equal(t, []vault.Kept{{Key: p.directory.ID().String() + "/x/o/0", Value: pages[0]}}, side)
	empty := newStage(t)
	d := empty.open(t)
	publish(t, d, empty.begin(t))
	_, side, err = empty.own.OwnerSide(t.Context(), d.ID())
	require.NoError(t, err)
	require.Len(t, side, 1, "also of one without entries")
}

func TestAnOpenedDirectoryNamesEveryMistakeOfItsConfiguration(t *testing.T) {
	t.Parallel()
	_, err := consent.OpenDirectory(t.Context(), consent.DirectoryConfig{FeeCap: -1, Currency: "euro"})
	for _, field := range []string{"Store", "Checkpoints", "Authority", "FeeCap", "Currency"} {
		require.ErrorContains(t, err, field)
	}
	require.ErrorIs(t, err, vault.ErrInvalid)
}

func TestAStoreThatIsAwayIsNamed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	faulty := storagetest.NewFaulty(memstore.New())
	s.store = storage.New(faulty)
	d := s.open(t)
	publish(t, d, s.begin(t))
	faulty.FailFrom(1, errors.New("cable cut"), storagetest.Before)
	_, err := d.Relays(t.Context())
	require.ErrorIs(t, err, vault.ErrStorage)
	_, err = s.open(t).Relays(t.Context())
	require.ErrorIs(t, err, vault.ErrStorage)
}
