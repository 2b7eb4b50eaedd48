package vault_test

import (
	"bytes"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// on is a flow of one act on a document and a note, the document in a folder.
func on(act func(t testing.TB, v *vault.Vault, paper, note vault.Item) error) flow {
	return flow{prepare: func(t testing.TB, w *watched) (*vaulttest.Person, func() error) {
		p := w.Person(t)
		in := folder(t, p.Vault, "Papers", vault.Private).ID
		paper := addTo(t, p.Vault, vault.NewDocument{Name: "paper", Folder: in}, content(1, 3000))
		note := addNote(t, p.Vault, "note", "text")
		return p, func() error { return act(t, p.Vault, paper, note) }
	}}
}

// after is on with something done to the document before.
func after(first func(t testing.TB, v *vault.Vault, paper vault.Item) (vault.Item, error), act func(t testing.TB, v *vault.Vault, paper, note vault.Item) error) flow {
	f := on(nil)
	f.prepare = func(t testing.TB, w *watched) (*vaulttest.Person, func() error) {
		p := w.Person(t)
		paper := addTo(t, p.Vault, vault.NewDocument{Name: "paper", Folder: folder(t, p.Vault, "Papers", vault.Private).ID}, content(1, 3000))
		paper, err := first(t, p.Vault, paper)
		require.NoError(t, err)
		return p, func() error { return act(t, p.Vault, paper, vault.Item{}) }
	}
	return f
}

// smallPictures are those that there are: each is whole, or not there.
func smallPictures(t testing.TB, v *vault.Vault) string {
	t.Helper()
	said := ""
	for it, err := range v.Items(t.Context()) {
		require.NoError(t, err)
		if it.Document == nil || !it.Document.Thumbnail {
			continue
		}
		requirePicture(t, v, it.ID, 1)
		said += it.Name + " has one. "
	}
	return said
}

func flows() map[string]flow {
	all := accountFlows()
	maps.Copy(all, ownWillFlows())
	maps.Copy(all, cardFlows())
	maps.Copy(all, deathFlows())
	maps.Copy(all, linkFlows())
	maps.Copy(all, map[string]flow{
		"add a document": on(func(t testing.TB, v *vault.Vault, _, _ vault.Item) error {
			_, err := v.AddDocument(t.Context(), vault.NewDocument{Name: "new", Size: 5000}, bytes.NewReader(content(2, 5000)))
			return err
		}),
		"add a document of unknown length": on(func(t testing.TB, v *vault.Vault, _, _ vault.Item) error {
			_, err := v.AddDocument(t.Context(), vault.NewDocument{Name: "new"}, bytes.NewReader(content(2, 5*segment)))
			return err
		}),
		"add a contact": on(func(t testing.TB, v *vault.Vault, _, _ vault.Item) error {
			_, err := v.AddContact(t.Context(), "Ali", vault.Contact{}, vault.Place{})
			return err
		}),
		"replace a document": on(func(t testing.TB, v *vault.Vault, paper, _ vault.Item) error {
			_, err := v.ReplaceDocument(t.Context(), paper.ID, 1, vault.NewDocument{Size: 5000}, bytes.NewReader(content(2, 5000)))
			return err
		}),
		"share a document": on(func(t testing.TB, v *vault.Vault, paper, _ vault.Item) error {
			_, err := v.Move(t.Context(), paper.ID, 1, vault.Shared)
			return err
		}),
		"set a small picture": on(func(t testing.TB, v *vault.Vault, paper, _ vault.Item) error {
			_, err := v.SetThumbnail(t.Context(), paper.ID, 1, picture(1, 9000))
			return err
		}).showing(smallPictures),
		"share a document with its small picture": after(func(t testing.TB, v *vault.Vault, paper vault.Item) (vault.Item, error) {
			return v.SetThumbnail(t.Context(), paper.ID, 1, picture(1, 9000))
		}, func(t testing.TB, v *vault.Vault, paper, _ vault.Item) error {
			_, err := v.Move(t.Context(), paper.ID, paper.Revision, vault.Shared)
			return err
		}).showing(smallPictures),
		"share a note": on(func(t testing.TB, v *vault.Vault, _, note vault.Item) error {
			_, err := v.Move(t.Context(), note.ID, 1, vault.Shared)
			return err
		}),
		"make a document private": after(func(t testing.TB, v *vault.Vault, paper vault.Item) (vault.Item, error) {
			return v.Move(t.Context(), paper.ID, 1, vault.Shared)
		}, func(t testing.TB, v *vault.Vault, paper, _ vault.Item) error {
			_, err := v.Move(t.Context(), paper.ID, paper.Revision, vault.Private)
			return err
		}),
		"edit": on(func(t testing.TB, v *vault.Vault, paper, _ vault.Item) error {
			_, err := v.Edit(t.Context(), paper.ID, 1, vault.Edit{Name: ptr("renamed")})
			return err
		}),
		"bin": on(func(t testing.TB, v *vault.Vault, paper, _ vault.Item) error {
			_, err := v.Bin(t.Context(), paper.ID, 1)
			return err
		}),
		"restore": after(func(t testing.TB, v *vault.Vault, paper vault.Item) (vault.Item, error) {
			return v.Bin(t.Context(), paper.ID, 1)
		}, func(t testing.TB, v *vault.Vault, paper, _ vault.Item) error {
			_, err := v.Restore(t.Context(), paper.ID, paper.Revision)
			return err
		}),
		"destroy": on(func(t testing.TB, v *vault.Vault, paper, _ vault.Item) error {
			return v.Destroy(t.Context(), paper.ID, 1)
		}),
	})
	return all
}

// A creation has no before: there is an account, or none after a day.
func TestWhateverFailsThereIsAnAccountOrNone(t *testing.T) {
	t.Parallel()
	for _, what := range faults {
		t.Run(what.name, func(t *testing.T) {
			t.Parallel()
			for n, reached := 1, true; reached; n++ {
				reached = apart(t, "call", n, func(t *testing.T) bool {
					w := newWatched(t, nil)
					what.set(w, n)
					p, err := w.NewPerson(t.Context())
					require.NoError(t, w.Vaults.Close())
					reached := w.failed()
					w.heal()
					stage := w.Another(t, nil)
					passing(t, stage, 30*time.Hour)
					passing(t, stage, 6*time.Hour) // keys after a day, then the rest
					if err == nil {
						require.Len(t, requireSound(t, stage, p), 2)
						requireTidy(t, stage, w.blobs, p.Vault.ID())
						return reached
					}
					require.NotEmpty(t, vault.Code(err))
					for key := range dump(t, stage.Store) {
						if answered(err) != unsure && p == nil {
							require.Regexp(t, "^(svc/keys|login/.*)$", key, "%v", err)
						}
					}
					return reached
				})
			}
		})
	}
}

// Sweeping can fail at any call, too, and is done by the next sweep.
func TestWhateverFailsIsSweptInTheEnd(t *testing.T) {
	t.Parallel()
	for _, what := range faults {
		t.Run(what.name, func(t *testing.T) {
			t.Parallel()
			for n, reached := 1, true; reached; n += sized(3*what.every*slower, 1) {
				reached = apart(t, "call", n, func(t *testing.T) bool {
					w := newWatched(t, nil)
					p, gone := w.Person(t), w.Person(t)
					paper := add(t, p.Vault, "paper", content(1, 3000))
					_, err := p.Vault.ReplaceDocument(t.Context(), paper.ID, 1, vault.NewDocument{}, bytes.NewReader(content(2, 3000)))
					require.NoError(t, err)
					add(t, gone.Vault, "paper", content(3, 3000))
					_, err = gone.Vault.Erase(t.Context(), gone.Password)
					require.NoError(t, err)
					w.store.FailFrom(2, storage.ErrUnavailable, storagetest.Before, storagetest.Commit)
					_, err = p.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "abandoned"}, bytes.NewReader(content(4, 3000)))
					require.ErrorIs(t, err, vault.ErrStorage)
					w.heal()
					w.Clock.Advance(4 * time.Hour)

					what.set(w, n)
					_, _ = w.Sweep(t.Context())
					reached := w.failed()
					w.heal()
					stage := w.Another(t, nil)
					require.Contains(t, fmt.Sprint(requireSound(t, stage, p)), digestOf(content(2, 3000)))
					passing(t, stage, 60*time.Hour)
					require.NotContains(t, keys(t, stage.Store, gone.Vault.ID().String()), "/i/")
					require.Len(t, keys(t, stage.Store, gone.Vault.ID().String()), 1)
					require.Len(t, w.blobs.there(t), 1)
					requireTidy(t, stage, w.blobs, p.Vault.ID())
					return reached
				})
			}
		})
	}
}
