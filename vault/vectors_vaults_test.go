package vault_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
	"reconnect.example/vault/vaulttest"
)

const vectorPassword = "bato kiru mesa lova"

// made is the vault of the vectors with what its forgeries need.
type made struct {
	w       *vectorWriter
	name    string // of its vector
	ctx     context.Context
	stage   *vaulttest.Stage
	v       *vault.Vault
	login   string
	doc     vault.Item        // shared, over a segment boundary
	note    vault.Item        // private
	records map[string][]byte // of the vault
	other   map[string][]byte // of another vault of the same service
	otherID vault.ID
	shows   []string
}

// vaults writes one whole vault, and what can be wrong with it.
func (w *vectorWriter) vaults() {
	m := &made{w: w, name: "vault", ctx: w.t.Context()}
	folder := w.t.TempDir()
	m.stage = vaulttest.New(w.t, &vaulttest.Options{Folder: folder, Folders: []string{"Papiers", "أوراق"}})
	m.live()
	neighbour := m.stage.Person(w.t)
	m.otherID = neighbour.Vault.ID()
	m.take(folder, "A whole vault: every record and blob, how to open it, and what it then shows.")
	m.broken()
}

// take writes the vector of a vault that has been lived in.
func (m *made) take(folder, comment string) {
	w := m.w
	require.NoError(w.t, m.v.PutSlot(m.ctx, m.login, vectorPassword, seal.KDF{
		Algorithm: seal.Argon2id, Time: 3, MemoryKiB: 64 << 10, Threads: 1, Salt: []byte("salt of 16 bytes"),
	}))
	require.NoError(w.t, m.stage.Vaults.Close()) // the last word of everything

	m.records, m.other = map[string][]byte{}, map[string][]byte{}
	for r, err := range m.stage.Store.All(m.ctx, "") {
		require.NoError(w.t, err)
		switch {
		case !m.otherID.IsZero() && strings.HasPrefix(r.Key, m.otherID.String()):
			m.other[r.Key] = r.Value
		case m.otherID.IsZero() || !strings.Contains(r.Key, m.otherID.String()): // no deadline of the other one
			m.records[r.Key] = r.Value
		}
	}
	key, err := os.ReadFile(filepath.Join(folder, local.KeyFileName))
	require.NoError(w.t, err)
	fields := []field{
		text("kind", "vault"), text("login", m.login), text("password", vectorPassword), number("now", uint64(m.stage.Clock.Now().UnixMilli())),
		hexed("key-file", key), text("token", m.v.Token()),
	}
	for _, key := range slices.Sorted(maps.Keys(m.records)) {
		fields = append(fields, recordOf(key, m.records[key]))
	}
	fields = append(fields, m.blobs()...)
	w.put(m.name, "success", comment, fields...)

	// What it shows is seen through this package, from the vector itself, and from
	// then on held against every reader.
	seen := showVault(w.t, w.read(m.name))
	require.Equal(w.t, "success", seen.outcome)
	m.shows = seen.lines
	for _, line := range seen.lines {
		fields = append(fields, text("shows", line))
	}
	delete(w.written, m.name)
	w.put(m.name, "success", comment, fields...)
}

// live is the life of the vault until it is taken down.
func (m *made) live() {
	t := m.w.t
	v, err := m.stage.Create(m.ctx, vault.CreateRequest{
		Password: vectorPassword, Consent: true, Channel: "relais",
		Notice:  vault.Notice{Version: "2026-1", Language: "ar", Text: "ما نحفظه لك، ومن يستطيع رؤيته، وكيف تغادر."},
		Session: &vault.SessionRequest{Device: "téléphone"},
	})
	require.NoError(t, err)
	m.v = v
	m.login, err = v.Login(m.ctx)
	require.NoError(t, err)
	shared := vault.Place{Compartment: vault.Shared, Channel: "web"}
	m.note = addNote(t, v, "ملاحظة", "الخزانة رقم 12\nرمز: في رأسي")
	_, err = v.AddContact(m.ctx, "فاطمة الزهراء", vault.Contact{Role: "أخت", Phones: []string{"+33 6 12 34 56 78", "+212 600-000000"}, Note: "après 18 h"}, shared)
	require.NoError(t, err)
	moved := addTo(t, v, vault.NewDocument{Name: "Attestation d’hébergement", MediaType: "text/plain", Channel: "web"}, content(3, 700))
	_, err = v.Move(m.ctx, moved.ID, moved.Revision, vault.Shared)
	require.NoError(t, err)

	// Somebody else knew the password: everything lies under new keys from here on,
	// and the journal up to here under the old ones.
	m.stage.Clock.Advance(10 * time.Minute)
	require.NoError(t, v.ChangePassword(m.ctx, vault.ChangePassword{Old: vectorPassword, New: vectorPassword + " pela", KnownToOthers: true}))
	require.NoError(t, v.ChangePassword(m.ctx, vault.ChangePassword{Old: vectorPassword + " pela", New: vectorPassword}))

	m.doc = addTo(t, v, vault.NewDocument{
		Name: "شهادة ميلاد.pdf", Compartment: vault.Shared, Folder: folder(t, v, "أوراق", vault.Shared).ID,
		MediaType: "application/pdf", Size: 262_200, Issued: "1989-03-07", Expires: "2031-12-31", Channel: "api",
	}, content(2, 262_200))
	add(t, v, "empty", nil)
	binned := addNote(t, v, "old", "no longer needed")
	_, err = v.Bin(m.ctx, binned.ID, binned.Revision)
	require.NoError(t, err)
	_, err = v.AddAppointment(m.ctx, "Préfecture", vault.Appointment{
		Start: time.Date(2026, 4, 1, 7, 30, 0, 0, time.UTC), Duration: 45 * time.Minute, Zone: "Europe/Paris", Place: "1 rue de la République", With: "Mme Martin", Note: "apporter l’acte",
	}, shared)
	require.NoError(t, err)
	renamed := "ملاحظة قديمة"
	m.note, err = v.Edit(m.ctx, m.note.ID, m.note.Revision, vault.Edit{Name: &renamed})
	require.NoError(t, err)
	_, err = v.AskForSpace(m.ctx, "J’ai beaucoup de papiers")
	require.NoError(t, err)
	now := m.stage.Clock.Now()
	require.NoError(t, v.NoteRestored(m.ctx, vault.Restored{Taken: now.Add(-time.Hour), Accepted: now.Add(-time.Minute), Confirmed: now}))
}

// blobs are the blobs that the items name.
func (m *made) blobs() (fields []field) {
	for _, name := range slices.Sorted(maps.Keys(blobNames(m.w.t, m.records, m.v.ID().KeyOf("i/")))) {
		fields = append(fields, field{Name: "blob", Line: name, Data: blobBytes(m.w.t, m.stage, name)})
	}
	return fields
}

func blobBytes(t testing.TB, s *vaulttest.Stage, name string) []byte {
	t.Helper()
	r, err := s.Blobs.Open(t.Context(), name, 0, -1)
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return b
}

// spoil writes one broken vault.
func (m *made) spoil(name, expect, comment string, spoil func(f *vault.Forge), more ...field) {
	m.w.t.Helper()
	f := m.v.NewForge(m.records)
	if spoil != nil {
		spoil(f)
	}
	fields := slices.Clone(more)
	for _, key := range slices.Sorted(maps.Keys(f.Changed)) {
		if f.Changed[key] == nil {
			fields = append(fields, text("gone", key))
		} else {
			fields = append(fields, recordOf(key, f.Changed[key]))
		}
	}
	if expect != "success" && !slices.ContainsFunc(more, func(f field) bool { return f.Name == "shows" }) {
		fields = append(fields, text("gone", "shows")) // nothing of it is shown
	}
	m.w.on(m.name, name, expect, comment, fields...)
}

// instead are the changes of what is shown when one line is replaced by another.
func (m *made) instead(it vault.Item, line string) []field {
	i := slices.IndexFunc(m.shows, func(s string) bool { return strings.Contains(s, " | "+it.ID.String()+" | ") })
	require.GreaterOrEqual(m.w.t, i, 0)
	return []field{text("gone", m.shows[i]), text("shows", line)}
}

// older are records that are right in everything, but not those that are named.
func (m *made) older() {
	id, note, paper := m.v.ID(), m.note, vault.PaperKeys(m.v.ID(), m.records)[0]
	again := func(name, expect, key string) {
		m.w.t.Helper()
		m.spoil(name+"-other-sealing", expect, "Sealed once more, as it is: not the one that is named by its digest.", func(f *vault.Forge) { f.Again(key, vectorPassword) })
	}
	again("wrapping-key", "tampered wrapping key", id.KeyOf("k/w"))
	again("keyring", "tampered shared keyring", id.KeyOf("k/s"))
	again("paper", "tampered owner paper "+strings.TrimPrefix(paper, id.KeyOf("o/")), paper)
	again("journal", "tampered journal entry 3", id.KeyOf("j/0000000000000003"))
	m.spoil("keyslot-other-sealing", "tampered keyslot", "Sealed once more, as it is: not the one that is named by its digest.", func(f *vault.Forge) {
		f.Slot(func(*seal.KDF, map[vault.Compartment]*[]byte) {})
		f.Only(slices.Sorted(maps.Keys(within(m.records, id.KeyOf("s/"))))[0])
	})
	m.spoil("page-other-sealing", "tampered private index page 0", "Sealed once more, as it is: not the one that is named by its digest.", func(f *vault.Forge) {
		f.Page(vault.Private, func(p []byte) []byte { return p })
		f.Only(id.KeyOf("x/p/0"))
	})
	expect := "tampered item " + note.ID.String()
	m.spoil("item-other-version", expect, "The same revision with another name, sealed and signed: not the one that the page names.", func(f *vault.Forge) {
		f.Item(note, true, func(facts *vault.Facts, _ [][]byte) { facts.Name = "older" })
		f.Only(id.KeyOf("i/" + note.ID.String()))
	}, m.instead(note, expect)...)
}

func (m *made) broken() {
	m.older()
	m.brokenKeys()
	m.brokenHeads()
	m.brokenItems()
	m.brokenPapers()
}

func (m *made) brokenKeys() {
	id, other := m.v.ID(), m.otherID
	slot := slices.Sorted(maps.Keys(within(m.records, id.KeyOf("s/"))))[0]
	foreign := slices.Sorted(maps.Keys(within(m.other, other.KeyOf("s/"))))[0]
	m.spoil("wrong-password", "sign-in", "Another password: the commitment of the first root does not fit.", nil, text("password", vectorPassword+"x"))
	m.spoil("unknown-login", "sign-in", "A login that nobody has.", nil, text("login", "1234 5678 9015"))
	m.spoil("another-key-file", "key-service", "Another key file: the service's own keys do not open.", nil, hexed("key-file", filled(9)))
	m.spoil("login-of-another", "sign-in", "The record of this login does not open: it was made for another.", func(f *vault.Forge) {
		logins := slices.Sorted(maps.Keys(within(m.records, "login/")))
		f.Copy(logins[0], m.records[logins[1]])
		f.Copy(logins[1], m.records[logins[0]])
	})
	m.spoil("wrapping-key-of-another", "tampered wrapping key", "Not the one that the owner head names.", func(f *vault.Forge) {
		f.Copy(id.KeyOf("k/w"), m.other[other.KeyOf("k/w")])
	})
	m.spoil("wrapping-key-of-another-named", "tampered wrapping key", "The owner head names it, and it was still made for another vault.", func(f *vault.Forge) {
		f.Copy(id.KeyOf("k/w"), m.other[other.KeyOf("k/w")])
		f.Digests()
	})
	m.spoil("keyslot-of-another", "tampered keyslot", "The keyslot of another vault under this one's key.", func(f *vault.Forge) { f.Copy(slot, m.other[foreign]) })
	m.spoil("keyslot-of-another-named", "tampered keyslot", "The owner head names it, and it was still made for another vault.", func(f *vault.Forge) {
		f.Copy(slot, m.other[foreign])
		f.Digests()
	})
	m.spoil("keyslot-missing", "tampered keyslot", "The keyslot that the owner head names is not there.", func(f *vault.Forge) { f.Copy(slot, nil) })
	m.spoil("keyslot-commitment", "sign-in", "One bit of the commitment of a root: as if the password were wrong.", func(f *vault.Forge) {
		f.Slot(func(_ *seal.KDF, roots map[vault.Compartment]*[]byte) { (*roots[vault.Owner])[9] ^= 1 })
	})
	m.spoil("keyslot-root-moved", "sign-in", "The root of Private in the place of that of Shared.", func(f *vault.Forge) {
		f.Slot(func(_ *seal.KDF, roots map[vault.Compartment]*[]byte) { *roots[vault.Shared] = *roots[vault.Private] })
	})
	m.spoil("keyslot-kdf-time", "tampered keyslot", "No passes at all: refused before anything is derived.", func(f *vault.Forge) {
		f.Slot(func(kdf *seal.KDF, _ map[vault.Compartment]*[]byte) { kdf.Time = 0 })
	})
	m.spoil("keyslot-kdf-memory", "tampered keyslot", "A gigabyte of memory: above the ceiling.", func(f *vault.Forge) {
		f.Slot(func(kdf *seal.KDF, _ map[vault.Compartment]*[]byte) { kdf.MemoryKiB = 1 << 20 })
	})
	m.spoil("keyring-flipped", "tampered private keyring", "Not the one that the owner head names.", func(f *vault.Forge) { f.Flip(id.KeyOf("k/p"), 40) })
	m.spoil("keyrings-exchanged", "tampered shared keyring", "Private's keyring as that of Shared, named by the owner head.", func(f *vault.Forge) {
		f.Copy(id.KeyOf("k/s"), m.records[id.KeyOf("k/p")])
		f.Digests()
	})
}

func (m *made) brokenHeads() {
	id := m.v.ID()
	m.spoil("head-of-another-key", "untrusted-key", "The owner head names another key and is signed by it: not the one in the keyring.", func(f *vault.Forge) { f.Resign(seal.NewSigningKey()) })
	m.spoil("head-flipped", "tampered owner head", "One bit of the owner head.", func(f *vault.Forge) { f.Flip(id.KeyOf("h/o"), 30) })
	m.spoil("head-minimum-format", "tampered owner head", "It demands a format that is not known yet.", func(f *vault.Forge) { f.Owner(func(h *seal.OwnerHead) { h.MinFormat = 2 }) })
	m.spoil("head-generation", "tampered shared head", "The head of Shared lies under an older generation than the owner head says.", func(f *vault.Forge) { f.OldHead(vault.Shared) })
	m.spoil("head-of-another-compartment", "tampered shared head", "The head of Private in the place of that of Shared.", func(f *vault.Forge) {
		f.Copy(id.KeyOf("h/s"), m.records[id.KeyOf("h/p")])
	})
	m.spoil("head-missing", "tampered private head", "Private has no head.", func(f *vault.Forge) { f.Copy(id.KeyOf("h/p"), nil) })
	m.spoil("journal-head-of-another", "tampered journal head", "Signed by another key than the owner head names.", func(f *vault.Forge) { f.JournalHead(seal.NewSigningKey()) })
	m.spoil("page-flipped", "tampered shared index page 0", "Not the page that the head names.", func(f *vault.Forge) { f.Flip(id.KeyOf("x/s/0"), 99) })
	m.spoil("page-missing", "tampered private index page 0", "The page is not there.", func(f *vault.Forge) { f.Copy(id.KeyOf("x/p/0"), nil) })
	m.spoil("pages-exchanged", "tampered shared index page 0", "Private's page in the place of that of Shared.", func(f *vault.Forge) { f.Copy(id.KeyOf("x/s/0"), m.records[id.KeyOf("x/p/0")]) })
	m.spoil("page-unsorted", "tampered private index page 0", "The first two entries are exchanged.", func(f *vault.Forge) {
		f.Page(vault.Private, func(p []byte) []byte {
			return slices.Concat(p[:2], p[2+56:2+112], p[2:2+56], p[2+112:])
		})
	})
	m.spoil("page-twice", "tampered private index page 0", "One entry twice.", func(f *vault.Forge) {
		f.Page(vault.Private, func(p []byte) []byte { return slices.Concat(p[:2+56], p[2:2+56], p[2+112:]) })
	})
	m.spoil("page-not-zero", "tampered private index page 0", "Behind the entries there is something.", func(f *vault.Forge) {
		f.Page(vault.Private, func(p []byte) []byte { p[len(p)-1] = 1; return p })
	})
	m.spoil("page-short", "tampered private index page 0", "Shorter than every page is.", func(f *vault.Forge) {
		f.Page(vault.Private, func(p []byte) []byte { return p[:len(p)-56] })
	})
	m.spoil("page-too-full", "tampered private index page 0", "It says that it has 257 entries.", func(f *vault.Forge) {
		f.Page(vault.Private, func(p []byte) []byte { p[0], p[1] = 1, 1; return p })
	})
}

func (m *made) brokenItems() {
	id, doc, note := m.v.ID(), m.doc, m.note
	docKey, noteKey := id.KeyOf("i/"+doc.ID.String()), id.KeyOf("i/"+note.ID.String())
	item := func(name, comment string, it vault.Item, spoil func(f *vault.Forge), more ...field) {
		m.w.t.Helper()
		expect := "tampered item " + it.ID.String()
		m.spoil(name, expect, comment, spoil, append(m.instead(it, expect), more...)...)
	}
	item("item-flipped", "One bit of a record: the rest of the vault is shown.", note, func(f *vault.Forge) { f.Flip(noteKey, 60) })
	item("item-of-another-kind", "A record of the same vault under another id.", note, func(f *vault.Forge) { f.Copy(noteKey, m.records[docKey]) })
	missing := "missing item " + note.ID.String()
	m.spoil("item-missing", missing, "The index lists it and the store does not have it.", func(f *vault.Forge) { f.Copy(noteKey, nil) }, m.instead(note, missing)...)
	m.spoil("item-injected", "success", "A record that no page lists does not exist.", func(f *vault.Forge) {
		f.Copy(id.KeyOf("i/"+strings.Repeat("a", 26)), m.records[noteKey])
	})
	item("item-revision", "The page names another revision than the record says.", note, func(f *vault.Forge) { f.Revision(note, note.Revision+1) })
	item("item-unsigned", "Its facts were changed by somebody who has the compartment's key and not the vault's.", note, func(f *vault.Forge) {
		f.Item(note, false, func(facts *vault.Facts, _ [][]byte) { facts.Name = "forged" })
	})
	item("item-origin", "Its origin was changed and only the revision signed anew.", note, func(f *vault.Forge) {
		f.Item(note, true, func(facts *vault.Facts, _ [][]byte) { facts.Origin.Channel = "prefecture" })
	})
	item("item-without-kind", "A document without what is known of documents.", doc, func(f *vault.Forge) {
		f.Item(doc, true, func(facts *vault.Facts, _ [][]byte) { facts.Document = nil })
	})
	item("item-size", "Its size does not fit the length of its blob.", doc, func(f *vault.Forge) {
		f.Item(doc, true, func(facts *vault.Facts, _ [][]byte) { facts.Document.Size *= 2 })
	})
	item("item-duplicate-key", "A key of its body stands twice.", note, func(f *vault.Forge) {
		f.ItemBody(note, func(b []byte) []byte {
			return append(append([]byte{b[0] + 1}, b[1:]...), 0x04, 0xa2, 0x01, 0x40, 0x02, 0x40)
		})
	})
	item("item-trailing-byte", "A byte behind its body.", note, func(f *vault.Forge) {
		f.ItemBody(note, func(b []byte) []byte { return append(b, 0) })
	})
	item("document-digest", "The record names another digest than the document has.", doc, func(f *vault.Forge) {
		f.Item(doc, true, func(facts *vault.Facts, _ [][]byte) { facts.Document.Digest = filled(7) })
	})
	item("document-data-key", "The record has another data key.", doc, func(f *vault.Forge) {
		f.Item(doc, true, func(_ *vault.Facts, keys [][]byte) { keys[0][0] ^= 1 })
	})
	blob := "blob=" + blobNamed(m.w.t, m.records[docKey])
	item("blob-flipped", "One bit of a blob.", doc, nil, change("flip", blob, "262300"))
	item("blob-cut", "A blob without its last segment.", doc, nil, change("cut", blob, "8248"))
	item("blob-appended", "A byte behind a blob.", doc, nil, change("append", blob, "00"))
	item("blob-missing", "The blob is not there.", doc, nil, text("gone", strings.TrimPrefix(blob, "blob=")))
}

func (m *made) brokenPapers() {
	id := m.v.ID()
	paper := vault.PaperKeys(id, m.records)[0]
	m.spoil("paper-flipped", "tampered owner paper "+strings.TrimPrefix(paper, id.KeyOf("o/")), "One bit of an Owner paper.", func(f *vault.Forge) { f.Flip(paper, 60) })
	m.spoil("login-paper-missing", "tampered owner paper "+strings.Repeat("a", 25)+"e", "The paper that says the login is not there.", func(f *vault.Forge) {
		f.Copy(id.KeyOf("o/"+strings.Repeat("a", 25)+"e"), nil)
	})
	m.spoil("journal-flipped", "tampered journal entry 3", "One bit of a line of the journal.", func(f *vault.Forge) { f.Flip(id.KeyOf("j/0000000000000003"), 90) })
	m.spoil("journal-gap", "tampered journal entry 3", "A line of the journal is not there.", func(f *vault.Forge) { f.Copy(id.KeyOf("j/0000000000000003"), nil) })
	m.spoil("journal-exchanged", "tampered journal entry 4", "Two lines of the journal are exchanged.", func(f *vault.Forge) {
		f.Copy(id.KeyOf("j/0000000000000003"), m.records[id.KeyOf("j/0000000000000004")])
		f.Copy(id.KeyOf("j/0000000000000004"), m.records[id.KeyOf("j/0000000000000003")])
	})
	f := m.v.NewForge(m.records)
	forged := f.Journal(seal.NewSigningKey())
	m.spoil("journal-forged", "tampered journal entry "+itoa(forged), "The service appended a line in the person's name, without the person's key.", func(to *vault.Forge) { maps.Copy(to.Changed, f.Changed) })
}

func within(records map[string][]byte, prefix string) map[string][]byte {
	out := map[string][]byte{}
	for key, value := range records {
		if strings.HasPrefix(key, prefix) {
			out[key] = bytes.Clone(value)
		}
	}
	return out
}
