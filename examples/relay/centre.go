package main

import (
	"context"
	"errors"
	"time"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

// centre is a service on one machine, with relays.
type centre struct {
	*consent.Service
	local     *local.Local
	directory *consent.Directory
	now       func() time.Time
}

func open(ctx context.Context, folder string, authority consent.AuthorityKey, now func() time.Time) (*centre, error) {
	c := &centre{now: now}
	var register *consent.Register
	var err error
	c.local, err = local.OpenWith(ctx, folder, &local.Options{Now: now, Directory: func(store *storage.Store, witness vault.Checkpoints) (d vault.Directory, err error) {
		if c.directory, err = consent.OpenDirectory(ctx, consent.DirectoryConfig{Store: store, Checkpoints: witness, Authority: authority, Now: now}); err != nil {
			return nil, err
		}
		register, err = consent.NewRegister(consent.RegisterConfig{Directory: c.directory, Store: store, Checkpoints: witness, Now: now})
		return register, err
	}})
	if err != nil {
		return nil, err
	}
	c.Service, err = consent.New(consent.Config{Vaults: c.local.Vaults, Store: c.local.Store, Directory: c.directory, Register: register, Now: now})
	if err != nil {
		return nil, errors.Join(err, c.local.Close())
	}
	return c, nil
}

func (c *centre) Close() error { return c.local.Close() }

// found has somebody make an account and found a relay, which the authority signs
// together with its organisation and licence.
func (c *centre) found(ctx context.Context, authority *consent.Authority) (*consent.Worker, consent.RelayID, error) {
	var none consent.RelayID
	invitation, err := c.InviteManager(ctx) // printed, and handed over by the operator
	if err != nil {
		return nil, none, err
	}
	secret := vault.Secret{Password: "the founder's own words"}
	w, err := c.Enrol(ctx, invitation.Code, consent.NewWorker{Name: "Samir", Password: secret.Password, Notice: notice, Consent: true, Session: &vault.SessionRequest{Device: "desk"}})
	if err != nil {
		return nil, none, err
	}
	factor, err := w.Own().EnrolSecondFactor(ctx, secret) // shown as a QR code
	if err != nil {
		return nil, none, err
	}
	if err := w.Own().ConfirmSecondFactor(ctx, phone(factor.Secret, c.now())); err != nil {
		return nil, none, err
	}
	founded, err := w.FoundRelay(ctx, invitation.Code) // print founded.Sheet, and lock it away
	if err != nil {
		return nil, none, err
	}
	// The founder reads consent.Fingerprint(founded.Key) to the authority, who compares it.
	today := vault.Date(c.now().Format(time.DateOnly))
	inAYear := vault.Date(c.now().AddDate(1, 0, 0).Format(time.DateOnly))
	ngo := consent.Organisation{ID: consent.NewOrganisationID(), Name: "Les Amis", Country: "FR"}
	relay := consent.Relay{ID: founded.Relay, Organisation: ngo.ID, Name: "Harbour", Type: consent.TypeDayCentre, Place: "Lyon", Country: "FR", Key: founded.Key, Since: today}
	licence := consent.Licence{Relay: relay.ID, Number: "1", From: today, To: inAYear, Fee: 50_000, Currency: "EUR", Payer: ngo.Name}
	state, err := authority.Begin()
	if err == nil {
		state, err = authority.Sign(state, consent.Change{Organisation: &ngo}, consent.Change{Relay: &relay}, consent.Change{Licence: &licence})
	}
	if err != nil {
		return nil, none, err
	}
	bundle, err := state.Bundle() // carried to the server
	if err == nil {
		_, err = c.directory.Publish(ctx, bundle)
	}
	return w, relay.ID, err
}
