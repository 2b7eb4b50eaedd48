package recovery

import (
	"context"
	"errors"
	"slices"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Completion is what the person alone enters.
type Completion struct {
	Sheet    string   // as they type, say or scan it
	Answers  []string // or: in the order of the questions, or names of pictures
	Password string   // the new one
	Session  *vault.SessionRequest
}

// Completed is what came of it.
type Completed struct {
	Vault   *vault.Vault
	Login   string
	Private bool // private papers are back
	Locked  int  // so many are not: see vault.Vault.OpenLocked
}

// Complete opens the vault, and changes everything that opened it before: see
// vault.Vaults.Recover. The request is done; others about this person are over. Errors:
// vault.ErrSignIn for a wrong sheet or wrong answers, vault.ErrInvalid for a password
// that cannot be or a sheet that is mistyped, vault.BackOffError, ErrSpent,
// NotReadyError, ErrRequest, vault.ErrOneOrganisation; vault.ErrTooManyLocked, vault.ErrRevision, vault.ErrWitnessAway
// (nothing was changed),
// vault.ErrUnconfirmed (it is done, and returned).
func (h *HandOver) Complete(ctx context.Context, c Completion) (Completed, error) {
	s := h.service
	if err := vault.CheckPassword(c.Password, ""); err != nil {
		return Completed{}, err // before a try is counted
	}
	if err := h.still(ctx); err != nil {
		return Completed{}, err
	}
	if err := h.twoOrganisations(ctx); err != nil {
		return Completed{}, err
	}
	proof := vault.PathProof{Path: h.record.Path, Relay: h.relay.half(), Desk: h.desk.half()}
	var err error
	if h.Kind == vault.PathHelpers {
		proof.Values, err = h.values(ctx)
	} else {
		proof.Own, err = h.own(ctx, c)
	}
	if err != nil {
		return Completed{}, err
	}
	later, opening, err := h.later(proof)
	if err != nil {
		return Completed{}, err
	}
	v, err := s.cfg.Vaults.Recover(ctx, vault.Recovery{
		Vault: h.vault, Proof: proof, Password: c.Password, Session: c.Session, Later: later,
		Detail: map[string]string{"request": h.id.String()},
		Also: func(tx *storage.Tx, helpers map[vault.ID]vault.HolderKeys) error {
			if err := h.done(tx); err != nil || opening == nil {
				return err
			}
			return h.askToWatch(tx, helpers, opening)
		},
	})
	if errors.Is(err, vault.ErrSessionEnded) { // nobody has one here: the keys changed just now
		if err = h.still(ctx); err == nil {
			err = vault.ErrSignIn
		}
	}
	if v == nil {
		return Completed{}, storageError(err)
	}
	unconfirmed := err
	h.endAtWitness(ctx)
	s.notify(ctx, h.vault, EventRecovered)
	if later != nil {
		s.notify(ctx, h.vault, EventPrivateWaits)
	}
	out := Completed{Vault: v}
	o, err := v.Overview(ctx)
	if err == nil {
		out.Locked, out.Private = o.Locked, o.Locked == 0
		out.Login, err = v.Login(ctx)
	}
	if err != nil { // it is done all the same: the first screen says the rest
		return out, vault.ErrUnconfirmed
	}
	return out, unconfirmed
}

// twoOrganisations refuses a request in which relay and desk are one by now, as the
// directory has it: one of them has gone over to the other since it was opened (F13).
func (h *HandOver) twoOrganisations(ctx context.Context) error {
	if h.Kind != vault.PathHelpers || h.relay == nil || h.desk == nil {
		return nil
	}
	relay, err := h.service.cfg.Directory.Relay(ctx, h.relay.by.Relay)
	if err != nil {
		return err
	}
	desk, err := h.service.cfg.Directory.Relay(ctx, h.desk.by.Relay)
	if err == nil && relay.Organisation == desk.Organisation {
		err = vault.ErrOneOrganisation
	}
	return err
}

// still asks again whether the request is open, before a try is counted.
func (h *HandOver) still(ctx context.Context) error {
	r, err := h.service.load(ctx, h.vault, h.id)
	if err == nil && !r.isOpen(h.service.cfg.Now()) {
		err = ErrRequest
	}
	if err != nil || h.Kind.Witness() {
		return err
	}
	return h.notEnded(ctx)
}

// notEnded asks the witness about a request that waits for nothing: a store that brings back
// one that was cancelled is not believed (F4).
func (h *HandOver) notEnded(ctx context.Context) error {
	ended, err := h.service.cfg.Vaults.EndedAt(ctx, h.vault, h.id)
	if err == nil && ended {
		err = ErrRequest
	}
	return err
}

// lasts refuses a request that waits for nothing, if the store says that it lasts longer than
// who opened it did. Of those that it takes part in, the witness keeps the time; of these it
// knows for 30 days that they were cancelled, and no longer (F4).
func (h *HandOver) lasts(ctx context.Context) error {
	given := h.relay
	if h.Kind.Desk() {
		given = h.desk
	}
	_, plain, err := halfKey(h.vault, h.id, given.half()).Open(bound(h.vault, h.id, "opening"), h.record.Opening)
	if err != nil {
		return ErrRequest
	}
	_, err = h.service.readOpening(ctx, h.vault, h.id, h.record, plain)
	if errors.Is(err, vault.ErrTampered) || errors.Is(err, vault.ErrUntrustedKey) {
		err = ErrRequest
	}
	return err
}

// within lets the witness evaluate its key in this request: counted, and only when its
// wait is over and all have agreed.
func (s *Service) within(ctx context.Context, id vault.ID, request RequestID, path vault.PathID, class int, input [32]byte, generation uint64) (output [32]byte, err error) {
	e, err := s.cfg.Witness.EvaluateWithin(ctx, id, request, s.cfg.Vaults.PathCounter(id, path, class), input, generation)
	switch {
	case err != nil:
		return output, witnessError(ctx, err)
	case e.Tries.Spent:
		return output, ErrSpent
	case e.Tries.Wait > 0:
		return output, &vault.BackOffError{Wait: e.Tries.Wait}
	case e.Generation == 0:
		return output, vault.ErrWitnessAway
	}
	return e.Output, nil
}

// own is the part that the person brings.
func (h *HandOver) own(ctx context.Context, c Completion) ([]byte, error) {
	b, err := h.service.bring(ctx, h.Kind, h.params, c)
	if err != nil || b.own != nil {
		return b.own, err
	}
	output, err := h.service.within(ctx, h.vault, h.id, h.record.Path, 0, b.input, b.generation)
	return output[:], err
}

// values are what the witness releases: that for Private only when its wait is over.
func (h *HandOver) values(ctx context.Context) (out [2][]byte, err error) {
	for class := range out {
		if class == 1 && !h.Private {
			break
		}
		input, generation, err := waited(h.record.Path, class, h.params)
		if err != nil {
			return out, err
		}
		value, err := h.service.within(ctx, h.vault, h.id, h.record.Path, class, input, generation)
		if err != nil {
			return out, err
		}
		out[class] = slices.Clone(value[:])
	}
	return out, nil
}

// done ends this request and all others of the vault, in the commit of the new keys.
func (h *HandOver) done(tx *storage.Tx) error {
	now := h.service.cfg.Now()
	r, err := reload(tx, h.vault, h.id, now)
	if err != nil {
		return err
	}
	r.Later = h.Later
	if err := r.end(tx, h.vault, h.id, recordDone, now); err != nil {
		return err
	}
	all, err := allIn(tx, h.vault)
	if err != nil {
		return err
	}
	h.over = nil // this may run several times
	for _, n := range all {
		if n.id != h.id && n.State == recordOpen {
			h.over = append(h.over, n.id)
			if err := n.end(tx, h.vault, n.id, recordOver, now); err != nil {
				return err
			}
		}
	}
	counted := map[consent.RelayID]bool{}
	for _, g := range []*givenHalf{h.relay, h.desk} {
		if g == nil || counted[g.by.Relay] {
			continue
		}
		counted[g.by.Relay] = true
		if err := h.service.count(tx, g.by.Relay, eventCompleted, h.Kind); err != nil {
			return err
		}
		consent.NewTally(h.service.cfg.Directory).Count(tx, g.by.Relay, consent.CountedRecovered)
	}
	return nil
}

// endAtWitness tells the witness that nothing of this request, nor of the others, is
// wanted any more: only what comes back later. Otherwise they would take the room of those
// that a person who forgets again needs, until they expire.
func (h *HandOver) endAtWitness(ctx context.Context) {
	ended := h.over
	if h.Kind.Witness() && !h.Later {
		ended = append(ended, h.id)
	}
	for _, id := range ended {
		_ = h.service.cfg.Witness.Cancel(ctx, h.vault, id) // or it expires there; it knows not all of them
	}
}
