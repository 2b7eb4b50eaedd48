package storagetest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
)

func checkLifeOfARecord(t testing.TB, h Harness) {
	d := h.open(t)
	requireAbsent(t, d, "a")

	put(t, d, "a", "one")
	first := get(t, d, "a")
	require.Equal(t, "one", string(first.Value))
	require.Equal(t, first, get(t, d, "a"), "reading changes nothing")

	put(t, d, "a", "two")
	second := get(t, d, "a")
	require.Equal(t, "two", string(second.Value))
	require.NotEqual(t, first.Version, second.Version)

	put(t, d, "a", "two")
	require.NotEqual(t, second.Version, get(t, d, "a").Version, "the same value again is a new version")

	remove(t, d, "a")
	requireAbsent(t, d, "a")
	remove(t, d, "a") // deleting what is not there is no error
	requireAbsent(t, d, "a")
}

func checkValues(t testing.TB, h Harness) {
	d := h.open(t)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	large := make([]byte, storage.MaxValue)
	for i := range large {
		large[i] = byte(rand.Uint32())
	}
	values := map[string][]byte{
		"nil":    nil,
		"empty":  {},
		"zero":   {0},
		"zeros":  make([]byte, 5000),
		"every":  every,
		"spaces": []byte("  \n"),
		"utf-8":  []byte("é\xff\xfe"),
		"large":  large,
	}
	for key, value := range values {
		require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: key, Value: value}}))
	}
	for key, value := range values {
		requireValue(t, value, get(t, d, key).Value, key)
	}
	page, err := d.Scan(t.Context(), "", "", storage.MaxScan)
	require.NoError(t, err)
	require.Len(t, page, len(values))
	for _, r := range page {
		requireValue(t, values[r.Key], r.Value, r.Key)
	}
	// A shorter value replaces a longer one wholly.
	put(t, d, "large", "short")
	requireValue(t, []byte("short"), get(t, d, "large").Value, "large")
	// An empty value is there, and is checked like any other.
	err = d.Commit(t.Context(), []storage.Check{{Key: "empty"}}, puts("empty", "x"))
	require.ErrorIs(t, err, storage.ErrConflict)
}

func checkCopies(t testing.TB, h Harness) {
	d := h.open(t)
	mine := []byte("mine")
	require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{{Key: "a", Value: mine}}))
	copy(mine, "XXXX")
	require.Equal(t, "mine", string(get(t, d, "a").Value), "the driver kept the caller's slice")

	copy(get(t, d, "a").Value, "XXXX")
	require.Equal(t, "mine", string(get(t, d, "a").Value), "Get returned the driver's slice")

	page, err := d.Scan(t.Context(), "", "", 10)
	require.NoError(t, err)
	require.Len(t, page, 1)
	copy(page[0].Value, "XXXX")
	require.Equal(t, "mine", string(get(t, d, "a").Value), "Scan returned the driver's slice")
}

func checkKeys(t testing.TB, h Harness) {
	d := h.open(t)
	var keys []string
	for c := byte(0x21); c <= 0x7e; c++ {
		keys = append(keys, string(c), "k"+string(c), "k"+string(c)+"/x")
	}
	long := strings.Repeat("~", storage.MaxKey-1)
	keys = append(keys, long+"a", long+"b", long, "k", "kk", "k//x", "K/x", "../x", "k'x;--")
	want := map[string]string{}
	for i, key := range keys {
		want[key] = numbered("value", i)
		put(t, d, key, want[key])
	}
	for key, value := range want {
		require.Equal(t, value, string(get(t, d, key).Value), "value of %q", key)
	}
	requireAbsent(t, d, long+"c")
	requireAbsent(t, d, strings.ToUpper("k'x;--"))
	requireOrder(t, d, want)

	// Checks too take every character as it is.
	for chunk := range slices.Chunk(keys, storage.MaxChecks) {
		var checks []storage.Check
		for _, key := range chunk {
			checks = append(checks, storage.Check{Key: key, Version: get(t, d, key).Version})
		}
		require.NoError(t, d.Commit(t.Context(), checks, nil))
		require.NoError(t, d.Commit(t.Context(), checks, puts("written", "")))
	}
	for _, key := range keys {
		require.ErrorIs(t, d.Commit(t.Context(), []storage.Check{{Key: key}}, puts("written", "")), storage.ErrConflict, "absence of %q", key)
	}
}

// requireOrder requires that one page has exactly these records, in order.
func requireOrder(t testing.TB, d storage.Driver, want map[string]string) {
	t.Helper()
	page, err := d.Scan(t.Context(), "", "", storage.MaxScan)
	require.NoError(t, err)
	have := map[string]string{}
	for i, r := range page {
		have[r.Key] = string(r.Value)
		require.True(t, i == 0 || bytes.Compare([]byte(page[i-1].Key), []byte(r.Key)) < 0, "%q is out of order", r.Key)
	}
	require.Equal(t, want, have)
}

func checkLimits(t testing.TB, h Harness) {
	d := h.open(t)
	var all []storage.Check
	for start := 0; start < storage.MaxScan+50; start += storage.MaxWrites {
		var writes []storage.Write
		for i := range storage.MaxWrites {
			writes = append(writes, storage.Write{Key: numbered("k", start+i), Value: []byte("v")})
		}
		require.NoError(t, d.Commit(t.Context(), nil, writes))
	}
	page, err := d.Scan(t.Context(), "k", "", storage.MaxScan)
	require.NoError(t, err)
	require.Len(t, page, storage.MaxScan)
	for _, r := range page[:storage.MaxChecks] {
		all = append(all, storage.Check{Key: r.Key, Version: r.Version})
	}
	var writes []storage.Write
	for _, c := range all[:storage.MaxWrites] {
		writes = append(writes, storage.Write{Key: c.Key, Delete: true})
	}
	put(t, d, all[len(all)-1].Key, "moved")
	require.ErrorIs(t, d.Commit(t.Context(), all, writes), storage.ErrConflict, "the last of many checks")
	all[len(all)-1].Version = get(t, d, all[len(all)-1].Key).Version
	require.NoError(t, d.Commit(t.Context(), all, writes))
	page, err = d.Scan(t.Context(), "k", "", 1)
	require.NoError(t, err)
	require.Len(t, page, 1)
	require.Equal(t, all[storage.MaxWrites].Key, page[0].Key)
	// A commit of the largest values.
	large := make([]byte, storage.MaxValue)
	require.NoError(t, d.Commit(t.Context(), nil, []storage.Write{
		{Key: "l1", Value: large}, {Key: "l2", Value: large}, {Key: "l3", Value: large}, {Key: "l4", Value: large}, {Key: "l5", Value: large},
	}))
	requireValue(t, large, get(t, d, "l5").Value, "l5")
}
