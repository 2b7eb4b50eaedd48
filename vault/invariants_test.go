package vault_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// requireSound signs in on a fresh service over the data of a stage and demands
// everything that must hold of a vault whatever happened to it: see look,
// requireBooks and requireWitnessed. It returns what the person sees.
func requireSound(t testing.TB, stage *vaulttest.Stage, p *vaulttest.Person) []string {
	t.Helper()
	return requireSoundOn(t, stage, p, nil)
}

// requireSoundOn is requireSound with options of the fresh service.
func requireSoundOn(t testing.TB, stage *vaulttest.Stage, p *vaulttest.Person, opts *vaulttest.Options) []string {
	t.Helper()
	service := stage.Another(t, opts)
	v := p.SignIn(t, service)
	defer v.Close()
	seen := look(t, v)
	requireBooks(t, stage, v.ID())
	require.Len(t, keys(t, stage.Store, v.ID().String()+"/i/"), len(seen), "no record of an item that no index lists")
	require.Empty(t, keys(t, stage.Store, v.ID().String()+"/in/"), "signing in takes in what waits")
	require.NoError(t, service.Vaults.Close()) // after its last reports
	requireWitnessed(t, stage, v.ID())
	return seen
}

// requireWitnessed demands that the witness remembers the heads that are stored.
func requireWitnessed(t testing.TB, stage *vaulttest.Stage, id vault.ID) {
	t.Helper()
	remembered, err := stage.Witness.Latest(context.WithoutCancel(t.Context()), id)
	require.NoError(t, err)
	require.Len(t, remembered, 4)
	for _, mark := range remembered {
		record, err := stage.Store.Get(t.Context(), id.String()+"/h/"+mark.Head[:1])
		require.NoError(t, err)
		require.Equal(t, seal.Digest(record.Value), mark.Hash, "the witness remembers another head of %s", mark.Head)
	}
}

// look reads everything that a person can see: every item opens, every document
// is intact to its last byte, the journal verifies from its head to its first
// line, and the counts agree. Each item is one line, without its id and times.
func look(t testing.TB, v *vault.Vault) []string {
	t.Helper()
	items := map[vault.ItemID]vault.Item{}
	for it, err := range v.Items(t.Context()) {
		require.NoError(t, err, it.ID)
		require.NotContains(t, items, it.ID)
		items[it.ID] = it
	}
	var counts vault.Counts
	seen := []string{}
	for _, it := range items {
		line := fmt.Sprintf("%s %q %s r%d", it.Kind, it.Name, it.Compartment, it.Revision)
		if f, found := items[it.Folder]; found {
			require.True(t, f.Kind == vault.KindFolder && f.Compartment == it.Compartment, "%q lies in %q", it.Name, f.Name)
			line += " in " + f.Name
		} else if !it.Folder.IsZero() { // who is in the bin may lose their folder
			require.False(t, it.Binned.IsZero(), "%q lies in no folder", it.Name)
		}
		if it.Kind == vault.KindFolder {
			line = fmt.Sprintf("folder %q %s", it.Name, it.Compartment)
		}
		if it.Document != nil {
			line += " " + readIntact(t, v, it)
		}
		if it.Note != nil {
			line += fmt.Sprintf(" %q", it.Note.Text)
		}
		if !it.Binned.IsZero() {
			line += " binned"
		}
		seen = append(seen, line)
		count(&counts, it)
	}
	slices.Sort(seen)
	got, err := v.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, counts, got)
	requireJournal(t, v)
	return seen
}

func count(c *vault.Counts, it vault.Item) {
	if !it.Binned.IsZero() {
		c.Binned++
		return
	}
	switch it.Kind {
	case vault.KindDocument:
		c.Documents++
	case vault.KindFolder:
		c.Folders++
		return
	case vault.KindContact:
		c.Contacts++
	case vault.KindAppointment:
		c.Appointments++
	case vault.KindNote:
		c.Notes++
	}
	if it.Compartment == vault.Private {
		c.Private++
	}
}

// readIntact reads a document to its end and returns its size and digest.
func readIntact(t testing.TB, v *vault.Vault, it vault.Item) string {
	t.Helper()
	c, err := v.ReadDocument(t.Context(), it.ID)
	require.NoError(t, err)
	defer c.Close()
	h := sha256.New()
	n, err := io.Copy(h, c)
	require.NoError(t, err)
	require.Equal(t, it.Document.Size, n)
	require.Equal(t, it.Document.Digest, h.Sum(nil))
	return fmt.Sprintf("%d %s", n, hex.EncodeToString(h.Sum(nil)[:8]))
}

// digestOf is what look says of a document with this content.
func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return fmt.Sprintf("%d %s", len(b), hex.EncodeToString(sum[:8]))
}

// requireJournal reads the whole journal page by page.
func requireJournal(t testing.TB, v *vault.Vault) []vault.Entry {
	t.Helper()
	var all []vault.Entry
	before := uint64(0)
	for {
		page, err := v.Journal(t.Context(), &vault.JournalOptions{Before: before, Limit: 1000})
		require.NoError(t, err)
		for _, e := range page {
			if len(all) > 0 {
				require.Equal(t, all[len(all)-1].Number-1, e.Number, "no gap")
			}
			all = append(all, e)
		}
		require.NotEmpty(t, all)
		if before = all[len(all)-1].Number; before == 1 {
			break
		}
	}
	require.Equal(t, vault.ActCreated, all[len(all)-1].Act)
	return all
}

// What a record of an item says without any key.
type clearItem struct {
	Revision   uint64      `cbor:"1,keyasint"`
	Generation uint64      `cbor:"2,keyasint"`
	Parts      []clearPart `cbor:"3,keyasint,omitempty"`
}

type clearPart struct {
	Role     string `cbor:"1,keyasint"`
	Blob     string `cbor:"2,keyasint"`
	Length   int64  `cbor:"3,keyasint"`
	Digest   []byte `cbor:"4,keyasint"`
	Revision uint64 `cbor:"5,keyasint"`
}

// What waits in the inbox says of itself without any key.
type clearDeposit struct {
	Line       uint64      `cbor:"1,keyasint"`
	Generation uint64      `cbor:"2,keyasint"`
	Parts      []clearPart `cbor:"3,keyasint,omitempty"`
	Takes      int64       `cbor:"4,keyasint,omitempty"`
}

// counted are the records that count against the space: items, and what waits in
// the inbox.
func counted(t testing.TB, stage *vaulttest.Stage, id vault.ID) (out []storage.Record) {
	t.Helper()
	for _, prefix := range []string{"/i/", "/in/"} {
		for rec, err := range stage.Store.All(t.Context(), id.String()+prefix) {
			require.NoError(t, err)
			out = append(out, rec)
		}
	}
	return out
}

// requireBooks adds up what the store shows to who has no key: the ledger is
// the sum of all records of items and of their blobs, and each blob is as its
// record says. It returns the names of the blobs.
func requireBooks(t testing.TB, stage *vaulttest.Stage, id vault.ID) []string {
	t.Helper()
	var sum int64
	blobs := []string{}
	for _, rec := range counted(t, stage, id) {
		kind, raw, err := seal.ParseClear(rec.Value)
		require.NoError(t, err)
		var parts []clearPart
		if kind == seal.TypeDeposit {
			var clear clearDeposit
			require.NoError(t, seal.Unmarshal(raw, &clear))
			sum, parts = sum+cmp.Or(clear.Takes, int64(len(rec.Value))), clear.Parts
		} else {
			require.Equal(t, seal.TypeItem, kind)
			var clear clearItem
			require.NoError(t, seal.Unmarshal(raw, &clear))
			sum, parts = sum+int64(len(rec.Value)), clear.Parts
		}
		for _, p := range parts {
			sum += p.Length
			blobs = append(blobs, p.Blob)
			require.True(t, strings.HasPrefix(p.Blob, id.String()+"/"))
			h := sha256.New()
			r, err := stage.Blobs.Open(t.Context(), p.Blob, 0, -1)
			require.NoError(t, err, "a record names a blob that is not there")
			n, err := io.Copy(h, r)
			require.NoError(t, err)
			require.NoError(t, r.Close())
			require.Equal(t, p.Length, n)
			require.Equal(t, p.Digest, h.Sum(nil))
		}
	}
	require.Equal(t, sum, usage(t, stage, id).Used, "the ledger says how much is stored")
	slices.Sort(blobs)
	return blobs
}

func usage(t testing.TB, stage *vaulttest.Stage, id vault.ID) (u quota.Usage) {
	t.Helper()
	require.NoError(t, stage.Store.Transact(t.Context(), func(tx *storage.Tx) (err error) {
		u, err = stage.Quota.Usage(tx, id.String())
		return err
	}))
	return u
}

// settle lets so much time pass that everything abandoned is due, and sweeps it.
func settle(t testing.TB, stage *vaulttest.Stage) {
	t.Helper()
	for range 2 {
		stage.Clock.Advance(3 * time.Hour)
		report, err := stage.Sweep(context.WithoutCancel(t.Context()))
		require.NoError(t, err)
		require.Zero(t, report.Failed)
	}
}

// requireTidy demands, after settle, that nothing is left of what was abandoned:
// no reservation, no due entry but those of what lives, no blob without a record.
func requireTidy(t testing.TB, stage *vaulttest.Stage, known *knownBlobs, id vault.ID) {
	t.Helper()
	require.Zero(t, usage(t, stage, id).Reserved)
	require.Empty(t, keys(t, stage.Store, quota.ReservationPrefix(id.String())))
	for _, key := range keys(t, stage.Store, "due/") {
		due, err := storage.ParseDue(key)
		require.NoError(t, err)
		require.Regexp(t, "^(session-.*|new|closed|unseen|died)$", due.What)
	}
	require.Equal(t, requireBooks(t, stage, id), known.there(t), "every blob has its record")
}
