package vault

import (
	"context"
	"errors"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// A partner leaves papers by a link to leave something, of which package consent keeps the
// code where the partner's program finds it. Which link it is, one Owner paper says: a store
// that hides the code from who ends it keeps no link in force, and who dies in the middle
// leaves none that is not ended with the rest (N80).
var partnerLinksPaper = [16]byte{14: 1, 15: paperPartners}

type partnerLinksBody struct {
	Links []partnerLink `cbor:"1,keyasint"`
}

type partnerLink struct {
	Partner [16]byte `cbor:"1,keyasint"`
	Link    [16]byte `cbor:"2,keyasint"`
}

// PartnerLinks makes and ends the links by which partners leave something, within the commit
// of [Vault.ChangePartnerLinks]. It is of no use afterwards.
type PartnerLinks struct {
	t       *turn
	changed bool
}

// Of returns by which link a partner leaves something, as long as that takes anything; zero
// if there is none.
func (l *PartnerLinks) Of(partner ID) (LinkID, error) {
	b, err := l.read()
	if err != nil {
		return LinkID{}, err
	}
	k, err := l.find(b, partner)
	if err != nil || k == nil {
		return LinkID{}, err
	}
	u, err := l.t.linkUses()
	if err != nil {
		return LinkID{}, err
	}
	if by, err := l.t.linkOver(k, u); err != nil || by != "" {
		return LinkID{}, err
	}
	return k.id, nil
}

// Make makes a link by which a partner leaves something, as [Vault.MakeLink] does, with its
// code. The one of before ends. Errors: InvalidError, ErrTooMany beyond [MaxLinks].
func (l *PartnerLinks) Make(partner ID, label string) (Link, error) {
	n := NewLink{Kind: LinkDeposit, Label: cleanName(label)}
	if err := errors.Join(n.check(l.t.now), l.End(partner)); err != nil {
		return Link{}, err
	}
	b, err := l.read()
	if err != nil {
		return Link{}, err
	}
	k, err := l.t.makeLink(n, newLinkCode())
	if err != nil {
		return Link{}, err
	}
	l.changed = true
	b.Links = append(b.Links, partnerLink{Partner: partner, Link: k.id})
	return l.t.publicLink(k, nil), l.t.putFixedPaper(partnerLinksPaper, paperPartners, b)
}

// End ends the link of a partner as [Vault.EndLink] does, and others by which it leaves
// something: made before the paper of these links was kept. One that is over, or that there
// never was, is done.
func (l *PartnerLinks) End(partner ID, others ...LinkID) error {
	b, err := l.read()
	if err != nil {
		return err
	}
	k, err := l.find(b, partner)
	if err != nil {
		return err
	}
	if k != nil {
		others = append(others, k.id)
	}
	if err := l.end(others); err != nil {
		return err
	}
	had := len(b.Links)
	b.Links = slices.DeleteFunc(b.Links, func(p partnerLink) bool { return p.Partner == partner })
	if len(b.Links) == had {
		return nil
	}
	return l.t.putFixedPaper(partnerLinksPaper, paperPartners, b)
}

func (l *PartnerLinks) end(links []LinkID) error {
	if len(links) == 0 {
		return nil
	}
	if err := l.t.readLinks(); err != nil {
		return err
	}
	for _, k := range l.t.links {
		if k.Ended != 0 || !slices.Contains(links, k.id) {
			continue
		}
		l.changed = true
		if err := l.t.endLink(k, EndedByPerson); err != nil {
			return err
		}
	}
	return nil
}

func (l *PartnerLinks) read() (b partnerLinksBody, err error) {
	p, found, err := l.t.fixedPaper(partnerLinksPaper, paperPartners)
	if err != nil || !found {
		return b, err
	}
	if seal.Unmarshal(p.Body, &b) != nil {
		return b, tampered("owner paper")
	}
	return b, nil
}

// find returns nil if the person has no link of the partner (any more).
func (l *PartnerLinks) find(b partnerLinksBody, partner ID) (*keptLink, error) {
	i := slices.IndexFunc(b.Links, func(p partnerLink) bool { return p.Partner == partner })
	if i < 0 {
		return nil, nil
	}
	if err := l.t.readLinks(); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(l.t.links, func(k *keptLink) bool { return k.id == LinkID(b.Links[i].Link) })
	if at < 0 {
		return nil, nil
	}
	return l.t.links[at], nil
}

// PartnerChange is a change of what package consent keeps of partners.
type PartnerChange struct {
	Act    Act // the line in the journal
	Detail map[string]string
	Makes  bool // Also may make a link: the witness is asked first, as by MakeLink
	Change func(book []byte) ([]byte, error)
	// Also adds to the commit, after Change. Both may run several times.
	Also func(tx *storage.Tx, links *PartnerLinks) error
}

// ChangePartnerLinks is [Vault.ChangePartnerBook] that also makes and ends links, in the same
// commit: when it returns all of it is durable, or nothing. Where a link was made or ended,
// the witness is told: ErrUnconfirmed if it will be told later; it is done. Other errors:
// ErrWitnessAway where a link may be made (nothing was changed), ErrNotAllowed to anybody
// but the person, and those of c.
func (v *Vault) ChangePartnerLinks(ctx context.Context, c PartnerChange) error {
	if c.Makes {
		if err := v.do(ctx, (*turn).asPerson); err != nil {
			return err
		}
		if _, err := v.service.ask(ctx, v.id); err != nil {
			return err
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	var heads []Checkpoint
	var owner signedOwner
	err := v.doLocked(ctx, func(t *turn) error {
		heads = nil
		links := &PartnerLinks{t: t}
		err := t.changePartnerBook(c.Act, c.Detail, c.Change, func(tx *storage.Tx) error { return c.Also(tx, links) })
		if err != nil || !links.changed {
			return err
		}
		t.ownerDirty = true
		t.after = func() { heads, owner = t.heads.checkpoints(), t.report }
		return nil
	})
	if err != nil || heads == nil {
		return err
	}
	return v.told(ctx, heads, owner)
}
