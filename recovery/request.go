package recovery

import (
	"context"
	"errors"
	"maps"
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
//
// Errors: ErrRequest if the path is not in force, ErrOpen, vault.ErrOneOrganisation if
// relay and desk are one by now, vault.ErrTooMany if four are open already,
// vault.ErrRevision if somebody who is asked has new keys since a moment ago (open it
// again), vault.ErrNotFound, vault.ErrInvalid, vault.ErrWitnessAway (nothing was opened),
// and those of consent.
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
	if err := s.count(tx, p.Relay().ID, eventOpened, d.kind); err != nil {
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
