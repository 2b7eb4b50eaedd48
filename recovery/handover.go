package recovery

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// HandOverCode is what opens the page on which the person alone goes on.
type HandOverCode struct {
	Number string // digits of any script, spaces and dashes do not matter
	Code   string
	Desk   string // the desk's part, where two have one each; "" otherwise
}

// HandOver is a request in the hands of its person. It holds keys: keep its token, for an
// hour, and nothing else.
type HandOver struct {
	Kind      vault.PathKind
	Questions []string // what is asked, by answers
	Pictures  int      // how many pictures are asked for, by a sequence of them
	Private   bool     // private papers come back, too
	Later     bool     // private papers come back after a longer wait
	Until     time.Time

	service *Service
	token   string
	vault   vault.ID
	id      RequestID
	record  *record
	params  []byte     // as they lie with the keyslot
	relay   *givenHalf // nil: none was given
	desk    *givenHalf
	over    []RequestID // others that Complete has ended
}

// tokenLasts is how long a page may be at a request.
const tokenLasts = time.Hour

// atPage is what a page keeps of a request, V/rq/<id>/t/<name>, sealed under its token.
type atPage struct {
	Private []byte `cbor:"1,keyasint"`           // seed of the request's key
	Desk    []byte `cbor:"2,keyasint,omitempty"` // the desk's half, boxed, out of its code
	Until   int64  `cbor:"3,keyasint"`           // unix milliseconds: the sweep comes later, or never
}

// Enter opens a request with its number and code, on any device. Each try is counted
// before it is looked at (F9); an unknown number does the same work as a wrong code (E8).
// Who is right and too early has spent a try, and gets what looks again for nothing:
// NotReadyError.Look. Errors: ErrCode, vault.BackOffError, ErrSpent, NotReadyError, ErrRequest,
// vault.ErrWitnessAway.
func (s *Service) Enter(ctx context.Context, c HandOverCode) (*HandOver, error) {
	number, err := readDigits(c.Number)
	code, codeErr := readDigits(c.Code)
	if err := errors.Join(err, codeErr); err != nil {
		return nil, ErrCode // mistyped: nothing is counted
	}
	desk := ""
	if c.Desk != "" {
		if desk, err = readDigits(c.Desk); err != nil {
			return nil, ErrCode
		}
	}
	at, found, err := s.cfg.Vaults.FindPointer(ctx, number)
	if err != nil {
		return nil, err
	}
	r, err := s.load(ctx, at.Vault, at.Object)
	if errors.Is(err, ErrRequest) || errors.Is(err, vault.ErrTampered) {
		r, found, err = &record{Salt: at.Object[:]}, false, nil // E8
	}
	if err != nil {
		return nil, err
	}
	private, err := s.openCode(ctx, at, r, code)
	if err != nil {
		return nil, err
	}
	deskBox, err := s.openDesk(ctx, at, r, desk)
	if err != nil {
		return nil, err
	}
	if !found || private == nil {
		return nil, ErrCode
	}
	page := atPage{Private: private, Desk: deskBox}
	h, err := s.handOver(ctx, at.Vault, at.Object, page)
	if err != nil {
		return nil, s.tooEarly(ctx, at.Vault, at.Object, err)
	}
	return h, s.keepPage(ctx, h, page)
}

// openCode opens the private half of a request; nil for a wrong code.
func (s *Service) openCode(ctx context.Context, at vault.Pointer, r *record, code string) ([]byte, error) {
	key, e, err := s.codeKey(ctx, at.Vault, at.Object, partPerson, r.Salt, code, r.Generation)
	if err == nil {
		err = s.level(ctx, at, partPerson, r.Private != nil, e.Tries.Failed)
	}
	if err != nil {
		return nil, err
	}
	_, private, err := key.OpenCommitted(bound(at.Vault, at.Object, "private half"), r.Private)
	if err != nil {
		return nil, nil // E8: the caller says so, when all is done that a right one takes
	}
	return private, nil
}

// openDesk opens what the desk sealed under its part of the code; nil if there is nothing
// or the code is wrong.
func (s *Service) openDesk(ctx context.Context, at vault.Pointer, r *record, code string) ([]byte, error) {
	if code == "" {
		return nil, nil
	}
	var g given
	rec, err := s.cfg.Store.Get(ctx, sideKey(at.Vault, at.Object, sideDesk))
	if err == nil {
		_ = seal.Unmarshal(rec.Value, &g)
	} else if !isNotFound(err) {
		return nil, storageError(err)
	}
	made := g.Salt != nil // under a code: only then a try was counted when it was made
	if !made {
		g.Salt = r.Salt
	}
	key, e, err := s.codeKey(ctx, at.Vault, at.Object, partDesk, g.Salt, code, g.Generation)
	if err == nil {
		err = s.level(ctx, at, partDesk, made, e.Tries.Failed)
	}
	if err != nil {
		return nil, err
	}
	_, box, err := key.OpenCommitted(bound(at.Vault, at.Object, "half of the desk"), g.Box)
	if err != nil {
		return nil, nil
	}
	return box, nil
}

// keepPage writes what the page needs to go on, under a fresh token.
func (s *Service) keepPage(ctx context.Context, h *HandOver, page atPage) error {
	h.token = newToken(h.vault, h.id)
	place, err := placeOf(h.token)
	if err != nil {
		return err
	}
	page.Until = s.cfg.Now().Add(tokenLasts).UnixMilli()
	body, err := seal.Marshal(page)
	if err != nil {
		return err
	}
	record, err := place.key.Seal(bound(h.vault, h.id, "page"), nil, body)
	if err != nil {
		return err
	}
	return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if _, err := reload(tx, h.vault, h.id, s.cfg.Now()); err != nil {
			return err
		}
		putPassing(tx, place.at, record, s.cfg.Now().Add(tokenLasts))
		return nil
	}))
}

// page is where what belongs to a token lies.
type page struct {
	vault vault.ID
	id    RequestID
	at    string
	key   seal.Key
}

func placeOf(token string) (page, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 64 {
		return page{}, ErrCode
	}
	p := page{vault: vault.ID(raw[:16]), id: RequestID(raw[16:32])}
	name := sha256.Sum256(raw)
	p.at = requestKey(p.vault, p.id) + "/t/" + vault.ID(name[:16]).String()
	p.key = seal.DeriveKey(raw[32:], "page of a hand-over", raw[:32])
	return p, nil
}

// Resume opens it again with its token, within an hour, also in another process.
// Errors: those of Enter.
func (s *Service) Resume(ctx context.Context, token string) (*HandOver, error) {
	place, err := placeOf(token)
	if err != nil {
		return nil, err
	}
	rec, err := s.cfg.Store.Get(ctx, place.at)
	if isNotFound(err) {
		return nil, ErrCode
	}
	if err != nil {
		return nil, storageError(err)
	}
	_, body, err := place.key.Open(bound(place.vault, place.id, "page"), rec.Value)
	var page atPage
	if err != nil || seal.Unmarshal(body, &page) != nil || !s.cfg.Now().Before(time.UnixMilli(page.Until)) {
		return nil, ErrCode
	}
	h, err := s.handOver(ctx, place.vault, place.id, page)
	if err == nil {
		h.token = token
	}
	return h, err
}

// handOver opens everything that was given, and says what is still missing.
func (s *Service) handOver(ctx context.Context, id vault.ID, request RequestID, page atPage) (*HandOver, error) {
	r, err := s.load(ctx, id, request)
	if err != nil {
		return nil, err
	}
	if !r.isOpen(s.cfg.Now()) {
		return nil, ErrRequest
	}
	private, err := seal.BoxKeyFromBytes(page.Private)
	if err != nil {
		return nil, errDamaged
	}
	h := &HandOver{service: s, vault: id, id: request, record: r, Until: time.UnixMilli(r.Until).UTC()}
	codeMissing := false
	if h.relay, _, err = s.collect(ctx, h, sideRelay, private, nil); err != nil {
		return nil, err
	}
	if h.desk, codeMissing, err = s.collect(ctx, h, sideDesk, private, page.Desk); err != nil {
		return nil, err
	}
	now, err := s.facts(ctx, id, r.Path)
	if err != nil {
		return nil, err
	}
	h.forget(now.Slot)
	facts, err := s.cfg.Vaults.PathFacts(ctx, id, r.Path, h.relay.half(), h.desk.half())
	if errors.Is(err, vault.ErrSignIn) {
		return nil, ErrRequest // the paths have changed since, or the half is of another time
	}
	if err != nil {
		return nil, err
	}
	h.Kind, h.Private, h.params = facts.Kind, facts.Private, facts.Params
	if err := h.ready(ctx, codeMissing); err != nil {
		return nil, err
	}
	shown, err := readShown(facts.Shown)
	h.Questions, h.Pictures = shown.Questions, int(shown.Pictures)
	return h, err
}

// collect opens the half of a side. nil if there is none, or one that the store altered
// (F10): it is given again. sealed says that it lies under a code that was not said.
func (s *Service) collect(ctx context.Context, h *HandOver, side string, private seal.BoxKey, opened []byte) (g *givenHalf, sealed bool, err error) {
	rec, err := s.cfg.Store.Get(ctx, sideKey(h.vault, h.id, side))
	if isNotFound(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, storageError(err)
	}
	var stored given
	if seal.Unmarshal(rec.Value, &stored) != nil {
		return nil, false, nil
	}
	box := stored.Box
	if stored.Salt != nil {
		if box = opened; box == nil {
			return nil, true, nil
		}
	}
	g, err = s.openHalf(ctx, h.vault, h.id, h.record, side, private, box)
	if errors.Is(err, vault.ErrTampered) || errors.Is(err, vault.ErrUntrustedKey) {
		return nil, false, nil
	}
	return g, false, err
}

// forget leaves out what was given for another keyslot: since then a relay has gone, and
// the others have other halves (N4). They give again.
func (h *HandOver) forget(slot [16]byte) {
	if h.relay != nil && h.relay.Slot != slot {
		h.relay = nil
	}
	if h.desk != nil && h.desk.Slot != slot {
		h.desk = nil
	}
}

func (g *givenHalf) half() vault.Half {
	if g == nil {
		return vault.Half{}
	}
	return vault.Half{Shared: g.Shared, Private: g.Private}
}

// ready says what is still missing; a NotReadyError names it.
func (h *HandOver) ready(ctx context.Context, codeMissing bool) error {
	missing := &NotReadyError{}
	if h.Kind.Relay() && h.relay == nil {
		missing.Missing = append(missing.Missing, MissingRelay)
	}
	switch {
	case h.Kind.Desk() && codeMissing:
		missing.Missing = append(missing.Missing, MissingDeskCode)
	case h.Kind.Desk() && h.desk == nil:
		missing.Missing = append(missing.Missing, MissingDesk)
	}
	if h.Kind.Witness() {
		w, err := h.service.atWitnessStill(ctx, h.vault, h.id, missing)
		if err != nil {
			return err
		}
		h.Later = h.Kind == vault.PathHelpers && h.Private && len(w.Ready) > 1 && w.Ready[1] > 0
		h.Private = h.Private && !h.Later
	}
	if err := missing.orNil(); err != nil || h.Kind.Witness() {
		return err
	}
	if err := h.lasts(ctx); err != nil {
		return err
	}
	return h.notEnded(ctx)
}

// Token opens the hand-over again for an hour. Keep it where a session's token is kept.
func (h *HandOver) Token() string { return h.token }
