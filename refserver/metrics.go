package main

import (
	"context"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/engines"
	"reconnect.example/refserver/problem"
)

// counts are the numbers of /metrics, for Prometheus and what reads its form. They name
// nobody and nothing: no path, no address, no size of a paper, no setting. Every label
// has few values, all of them written in this program, so that no request makes one.
//
// They are kept by the library of Prometheus and not by text of our own: histograms, and
// the memory, open files and processor time of the process come with it.
type counts struct {
	all *prometheus.Registry // of its own, and no global: two servers may live in one test

	underWay  prometheus.Gauge
	requests  *prometheus.CounterVec   // by kind and answer
	durations *prometheus.HistogramVec // by kind
	failures  *prometheus.CounterVec   // by the name of the problem

	sweeps    prometheus.Counter
	swept     *prometheus.CounterVec // by what
	sweptAt   prometheus.Gauge
	wholeAt   prometheus.Gauge
	sweepTook prometheus.Gauge

	reminders *prometheus.CounterVec // by what became of them
	events    *prometheus.CounterVec // the same
	webhooks  *prometheus.CounterVec

	sessions prometheus.Gauge
	witness  prometheus.Gauge
}

// newCounts makes counters of everything, at 0: an alert on a number that is not there
// would stay silent.
func newCounts(helped *engines.Helped) *counts {
	c := &counts{
		all:       prometheus.NewRegistry(),
		underWay:  gauge("requests_under_way", "Requests that are being answered."),
		requests:  counters("requests_total", "Requests by kind and by answer; 429: told to come back later.", "kind", "answer"),
		durations: durations("request_duration_seconds", "How long answers took, with the time of the network."),
		failures:  counters("failures_total", "What failed on this side, by the name of the problem. Each is a line in the log, too.", "problem"),
		sweeps:    prometheus.NewCounter(prometheus.CounterOpts{Namespace: "reconnect", Name: "sweeps_total", Help: "Sweeps of this process."}),
		swept:     counters("swept_total", "What sweeps removed, and what they left for the next.", "what"),
		sweptAt:   gauge("last_sweep_timestamp_seconds", "When this process swept last; 0: not yet."),
		wholeAt:   gauge("last_whole_sweep_timestamp_seconds", "When a sweep of this process last left nothing undone; 0: not yet."),
		sweepTook: gauge("last_sweep_duration_seconds", "How long the last sweep took."),
		reminders: counters("reminders_total", "Reminders that were due: sent, failed (each is tried three times), or passed over, as too late or not wanted any more.", "what"),
		events:    counters("events_total", "Events: sent to the queue or put down for webhooks, failed (tried again), or lost, as nobody took them for thirty days.", "what"),
		webhooks:  counters("webhooks_total", "Webhooks: sent, failed tries, or lost, as the other side took none for three days.", "what"),
		sessions:  gauge("sessions", "Sessions that are open, of people and workers, whichever server they use; counted after each sweep."),
		witness:   gauge("witness_up", "1: the witness answered at the start, or after the last sweep. One in the data folder always does."),
	}
	for _, p := range problem.All() {
		if isFailure(p) {
			c.failures.WithLabelValues(p.Code)
		}
	}
	for _, what := range []string{"uploads", "blobs", "sessions", "grants", "vaults", "failed"} {
		c.swept.WithLabelValues(what)
	}
	c.announced(c.events, 0, 0, 0)
	c.announced(c.webhooks, 0, 0, 0)
	for _, what := range []string{"sent", "failed", "passed"} {
		c.reminders.WithLabelValues(what)
	}
	for _, kind := range kindNames() {
		c.durations.WithLabelValues(kind)
		for _, answer := range answers {
			c.requests.WithLabelValues(kind, answer)
		}
	}
	c.all.MustRegister(c.underWay, c.requests, c.durations, c.failures, c.sweeps, c.swept, c.sweptAt, c.wholeAt, c.sweepTook, c.reminders, c.events, c.webhooks, c.sessions, c.witness,
		aboutBuild(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	for what, count := range map[string]func() float64{
		"opened":    func() float64 { opened, _, _ := helped.Counts(); return float64(opened) },
		"cancelled": func() float64 { _, cancelled, _ := helped.Counts(); return float64(cancelled) },
		"completed": func() float64 { _, _, recovered := helped.Counts(); return float64(recovered) },
	} {
		c.all.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "reconnect", Name: "ways_back_total", ConstLabels: prometheus.Labels{"what": what},
			Help: "Requests to help somebody back in, and how they ended. Many at once are a reason to look.",
		}, count))
	}
	return c
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "reconnect", Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "reconnect", Name: name, Help: help}, labels)
}

// durations are by kind alone. A sign-in takes about half a second, a paper from a slow
// phone minutes.
func durations(name, help string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "reconnect", Name: name, Help: help, Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120, 600},
	}, []string{"kind"})
}

// aboutBuild is always 1; its labels say which version runs.
func aboutBuild() prometheus.Gauge {
	labels := prometheus.Labels{"version": "unknown", "revision": "unknown", "go": "unknown"}
	if build, ok := debug.ReadBuildInfo(); ok {
		labels["version"], labels["go"] = build.Main.Version, build.GoVersion
		for _, s := range build.Settings {
			if s.Key == "vcs.revision" {
				labels["revision"] = s.Value[:min(12, len(s.Value))]
			}
		}
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "reconnect", Name: "build_info", Help: "Always 1; the labels say which version runs.", ConstLabels: labels})
	g.Set(1)
	return g
}

// answers are the kinds of answers, by status.
var answers = []string{"2xx", "3xx", "4xx", "429", "5xx", "broken"}

func answerOf(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return "429"
	case status < 300:
		return "2xx"
	case status < 400:
		return "3xx"
	case status < 500:
		return "4xx"
	}
	return "5xx"
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// count counts what passes through it.
func (c *counts) count(next http.Handler) http.Handler {
	kindOf := newKinds()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		c.underWay.Inc()
		kind := kindOf(r)
		counted, answer := &statusWriter{ResponseWriter: w}, "broken"
		defer func() { // also when the handler breaks the connection off
			c.underWay.Dec()
			c.requests.WithLabelValues(kind, answer).Inc()
			c.durations.WithLabelValues(kind).Observe(time.Since(began).Seconds())
		}()
		next.ServeHTTP(counted, r)
		answer = answerOf(counted.status)
	})
}

// failed counts a failure of this side that pages or API have logged, by the name of its problem.
func (c *counts) failed(code string) { c.failures.WithLabelValues(code).Inc() }

// isFailure says which problems are failures of this side, as pages and API log them.
func isFailure(p problem.Problem) bool {
	return p.Status >= http.StatusInternalServerError && p.Status != http.StatusInsufficientStorage
}

// sweep counts one sweep.
func (c *counts) sweep(s admin.Swept, err error, began, ended time.Time) {
	c.sweeps.Inc()
	c.sweptAt.Set(float64(ended.Unix()))
	c.sweepTook.Set(ended.Sub(began).Seconds())
	if err == nil && s.Failed == 0 {
		c.wholeAt.Set(float64(ended.Unix()))
	}
	for what, n := range map[string]int{"uploads": s.Uploads, "blobs": s.Blobs, "sessions": s.Sessions, "grants": s.Grants, "vaults": s.Vaults, "failed": s.Failed} {
		c.swept.WithLabelValues(what).Add(float64(n))
	}
}

// witnessAnswered notes whether the witness did.
func (c *counts) witnessAnswered(err error) {
	c.witness.Set(map[bool]float64{true: 1, false: 0}[err == nil])
}

// ServeHTTP answers with all numbers.
func (c *counts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	promhttp.HandlerFor(c.all, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(w, r)
}

// openMetrics serves the numbers at --metrics-listen, if it is given: to whoever looks
// after the server, and not to everybody who reaches the pages. The function that it
// returns ends that, and waits for it.
func (s *server) openMetrics(ctx context.Context) (end func(), err error) {
	address := s.config.Serve.Metrics
	if address == "" {
		return func() {}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, &listenError{err}
	}
	s.numbers = listener.Addr()
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.counts)
	apart := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	var owned sync.WaitGroup
	owned.Go(func() { _ = apart.Serve(listener) }) // until it is closed
	return func() {
		_ = apart.Close()
		owned.Wait()
	}, nil
}

// announced counts what became of events, or of webhooks.
func (c *counts) announced(of *prometheus.CounterVec, sent, failed, lost int) {
	for what, n := range map[string]int{"sent": sent, "failed": failed, "lost": lost} {
		of.WithLabelValues(what).Add(float64(n))
	}
}
