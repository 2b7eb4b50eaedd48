package consent

import (
	"context"
	"errors"

	"reconnect.example/vault"
)

// DeskHelp is what a person says yes to when they let a desk help them back in.
type DeskHelp struct {
	Desk    RelayID      // a relay of TypeDesk
	Notice  vault.Notice // that was read; its text, at most 9,000 bytes, is kept with the grant
	Agreed  bool         // must be true
	Channel string       // where the yes was given, as in Follow
}

// errFollowsNobody keeps who answers the phone for everybody from seeing what anybody
// shares, and from holding a relay's half of a way back in beside the desk's own.
var errFollowsNobody = invalid("relay", "is a desk: it can help back in, and follows nobody")

func (d *DeskHelp) check() error {
	problems := []error{checkNotice(d.Notice, d.Agreed)}
	if d.Desk.IsZero() {
		problems = append(problems, invalid("desk", "is missing"))
	}
	if len(d.Channel) > vault.MaxText {
		problems = append(problems, invalid("channel", "is too long"))
	}
	return errors.Join(problems...)
}

// AllowDesk lets a desk help the person who has v open back in, by phone, and see
// nothing. They show their secret again. One commit holds the grant and what was read
// and agreed. The desk is told nothing: it learns no name, keeps no list, and finds the
// person only by the login that they read out themselves. What it helps with are the ways
// back in that take a desk: package recovery makes them; the desk has its halves of those
// that there are. When it returns, all of it is durable, at the witness too. It is
// ended as anything else that the person allowed, by [Service.Withdraw]: the desk's
// halves are then worthless.
//
// Errors: those of [Service.Follow]; vault.ErrInvalid for a relay that is no desk, and
// while another desk may help: withdraw that first, as two could be of one organisation
// with a relay that follows (F13).
func (s *Service) AllowDesk(ctx context.Context, v *vault.Vault, d DeskHelp, secret vault.Secret) (Receipt, error) {
	if err := d.check(); err != nil {
		return Receipt{}, err
	}
	desk, organisation, err := s.relayInForce(ctx, d.Desk)
	if err != nil {
		return Receipt{}, err
	}
	if desk.Type != TypeDesk {
		return Receipt{}, invalid("desk", "is no desk: a relay helps whom it follows")
	}
	if err := s.noOtherDesk(ctx, v, d.Desk); err != nil {
		return Receipt{}, err
	}
	n := vault.NewGrant{Holder: d.Desk, Scope: vault.ScopeHelp}
	r := newReceipt(d.Notice, desk, organisation, n.Scope, n.Until, d.Channel, s.now())
	r.Recipient.Role, r.Processing.Purposes, r.Processing.Data = "desk", []string{"recovery"}, []string{"recovery-half"}
	if err := s.sign(ctx, v, &r); err != nil {
		return Receipt{}, err
	}
	return r, give(ctx, v, n, followFacts{Notice: d.Notice, Receipt: r.kept(), Relay: d.Desk}, r.digest(), secret)
}

func (s *Service) noOtherDesk(ctx context.Context, v *vault.Vault, desk RelayID) error {
	all, err := v.Grants(ctx)
	if err != nil {
		return err
	}
	for _, g := range all {
		switch {
		case g.Scope != vault.ScopeHelp || !s.inForce(g):
		case g.Holder == desk:
			return ErrFollowed
		default:
			return invalid("desk", "is a second one: another desk may help already, withdraw it first")
		}
	}
	return nil
}
