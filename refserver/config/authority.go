package config

import (
	"time"

	"reconnect.example/consent"
)

// Relays say whose word counts about who the relays are, and what their licences
// may cost.
type Relays struct {
	Authority string `placeholder:"KEY" help:"Public key of the authority that says who the relays are, as refserver authority init prints it. It stays when the authority takes another key. Default: none, and no relays."`
	FeeCap    int64  `default:"200000" placeholder:"CENTS" help:"Highest fee of a licence, in the smallest unit of the currency. Default: ${default}."`
	// OneFactor lets workers sign in without a second factor. It is for the sample of
	// --demo alone, and no flag sets it.
	OneFactor bool   `kong:"-"`
	Currency  string `default:"EUR" placeholder:"CODE" help:"Currency of all fees (ISO 4217). Default: ${default}."`
}

// AuthorityKey is the public key of the authority; nil: none is named.
func (r *Relays) AuthorityKey() *consent.AuthorityKey {
	key, err := consent.ParseAuthorityKey(r.Authority)
	if err != nil {
		return nil // Parse has refused a wrong one
	}
	return &key
}

func (r *Relays) check(expect func(bool, string)) {
	expect(r.Authority == "" || r.AuthorityKey() != nil, "--authority is not a public key, which is ra- and seven groups of eight letters and digits; one may be mistyped")
	expect(r.FeeCap > 0, "--fee-cap must be more than 0")
	letters := len(r.Currency) == 3
	for _, c := range r.Currency {
		letters = letters && c >= 'A' && c <= 'Z'
	}
	expect(letters, "--currency must be three capital letters, such as EUR")
}

// AuthorityWork is the work of the authority, on files only: its machine needs no
// server and no data folder, and is best not on any network.
type AuthorityWork struct {
	Init   AuthorityInit   `cmd:"" help:"Make the authority's key and sign the first directory, which is empty."`
	Show   AuthorityShow   `cmd:"" help:"Print what a directory says, and whether it is signed."`
	Sign   AuthoritySign   `cmd:"" help:"Make changes on a directory, and sign what becomes of it."`
	Rotate AuthorityRotate `cmd:"" help:"Hand a directory over to a new key, which the old one signs."`
}

// KeyFile names the authority's own key.
type KeyFile struct {
	AuthorityKey string `required:"" placeholder:"FILE" help:"The authority's own key. It never goes to a server."`
}

// OutFile says where a directory is written.
type OutFile struct {
	Out string `required:"" placeholder:"FILE" help:"Where the signed directory is written, to be carried to a server: refserver admin directory publish FILE."`
}

// AuthorityInit makes a key.
type AuthorityInit struct {
	KeyFile `embed:""`
	OutFile `embed:""`
}

// AuthorityShow names a directory.
type AuthorityShow struct {
	Directory string `arg:"" help:"File of refserver admin directory show --out, or of refserver authority sign."`
}

// AuthoritySign names the changes.
type AuthoritySign struct {
	Directory string `arg:"" help:"The present directory: a file of refserver admin directory show --out."`
	Changes   string `arg:"" help:"File with the changes, as refserver admin organisation, relay, licence and partner print them, one after the other."`
	KeyFile   `embed:""`
	OutFile   `embed:""`
}

// AuthorityRotate names the new key.
type AuthorityRotate struct {
	Directory string `arg:"" help:"The present directory: a file of refserver admin directory show --out."`
	NewKey    string `required:"" placeholder:"FILE" help:"Where the new key is made; it must not be there yet."`
	KeyFile   `embed:""`
	OutFile   `embed:""`
}

// DirectoryWork is carrying directories between server and authority.
type DirectoryWork struct {
	Show    DirectoryShow    `cmd:"" help:"Print who the relays are, and write the directory into a file for the authority."`
	Publish DirectoryPublish `cmd:"" help:"Take a directory that the authority signed."`
}

// DirectoryShow says where to.
type DirectoryShow struct {
	Out string `placeholder:"FILE" help:"File for the authority. Default: none; the relays are printed in any case."`
}

// DirectoryPublish names the file.
type DirectoryPublish struct {
	File string `arg:"" help:"File of refserver authority init, sign or rotate."`
}

// Signing makes a shortcut of a change: with the key at hand it is signed and
// published at once.
type Signing struct {
	AuthorityKey string `placeholder:"FILE" help:"The authority's own key, if it lies on this machine: sign and publish at once. Default: print the change, for refserver authority sign."`
}

// OrganisationWork are changes of organisations.
type OrganisationWork struct {
	Add      OrganisationAdd `cmd:"" help:"Add an organisation."`
	Withdraw Withdraw        `cmd:"" help:"Withdraw an organisation and all its relays."`
}

// OrganisationAdd says which. With an id that is there, it takes its place.
type OrganisationAdd struct {
	ID      string `placeholder:"ID" help:"Id of the organisation to change. Default: a new one."`
	Name    string `required:"" help:"Its name."`
	Country string `default:"FR" help:"Its country, two letters. Default: ${default}."`
	Signing `embed:""`
}

// Withdraw names what is withdrawn.
type Withdraw struct {
	ID      string `arg:"" help:"Its id, as shown."`
	On      string `placeholder:"DAY" help:"The day, such as 2026-11-21. Default: today."`
	Signing `embed:""`
}

// RelayWork are changes of relays.
type RelayWork struct {
	Add      RelayAdd `cmd:"" help:"Add a relay. With an id that is there, also of a withdrawn one, it takes its place; its key cannot change."`
	Withdraw Withdraw `cmd:"" help:"Withdraw a relay. The people it follows are told, and its entry stays for what its workers signed."`
}

// RelayAdd says which. With an id that is there, it takes its place.
type RelayAdd struct {
	ID           string   `required:"" help:"Id of the relay's space."`
	Key          string   `required:"" help:"First public key of the relay's space: rr- and seven groups."`
	Organisation string   `required:"" help:"Id of the organisation that answers for it."`
	Name         string   `required:"" help:"Its name."`
	Type         string   `required:"" help:"What it is: ccas, shelter, day-centre, cada, chrs, outreach, health, desk or other."`
	Place        string   `help:"Where it is."`
	Contact      string   `help:"How the relay is reached. Nothing about a person."`
	Country      string   `default:"FR" help:"Its country, two letters. Default: ${default}."`
	Languages    []string `sep:"," help:"What is spoken there, such as fr,ar,ps."`
	Since        string   `placeholder:"DAY" help:"From which day, such as 2026-11-21. Default: today."`
	Signing      `embed:""`
}

// LicenceWork are changes of licences.
type LicenceWork struct {
	Add      LicenceAdd      `cmd:"" help:"Add a relay's licence, or change it."`
	Withdraw LicenceWithdraw `cmd:"" help:"Withdraw a licence: the relay opens no new vaults. Nothing else ends."`
}

// LicenceAdd says which. With a number that the relay has, it takes its place.
type LicenceAdd struct {
	Relay   string `required:"" help:"Id of the relay."`
	Number  string `required:"" help:"Its number."`
	From    string `required:"" placeholder:"DAY" help:"First day."`
	To      string `required:"" placeholder:"DAY" help:"Last day."`
	Fee     int64  `required:"" placeholder:"CENTS" help:"What it costs, in the smallest unit of the currency."`
	Payer   string `help:"Who pays."`
	Signing `embed:""`
}

// LicenceWithdraw names one.
type LicenceWithdraw struct {
	Relay   string `required:"" help:"Id of the relay."`
	Number  string `required:"" help:"Number of the licence."`
	On      string `placeholder:"DAY" help:"The day, such as 2026-11-21. Default: today."`
	Signing `embed:""`
}

// PartnerWork are changes of partner systems.
type PartnerWork struct {
	Keys     PartnerKeys `cmd:"" help:"Draw the keys of a partner, where the partner is: the secret halves into a file, the public ones printed."`
	Add      PartnerAdd  `cmd:"" help:"Add a partner, or change it: with an id that is there, it takes its place, and the key it had signs nothing any more."`
	Withdraw Withdraw    `cmd:"" help:"Withdraw a partner: it can ask for and fetch nothing any more."`
	List     struct{}    `cmd:"" help:"List the partners, what they may do and until when. It names no person."`
}

// PartnerKeys says where the secret halves go.
type PartnerKeys struct {
	Secret string `required:"" placeholder:"FILE" help:"Where the secret keys are made; it must not be there yet. It stays with the partner."`
}

// PartnerAdd says which.
type PartnerAdd struct {
	ID           string   `placeholder:"ID" help:"Id of the partner to change. Default: a new one."`
	Organisation string   `required:"" help:"Id of the organisation that answers for it."`
	Name         string   `required:"" help:"Its name, as people read it."`
	Contact      string   `help:"How it is reached. Nothing about a person."`
	Public       string   `required:"" placeholder:"FILE" help:"Its public keys, as refserver admin partner keys printed them."`
	Scopes       []string `default:"ask" sep:"," help:"What it may do: ask, link, deposit. Default: ${default}."`
	Kinds        []string `sep:"," help:"Which papers it may ask for: identity, civil-status, residence, address, income, health, work, school, bank, other."`
	Since        string   `placeholder:"DAY" help:"From which day, such as 2026-11-21. Default: today."`
	Until        string   `placeholder:"DAY" help:"The last day. Default: until it is withdrawn."`
	Signing      `embed:""`
}

// Day is a day that was given, or today.
func Day(given string, now time.Time) string {
	if given != "" {
		return given
	}
	return now.Format(time.DateOnly)
}
