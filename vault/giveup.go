package vault

import "context"

// GiveUp ends the grant by which this handle was opened: a relay does not follow
// somebody any more. Its record goes and a line in the person's journal says who
// gave it up, signed by them, in one commit. The owner head forgets the terms, and
// Shared gets new keys, at the person's next sign-in: until then the missing record
// refuses everybody at this service. The handle is closed.
//
// Errors: ErrNotAllowed for who was not let in by a grant, ErrEnded if it is over.
func (v *Vault) GiveUp(ctx context.Context) error {
	err := v.do(ctx, func(t *turn) error {
		g := v.guest
		if g == nil || g.terms.Scope == ScopeTeam {
			return ErrNotAllowed
		}
		t.tx.Delete(v.id.grant(g.grant))
		t.note(ActGrantEnded, nil, map[string]string{"grant": g.grant.String(), "holder": ID(g.terms.Holder).String(), "by": string(EndedByHolder)})
		return nil
	})
	if err == nil {
		v.Close()
	}
	return err
}
