package recovery

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// By the way with nothing of the person's, Shared opens first and Private waits on. By
// then whoever came in may be somebody else, with two people of each side deceived or
// bribed; and they are in the account, where they can withdraw every relay and the desk.
// So those who helped in the path when the request was completed go on being able to stop
// it until the wait is over, each of them alone, by the notes that they were left, and
// not by what the account allows them now (N14). The witness lets anybody stop: whatever
// else is done with the account changes nothing of that.

// laterBody is what is kept until the wait for Private is over.
type laterBody struct {
	Request    [16]byte `cbor:"1,keyasint"`
	Path       [16]byte `cbor:"2,keyasint"`
	Relay      []byte   `cbor:"3,keyasint"`
	Desk       []byte   `cbor:"4,keyasint"`
	Generation uint64   `cbor:"5,keyasint"`
}

// later is what is kept until then, and the opening for who helps; nil where nothing waits.
func (h *HandOver) later(p vault.PathProof) (later, opening []byte, err error) {
	if !h.Later {
		return nil, nil, nil
	}
	_, generation, err := waited(h.record.Path, 1, h.params)
	if err != nil {
		return nil, nil, err
	}
	// A relay has opened it: a desk opens none by this way.
	if _, opening, err = halfKey(h.vault, h.id, p.Relay).Open(bound(h.vault, h.id, "opening"), h.record.Opening); err != nil {
		return nil, nil, errDamaged
	}
	later, err = seal.Marshal(laterBody{Request: h.id, Path: p.Path, Relay: p.Relay.Private, Desk: p.Desk.Private, Generation: generation})
	return later, opening, err
}

// askToWatch leaves every relay and desk that helps in this path a note, in the commit of
// the new keys: whoever came in may withdraw all of them from that moment on, but not the
// note. With it they find the request in their Queue, and can stop it (N14).
func (h *HandOver) askToWatch(tx *storage.Tx, helpers map[vault.ID]vault.HolderKeys, opening []byte) error {
	until := time.UnixMilli(h.record.Until)
	for relay, keys := range helpers {
		a := newAsked(consent.RelayID(relay), keys.Inbox)
		if err := a.tell(tx, noteBody{Vault: h.vault, Request: h.id, Opening: opening}, until); err != nil {
			return err
		}
	}
	return nil
}

// Pending is what comes back later: private papers, after the longer wait of the path
// with nothing of the person's.
type Pending struct {
	Request RequestID
	Wait    time.Duration // what is left of it
}

// pending is all that recoveries left for later, stopped or not: the latest is last.
func (s *Service) pending(ctx context.Context, v *vault.Vault) ([]laterBody, error) {
	all, err := v.Later(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]laterBody, len(all))
	for i, raw := range all {
		if seal.Unmarshal(raw, &out[i]) != nil {
			return nil, errDamaged
		}
	}
	return out, nil
}

// Pending returns what comes back later: of several recoveries that which comes first; nil
// if nothing does, also if it was cancelled. vault.ErrWitnessAway if the witness, which has
// the clock, does not answer.
func (s *Service) Pending(ctx context.Context, v *vault.Vault) (*Pending, error) {
	all, err := s.pending(ctx, v)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	waits, err := s.stillWaits(ctx, v.ID(), all)
	if err != nil || len(waits) == 0 {
		return nil, err
	}
	return &waits[0], nil
}

// stillWaits are those that nobody has stopped, and what is left of each wait by the witness's
// time. What comes first is first.
func (s *Service) stillWaits(ctx context.Context, id vault.ID, all []laterBody) (out []Pending, err error) {
	known, err := s.cfg.Witness.Requests(ctx, id)
	if err != nil {
		return nil, witnessError(ctx, err)
	}
	for _, l := range all {
		i := slices.IndexFunc(known, func(w WitnessRequest) bool { return w.ID == l.Request })
		if i >= 0 && !known[i].Cancelled && len(known[i].Ready) > 1 {
			out = append(out, Pending{Request: l.Request, Wait: known[i].Ready[1]})
		}
	}
	slices.SortStableFunc(out, func(a, b Pending) int { return cmp.Compare(a.Wait, b.Wait) })
	return out, nil
}

// OpenPending opens it when the wait is over. The person shows their secret again. Where
// several recoveries left something, it opens one at a time: see Pending.
// Errors: vault.ErrNotFound, NotReadyError, ErrRequest if it was cancelled,
// vault.ErrSignIn, vault.ErrWitnessAway, vault.ErrUnconfirmed (it is open).
func (s *Service) OpenPending(ctx context.Context, v *vault.Vault, secret vault.Secret) (n int, err error) {
	all, err := s.pending(ctx, v)
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, vault.ErrNotFound
	}
	if err := v.ShowSecret(ctx, secret); err != nil {
		return 0, err // before a try is counted
	}
	if len(all) == 1 {
		return s.openLater(ctx, v, all[0], secret)
	}
	waits, err := s.stillWaits(ctx, v.ID(), all)
	if err != nil {
		return 0, err
	}
	err = ErrRequest
	for i, w := range waits {
		at := slices.IndexFunc(all, func(l laterBody) bool { return l.Request == w.Request })
		count, failed := s.openLater(ctx, v, all[at], secret)
		if failed == nil || errors.Is(failed, vault.ErrUnconfirmed) {
			return count, failed
		}
		if i == 0 {
			n, err = count, failed
		}
		if w.Wait > 0 || !errors.Is(failed, vault.ErrTampered) {
			break // what the store altered keeps the next one from nothing
		}
	}
	return n, err
}

func (s *Service) openLater(ctx context.Context, v *vault.Vault, l laterBody, secret vault.Secret) (n int, err error) {
	value, err := s.within(ctx, v.ID(), l.Request, l.Path, 1, waitedInput(l.Path, 1), l.Generation)
	var wait *vault.BackOffError
	if errors.As(err, &wait) {
		return 0, &NotReadyError{Missing: []Missing{MissingWait}, Wait: wait.Wait}
	}
	if err != nil {
		return 0, err
	}
	return v.OpenLockedByPath(ctx, vault.PathProof{
		Path: l.Path, Relay: vault.Half{Private: l.Relay}, Desk: vault.Half{Private: l.Desk}, Values: [2][]byte{1: value[:]},
	}, secret, opened(v.ID(), nil))
}

// OpenLocked opens what a recovery left locked with a secret of before, as
// vault.Vault.OpenLocked does, whose errors it has. What would have come back later is back
// then: it is in no list of who helped any more, and the witness releases nothing for it.
func (s *Service) OpenLocked(ctx context.Context, v *vault.Vault, old, secret vault.Secret) (n int, err error) {
	var waited RequestID
	n, err = v.OpenLocked(ctx, old, secret, opened(v.ID(), &waited))
	done := err == nil || errors.Is(err, vault.ErrUnconfirmed) || errors.Is(err, vault.ErrTampered) && n > 0
	if done && !waited.IsZero() {
		_ = s.cfg.Witness.Cancel(ctx, v.ID(), waited) // what it could release opens nothing any more
	}
	return n, err
}

// opened tells whoever waits, in the commit that opens Private, that nothing waits any
// more, and says in request what did; nil: nobody asks.
func opened(id vault.ID, request *RequestID) vault.AlsoOpened {
	return func(tx *storage.Tx, later []byte) error {
		var l laterBody
		if later == nil || seal.Unmarshal(later, &l) != nil {
			return nil // nothing did, or what is open needs it no more
		}
		if request != nil {
			*request = l.Request
		}
		return nothingWaits(tx, id, l.Request)
	}
}

// nothingWaits notes, in the commit that opens Private, that nothing of a request waits any
// more: or whoever stops it then would be told that they had, and its person too.
func nothingWaits(tx *storage.Tx, id vault.ID, request RequestID) error {
	rec, err := tx.Get(requestKey(id, request))
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := readRecord(rec.Value)
	if err != nil || r.State != recordDone {
		return nil // altered by the store: that keeps nobody from what the witness has let open
	}
	r.Later = false
	return r.put(tx, requestKey(id, request))
}

// untilPrivate says how it stands with a request that is done but for private papers.
func (s *Service) untilPrivate(ctx context.Context, r *Request) error {
	w, err := s.atWitness(ctx, r.Vault, r.ID)
	switch {
	case errors.Is(err, vault.ErrWitnessAway): // it may still wait: who would stop it finds it
		r.State, r.Missing = StateLater, []Missing{MissingWait}
	case errors.Is(err, ErrRequest):
	case err != nil:
		return err
	case w.Cancelled:
		r.State = StateCancelled
	case len(w.Ready) > 1 && w.Ready[1] > 0:
		r.State, r.Wait, r.Missing = StateLater, w.Ready[1], []Missing{MissingWait}
	}
	return nil
}

// watched are the requests about somebody that only a note still leads to: this relay or
// desk helped, and is not let in any more. out is why not, and the error if there are none.
func (s *Service) watched(ctx context.Context, p *consent.Post, id vault.ID, out error) (found []Request, err error) {
	if !p.Roles().Has(consent.RoleHelp) {
		return nil, out
	}
	all, err := s.notes(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		if n.bad != nil || n.body.Vault != id || slices.ContainsFunc(found, func(r Request) bool { return r.ID == n.body.Request }) {
			continue
		}
		r, err := s.queued(ctx, n)
		if errors.Is(err, ErrRequest) || errors.Is(err, vault.ErrTampered) || errors.Is(err, vault.ErrUntrustedKey) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if r.State == StateLater {
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		return nil, out
	}
	newestFirst(found)
	return found, nil
}

// isOut says that somebody is not let in (any more).
func isOut(err error) bool {
	return errors.Is(err, vault.ErrNotFound) || errors.Is(err, vault.ErrEnded)
}

// cancelWatched stops what still waits for Private, for who is not let in any more. They
// cannot write to the person's journal, so the line is in that of their own relay or desk,
// whose managers read it, in the commit that checks that they still work there (N7).
func (s *Service) cancelWatched(ctx context.Context, p *consent.Post, id vault.ID, request RequestID, why string, out error) error {
	all, err := s.watched(ctx, p, id, out)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(r Request) bool { return r.ID == request }) {
		return ErrRequest
	}
	detail := map[string]string{"request": request.String(), "path": vault.PathHelpers.String()}
	if why != "" {
		detail["why"] = why
	}
	err = p.Space().Write(ctx, ActRequestCancelled, detail, func(tx *storage.Tx) error {
		return s.count(tx, p.Relay().ID, eventCancelled, 0)
	})
	if err != nil {
		return storageError(err)
	}
	// After the line, so that nobody stops anything unseen.
	if err := witnessError(ctx, s.cfg.Witness.Cancel(ctx, id, request)); err != nil {
		return err
	}
	s.notify(ctx, id, EventCancelled)
	return nil
}
