package vault

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Session is one line of the list of sessions.
type Session struct {
	ID       SessionID
	Device   string
	Started  time.Time
	LastUsed time.Time // to five minutes
	Expires  time.Time // if it is not used
	Current  bool
}

type storedSession struct {
	key    string
	id     SessionID
	clear  sessionClear
	device string
}

// sessions reads the list. They are not under an index: one that the store
// brings back has an old epoch or an old time, and opens nothing without its token.
func (t *turn) sessions() ([]storedSession, error) {
	if err := t.asOwner(); err != nil {
		return nil, err
	}
	prefix := t.v.id.key("n/")
	recs, err := t.tx.Scan(prefix, "", 2*maxSessions)
	if err != nil {
		return nil, err
	}
	var out []storedSession
	for _, rec := range recs {
		id, err := ParseSessionID(strings.TrimPrefix(rec.Key, prefix))
		if err != nil {
			continue
		}
		clear, err := parseSession(rec.Value)
		if err != nil {
			continue
		}
		for _, g := range t.rings[Owner].generations {
			if _, device, err := g.key.Open(t.v.deviceContext(id, g.number), clear.Device); err == nil {
				out = append(out, storedSession{key: rec.Key, id: id, clear: clear, device: string(device)})
				break
			}
		}
	}
	return out, nil
}

func (t *turn) sessionAlive(c sessionClear) bool {
	return c.Epoch == t.heads.owner.Epoch && t.v.service.limitsOf(t.heads.owner).alive(c, t.now)
}

// Sessions lists the sessions that are open, the current one first.
func (v *Vault) Sessions(ctx context.Context) ([]Session, error) {
	var out []Session
	err := v.do(ctx, func(t *turn) error {
		out = nil
		all, err := t.sessions()
		if err != nil {
			return err
		}
		for _, s := range all {
			if !t.sessionAlive(s.clear) {
				continue
			}
			started, used := time.UnixMilli(s.clear.Started).UTC(), time.UnixMilli(s.clear.Used).UTC()
			expires := v.service.limitsOf(t.heads.owner).expires(started, used)
			current := v.session != nil && bytes.Equal(v.session.id[:], s.id[:])
			out = append(out, Session{ID: s.id, Device: s.device, Started: started, LastUsed: used, Expires: expires, Current: current})
		}
		t.note(ActSessionsListed, nil, map[string]string{"count": strconv.Itoa(len(out))})
		return nil
	})
	slices.SortFunc(out, func(a, b Session) int {
		if a.Current != b.Current {
			return map[bool]int{true: -1, false: 1}[a.Current]
		}
		return b.LastUsed.Compare(a.LastUsed)
	})
	return out, err
}

// EndSession ends another session. As a deleted record could be brought back by
// the store, the epoch is raised: every other session ends with it and signs in
// again; this one goes on (G13). ErrNotFound if there is no such session.
func (v *Vault) EndSession(ctx context.Context, id SessionID) error {
	return v.endSessions(ctx, &id)
}

// EndOtherSessions ends every session but this one. Who was let in ends all of them
// with [Vault.StopSessions].
func (v *Vault) EndOtherSessions(ctx context.Context) error { return v.endSessions(ctx, nil) }

func (v *Vault) endSessions(ctx context.Context, one *SessionID) error {
	if one != nil {
		v.mu.Lock()
		own := v.session != nil && v.session.id == *one
		v.mu.Unlock()
		if own {
			return v.SignOut(ctx)
		}
	}
	return v.do(ctx, func(t *turn) error {
		if one != nil {
			if _, err := t.tx.Get(v.id.session(*one)); isNotFound(err) {
				return ErrNotFound
			} else if err != nil {
				return err
			}
		}
		t.note(ActSessionsEnded, nil, nil)
		return t.raiseEpoch(2 * maxSessions)
	})
}

// besideKeys is how many records of ended sessions go with a commit that changes
// keys, which must stay below the limit of a batch. The others open nothing either,
// and go when their time is up.
const besideKeys = 16

// raiseEpoch ends all sessions but the handle's own, which is written anew, and
// deletes at most so many of their records.
func (t *turn) raiseEpoch(most int) error {
	t.heads.owner.Epoch++
	t.heads.owner.Stop = max(t.heads.owner.Stop, t.stop) // what it ended has ended now
	t.ownerDirty = true
	all, err := t.sessions()
	if err != nil {
		return err
	}
	deleted := 0
	for _, s := range all {
		if (t.v.session == nil || s.id != t.v.session.id) && deleted < most {
			t.tx.Delete(s.key)
			deleted++
		}
	}
	err = t.endVisits(func(session []byte) bool { return t.v.session == nil || !bytes.Equal(session, t.v.session.id[:]) })
	if err != nil {
		return err
	}
	return t.putSession()
}

// SignOut ends this session and forgets the keys.
func (v *Vault) SignOut(ctx context.Context) error {
	err := v.do(ctx, func(t *turn) error {
		if err := t.asOwner(); err != nil {
			return err
		}
		t.note(ActSignedOut, nil, nil)
		if v.session != nil {
			err := t.endVisits(func(session []byte) bool { return bytes.Equal(session, v.session.id[:]) })
			if err != nil {
				return err
			}
			t.tx.Delete(v.id.session(v.session.id))
			t.session = nil // so that this use of it does not write it again
		}
		return nil
	})
	if err == nil || errors.Is(err, ErrSessionEnded) {
		v.Close()
		return nil
	}
	return err
}
