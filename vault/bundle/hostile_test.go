package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
	"reconnect.example/vault/vaulttest"
)

// A short file that makes much work, or ends the program, is refused; it ends neither.
func TestAListThatIsMadeToEndTheProgramIsRefused(t *testing.T) {
	t.Parallel()
	const event = "BEGIN:VCALENDAR\nBEGIN:VEVENT\n"
	for what, raw := range map[string]string{
		"nested without an end":              "BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:A\n", 4_000_000),
		"nested, in other letters":           "BEGIN:VCALENDAR\n" + strings.Repeat("\n begın;x=\"1\",2:A\n", 1_000_000),
		"nested, and closed again":           event + "UID:1\nSUMMARY:x\nDTSTART:20260101T090000Z\n" + strings.Repeat("BEGIN:A\n", 1000) + strings.Repeat("END:A\n", 1000) + "END:VEVENT\nEND:VCALENDAR\n",
		"breaks off in a parameter":          event + "DTSTART;TZID=Europe/Paris\n",
		"breaks off in the second parameter": event + "DTSTART;A=b,\n",
		"a parameter with something behind":  event + "DTSTART;TZID=\"a\"b:20260101\n",
		"a parameter of megabytes":           event + "DTSTART;TZID=" + strings.Repeat("x", 4<<20) + ":20260101\n",
		"the same, quoted":                   event + "DTSTART;x\"=1;TZID=\"a:" + strings.Repeat("x", 4<<20) + "\":20260101\n",
		"lines without number":               event + strings.Repeat("UID:\n", 4_000_000),
		"contact lines without number":       "BEGIN:VCARD\n" + strings.Repeat("A:\n", 4_000_000),
		"folded without number":              "BEGIN:VCARD\nNOTE:" + strings.Repeat("\n a", 4_000_000),
	} {
		err := refused(t, []byte(raw), nil)
		require.NotEmpty(t, bundle.Code(err), what)
	}
}

func TestASmallZipOfATableDoesNotFillTheMemory(t *testing.T) { // alone: it measures
	for what, data := range map[string]string{
		"rows":  "nom\n" + strings.Repeat("a\n", 3_000_000),
		"cells": "nom" + strings.Repeat(",", 16_000_000),
	} {
		folder := fstest.MapFS{"Contact.csv": {Data: []byte(data)}}
		used := allocated(func() {
			_, err := bundle.OpenFolder(t.Context(), folder, nil)
			require.ErrorIs(t, err, bundle.ErrDamaged, what)
		})
		require.Less(t, used, uint64(400<<20), what)
	}
}

func TestABundleOfCountlessItemsDoesNotFillTheMemory(t *testing.T) { // alone: it measures
	raw := export(t, furnished(t, vaulttest.New(t, nil), 0).Vault)
	many := rebagged(t, raw, func(items []byte) []byte {
		at := bytes.Index(items, []byte(`"items": [`)) + len(`"items": [`)
		require.Greater(t, at, 100)
		return append(append(bytes.Clone(items[:at]), strings.Repeat("{},", 1_500_000)...), items[at:]...)
	})
	used := allocated(func() {
		_, err := bundle.OpenFolder(t.Context(), many, nil)
		require.ErrorIs(t, err, bundle.ErrTooMany)
	})
	require.Less(t, used, uint64(400<<20))
}

// allocated is what f takes of the memory in all, also what it gives back.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// rebagged is a bundle, unpacked, whose items somebody changed who mends the digests, too.
func rebagged(t testing.TB, raw []byte, change func(items []byte) []byte) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	rezipped(t, raw, func(all []entry) []entry {
		for _, e := range all {
			_, name, _ := strings.Cut(e.name, "/")
			out[name] = &fstest.MapFile{Data: e.data}
		}
		return nil
	})
	sum := func(name string) []byte { return fmt.Appendf(nil, "%x", sha256.Sum256(out[name].Data)) }
	items, list := sum("data/bundle.json"), sum("manifest-sha256.txt")
	out["data/bundle.json"].Data = change(out["data/bundle.json"].Data)
	out["manifest-sha256.txt"].Data = bytes.ReplaceAll(out["manifest-sha256.txt"].Data, items, sum("data/bundle.json"))
	out["tagmanifest-sha256.txt"].Data = bytes.ReplaceAll(out["tagmanifest-sha256.txt"].Data, list, sum("manifest-sha256.txt"))
	return out
}

// A worker who names what they add as if it had moved here keeps nothing of the person's out.
func TestAWorkerKeepsNothingOutOfAMove(t *testing.T) {
	t.Parallel()
	raw := export(t, furnished(t, vaulttest.New(t, nil), 2).Vault)
	key := vault.ItemID{1}.String()
	forged := rebagged(t, raw, func(items []byte) []byte {
		out := bytes.ReplaceAll(items, []byte(`"channel": "library"`), []byte(`"channel": "import; from=folder; key=`+key+`"`))
		require.NotEqual(t, items, out)
		return bytes.ReplaceAll(out, []byte(`"kind": "person"`), []byte(`"kind": "worker"`))
	})
	b, err := bundle.OpenFolder(t.Context(), forged, nil)
	require.NoError(t, err)
	stage := vaulttest.New(t, nil)
	honest, err := open(t, raw).Import(t.Context(), stage.Person(t).Vault, nil)
	require.NoError(t, err)
	done, err := b.Import(t.Context(), stage.Person(t).Vault, nil)
	require.NoError(t, err)
	require.Equal(t, honest.New, done.New)
}
