package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What is asked of the server in the mixed load. A list is asked for by a program and by
// somebody's browser in turns.
const (
	asksSignIn = iota
	asksList
	asksPage
	asksRead
	asksUpload
	kindsOfAsking
)

// mix is how often each is asked, of a hundred times.
var mix = [kindsOfAsking]struct {
	what   string
	of100  int
	answer func(m *mixed, ctx context.Context, p *customer, timed *time.Duration) error
}{
	asksSignIn: {"sign-in", 2, (*mixed).signIn},
	asksList:   {"list of all papers, as JSON", 35, (*mixed).list},
	asksPage:   {"list of all papers, as a page", 35, (*mixed).page},
	asksRead:   {"read of 1 MB", 20, (*mixed).read},
	asksUpload: {"upload of 1 MB", 8, (*mixed).upload},
}

// mixed is the load of a day, as fast as it is answered: clients that send one request
// after the other for people of whom each has papers. Every answer is checked: a list has
// every paper that was acknowledged before, a paper is what was sent, byte for byte.
type mixed struct {
	requests, people, papers, clients int
	paper                             int // bytes of one

	server    *server
	customers []*customer
	next      atomic.Int64 // number of the paper that is sent next, from which its content follows
	spent     [kindsOfAsking]times
	began     time.Time

	mu     sync.Mutex
	failed map[string]int // what went wrong, and how often
}

// asked is one request: what, and for whom.
type asked struct {
	kind   int
	person int
}

// measureMixed is the mixed load on a server of its own, which is killed afterwards and
// started again: what it acknowledged must all be there.
func measureMixed(ctx context.Context, o options) (results []result, err error) {
	dir, binary, remove, err := builtServer(ctx, o)
	if err != nil {
		return nil, err
	}
	defer remove()
	m := &mixed{requests: o.requests, people: o.people, papers: o.papers, clients: o.clients, paper: 1_000_000}
	return m.run(ctx, o, binary, filepath.Join(dir, "data"))
}

func (m *mixed) run(ctx context.Context, o options, binary, data string) (results []result, err error) {
	var args []string
	if o.records != "" {
		args = []string{"--records", strings.ReplaceAll(o.records, "{}", "mix"), "--alone"}
	}
	if m.server, err = serve(ctx, binary, data, args...); err != nil {
		return nil, err
	}
	running := true
	defer func() {
		if running {
			err = errors.Join(err, m.server.kill())
		}
	}()
	process := strconv.Itoa(m.server.cmd.Process.Pid)
	idle, err := resident(process, "VmRSS")
	if err != nil {
		return nil, err
	}
	if err := m.furnish(ctx, binary, data); err != nil {
		return nil, err
	}
	before, err := processor(process)
	if err != nil {
		return nil, err
	}
	m.began = time.Now()
	m.work(ctx, m.plan())
	took := time.Since(m.began)
	after, err := processor(process)
	if err != nil {
		return nil, err
	}
	peak, err := resident(process, "VmHWM")
	if err != nil {
		return nil, err
	}
	running = false
	if err := errors.Join(ctx.Err(), m.server.kill()); err != nil {
		return nil, err
	}
	results = append(m.answered(), result{id: "mix", what: "all of them",
		value: fmt.Sprintf("%.0f a second; %.1f ms of a processor each; %d wrong or refused%s", float64(m.requests)/took.Seconds(),
			(after-before).Seconds()*1000/float64(m.requests), m.wrong(), m.complaints()), target: "none wrong", pass: m.wrong() == 0},
		result{id: "mix", what: "memory of the server", value: fmt.Sprintf("%.0f MB idle, %.0f MB at most", float64(idle)/1e6, float64(peak)/1e6)})
	more, err := m.startAgain(ctx, o, binary, data, args)
	return append(results, more...), err
}

// furnish makes the people, signs them in, and gives each their papers.
func (m *mixed) furnish(ctx context.Context, binary, data string) error {
	m.failed = map[string]int{}
	for range m.people {
		p := &customer{sent: map[digest]bool{}, kept: map[string]digest{}}
		var err error
		if p.login, p.secret, err = createVault(ctx, binary, data); err != nil {
			return err
		}
		m.customers = append(m.customers, p)
	}
	var timed time.Duration
	return together(m.people, 1, func(n int) error {
		p := m.customers[n]
		if err := m.signIn(ctx, p, &timed); err != nil {
			return err
		}
		for range m.papers {
			if err := m.upload(ctx, p, &timed); err != nil {
				return err
			}
		}
		return nil
	})
}

// plan is the order in which everything is asked: always the same, each kind exactly as
// often as the mix says, and spread evenly over the people.
func (m *mixed) plan() []asked {
	var all []asked
	for kind, k := range mix {
		for n := range m.requests * k.of100 / 100 {
			all = append(all, asked{kind, n % m.people})
		}
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // an order, not a secret
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// work sends the plan, and notes how long each answer took that was right.
func (m *mixed) work(ctx context.Context, plan []asked) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range m.clients {
		all.Go(func() {
			for ctx.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= len(plan) {
					return
				}
				if n > 0 && n%2000 == 0 {
					fmt.Fprintf(os.Stderr, "  %d of %d, %v\n", n, len(plan), time.Since(m.began).Round(time.Second))
				}
				var timed time.Duration
				if err := mix[plan[n].kind].answer(m, ctx, m.customers[plan[n].person], &timed); err != nil {
					m.complain(plan[n].kind, err)
					continue
				}
				m.spent[plan[n].kind].add(timed)
			}
		})
	}
	all.Wait()
}

func (m *mixed) complain(kind int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failed[mix[kind].what+": "+err.Error()]++
}

func (m *mixed) wrong() (n int) {
	for _, times := range m.failed {
		n += times
	}
	return n
}

// complaints are what went wrong, in full.
func (m *mixed) complaints() string {
	var text strings.Builder
	for what, times := range m.failed {
		fmt.Fprintf(&text, "; %d times %s", times, what)
	}
	return text.String()
}

// answered is one line for each kind.
func (m *mixed) answered() (results []result) {
	for kind, k := range mix {
		results = append(results, result{id: "mix", what: fmt.Sprintf("%s, %d times", k.what, m.spent[kind].number()), value: m.spent[kind].String()})
	}
	return results
}

// startAgain starts the server that was killed, several times, and looks for every paper
// that it ever acknowledged.
func (m *mixed) startAgain(ctx context.Context, o options, binary, data string, args []string) (results []result, err error) {
	starting := &population{binary: binary, folder: data, args: args}
	started, err := inTurns(ctx, o.repeat, func() error { return starting.start(ctx) })
	if err != nil {
		return nil, err
	}
	if m.server, err = serve(ctx, binary, data, args...); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.server.stop()) }()
	results = append(results, result{"P7", fmt.Sprintf("start to ready, %d people", m.people), started[0].Round(time.Millisecond).String(), "<= 1 s", started[0] <= startTarget})
	var acknowledged, lost, foreign atomic.Int64
	err = together(m.people, 1, func(n int) error {
		p := m.customers[n]
		p.caller.Load().server = m.server
		gone, unknown, err := m.missing(ctx, p)
		acknowledged.Add(int64(len(p.kept)))
		lost.Add(int64(gone))
		foreign.Add(int64(unknown))
		return err
	})
	return append(results, result{"mix", fmt.Sprintf("killed and started again: the %d papers that were acknowledged", acknowledged.Load()),
		fmt.Sprintf("%d lost, %d that nobody sent", lost.Load(), foreign.Load()), "none lost", lost.Load()+foreign.Load() == 0}), err
}
