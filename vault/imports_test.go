package vault_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func coming(name string, data []byte) vault.NewImport {
	sum := sha256.Sum256(data)
	return vault.NewImport{
		Kind: vault.KindDocument, Name: name, Folder: "From before", MediaType: "application/pdf", Size: int64(len(data)), Digest: sum[:],
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		Former: vault.Former{Format: "folder", Item: name, At: time.Date(2019, 4, 1, 0, 0, 0, 0, time.UTC), Channel: "web", By: "Amina; key=forged"},
	}
}

func someThings() []vault.NewImport {
	return []vault.NewImport{
		coming("Card", content(1, 5000)), coming("Empty", nil),
		{Kind: vault.KindContact, Name: "Mme Ünal", Contact: &vault.Contact{Phones: []string{"+33 1"}}, Former: vault.Former{Format: "vcard", Item: "1"}},
		{Kind: vault.KindNote, Name: "Secret", Private: true, Note: &vault.Note{Text: "x"}, Former: vault.Former{Format: "reconnect", Item: "n1"}},
		{Kind: vault.KindFolder, Name: "Bare", Former: vault.Former{Format: "folder", Item: "Bare"}},
	}
}

func TestWhatComesInIsWholeAndSaysWhereItWas(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	plan, err := s.v.PlanImport(t.Context(), someThings(), nil)
	require.NoError(t, err)
	require.Equal(t, 5, plan.New)
	require.Equal(t, []string{"From before", "Bare"}, plan.Folders)
	before := usage(t, s.Stage, s.v.ID()).Used
	got, err := s.v.Import(t.Context(), someThings(), &vault.ImportOptions{Compartment: vault.Shared})
	require.NoError(t, err)
	require.Equal(t, 5, got.New)
	require.LessOrEqual(t, usage(t, s.Stage, s.v.ID()).Used-before, plan.Bytes, "the plan said enough")
	require.Equal(t, content(1, 5000), read(t, s.v, got.Added[0]))
	card, err := s.v.Item(t.Context(), got.Added[0])
	require.NoError(t, err)
	require.Equal(t, vault.Shared, card.Compartment)
	former, ok := card.Origin.Former()
	require.True(t, ok)
	require.Equal(t, "folder", former.Format)
	require.Equal(t, 2019, former.At.Year())
	require.Equal(t, "Amina; key=forged", former.By)
	require.NotEqual(t, "forged", former.Key)
	require.Equal(t, vault.ActorPerson, card.Origin.By.Kind, "signed by who brought it in")
	note, err := s.v.Item(t.Context(), got.Added[3])
	require.NoError(t, err)
	require.Equal(t, vault.Private, note.Compartment, "what was private stays private")
}

func TestTheSameImportAgainDoublesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	first, err := s.v.Import(t.Context(), someThings(), nil)
	require.NoError(t, err)
	card, err := s.v.Item(t.Context(), first.Added[0])
	require.NoError(t, err)
	name := "Renamed"
	card, err = s.v.Edit(t.Context(), card.ID, card.Revision, vault.Edit{Name: &name})
	require.NoError(t, err)
	_, err = s.v.Move(t.Context(), card.ID, card.Revision, vault.Shared)
	require.NoError(t, err)
	before := look(t, s.v)
	again, err := s.v.Import(t.Context(), someThings(), nil)
	require.NoError(t, err)
	require.Equal(t, vault.Imported{Added: make([]vault.ItemID, 5), There: 5}, again)
	require.Equal(t, before, look(t, s.v))
	more := append(someThings(), coming("Card", content(2, 5000)), coming("Card", content(2, 5000)))
	again, err = s.v.Import(t.Context(), more, nil)
	require.NoError(t, err)
	require.Equal(t, 1, again.New, "another content is another paper, and twice the same is one")
}

// Two devices bring the same in at once.
func TestTwoImportsAtOnceBringEachThingInOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	other := s.person.SignIn(t, s.Stage)
	var group sync.WaitGroup
	for _, v := range []*vault.Vault{s.v, other} {
		group.Go(func() {
			_, err := v.Import(t.Context(), someThings(), nil)
			for errors.Is(err, vault.ErrRevision) || errors.Is(err, vault.ErrUnknown) {
				_, err = v.Import(t.Context(), someThings(), nil)
			}
			require.NoError(t, err)
		})
	}
	group.Wait()
	plan, err := s.v.PlanImport(t.Context(), someThings(), nil)
	require.NoError(t, err)
	require.Zero(t, plan.New)
	require.Equal(t, 6, total(t, s.v), "five, and the folder that came with the papers")
}

func total(t *testing.T, v *vault.Vault) int {
	t.Helper()
	all, err := v.List(t.Context(), nil)
	require.NoError(t, err)
	n := 0
	for _, it := range all {
		if _, ok := it.Origin.Former(); ok || strings.HasPrefix(it.Origin.Channel, "import") {
			n++
		}
	}
	return n
}

func TestAnImportThatCannotEndWellDoesNotBegin(t *testing.T) {
	t.Parallel()
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{Allowance: 200_000, Increased: 200_000}})
	before := look(t, s.v)
	large := append(someThings(), coming("Large", content(3, 190_000)))
	plan, err := s.v.PlanImport(t.Context(), large, nil)
	require.NoError(t, err)
	require.Greater(t, plan.Bytes, plan.Left)
	_, err = s.v.Import(t.Context(), large, nil)
	var full *quota.FullError
	require.ErrorAs(t, err, &full)
	require.Equal(t, plan.Bytes, full.Wanted)
	wrong := append(someThings(), vault.NewImport{Kind: vault.KindNote, Name: "x", Note: &vault.Note{Text: "\x00"}, Former: vault.Former{Format: "folder"}})
	_, err = s.v.Import(t.Context(), wrong, nil)
	require.ErrorIs(t, err, vault.ErrInvalid)
	var where *vault.ImportError
	require.ErrorAs(t, err, &where)
	require.Equal(t, 5, where.Index)
	many := make([]vault.NewImport, vault.MaxItems+1)
	for i := range many {
		many[i] = vault.NewImport{Kind: vault.KindNote, Name: "x", Note: &vault.Note{}, Former: vault.Former{Format: "folder", Item: fmt.Sprint(i)}}
	}
	_, err = s.v.Import(t.Context(), many, nil)
	require.ErrorIs(t, err, vault.ErrTooMany)
	require.Equal(t, before, look(t, s.v), "nothing came in")
}

// Between the look and the reading somebody changed the bytes.
func TestBytesThatAreNotThoseAnnouncedAreNotKept(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	n := coming("Card", content(1, 5000))
	n.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content(2, 5000))), nil }
	got, err := s.v.Import(t.Context(), []vault.NewImport{coming("First", content(4, 100)), n}, nil)
	require.ErrorIs(t, err, vault.ErrInvalid)
	require.Equal(t, 1, got.New, "what came before is whole and stays")
	require.Equal(t, 2, total(t, s.v))
}

// A worker who names a paper so that it looks like one that will come keeps nothing out.
func TestOnlyThePersonsOwnImportsCount(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	things := []vault.NewImport{coming("Card", content(1, 5000))}
	plan, err := tn.v.PlanImport(t.Context(), things, nil)
	require.NoError(t, err)
	require.Equal(t, 1, plan.New)
	other := newScene(t, nil)
	got, err := other.v.Import(t.Context(), things, nil)
	require.NoError(t, err)
	card, err := other.v.Item(t.Context(), got.Added[0])
	require.NoError(t, err)
	worker, err := tn.open(t, tn.follow(t, vault.ScopeAdd))
	require.NoError(t, err)
	_, err = worker.AddNote(t.Context(), "blocker", vault.Note{}, vault.Place{Compartment: vault.Shared, Channel: card.Origin.Channel})
	require.NoError(t, err)
	_, err = worker.PlanImport(t.Context(), things, nil)
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	_, err = worker.Import(t.Context(), things, nil)
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	plan, err = tn.v.PlanImport(t.Context(), things, nil)
	require.NoError(t, err)
	require.Equal(t, 1, plan.New)
}

func TestADocumentIsReadAtAnyPlace(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	data := content(5, 700_000)
	it := addTo(t, s.v, vault.NewDocument{Name: "x"}, data)
	c, err := s.v.OpenDocumentAt(t.Context(), it.ID)
	require.NoError(t, err)
	require.EqualValues(t, len(data), c.Size())
	for _, at := range []int{699_990, 0, 10, 300_000, 300_100, 262_140, 5} {
		p := make([]byte, 20)
		n, err := c.ReadAt(p, int64(at))
		want := data[at:min(at+20, len(data))]
		require.Equal(t, want, p[:n])
		if len(want) < 20 {
			require.ErrorIs(t, err, io.EOF)
		} else {
			require.NoError(t, err)
		}
	}
	_, err = c.ReadAt(make([]byte, 1), c.Size())
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, c.Close())
	entries, err := s.v.Journal(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, vault.ActDownloaded, entries[0].Act, "one line for all of it")
}

// Who threw a paper away and brings it in again expects to have it.
func TestWhatLiesInTheBinIsNotThereAlready(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	first, err := s.v.Import(t.Context(), someThings(), nil)
	require.NoError(t, err)
	card, err := s.v.Item(t.Context(), first.Added[0])
	require.NoError(t, err)
	_, err = s.v.Bin(t.Context(), card.ID, card.Revision)
	require.NoError(t, err)
	plan, err := s.v.PlanImport(t.Context(), someThings(), nil)
	require.NoError(t, err)
	require.Equal(t, 1, plan.New)
	require.True(t, plan.Items[0].New)
	require.Equal(t, vault.KindDocument, plan.Items[0].Kind)
	again, err := s.v.Import(t.Context(), someThings(), nil)
	require.NoError(t, err)
	require.Equal(t, 1, again.New)
	again, err = s.v.Import(t.Context(), someThings(), nil)
	require.NoError(t, err)
	require.Zero(t, again.New)
}
