package vault

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// A session keeps a vault open between requests and processes. It is a record
// sealed under a token of 256 bits, of which the store holds only a hash; it
// holds generations and the vault's key, never roots, so that what needs roots
// asks for the secret again (G1). As stored, V/n/<session>:
//
//	clear CBOR{1: epoch, 2: started, 3: last use, 4: device, sealed under Owner, 5: locked} | sealed under HKDF(token):
//	  CBOR{1: actor, 2: vault signing seed, 3: generations by compartment}
//
// A session is over when its record is gone, its time is up, the owner head has a
// higher epoch, or somebody who helps the person has stopped all of them (stop.go).
type session struct {
	id      SessionID
	key     seal.Key // from the token
	token   string
	started time.Time
	used    time.Time
	device  []byte
	locked  bool
	opening bool // by its password: the lock does not hold this handle
}

// SessionRequest asks for a session at a sign-in.
type SessionRequest struct {
	Device string // as the list of sessions shall show it: "phone", "screen at the relay"
}

// detail is what the journal says of a sign-in.
func (r *SessionRequest) detail() map[string]string {
	if r == nil || r.Device == "" {
		return nil
	}
	return map[string]string{"device": r.Device}
}

func (r *SessionRequest) check() error { return checkText("device", r.Device, 100, false) }

type sessionClear struct {
	Epoch   uint64 `cbor:"1,keyasint"`
	Started int64  `cbor:"2,keyasint"` // unix milliseconds
	Used    int64  `cbor:"3,keyasint"`
	Device  []byte `cbor:"4,keyasint"`
	Locked  bool   `cbor:"5,keyasint,omitempty"`
}

type sessionBody struct {
	Actor  Actor                      `cbor:"1,keyasint"`
	Signer []byte                     `cbor:"2,keyasint"`
	Rings  map[uint8][]generationBody `cbor:"3,keyasint"`
}

const (
	maxSessions = 32 // of one vault (G10)
	usedEvery   = 5 * time.Minute
)

// sessionKeys derives the id and the key of a session from the secret of its token.
func sessionKeys(id ID, secret []byte) (SessionID, seal.Key) {
	name := seal.Digest(append([]byte("reconnect session id"), secret...))
	return SessionID(name[:16]), seal.DeriveKey(secret, "session", id[:])
}

func (v *Vault) sessionContext(s SessionID) seal.Context {
	return v.id.bind(seal.TypeSession, 0, 0, s[:], 0)
}

// openSession adds a new session to this turn and makes it the handle's own.
func (t *turn) openSession(req *SessionRequest) error {
	if req == nil {
		return nil
	}
	if err := req.check(); err != nil {
		return err
	}
	if err := t.makeRoom(); err != nil {
		return err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	s := &session{started: t.now, used: t.now}
	s.id, s.key = sessionKeys(t.v.id, secret)
	s.token = base64.RawURLEncoding.EncodeToString(append(t.v.id[:], secret...))
	// Under Owner's own key, not to its public inbox: a session that the store
	// makes up does not open, and is not shown.
	gen := t.rings[Owner].current()
	device, err := gen.key.Seal(t.v.deviceContext(s.id, gen.number), nil, []byte(req.Device))
	if err != nil {
		return err
	}
	s.device = device
	t.session = s // the handle's own once the commit has happened
	return t.putSession()
}

func (v *Vault) deviceContext(s SessionID, generation uint64) seal.Context {
	return v.id.bind(seal.TypeSession, Owner, generation, s[:], 0)
}

// makeRoom drops sessions whose time is up, and then the one used longest ago.
func (t *turn) makeRoom() error {
	all, err := t.sessions()
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b storedSession) int { return int(a.clear.Used - b.clear.Used) })
	for i, s := range all {
		if !t.sessionAlive(s.clear) || len(all)-i >= maxSessions {
			t.tx.Delete(s.key)
		}
	}
	return nil
}

// putSession writes the handle's session with what the handle holds now.
func (t *turn) putSession() error {
	v, s := t.v, t.session
	if s == nil {
		return nil
	}
	body := sessionBody{Actor: v.actor, Signer: t.signer.Bytes(), Rings: map[uint8][]generationBody{}}
	for c, r := range t.rings {
		body.Rings[uint8(c)] = r.body()
	}
	raw, err := seal.Marshal(body)
	if err != nil {
		return err
	}
	clear, err := seal.Marshal(sessionClear{Epoch: t.heads.owner.Epoch, Started: s.started.UnixMilli(), Used: s.used.UnixMilli(), Device: s.device, Locked: s.locked})
	if err != nil {
		return err
	}
	record, err := s.key.Seal(v.sessionContext(s.id), clear, raw)
	if err != nil {
		return err
	}
	key := v.id.session(s.id)
	t.tx.PutUnique(key, record)
	t.tx.Put(storage.DueKey(s.started.Add(v.service.limitsOf(t.heads.owner).longest), v.id.String(), "session-"+s.id.String()), nil)
	return nil
}

// Token returns what opens this session again with [Vaults.Resume], or "" if it
// was opened without one. It is a secret: whoever has it is signed in. It is
// for a cookie or a bearer header, never for a URL or a log.
func (v *Vault) Token() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.session == nil {
		return ""
	}
	return v.session.token
}

// Resume opens the vault of a session, in any process on the same store.
// ErrSessionEnded if it is over, unknown or not a token; ErrLocked if it is locked.
func (s *Vaults) Resume(ctx context.Context, token string) (*Vault, error) {
	return s.openToken(ctx, token, false)
}

func (s *Vaults) openToken(ctx context.Context, token string, opening bool) (*Vault, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != 16+32 || base64.RawURLEncoding.EncodeToString(raw) != token { // one spelling
		return nil, ErrSessionEnded
	}
	v := &Vault{service: s, id: ID(raw[:16])}
	own := &session{token: token, opening: opening}
	own.id, own.key = sessionKeys(v.id, raw[16:])
	rec, err := s.cfg.Store.Get(ctx, v.id.session(own.id))
	if isNotFound(err) {
		return nil, ErrSessionEnded
	}
	if err != nil {
		return nil, storageError(err)
	}
	if err := v.openSessionRecord(own, rec.Value); err != nil {
		return nil, err
	}
	// Not alone what the record says: heads, epoch and checkpoints must agree.
	if err := v.stillOpen(ctx); err != nil {
		return nil, err
	}
	return v, nil
}

func (v *Vault) openSessionRecord(own *session, stored []byte) error {
	clear, err := parseSession(stored)
	if err != nil {
		return ErrSessionEnded
	}
	_, raw, err := own.key.Open(v.sessionContext(own.id), stored)
	var body sessionBody
	if err != nil || seal.Unmarshal(raw, &body) != nil {
		return ErrSessionEnded
	}
	if v.signer, err = seal.SigningKeyFromBytes(body.Signer); err != nil {
		return ErrSessionEnded
	}
	v.rings = rings{}
	for c, b := range body.Rings {
		r, ok := parseRing(b)
		if !ok {
			return ErrSessionEnded
		}
		v.rings[Compartment(c)] = r
	}
	v.actor, v.epoch, v.session = body.Actor, clear.Epoch, own
	own.started, own.used, own.device, own.locked = time.UnixMilli(clear.Started).UTC(), time.UnixMilli(clear.Used).UTC(), clear.Device, clear.Locked
	return nil
}

func parseSession(stored []byte) (c sessionClear, err error) {
	_, raw, err := seal.ParseClear(stored)
	if err != nil {
		return c, err
	}
	return c, seal.Unmarshal(raw, &c)
}

// checkSession refuses an act whose session was ended, is too old or is locked, in the
// commit of the act itself (N7, N17, F12).
func (v *Vault) checkSession(tx *storage.Tx, h *heads, now time.Time) error {
	if v.session == nil {
		return nil
	}
	rec, err := tx.Get(v.id.session(v.session.id))
	if isNotFound(err) {
		return ErrSessionEnded
	}
	if err != nil {
		return err
	}
	clear, err := parseSession(rec.Value)
	if err != nil || !v.service.limitsOf(h.owner).alive(clear, now) {
		return ErrSessionEnded
	}
	if clear.Locked && !v.session.opening {
		return ErrLocked
	}
	v.session.locked = clear.Locked // another process may have opened it again: its mark is written anew with each use
	return nil
}

// stillOpen looks whether this vault may still be used, and counts as use.
func (v *Vault) stillOpen(ctx context.Context) error {
	return v.do(ctx, func(*turn) error { return nil })
}

// touch notes the use of the session, every five minutes, in whatever commit
// comes: a long upload or download is use, too. To try to open a locked one is none:
// whoever is at the device could keep it from its end.
func (t *turn) touch() error {
	if t.session == nil || t.session != t.v.session || t.session.locked || t.now.Sub(t.session.used) < usedEvery {
		return nil
	}
	used := *t.session
	used.used = t.now
	t.session = &used
	return t.putSession()
}
