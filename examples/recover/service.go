package main

import (
	"context"
	"errors"
	"time"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

// service is a service on one machine, with relays, a desk and ways back in.
type service struct {
	*consent.Service
	local     *local.Local
	directory *consent.Directory
	recovery  *recovery.Service
	authority *consent.Authority
}

func open(ctx context.Context, folder string) (s *service, err error) {
	s = &service{authority: consent.NewAuthority()} // its key belongs on another machine: consent.MakeAuthorityFile
	var register *consent.Register
	s.local, err = local.OpenWith(ctx, folder, &local.Options{Directory: func(store *storage.Store, witness vault.Checkpoints) (d vault.Directory, err error) {
		if s.directory, err = consent.OpenDirectory(ctx, consent.DirectoryConfig{Store: store, Checkpoints: witness, Authority: s.authority.Public()}); err != nil {
			return nil, err
		}
		register, err = consent.NewRegister(consent.RegisterConfig{Directory: s.directory, Store: store, Checkpoints: witness})
		return register, err
	}})
	if err != nil {
		return nil, err
	}
	// OneFactor keeps the program short. examples/relay shows the second factor of a worker.
	s.Service, err = consent.New(consent.Config{Vaults: s.local.Vaults, Store: s.local.Store, Directory: s.directory, Register: register, OneFactor: true})
	if err == nil {
		// The witness lies in the same folder. So Independent stays false, and answers are
		// good on site only: who runs this and the desk could guess them together.
		s.recovery, err = recovery.New(recovery.Config{
			Vaults: s.local.Vaults, Consent: s.Service, Directory: s.directory, Register: register, Store: s.local.Store, Witness: s.local.Witness,
		})
	}
	if err != nil {
		return nil, errors.Join(err, s.local.Close())
	}
	return s, nil
}

func (s *service) Close() error { return s.local.Close() }

// found has somebody found a relay for an organisation, which the authority signs. They
// help there, too.
func (s *service) found(ctx context.Context, who, organisation, name string, kind consent.RelayType) (*consent.Post, error) {
	invitation, err := s.InviteManager(ctx)
	if err != nil {
		return nil, err
	}
	w, err := s.Enrol(ctx, invitation.Code, consent.NewWorker{Name: who, Password: who + " has four own words", Notice: notice, Consent: true, Session: &vault.SessionRequest{Device: name}})
	if err != nil {
		return nil, err
	}
	founded, err := w.FoundRelay(ctx, invitation.Code)
	if err != nil {
		return nil, err
	}
	o := consent.Organisation{ID: consent.NewOrganisationID(), Name: organisation, Country: "FR"}
	today := vault.Date(time.Now().Format(time.DateOnly))
	err = s.sign(ctx, consent.Change{Organisation: &o}, consent.Change{Relay: &consent.Relay{
		ID: founded.Relay, Organisation: o.ID, Name: name, Type: kind, Country: "FR", Key: founded.Key, Since: today,
	}}, consent.Change{Licence: &consent.Licence{Relay: founded.Relay, Number: "1", From: today, To: vault.Date(time.Now().AddDate(1, 0, 0).Format(time.DateOnly)), Currency: "EUR"}})
	if err != nil {
		return nil, err
	}
	return w.At(ctx, founded.Relay)
}

func (s *service) sign(ctx context.Context, changes ...consent.Change) error {
	state, err := s.directory.Current(ctx)
	if errors.Is(err, consent.ErrNoDirectory) {
		state, err = s.authority.Begin()
	}
	if err == nil {
		state, err = s.authority.Sign(state, changes...)
	}
	if err != nil {
		return err
	}
	bundle, err := state.Bundle()
	if err == nil {
		_, err = s.directory.Publish(ctx, bundle)
	}
	return err
}
