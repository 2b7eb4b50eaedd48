// Package demo fills a space with the papers of a person who does not exist, so
// that the server can be looked at. Every paper is marked as a specimen.
package demo

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"reconnect.example/refserver/notice"
	"reconnect.example/vault"
)

// Name is the sample person's, as on the papers.
const Name = "Camille Exemple"

//go:embed papers
var papers embed.FS

// fileName is where the way in is remembered, in the data folder. It opens
// nothing but the sample.
const fileName = "demo.json"

// Person is how to sign in as the sample person.
type Person struct {
	Login    string `json:"login"`
	Password string `json:"password"`
	Filled   bool   `json:"filled"` // everything is in the space
}

// Prepare returns how to sign in to the sample space. The first time it makes
// the space and fills it; after that it keeps what is there. If the space was
// closed for good, it makes a new one.
func Prepare(ctx context.Context, vaults *vault.Vaults, folder string) (Person, error) {
	path := filepath.Join(folder, fileName)
	p, v, err := enter(ctx, vaults, path)
	if err != nil {
		return Person{}, fmt.Errorf("sample person: %w", err)
	}
	defer v.Close()
	if p.Filled {
		return p, nil
	}
	if err := fill(ctx, v); err != nil {
		return Person{}, fmt.Errorf("sample person: %w", err)
	}
	p.Filled = true
	return p, p.save(path)
}

// enter opens the sample space, or makes it. The way in is written down before
// the first paper, so that a crash leaves no space that nobody can open.
func enter(ctx context.Context, vaults *vault.Vaults, path string) (Person, *vault.Vault, error) {
	var p Person
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	switch {
	case err == nil:
		v, err := vaults.Unlock(ctx, vault.Password{Login: p.Login, Secret: p.Password})
		if !errors.Is(err, vault.ErrSignIn) {
			return p, v, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return p, nil, err
	}
	p = Person{}
	if p.Password, err = vault.SuggestPassword(); err != nil {
		return p, nil, err
	}
	v, err := vaults.Create(ctx, vault.CreateRequest{
		Password: p.Password, Notice: notice.In("fr"), Consent: true, Channel: "demo",
	})
	if err != nil {
		return p, nil, err
	}
	if p.Login, err = v.Login(ctx); err == nil {
		err = p.save(path)
	}
	if err != nil {
		v.Close()
		return p, nil, err
	}
	return p, v, nil
}

func (p Person) save(path string) error {
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o600)
}

// filling adds what is not there yet: what a start that was broken off added
// stays, and is not added twice.
type filling struct {
	vault   *vault.Vault
	today   time.Time
	have    map[string]bool
	folders map[string]vault.ItemID // by compartment and name
}

func fill(ctx context.Context, v *vault.Vault) error {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		return err
	}
	now := time.Now().In(paris)
	f := &filling{
		vault: v, today: time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, paris),
		have: map[string]bool{}, folders: map[string]vault.ItemID{},
	}
	for i, err := range v.Items(ctx) {
		if err != nil {
			return err
		}
		if i.Kind == vault.KindFolder {
			f.folders[i.Compartment.String()+i.Name] = i.ID
		} else {
			f.have[i.Name] = true
		}
	}
	for _, add := range []func(context.Context) error{f.papers, f.contacts, f.appointments, f.notes} {
		if err := add(ctx); err != nil {
			return err
		}
	}
	return nil
}

// paper is a line of the manifest.
type paper struct {
	File      string     `json:"file"`
	MediaType string     `json:"media_type"`
	Title     string     `json:"title"`
	Folder    string     `json:"folder"`
	Private   bool       `json:"private"`
	Issued    vault.Date `json:"issued"`
	Expires   vault.Date `json:"expires"`
	InDays    int        `json:"expires_in_days"`
}

// folderNames are the folders of a new space by the rights in the manifest.
var folderNames = map[string]string{
	"identity": "Identité", "health": "Santé", "housing": "Logement", "work": "Travail", "family": "Famille", "money": "Argent",
}

func (f *filling) papers(ctx context.Context) error {
	raw, err := papers.ReadFile("papers/manifest.json")
	if err != nil {
		return err
	}
	var all []paper
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	for _, p := range all {
		if f.have[p.Title] {
			continue
		}
		if err := f.paper(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (f *filling) paper(ctx context.Context, p paper) error {
	content, err := papers.Open("papers/" + p.File)
	if err != nil {
		return err
	}
	defer content.Close() //nolint:errcheck // embedded
	if p.InDays > 0 {
		p.Expires = vault.Date(f.today.AddDate(0, 0, p.InDays).Format(time.DateOnly))
	}
	in := compartment(p.Private)
	_, err = f.vault.AddDocument(ctx, vault.NewDocument{
		Name: p.Title, Compartment: in, Folder: f.folders[in.String()+folderNames[p.Folder]],
		MediaType: p.MediaType, Issued: p.Issued, Expires: p.Expires, Channel: "demo",
	}, content)
	return err
}

func compartment(private bool) vault.Compartment {
	if private {
		return vault.Private
	}
	return vault.Shared
}
