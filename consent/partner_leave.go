package consent

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// A partner leaves papers and messages with a person whose file it has linked, and who lets
// it. It does so by a link of their vault to leave something (vault.Vaults.LeaveByLinkOf), of
// which there is one for each partner, however many files it has linked; so the inbox, its
// share of the space, and how much may come in a day are those of anybody who has a link.
// Its code lies where the partner's own links lead, and is told to nobody:
//
//	leave   CBOR of leaveSlip   under the token of each link of the partner
//
// A store that brings an old one back has the code of a link that is over.
type leaveSlip struct {
	Partner [16]byte `cbor:"1,keyasint"`
	Link    [16]byte `cbor:"2,keyasint"` // of the vault
	Code    string   `cbor:"3,keyasint"`
	At      int64    `cbor:"4,keyasint"`
}

const (
	slipLeave = "leave"
	// leaveChannel is by which way something came, in its origin.
	leaveChannel = "partner"
)

// Leaving is a partner that may leave something.
type Leaving struct {
	Partner PartnerID
	Name    string       // of the partner, as the directory has it now; "" if it is none any more
	Link    vault.LinkID // by which it does, as vault.Actor.ID of what it left
	At      time.Time    // since when
}

// LetLeave lets a partner leave papers and messages in the inbox of the person who has v
// open, as anybody whom they gave a link of vault.LinkDeposit: it is one of those, with the
// partner's name, and counts among vault.MaxLinks. The person ends it with StopLeaving,
// EndPartnerLinks, BlockPartner, or where they see their links; and closes the inbox to all
// (vault.Vault.CloseInbox). A partner that may already stays so.
//
// Errors: vault.ErrNotFound without a link to a file of the partner (AgreeLink), or while it
// is blocked; vault.ErrEnded if the partner may not leave anything (any more); ErrNotNamed;
// vault.ErrTooMany; vault.ErrNotAllowed to anybody but the person; vault.ErrWitnessAway
// (nothing was changed), vault.ErrUnconfirmed (it is done).
func (s *Service) LetLeave(ctx context.Context, v *vault.Vault, id PartnerID) error {
	p, err := s.cfg.Directory.Partner(ctx, id)
	if err != nil {
		return err
	}
	if !p.may(PartnerDeposit, s.today()) {
		return vault.ErrEnded
	}
	now, err := s.LeavingPartners(ctx, v)
	if err != nil || slices.ContainsFunc(now, func(l Leaving) bool { return l.Partner == id }) {
		return err
	}
	b, err := s.book(ctx, v, "")
	if err != nil {
		return err
	}
	if !b.mayLet(id) { // looked at again in the commit; a link of the vault is not made for nothing
		return vault.ErrNotFound
	}
	var links []keptLink
	err = v.ChangePartnerLinks(ctx, vault.PartnerChange{
		Act: vault.ActPartnerLets, Detail: partnerDetail(id), Makes: true,
		Change: s.changedBook(func(b *partnerBook) error {
			if links = ofPartner(b.Links, id); !b.mayLet(id) {
				return vault.ErrNotFound
			}
			return nil
		}),
		Also: func(tx *storage.Tx, of *vault.PartnerLinks) error { return s.let(ctx, tx, of, &p, links) },
	})
	if errors.Is(err, errLeaves) {
		return nil
	}
	return err
}

// errLeaves: a partner may leave something already.
var errLeaves = errors.New("consent: the partner may leave something")

// let makes a link of the vault, and has the partner find its code by each of its own.
func (s *Service) let(ctx context.Context, tx *storage.Tx, of *vault.PartnerLinks, p *Partner, links []keptLink) error {
	if err := s.standingPartner(ctx, tx, p.ID, PartnerDeposit); err != nil {
		return err
	}
	now, err := of.Of(p.ID)
	if err != nil {
		return err
	}
	all := true
	for _, l := range links {
		var slip leaveSlip
		if err := s.slipInto(tx, slipLeave, l.Token, &slip); err != nil {
			return err
		}
		all = all && slip.Code != "" && slip.Link == now
	}
	if all { // on another device, at the same moment
		return errLeaves
	}
	made, err := of.Make(p.ID, label(p.Name))
	if err != nil {
		return err
	}
	slip := leaveSlip{Partner: p.ID, Link: made.ID, Code: made.Code, At: s.now().UnixMilli()}
	for _, l := range links {
		if err := s.putSlip(tx, slipLeave, l.Token, time.Time{}, slip); err != nil {
			return err
		}
	}
	return nil
}

// label is as much of a name as the label of a link has room for.
func label(name string) string {
	r := []rune(name)
	return string(r[:min(len(r), vault.MaxLinkLabel)])
}

func (b *partnerBook) mayLet(id PartnerID) bool {
	return !slices.Contains(b.Blocked, [16]byte(id)) && len(ofPartner(b.Links, id)) > 0
}

func ofPartner(links []keptLink, id PartnerID) (out []keptLink) {
	for _, l := range links {
		if l.Partner == id {
			out = append(out, l)
		}
	}
	return out
}

// leaveByToo has a partner leave something by one more link as by the others.
func (s *Service) leaveByToo(tx *storage.Tx, others []keptLink, more keptLink) error {
	for _, l := range ofPartner(others, more.Partner) {
		var slip leaveSlip
		if err := s.slipInto(tx, slipLeave, l.Token, &slip); err != nil {
			return err
		}
		if slip.Partner == more.Partner {
			return s.putSlip(tx, slipLeave, more.Token, time.Time{}, slip)
		}
	}
	return nil
}

// StopLeaving ends that a partner may leave something. It is not told: what it sends is not
// taken. What it left stays. One that may not is done. vault.ErrUnconfirmed if the witness
// will be told later: it is done.
func (s *Service) StopLeaving(ctx context.Context, v *vault.Vault, id PartnerID) error {
	return s.endPartner(ctx, v, id, vault.ActPartnerStopped, nil, nil)
}

// endPartner ends that a partner may leave something, and what else change and also, either of
// which may be nil, end of it: in one commit with the link, so that a server that dies here
// has ended all of it, or nothing (N80). also is given the links of before to this partner.
func (s *Service) endPartner(ctx context.Context, v *vault.Vault, id PartnerID, act vault.Act, change func(*partnerBook) error, also func(*storage.Tx, []keptLink) error) error {
	var links []keptLink
	return v.ChangePartnerLinks(ctx, vault.PartnerChange{
		Act: act, Detail: partnerDetail(id),
		Change: s.changedBook(func(b *partnerBook) error {
			links = ofPartner(b.Links, id)
			if change == nil {
				return nil
			}
			return change(b)
		}),
		Also: func(tx *storage.Tx, of *vault.PartnerLinks) error {
			var before []vault.LinkID
			for _, l := range links {
				var slip leaveSlip
				if err := s.slipInto(tx, slipLeave, l.Token, &slip); err != nil {
					return err
				}
				if slip.Code != "" {
					before = append(before, slip.Link)
				}
				s.cfg.Vaults.DropSlip(tx, slipLeave, l.Token)
			}
			// With the link it ends also for a store that hides the code, or brings it back.
			if err := of.End(id, before...); err != nil || also == nil {
				return err
			}
			return also(tx, links)
		},
	})
}

// LeavingPartners returns which partners may leave something. It is a line in the journal if
// there are any, as one that looks at the links of the vault: what the person ended there is
// left out. vault.ErrNotAllowed to anybody but the person.
func (s *Service) LeavingPartners(ctx context.Context, v *vault.Vault) (out []Leaving, err error) {
	b, err := s.book(ctx, v, "")
	if err != nil {
		return nil, err
	}
	for _, l := range b.Links {
		raw, err := s.cfg.Vaults.Slip(ctx, slipLeave, l.Token)
		var slip leaveSlip
		if errors.Is(err, vault.ErrNotFound) || err == nil && (seal.Unmarshal(raw, &slip) != nil || slip.Partner != l.Partner) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o Leaving) bool { return o.Link == slip.Link }) {
			continue
		}
		p, err := s.cfg.Directory.Partner(ctx, l.Partner)
		if err != nil && !errors.Is(err, ErrNotNamed) {
			return nil, err
		}
		out = append(out, Leaving{Partner: l.Partner, Name: p.Name, Link: slip.Link, At: fromUnixMilli(slip.At)})
	}
	if len(out) == 0 {
		return nil, nil
	}
	links, _, err := v.Links(ctx)
	return slices.DeleteFunc(out, func(o Leaving) bool {
		return !slices.ContainsFunc(links, func(k vault.Link) bool { return k.ID == o.Link && k.EndedBy == "" })
	}), err
}

// LeaveDocument leaves a paper with a person, by a link that [Office.Link] returned: a
// picture, a sound, PDF or plain text of at most vault.MaxLeft bytes, whose first bytes say
// what it is. It is sealed as it comes, and takes of the share of the space that the person
// has for what others leave. No error says that it was taken, durably, and nothing else; sent
// again it is left again.
//
// Errors: vault.InvalidError for what is wrong with the paper; vault.ErrNotTaken for
// everything that is the person's to know, also where there is no such link (N77): nothing is
// kept; vault.ErrEnded, vault.ErrNotAllowed if the partner may not leave anything (any more);
// vault.ErrWitnessAway, vault.ErrStorage, to be tried again; the reader's own.
func (o *Office) LeaveDocument(ctx context.Context, link string, n vault.NewDocument, r io.Reader) error {
	return o.leaveWith(ctx, link, func(code string, standing vault.Standing) error {
		n.Channel = leaveChannel
		return o.service.cfg.Vaults.LeaveByLinkOf(ctx, code, standing, n, r)
	})
}

// LeaveNote leaves a message, as LeaveDocument leaves a paper. name is its title.
func (o *Office) LeaveNote(ctx context.Context, link, name string, n vault.Note) error {
	return o.leaveWith(ctx, link, func(code string, standing vault.Standing) error {
		return o.service.cfg.Vaults.LeaveNoteByLinkOf(ctx, code, standing, name, n, leaveChannel)
	})
}

func (o *Office) leaveWith(ctx context.Context, link string, leave func(code string, standing vault.Standing) error) error {
	if err := o.mayLeave(ctx); err != nil {
		return err
	}
	raw, err := o.service.cfg.Vaults.Slip(ctx, slipLeave, link)
	var l leaveSlip
	if errors.Is(err, vault.ErrNotFound) || err == nil && (seal.Unmarshal(raw, &l) != nil || l.Partner != o.partner.ID) {
		return vault.ErrNotTaken
	}
	if err != nil {
		return err
	}
	err = leave(l.Code, func(ctx context.Context, tx *storage.Tx, _ time.Time) error {
		return o.standsToLeave(ctx, tx, link, raw)
	})
	if errors.Is(err, vault.ErrNotTaken) { // what ended for the partner itself is its own to know
		if own := o.mayLeave(ctx); own != nil {
			return own
		}
	}
	return err
}

func (o *Office) mayLeave(ctx context.Context) error {
	p, err := o.service.cfg.Directory.Partner(ctx, o.partner.ID)
	switch {
	case err != nil:
		return err
	case !slices.Contains(p.Scopes, PartnerDeposit):
		return vault.ErrNotAllowed
	case !p.may(PartnerDeposit, o.service.today()):
		return vault.ErrEnded
	}
	return nil
}

// standsToLeave refuses, in the commit, who was withdrawn, or is not let any more.
func (o *Office) standsToLeave(ctx context.Context, tx *storage.Tx, link string, known []byte) error {
	s := o.service
	if err := s.standingPartner(ctx, tx, o.partner.ID, PartnerDeposit); err != nil {
		return err
	}
	now, err := s.cfg.Vaults.SlipIn(tx, slipLeave, link)
	if errors.Is(err, vault.ErrNotFound) || err == nil && !slices.Equal(now, known) {
		return vault.ErrEnded
	}
	if err != nil {
		return err
	}
	return nil
}
