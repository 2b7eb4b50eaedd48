// Package admin is the work of the operator: through the running server, by a
// private socket in the data folder, or directly when no server runs. The
// operator sees numbers, reasons for more space, what operators themselves recorded of a
// death, and in which month who has been away for long was here; nothing else of anybody.
package admin

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"reconnect.example/quota"
	"reconnect.example/refserver/engines"
	"reconnect.example/refserver/notice"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// Operator does what the operator asks. Its exported methods with two arguments
// are those of the private socket (net/rpc).
type Operator struct {
	ctx     context.Context
	data    *engines.Engines
	now     func() time.Time
	started time.Time

	mu      sync.Mutex
	swept   *Swept           // by the last sweep
	sweptAt time.Time        // of the last sweep
	doing   map[string]Doing // by the call that takes long
}

// NewOperator makes an operator of opened engines. ctx bounds its work.
func NewOperator(ctx context.Context, data *engines.Engines, now func() time.Time) *Operator {
	return &Operator{ctx: ctx, data: data, now: now, started: now(), doing: map[string]Doing{}}
}

// New is a request for a new space.
type New struct{ Language string }

// Opened is a new space: its login and first password, which are shown once.
type Opened struct{ Login, Password string }

// CreateVault makes a space for a person who agreed to the notice.
func (o *Operator) CreateVault(n New, out *Opened) error {
	password, err := vault.SuggestPassword()
	if err != nil {
		return err
	}
	v, err := o.data.Create(o.ctx, vault.CreateRequest{
		Password: password, Notice: notice.In(n.Language), Consent: true, Channel: "operator",
	})
	if err != nil {
		return err
	}
	defer v.Close()
	login, err := v.Login(o.ctx)
	*out = Opened{Login: login, Password: password}
	return err
}

// None is an empty argument.
type None struct{}

// Invited is an invitation to found a relay, which is shown once.
type Invited struct {
	Code  string
	Until time.Time
}

// Invite makes an invitation for the first manager of a new relay.
func (o *Operator) Invite(_ None, out *Invited) error {
	if o.data.Staff == nil {
		return ErrNoAuthority
	}
	i, err := o.data.Staff.InviteManager(o.ctx)
	*out = Invited{Code: i.Code, Until: i.Until}
	return err
}

// Increase is one request for more space.
type Increase struct {
	ID     string // vault and number: the request that was read, and no later one
	Asked  time.Time
	Reason string
	Limit  int64 // bytes that the person may keep now
	Used   int64 // bytes that they keep
}

// Increases lists the requests that wait.
func (o *Operator) Increases(_ None, out *[]Increase) error {
	for p, err := range o.data.PendingSpace(o.ctx) {
		if err != nil {
			return err
		}
		*out = append(*out, Increase{
			ID: p.Vault.String() + "-" + strconv.FormatUint(p.Number, 10), Asked: p.Asked, Reason: p.Reason, Limit: p.Usage.Limit, Used: p.Usage.Used,
		})
	}
	return nil
}

// Decision answers a request.
type Decision struct {
	ID      string
	Approve bool
	By, Why string
}

// Decide grants or refuses a request. The person reads who and why.
func (o *Operator) Decide(d Decision, _ *None) error {
	if strings.TrimSpace(d.By) == "" || strings.TrimSpace(d.Why) == "" {
		return errors.New("--by and --why must say who decides and why: the person reads it")
	}
	id, number, err := parseIncrease(d.ID)
	if err != nil {
		return err
	}
	_, err = o.data.DecideSpace(o.ctx, id, quota.Decision{Number: number, Approve: d.Approve, By: d.By, Why: d.Why})
	return err
}

func parseIncrease(s string) (vault.ID, uint64, error) {
	text, digits, _ := strings.Cut(s, "-")
	id, err := vault.ParseID(text)
	number, numberErr := strconv.ParseUint(digits, 10, 64)
	if err != nil || numberErr != nil {
		return id, 0, errors.New("this is not the id of a request; list them with: refserver admin increases")
	}
	return id, number, nil
}

// Swept counts what a sweep did.
type Swept struct{ Uploads, Blobs, Sessions, Grants, Vaults, Unseen, Failed int }

// Sweep does now what is due.
func (o *Operator) Sweep(_ None, out *Swept) error {
	r, err := o.SweepNow(o.ctx)
	*out = r
	return err
}

// SweepNow is Sweep with a context of the caller's.
func (o *Operator) SweepNow(ctx context.Context) (Swept, error) {
	r, err := o.data.Sweep(ctx)
	swept := Swept{r.Uploads, r.Blobs, r.Sessions, r.Grants, r.Vaults, r.Unseen, r.Failed}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.swept, o.sweptAt = &swept, o.now()
	if err != nil {
		err = fmt.Errorf("sweep: %w", err)
	}
	return swept, err
}

// State is how the server is.
type State struct {
	Started time.Time
	SweptAt time.Time // zero: not yet
	Swept   Swept
	Waiting int // requests for more space
	Unseen  int // people who have not signed in for long
}

// Ready is an error if the store of records does not answer within five seconds.
func (o *Operator) Ready(_ None, _ *None) error {
	ctx, cancel := context.WithTimeout(o.ctx, patience)
	defer cancel()
	if err := o.askRecords(ctx); err != nil {
		return fmt.Errorf("the store does not answer: %s", problem.Cause(err))
	}
	return nil
}

// Status says how the server is.
func (o *Operator) Status(_ None, out *State) error {
	o.mu.Lock()
	out.Started = o.started
	if o.swept != nil {
		out.SweptAt, out.Swept = o.sweptAt, *o.swept
	}
	o.mu.Unlock()
	var waiting []Increase
	err := o.Increases(None{}, &waiting)
	out.Waiting = len(waiting)
	if err != nil {
		return err
	}
	var away Away
	err = o.Unseen(None{}, &away)
	out.Unseen = len(away.People)
	return err
}
