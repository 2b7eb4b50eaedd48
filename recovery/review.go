package recovery

import (
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// Review is how it stands with the ways back in, and what would happen.
type Review struct {
	Paths   []PathReview
	Offered []vault.PathKind  // that could be enrolled here, now
	Desks   []consent.RelayID // that help by call, the one that may already first
	Lost    bool              // the store altered what is kept of one: make it anew
}

// PathReview is one way back in.
type PathReview struct {
	vault.Path
	Questions []string        // by answers: what is asked
	Pictures  bool            // answers are a sequence of pictures
	Helpers   []consent.Relay // who holds a half
}

// Review says which ways back in there are and who helps, for "what would happen if I
// lost my card?". It is a line in the journal.
func (s *Service) Review(ctx context.Context, v *vault.Vault) (r Review, err error) {
	now, err := s.standing(ctx, v)
	if err != nil {
		return Review{}, err
	}
	r.Lost = now.lost
	for _, p := range now.paths {
		one := PathReview{Path: p}
		show, err := readShown(p.Shown)
		if err != nil {
			return Review{}, err
		}
		one.Questions, one.Pictures = show.Questions, show.Pictures > 0
		for _, id := range p.Helpers {
			relay, err := s.cfg.Directory.Relay(ctx, id)
			if err != nil {
				return Review{}, err
			}
			one.Helpers = append(one.Helpers, relay)
		}
		r.Paths = append(r.Paths, one)
	}
	if r.Desks, err = s.desks(ctx, &now); err != nil {
		return Review{}, err
	}
	for _, kind := range vault.PathKinds() {
		if s.can(kind, now) == nil {
			r.Offered = append(r.Offered, kind)
		}
	}
	return r, nil
}

// desks are those that help by call. Where none may yet, now gets one that could be let, in
// so far as it would make a path possible.
func (s *Service) desks(ctx context.Context, now *standing) (ids []consent.RelayID, err error) {
	if now.desk != nil {
		return []consent.RelayID{now.desk.ID}, nil
	}
	all, err := s.cfg.Directory.Relays(ctx)
	if err != nil {
		return nil, err
	}
	for _, relay := range all {
		if relay.Type != consent.TypeDesk || relay.Withdrawn != "" {
			continue
		}
		ids = append(ids, relay.ID)
		with := standing{relays: now.relays, desk: &relay}
		if now.desk == nil || s.can(vault.PathHelpers, *now) != nil && s.can(vault.PathHelpers, with) == nil {
			now.desk = &relay
		}
	}
	return ids, nil
}

// standing is how it stands with somebody now.
type standing struct {
	paths  []vault.Path
	lost   bool            // the store altered a path
	relays []consent.Relay // that follow
	desk   *consent.Relay  // that may help by call, or is about to be let
}

func (s *Service) standing(ctx context.Context, v *vault.Vault) (now standing, err error) {
	now.paths, err = v.Paths(ctx)
	if now.lost = errors.Is(err, vault.ErrTampered); err != nil && !now.lost {
		return standing{}, err
	}
	given, err := v.Grants(ctx)
	if err != nil {
		return standing{}, err
	}
	at := s.cfg.Now()
	for _, g := range given {
		if !g.Ended.IsZero() || g.Visit || g.Scope == vault.ScopePartner || !g.Until.IsZero() && !at.Before(g.Until) {
			continue
		}
		relay, err := s.cfg.Directory.Relay(ctx, g.Holder)
		switch {
		case err != nil:
			return standing{}, err
		case g.Scope == vault.ScopeHelp:
			now.desk = &relay
		default:
			now.relays = append(now.relays, relay)
		}
	}
	return now, nil
}

// can says what keeps a path of a kind from being made.
func (s *Service) can(kind vault.PathKind, now standing) error {
	switch {
	case s.cfg.Offer != nil && !slices.Contains(s.cfg.Offer, kind):
		return ErrNotOffered
	case kind == vault.PathAnswersDesk && !s.cfg.Independent:
		return ErrNotIndependent
	case kind.Desk() && now.desk == nil, kind.Relay() && len(now.relays) == 0:
		return vault.ErrNoHelper
	case len(now.helpers(kind)) == 0 || kind == vault.PathHelpers && len(now.helpers(kind)) == 1:
		return vault.ErrOneOrganisation // F13
	}
	return nil
}

// helpers hold a half of a path of a kind: with nothing of the person's, a relay of the
// desk's organisation does not.
func (now standing) helpers(kind vault.PathKind) (all []consent.Relay) {
	for _, r := range now.relays {
		if kind.Relay() && (kind != vault.PathHelpers || now.desk == nil || r.Organisation != now.desk.Organisation) {
			all = append(all, r)
		}
	}
	if kind.Desk() && now.desk != nil {
		all = append(all, *now.desk)
	}
	return all
}

// replaced are the paths for which what the person brings is new, and which are not made
// anew with it: what was brought before must open nothing (F8).
func (now standing) replaced(e Enrolment, kinds []vault.PathKind) (gone []vault.PathKind) {
	for _, p := range now.paths {
		sheet := p.Kind == vault.PathSheetRelay || p.Kind == vault.PathSheetDesk
		answers := p.Kind == vault.PathAnswersRelay || p.Kind == vault.PathAnswersDesk
		if (sheet && e.Sheet != nil || answers && e.Answers != nil) && !slices.Contains(kinds, p.Kind) {
			gone = append(gone, p.Kind)
		}
	}
	return gone
}

// path is how a path stands that was made just now.
func (now standing) path(n vault.NewPath, at time.Time) vault.Path {
	p := vault.Path{Kind: n.Kind, ID: n.ID, State: vault.PathIssued, Since: at, Private: n.Private, Waits: n.Waits, Shown: n.Shown}
	organisations := map[consent.OrganisationID]bool{}
	for _, r := range now.helpers(n.Kind) {
		p.Helpers, organisations[r.Organisation] = append(p.Helpers, r.ID), true
	}
	p.Organised = len(organisations)
	return p
}
