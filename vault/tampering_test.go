package vault_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// furnishedHost is a person with something of every kind, whose witness knows the
// latest heads.
func furnishedHost(t *testing.T) (*hostile, *honest) {
	t.Helper()
	s := newHostile(t)
	add(t, s.v, "one", content(1, 700))
	addTo(t, s.v, vault.NewDocument{Name: "two", Compartment: vault.Shared}, content(2, 700))
	addNote(t, s.v, "note", "text")
	appointment(t, s.v, "date", vault.Appointment{Start: s.Clock.Now(), Zone: "UTC"})
	h := remember(t, s.v)
	settleWitness(t, s.scene)
	require.NoError(t, h.survey(t, s))
	return s, h
}

// guarded lists the records whose alteration somebody must be told of, and how
// long they are.
func guarded(s *hostile) map[string]int {
	all := map[string]int{}
	for _, key := range s.host.Records(s.key("")) {
		if !unguarded(key) && !strings.Contains(key, "/o/") && !strings.Contains(key, "/x/o") { // Owner's papers: see TestAlteredPapersAreRefused
			all[key] = len(s.host.Record(key).Bytes())
		}
	}
	return all
}

// alteration is one way to spoil one record.
type alteration struct {
	key   string
	flips int // the bit to turn; negative: none
	cut   int // the length left; negative: the whole
}

// alterations are all of them, the most telling of each record first, the others in
// an order that soon has been everywhere: one bit of each byte, each length.
func alterations(sizes map[string]int) (first, rest []alteration) {
	order := rand.New(rand.NewPCG(1, 2))
	for _, key := range slices.Sorted(maps.Keys(sizes)) {
		n := sizes[key]
		for at := range n {
			flip, cut := alteration{key, 8*at + order.IntN(8), -1}, alteration{key, -1, at}
			switch at {
			case 0, n / 3, 2 * n / 3, n - 1:
				first = append(first, flip, cut)
			default:
				rest = append(rest, flip, cut)
			}
		}
	}
	order.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	slices.SortStableFunc(rest, func(a, b alteration) int { // small records are done with first
		return cmp.Compare(sizes[a.key]>>11, sizes[b.key]>>11)
	})
	return first, rest
}

// TestFlippedAndCutRecordsAreRefused alters every record: at a few places, and
// with RECONNECT_TEST_ALL=1 at every byte for as long as time allows.
func TestFlippedAndCutRecordsAreRefused(t *testing.T) {
	t.Parallel()
	s, h := furnishedHost(t)
	sizes := guarded(s)
	require.Greater(t, len(sizes), 20)
	for key := range sizes {
		s.host.Record(key).Drop()
		requireRefused(t, h.survey(t, s), "%s is gone", key)
		s.host.Record(key).Honest()
		s.host.Record(key).Append([]byte{0})
		requireRefused(t, h.survey(t, s), "%s is longer", key)
		s.host.Record(key).Honest()
	}
	spoil := func(c alteration) {
		if c.flips >= 0 {
			s.host.Record(c.key).Flip(c.flips)
		} else {
			s.host.Record(c.key).Cut(c.cut)
		}
		requireRefused(t, h.survey(t, s), fmt.Sprintf("%+v", c))
		s.host.Honest()
	}
	first, rest := alterations(sizes)
	for n, c := range first {
		if slower == 1 || n%slower == 0 {
			spoil(c)
		}
	}
	done, until := 0, time.Now().Add(time.Duration(sized(0, 15))*time.Second)
	for _, c := range rest {
		if time.Now().After(until) {
			break
		}
		spoil(c)
		done++
	}
	t.Logf("%d records, %d alterations of %d", len(sizes), len(first)+done, len(first)+len(rest))
}

// TestSwappedRecordsAreRefused exchanges every pair of records of one type.
func TestSwappedRecordsAreRefused(t *testing.T) {
	t.Parallel()
	s, h := furnishedHost(t)
	byType := map[seal.Type][]string{}
	for _, key := range slices.Sorted(maps.Keys(guarded(s))) {
		kind, _, err := seal.ParseClear(s.host.Record(key).Bytes())
		require.NoError(t, err)
		byType[kind] = append(byType[kind], key)
	}
	pairs := 0
	for _, same := range byType {
		for i, one := range same {
			for _, other := range same[i+1:] {
				if pairs++; sized(pairs%4, 0) != 0 && !strings.Contains(one, "/i/") {
					continue
				}
				s.host.Record(one).Swap(s.host.Record(other))
				requireRefused(t, h.survey(t, s), fmt.Sprint(one, " and ", other))
				s.host.Honest()
			}
		}
	}
	require.Greater(t, pairs, 30)
}

// Owner's papers are read when they are asked for.
func TestAlteredPapersAreRefused(t *testing.T) {
	t.Parallel()
	s, _ := furnishedHost(t)
	withoutLogin := 0
	for _, key := range append(s.host.Records(s.key("o/")), s.key("x/o/0")) {
		paper := s.host.Record(key)
		n := len(paper.Bytes())
		for _, alter := range []func(){
			paper.Drop, func() { paper.Cut(0) }, func() { paper.Flip(0) }, func() { paper.Flip(8 * (n / 2)) }, func() { paper.Cut(n - 1) },
		} {
			alter()
			v := s.person.SignIn(t, s.Another(t, nil))
			_, err := v.Consents(t.Context())
			require.ErrorIs(t, err, vault.ErrTampered)
			if _, err = v.Login(t.Context()); err != nil {
				require.ErrorIs(t, err, vault.ErrTampered)
				withoutLogin++
			}
			v.Close()
			paper.Honest()
		}
	}
	require.Equal(t, 10, withoutLogin, "without its own paper and without the page; not for want of another")
	v := s.person.SignIn(t, s.Another(t, nil))
	_, err := v.Consents(t.Context())
	require.NoError(t, err)
}
