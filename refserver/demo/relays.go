package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/recovery"
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
	Recovery  *recovery.Service
	// Independent says that answers by call can be chosen, too.
	Independent bool
	Folder      string
}

// Sample is what a sample server has beside its person.
type Sample struct {
	Staff    []Staff         `json:"staff"`
	Centre   consent.RelayID `json:"centre"` // follows the sample person
	Desk     consent.RelayID `json:"desk"`   // may help them back in
	Person   string          `json:"person"` // login of whom the ways back in are
	WaysBack WaysBack        `json:"ways_back"`
}

// place is one of the sample relays, with those who help there; the manager may, too.
type place struct {
	organisation, name, address, contact string
	kind                                 consent.RelayType
	manager                              string
	workers                              []string
}

// places are two centres of one organisation, and a desk of another: what is given by two
// organisations together cannot be tried with one.
var places = []place{
	{"Association Exemple", "Accueil de jour Exemple", "12 rue du Modèle, Exempleville", "01 99 00 12 12", consent.TypeDayCentre, "Mona Modèle", []string{"Nadia Specimen", "Louise Modèle"}},
	{"Association Exemple", "Foyer du Modèle", "3 place du Modèle, Exempleville", "01 99 00 34 34", consent.TypeShelter, "Mona Modèle", []string{"Samir Fictif"}},
	{"Ligne Exemple", "Permanence Exemple", "", "01 99 00 00 00", consent.TypeDesk, "Inès Standard", []string{"Karim Standard"}},
}

// Prepare makes two organisations, one with two centres and one with a desk, and people
// who work there, the first time; lets the first centre follow the sample person and the
// desk help them back in, and prepares ways back in; likewise for a sample person who took
// the place of one who closed their space, or came back in with another password. A start
// that was broken off leaves relays without people; the next one makes new ones.
func (r *Relays) Prepare(ctx context.Context, p Person) (Sample, error) {
	path := filepath.Join(r.Folder, relaysName)
	var sample Sample
	raw, err := os.ReadFile(path)
	switch {
	case err == nil:
		err = json.Unmarshal(raw, &sample)
	case errors.Is(err, fs.ErrNotExist):
		sample, err = r.begin(ctx)
	}
	if err == nil && sample.Person == p.Login {
		return sample, nil
	}
	if err == nil {
		sample.Person = p.Login
		sample.WaysBack, err = r.follow(ctx, p, sample.Centre, sample.Desk)
	}
	if err != nil {
		return sample, fmt.Errorf("sample relays: %w", err)
	}
	if raw, err = json.MarshalIndent(sample, "", "  "); err != nil {
		return sample, err
	}
	return sample, os.WriteFile(path, append(raw, '\n'), 0o600)
}

func (r *Relays) begin(ctx context.Context) (s Sample, err error) {
	managers, organisations := map[string]*consent.Worker{}, map[string]*consent.Organisation{}
	defer func() {
		for _, m := range managers {
			m.Close()
		}
	}()
	var ids []consent.RelayID
	for _, at := range places {
		code, err := r.Service.InviteManager(ctx)
		if err != nil {
			return s, err
		}
		if managers[at.manager] == nil {
			m, staff, err := r.enrol(ctx, code.Code, at.manager, "manages "+managed(at.manager))
			if err != nil {
				return s, err
			}
			managers[at.manager], s.Staff = m, append(s.Staff, staff)
		}
		if organisations[at.organisation] == nil {
			o := &consent.Organisation{ID: consent.NewOrganisationID(), Name: at.organisation, Country: "FR"}
			if err := r.sign(ctx, consent.Change{Organisation: o}); err != nil {
				return s, err
			}
			organisations[at.organisation] = o
		}
		relay, err := r.found(ctx, managers[at.manager], code.Code, organisations[at.organisation].ID, at)
		if err != nil {
			return s, err
		}
		ids = append(ids, relay)
		for _, name := range at.workers {
			worker, err := r.hire(ctx, managers[at.manager], relay, name)
			if err != nil {
				return s, err
			}
			s.Staff = append(s.Staff, worker)
		}
	}
	s.Centre, s.Desk = ids[0], ids[len(ids)-1]
	return s, nil
}

// managed names the places of a manager.
func managed(manager string) string {
	var names []string
	for _, at := range places {
		if at.manager == manager {
			names = append(names, at.name)
		}
	}
	return strings.Join(names, " and ")
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

func (r *Relays) found(ctx context.Context, manager *consent.Worker, code string, organisation consent.OrganisationID, at place) (consent.RelayID, error) {
	founded, err := manager.FoundRelay(ctx, code)
	if err != nil {
		return founded.Relay, err
	}
	now := time.Now()
	day := func(years int) vault.Date { return vault.Date(now.AddDate(years, 0, 0).Format(time.DateOnly)) }
	return founded.Relay, r.sign(ctx,
		consent.Change{Relay: &consent.Relay{
			ID: founded.Relay, Key: founded.Key, Organisation: organisation, Name: at.name, Type: at.kind, Place: at.address, Contact: at.contact,
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
	invitation, err := post.Invite(ctx, consent.RoleHelp, nil)
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
