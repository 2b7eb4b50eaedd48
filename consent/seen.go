package consent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"reconnect.example/vault"
)

// Follower is somebody who can see what a person shares, or who could: plain facts,
// for pages in any language.
type Follower struct {
	Grant        vault.GrantID
	Relay        RelayID
	Name         string // of the relay, now; as it was when the person agreed, if the directory does not say
	Place        string
	Contact      string
	Organisation string
	Gone         bool // the relay is not in the directory any more
	Visit        bool
	Worker       vault.ID       // of a visit: whose it is
	Visitor      string         // of a visit: what their code called them, which their relay has signed; "": nothing
	Items        int            // of a visit to chosen items: how many
	Chosen       []vault.ItemID // of a visit to chosen items: which
	Called       string         // what the person is called there
	Scope        vault.Scope
	Since        time.Time
	Until        time.Time // zero: until it is withdrawn
	InForce      bool
	Ended        time.Time // zero: in force, or its time is over and the next sign-in notes it
	EndedBy      vault.EndedBy
	Receipt      string // its id
}

// Followers returns everybody who can see what a person shares, and everybody who
// could, as far as it is kept: who can now first, then the latest. If the store hides
// somebody, the others are returned together with vault.ErrTampered.
func (s *Service) Followers(ctx context.Context, v *vault.Vault) ([]Follower, error) {
	all, hidden := v.Grants(ctx)
	if hidden != nil && !errors.Is(hidden, vault.ErrTampered) {
		return nil, hidden
	}
	out, err := s.followers(ctx, v, all)
	if err != nil {
		return nil, err
	}
	return out, hidden
}

func (s *Service) followers(ctx context.Context, v *vault.Vault, all []vault.Grant) ([]Follower, error) {
	out := make([]Follower, 0, len(all))
	for _, g := range all {
		if g.Scope == vault.ScopePartner { // sees nothing of what is shared; see Presentations
			continue
		}
		f, err := s.follower(ctx, v, g)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b Follower) int {
		if a.InForce != b.InForce {
			if a.InForce {
				return -1
			}
			return 1
		}
		return b.Since.Compare(a.Since)
	})
	return out, nil
}

func (s *Service) follower(ctx context.Context, v *vault.Vault, g vault.Grant) (Follower, error) {
	f := Follower{
		Grant: g.ID, Relay: g.Holder, Visit: g.Visit, Items: len(g.Items), Chosen: g.Items, Scope: g.Scope, Since: g.Given, Until: g.Until,
		InForce: s.inForce(g), Ended: g.Ended, EndedBy: g.EndedBy,
	}
	var recipient string
	facts, err := factsOf(g)
	if err == nil {
		f.Relay, f.Called = facts.Relay, facts.Name
		if r, err := facts.Receipt.open(v.ID()); err == nil { // as it was
			f.Receipt, f.Name, f.Place, f.Contact, f.Organisation = r.ID, r.Recipient.Name, r.Recipient.Address, r.Recipient.Contact, r.Controller.Name
		}
	}
	if f.Visit {
		f.Worker = g.Holder
		recipient = f.Name
		f.Visitor, f.Name = visitorIn(recipient)
	}
	relay, err := s.cfg.Directory.Relay(ctx, f.Relay)
	switch {
	case errors.Is(err, ErrNotNamed):
		f.Gone = true
		return f, nil
	case err != nil && f.Name != "": // what is known is better than nothing
		return f, nil
	case err != nil:
		return f, err
	}
	if before, of := strings.CutSuffix(recipient, ", "+relay.Name); of {
		f.Visitor = before
	} else if recipient == relay.Name {
		f.Visitor = ""
	}
	f.Name, f.Place, f.Contact, f.Gone = relay.Name, relay.Place, relay.Contact, relay.Withdrawn != ""
	if o, err := s.cfg.Directory.Organisation(ctx, relay.Organisation); err == nil {
		f.Organisation = o.Name
	}
	return f, nil
}

// visitorIn parts what the receipt of a visit calls its recipient: the worker's name, where
// their code said one, and their relay's. The directory knows better where a relay has a
// comma in its name.
func visitorIn(recipient string) (visitor, relay string) {
	at := strings.LastIndex(recipient, ", ")
	if at < 0 {
		return "", recipient
	}
	return recipient[:at], recipient[at+len(", "):]
}

// Happening is one line of what happened in a vault: plain facts, for pages in any
// language.
type Happening struct {
	vault.Entry
	Why   Purpose // where a worker acted
	About string  // of what was allowed or ended: the relay's name; of what is about a partner, its name
	// Signing: it is about a key of the relay for attestations, which has no name.
	Signing bool
	Grant   *Follower // of what was allowed or ended: as it stands now; nil: nothing, or nothing is known of it
}

// WhatHappened returns the journal, the newest first, with the purposes read and the
// relays named. Errors: those of vault.Journal.
func (s *Service) WhatHappened(ctx context.Context, v *vault.Vault, opts *vault.JournalOptions) ([]Happening, error) {
	entries, err := v.Journal(ctx, opts)
	if err != nil {
		return nil, err
	}
	all, err := v.Grants(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) {
		return nil, err
	}
	followers, err := s.followers(ctx, v, all)
	if err != nil {
		return nil, err
	}
	names, given := map[string]string{}, map[string]*Follower{}
	for i, f := range followers {
		names[f.Grant.String()], given[f.Grant.String()] = f.Name, &followers[i]
	}
	for _, p := range s.presentations(v, all) {
		names[p.Grant.String()] = p.Name
	}
	partners := map[string]string{} // asked only where a line is about one
	out := make([]Happening, 0, len(entries))
	for _, e := range entries {
		h := Happening{Entry: e}
		if e.Act == vault.ActGranted || e.Act == vault.ActGrantEnded { // what was left names its grant, too, and is about no relay
			h.About, h.Grant = names[e.Detail["grant"]], given[e.Detail["grant"]]
		}
		if strings.HasPrefix(string(e.Act), "partner.") && e.Detail["holder"] != "" {
			h.About = s.partnerName(ctx, partners, e.Detail["holder"])
		}
		if e.Actor.Kind == vault.ActorWorker {
			h.Why = ParsePurpose(e.Purpose)
		}
		out = append(out, h)
	}
	return out, nil
}

// partnerName is what the directory calls a partner now; "" if it names none.
func (s *Service) partnerName(ctx context.Context, known map[string]string, id string) string {
	name, ok := known[id]
	if parsed, err := vault.ParseID(id); !ok && err == nil {
		p, _ := s.cfg.Directory.Partner(ctx, parsed) // without a name the line still says what happened
		name, known[id] = p.Name, p.Name
	}
	return name
}
