package vault

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// EventType says what happened, and nothing of whom: a stable code.
type EventType string

// What happens in people's vaults; those of workers and relays are not told of. These are few: each is told by the records of its commit anyway, so that
// what waits to be given out says no more to a store, and none singles out what is
// rare enough to point at somebody at a relay.
const (
	EventVaultCreated   EventType = "vault.created"
	EventVaultClosed    EventType = "vault.closed"    // it can still be reopened
	EventVaultErased    EventType = "vault.erased"    // also one that was created and never acknowledged
	EventDepositWaiting EventType = "deposit.waiting" // something was left in an inbox
	EventRecoveryOpened EventType = "recovery.opened" // somebody asks to get back in
	EventVaultRecovered EventType = "vault.recovered" // and is
)

// Event tells a program of the embedder that something happened. It is a hint and no
// proof: a store can drop or make up such records, and nothing may depend on one. It
// names no vault, no relay and no actor, under no pseudonym either: with one, the events
// of a person could be laid side by side, which is a profile of them.
type Event struct {
	ID   string // drawn for it; the same each time it is given out
	Type EventType
	Hour time.Time // the full hour, in UTC, in which it happened
}

// Events takes events, such as a queue of the embedder's. It must be safe for many
// goroutines.
type Events interface {
	// Publish takes one over: with nil it is the other side's to keep. After an error
	// it is given again, and it may be given twice without one: Event.ID says so.
	Publish(ctx context.Context, e Event) error
}

// EventReport counts what one round of events did.
type EventReport struct {
	Published int
	Failed    int // that were not taken; tried again after five minutes
	Lost      int // that nobody took for thirty days
}

// An event that was not given out yet lies beside the vaults, written in the commit of what
// it is about, so that neither is without the other:
//
//	svc/event/<hour>/<type>/<id>  decimal unix milliseconds until which a service gives it out; or nothing
//
// Nothing leads from it to a vault. Each is a record of its own, so that two acts never
// wait for each other.
const (
	eventPrefix = "svc/event/"
	eventHour   = "2006010215" // UTC

	eventsAtOnce  = 40
	eventLease    = 5 * time.Minute
	eventsKept    = 30 * 24 * time.Hour
	publishWaits  = 10 * time.Second
	eventKeyParts = 3
)

// eventOf says which event an act is.
func eventOf(act Act) EventType {
	switch act {
	case ActCreated:
		return EventVaultCreated
	case ActClosed:
		return EventVaultClosed
	case ActLeft:
		return EventDepositWaiting
	case ActRecovered:
		return EventVaultRecovered
	case "request.opened": // recovery.ActRequestOpened
		return EventRecoveryOpened
	}
	return ""
}

// announce writes an event into the commit of what it is about, if that is a person's.
func (s *Vaults) announce(tx *storage.Tx, of seal.Kind, what EventType) {
	if s.cfg.Events != nil && of == seal.KindPerson && what != "" {
		tx.Put(eventPrefix+s.now().Format(eventHour)+"/"+string(what)+"/"+ID(newID()).String(), nil)
	}
}

// announceErased does so where only the owner head says whose it was.
func (s *Vaults) announceErased(tx *storage.Tx, id ID) error {
	if s.cfg.Events == nil {
		return nil
	}
	rec, err := tx.Get(id.head(Owner))
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if h, err := openOwnerHead(id, rec.Value); err == nil {
		s.announce(tx, h.Kind, EventVaultErased)
	}
	return nil
}

// PublishEvents gives out what happened in hours that are over, and not sooner: who
// gets an event in the minute of an act, and sees who leaves a relay then, knows of
// whom it tells. Within an hour they come in no order.
//
// Run it every few minutes. Several services may: each takes some for five minutes, and
// what it could not give out, or took and died with, another one gives out after that. So
// each event is given out at least once, as long as somebody takes it within thirty days.
// Without Config.Events it removes what is older. Errors: the first of Publish; ErrStorage.
func (s *Vaults) PublishEvents(ctx context.Context) (r EventReport, err error) {
	now := s.now().Format(eventHour)
	var batch []string
	for rec, err := range s.cfg.Store.All(ctx, eventPrefix) {
		if err != nil {
			return r, storageError(err)
		}
		hour, _, _ := strings.Cut(strings.TrimPrefix(rec.Key, eventPrefix), "/")
		if hour >= now {
			break
		}
		if batch = append(batch, rec.Key); len(batch) == eventsAtOnce {
			if err := s.publishBatch(ctx, batch, &r); err != nil {
				return r, err
			}
			batch = nil
		}
	}
	return r, s.publishBatch(ctx, batch, &r)
}

// publishBatch takes what nobody else has, gives it out, and removes it.
func (s *Vaults) publishBatch(ctx context.Context, keys []string, r *EventReport) error {
	taken, lost, err := s.takeEvents(ctx, keys)
	r.Lost += lost
	if err != nil {
		return err
	}
	var done []string
	var failed error
	for i, key := range taken {
		e, _ := ParseEvent(strings.TrimPrefix(key, eventPrefix))
		waits, cancel := context.WithTimeout(ctx, publishWaits)
		failed = s.cfg.Events.Publish(waits, e)
		cancel()
		if failed != nil {
			r.Failed += len(taken) - i // whoever takes none is not asked for each
			break
		}
		done = append(done, key)
	}
	r.Published += len(done)
	if len(done) > 0 { // also where the caller gives up: what was taken need not go twice
		err = s.cfg.Store.Transact(context.WithoutCancel(ctx), func(tx *storage.Tx) error {
			for _, key := range done {
				tx.Delete(key)
			}
			return nil
		})
	}
	return errors.Join(failed, storageError(err))
}

// takeEvents marks what this service gives out now, and drops what nobody took, or what
// is no event of ours.
func (s *Vaults) takeEvents(ctx context.Context, keys []string) (taken []string, lost int, err error) {
	if len(keys) == 0 {
		return nil, 0, nil
	}
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		taken, lost = nil, 0
		now := s.now()
		for _, key := range keys {
			rec, err := tx.Get(key)
			if isNotFound(err) {
				continue // another service was faster
			}
			if err != nil {
				return err
			}
			e, ok := ParseEvent(strings.TrimPrefix(key, eventPrefix))
			if !ok || now.Sub(e.Hour) >= eventsKept {
				tx.Delete(key)
				lost++
				continue
			}
			until, _ := strconv.ParseInt(string(rec.Value), 10, 64)
			// A lease that ends later than one of ours can is made up.
			if s.cfg.Events == nil || until > now.UnixMilli() && until <= now.Add(eventLease).UnixMilli() {
				continue
			}
			tx.Put(key, strconv.AppendInt(nil, now.Add(eventLease).UnixMilli(), 10))
			taken = append(taken, key)
		}
		return nil
	})
	return taken, lost, storageError(err)
}

// ParseEvent reads <hour>/<type>/<id>, as the key of a stored event ends: of a type that
// there is, so that a store can put no text of its own into what others are given.
func ParseEvent(key string) (e Event, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) != eventKeyParts {
		return e, false
	}
	hour, err := time.Parse(eventHour, parts[0])
	id, idErr := ParseID(parts[2])
	if err != nil || idErr != nil || !slices.Contains(EventTypes(), EventType(parts[1])) {
		return e, false
	}
	return Event{ID: id.String(), Type: EventType(parts[1]), Hour: hour}, true
}

// EventTypes returns the types that there are.
func EventTypes() []EventType {
	return []EventType{EventVaultCreated, EventVaultClosed, EventVaultErased, EventDepositWaiting, EventRecoveryOpened, EventVaultRecovered}
}
