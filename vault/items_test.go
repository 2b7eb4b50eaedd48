package vault_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

func paris(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	return zone
}

func TestEveryKindComesBackAsItWasGiven(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	now := s.Clock.Now()
	place := vault.Place{Compartment: vault.Shared, Folder: folder(t, s.v, "Papers", vault.Shared).ID, Channel: "relay"}
	contact := vault.Contact{
		Role: "avocate", Phones: []string{"+33 6 12 34 56 78", "٠٦١٢"}, Emails: []string{"a@example.org"},
		Address: "1, rue\nde la Paix", Note: "le mardi",
	}
	appointment := vault.Appointment{
		Start: time.Date(2026, 3, 9, 14, 30, 0, 123_456_789, paris(t)), Duration: 45 * time.Minute, Zone: "Europe/Paris", Place: "Mairie", With: "Mme Ünal", Note: "carte",
	}
	given := map[vault.Kind]func() (vault.Item, error){
		vault.KindContact: func() (vault.Item, error) { return s.v.AddContact(t.Context(), "Mme Ünal", contact, place) },
		vault.KindAppointment: func() (vault.Item, error) {
			return s.v.AddAppointment(t.Context(), "Préfecture", appointment, place)
		},
		vault.KindNote: func() (vault.Item, error) {
			return s.v.AddNote(t.Context(), "Code", vault.Note{Text: "ligne\nligne"}, place)
		},
		vault.KindDocument: func() (vault.Item, error) {
			return s.v.AddDocument(t.Context(), vault.NewDocument{
				Name: "Carte", Compartment: place.Compartment, Folder: place.Folder, MediaType: "image/jpeg", Issued: "2020-02-29", Expires: "2030-02-28", Channel: "relay",
			}, strings.NewReader("bytes"))
		},
	}
	for kind, add := range given {
		it, err := add()
		require.NoError(t, err)
		require.Equal(t, kind, it.Kind)
		require.EqualValues(t, 1, it.Revision)
		require.Equal(t, place.Compartment, it.Compartment)
		require.Equal(t, place.Folder, it.Folder)
		require.Equal(t, now, it.Changed)
		require.Zero(t, it.Binned)
		require.Equal(t, vault.Actor{Kind: vault.ActorPerson}, it.Origin.By)
		require.Equal(t, "relay", it.Origin.Channel)
		require.Equal(t, now, it.Origin.At)
		switch kind {
		case vault.KindContact:
			require.Equal(t, &contact, it.Contact)
		case vault.KindAppointment:
			want := appointment
			want.Start = want.Start.UTC().Truncate(time.Millisecond)
			require.Equal(t, &want, it.Appointment)
		case vault.KindNote:
			require.Equal(t, "ligne\nligne", it.Note.Text)
		case vault.KindDocument:
			require.Equal(t, "image/jpeg", it.Document.MediaType)
			require.EqualValues(t, 5, it.Document.Size)
			require.Equal(t, vault.Date("2020-02-29"), it.Document.Issued)
			require.Equal(t, vault.Date("2030-02-28"), it.Document.Expires)
			require.Equal(t, it.Document.Digest, it.Origin.Digest)
		}
		require.Equal(t, it, item(t, s.person.SignIn(t, s.Another(t, nil)), it.ID), "as anybody finds it later")
	}
	f, err := s.v.AddFolder(t.Context(), "  Miens  ", vault.Place{})
	require.NoError(t, err)
	require.Equal(t, "Miens", f.Name)
	require.Equal(t, vault.Private, f.Compartment, "what the person adds is private")
}

func TestAnItemThatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	gone := addNote(t, s.v, "gone", "")
	require.NoError(t, s.v.Destroy(t.Context(), gone.ID, 1))
	for _, id := range []vault.ItemID{{}, {1}, gone.ID} {
		_, err := s.v.Item(t.Context(), id)
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = s.v.Edit(t.Context(), id, 1, vault.Edit{})
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = s.v.Move(t.Context(), id, 1, vault.Shared)
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = s.v.Bin(t.Context(), id, 1)
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = s.v.Restore(t.Context(), id, 1)
		require.ErrorIs(t, err, vault.ErrNotFound)
		require.ErrorIs(t, s.v.Destroy(t.Context(), id, 1), vault.ErrNotFound)
		_, err = s.v.ReadDocument(t.Context(), id)
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = s.v.ReadDocumentRange(t.Context(), id, 0, 1)
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = s.v.Control(t.Context(), id)
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = s.v.Metadata(t.Context(), id)
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = s.v.ReplaceDocument(t.Context(), id, 1, vault.NewDocument{}, strings.NewReader("x"))
		require.ErrorIs(t, err, vault.ErrNotFound)
	}
}

func TestAnEditChangesWhatItNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	it := addTo(t, s.v, vault.NewDocument{Name: "Carte", MediaType: "image/png", Issued: "2020-01-01", Expires: "2030-01-01"}, []byte("bytes"))
	s.Clock.Advance(time.Minute)
	mine := folder(t, s.v, "Papers", vault.Private).ID
	for _, step := range []struct {
		edit   vault.Edit
		change func(it *vault.Item)
	}{
		{vault.Edit{Name: ptr(" Carte d'identité ")}, func(it *vault.Item) { it.Name = "Carte d'identité" }},
		{vault.Edit{Folder: &mine}, func(it *vault.Item) { it.Folder = mine }},
		{vault.Edit{Expires: ptr(vault.Date("2035-01-01"))}, func(it *vault.Item) { it.Document.Expires = "2035-01-01" }},
		{vault.Edit{Issued: ptr(vault.Date(""))}, func(it *vault.Item) { it.Document.Issued = "" }},
		{vault.Edit{MediaType: ptr("application/pdf")}, func(it *vault.Item) { it.Document.MediaType = "application/pdf" }},
		{vault.Edit{Folder: &vault.ItemID{}}, func(it *vault.Item) { it.Folder = vault.ItemID{} }},
		{vault.Edit{}, func(*vault.Item) {}},
	} {
		next, err := s.v.Edit(t.Context(), it.ID, it.Revision, step.edit)
		require.NoError(t, err)
		it.Revision++
		it.Changed = s.Clock.Now()
		step.change(&it)
		require.Equal(t, it, next)
		require.Equal(t, it, item(t, s.v, it.ID))
		require.Equal(t, []byte("bytes"), read(t, s.v, it.ID))
	}
	entries, err := s.v.Journal(t.Context(), nil)
	require.NoError(t, err)
	for _, e := range entries {
		if e.Act == vault.ActChanged && e.Detail["was"] != "" {
			require.Equal(t, "Carte", e.Detail["was"])
			require.Equal(t, "Carte d'identité", e.Name)
		}
	}
}

func TestOtherKindsAreEditedToo(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	contact, err := s.v.AddContact(t.Context(), "Ali", vault.Contact{Role: "ami"}, vault.Place{})
	require.NoError(t, err)
	contact, err = s.v.Edit(t.Context(), contact.ID, 1, vault.Edit{Contact: &vault.Contact{Phones: []string{"1"}}})
	require.NoError(t, err)
	require.Equal(t, &vault.Contact{Phones: []string{"1"}}, contact.Contact, "the whole of it is replaced")
	note := addNote(t, s.v, "Note", "one")
	note, err = s.v.Edit(t.Context(), note.ID, 1, vault.Edit{Note: &vault.Note{Text: ""}})
	require.NoError(t, err)
	require.Equal(t, &vault.Note{}, note.Note)
	require.Equal(t, note, item(t, s.v, note.ID))
	at := time.Date(2026, 5, 1, 8, 0, 0, 999, paris(t))
	date, err := s.v.AddAppointment(t.Context(), "CAF", vault.Appointment{Start: at, Zone: "Europe/Paris"}, vault.Place{})
	require.NoError(t, err)
	date, err = s.v.Edit(t.Context(), date.ID, 1, vault.Edit{Appointment: &vault.Appointment{Start: at.Add(time.Hour), Zone: "Africa/Dakar", AllDay: true}})
	require.NoError(t, err)
	require.Equal(t, at.Add(time.Hour).UTC().Truncate(time.Millisecond), date.Appointment.Start)
	require.Equal(t, date, item(t, s.v, date.ID))
	f := folder(t, s.v, "Papers", vault.Private)
	f, err = s.v.Edit(t.Context(), f.ID, f.Revision, vault.Edit{Name: ptr("Miens")})
	require.NoError(t, err)
	require.Equal(t, "Miens", item(t, s.v, f.ID).Name)
}

func TestAnEditThatDoesNotFitTheKindIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	note, paper := addNote(t, s.v, "Note", "text"), add(t, s.v, "Carte", nil)
	for field, edit := range map[string]vault.Edit{
		"issued": {Issued: ptr(vault.Date(""))}, "expires": {Expires: ptr(vault.Date(""))}, "mediaType": {MediaType: ptr("a/b")},
		"contact": {Contact: &vault.Contact{}}, "appointment": {Appointment: &vault.Appointment{}},
	} {
		_, err := s.v.Edit(t.Context(), note.ID, 1, edit)
		requireInvalid(t, err, field)
	}
	_, err := s.v.Edit(t.Context(), paper.ID, 1, vault.Edit{Note: &vault.Note{}})
	requireInvalid(t, err, "note")
	_, err = s.v.Edit(t.Context(), paper.ID, 1, vault.Edit{Folder: ptr(folder(t, s.v, "Papers", vault.Shared).ID)})
	requireInvalid(t, err, "folder")
	_, err = s.v.Edit(t.Context(), paper.ID, 1, vault.Edit{Folder: &note.ID})
	requireInvalid(t, err, "folder")
	_, err = s.v.ReadDocument(t.Context(), note.ID)
	requireInvalid(t, err, "item")
	_, err = s.v.ReplaceDocument(t.Context(), note.ID, 1, vault.NewDocument{}, strings.NewReader(""))
	requireInvalid(t, err, "item")
	require.EqualValues(t, 1, item(t, s.v, note.ID).Revision)
	require.EqualValues(t, 1, item(t, s.v, paper.ID).Revision)
}

func TestWhoEditsAnOldRevisionIsTold(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	note := addNote(t, s.v, "one", "")
	_, err := s.v.Edit(t.Context(), note.ID, 1, vault.Edit{Name: ptr("two")})
	require.NoError(t, err)
	for _, revision := range []uint64{0, 1, 3} {
		_, err := s.v.Edit(t.Context(), note.ID, revision, vault.Edit{Name: ptr("three")})
		require.ErrorIs(t, err, vault.ErrRevision)
		_, err = s.v.Move(t.Context(), note.ID, revision, vault.Shared)
		require.ErrorIs(t, err, vault.ErrRevision)
		_, err = s.v.Bin(t.Context(), note.ID, revision)
		require.ErrorIs(t, err, vault.ErrRevision)
		require.ErrorIs(t, s.v.Destroy(t.Context(), note.ID, revision), vault.ErrRevision)
	}
	require.Equal(t, "two", item(t, s.v, note.ID).Name)
}

func TestOfEditsAtOnceExactlyOneWins(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	note := addNote(t, s.v, "note", "")
	paper := add(t, s.v, "paper", content(0, 100))
	const sessions = 6
	errs := map[string][]error{"edit": make([]error, sessions), "replace": make([]error, sessions)}
	var all sync.WaitGroup
	for n := range sessions {
		v := s.v // the same handle, another of the same process, or of another process
		switch n % 3 {
		case 1:
			v = s.person.SignIn(t, s.Stage)
		case 2:
			v = s.person.SignIn(t, s.Another(t, nil))
		}
		all.Go(func() {
			_, errs["edit"][n] = v.Edit(t.Context(), note.ID, 1, vault.Edit{Name: ptr(strings.Repeat("x", n+1))})
		})
		all.Go(func() {
			_, errs["replace"][n] = v.ReplaceDocument(t.Context(), paper.ID, 1, vault.NewDocument{}, strings.NewReader(strings.Repeat("y", n+1)))
		})
	}
	all.Wait()
	winner := map[string]int{}
	for what, list := range errs {
		won := 0
		for n, err := range list {
			if err == nil {
				won++
				winner[what] = n
				continue
			}
			require.ErrorIs(t, err, vault.ErrRevision)
		}
		require.Equal(t, 1, won, what)
	}
	require.Equal(t, strings.Repeat("x", winner["edit"]+1), item(t, s.v, note.ID).Name)
	require.Equal(t, strings.Repeat("y", winner["replace"]+1), string(read(t, s.v, paper.ID)))
	requireSound(t, s.Stage, s.person)
}

func TestManyAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	other := s.person.SignIn(t, s.Another(t, nil))
	var all sync.WaitGroup
	errs := make([]error, 40)
	for n := range errs {
		v := []*vault.Vault{s.v, other}[n%2]
		all.Go(func() {
			_, errs[n] = v.AddDocument(t.Context(), vault.NewDocument{Name: string(rune('A' + n))}, strings.NewReader(strings.Repeat("z", n)))
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, requireSound(t, s.Stage, s.person), 42)
}

func TestListsChooseAndAreInOrder(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	mine := folder(t, s.v, "Papers", vault.Private).ID
	b := add(t, s.v, "b", nil)
	addNote(t, s.v, "A", "")
	addTo(t, s.v, vault.NewDocument{Name: "c", Folder: mine}, nil)
	addTo(t, s.v, vault.NewDocument{Name: "d", Compartment: vault.Shared}, nil)
	binned := addNote(t, s.v, "e", "")
	_, err := s.v.Bin(t.Context(), binned.ID, 1)
	require.NoError(t, err)

	for _, c := range []struct {
		opts *vault.ListOptions
		want []string
	}{
		{nil, []string{"A", "b", "c", "d", "Papers", "Papers"}},
		{&vault.ListOptions{Kind: vault.KindDocument}, []string{"b", "c", "d"}},
		{&vault.ListOptions{Kind: vault.KindDocument, Compartment: vault.Private}, []string{"b", "c"}},
		{&vault.ListOptions{Folder: &mine}, []string{"c"}},
		{&vault.ListOptions{Folder: &vault.ItemID{}, Kind: vault.KindDocument}, []string{"b", "d"}},
		{&vault.ListOptions{Binned: true}, []string{"e"}},
		{&vault.ListOptions{Compartment: vault.Owner}, []string{}},
		{&vault.ListOptions{Items: []vault.ItemID{b.ID, binned.ID, {1}}}, []string{"b"}},
		{&vault.ListOptions{Items: []vault.ItemID{}}, []string{}},
	} {
		got, err := s.v.List(t.Context(), c.opts)
		require.NoError(t, err)
		require.Equal(t, c.want, names(got))
	}
	var walked []string
	for it, err := range s.v.Items(t.Context()) {
		require.NoError(t, err)
		walked = append(walked, it.Name)
		if it.Name == "e" {
			break
		}
	}
	require.Equal(t, []string{"A", "b", "c", "d", "e"}, walked)
	require.Equal(t, []string{"items.listed"}, acts(t, s.v, 1), "one line in the journal")
}

func TestMoreItemsThanOnePage(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	fill(t, s.v, 2*270)
	require.Len(t, keys(t, s.Store, s.v.ID().String()+"/x/p/"), 2)
	all, err := s.v.List(t.Context(), &vault.ListOptions{Kind: vault.KindNote})
	require.NoError(t, err)
	require.Len(t, all, 540)
	for _, it := range all[:150] {
		require.NoError(t, s.v.Destroy(t.Context(), it.ID, 1))
	}
	addNote(t, s.v, "goes where there is room", "")
	require.Len(t, keys(t, s.Store, s.v.ID().String()+"/x/p/"), 2)
	require.Len(t, requireSound(t, s.Stage, s.person), 393)
}
