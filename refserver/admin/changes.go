package admin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/rpc"
	"time"

	"reconnect.example/consent"
	"reconnect.example/refserver/config"
	"reconnect.example/vault"
)

// asChange makes a change of a command. It is printed for the authority or, with the
// authority's key at hand, signed and published at once.
type asChange struct {
	make func(config.Admin, *config.Config) (consent.Change, error)
	key  func(config.Admin) string
}

var changes = map[string]asChange{
	"admin organisation add":      {addOrganisation, func(a config.Admin) string { return a.Organisation.Add.AuthorityKey }},
	"admin organisation withdraw": {withdrawOrganisation, func(a config.Admin) string { return a.Organisation.Withdraw.AuthorityKey }},
	"admin relay add":             {addRelay, func(a config.Admin) string { return a.Relay.Add.AuthorityKey }},
	"admin relay withdraw":        {withdrawRelay, func(a config.Admin) string { return a.Relay.Withdraw.AuthorityKey }},
	"admin licence add":           {addLicence, func(a config.Admin) string { return a.Licence.Add.AuthorityKey }},
	"admin licence withdraw":      {withdrawLicence, func(a config.Admin) string { return a.Licence.Withdraw.AuthorityKey }},
	"admin partner add":           {addPartner, func(a config.Admin) string { return a.Partner.Add.AuthorityKey }},
	"admin partner withdraw":      {withdrawPartner, func(a config.Admin) string { return a.Partner.Withdraw.AuthorityKey }},
}

// PrintChange prints a change as JSON, for refserver authority sign.
func PrintChange(c consent.Change, out io.Writer) error {
	to := json.NewEncoder(out)
	to.SetIndent("", "  ")
	to.SetEscapeHTML(false)
	return to.Encode(c)
}

// MakeChange makes the change that a command such as "admin relay add" names, out of what
// was given to it. Errors are those of texts that are no id, no key or no day.
func MakeChange(command string, c *config.Config) (consent.Change, error) {
	change, known := changes[command]
	if !known {
		return consent.Change{}, fmt.Errorf("no such change: %s", command)
	}
	return change.make(c.Admin, c)
}

// signAndPublish does with the key what otherwise goes over a stick. The key stays in
// this process: the server gets what was signed.
func signAndPublish(r *rpc.Client, c consent.Change, keyFile string, out io.Writer) error {
	a, err := consent.OpenAuthorityFile(keyFile)
	if err != nil {
		return err
	}
	on, _, err := fetchDirectory(r)
	if err != nil {
		return err
	}
	next, err := a.Sign(on, c)
	if err != nil {
		return err
	}
	bytes, err := next.Bundle()
	if err != nil {
		return err
	}
	if c.Organisation != nil { // its id is new, and needed for its relays
		if _, err := io.WriteString(out, c.Organisation.ID.String()+"\n"); err != nil {
			return err
		}
	}
	if c.Partner != nil { // the partner names itself by it
		if _, err := io.WriteString(out, c.Partner.ID.String()+"\n"); err != nil {
			return err
		}
	}
	return publish(r, next, bytes, out)
}

func today(given string) vault.Date { return vault.Date(config.Day(given, time.Now())) }

func addOrganisation(a config.Admin, _ *config.Config) (consent.Change, error) {
	o := a.Organisation.Add
	id := consent.NewOrganisationID()
	if o.ID != "" {
		var err error
		if id, err = consent.ParseOrganisationID(o.ID); err != nil {
			return consent.Change{}, err
		}
	}
	return consent.Change{Organisation: &consent.Organisation{ID: id, Name: o.Name, Country: o.Country}}, nil
}

func withdrawOrganisation(a config.Admin, _ *config.Config) (consent.Change, error) {
	id, err := consent.ParseOrganisationID(a.Organisation.Withdraw.ID)
	return consent.Change{WithdrawOrganisation: &id, On: today(a.Organisation.Withdraw.On)}, err
}

func addRelay(a config.Admin, _ *config.Config) (consent.Change, error) {
	r := a.Relay.Add
	id, err := consent.ParseRelayID(r.ID)
	if err != nil {
		return consent.Change{}, err
	}
	key, err := consent.ParseRelayKey(r.Key)
	if err != nil {
		return consent.Change{}, err
	}
	organisation, err := consent.ParseOrganisationID(r.Organisation)
	if err != nil {
		return consent.Change{}, err
	}
	return consent.Change{Relay: &consent.Relay{
		ID: id, Key: key, Organisation: organisation, Name: r.Name, Type: consent.RelayType(r.Type), Place: r.Place, Contact: r.Contact,
		Country: r.Country, Languages: r.Languages, Since: today(r.Since),
	}}, nil
}

func withdrawRelay(a config.Admin, _ *config.Config) (consent.Change, error) {
	id, err := consent.ParseRelayID(a.Relay.Withdraw.ID)
	return consent.Change{WithdrawRelay: &id, On: today(a.Relay.Withdraw.On)}, err
}

func addLicence(a config.Admin, c *config.Config) (consent.Change, error) {
	l := a.Licence.Add
	relay, err := consent.ParseRelayID(l.Relay)
	return consent.Change{Licence: &consent.Licence{
		Relay: relay, Number: l.Number, From: vault.Date(l.From), To: vault.Date(l.To), Fee: l.Fee, Currency: c.Currency, Payer: l.Payer,
	}}, err
}

func withdrawLicence(a config.Admin, _ *config.Config) (consent.Change, error) {
	l := a.Licence.Withdraw
	relay, err := consent.ParseRelayID(l.Relay)
	return consent.Change{WithdrawLicence: &consent.LicenceID{Relay: relay, Number: l.Number}, On: today(l.On)}, err
}
