package vault_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/vault"
)

// showDirectory shows who the relays are, to who knows the authority's first key.
func showDirectory(t *testing.T, v *testvectors.Vector) *shown {
	t.Helper()
	out, ctx := &shown{outcome: "success"}, t.Context()
	driver := memstore.New()
	for _, r := range v.All("record") {
		require.NoError(t, driver.Commit(ctx, nil, []storage.Write{{Key: r.Line, Value: r.Data}}))
	}
	watch, err := witness.New(witness.Config{Store: storage.New(memstore.New())})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, watch.Close()) })
	authority := consent.AuthorityKey(v.Bytes("authority"))
	d, err := consent.OpenDirectory(ctx, consent.DirectoryConfig{Store: storage.New(driver), Checkpoints: watch, Authority: authority})
	require.NoError(t, err)
	s, err := d.Current(ctx)
	if len(v.Bytes("bundle")) > 0 {
		s, err = consent.ParseDirectory(authority, v.Bytes("bundle"))
	}
	if !out.note(err) {
		return out
	}
	out.directory(s)
	slices.Sort(out.lines)
	return out
}

func (s *shown) directory(d *consent.DirectoryState) {
	s.add("directory", itoa(d.Version()), d.Key().String())
	for o := range d.Organisations() {
		s.add("organisation", o.ID.String(), o.Name, o.Country, string(o.Withdrawn))
	}
	for r := range d.Relays() {
		s.add("relay", r.ID.String(), r.Organisation.String(), r.Name, string(r.Type), r.Place, r.Contact, r.Country, strings.Join(r.Languages, ", "),
			r.Key.String(), string(r.Since), string(r.Withdrawn))
		for _, l := range d.Licences(r.ID) {
			s.add("licence", l.Relay.String(), l.Number, string(l.From), string(l.To), itoa(l.Fee), l.Currency, l.Payer, string(l.Withdrawn))
		}
	}
}

// forgedEntry and forgedPage are pages as the authority could sign them and never does.
type (
	forgedEntry struct {
		Organisation *consent.Organisation `cbor:"1,keyasint,omitempty"`
		Relay        *consent.Relay        `cbor:"2,keyasint,omitempty"`
		Licence      *consent.Licence      `cbor:"3,keyasint,omitempty"`
	}
	forgedPage struct {
		Form    uint8         `cbor:"1,keyasint"`
		Entries []forgedEntry `cbor:"2,keyasint"`
	}
)

// directoryVectors are those of one authority, which once took another key.
type directoryVectors struct {
	w          *vectorWriter
	id         vault.ID
	first, now seal.SigningKey
	town       consent.Organisation
	relay      consent.Relay
	licence    consent.Licence
}

func (w *vectorWriter) directories() {
	seed := func(b byte) (seal.SigningKey, *consent.Authority) {
		key, err := seal.SigningKeyFromBytes(filled(b))
		require.NoError(w.t, err)
		a, err := consent.AuthorityFromSeed(filled(b))
		require.NoError(w.t, err)
		return key, a
	}
	first, authority := seed(0x61)
	now, later := seed(0x62)
	relayKey, _ := seed(0x63)
	other, _ := seed(0x64)
	d := &directoryVectors{w: w, id: consent.DirectoryID(authority.Public()), first: first, now: now}
	d.town = consent.Organisation{ID: consent.OrganisationID(filled(1)[:16]), Name: "Ville de Lyon – CCAS", Country: "FR"}
	d.relay = consent.Relay{
		ID: vault.ID(filled(2)[:16]), Organisation: d.town.ID, Name: "Accueil de jour La Passerelle", Type: consent.TypeDayCentre, Place: "12 rue Mazenod, Lyon",
		Contact: "04 78 00 00 00", Country: "FR", Languages: []string{"fr", "ar", "pt-BR"}, Key: consent.RelayKey(relayKey.Public()), Since: "2026-01-01",
	}
	d.licence = consent.Licence{Relay: d.relay.ID, Number: "2026/1", From: "2026-01-01", To: "2026-12-31", Fee: 120_000, Currency: "EUR", Payer: "Métropole de Lyon"}
	association := consent.Organisation{ID: consent.OrganisationID(filled(3)[:16]), Name: "جمعية الجسر", Country: "FR"}
	team := consent.Relay{
		ID: vault.ID(filled(4)[:16]), Organisation: association.ID, Name: "Maraude", Type: consent.TypeOutreach, Country: "FR",
		Key: consent.RelayKey(other.Public()), Since: "2026-02-01",
	}
	free := consent.Licence{Relay: team.ID, Number: "A", From: "2026-02-01", To: "2026-07-31", Currency: "EUR"}

	s, err := authority.Begin()
	require.NoError(w.t, err)
	s, err = authority.Sign(s, consent.Change{Organisation: &d.town}, consent.Change{Relay: &d.relay}, consent.Change{Licence: &d.licence},
		consent.Change{Organisation: &association}, consent.Change{Relay: &team}, consent.Change{Licence: &free})
	require.NoError(w.t, err)
	s, err = authority.Rotate(s, later)
	require.NoError(w.t, err)
	s, err = later.Sign(s, consent.Change{WithdrawOrganisation: &association.ID, On: "2026-03-02"})
	require.NoError(w.t, err)
	bundle := w.must(s.Bundle())
	var b struct {
		Form  uint8    `cbor:"1,keyasint"`
		Head  []byte   `cbor:"2,keyasint"`
		Pages [][]byte `cbor:"3,keyasint"`
	}
	require.NoError(w.t, seal.Unmarshal(bundle, &b))
	base := []field{text("kind", "directory"), hexed("authority", first.Public())}
	for n, page := range b.Pages {
		base = append(base, recordOf(d.page(n), page))
	}
	base = append(base, recordOf(d.head(), b.Head))
	w.showing("directory", "The directory of an authority that has taken another key since.", showDirectory, base...)
	w.showing("directory-bundle", "The same, as it is carried to a server.", showDirectory, text("kind", "directory"), hexed("authority", first.Public()), data("bundle", bundle))
	d.broken()
	w.on("directory-bundle", "trailing-byte", "tampered directory", "A byte behind it.", change("append", "bundle", "00"), text("gone", "shows"))
}

func (d *directoryVectors) head() string      { return d.id.String() + "/h/o" }
func (d *directoryVectors) page(n int) string { return d.id.String() + "/x/o/" + itoa(n) }

// showing writes a vector that opens, with what it shows to this project; from then
// on every reader is held against that.
func (w *vectorWriter) showing(name, comment string, show func(*testing.T, *testvectors.Vector) *shown, fields ...field) {
	w.t.Helper()
	seen := show(w.t, &testvectors.Vector{Fields: fields})
	require.Equal(w.t, "success", seen.outcome, name)
	for _, line := range seen.lines {
		fields = append(fields, text("shows", line))
	}
	w.put(name, "success", comment, fields...)
}

// signed are the records of a directory of these pages.
func (d *directoryVectors) signed(change func(h *seal.OwnerHead), pages ...forgedPage) []field {
	h := &seal.OwnerHead{
		Vault: d.id, Version: 9, MinFormat: 1, Kind: seal.KindDirectory, Key: d.now.Public(), Succession: []seal.Succession{d.first.Succeed(d.id, d.now.Public())},
	}
	var fields []field
	for n, p := range pages {
		raw := d.w.must(seal.Marshal(p))
		digest := seal.Digest(raw)
		h.Pages, fields = append(h.Pages, digest[:]), append(fields, recordOf(d.page(n), raw))
	}
	if change != nil {
		change(h)
	}
	place := seal.Context{Type: seal.TypeOwnerHead, Vault: d.id, Compartment: seal.Owner}
	return append(fields, recordOf(d.head(), d.w.must(d.now.SignEnvelope(place, d.w.must(seal.Marshal(h))))), text("gone", "shows"))
}

func (d *directoryVectors) broken() {
	w := d.w
	town, relay, licence := forgedEntry{Organisation: &d.town}, forgedEntry{Relay: &d.relay}, forgedEntry{Licence: &d.licence}
	pages := func(entries ...forgedEntry) forgedPage { return forgedPage{1, entries} }
	with := func(change func(r *consent.Relay)) forgedEntry {
		r := d.relay
		change(&r)
		return forgedEntry{Relay: &r}
	}
	licensed := func(change func(l *consent.Licence)) forgedEntry {
		l := d.licence
		change(&l)
		return forgedEntry{Licence: &l}
	}
	twin := with(func(r *consent.Relay) { r.ID[0] ^= 1 })
	withdrawn := d.town
	withdrawn.Withdrawn = "2026-03-02"

	stranger := seal.NewSigningKey().Public()
	elsewhere := *d
	elsewhere.id = consent.DirectoryID(consent.AuthorityKey(stranger))
	w.on("directory", "another-authority", "untrusted-key", "In the place of one authority's directory, and signed by another authority.",
		append(elsewhere.signed(nil, pages(town)), hexed("authority", stranger))...)
	w.on("directory", "flipped-head", "tampered directory head", "One bit of the head.", change("flip", "record="+d.head(), "40"), text("gone", "shows"))
	w.on("directory", "flipped-page", "tampered directory page 0", "One bit of a page.", change("flip", "record="+d.page(0), "40"), text("gone", "shows"))
	w.on("directory", "page-missing", "tampered directory page 0", "A page is not there.", text("gone", d.page(0)), text("gone", "shows"))
	for _, wrong := range []struct {
		name, expect, comment string
		change                func(h *seal.OwnerHead)
		pages                 []forgedPage
	}{
		{"no-pages", "tampered directory head", "A head without pages.", nil, nil},
		{"of-a-person", "tampered directory head", "A head of another kind.", func(h *seal.OwnerHead) { h.Kind = seal.KindPerson }, []forgedPage{pages(town)}},
		{"erased", "tampered directory head", "A tombstone.", func(h *seal.OwnerHead) {
			*h = seal.OwnerHead{Vault: h.Vault, Version: 9, Key: h.Key, Succession: h.Succession, Erased: 1}
		}, nil},
		{"with-keyslot", "tampered directory head", "A head with something that only a vault has.", func(h *seal.OwnerHead) {
			h.Slots = []seal.SlotEntry{{ID: [16]byte{1}, Kind: 1, State: 1, Digest: filled(1)}}
		}, []forgedPage{pages(town)}},
		{"page-form", "tampered directory page 0", "A page in another form.", nil, []forgedPage{{Form: 2}}},
		{"page-too-full", "tampered directory page 0", "A page of 257 entries.", nil, []forgedPage{{1, slices.Repeat([]forgedEntry{town}, 257)}}},
		{"entry-of-two", "tampered directory entry", "An entry that is an organisation and a relay.", nil, []forgedPage{pages(town, forgedEntry{&d.town, &d.relay, nil})}},
		{"entry-of-nothing", "tampered directory entry", "An entry that is nothing.", nil, []forgedPage{pages(forgedEntry{})}},
		{"organisation-twice", "invalid", "One id twice.", nil, []forgedPage{pages(town, town)}},
		{"relay-twice", "invalid", "One id twice, on two pages.", nil, []forgedPage{pages(town, relay), pages(with(func(r *consent.Relay) { r.Key[1] ^= 1 }))}},
		{"key-twice", "invalid", "Two relays with one key.", nil, []forgedPage{pages(town, relay, twin)}},
		{"licence-twice", "invalid", "One number twice.", nil, []forgedPage{pages(town, relay, licence, licence)}},
		{"relay-of-nobody", "invalid", "Its organisation is not there.", nil, []forgedPage{pages(relay)}},
		{"licence-of-nobody", "invalid", "Its relay is not there.", nil, []forgedPage{pages(town, licence)}},
		{"relay-not-withdrawn", "invalid", "Its organisation was withdrawn, and it was not.", nil, []forgedPage{pages(forgedEntry{Organisation: &withdrawn}, relay)}},
		{"low-order-key", "invalid", "A relay's key of low order.", nil, []forgedPage{pages(town, with(func(r *consent.Relay) { r.Key = consent.RelayKey{} }))}},
		{"name-turned-around", "invalid", "A name that is read in another direction than it is written.", nil, []forgedPage{pages(town, with(func(r *consent.Relay) { r.Name = "a\u202eb" }))}},
		{"name-not-normal", "invalid", "A name that is not in NFC.", nil, []forgedPage{pages(town, with(func(r *consent.Relay) { r.Name = "Cafe\u0301" }))}},
		{"name-two-spaces", "invalid", "A name with two spaces.", nil, []forgedPage{pages(town, with(func(r *consent.Relay) { r.Name = "La  Passerelle" }))}},
		{"name-too-long", "invalid", "A name of 121 characters.", nil, []forgedPage{pages(town, with(func(r *consent.Relay) { r.Name = strings.Repeat("é", 121) }))}},
		{"country", "invalid", "A country in small letters.", nil, []forgedPage{pages(town, with(func(r *consent.Relay) { r.Country = "fr" }))}},
		{"language", "invalid", "A language that is none.", nil, []forgedPage{pages(town, with(func(r *consent.Relay) { r.Languages = []string{"français"} }))}},
		{"language-twice", "invalid", "One language twice.", nil, []forgedPage{pages(town, with(func(r *consent.Relay) { r.Languages = []string{"fr", "fr"} }))}},
		{"type", "invalid", "A type that is no code.", nil, []forgedPage{pages(town, with(func(r *consent.Relay) { r.Type = "Day centre" }))}},
		{"day", "invalid", "A day that does not exist.", nil, []forgedPage{pages(town, with(func(r *consent.Relay) { r.Since = "2026-02-30" }))}},
		{"licence-backwards", "invalid", "A licence that ends before it begins.", nil, []forgedPage{pages(town, relay, licensed(func(l *consent.Licence) { l.To = "2025-12-31" }))}},
		{"fee", "invalid", "A fee below nothing.", nil, []forgedPage{pages(town, relay, licensed(func(l *consent.Licence) { l.Fee = -1 }))}},
	} {
		w.on("directory", wrong.name, wrong.expect, wrong.comment, d.signed(wrong.change, wrong.pages...)...)
	}
	fields := d.signed(nil, pages(relay, licence), pages(town))
	w.showing("directory-two-pages", "Two pages; what an entry refers to may stand after it.", showDirectory,
		append([]field{text("kind", "directory"), hexed("authority", d.first.Public())}, fields[:len(fields)-1]...)...)
	w.on("directory", "without-succession", "untrusted-key", "Signed by the present key, to which the first never handed over.", d.signed(func(h *seal.OwnerHead) {
		h.Succession = nil
	}, pages(town))...)
}
