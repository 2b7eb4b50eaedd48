package storagetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func checkScan(t testing.TB, h Harness) {
	d := h.open(t)
	random := rand.New(rand.NewPCG(1, 2))
	letters := "!/0aA_~"
	word := func(longest int) string {
		w := make([]byte, random.IntN(longest+1))
		for i := range w {
			w[i] = letters[random.IntN(len(letters))]
		}
		return string(w)
	}
	var keys []string
	for range 150 {
		if key := word(5); key != "" && !slices.Contains(keys, key) {
			put(t, d, key, "value of "+key)
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for range 300 {
		prefix, after, limit := word(2), word(4), 1+random.IntN(12)
		if random.IntN(3) == 0 {
			after = keys[random.IntN(len(keys))]
		}
		var want []string
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) && key > after && len(want) < limit {
				want = append(want, key)
			}
		}
		page, err := d.Scan(t.Context(), prefix, after, limit)
		require.NoError(t, err)
		var have []string
		for _, r := range page {
			have = append(have, r.Key)
			require.Equal(t, get(t, d, r.Key), r, "Scan and Get agree")
		}
		require.Equal(t, want, have, "scan of prefix %q after %q limit %d", prefix, after, limit)
	}
}

func checkLiteralPrefix(t testing.TB, h Harness) {
	d := h.open(t)
	put(t, d, "a%b", "", "a_b", "", "a*b", "", "a?b", "", "a\\b", "", "a[b", "", "axb", "", "Axb", "", "a.b", "", "a", "", "b", "")
	for _, prefix := range []string{"a%", "a_", "a*", "a?", "a\\", "a[", "A", "a."} {
		page, err := d.Scan(t.Context(), prefix, "", 10)
		require.NoError(t, err)
		require.Len(t, page, 1, "keys with the prefix %q", prefix)
		require.True(t, strings.HasPrefix(page[0].Key, prefix), "%q has the prefix %q", page[0].Key, prefix)
	}
	none, err := d.Scan(t.Context(), "aa", "", 10)
	require.NoError(t, err)
	require.Empty(t, none)
}

// checkPagingUnderWrites walks in small pages over records that nobody touches
// while others appear and disappear between them.
func checkPagingUnderWrites(t testing.TB, h Harness) {
	d := h.open(t)
	const stable = 60
	for i := range stable {
		put(t, d, numbered("k", i)+"/stays", "")
	}
	var done atomic.Bool
	together(t, 3, func(writer int) error {
		if writer > 0 {
			for i := 0; !done.Load(); i++ {
				key := numbered("k", rand.IntN(stable)) + fmt.Sprintf("/by%d", writer)
				if err := d.Commit(t.Context(), nil, []storage.Write{{Key: key, Delete: i%2 == 1}}); err != nil {
					return err
				}
			}
			return nil
		}
		defer done.Store(true)
		for range sized(10, 100) {
			if err := walk(t, d, stable); err != nil {
				return err
			}
		}
		return nil
	})
}

// walk looks for exactly the records that stay, in order.
func walk(t testing.TB, d storage.Driver, stable int) error {
	after, found := "", 0
	for {
		page, err := d.Scan(t.Context(), "k", after, 7)
		if err != nil {
			return err
		}
		for _, r := range page {
			if r.Key <= after {
				return fmt.Errorf("%q came after %q", r.Key, after)
			}
			after = r.Key
			if strings.HasSuffix(r.Key, "/stays") {
				if r.Key != numbered("k", found)+"/stays" {
					return fmt.Errorf("%q came as number %d", r.Key, found)
				}
				found++
			}
		}
		if len(page) < 7 {
			break
		}
	}
	if found != stable {
		return errors.New("a record that nobody touched was not seen")
	}
	return nil
}
