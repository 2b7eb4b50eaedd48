package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"reconnect.example/consent"
	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/api"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/demo"
	"reconnect.example/refserver/engines"
	"reconnect.example/refserver/headers"
	"reconnect.example/refserver/moving"
	"reconnect.example/refserver/oauth"
	"reconnect.example/refserver/preview"
	"reconnect.example/refserver/printing"
	"reconnect.example/refserver/problem"
	"reconnect.example/refserver/session"
	"reconnect.example/refserver/web"
	"reconnect.example/storage"
	"reconnect.example/vault/local"
)

// server is one running server and what it owns.
type server struct {
	config   *config.Config
	data     *engines.Engines
	operator *admin.Operator
	sample   *consent.Authority // of the sample relays; nil: there are none
	log      hclog.Logger
	http     *http.Server
	counts   *counts
	numbers  net.Addr // of /metrics, if it has an address of its own
	stopping atomic.Bool
}

// serve runs the server until ctx ends. Then it takes no new connections, lets
// uploads and downloads under way finish within --shutdown-wait, and closes the
// data folder.
func serve(ctx context.Context, c *config.Config, out io.Writer, log hclog.Logger) (err error) {
	authority, err := sampleAuthority(c)
	if err != nil {
		return err
	}
	ended, err := sampleWitness(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ended()) }() // after the data, which still reports to it
	data, err := engines.Open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Serve.Listen)
	if err != nil {
		return &listenError{err}
	}
	defer listener.Close() //nolint:errcheck // the server closes it first
	operator := admin.NewOperator(context.WithoutCancel(ctx), data, time.Now)
	s := &server{config: c, data: data, operator: operator, sample: authority, log: log, counts: newCounts(data.Helped)}
	if c.Serve.Demo && c.Serve.Address == "" { // the sheet of a sample leads somewhere, too
		c.Serve.Address = s.address(listener.Addr())
	}
	if s.http, err = s.build(); err != nil {
		return err
	}
	apart, err := s.openMetrics(ctx)
	if err != nil {
		return err
	}
	defer apart()
	door, err := admin.Listen(c.Data, operator)
	if err != nil {
		return err
	}
	defer door.Close()
	s.askWitness(ctx)
	if err := s.greet(ctx, out, listener.Addr()); err != nil {
		return err
	}
	return s.run(ctx, listener)
}

// sampleAuthority is the one of the sample relays, which --demo adds where no
// authority is named. Its workers have no second factor.
func sampleAuthority(c *config.Config) (*consent.Authority, error) {
	if !c.Serve.Demo || c.Authority != "" {
		return nil, nil
	}
	if err := local.MakeFolder(c.Data); err != nil {
		return nil, err
	}
	a, err := demo.Authority(c.Data)
	if err == nil {
		c.Authority, c.OneFactor = a.Public().String(), true
	}
	return a, err
}

// sampleWitness starts the witness of --demo-witness, and names it in the configuration.
// It returns how it is ended.
func sampleWitness(ctx context.Context, c *config.Config, log hclog.Logger) (ended func() error, err error) {
	none := func() error { return nil }
	if !c.Serve.Demo || c.Witness != "" {
		return none, nil
	}
	if err := demo.FitsWitness(c.Data, c.Serve.DemoWitness); err != nil || !c.Serve.DemoWitness {
		return none, err
	}
	identity, err := engines.Identity(c)
	if err != nil {
		return none, err
	}
	w, err := demo.StartWitness(ctx, c.Data, identity.Public(), log.Named("witness").StandardWriter(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}))
	if err != nil {
		return none, err
	}
	c.Witness, c.WitnessKey, c.WitnessSigns, c.OperatorKey = config.URL("https://"+w.Address), w.Key, w.Signs, w.Operator
	c.WitnessIndependent = true // it passes for another organisation's
	return w.Close, nil
}

// askWitness logs whether a witness elsewhere answers. The server runs without
// it, but protects less, and changes no secret.
func (s *server) askWitness(ctx context.Context) {
	waits, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := s.data.WitnessAnswers(waits)
	s.counts.witnessAnswered(err)
	if err != nil && ctx.Err() == nil {
		s.log.Warn("the witness does not answer; try: refserver check", "cause", problem.Cause(err))
	}
}

// mostSpace is the limit after a granted increase, in bytes.
func mostSpace(c *config.Config) int64 {
	if c.QuotaIncreased > 0 {
		return c.QuotaIncreased
	}
	return c.Quota + min(c.Quota, math.MaxInt64-c.Quota) // as quota.Config.Increased
}

// moving is how people move to and from here; nil where this server does not know under which
// address others reach it.
func (s *server) moving() *moving.Way {
	if s.config.Serve.Address == "" {
		return nil
	}
	return &moving.Way{Address: strings.TrimSuffix(s.config.Serve.Address, "/"), To: moving.New(&moving.Options{Private: s.config.Serve.MovePrivate}).To}
}

// build puts the handlers together.
func (s *server) build() (*http.Server, error) {
	zone, err := time.LoadLocation(s.config.Serve.Zone)
	if err != nil {
		return nil, err
	}
	limits := session.NewLimits(session.LimitsConfig{
		TrustedProxies:   s.config.Serve.TrustedProxy,
		SignInsPerMinute: s.config.Serve.SignInsPerMinute, StaffPerMinute: s.config.Serve.StaffPerMinute, LinksPerMinute: s.config.Serve.LinksPerMinute, RequestsPerSecond: s.config.Serve.RequestsPerSecond,
	})
	previews, err := preview.New(preview.Config{})
	if err != nil {
		return nil, err
	}
	printer, err := printing.New(printing.Config{})
	if err != nil {
		return nil, err
	}
	pages, err := web.New(web.Config{Vaults: s.data.Vaults, Staff: s.data.Staff, Directory: s.data.Directory, Recovery: s.data.Recovery, Limits: limits, Previews: previews, Printer: printer, Address: s.config.Serve.Address, Zone: zone, Moving: s.moving(), Languages: s.config.Serve.Languages, MostSpace: mostSpace(s.config), Logger: s.log, Failed: s.counts.failed})
	if err != nil {
		return nil, err
	}
	programs, err := api.New(api.Config{Vaults: s.data.Vaults, Limits: limits, Staff: s.data.Staff, Directory: s.data.Directory, Recovery: s.data.Recovery, Moving: s.moving(), Logger: s.log, Failed: s.counts.failed})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(api.Path+"/", programs)
	if s.data.Staff != nil && s.config.Serve.Address != "" { // whom an assertion is for must be fixed, and never what a request calls this server
		tokens, err := oauth.New(oauth.Config{Staff: s.data.Staff, Limits: limits, Address: s.config.Serve.Address, Logger: s.log})
		if err != nil {
			return nil, err
		}
		mux.Handle(oauth.Path, tokens)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	if s.config.Serve.Metrics == "" {
		mux.Handle("GET /metrics", s.counts)
	}
	mux.Handle("/", pages)
	return &http.Server{
		Handler:           s.counts.count(s.survive(guarded(mux))),
		ReadHeaderTimeout: 15 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		// No ReadTimeout and no WriteTimeout: a paper on a slow phone takes minutes.
		// Pages and API bound standing still instead.
		ErrorLog: s.log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}), // it names addresses
	}, nil
}

// ready says whether the server can work: its store answers, and it is not
// being stopped. A load balancer takes it out otherwise.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	_, err := s.data.Records.Get(ctx, "readyz")
	switch {
	case s.stopping.Load():
		answer(w, http.StatusServiceUnavailable, "stopping")
	case err != nil && !errors.Is(err, storage.ErrNotFound):
		s.log.Error("not ready", "cause", problem.Cause(err))
		answer(w, http.StatusServiceUnavailable, "the store does not answer")
	default:
		answer(w, http.StatusOK, "ready")
	}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// guarded says to browsers what holds for every answer, whoever makes it: also for the
// router's own refusals, and for what is asked of the server itself. Pages and API set
// what differs for them.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers.Protect(w, r, "default-src 'none'; frame-ancestors 'none'; sandbox")
		next.ServeHTTP(w, r)
	})
}

// survive turns a fault of ours into a broken connection and a line in the log,
// not into the end of the server. A stack names functions, never data.
func (s *server) survive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if fault != http.ErrAbortHandler {
				s.log.Error("a handler failed", "route", r.Pattern, "kind", fmt.Sprintf("%T", fault), "stack", string(debug.Stack()))
			}
			panic(http.ErrAbortHandler)
		}()
		next.ServeHTTP(w, r)
	})
}

// run serves and sweeps until ctx ends.
func (s *server) run(ctx context.Context, listener net.Listener) error {
	sweeping, stopSweeping := context.WithCancel(context.WithoutCancel(ctx))
	var owned sync.WaitGroup
	owned.Go(func() { every(sweeping, s.config.Serve.SweepEvery, s.sweepNow) })
	owned.Go(func() { every(sweeping, time.Minute, s.remindNow) })
	owned.Go(func() { every(sweeping, time.Minute, s.announceNow) })
	defer owned.Wait()
	defer stopSweeping()

	failed := make(chan error, 1)
	owned.Go(func() {
		if s.config.Serve.TLSCert != "" {
			of := &certificate{cert: s.config.Serve.TLSCert, key: s.config.Serve.TLSKey, log: s.log}
			s.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: of.current}
			failed <- s.http.ServeTLS(listener, "", "")
			return
		}
		failed <- s.http.Serve(listener)
	})
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	s.log.Info("stopping", "wait", s.config.Serve.ShutdownWait)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Serve.ShutdownWait)
	defer cancel()
	if err := s.http.Shutdown(grace); err != nil {
		s.log.Warn("some requests did not finish in time and are cut off")
		_ = s.http.Close()
	}
	s.log.Info("stopped")
	return nil
}

// every does something again and again until ctx ends.
func every(ctx context.Context, d time.Duration, do func(context.Context)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		do(ctx)
	}
}

// sweepNow does what is due, and logs counts alone.
func (s *server) sweepNow(ctx context.Context) {
	began := time.Now()
	r, err := s.operator.SweepNow(ctx)
	s.counts.sweep(r, err, began, time.Now())
	if err != nil && ctx.Err() == nil {
		s.log.Error("a sweep left something for the next", "failed", r.Failed, "cause", problem.Cause(err))
	} else if r != (admin.Swept{}) {
		s.log.Info("swept", "uploads", r.Uploads, "blobs", r.Blobs, "sessions", r.Sessions, "vaults", r.Vaults, "unseen", r.Unseen)
	}
	s.foldCounts(ctx)
	s.look(ctx)
}

// foldCounts keeps what is counted for who pays for relays short, and from leading to anybody.
func (s *server) foldCounts(ctx context.Context) {
	if s.data.Staff == nil {
		return
	}
	if _, err := s.data.Staff.FoldCounts(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("counts were left as they are", "cause", problem.Cause(err))
	}
}

// look asks what no request says: how many sessions are open, and whether a witness
// elsewhere answers. Not when the numbers are asked for, which anybody may do often.
func (s *server) look(ctx context.Context) {
	if open, err := s.data.CountSessions(ctx); err == nil {
		s.counts.sessions.Set(float64(open))
	}
	s.askWitness(ctx)
}

// listenError marks an error of the address, as against one of the data folder.
type listenError struct{ error }

func (e *listenError) Unwrap() error { return e.error }

func isListen(err error) bool {
	var e *listenError
	return errors.As(err, &e)
}
