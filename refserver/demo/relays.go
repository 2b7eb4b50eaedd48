package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"reconnect.example/consent"
	"reconnect.example/refserver/notice"
	"reconnect.example/vault"
)

// Files of the sample relays in the data folder. The authority's key lies beside the
// data for the sample alone: a real one is never on a server.
const (
	authorityName = "demo-authority.key"
	relaysName    = "demo-relays.json"
)

// Authority opens the key of the sample authority, or makes it.
func Authority(folder string) (*consent.Authority, error) {
	path := filepath.Join(folder, authorityName)
	a, err := consent.OpenAuthorityFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		a, err = consent.MakeAuthorityFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("sample authority: %w", err)
	}
	return a, nil
}

// KnownAuthority is the public key of the sample authority of a data folder; nil if
// the folder has none. It makes nothing.
func KnownAuthority(folder string) (*consent.AuthorityKey, error) {
	a, err := consent.OpenAuthorityFile(filepath.Join(folder, authorityName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // as said
	}
	if err != nil {
		return nil, fmt.Errorf("sample authority: %w", err)
	}
	key := a.Public()
	return &key, nil
}

// Staff is how to sign in as somebody who works for the sample relays.
type Staff struct {
	Name     string `json:"name"`
	Work     string `json:"work"`
	Login    string `json:"login"`
	Password string `json:"password"`
}

// Relays is what the sample relays stand on.
type Relays struct {
	Vaults    *vault.Vaults
	Service   *consent.Service
	Directory *consent.Directory
	Authority *consent.Authority
	Folder    string
}

// Prepare makes an organisation with two relays, a manager of both and a worker at
// each, the first time, and lets the first relay follow the sample person. A start
// that was broken off leaves relays without people; the next one makes new ones.
func (r *Relays) Prepare(ctx context.Context, p Person) ([]Staff, error) {
	path := filepath.Join(r.Folder, relaysName)
	var all []Staff
	raw, err := os.ReadFile(path)
	if err == nil {
		return all, json.Unmarshal(raw, &all)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if all, err = r.begin(ctx, p); err != nil {
		return nil, fmt.Errorf("sample relays: %w", err)
	}
	if raw, err = json.MarshalIndent(all, "", "  "); err != nil {
		return nil, err
	}
	return all, os.WriteFile(path, append(raw, '\n'), 0o600)
}

func (r *Relays) begin(ctx context.Context, p Person) ([]Staff, error) {
	organisation := &consent.Organisation{ID: consent.NewOrganisationID(), Name: "Association Exemple", Country: "FR"}
	if err := r.sign(ctx, consent.Change{Organisation: organisation}); err != nil {
		return nil, err
	}
	code, err := r.Service.InviteManager(ctx)
	if err != nil {
		return nil, err
	}
	manager, mona, err := r.enrol(ctx, code.Code, "Mona Modèle", "manages both centres")
	if err != nil {
		return nil, err
	}
	defer manager.Close()
	all := []Staff{mona}
	for n, place := range []struct{ name, place, worker string }{
		{"Accueil de jour Exemple", "12 rue du Modèle, Exempleville", "Nadia Specimen"},
		{"Foyer du Modèle", "3 place du Modèle, Exempleville", "Samir Fictif"},
	} {
		if n > 0 {
			if code, err = r.Service.InviteManager(ctx); err != nil {
				return nil, err
			}
		}
		relay, err := r.found(ctx, manager, code.Code, organisation, place.name, place.place)
		if err != nil {
			return nil, err
		}
		worker, err := r.hire(ctx, manager, relay, place.worker)
		if err != nil {
			return nil, err
		}
		all = append(all, worker)
		if n == 0 {
			if err := r.follow(ctx, p, relay); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// sign publishes changes of the directory, which is begun with the first.
func (r *Relays) sign(ctx context.Context, changes ...consent.Change) error {
	now, err := r.Directory.Current(ctx)
	if errors.Is(err, consent.ErrNoDirectory) {
		now, err = r.Authority.Begin()
	}
	if err != nil {
		return err
	}
	if now, err = r.Authority.Sign(now, changes...); err != nil {
		return err
	}
	bundle, err := now.Bundle()
	if err != nil {
		return err
	}
	_, err = r.Directory.Publish(ctx, bundle)
	return err
}

func (r *Relays) enrol(ctx context.Context, code, name, work string) (*consent.Worker, Staff, error) {
	s := Staff{Name: name, Work: work}
	var err error
	if s.Password, err = vault.SuggestPassword(); err != nil {
		return nil, s, err
	}
	w, err := r.Service.Enrol(ctx, code, consent.NewWorker{
		Name: name, Password: s.Password, Notice: notice.ForWorkers("fr"), Consent: true, Channel: "demo", Session: &vault.SessionRequest{Device: "demo"},
	})
	if err != nil {
		return nil, s, err
	}
	if s.Login, err = w.Own().Login(ctx); err != nil {
		w.Close()
		return nil, s, err
	}
	return w, s, nil
}

func (r *Relays) found(ctx context.Context, manager *consent.Worker, code string, o *consent.Organisation, name, place string) (consent.RelayID, error) {
	founded, err := manager.FoundRelay(ctx, code)
	if err != nil {
		return founded.Relay, err
	}
	now := time.Now()
	day := func(years int) vault.Date { return vault.Date(now.AddDate(years, 0, 0).Format(time.DateOnly)) }
	return founded.Relay, r.sign(ctx,
		consent.Change{Relay: &consent.Relay{
			ID: founded.Relay, Key: founded.Key, Organisation: o.ID, Name: name, Type: consent.TypeDayCentre, Place: place,
			Country: "FR", Languages: []string{"fr", "ar", "en"}, Since: day(-1),
		}},
		consent.Change{Licence: &consent.Licence{Relay: founded.Relay, Number: "DEMO-1", From: day(-1), To: day(1), Currency: "EUR"}})
}

func (r *Relays) hire(ctx context.Context, manager *consent.Worker, relay consent.RelayID, name string) (Staff, error) {
	post, err := manager.At(ctx, relay)
	if err != nil {
		return Staff{}, err
	}
	defer post.Close()
	invitation, err := post.Invite(ctx, consent.RoleHelp)
	if err != nil {
		return Staff{}, err
	}
	w, s, err := r.enrol(ctx, invitation.Code, name, "works at "+post.Relay().Name)
	if err != nil {
		return s, err
	}
	defer w.Close()
	if _, err := w.Ask(ctx, invitation.Code); err != nil {
		return s, err
	}
	digits, err := w.Fingerprint(ctx)
	if err != nil {
		return s, err
	}
	return s, post.Admit(ctx, consent.Admission{Worker: w.ID(), Fingerprint: digits, Roles: consent.RoleHelp})
}

func (r *Relays) follow(ctx context.Context, p Person, relay consent.RelayID) error {
	v, err := r.Vaults.Unlock(ctx, vault.Password{Login: p.Login, Secret: p.Password})
	if err != nil {
		return err
	}
	defer v.Close()
	_, err = r.Service.Follow(ctx, v, consent.Follow{
		Relay: relay, Scope: vault.ScopeAdd, Notice: notice.Following("fr"), Agreed: true, Name: Name, Channel: "demo",
	}, vault.Secret{Password: p.Password})
	return err
}
