package recovery_test

import (
	"slices"
	"time"

	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// model is Amina's ways back in and the requests about her, in their simplest form:
// without keys, store or witness. It says what every act must come to.
type model struct {
	password string
	paths    map[vault.PathKind]*modelPath
	relay    bool // Harbour follows
	desk     bool // Line may help
	slots    int  // how often all keyslots were made anew, as a relay or the desk went
	locked   int  // how often Private was left locked
	requests []*modelRequest
	people   [4]int  // who is in the place of Samir, Rosa, Lina, Omar: whoever comes after somebody is 4 more
	former   [2]bool // somebody has left the relay, or the desk, and may have kept what its half lies under
	later    *modelLater
	lost     map[vault.PathKind][2]int // requests that were opened in a call that failed, of relay and desk
}

// modelLater is Private that a recovery left locked until its own wait is over.
type modelLater struct {
	r         *modelRequest
	cancelled bool
	open      bool // it is back, by itself or by the password of before
}

type modelPath struct {
	id    vault.PathID
	sheet string
	tries bounds // at the witness's counter
}

// bounds are of what is counted: after a call that failed nobody knows whether it was.
type bounds struct{ least, most int }

func (b *bounds) add(sure bool) {
	b.most++
	if sure {
		b.least++
	}
}

const (
	freeTries = 5
	mostTries = 20
)

type modelRequest struct {
	recovery.HandOverCode
	id          recovery.RequestID
	kind        vault.PathKind
	path        *modelPath
	until       time.Time // by the service's time
	ready       [2]time.Time
	relay, desk int            // for which slots the half was given; -1: it was not
	by          int            // who opened it
	agreed      map[int]bool   // of people
	state       recovery.State // in the store, but for the time
	gone        bool           // ended at the witness
	tries       bounds         // of the code
	deskTries   bounds
	lines       map[vault.Act]*bounds
	left        *modelLater // what it left locked; nil: nothing
}

func (m *model) alive(p *modelPath) bool {
	for _, q := range m.paths {
		if q == p {
			return true
		}
	}
	return false
}

// personIsIn is what a sign-in does: what the witness takes part in ends, and halves that
// somebody may have taken with them are made anew (N19).
func (m *model) personIsIn() {
	for kind := range m.paths {
		if m.relay && m.former[0] && kind.Relay() || m.desk && m.former[1] && kind.Desk() {
			m.slots++
			m.former = [2]bool{}
		}
	}
	for _, r := range m.requests {
		if r.kind.Witness() {
			r.gone = true
		}
	}
}

func (r *modelRequest) open(now time.Time) bool {
	return r.state == recovery.StateOpen && now.Before(r.until)
}

// atWitness says whether the witness would still do its part, by its own time.
func (r *modelRequest) atWitness(now time.Time) bool {
	return !r.kind.Witness() || !r.gone && now.Before(r.until)
}

// shown is how it stands with a request, to who helps.
func (r *modelRequest) shown(now, witness time.Time) recovery.State {
	switch {
	case r.waitsFor() && r.left.cancelled:
		return recovery.StateCancelled
	case r.waits(witness):
		return recovery.StateLater
	case r.state != recovery.StateOpen:
		return r.state
	case !r.open(now):
		return recovery.StateOver
	case r.kind.Witness() && r.gone:
		return recovery.StateCancelled
	}
	return recovery.StateOpen
}

// waitsFor says whether something that it left locked is not back.
func (r *modelRequest) waitsFor() bool { return r.left != nil && !r.left.open }

// waits says whether it can still be stopped by who is not let in any more.
func (r *modelRequest) waits(witness time.Time) bool {
	return r.waitsFor() && !r.left.cancelled && witness.Before(r.ready[1])
}

// watched says whether something waits that a note leads everybody to who helped.
func (m *model) watched(witness time.Time) bool {
	return slices.ContainsFunc(m.requests, func(r *modelRequest) bool { return r.waits(witness) })
}

// forgotten says whether nobody may know any more what became of a request.
func (r *modelRequest) forgotten(witness time.Time) bool {
	return witness.After(r.until.Add(29 * 24 * time.Hour))
}

// helps says whether a side can help in a path now.
func (m *model) helps(desk bool, r *modelPath, kind vault.PathKind) bool {
	if desk {
		return m.desk && kind.Desk() && m.alive(r)
	}
	return m.relay && kind.Relay() && m.alive(r)
}

// missing is what a request needs, to who types the desk's code right, wrong or not.
func (m *model) missing(r *modelRequest, deskCode bool, now time.Time) (out []recovery.Missing) {
	if r.kind.Relay() && r.relay != m.slots {
		out = append(out, recovery.MissingRelay)
	}
	switch {
	case !r.kind.Desk():
	case r.kind == vault.PathHelpers && r.desk >= 0 && !deskCode:
		out = append(out, recovery.MissingDeskCode)
	case r.desk != m.slots:
		out = append(out, recovery.MissingDesk)
	}
	if !r.kind.Witness() {
		return out
	}
	if r.kind == vault.PathHelpers {
		relay, desk := r.sides()
		if relay < 2 {
			out = append(out, recovery.MissingRelayApproval)
		}
		if desk < 2 {
			out = append(out, recovery.MissingDeskApproval)
		}
	}
	if now.Before(r.ready[0]) {
		out = append(out, recovery.MissingWait)
	}
	return out
}

func (r *modelRequest) sides() (relay, desk int) {
	for w := range r.agreed {
		if atDesk(w) {
			desk++
		} else {
			relay++
		}
	}
	return relay, desk
}

// atDesk says on which side somebody helps: Samir, Rosa; Lina, Omar; and who comes after them.
func atDesk(who int) bool { return who%4 >= 2 }

// counted is how often something happened in which a relay, or the desk, took part.
func (m *model) counted(desk bool, event string, kind vault.PathKind) (b bounds) {
	for _, r := range m.requests {
		given := r.relay
		if desk {
			given = r.desk
		}
		switch {
		case r.kind != kind:
		case event == "opened" && atDesk(r.by) == desk, event == "completed" && r.state == recovery.StateDone && given >= 0:
			b.add(true)
		}
	}
	if event == "opened" {
		b.most += m.lost[kind][side(desk)]
	}
	return b
}

func side(desk bool) int {
	if desk {
		return 1
	}
	return 0
}

// begin adds a request that was opened.
func (m *model) begin(o recovery.Opened, kind vault.PathKind, by int, waits recovery.Waits, now time.Time) *modelRequest {
	r := &modelRequest{
		HandOverCode: recovery.HandOverCode{Number: o.Number, Code: o.Code}, id: o.Request.ID, kind: kind, path: m.paths[kind], until: o.Request.Until,
		ready: [2]time.Time{now, now}, relay: -1, desk: -1, by: by, agreed: map[int]bool{m.people[by]: true}, state: recovery.StateOpen,
		tries: bounds{1, 1}, lines: map[vault.Act]*bounds{recovery.ActRequestOpened: {1, 1}},
	}
	switch kind {
	case vault.PathAnswersDesk:
		r.ready = [2]time.Time{now.Add(waits.AnswersDesk), now.Add(waits.AnswersDesk)}
	case vault.PathHelpers:
		r.ready = [2]time.Time{now.Add(waits.Helpers), now.Add(waits.HelpersPrivate)}
	}
	switch {
	case !atDesk(by):
		r.relay = m.slots
	case kind != vault.PathHelpers:
		r.desk = m.slots
	}
	m.requests = append(m.requests, r)
	return r
}

func (r *modelRequest) line(act vault.Act, sure bool) {
	if r.lines[act] == nil {
		r.lines[act] = &bounds{}
	}
	r.lines[act].add(sure)
}

// recovered is what a recovery does.
func (m *model) recovered(by *modelRequest, password string, private bool) {
	for _, r := range m.requests {
		if r.state == recovery.StateOpen {
			r.state, r.gone = recovery.StateOver, true
		}
	}
	by.state, m.password = recovery.StateDone, password
	m.paths = map[vault.PathKind]*modelPath{}
	if !private {
		m.locked++
		if by.kind == vault.PathHelpers {
			m.later = &modelLater{r: by}
			by.left = m.later
		}
	}
}
