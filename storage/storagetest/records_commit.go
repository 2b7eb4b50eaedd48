package storagetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func checkAllOrNothing(t testing.TB, h Harness) {
	d := h.open(t)
	put(t, d, "guard", "1", "old", "1", "gone", "1")
	guard, old, gone := get(t, d, "guard"), get(t, d, "old"), get(t, d, "gone")
	writes := []storage.Write{
		{Key: "new", Value: []byte("2")}, {Key: "old", Value: []byte("2")}, {Key: "gone", Delete: true}, {Key: "zz", Value: []byte("2")},
	}
	for _, checks := range [][]storage.Check{
		{{Key: "guard", Version: guard.Version + 1}},
		{{Key: "old", Version: old.Version}, {Key: "gone", Version: gone.Version}, {Key: "guard", Version: 0}},
		{{Key: "zzz", Version: 7}},
	} {
		require.ErrorIs(t, d.Commit(t.Context(), checks, writes), storage.ErrConflict, "checks %v", checks)
		requireAbsent(t, d, "new")
		requireAbsent(t, d, "zz")
		require.Equal(t, old, get(t, d, "old"))
		require.Equal(t, gone, get(t, d, "gone"))
	}
	require.NoError(t, d.Commit(t.Context(), []storage.Check{{Key: "guard", Version: guard.Version}}, writes))
	require.Equal(t, "2", string(get(t, d, "new").Value))
	require.Equal(t, "2", string(get(t, d, "old").Value))
	requireAbsent(t, d, "gone")
	require.Equal(t, guard, get(t, d, "guard"), "a record that is only checked does not move")
}

// checkEveryCheck tries each kind of check alone, on a key that is written and
// on one that is not.
func checkEveryCheck(t testing.TB, h Harness) {
	d := h.open(t)
	put(t, d, "here", "1")
	stale := get(t, d, "here").Version
	put(t, d, "here", "2", "deleted", "1")
	deleted := get(t, d, "deleted").Version
	remove(t, d, "deleted")
	current := get(t, d, "here").Version

	for _, c := range []struct {
		about string
		check storage.Check
		holds bool
	}{
		{"the current version", storage.Check{Key: "here", Version: current}, true},
		{"an older version", storage.Check{Key: "here", Version: stale}, false},
		{"a version of the future", storage.Check{Key: "here", Version: current + 1000}, false},
		{"absence of what is there", storage.Check{Key: "here"}, false},
		{"absence of what never was", storage.Check{Key: "never"}, true},
		{"absence of what was deleted", storage.Check{Key: "deleted"}, true},
		{"the version of what was deleted", storage.Check{Key: "deleted", Version: deleted}, false},
		{"a version of what never was", storage.Check{Key: "never", Version: current}, false},
	} {
		err := d.Commit(t.Context(), []storage.Check{c.check}, puts("other", c.about))
		if c.holds {
			require.NoError(t, err, c.about)
			require.Equal(t, c.about, string(get(t, d, "other").Value))
			continue
		}
		require.ErrorIs(t, err, storage.ErrConflict, c.about)
		require.NotErrorIs(t, err, storage.ErrUnknown, c.about)
		err = d.Commit(t.Context(), []storage.Check{c.check}, puts(c.check.Key, "written"))
		require.ErrorIs(t, err, storage.ErrConflict, "%s, of the key that is written", c.about)
		err = d.Commit(t.Context(), []storage.Check{c.check}, []storage.Write{{Key: c.check.Key, Delete: true}})
		require.ErrorIs(t, err, storage.ErrConflict, "%s, of the key that is deleted", c.about)
	}
	require.Equal(t, current, get(t, d, "here").Version)
	requireAbsent(t, d, "never")
	requireAbsent(t, d, "deleted")
}

func checkOnlyChecks(t testing.TB, h Harness) {
	d := h.open(t)
	require.NoError(t, d.Commit(t.Context(), nil, nil))
	put(t, d, "a", "1", "b", "1")
	a, b := get(t, d, "a"), get(t, d, "b")
	hold := []storage.Check{{Key: "a", Version: a.Version}, {Key: "b", Version: b.Version}, {Key: "c"}}
	require.NoError(t, d.Commit(t.Context(), hold, nil))
	require.Equal(t, a, get(t, d, "a"))
	put(t, d, "b", "2")
	require.ErrorIs(t, d.Commit(t.Context(), hold, nil), storage.ErrConflict)
	put(t, d, "c", "1")
	require.ErrorIs(t, d.Commit(t.Context(), hold[2:], nil), storage.ErrConflict)
	require.NoError(t, d.Commit(t.Context(), hold[:1], nil))
}

// checkVersions deletes and writes again, as one that comes back after being
// forgotten must not pass for the one that was read.
func checkVersions(t testing.TB, h Harness) {
	d := h.open(t)
	seen := map[storage.Version]bool{}
	var first storage.Version
	for i := range 30 {
		put(t, d, "a", "same", "b", "same")
		version := get(t, d, "a").Version
		require.False(t, seen[version], "version %d was given twice", version)
		seen[version] = true
		if i == 0 {
			first = version
		}
		if i%3 != 0 {
			remove(t, d, "a")
		}
		if i%5 == 0 {
			remove(t, d, "b")
		}
	}
	put(t, d, "a", "same")
	err := d.Commit(t.Context(), []storage.Check{{Key: "a", Version: first}}, puts("a", "late"))
	require.ErrorIs(t, err, storage.ErrConflict)
	require.Equal(t, "same", string(get(t, d, "a").Value))
}
