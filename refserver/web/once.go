package web

import (
	"context"
	"crypto/sha256"
	"maps"
	"sync"
	"time"
)

// once makes repeated clicks harmless: a form carries a random name, and what
// it did is done once for each session and name. The second click gets the
// answer of the first, also while that is still at work. It lives in the memory
// of one process, which is enough for clicks; programs use the API.
type once struct {
	now  func() time.Time
	mu   sync.Mutex
	acts map[[32]byte]*act
}

// act is what one form did.
type act struct {
	finished chan struct{} // closed when answer and err are set
	answer   string
	err      error
	began    time.Time
}

// onceKeeps is how long an answer is kept: a form that is sent again later has
// been looked at again.
const onceKeeps = 30 * time.Minute

// mostActs bounds the memory of forms that were sent.
const mostActs = 10_000

func newOnce(now func() time.Time) *once {
	return &once{now: now, acts: map[[32]byte]*act{}}
}

// do returns what act returns, or what it returned before for this session and
// form. An act that failed is tried anew.
func (o *once) do(ctx context.Context, token, form string, work func() (string, error)) (string, error) {
	if form == "" {
		return work()
	}
	key := sha256.Sum256([]byte(token + "\x00" + form))
	for {
		mine, a := o.begin(key)
		if mine {
			a.answer, a.err = work()
			o.end(key, a)
			return a.answer, a.err
		}
		select {
		case <-a.finished:
			if a.err == nil {
				return a.answer, nil
			}
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (o *once) begin(key [32]byte) (mine bool, a *act) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	if a := o.acts[key]; a != nil && now.Sub(a.began) < onceKeeps {
		return false, a
	}
	if len(o.acts) >= mostActs {
		maps.DeleteFunc(o.acts, func(_ [32]byte, a *act) bool { return now.Sub(a.began) >= onceKeeps })
	}
	if len(o.acts) >= mostActs {
		clear(o.acts) // a flood: clicks may count twice again, memory stays bounded
	}
	a = &act{finished: make(chan struct{}), began: now}
	o.acts[key] = a
	return true, a
}

func (o *once) end(key [32]byte, a *act) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if a.err != nil && o.acts[key] == a {
		delete(o.acts, key)
	}
	close(a.finished)
}
