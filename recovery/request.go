package recovery

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// RequestID names a request. It is no secret.
type RequestID = vault.ItemID

// The acts of requests in the person's journal; Detail "path" is the word of its kind,
// "request" its id, "how" how the person was recognised, "why" why it was cancelled.
const (
	ActWaysSeen         vault.Act = "path.seen" // a helper looked how they can help
	ActRequestOpened    vault.Act = "request.opened"
	ActRequestGiven     vault.Act = "request.given"
	ActRequestApproved  vault.Act = "request.approved"
	ActRequestCancelled vault.Act = "request.cancelled"
)

// Way is a way back in, as a helper sees it.
type Way struct {
	Path    vault.PathID
	Kind    vault.PathKind
	Private bool
}

// Find returns whose space a login leads to, for a desk: the person reads it from their
// card or sheet. Whoever did not let this desk help them, or this relay follow, is nobody:
// vault.ErrNotFound. vault.ErrInvalid for what cannot be a login.
func (s *Service) Find(ctx context.Context, p *consent.Post, login string) (vault.ID, error) {
	id, err := s.cfg.Vaults.ByLogin(ctx, login)
	if err != nil {
		return vault.ID{}, err
	}
	v, err := p.Helping(ctx, id)
	if err != nil {
		return vault.ID{}, err
	}
	v.Close()
	return id, nil
}

// Ways returns by which ways this relay or desk can open a request for somebody. A desk
// helps with [vault.PathHelpers] when a relay has opened it: that is in its Queue.
// vault.ErrNotFound if it does not follow them. It is a line in the person's journal.
func (s *Service) Ways(ctx context.Context, p *consent.Post, id vault.ID) (out []Way, err error) {
	v, err := p.Helping(ctx, id)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	for _, path := range v.HelpsBy() {
		f, err := s.cfg.Vaults.PathFacts(ctx, id, path, vault.Half{}, vault.Half{})
		if errors.Is(err, vault.ErrSignIn) {
			continue // withdrawn, or to be made anew
		}
		if err != nil {
			return nil, err
		}
		if opens(f.Kind, sideOf(v)) {
			out = append(out, Way{Path: path, Kind: f.Kind, Private: f.Private})
		}
	}
	return out, v.Write(ctx, ActWaysSeen, nil, func(*storage.Tx) error { return nil })
}

// NewRequest is what a helper says.
type NewRequest struct {
	Vault      vault.ID
	Path       vault.PathID
	Recognised string // how the person was recognised, for their journal: at most 200 characters; required
	// Ask are others who are asked to help: the desk, where relay and desk help together;
	// a relay in another town that follows, too. They find it in their Queue.
	Ask []consent.RelayID
}

// Opened is a request that was opened. Number and code are for the person alone: on
// paper, or aloud. They are shown once.
type Opened struct {
	Request Request
	Number  string // "1234 5678"
	Code    string // "1234 5678"
}

const maxAsk = 8

func (n *NewRequest) check() error {
	var ask error
	if len(n.Ask) > maxAsk {
		ask = invalid("ask", "names more than 8")
	}
	return errors.Join(checkSaid("recognised", &n.Recognised, true), ask)
}

// maxSaid is how long it may be what a helper says, in characters.
const maxSaid = 200

func checkSaid(field string, text *string, required bool) error {
	*text = strings.TrimSpace(*text)
	switch {
	case required && *text == "":
		return invalid(field, "is missing")
	case !utf8.ValidString(*text) || utf8.RuneCountInString(*text) > maxSaid || strings.ContainsFunc(*text, unicode.IsControl):
		return invalid(field, "is longer than 200 characters, or is not plain text")
	}
	return nil
}

// Open opens a request, with this helper's half. Where nothing is to wait for, an open
// one for the same path gives way to it, and so does one that has ended at the witness.
// Errors: ErrRequest if the path is not in force,
// ErrOpen, vault.ErrOneOrganisation if relay and desk are one by now, vault.ErrTooMany if four are open already, vault.ErrRevision if somebody who is asked has new keys since a moment ago (open it again), vault.ErrNotFound,
// vault.ErrInvalid, vault.ErrWitnessAway (nothing was opened), and those of consent.
func (s *Service) Open(ctx context.Context, p *consent.Post, n NewRequest) (Opened, error) {
	if err := n.check(); err != nil {
		return Opened{}, err
	}
	v, err := p.Helping(ctx, n.Vault)
	if err != nil {
		return Opened{}, err
	}
	defer v.Close()
	d, err := s.draft(ctx, p, v, n)
	if err != nil {
		return Opened{}, err
	}
	dead, err := s.dead(ctx, n.Vault, d)
	if err != nil {
		return Opened{}, err
	}
	gone, err := s.gone(ctx, n.Vault, d)
	if err != nil {
		return Opened{}, err
	}
	maps.Copy(dead, gone)
	var overtaken []RequestID
	detail := map[string]string{"path": d.kind.String(), "request": d.id.String(), "how": n.Recognised}
	err = v.Contribute(ctx, n.Path, ActRequestOpened, detail, func(tx *storage.Tx, h vault.Half) (err error) {
		if overtaken, err = s.makeRoom(tx, d, dead); err != nil {
			return err
		}
		return s.write(tx, p, d, h)
	})
	if errors.Is(err, vault.ErrNotFound) {
		return Opened{}, ErrRequest
	}
	if err != nil {
		return Opened{}, storageError(err)
	}
	for _, old := range overtaken {
		_ = s.endAtWitness(ctx, n.Vault, old) // it expires there
	}
	if d.kind.Witness() {
		if _, err := s.cfg.Witness.Begin(ctx, n.Vault, d.opening.Said); err != nil {
			s.withdraw(ctx, v, d)
			return Opened{}, witnessError(ctx, err)
		}
	}
	s.notify(ctx, n.Vault, EventOpened)
	r, err := s.describe(ctx, n.Vault, named{d.id, d.record}, d.opening)
	return Opened{Request: r, Number: inGroups(d.number), Code: inGroups(d.code)}, err
}

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

// dead are the requests that the witness has ended, as it does when the person signs in:
// they stand in nobody's way. One that it does not know either is being opened just now, or
// whoever opened it fell over. What has ended here and not there, as an answer was lost,
// ends there: it would keep one of the vault's places until it expires.
func (s *Service) dead(ctx context.Context, id vault.ID, d *draft) (map[RequestID]bool, error) {
	if !d.kind.Witness() {
		return map[RequestID]bool{}, nil
	}
	// In this order: one that somebody else opens meanwhile is written here before the
	// witness knows it. The other way round it would look as if it had ended here.
	known, err := s.cfg.Witness.Requests(ctx, id)
	if err != nil {
		return nil, witnessError(ctx, err)
	}
	all, err := s.all(ctx, id)
	if err != nil {
		return nil, err
	}
	dead, now := map[RequestID]bool{}, s.cfg.Now()
	for _, w := range known {
		i := slices.IndexFunc(all, func(r named) bool { return r.id == w.ID })
		ended := i < 0 || !all[i].isOpen(now) && !(all[i].State == recordDone && all[i].Later)
		if ended && !w.Cancelled && now.Before(w.Until) {
			if err := s.cfg.Witness.Cancel(ctx, id, w.ID); err != nil {
				return nil, witnessError(ctx, err)
			}
		}
	}
	for _, r := range all {
		i := slices.IndexFunc(known, func(w WitnessRequest) bool { return w.ID == r.id })
		begun := time.UnixMilli(r.Opened).Add(beginsWithin)
		dead[r.id] = r.Path == d.record.Path && (i >= 0 && known[i].Cancelled || i < 0 && now.After(begun))
	}
	return dead, nil
}

// gone are the open requests about paths that are not in force any more: they help nobody,
// and must not keep anybody from asking for help.
func (s *Service) gone(ctx context.Context, id vault.ID, d *draft) (map[RequestID]bool, error) {
	all, err := s.all(ctx, id)
	if err != nil {
		return nil, err
	}
	gone := map[RequestID]bool{}
	for _, r := range all {
		if r.Path == d.record.Path || !r.isOpen(s.cfg.Now()) {
			continue
		}
		_, err := s.facts(ctx, id, r.Path)
		if err != nil && !errors.Is(err, ErrRequest) {
			return nil, err
		}
		gone[r.id] = err != nil
	}
	return gone, nil
}

// beginsWithin is how long it takes at most until the witness knows of a request.
const beginsWithin = time.Minute

// makeRoom counts the open requests of a vault, in the commit of another one. It returns
// those that give way to it.
func (s *Service) makeRoom(tx *storage.Tx, d *draft, dead map[RequestID]bool) (overtaken []RequestID, err error) {
	all, err := allIn(tx, d.vault)
	if err != nil {
		return nil, err
	}
	open, now := 0, s.cfg.Now()
	for _, r := range all {
		if !r.isOpen(now) {
			continue
		}
		if r.Path != d.record.Path && !dead[r.id] {
			open++
			continue
		}
		if r.Path == d.record.Path && !dead[r.id] && d.record.Until-d.record.Opened > s.cfg.RequestsLast.Milliseconds() {
			return nil, ErrOpen // it would begin to wait anew
		}
		if err := r.end(tx, d.vault, r.id, recordOver, now); err != nil {
			return nil, err
		}
		overtaken = append(overtaken, r.id)
	}
	if open >= maxOpen {
		return nil, vault.ErrTooMany
	}
	return overtaken, nil
}

// write puts a request with its first half, its pointer and its notes.
func (s *Service) write(tx *storage.Tx, p *consent.Post, d *draft, h vault.Half) error {
	until := time.UnixMilli(d.record.Until)
	var err error
	if d.record.Pointer, err = s.cfg.Vaults.PutPointer(tx, d.number, vault.Pointer{Vault: d.vault, Object: d.id}); err != nil {
		return err
	}
	dueOf(tx, d.record.Pointer, until)
	plain, err := seal.Marshal(d.opening.openingBody)
	if err != nil {
		return err
	}
	for _, a := range d.ask {
		if err := a.tell(tx, noteBody{Vault: d.vault, Request: d.id, Opening: plain}, until); err != nil {
			return err
		}
	}
	box, err := s.boxHalf(p, d.vault, d.id, d.record, d.side, d.facts, h)
	if err != nil {
		return err
	}
	putPassing(tx, sideKey(d.vault, d.id, d.side), box, until)
	dueOf(tx, requestKey(d.vault, d.id), until.Add(endedKept))
	if err := count(tx, p.Relay().ID, s.cfg.Now(), "opened", d.kind); err != nil {
		return err
	}
	return d.record.put(tx, requestKey(d.vault, d.id))
}

// withdraw takes a request back that the witness did not take. What stays after a crash
// here expires, and helps nobody.
func (s *Service) withdraw(ctx context.Context, v *vault.Vault, d *draft) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = s.cfg.Witness.Cancel(ctx, d.vault, d.id)
	_ = v.Write(ctx, ActRequestCancelled, map[string]string{"request": d.id.String(), "path": d.kind.String(), "why": "the witness did not answer"}, func(tx *storage.Tx) error {
		r, err := reload(tx, d.vault, d.id, s.cfg.Now())
		if err != nil {
			return err
		}
		return r.end(tx, d.vault, d.id, recordCancelled, s.cfg.Now())
	})
}

func (s *Service) notify(ctx context.Context, id vault.ID, kind EventKind) {
	if s.cfg.Notifier != nil {
		// Whoever suppresses it, gains no time: the waits run at the witness (F5).
		_ = s.cfg.Notifier.Notify(ctx, Event{Vault: id, Kind: kind, At: s.cfg.Now()})
	}
}
