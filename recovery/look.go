package recovery

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Whoever comes too early with the right number and code has spent a try all the same:
// it is counted before it is looked at (F9), and nobody but who is in sets a count right,
// or a guesser could (N6). So that to look again costs nothing, they get a token that
// opens nothing: it only says how far the request is, until its end.

// looking is what a token to look is good for, V/rq/<id>/t/<name>, sealed under it: 72
// bytes. A half of which this is the digest does not serve: it is to be given (again).
type looking struct {
	until       time.Time
	relay, desk [sha256.Size]byte // of what lies there; zero: nothing, or it serves
}

func (l looking) bytes() []byte {
	return slices.Concat(binary.BigEndian.AppendUint64(nil, uint64(l.until.UnixMilli())), l.relay[:], l.desk[:]) //nolint:gosec // a time after 1970
}

func readLooking(body []byte) (l looking, ok bool) {
	if len(body) != 8+2*sha256.Size {
		return l, false
	}
	l.until = time.UnixMilli(int64(binary.BigEndian.Uint64(body))) //nolint:gosec // as it was written
	copy(l.relay[:], body[8:])
	copy(l.desk[:], body[8+sha256.Size:])
	return l, true
}

// newToken draws what opens a record beside a request.
func newToken(id vault.ID, request RequestID) string {
	secret := seal.NewKey()
	return base64.RawURLEncoding.EncodeToString(slices.Concat(id[:], request[:], secret.Bytes()))
}

// keepLook adds to what is missing a token to look again.
func (s *Service) keepLook(ctx context.Context, id vault.ID, request RequestID, missing *NotReadyError) error {
	if slices.Equal(missing.Missing, []Missing{MissingDeskCode}) {
		return nil // nothing to wait for: it can be typed now
	}
	r, err := s.load(ctx, id, request)
	if err != nil {
		return err
	}
	l := looking{until: time.UnixMilli(r.Until)}
	if slices.Contains(missing.Missing, MissingRelay) {
		l.relay, err = s.givenDigest(ctx, id, request, sideRelay)
	}
	if err == nil && slices.Contains(missing.Missing, MissingDesk) {
		l.desk, err = s.givenDigest(ctx, id, request, sideDesk)
	}
	if err != nil {
		return err
	}
	token := newToken(id, request)
	place, err := placeOf(token)
	if err != nil {
		return err
	}
	record, err := place.key.Seal(bound(id, request, "look"), nil, l.bytes())
	if err != nil {
		return err
	}
	missing.Look = token
	return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if _, err := reload(tx, id, request, s.cfg.Now()); err != nil {
			return err
		}
		putPassing(tx, place.at, record, l.until)
		return nil
	}))
}

// givenDigest is of what a side gave; zero if it gave nothing.
func (s *Service) givenDigest(ctx context.Context, id vault.ID, request RequestID, side string) (digest [sha256.Size]byte, err error) {
	rec, err := s.cfg.Store.Get(ctx, sideKey(id, request, side))
	switch {
	case isNotFound(err):
		return digest, nil
	case err != nil:
		return digest, storageError(err)
	}
	return sha256.Sum256(rec.Value), nil
}

// Look says how far a request is, to who came too early and has the token of
// [NotReadyError]: it counts no try, as it opens nothing. nil: nothing is known to be
// missing any more, number and code open it. Errors: NotReadyError, without a token of its
// own; ErrCode for a token that is none, ErrRequest, vault.ErrWitnessAway.
func (s *Service) Look(ctx context.Context, token string) error {
	at, l, err := s.openLook(ctx, token)
	if err != nil {
		return err
	}
	r, err := s.load(ctx, at.vault, at.id)
	if err != nil {
		return err
	}
	if now := s.cfg.Now(); !r.isOpen(now) || !now.Before(l.until) {
		return ErrRequest
	}
	facts, err := s.facts(ctx, at.vault, r.Path)
	if err != nil {
		return err
	}
	relay, err := s.givenDigest(ctx, at.vault, at.id, sideRelay)
	if err != nil {
		return err
	}
	desk, err := s.givenDigest(ctx, at.vault, at.id, sideDesk)
	if err != nil {
		return err
	}
	missing := &NotReadyError{}
	if facts.Kind.Relay() && relay == l.relay {
		missing.Missing = append(missing.Missing, MissingRelay)
	}
	if facts.Kind.Desk() && desk == l.desk {
		missing.Missing = append(missing.Missing, MissingDesk)
	}
	if facts.Kind.Witness() {
		if _, err := s.atWitnessStill(ctx, at.vault, at.id, missing); err != nil {
			return err
		}
	}
	return missing.orNil()
}

// openLook reads what a token to look is good for.
func (s *Service) openLook(ctx context.Context, token string) (at page, l looking, err error) {
	if at, err = placeOf(token); err != nil {
		return at, l, err
	}
	rec, err := s.cfg.Store.Get(ctx, at.at)
	if isNotFound(err) {
		return at, l, ErrCode
	}
	if err != nil {
		return at, l, storageError(err)
	}
	_, body, err := at.key.Open(bound(at.vault, at.id, "look"), rec.Value)
	l, ok := readLooking(body)
	if err != nil || !ok {
		return at, l, ErrCode
	}
	return at, l, nil
}

// orNil is nil where nothing is missing.
func (e *NotReadyError) orNil() error {
	if len(e.Missing) == 0 {
		return nil
	}
	return e
}

// atWitnessStill adds what the witness waits for. ErrRequest if it has ended the request.
func (s *Service) atWitnessStill(ctx context.Context, id vault.ID, request RequestID, missing *NotReadyError) (*WitnessRequest, error) {
	w, err := s.atWitness(ctx, id, request)
	if err != nil {
		return nil, err
	}
	if w.Cancelled {
		return nil, ErrRequest
	}
	var r Request
	r.addMissing(w)
	missing.Missing, missing.Wait = append(missing.Missing, r.Missing...), r.Wait
	return w, nil
}

// tooEarly is the answer to who has the right number and code while something is missing.
func (s *Service) tooEarly(ctx context.Context, id vault.ID, request RequestID, err error) error {
	missing := (*NotReadyError)(nil)
	if !errors.As(err, &missing) {
		return err
	}
	if err := s.keepLook(ctx, id, request, missing); err != nil {
		return err
	}
	return missing
}
