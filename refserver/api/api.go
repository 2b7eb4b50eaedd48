package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/hashicorp/go-hclog"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/refserver/headers"
	"reconnect.example/refserver/moving"
	"reconnect.example/refserver/patience"
	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// Path is where the API is served. The handler expects it in the address:
//
//	mux.Handle(api.Path+"/", handler)
const Path = "/api/v1"

// Config is what the API needs. Vaults and Limits are required.
type Config struct {
	Vaults *vault.Vaults
	Limits *session.Limits // shared with the pages, so that both count together

	// Staff and Directory are what relays and workers do, and who the relays are.
	// Both nil: there are no relays, and none of their operations.
	Staff     *consent.Service
	Directory *consent.Directory

	// Recovery helps people back in; only where Staff is. nil: it is not offered.
	Recovery *recovery.Service

	// Moving is how people move to and from other operators' servers. nil: it is not offered.
	Moving *moving.Way

	Logger hclog.Logger // nil: nothing is logged
	// Failed is told the stable name of each problem of this side that is logged, so that
	// it can be counted. nil: nobody counts.
	Failed func(code string)

	// Stall is how long a connection may stand still while a body is read or
	// written; 0: one minute. A whole upload or download may take much longer.
	Stall time.Duration
}

// API answers the requests under Path.
type API struct {
	vaults *vault.Vaults
	limits *session.Limits
	staff  *consent.Service   // nil: there are no relays
	relays *consent.Directory // nil: there are none

	recovery *recovery.Service // nil: it is not offered
	way      *moving.Way       // nil: nobody moves

	attested attestLists

	log    hclog.Logger
	failed func(code string)
	stall  time.Duration

	mux mux
	doc huma.API
}

// mux is an http.ServeMux; a test listens to what it is given.
type mux interface {
	humago.Mux
	Handler(*http.Request) (http.Handler, string)
}

// New returns the handler of everything under Path. It holds no state but its
// configuration, so that several processes over one store behave as one.
func New(cfg Config) (http.Handler, error) {
	a, err := newAPI(cfg, http.NewServeMux())
	if err != nil {
		return nil, err
	}
	return a.guarded(), nil
}

func newAPI(cfg Config, routes mux) (*API, error) {
	var problems []error
	if cfg.Vaults == nil {
		problems = append(problems, errors.New("api: Config.Vaults is missing"))
	}
	if cfg.Limits == nil {
		problems = append(problems, errors.New("api: Config.Limits is missing"))
	}
	if (cfg.Staff == nil) != (cfg.Directory == nil) {
		problems = append(problems, errors.New("api: Config.Staff and Config.Directory belong together"))
	}
	if cfg.Recovery != nil && cfg.Staff == nil {
		problems = append(problems, errors.New("api: Config.Recovery needs Config.Staff"))
	}
	if cfg.Stall < 0 {
		problems = append(problems, errors.New("api: Config.Stall is negative"))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if cfg.Stall == 0 {
		cfg.Stall = time.Minute
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Failed == nil {
		cfg.Failed = func(string) {}
	}
	a := &API{vaults: cfg.Vaults, limits: cfg.Limits, staff: cfg.Staff, relays: cfg.Directory, recovery: cfg.Recovery, way: cfg.Moving, log: cfg.Logger, failed: cfg.Failed, stall: cfg.Stall, mux: routes}
	a.doc = humago.NewWithPrefix(routes, Path, describe())
	a.addSessions()
	a.addAgain()
	a.addItems()
	a.addCreations()
	a.addDocuments()
	a.addUploads()
	a.addOverview()
	a.addSpace()
	a.addJournal()
	a.addAccount()
	a.addCard()
	a.addLocked()
	a.addRules()
	a.addWishes()
	a.addImports()
	a.addLinks()
	a.addStrangers()
	a.addReminders()
	a.addMoving()
	if a.staff != nil {
		a.addRelays()
		a.addFollowers()
		a.addVisits()
		a.addDeposits()
		a.addStaff()
		a.addLock()
		a.addPeople()
		a.addAccounts()
		a.addJoining()
		a.addTeam()
		a.addAttestations()
		a.addMonthly()
		a.addTold()
		a.addPartners()
		a.addAsked()
		a.addLeaving()
	}
	if a.recovery != nil {
		a.addRecovery()
		a.addOwnRequests()
		a.addHelping()
		a.addHandOver()
	}
	return a, a.serveDocument()
}

// guarded puts what every answer needs around the operations.
func (a *API) guarded() http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, r, problem.ErrCrossOrigin)
	}))
	routed := sameOrigin.Handler(http.HandlerFunc(a.route))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers.Protect(w, r, "default-src 'none'; frame-ancestors 'none'; sandbox")
		w.Header().Add("Vary", "Accept-Language")
		w, r, end := patience.Bound(w, r, a.stall)
		defer end(false) // who streams flushes
		routed.ServeHTTP(w, r)
	})
}

// route finds the operation. What the mux answers by itself in plain text is
// told as a problem.
func (a *API) route(w http.ResponseWriter, r *http.Request) {
	handler, pattern := a.mux.Handler(r)
	if pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	probe := &probe{header: http.Header{}}
	handler.ServeHTTP(probe, r)
	if probe.status != http.StatusMethodNotAllowed {
		writeProblem(w, r, problem.ErrNoPage)
		return
	}
	w.Header()["Allow"] = probe.header["Allow"]
	writeProblem(w, r, errMethod)
}

// probe keeps the status of an answer and its headers.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) WriteHeader(status int)      { p.status = status }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
