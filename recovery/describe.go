package recovery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Request is one attempt to help somebody back in.
type Request struct {
	ID      RequestID
	Vault   vault.ID
	Path    vault.PathID
	Kind    vault.PathKind // 0: the path is not there any more
	State   State
	By      consent.Member // who opened it
	ByName  string         // as their relay has it: neutralise it where it is shown
	Opened  time.Time
	Until   time.Time
	Ended   time.Time     // zero: it has not, or a sign-in of the person ended it
	Missing []Missing     // before the person can complete it
	Wait    time.Duration // of which so much is left
	Private bool          // it will open Private, too, then or later
	Later   bool          // it was completed, but for private papers: they wait, or that was stopped
}

// State is how it stands with a request: a stable code.
type State string

// The states.
const (
	StateOpen      State = "open"  // Missing says what it needs
	StateLater     State = "later" // done, but for private papers: they come back after Wait, and it can still be stopped
	StateDone      State = "done"
	StateCancelled State = "cancelled" // by somebody, or by a sign-in of the person
	StateOver      State = "over"      // expired, or the person's paths have changed since
)

// describe says how it stands with a request, by the store and by the witness. Where the
// witness does not answer, what it would say is missing is MissingWait.
func (s *Service) describe(ctx context.Context, id vault.ID, n named, o *opening) (Request, error) {
	r := Request{ID: n.id, Vault: id, Path: n.Path, Opened: time.UnixMilli(n.Opened).UTC(), Until: time.UnixMilli(n.Until).UTC()}
	if o != nil {
		r.Kind, r.By, r.ByName, r.Private = o.Kind, o.by, o.Name, o.Private
	}
	if n.Ended != 0 {
		r.Ended = time.UnixMilli(n.Ended).UTC()
	}
	switch n.State {
	case recordDone:
		r.State = StateDone
	case recordCancelled:
		r.State = StateCancelled
	default:
		r.State = StateOver
	}
	if n.State == recordDone && n.Later {
		r.Later = true
		return r, s.untilPrivate(ctx, &r)
	}
	if !n.isOpen(s.cfg.Now()) {
		return r, nil
	}
	r.State = StateOpen
	for side, missing := range map[string]Missing{sideRelay: MissingRelay, sideDesk: MissingDesk} {
		if side == sideRelay && !r.Kind.Relay() || side == sideDesk && !r.Kind.Desk() {
			continue
		}
		_, err := s.cfg.Store.Get(ctx, sideKey(id, n.id, side))
		if errors.Is(err, storage.ErrNotFound) {
			r.Missing = append(r.Missing, missing)
		} else if err != nil {
			return r, storageError(err)
		}
	}
	slices.Sort(r.Missing)
	if !r.Kind.Witness() {
		return r, nil
	}
	w, err := s.atWitness(ctx, id, n.id)
	switch {
	case errors.Is(err, vault.ErrWitnessAway):
		r.Missing = append(r.Missing, MissingWait)
	case errors.Is(err, ErrRequest):
		r.State, r.Missing = StateOver, nil
	case err != nil:
		return r, err
	case w.Cancelled:
		r.State, r.Missing = StateCancelled, nil
	default:
		r.addMissing(w)
	}
	return r, nil
}

// addMissing adds what the witness waits for.
func (r *Request) addMissing(w *WitnessRequest) {
	if w.Relay < w.Needed {
		r.Missing = append(r.Missing, MissingRelayApproval)
	}
	if w.Desk < w.Needed {
		r.Missing = append(r.Missing, MissingDeskApproval)
	}
	if len(w.Ready) > 0 && w.Ready[0] > 0 {
		r.Wait, r.Missing = w.Ready[0], append(r.Missing, MissingWait)
	}
}

// atWitness is a request as the witness knows it. ErrRequest if it does not.
func (s *Service) atWitness(ctx context.Context, id vault.ID, request RequestID) (*WitnessRequest, error) {
	all, err := s.cfg.Witness.Requests(ctx, id)
	if err != nil {
		return nil, witnessError(ctx, err)
	}
	i := slices.IndexFunc(all, func(w WitnessRequest) bool { return w.ID == request })
	if i < 0 {
		return nil, ErrRequest
	}
	return &all[i], nil
}

// Requests returns the requests of a person whom the relay follows, or who let the desk
// help them, the newest first: also for another worker, on another machine. Those in
// which this side cannot help are left out. To a relay or desk that is not let in any more,
// those in which private papers still wait.
func (s *Service) Requests(ctx context.Context, p *consent.Post, id vault.ID) (out []Request, err error) {
	v, err := p.Helping(ctx, id)
	if isOut(err) {
		return s.watched(ctx, p, id, err)
	}
	if err != nil {
		return nil, err
	}
	defer v.Close()
	all, err := s.all(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		o, err := s.openingFor(ctx, p, v, id, n.id, n.record)
		if errors.Is(err, ErrRequest) || errors.Is(err, vault.ErrTampered) {
			continue
		}
		if err != nil {
			return nil, err
		}
		r, err := s.describe(ctx, id, n, o)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	newestFirst(out)
	return out, nil
}

func newestFirst(all []Request) {
	slices.SortStableFunc(all, func(a, b Request) int { return b.Opened.Compare(a.Opened) })
}

// Own returns the requests about the person who has v open, the newest first: for their
// first screen. One that the store altered is left out: it helps nobody.
func (s *Service) Own(ctx context.Context, v *vault.Vault) (out []Request, err error) {
	all, err := s.all(ctx, v.ID())
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		plain, err := v.FromInbox(ctx, bound(v.ID(), n.id, "owner"), n.Owner)
		var o *opening
		if err == nil {
			o, err = s.readOpening(ctx, v.ID(), n.id, n.record, plain)
		}
		if errors.Is(err, vault.ErrTampered) || errors.Is(err, vault.ErrUntrustedKey) {
			continue
		}
		if err != nil {
			return nil, err
		}
		r, err := s.describe(ctx, v.ID(), n, o)
		if err == nil && r.Later {
			err = s.backAlready(ctx, v, &r)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	newestFirst(out)
	return out, nil
}

// backAlready corrects what is told to the person, who alone knows it, where private papers
// came back by an old secret, or by another request.
func (s *Service) backAlready(ctx context.Context, v *vault.Vault, r *Request) error {
	all, err := s.pending(ctx, v)
	if err == nil && !slices.ContainsFunc(all, func(l laterBody) bool { return l.Request == r.ID }) {
		r.State, r.Later, r.Wait, r.Missing = StateDone, false, 0, nil
	}
	return err
}

// noteBody tells a relay or a desk that its help is asked for, R/in/q/<note>, boxed to its
// inbox. Who asks, the opening says by its signature.
type noteBody struct {
	Vault   [16]byte `cbor:"1,keyasint"`
	Request [16]byte `cbor:"2,keyasint"`
	Opening []byte   `cbor:"3,keyasint"`
}

// note is one that this relay or desk can open.
type note struct {
	key  string
	id   vault.ItemID
	body noteBody
	bad  error // what keeps it from being read, in place of the body
}

// notes are all that wait for a relay or a desk.
func (s *Service) notes(ctx context.Context, p *consent.Post) (out []note, err error) {
	// Notes open with keys that whoever has left may have kept at a post that is still open.
	if err := stands(ctx, p); err != nil {
		return nil, err
	}
	prefix := consent.QueueNotes(p.Relay().ID)
	for rec, err := range s.cfg.Store.All(ctx, prefix) {
		if err != nil {
			return nil, storageError(err)
		}
		n := note{key: rec.Key}
		if n.id, n.bad = vault.ParseItemID(strings.TrimPrefix(rec.Key, prefix)); n.bad != nil {
			continue
		}
		n.bad = errDamaged
		for _, key := range p.Keys().Inboxes {
			_, plain, err := key.Open(consent.QueueBox(p.Relay().ID, n.id), rec.Value)
			if err == nil && seal.Unmarshal(plain, &n.body) == nil {
				n.bad = nil
				break
			}
		}
		out = append(out, n)
	}
	return out, nil
}

// stands asks whether somebody still works where their post is (N7): vault.ErrEnded if not.
func stands(ctx context.Context, p *consent.Post) error {
	_, err := p.Space().OwnKeys(ctx)
	return err
}

// Queued is a request that waits for a desk.
type Queued struct {
	Request Request
	Error   error // what keeps it from being read, in place of the rest
}

// Queue returns the requests that this desk or relay was asked to help with, the oldest
// first, without any name: also those in which private papers still wait, so that somebody
// stops them who knows that the person did not ask. This does not need that the person
// lets them help (any more).
func (s *Service) Queue(ctx context.Context, p *consent.Post) (out []Queued, err error) {
	all, err := s.notes(ctx, p)
	if err != nil {
		return nil, err
	}
	var over []string
	for _, n := range all {
		r, err := s.queued(ctx, n)
		switch {
		case errors.Is(err, ErrRequest), err == nil && r.State != StateOpen && r.State != StateLater:
			over = append(over, n.key)
		case errors.Is(err, vault.ErrTampered), errors.Is(err, vault.ErrUntrustedKey):
			out = append(out, Queued{Request: Request{ID: n.id}, Error: err})
		case err != nil:
			return nil, err
		case slices.ContainsFunc(out, func(q Queued) bool { return q.Error == nil && q.Request.ID == r.ID }): // asked, and told again
		default:
			out = append(out, Queued{Request: r})
		}
	}
	slices.SortStableFunc(out, func(a, b Queued) int { return a.Request.Opened.Compare(b.Request.Opened) })
	if len(over) == 0 {
		return out, nil
	}
	return out, storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		for _, key := range over[:min(len(over), maxSwept)] {
			tx.Delete(key)
		}
		return nil
	}))
}

// maxSwept is how many notes of what is over go in one commit.
const maxSwept = 50

func (s *Service) queued(ctx context.Context, n note) (Request, error) {
	if n.bad != nil {
		return Request{}, n.bad
	}
	r, err := s.load(ctx, n.body.Vault, n.body.Request)
	if err != nil {
		return Request{}, err
	}
	o, err := s.readOpening(ctx, n.body.Vault, n.body.Request, r, n.body.Opening)
	if err != nil {
		return Request{}, err
	}
	return s.describe(ctx, n.body.Vault, named{n.body.Request, r}, o)
}
