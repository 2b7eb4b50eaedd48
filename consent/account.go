package consent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"reconnect.example/vault"
)

// ErrLicence: the relay has no licence in force, so it opens no new accounts.
// Everything else goes on. See LicenceError for how its licence stands.
var ErrLicence = errors.New("consent: the relay has no licence in force, it opens no new accounts")

// LicenceError says how a licence stands. It wraps [ErrLicence].
type LicenceError struct{ State LicenceState }

func (e *LicenceError) Error() string {
	return fmt.Sprintf("%s (%s)", ErrLicence.Error(), e.State.Status)
}

// Unwrap returns ErrLicence.
func (e *LicenceError) Unwrap() error { return ErrLicence }

// NewAccount is what a worker and a person enter together. The person types the
// password; the worker never sees it.
type NewAccount struct {
	Name     string       // what the person is called at this relay
	Password string       // typed by the person
	Notice   vault.Notice // of the account, read by the person
	Consent  bool         // yes to the account
	Follow   vault.Notice // of being followed, read by the person
	Agreed   bool         // yes to being followed
	Alone    bool         // no to it: the relay is not let in, and Follow, Agreed, Scope and Until are not read
	Scope    vault.Scope  // of the relay
	Until    time.Time    // zero: until it is withdrawn
	PIN      string       // of an access card, typed by the person; empty: no card
	Channel  string       // empty: "relay"
	Session  *vault.SessionRequest
}

func (n *NewAccount) follow(relay RelayID) Follow {
	return Follow{Relay: relay, Scope: n.Scope, Until: n.Until, Notice: n.Follow, Agreed: n.Agreed, Name: n.Name, Channel: n.Channel}
}

// check refuses what cannot become an account, before there is one.
func (n *NewAccount) check(relay RelayID) error {
	if n.Alone { // an account is not the price of being followed: consent is free (GDPR, article 7 (4))
		return checkPersonName(n.Name)
	}
	f := n.follow(relay)
	return f.check()
}

// Account is an account that was opened.
type Account struct {
	Vault   *vault.Vault     // open, in the person's name
	Login   string           // to be printed: it cannot be looked up later without signing in
	Receipt Receipt          // of what the person agreed to for this relay; zero where it was not let in
	Card    vault.AccessCard // to be printed, once; zero without a PIN
}

// Draft is an account that is being opened. Its login was drawn before the account
// was made, so that whatever an interruption left is found again.
type Draft struct {
	ID    vault.ItemID
	Name  string
	Login string
	Begun time.Time

	revision uint64
}

// DraftsLast is how long a draft can be continued.
const DraftsLast = 7 * 24 * time.Hour

// A draft lies in the relay's Shared, named as the person is called there. In the
// commit that ends it, it becomes a mark that says when an account was opened and
// nothing else, for the counts of the relay.
type draftEntry struct {
	Login string `cbor:"1,keyasint"`
	Begun int64  `cbor:"2,keyasint"` // unix milliseconds
}

type openedEntry struct {
	At int64 `cbor:"1,keyasint"` // unix milliseconds
}

const openedName = "opened"

// OpenAccount opens an account with a person: a draft with the login, the account
// with the password that they typed, the relay let in unless they are Alone, and the draft gone. Each step
// is durable before the next; an interruption anywhere leaves a draft, or nothing,
// and [Post.ResumeAccount] goes on from there. If the person typed a PIN, an access
// card is made before the draft goes: one whose print was lost is made anew.
//
// Errors: LicenceError (nothing was done), vault.ErrInvalid with each problem, and
// those of vault.Create and [Service.Follow]. With vault.ErrUnconfirmed the account
// is returned, and everything is in force.
func (p *Post) OpenAccount(ctx context.Context, n NewAccount) (*Account, error) {
	if err := n.check(p.relay.ID); err != nil {
		return nil, err
	}
	d, err := p.BeginAccount(ctx, n.Name)
	if err != nil {
		return nil, err
	}
	v, err := p.create(ctx, d, n)
	if err != nil {
		if errors.Is(err, vault.ErrInvalid) { // nothing was made, and nothing is to be continued
			err = errors.Join(err, p.DropDraft(ctx, d.ID))
		}
		return nil, err
	}
	return p.complete(ctx, d, v, n)
}

// BeginAccount makes a draft. LicenceError if the relay has no licence in force.
func (p *Post) BeginAccount(ctx context.Context, name string) (Draft, error) {
	if err := errors.Join(p.mayHelp(), checkPersonName(name), p.licensed(ctx)); err != nil {
		return Draft{}, err
	}
	login, err := vault.NewLogin()
	if err != nil {
		return Draft{}, err
	}
	d := draftEntry{Login: login, Begun: p.service().now().UnixMilli()}
	data, err := formDraft.pack(d)
	if err != nil {
		return Draft{}, err
	}
	it, err := p.space.AddData(ctx, name, data, inRoster)
	return draftOf(it, d), err
}

func draftOf(it vault.Item, d draftEntry) Draft {
	return Draft{ID: it.ID, Name: it.Name, Login: d.Login, Begun: fromUnixMilli(d.Begun), revision: it.Revision}
}

// licensed refuses a relay that may not open accounts now, and a desk, which could not
// follow whom they are for.
func (p *Post) licensed(ctx context.Context) error {
	if p.relay.Type == TypeDesk {
		return errFollowsNobody
	}
	state, err := p.service().cfg.Directory.Licence(ctx, p.relay.ID)
	if err == nil && !state.MayOpen() {
		err = &LicenceError{State: state}
	}
	return err
}

// create makes the account of a draft. The licence is looked at again: a draft is no
// way around it.
func (p *Post) create(ctx context.Context, d Draft, n NewAccount) (*vault.Vault, error) {
	if err := errors.Join(p.licensed(ctx), p.stands(ctx), n.checkPIN(d)); err != nil {
		return nil, err
	}
	return p.service().cfg.Vaults.Create(ctx, vault.CreateRequest{
		Password: n.Password, Notice: n.Notice, Consent: n.Consent, Channel: n.channel(), Session: n.Session, Login: d.Login,
	})
}

func (n *NewAccount) channel() string {
	if n.Channel == "" {
		return "relay"
	}
	return n.Channel
}

// checkPIN refuses a PIN before there is an account: refused after that, it would leave
// one that nobody holds the card of, and the next try would make another.
func (n *NewAccount) checkPIN(d Draft) error {
	if n.PIN == "" {
		return nil
	}
	return vault.CheckPIN(n.PIN, d.Login)
}

// ResumeAccount goes on with a draft after an interruption. The person types their
// password again: if the account was made already, it must be the same one
// (vault.ErrSignIn), otherwise the account is made with it. Nothing is doubled.
// vault.ErrNotFound if there is no such draft (any more). Other errors: those of
// OpenAccount, vault.BackOffError.
func (p *Post) ResumeAccount(ctx context.Context, draft vault.ItemID, n NewAccount) (*Account, error) {
	all, err := p.Drafts(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(d Draft) bool { return d.ID == draft })
	if i < 0 {
		return nil, vault.ErrNotFound
	}
	d := all[i]
	n.Name = d.Name
	if err := errors.Join(n.check(p.relay.ID), n.checkPIN(d)); err != nil {
		return nil, err
	}
	v, err := p.service().cfg.Vaults.Unlock(ctx, vault.Password{Login: d.Login, Secret: n.Password, Session: n.Session, Priority: true})
	if errors.Is(err, vault.ErrSignIn) {
		// Not made yet, or another password: making it tells, as a login is given once.
		v, err = p.create(ctx, d, n)
	}
	if err != nil {
		return nil, err
	}
	return p.complete(ctx, d, v, n)
}

// complete lets the relay in, unless it was already or must not be, and ends the draft.
func (p *Post) complete(ctx context.Context, d Draft, v *vault.Vault, n NewAccount) (*Account, error) {
	s := p.service()
	a := &Account{Vault: v, Login: d.Login}
	fail := func(err error) (*Account, error) {
		v.Close() // a session, if one was asked for, ends by itself
		return nil, err
	}
	given, err := s.givenTo(ctx, v, p.relay.ID)
	if err != nil {
		return fail(err)
	}
	var unconfirmed error
	switch {
	case given != nil:
		a.Receipt = *given
	case !n.Alone:
		n.Channel = n.channel()
		a.Receipt, err = s.Follow(ctx, v, n.follow(p.relay.ID), vault.Secret{Password: n.Password})
		if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
			return fail(err)
		}
		unconfirmed = err
	}
	if n.PIN != "" {
		a.Card, err = v.NewAccessCard(ctx, vault.Secret{Password: n.Password}, n.PIN)
		if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
			return fail(err)
		}
		unconfirmed = errors.Join(unconfirmed, err)
	}
	data, err := formOpened.pack(openedEntry{At: s.now().UnixMilli()})
	if err != nil {
		return fail(err)
	}
	name := openedName
	_, err = p.space.Edit(ctx, d.ID, d.revision, vault.Edit{Name: &name, Data: &data})
	if errors.Is(err, vault.ErrRevision) || errors.Is(err, vault.ErrNotFound) {
		err = nil // another worker has continued it, too
	}
	if err != nil {
		return fail(err)
	}
	return a, unconfirmed
}

// givenTo returns the receipt of what a relay has in force, nil if it has nothing.
func (s *Service) givenTo(ctx context.Context, v *vault.Vault, relay RelayID) (*Receipt, error) {
	all, err := v.Grants(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range all {
		if g.Holder == relay && !g.Visit && s.inForce(g) {
			given, _, err := s.receipts(ctx, v, g)
			return given, err
		}
	}
	return nil, nil
}

// Drafts returns the accounts whose opening was interrupted, by name. Those that are
// too old go.
func (p *Post) Drafts(ctx context.Context) (out []Draft, err error) {
	if err := p.mayHelp(); err != nil {
		return nil, err
	}
	items, err := p.shared(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) {
		return nil, err
	}
	return p.drafts(ctx, items)
}

func (p *Post) drafts(ctx context.Context, items []vault.Item) (out []Draft, err error) {
	oldest := p.service().now().Add(-DraftsLast)
	for _, it := range items {
		var e draftEntry
		if !formDraft.is(it.Data) || formDraft.unpack(it.Data, &e) != nil {
			continue
		}
		d := draftOf(it, e)
		if d.Begun.After(oldest) {
			out = append(out, d)
			continue
		}
		if err := p.destroy(ctx, it.ID, it.Revision); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// DropDraft forgets a draft: nothing will be continued. An account that was made
// already stays its person's.
func (p *Post) DropDraft(ctx context.Context, draft vault.ItemID) error {
	all, err := p.Drafts(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.ID == draft {
			return p.destroy(ctx, d.ID, d.revision)
		}
	}
	return vault.ErrNotFound
}

// destroy removes something from the relay's space. Another worker may be faster.
func (p *Post) destroy(ctx context.Context, id vault.ItemID, revision uint64) error {
	err := p.space.Destroy(ctx, id, revision)
	if errors.Is(err, vault.ErrNotFound) || errors.Is(err, vault.ErrRevision) {
		return nil
	}
	return err
}

// Count is a number that is shown to who pays for a relay. It is exact from ten on:
// a small one could be about somebody.
type Count struct {
	n      int
	unsaid bool
}

// CountOf is the count of so many.
func CountOf(n int) Count { return Count{n: n} }

// Unsaid is a count that is not said, as it would tell another one that is too small:
// a sum less what is said of its parts is the part that is not.
func Unsaid() Count { return Count{unsaid: true} }

// CountOfPart is the count of a part that is said beside the whole, so that neither the
// part nor what is left of the whole can be told where it is below ten (N87). Below
// twenty one of the two always is; and to say which would tell how many in most cases.
func CountOfPart(part, whole int) Count {
	switch rest := whole - part; {
	case rest <= 0 || whole < LeastCount:
		return CountOf(part)
	case whole < 2*LeastCount || rest < LeastCount:
		return Unsaid()
	}
	return CountOf(part)
}

// LeastCount is the least number that is said.
const LeastCount = 10

// String returns the number, "<10", or "-" where it is [Unsaid].
func (c Count) String() string {
	switch {
	case c.unsaid:
		return "-"
	case c.n < LeastCount:
		return "<" + strconv.Itoa(LeastCount)
	}
	return strconv.Itoa(c.n)
}

// MarshalText returns what String does.
func (c Count) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Counts is what a relay tells who pays for it. It names nobody.
type Counts struct {
	Followed       Count `json:"followed"`       // people followed now
	FollowedSince  Count `json:"followedSince"`  // of them, since the beginning of the year; unsaid where the others are too few
	OpenedThisYear Count `json:"openedThisYear"` // accounts opened, in the calendar year
	OpenedLastYear Count `json:"openedLastYear"`
}

// Counts returns the counts of the relay. Years are those of the directory's zone.
func (p *Post) Counts(ctx context.Context) (c Counts, err error) {
	items, people, err := p.people(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) {
		return c, err
	}
	return p.counts(ctx, people, items)
}

func (p *Post) counts(ctx context.Context, people []Person, items []vault.Item) (c Counts, err error) {
	s := p.service()
	zone := s.cfg.Directory.cfg.Zone
	year := s.now().In(zone).Year()
	c.Followed.n = len(people)
	for _, one := range people {
		if one.Since.In(zone).Year() == year {
			c.FollowedSince.n++
		}
	}
	for _, it := range items {
		var e openedEntry
		if !formOpened.is(it.Data) || formOpened.unpack(it.Data, &e) != nil {
			continue
		}
		switch fromUnixMilli(e.At).In(zone).Year() {
		case year:
			c.OpenedThisYear.n++
		case year - 1:
			c.OpenedLastYear.n++
		default: // counted long since
			if err := p.destroy(ctx, it.ID, it.Revision); err != nil {
				return Counts{}, err
			}
		}
	}
	c.FollowedSince = CountOfPart(c.FollowedSince.n, c.Followed.n)
	return c, nil
}
