package recovery

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// draft is a request that is about to be opened.
type draft struct {
	id      RequestID
	vault   vault.ID
	kind    vault.PathKind
	facts   vault.PathFacts
	side    string
	number  string
	code    string
	record  *record
	opening *opening
	ask     []asked
}

// asked is somebody with a queue.
type asked struct {
	relay consent.RelayID
	inbox seal.BoxPublic
	note  vault.ItemID
	later time.Duration // is swept so much later: in the same hour it would tell of what it is (N20)
}

func newAsked(relay consent.RelayID, inbox seal.BoxPublic) asked {
	note := vault.ItemID(random16())
	return asked{relay: relay, inbox: inbox, note: note, later: time.Duration(1+note[0]%24) * time.Hour}
}

// tell leaves a note, in the commit that it is about.
func (a asked) tell(tx *storage.Tx, n noteBody, until time.Time) error {
	if err := consent.StillInbox(tx, a.relay, a.inbox); err != nil {
		return err
	}
	body, err := seal.Marshal(n)
	if err != nil {
		return err
	}
	record, err := a.inbox.Seal(consent.QueueBox(a.relay, a.note), nil, body)
	if err == nil {
		putPassing(tx, noteKey(a.relay, a.note), record, until.Add(a.later))
	}
	return err
}

func (s *Service) draft(ctx context.Context, p *consent.Post, v *vault.Vault, n NewRequest) (*draft, error) {
	facts, err := s.facts(ctx, n.Vault, n.Path)
	if err != nil {
		return nil, err
	}
	if !opens(facts.Kind, sideOf(v)) {
		return nil, invalid("path", "takes a relay to open it: the desk has a part of the code")
	}
	own, err := readParams(facts.Kind, facts.Params)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	d := &draft{id: RequestID(random16()), vault: n.Vault, kind: facts.Kind, facts: facts, side: sideOf(v), number: drawDigits(), code: drawDigits()}
	until := now.Add(own.longest() + s.cfg.RequestsLast)
	d.record = &record{Path: n.Path, State: recordOpen, Opened: now.UnixMilli(), Until: until.UnixMilli()}
	if err := s.sealCode(ctx, d); err != nil {
		return nil, err
	}
	digest := sha256.Sum256(d.record.Public)
	said, err := p.Approval(n.Vault, &seal.Approval{Request: d.id, Path: n.Path, Policy: facts.Policy, Act: seal.ApprovalOpens, Key: digest[:], Until: d.record.Until, At: now.UnixMilli()})
	if err != nil {
		return nil, err
	}
	plain, err := seal.Marshal(openingBody{Said: said, Name: p.Name(), Kind: facts.Kind, Private: facts.Private})
	if err != nil {
		return nil, err
	}
	if d.opening, err = s.readOpening(ctx, n.Vault, d.id, d.record, plain); err != nil {
		return nil, err
	}
	half, ok := v.Half(n.Path)
	if !ok {
		return nil, ErrRequest
	}
	if d.record.Opening, err = sealOpening(n.Vault, d.id, half, d.opening.openingBody); err != nil {
		return nil, err
	}
	if d.record.Owner, err = v.ToOwner(ctx, bound(n.Vault, d.id, "owner"), plain); err != nil {
		return nil, err
	}
	return d, s.whom(ctx, p, d, n.Ask)
}

// opens says whether a side opens requests of a kind. Where nothing is the person's, the
// desk says a part of the code, so that nobody who helps has both. A desk that had number
// and code too, would need nothing but the word of honest people of a relay (F12).
func opens(kind vault.PathKind, side string) bool {
	return kind != vault.PathHelpers || side == sideRelay
}

// facts are what stands with a path. ErrRequest if it is not in force (any more).
func (s *Service) facts(ctx context.Context, id vault.ID, path vault.PathID) (vault.PathFacts, error) {
	f, err := s.cfg.Vaults.PathFacts(ctx, id, path, vault.Half{}, vault.Half{})
	if errors.Is(err, vault.ErrSignIn) {
		err = ErrRequest
	}
	return f, err
}

// whom finds the inboxes of all who are asked: one's own relay or desk, and the others.
func (s *Service) whom(ctx context.Context, p *consent.Post, d *draft, ask []consent.RelayID) error {
	desk, sides := false, map[bool]consent.OrganisationID{}
	for _, id := range append([]consent.RelayID{p.Relay().ID}, ask...) {
		if slices.ContainsFunc(d.ask, func(a asked) bool { return a.relay == id }) {
			continue
		}
		relay, err := s.cfg.Directory.Relay(ctx, id)
		if err != nil {
			return err
		}
		desk = desk || relay.Type == consent.TypeDesk
		if _, known := sides[relay.Type == consent.TypeDesk]; !known {
			sides[relay.Type == consent.TypeDesk] = relay.Organisation
		}
		keys, err := s.cfg.Register.Holder(ctx, id, nil)
		if err != nil {
			return err
		}
		d.ask = append(d.ask, newAsked(id, keys.Inbox))
	}
	if d.kind == vault.PathHelpers && desk && sides[true] == sides[false] {
		return vault.ErrOneOrganisation // F13: one of them has gone over to the other since
	}
	if d.kind == vault.PathHelpers && !desk {
		return invalid("ask", "does not name the other side: a desk and a relay help together")
	}
	return nil
}

// sideOf tells on which side a guest helps.
func sideOf(v *vault.Vault) string {
	if t := v.Terms(); t != nil && t.Scope == vault.ScopeHelp {
		return sideDesk
	}
	return sideRelay
}
