package recovery_test

import (
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
	relay, desk int // for which slots the half was given; -1: it was not
	agreed      map[int]bool
	state       recovery.State // in the store, but for the time
	gone        bool           // ended at the witness
	tries       bounds         // of the code
	deskTries   bounds
	lines       map[vault.Act]*bounds
}

func (m *model) alive(p *modelPath) bool {
	for _, q := range m.paths {
		if q == p {
			return true
		}
	}
	return false
}

// personIsIn is what a sign-in does: what the witness takes part in ends.
func (m *model) personIsIn() {
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

func (r *modelRequest) shown(now time.Time) recovery.State {
	switch {
	case r.state != recovery.StateOpen:
		return r.state
	case !r.open(now):
		return recovery.StateOver
	case r.kind.Witness() && r.gone:
		return recovery.StateCancelled
	}
	return recovery.StateOpen
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

// atDesk says on which side somebody helps: Samir, Rosa; Lina, Omar.
func atDesk(who int) bool { return who >= 2 }

// begin adds a request that was opened.
func (m *model) begin(o recovery.Opened, kind vault.PathKind, by int, waits recovery.Waits, now time.Time) *modelRequest {
	r := &modelRequest{
		HandOverCode: recovery.HandOverCode{Number: o.Number, Code: o.Code}, id: o.Request.ID, kind: kind, path: m.paths[kind], until: o.Request.Until,
		ready: [2]time.Time{now, now}, relay: -1, desk: -1, agreed: map[int]bool{by: true}, state: recovery.StateOpen,
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
	}
}
