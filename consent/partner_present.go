package consent

import (
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// NewPresentation is what a person answers a request with.
type NewPresentation struct {
	Ask     [16]byte       // of [Service.Asked]
	Items   []vault.ItemID // these and nothing else, as they are now; what is private is refused
	Until   time.Time      // when it cannot be fetched any more; at most what was asked for, and at most MaxPresented
	Notice  vault.Notice   // that was read; kept with it
	Agreed  bool           // must be true
	Channel string
}

// Present answers a request with chosen papers: a copy of each as it is now, sealed to the
// partner's key, which it fetches until the time is over or the person takes it back
// ([Service.Withdraw] with the grant of [Service.Presentations]). They show their secret
// again, so that a stolen session presents nothing. One commit holds the copy, what was
// read and agreed, and what the partner finds. What was fetched, the partner has: say so.
//
// Errors: vault.ErrNotFound if there is no such request (any more) or item, vault.ErrInvalid
// with each problem, also for what is private, vault.ErrEnded, vault.ErrUntrustedKey if the
// partner's keys do not follow those of before, vault.ErrSignIn, vault.ErrTooMany,
// vault.ErrWitnessAway (nothing was changed), vault.ErrUnconfirmed (it is in force).
func (s *Service) Present(ctx context.Context, v *vault.Vault, n NewPresentation, secret vault.Secret) (Receipt, error) {
	a, err := s.ask(ctx, v, n.Ask)
	if err != nil {
		return Receipt{}, err
	}
	if a.Link {
		return Receipt{}, vault.ErrNotFound
	}
	problems := []error{checkNotice(n.Notice, n.Agreed)}
	if len(n.Items) == 0 {
		problems = append(problems, invalid("items", "are missing"))
	}
	if now := s.now(); !n.Until.After(now) || n.Until.After(a.Lasts) || n.Until.After(now.Add(MaxPresented)) {
		problems = append(problems, invalid("until", "is not between now and what was asked for"))
	}
	if err := errors.Join(problems...); err != nil {
		return Receipt{}, err
	}
	r, err := s.presentationReceipt(ctx, v, a, n)
	if err != nil {
		return Receipt{}, err
	}
	names, err := presentedNames(ctx, v, n.Items)
	if err != nil {
		return Receipt{}, err
	}
	g := vault.NewGrant{Holder: a.Partner, Scope: vault.ScopePartner, Until: n.Until, Items: n.Items}
	count := s.count(RelayID{}, CountedPresented)
	g.Also = func(tx *storage.Tx, given vault.Grant) error {
		if err := s.standingPartner(ctx, tx, a.Partner, PartnerAsk); err != nil {
			return err
		}
		if err := count(tx); err != nil {
			return err
		}
		return s.putAnswer(tx, a.token, given, names, r.Signatures.VaultKey, r.kept())
	}
	facts := followFacts{Name: vault.ID(a.ID).String(), Notice: n.Notice, Receipt: r.kept(), Relay: a.Partner}
	return r, give(ctx, v, g, facts, r.digest(), secret)
}

func (s *Service) putAnswer(tx *storage.Tx, token string, g vault.Grant, names map[vault.ItemID]string, key []byte, receipt keptReceipt) error {
	digest := seal.Digest(g.Terms)
	slip := answerSlip{Grant: g.ID, Digest: digest[:], Until: g.Until.UnixMilli(), Key: key, Receipt: receipt}
	for i, id := range g.Items {
		slip.Papers = append(slip.Papers, paperSlip{Item: id, Name: names[id], Blobs: g.Parts[i]})
	}
	body, err := seal.Marshal(slip)
	if err != nil {
		return err
	}
	return s.cfg.Vaults.PutSlip(tx, slipAnswer, token, g.Until, body)
}

// presentedNames are the names of items, for the lines of the journal when they are fetched.
func presentedNames(ctx context.Context, v *vault.Vault, ids []vault.ItemID) (map[vault.ItemID]string, error) {
	all, err := v.List(ctx, nil)
	if err != nil {
		return nil, err
	}
	out := map[vault.ItemID]string{}
	for _, it := range all {
		if slices.Contains(ids, it.ID) {
			out[it.ID] = it.Name
		}
	}
	return out, nil
}

func (s *Service) presentationReceipt(ctx context.Context, v *vault.Vault, a *Asked, n NewPresentation) (Receipt, error) {
	p, err := s.cfg.Directory.Partner(ctx, a.Partner)
	if err != nil {
		return Receipt{}, err
	}
	o, err := s.cfg.Directory.Organisation(ctx, p.Organisation)
	if err != nil {
		return Receipt{}, err
	}
	as := Relay{ID: p.ID, Name: p.Name, Contact: p.Contact, Country: o.Country}
	r := newReceipt(n.Notice, as, o, vault.ScopePartner, n.Until, n.Channel, s.now())
	r.Recipient.Role, r.Processing.Data = "partner", []string{"chosen-items"}
	r.Processing.Purposes = []string{a.Purpose.String()}
	return r, s.sign(ctx, v, &r)
}

// Presentation is what was presented to a partner, also when it is over.
type Presentation struct {
	Grant        vault.GrantID
	Partner      PartnerID
	Name         string // of the partner, as it was
	Organisation string
	Purpose      Purpose
	Items        []vault.ItemID
	Since, Until time.Time
	InForce      bool
	Ended        time.Time
	EndedBy      vault.EndedBy
	Receipt      string // its id
}

// Presentations returns what was presented to partners, as far as it is kept: what can be
// fetched now first, then the latest. What was fetched, the journal says
// (vault.ActPartnerTook). If the store hides something, the rest comes with vault.ErrTampered.
func (s *Service) Presentations(ctx context.Context, v *vault.Vault) ([]Presentation, error) {
	all, hidden := v.Grants(ctx)
	if hidden != nil && !errors.Is(hidden, vault.ErrTampered) {
		return nil, hidden
	}
	return s.presentations(v, all), hidden
}

func (s *Service) presentations(v *vault.Vault, all []vault.Grant) []Presentation {
	var out []Presentation
	for _, g := range all {
		if g.Scope != vault.ScopePartner {
			continue
		}
		p := Presentation{Grant: g.ID, Partner: g.Holder, Items: g.Items, Since: g.Given, Until: g.Until, InForce: s.inForce(g), Ended: g.Ended, EndedBy: g.EndedBy}
		if facts, err := factsOf(g); err == nil {
			if r, err := facts.Receipt.open(v.ID()); err == nil {
				p.Name, p.Organisation, p.Receipt, p.Purpose = r.Recipient.Name, r.Controller.Name, r.ID, ParsePurpose(r.Processing.Purposes[0])
			}
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b Presentation) int {
		if a.InForce != b.InForce {
			if a.InForce {
				return -1
			}
			return 1
		}
		return b.Since.Compare(a.Since)
	})
	return out
}
