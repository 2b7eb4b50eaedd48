package vault_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// furnishedScene is a person with something of every kind, whose witness knows
// the latest heads.
func furnishedScene(t *testing.T) (*scene, *honest) {
	t.Helper()
	s := newScene(t, nil)
	add(t, s.v, "one", content(1, 700))
	addTo(t, s.v, vault.NewDocument{Name: "two", Compartment: vault.Shared}, content(2, 700))
	addNote(t, s.v, "note", "text")
	appointment(t, s.v, "date", vault.Appointment{Start: s.Clock.Now(), Zone: "UTC"})
	h := remember(t, s.v)
	settleWitness(t, s)
	require.NoError(t, h.survey(t, s))
	return s, h
}

// guarded lists the records whose alteration somebody must be told of.
func guarded(t *testing.T, s *scene) map[string][]byte {
	t.Helper()
	all := dump(t, s.Store)
	for key := range all {
		if unguarded(key) || !strings.HasPrefix(key, s.v.ID().String()) || strings.Contains(key, "/o/") || strings.Contains(key, "/x/o") {
			delete(all, key) // Owner's papers: see TestAlteredPapersAreRefused
		}
	}
	return all
}

// TestFlippedAndCutRecordsAreRefused alters every record at every byte, or at
// many where it is large.
func TestFlippedAndCutRecordsAreRefused(t *testing.T) {
	t.Parallel()
	s, h := furnishedScene(t)
	for key, record := range guarded(t, s) {
		step := max(1, len(record)/sized(max(1, 3/slower), 20))
		spoilt := [][]byte{nil, {}, append(append([]byte(nil), record...), 0)}
		for at := 0; at < len(record); at += step {
			spoilt = append(spoilt, flipped(record, at), record[:at])
		}
		spoilt = append(spoilt, flipped(record, len(record)-1), record[:len(record)-1])
		for n, b := range spoilt {
			set(t, s.Store, key, b)
			requireRefused(t, h.survey(t, s), "%s, way %d", key, n)
		}
		set(t, s.Store, key, record)
	}
}

// TestSwappedRecordsAreRefused exchanges every pair of records of one type.
func TestSwappedRecordsAreRefused(t *testing.T) {
	t.Parallel()
	s, h := furnishedScene(t)
	byType := map[seal.Type][]string{}
	for key, record := range guarded(t, s) {
		kind, _, err := seal.ParseClear(record)
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
				swap(t, s.Store, one, other)
				requireRefused(t, h.survey(t, s), fmt.Sprint(one, " and ", other))
				swap(t, s.Store, one, other)
			}
		}
	}
	require.Greater(t, pairs, 30)
}

// Owner's papers are read when they are asked for.
func TestAlteredPapersAreRefused(t *testing.T) {
	t.Parallel()
	s, _ := furnishedScene(t)
	withoutLogin := 0
	for _, key := range append(keys(t, s.Store, s.key("o/")), s.key("x/o/0")) {
		record := get(t, s.Store, key)
		for _, b := range [][]byte{nil, {}, flipped(record, 0), flipped(record, len(record)/2), record[:len(record)-1]} {
			set(t, s.Store, key, b)
			v := s.person.SignIn(t, s.Another(t, nil))
			_, err := v.Consents(t.Context())
			require.ErrorIs(t, err, vault.ErrTampered)
			if _, err = v.Login(t.Context()); err != nil {
				require.ErrorIs(t, err, vault.ErrTampered)
				withoutLogin++
			}
			v.Close()
		}
		set(t, s.Store, key, record)
	}
	require.Equal(t, 10, withoutLogin, "without its own paper and without the page; not for want of another")
	v := s.person.SignIn(t, s.Another(t, nil))
	_, err := v.Consents(t.Context())
	require.NoError(t, err)
}
