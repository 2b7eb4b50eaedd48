package recovery

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// given is a half as it lies in a request, V/rq/<id>/r or V/rq/<id>/d: boxed to the
// request's key, and where the desk says a part of the code, sealed under that.
type given struct {
	Box        []byte `cbor:"1,keyasint"`
	Salt       []byte `cbor:"2,keyasint,omitempty"`
	Generation uint64 `cbor:"3,keyasint,omitempty"`
}

// givenBody is what was boxed: who gave it says so by their signature.
type givenBody struct {
	Credential []byte `cbor:"1,keyasint"`
	Signed     []byte `cbor:"2,keyasint"` // CBOR of halfBody
}

type halfBody struct {
	Path    [16]byte       `cbor:"1,keyasint"`
	Kind    vault.PathKind `cbor:"2,keyasint"`
	Shared  []byte         `cbor:"3,keyasint"`
	Private []byte         `cbor:"4,keyasint,omitempty"`
	Slot    [16]byte       `cbor:"5,keyasint"` // of the keyslot that it is for
}

// givenHalf is one whose signature is right.
type givenHalf struct {
	halfBody
	by consent.Member
}

func boundHalf(id vault.ID, request RequestID, side string) seal.Context {
	return seal.Context{Type: seal.TypeContribution, Vault: id, Object: request[:], Holder: []byte(side)}
}

func (s *Service) sealHalf(p *consent.Post, id vault.ID, request RequestID, r *record, side string, f vault.PathFacts, h vault.Half) ([]byte, error) {
	public, err := seal.BoxPublicFromBytes(r.Public)
	if err != nil {
		return nil, errDamaged
	}
	half, err := seal.Marshal(halfBody{Path: r.Path, Kind: f.Kind, Shared: h.Shared, Private: h.Private, Slot: f.Slot})
	if err != nil {
		return nil, err
	}
	c := boundHalf(id, request, side)
	signed, credential, err := p.Sign(c, half)
	if err != nil {
		return nil, err
	}
	body, err := seal.Marshal(givenBody{Credential: credential, Signed: signed})
	if err != nil {
		return nil, err
	}
	return public.Seal(c, nil, body)
}

// boxHalf is a half as it is stored, without a code of its own.
func (s *Service) boxHalf(p *consent.Post, id vault.ID, request RequestID, r *record, side string, f vault.PathFacts, h vault.Half) ([]byte, error) {
	box, err := s.sealHalf(p, id, request, r, side, f, h)
	if err != nil {
		return nil, err
	}
	return seal.Marshal(given{Box: box})
}

// openHalf opens a half with the request's private key, and verifies who gave it.
func (s *Service) openHalf(ctx context.Context, id vault.ID, request RequestID, r *record, side string, private seal.BoxKey, box []byte) (*givenHalf, error) {
	c := boundHalf(id, request, side)
	_, plain, err := private.Open(c, box)
	if err != nil {
		return nil, errDamaged
	}
	var body givenBody
	if seal.Unmarshal(plain, &body) != nil {
		return nil, errDamaged
	}
	half, by, err := s.cfg.Register.Signed(ctx, c, body.Signed, body.Credential)
	if err != nil {
		return nil, err
	}
	h := &givenHalf{by: by}
	if seal.Unmarshal(half, &h.halfBody) != nil || h.Path != r.Path {
		return nil, errDamaged // F2
	}
	return h, nil
}

// helping is a helper at a request: the person's vault, opened for it, and what was asked.
type helping struct {
	v       *vault.Vault
	record  *record
	opening *opening
	side    string
}

// at opens a request for a helper who may help in it.
func (s *Service) at(ctx context.Context, p *consent.Post, id vault.ID, request RequestID) (*helping, error) {
	v, err := p.Helping(ctx, id)
	if err != nil {
		return nil, err
	}
	h := &helping{v: v, side: sideOf(v)}
	if h.record, err = s.load(ctx, id, request); err == nil {
		h.opening, err = s.openingFor(ctx, p, v, id, request, h.record)
	}
	if err != nil {
		v.Close()
		return nil, err
	}
	return h, nil
}

// openingFor reads who opened a request: by the half of this side, or by a note to this
// relay or desk. ErrRequest to who has neither: the path is not theirs to help in (any
// more).
func (s *Service) openingFor(ctx context.Context, p *consent.Post, v *vault.Vault, id vault.ID, request RequestID, r *record) (*opening, error) {
	half, ok := v.Half(r.Path)
	if !ok && !(r.State == recordDone && r.Later) { // then nobody has a half any more, and a note is enough to stop it
		return nil, ErrRequest
	}
	if _, plain, err := halfKey(id, request, half).Open(bound(id, request, "opening"), r.Opening); ok && err == nil {
		return s.readOpening(ctx, id, request, r, plain)
	}
	all, err := s.notes(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		if n.bad == nil && n.body.Vault == id && n.body.Request == request {
			return s.readOpening(ctx, id, request, r, n.body.Opening)
		}
	}
	return nil, ErrRequest
}

// Given is what a contribution gives back.
type Given struct {
	Request Request
	// Code is the desk's part of the code where two have one each, to be said to the
	// person: giving again makes a new one. "" otherwise.
	Code string
}

// Contribute gives this helper's half, from another town and at another time if need be.
// Where two of each side must agree, it says too that this one does. Giving again gives
// what the half is now, and makes a new part of a code for the desk. Errors: ErrRequest,
// ErrAgreed (the half is there, and another person must agree), vault.ErrNotFound,
// vault.ErrWitnessAway.
func (s *Service) Contribute(ctx context.Context, p *consent.Post, id vault.ID, request RequestID) (Given, error) {
	h, err := s.at(ctx, p, id, request)
	if err != nil {
		return Given{}, err
	}
	defer h.v.Close()
	half, ok := h.v.Half(h.record.Path)
	if !ok || !h.record.isOpen(s.cfg.Now()) {
		return Given{}, ErrRequest
	}
	facts, err := s.facts(ctx, id, h.record.Path)
	if err != nil {
		return Given{}, err
	}
	kind, out := facts.Kind, Given{}
	value, err := s.boxHalf(p, id, request, h.record, h.side, facts, half)
	if err == nil && kind == vault.PathHelpers && h.side == sideDesk {
		out.Code = drawDigits()
		value, err = s.underCode(ctx, p, id, request, h.record, facts, half, out.Code)
		out.Code = inGroups(out.Code)
	}
	if err != nil {
		return Given{}, err
	}
	var opening []byte
	if !kind.Witness() { // one side alone helps: its halves may be others since the request was opened (N4)
		if opening, err = sealOpening(id, request, half, h.opening.openingBody); err != nil {
			return Given{}, err
		}
	}
	detail := map[string]string{"path": kind.String(), "request": request.String()}
	err = h.v.Contribute(ctx, h.record.Path, ActRequestGiven, detail, func(tx *storage.Tx, _ vault.Half) error {
		r, err := reload(tx, id, request, s.cfg.Now())
		if err != nil {
			return err
		}
		putPassing(tx, sideKey(id, request, h.side), value, time.UnixMilli(r.Until))
		if opening == nil {
			return nil
		}
		r.Opening = opening
		return r.put(tx, requestKey(id, request))
	})
	if err != nil {
		return Given{}, storageError(err)
	}
	if kind == vault.PathHelpers {
		if _, err := s.agree(ctx, p, id, h); err != nil {
			return Given{}, err // the half is there; another must agree
		}
	}
	out.Request, err = s.describe(ctx, id, named{request, h.record}, h.opening)
	return out, err
}

// underCode seals a boxed half under a code that the desk alone says: whoever knows the
// other code, a relay, does not get at the desk's half with it (F12).
func (s *Service) underCode(ctx context.Context, p *consent.Post, id vault.ID, request RequestID, r *record, f vault.PathFacts, half vault.Half, code string) ([]byte, error) {
	box, err := s.sealHalf(p, id, request, r, sideDesk, f, half)
	if err != nil {
		return nil, err
	}
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt)
	key, e, err := s.codeKey(ctx, id, request, partDesk, salt, code, 0)
	if err != nil {
		return nil, err
	}
	if box, err = key.SealCommitted(bound(id, request, "half of the desk"), nil, box); err != nil {
		return nil, err
	}
	return seal.Marshal(given{Box: box, Salt: salt, Generation: e.Generation})
}

// agree tells the witness that one more person agrees.
func (s *Service) agree(ctx context.Context, p *consent.Post, id vault.ID, h *helping) (WitnessRequest, error) {
	a := *h.opening.approval
	a.Act, a.At = seal.ApprovalAgrees, s.cfg.Now().UnixMilli()
	said, err := p.Approval(id, &a)
	if err != nil {
		return WitnessRequest{}, err
	}
	w, err := s.cfg.Witness.Approve(ctx, id, said)
	return w, witnessError(ctx, err)
}

// Approve is the word of one more person, where two of each side must agree. Who opened
// the request, or gave a half, has agreed by that. Errors: ErrAgreed, also for who says it
// again; ErrRequest, vault.ErrInvalid, vault.ErrWitnessAway.
func (s *Service) Approve(ctx context.Context, p *consent.Post, id vault.ID, request RequestID, recognised string) (Request, error) {
	if err := checkSaid("recognised", &recognised, true); err != nil {
		return Request{}, err
	}
	h, err := s.at(ctx, p, id, request)
	if err != nil {
		return Request{}, err
	}
	defer h.v.Close()
	if h.opening.Kind != vault.PathHelpers {
		return Request{}, invalid("request", "needs nobody's agreement; give your half")
	}
	before, err := s.atWitness(ctx, id, request)
	if err != nil {
		return Request{}, err
	}
	// The line first: nobody agrees unseen. The witness counts whoever it has not counted.
	detail := map[string]string{"path": h.opening.Kind.String(), "request": request.String(), "how": recognised}
	if err := h.v.Write(ctx, ActRequestApproved, detail, func(tx *storage.Tx) error {
		_, err := reload(tx, id, request, s.cfg.Now())
		return err
	}); err != nil {
		return Request{}, storageError(err)
	}
	after, err := s.agree(ctx, p, id, h)
	if err != nil {
		return Request{}, err
	}
	if after.Relay+after.Desk == before.Relay+before.Desk { // counted before: the same person once more (F6)
		return Request{}, ErrAgreed
	}
	return s.describe(ctx, id, named{request, h.record}, h.opening)
}

// Cancel ends a request: anybody of a relay that follows or of the desk may. One that is
// done, but for private papers that come back later, ends too: they stay locked. That may
// also who helped and was put out since, as whoever came in may be somebody else (N14). The
// witness is told first. Errors: ErrRequest, vault.ErrNotFound, vault.ErrWitnessAway if
// private papers still wait at it: say it again. vault.ErrUnconfirmed if the
// witness is away: the request has ended here, and waits there until somebody signs in.
func (s *Service) Cancel(ctx context.Context, p *consent.Post, id vault.ID, request RequestID, why string) error {
	if err := checkSaid("why", &why, false); err != nil {
		return err
	}
	v, err := p.Helping(ctx, id)
	if isOut(err) {
		return s.cancelWatched(ctx, p, id, request, why, err)
	}
	if err != nil {
		return err
	}
	defer v.Close()
	detail := map[string]string{"request": request.String()}
	if why != "" {
		detail["why"] = why
	}
	return s.cancel(ctx, v, id, request, detail, func(tx *storage.Tx) error {
		return s.count(tx, p.Relay().ID, eventCancelled, 0)
	})
}

// endAtWitness has the witness remember that a request has ended, so that a store that
// brings it back is not believed (F4). Of one that waits for nothing it knows only that.
func (s *Service) endAtWitness(ctx context.Context, id vault.ID, request RequestID) error {
	told := witnessError(ctx, s.cfg.Witness.Cancel(ctx, id, request))
	if errors.Is(told, ErrRequest) {
		told = s.cfg.Vaults.EndAt(ctx, id, request)
	}
	return told
}

// CancelOwn ends a request about oneself. Errors: those of Cancel.
func (s *Service) CancelOwn(ctx context.Context, v *vault.Vault, request RequestID) error {
	return s.cancel(ctx, v, v.ID(), request, map[string]string{"request": request.String()}, func(*storage.Tx) error { return nil })
}

func (s *Service) cancel(ctx context.Context, v *vault.Vault, id vault.ID, request RequestID, detail map[string]string, also func(tx *storage.Tx) error) error {
	before, err := s.load(ctx, id, request)
	if err != nil {
		return err
	}
	told := s.endAtWitness(ctx, id, request)
	if before.State == recordDone && errors.Is(told, vault.ErrWitnessAway) {
		return told // nothing but the witness ends what still waits for Private, no sign-in either
	}
	err = v.Write(ctx, ActRequestCancelled, detail, func(tx *storage.Tx) error {
		r, err := reload(tx, id, request, s.cfg.Now())
		if r != nil && r.State == recordDone && r.Later {
			return also(tx) // what is left of it is the witness's (N14)
		}
		if err != nil {
			return err
		}
		if err := r.end(tx, id, request, recordCancelled, s.cfg.Now()); err != nil {
			return err
		}
		return also(tx)
	})
	if err != nil {
		return storageError(err)
	}
	s.notify(ctx, id, EventCancelled)
	if errors.Is(told, vault.ErrWitnessAway) {
		return vault.ErrUnconfirmed // N10
	}
	return nil
}
