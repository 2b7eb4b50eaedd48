package recovery_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

// world is two processes whose clocks differ from the witness's, beside the model.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	on    [2]*recoverytest.Stage
	parts [2]*parts
	skew  [2]time.Duration
	m     model
	pages []*heldPage
	lost  map[recovery.RequestID]bool // opened in a call that failed
	seen  map[string]int              // what came of everything that was done
	story []string                    // the same, in order
	drawn int
	aim   *aim // what somebody does on purpose; nil: anything
}

// aim is what is done by somebody who knows what they are doing.
type aim struct {
	r    *modelRequest
	who  int
	kind vault.PathKind
}

// heldPage is a page that somebody is at.
type heldPage struct {
	*recovery.HandOver
	r     *modelRequest
	slots int
	at    int       // the process
	until time.Time // of its token
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 1)), lost: map[recovery.RequestID]bool{}, seen: map[string]int{}}
	for i := range w.skew {
		w.skew[i] = time.Duration(w.rng.IntN(241)-120) * time.Minute
		if i == 0 && w.rng.IntN(2) == 0 {
			w.skew[i] = 0
		}
		w.parts[i] = &parts{}
		opts := w.parts[i].under(recoverytest.Options{Recovery: recovery.Config{Now: func() time.Time { return w.now(i) }}})
		if i == 0 {
			w.on[0] = recoverytest.New(t, opts)
		} else {
			w.on[1] = w.on[0].Another(t, opts)
		}
	}
	w.m = model{password: w.on[0].Amina.Password, paths: map[vault.PathKind]*modelPath{}, relay: true, desk: true, people: [4]int{0, 1, 2, 3}, lost: map[vault.PathKind][2]int{}}
	return w
}

func (w *world) now(process int) time.Time { return w.witnessNow().Add(w.skew[process]) }

func (w *world) witnessNow() time.Time {
	if w.on[0] == nil {
		return time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	}
	return w.on[0].Clock.Now()
}

// came notes what came of something, so that a run that tests nothing is seen.
func (w *world) came(what string, err error) {
	word := "ok"
	if err != nil {
		word = err.Error()
	}
	w.seen[what+": "+word]++
	w.story = append(w.story, what+": "+word)
}

// staff are who may help, as signed in at a process.
func (w *world) staff(process int) []*consenttest.Staff {
	s := w.on[process]
	return []*consenttest.Staff{s.Samir, s.Rosa, s.Lina, s.Omar}
}

// somebody is one of them, by their number.
func (w *world) somebody() (process, who int) {
	if w.aim != nil {
		return w.rng.IntN(2), w.aim.who
	}
	return w.rng.IntN(2), w.rng.IntN(4)
}

func (w *world) request() *modelRequest {
	if w.aim != nil {
		return w.aim.r
	}
	if len(w.m.requests) == 0 {
		return nil
	}
	recent := w.m.requests[max(0, len(w.m.requests)-6):]
	for range 4 { // rather one that is open
		if r := recent[w.rng.IntN(len(recent))]; r.state == recovery.StateOpen && !r.gone {
			return r
		}
	}
	return recent[w.rng.IntN(len(recent))]
}

// amina signs in at a process, with what the model says is her password.
func (w *world) amina(process int) *vault.Vault {
	w.t.Helper()
	s := w.on[process]
	s.Amina.Password = w.m.password
	s.Amina.Vault = s.Amina.SignIn(w.t, s.Stage.Stage)
	w.m.personIsIn()
	return s.Amina.Vault
}

// post is where one of the staff works.
func (w *world) post(process, who int) *consent.Post {
	return w.on[process].Post(w.t, w.staff(process)[who])
}

// try does something, with a fault in it now and then. What failed is tried again with
// everything well: sure is what came of it then, and again says that it was.
func (w *world) try(process int, do func() error) (again bool, err error) {
	w.t.Helper()
	if w.rng.IntN(5) > 0 {
		return false, do()
	}
	p := w.parts[process]
	f := faults[w.rng.IntN(len(faults))]
	f.set(p, 1+w.rng.IntN(12))
	err = do()
	if reached := p.heal(); !reached || err == nil {
		return reached, err
	}
	w.seen["failed"]++
	w.on[0].Clock.Advance(31 * time.Second) // whoever is away is not asked again for so long
	return true, do()
}

// patient waits as long as it is told to: predict says what must come of it, as it is then.
func (w *world) patient(process int, tries func() *bounds, do func() error, predict func(again bool, err error)) {
	w.t.Helper()
	for {
		again, err := w.try(process, do)
		var wait *vault.BackOffError
		if errors.As(err, &wait) {
			require.GreaterOrEqual(w.t, tries().most, freeTries, "told to wait at once")
			w.on[0].Clock.Advance(wait.Wait)
			continue
		}
		predict(again, err)
		return
	}
}

func modelSeed(t *testing.T) uint64 {
	if text := os.Getenv("RECONNECT_MODEL_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
		return seed
	}
	return rand.Uint64()
}

// Whatever people do, in whatever order, on whatever machine, and whatever fails: nobody
// opens what the model forbids, and nobody is kept out whom it lets in.
func TestRequestsAreAsTheModelSays(t *testing.T) {
	t.Parallel()
	seed := modelSeed(t)
	for n := range uint64(sized(2, 5)) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			t.Logf("RECONNECT_MODEL_SEED=%d", seed+n)
			w := newWorld(t, seed+n)
			defer func() {
				if t.Failed() {
					t.Log(strings.Join(w.story, "\n"))
				}
			}()
			w.enrol()
			for range sized(60, 120) {
				w.step()
			}
			w.requireJournal()
			w.requireCounts()
			t.Log(w.seen)
		})
	}
}

func (w *world) step() {
	acts := []struct {
		weight int
		do     func()
	}{
		{60, w.helpful}, {6, w.open}, {8, w.contribute}, {6, w.approve}, {2, w.cancel}, {1, w.cancelOwn}, {12, w.enter}, {8, w.complete},
		{4, w.resume}, {4, w.timePasses}, {2, w.enrol}, {1, w.withdraw}, {1, w.signIn}, {2, w.relayGoesOrComes}, {3, w.look}, {2, w.sweep},
		{1, w.workerLeaves}, {4, w.openLater},
	}
	sum := 0
	for _, a := range acts {
		sum += a.weight
	}
	at := w.rng.IntN(sum)
	for _, a := range acts {
		if at -= a.weight; at < 0 {
			a.do()
			return
		}
	}
}

// helpful does what brings somebody nearer to being back in.
func (w *world) helpful() {
	defer func() { w.aim = nil }()
	r := w.request()
	if len(w.m.paths) == 0 {
		w.enrol()
		return
	}
	if r == nil || !r.open(w.now(0)) || !r.open(w.now(1)) || !r.atWitness(w.witnessNow()) || !w.m.alive(r.path) {
		kinds := vault.PathKinds()
		kind := kinds[w.rng.IntN(len(kinds))]
		if w.m.relay && w.m.desk && w.m.paths[vault.PathHelpers] != nil && w.rng.IntN(3) == 0 { // it takes the longest
			kind = vault.PathHelpers
		}
		w.aim = &aim{kind: kind, who: w.rng.IntN(2)}
		if !kind.Relay() {
			w.aim.who += 2
		}
		w.open()
		return
	}
	w.aim = &aim{r: r, who: w.rng.IntN(2)}
	missing := w.m.missing(r, r.Desk != "", w.witnessNow())
	if len(missing) == 0 {
		held := len(w.pages)
		if w.enter(); len(w.pages) > held && w.rng.IntN(4) > 0 {
			w.complete()
		}
		return
	}
	switch missing[w.rng.IntN(len(missing))] {
	case recovery.MissingRelay:
		w.contribute()
	case recovery.MissingDesk, recovery.MissingDeskCode:
		w.aim.who += 2
		w.contribute()
	case recovery.MissingRelayApproval:
		w.approve()
	case recovery.MissingDeskApproval:
		w.aim.who += 2
		w.approve()
	case recovery.MissingWait:
		w.on[0].Clock.Advance(r.ready[0].Sub(w.witnessNow()))
	}
}
