package admin

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"

	"reconnect.example/consent"
	"reconnect.example/refserver/config"
	"reconnect.example/vault"
)

// partnerPublic are the public halves of a partner's keys, as they are carried to the
// authority.
type partnerPublic struct {
	Key consent.PartnerKey `json:"key"`
	Box []byte             `json:"box"`
}

// partnerKeys draws keys. It works on a file alone, so that it can run where the partner
// is: no secret key of a partner was ever on a server.
func partnerKeys(c config.PartnerKeys, out io.Writer) error {
	k, err := consent.MakePartnerFile(c.Secret)
	if err != nil {
		return err
	}
	to := json.NewEncoder(out)
	to.SetIndent("", "  ")
	return to.Encode(partnerPublic{Key: k.Key(), Box: k.Box()})
}

func readPartnerPublic(path string) (p partnerPublic, err error) {
	f, err := os.Open(path) //nolint:gosec // named by the authority
	if err != nil {
		return p, err
	}
	defer f.Close() //nolint:errcheck // only read
	from := json.NewDecoder(io.LimitReader(f, 16<<10))
	from.DisallowUnknownFields()
	if err := from.Decode(&p); err != nil {
		return p, fmt.Errorf("%s is not what refserver admin partner keys printed: %w", path, err)
	}
	return p, nil
}

func addPartner(a config.Admin, _ *config.Config) (consent.Change, error) {
	p := a.Partner.Add
	id := vault.ID(consent.NewOrganisationID())
	var err error
	if p.ID != "" {
		if id, err = vault.ParseID(p.ID); err != nil {
			return consent.Change{}, err
		}
	}
	organisation, orgErr := consent.ParseOrganisationID(p.Organisation)
	keys, keysErr := readPartnerPublic(p.Public)
	if err := errors.Join(orgErr, keysErr); err != nil {
		return consent.Change{}, err
	}
	out := &consent.Partner{
		ID: id, Organisation: organisation, Name: p.Name, Contact: p.Contact, Key: keys.Key, Box: keys.Box,
		Since: today(p.Since), Until: vault.Date(p.Until),
	}
	for _, s := range p.Scopes {
		out.Scopes = append(out.Scopes, consent.PartnerScope(s))
	}
	for _, k := range p.Kinds {
		out.Kinds = append(out.Kinds, consent.PaperKind(k))
	}
	return consent.Change{Partner: out}, nil
}

func withdrawPartner(a config.Admin, _ *config.Config) (consent.Change, error) {
	id, err := vault.ParseID(a.Partner.Withdraw.ID)
	return consent.Change{WithdrawPartner: &id, On: today(a.Partner.Withdraw.On)}, err
}

func listPartners(r *rpc.Client, _ config.Admin, out io.Writer) error {
	state, _, err := fetchDirectory(r)
	if err != nil {
		return err
	}
	all := state.Partners()
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "There is no partner.")
		return err
	}
	for _, p := range all {
		if err := printPartner(out, p); err != nil {
			return err
		}
	}
	return nil
}

// printPartner shows a partner with its keys, to be compared with those that it drew.
func printPartner(out io.Writer, p consent.Partner) error {
	until := ""
	if p.Until != "" {
		until = " to " + string(p.Until)
	}
	_, err := fmt.Fprintf(out, "  %s  %s, partner%s\n    may          %v %v, from %s%s\n    key          %s\n    box          sha256 %x\n",
		p.ID, p.Name, withdrawn(p.Withdrawn), p.Scopes, p.Kinds, p.Since, until, p.Key, sha256.Sum256(p.Box))
	return err
}
