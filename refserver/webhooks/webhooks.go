// Package webhooks tells programs of others of events, as Standard Webhooks
// (https://www.standardwebhooks.com): a signed POST each, whose body is a CloudEvent
// without data. They are tried for three days, and never go to a machine of the
// operator's own network (package outbound).
package webhooks

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"reconnect.example/refserver/events"
	"reconnect.example/refserver/outbound"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Config is what a sender needs.
type Config struct {
	Store     *storage.Store
	Endpoints []Endpoint
	Source    string           // as for events.Encode
	Now       func() time.Time // nil: time.Now
	Outbound  *outbound.Client // nil: one that reaches the public internet only
	Jitter    func() float64   // from 0 to 1, for tests; nil: crypto/rand
}

// Sender is a [vault.Events]: what it takes lies in the store until it is delivered. Safe
// for many goroutines, and several processes may deliver from one store.
type Sender struct {
	cfg  Config
	keys map[string][][]byte // by name
}

// Report counts what one round of deliveries did.
type Report struct {
	Sent   int
	Failed int // tries that were not answered with 2xx
	Lost   int // that were not taken for three days
}

// What is to be delivered, and how an endpoint is doing:
//
//	svc/hook/<name>/<hour>/<type>/<id>  decimal unix milliseconds until which a service tries it; or nothing
//	svc/hooked/<name>                   JSON {"failed": in a row, "next": unix milliseconds before which nobody tries}
const (
	hookPrefix   = "svc/hook/"
	hookedPrefix = "svc/hooked/"
	hourForm     = "2006010215"

	keeps      = 3 * 24 * time.Hour
	lease      = 5 * time.Minute
	atOnce     = 20
	firstPause = time.Minute
	mostPause  = 4 * time.Hour
)

// New checks the endpoints, and names every problem at once.
func New(cfg Config) (*Sender, error) {
	if cfg.Store == nil {
		return nil, errors.New("webhooks: Config.Store is missing")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Outbound == nil {
		cfg.Outbound = outbound.New(nil)
	}
	if cfg.Jitter == nil {
		cfg.Jitter = draw
	}
	if err := CheckEndpoints(cfg.Endpoints, cfg.Outbound); err != nil {
		return nil, err
	}
	s := &Sender{cfg: cfg, keys: map[string][][]byte{}}
	for _, e := range cfg.Endpoints {
		for _, secret := range e.Secrets {
			s.keys[e.Name] = append(s.keys[e.Name], parseSecret(secret))
		}
	}
	return s, nil
}

// Publish keeps an event for each endpoint that wants it, in one commit. Given twice, it
// is kept once, unless it was delivered in between.
func (s *Sender) Publish(ctx context.Context, e vault.Event) error {
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		for _, to := range s.cfg.Endpoints {
			if to.wants(e.Type) {
				tx.Put(hookPrefix+to.Name+"/"+e.Hour.UTC().Format(hourForm)+"/"+string(e.Type)+"/"+e.ID, nil)
			}
		}
		return nil
	})
}

// Deliver tries what is to be delivered. Run it every minute; what is taken in a commit
// before it is sent is not sent by another process for five minutes, and what a process
// died with is sent again. Endpoints wait for nobody but themselves: one that fails is
// left alone for a minute, then twice as long each time, to four hours, more or less by a
// quarter so that not all come at once. Errors: those of the store; a refusal is counted.
func (s *Sender) Deliver(ctx context.Context) (Report, error) {
	reports := make([]Report, len(s.cfg.Endpoints))
	errs := make([]error, len(s.cfg.Endpoints))
	var all sync.WaitGroup
	for n, to := range s.cfg.Endpoints {
		all.Go(func() { errs[n] = s.deliverTo(ctx, to, &reports[n]) })
	}
	all.Wait()
	var sum Report
	for _, r := range reports {
		sum = Report{sum.Sent + r.Sent, sum.Failed + r.Failed, sum.Lost + r.Lost}
	}
	return sum, errors.Join(errs...)
}

func (s *Sender) deliverTo(ctx context.Context, to Endpoint, r *Report) error {
	var batch []string
	for rec, err := range s.cfg.Store.All(ctx, hookPrefix+to.Name+"/") {
		if err != nil {
			return err
		}
		if batch = append(batch, rec.Key); len(batch) == atOnce {
			if more, err := s.deliverBatch(ctx, to, batch, r); err != nil || !more {
				return err
			}
			batch = nil
		}
	}
	_, err := s.deliverBatch(ctx, to, batch, r)
	return err
}

// deliverBatch takes some and sends them, one after the other; more is false when the
// endpoint is to be left alone.
func (s *Sender) deliverBatch(ctx context.Context, to Endpoint, keys []string, r *Report) (more bool, err error) {
	if len(keys) == 0 {
		return true, nil
	}
	taken, lost, err := s.take(ctx, to, keys)
	r.Lost += lost
	if err != nil || taken == nil {
		return false, err
	}
	var done []string
	var failed error
	for _, key := range taken {
		if failed = s.send(ctx, to, key); failed != nil {
			break
		}
		done = append(done, key)
	}
	r.Sent += len(done)
	if failed != nil && ctx.Err() == nil {
		r.Failed++
	}
	return failed == nil, s.done(context.WithoutCancel(ctx), to, taken, done, failed)
}

// take marks what this process sends now; nil: the endpoint is left alone for a while.
// What is too old is dropped also then.
func (s *Sender) take(ctx context.Context, to Endpoint, keys []string) (taken []string, lost int, err error) {
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		taken, lost = nil, 0
		now := s.cfg.Now()
		state, err := readState(tx, to.Name)
		if err != nil {
			return err
		}
		// Longer than any pause of ours is made up.
		resting := state.Next > now.UnixMilli() && state.Next <= now.Add(2*mostPause).UnixMilli()
		if !resting {
			taken = []string{}
		}
		for _, key := range keys {
			rec, err := tx.Get(key)
			if errors.Is(err, storage.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			e, ok := parseKey(to.Name, key)
			if !ok || now.Sub(e.Hour) >= keeps {
				tx.Delete(key)
				lost++
				continue
			}
			until, _ := strconv.ParseInt(string(rec.Value), 10, 64)
			if resting || until > now.UnixMilli() && until <= now.Add(lease).UnixMilli() {
				continue
			}
			tx.Put(key, strconv.AppendInt(nil, now.Add(lease).UnixMilli(), 10))
			taken = append(taken, key)
		}
		return nil
	})
	return taken, lost, err
}

// send makes one request.
func (s *Sender) send(ctx context.Context, to Endpoint, key string) error {
	e, _ := parseKey(to.Name, key)
	body, err := events.Encode(e, s.cfg.Source)
	if err != nil {
		return err
	}
	at := s.cfg.Now()
	header := http.Header{}
	header.Set("Content-Type", events.ContentType)
	header.Set("Webhook-Id", e.ID)
	header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	header.Set("Webhook-Signature", sign(s.keys[to.Name], e.ID, at, body))
	return s.cfg.Outbound.Post(ctx, to.URL, header, bytes.NewReader(body))
}

// done removes what was taken by the other side, gives the rest back, and remembers how
// the endpoint is.
func (s *Sender) done(ctx context.Context, to Endpoint, taken, done []string, failed error) error {
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		for _, key := range done {
			tx.Delete(key)
		}
		for _, key := range taken[len(done):] {
			if _, err := tx.Get(key); err == nil {
				tx.Put(key, nil)
			} else if !errors.Is(err, storage.ErrNotFound) {
				return err
			}
		}
		state, err := readState(tx, to.Name)
		if err != nil {
			return err
		}
		if failed == nil {
			if state != (hooked{}) {
				tx.Delete(hookedPrefix + to.Name)
			}
			return nil
		}
		state.Failed = min(state.Failed+1, 100)
		state.Next = s.cfg.Now().Add(s.pause(state.Failed)).UnixMilli()
		raw, err := json.Marshal(state)
		if err == nil {
			tx.Put(hookedPrefix+to.Name, raw)
		}
		return err
	})
}

// pause is how long an endpoint is left alone that failed so often in a row.
func (s *Sender) pause(failed int) time.Duration {
	d := mostPause
	if failed < 10 {
		d = min(d, firstPause<<(failed-1))
	}
	return time.Duration(float64(d) * (0.75 + s.cfg.Jitter()/2))
}

// draw is a number from 0 to 1.
func draw() float64 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails (Go 1.24)
	return float64(binary.BigEndian.Uint16(b[:])) / (1 << 16)
}

type hooked struct {
	Failed int   `json:"failed"`
	Next   int64 `json:"next"`
}

func readState(tx *storage.Tx, name string) (h hooked, err error) {
	rec, err := tx.Get(hookedPrefix + name)
	if errors.Is(err, storage.ErrNotFound) {
		return h, nil
	}
	if err == nil && json.Unmarshal(rec.Value, &h) != nil {
		h = hooked{} // not ours
	}
	if h.Failed < 0 {
		h.Failed = 0
	}
	return h, err
}

func parseKey(name, key string) (vault.Event, bool) {
	return vault.ParseEvent(strings.TrimPrefix(key, hookPrefix+name+"/"))
}
