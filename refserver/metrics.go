package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/engines"
)

// counts are the numbers of /metrics, in the text form of Prometheus. They name
// nobody and nothing: no path, no address, no setting.
type counts struct {
	started  time.Time
	underWay atomic.Int64
	answered [6]atomic.Int64 // by the first digit of the status; 0: broken off
	sweeps   atomic.Int64
	failed   atomic.Int64 // entries that a sweep left for the next
	sweptAt  atomic.Int64 // Unix seconds of the last; 0: not yet
	swept    struct{ uploads, blobs, sessions, vaults atomic.Int64 }
	helped   *engines.Helped
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

// requests counts what passes through it.
func (c *counts) requests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.underWay.Add(1)
		counted, whole := &statusWriter{ResponseWriter: w}, false
		defer func() {
			c.underWay.Add(-1)
			class := 0
			if whole {
				class = max(counted.status, http.StatusOK) / 100
			}
			c.answered[min(class, 5)].Add(1)
		}()
		next.ServeHTTP(counted, r)
		whole = true
	})
}

// sweep counts one sweep.
func (c *counts) sweep(s admin.Swept, at time.Time) {
	c.sweeps.Add(1)
	c.sweptAt.Store(at.Unix())
	c.failed.Add(int64(s.Failed))
	c.swept.uploads.Add(int64(s.Uploads))
	c.swept.blobs.Add(int64(s.Blobs))
	c.swept.sessions.Add(int64(s.Sessions))
	c.swept.vaults.Add(int64(s.Vaults))
}

// ServeHTTP answers with all numbers.
func (c *counts) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	var text strings.Builder
	metric := func(name, kind, help string) {
		fmt.Fprintf(&text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	}
	metric("reconnect_start_time_seconds", "gauge", "When this process started.")
	fmt.Fprintf(&text, "reconnect_start_time_seconds %d\n", c.started.Unix())
	metric("reconnect_requests_under_way", "gauge", "Requests that are being answered.")
	fmt.Fprintf(&text, "reconnect_requests_under_way %d\n", c.underWay.Load())
	metric("reconnect_requests_total", "counter", "Requests by the kind of their answer.")
	for class, name := range [...]string{"broken", "", "2xx", "3xx", "4xx", "5xx"} {
		if name != "" {
			fmt.Fprintf(&text, "reconnect_requests_total{answer=%q} %d\n", name, c.answered[class].Load())
		}
	}
	metric("reconnect_sweeps_total", "counter", "Sweeps of this process.")
	fmt.Fprintf(&text, "reconnect_sweeps_total %d\n", c.sweeps.Load())
	metric("reconnect_last_sweep_time_seconds", "gauge", "When this process swept last; 0: not yet.")
	fmt.Fprintf(&text, "reconnect_last_sweep_time_seconds %d\n", c.sweptAt.Load())
	metric("reconnect_swept_total", "counter", "What sweeps removed, and what they left for the next.")
	for _, s := range []struct {
		what  string
		count *atomic.Int64
	}{{"uploads", &c.swept.uploads}, {"blobs", &c.swept.blobs}, {"sessions", &c.swept.sessions}, {"vaults", &c.swept.vaults}, {"failed", &c.failed}} {
		fmt.Fprintf(&text, "reconnect_swept_total{what=%q} %d\n", s.what, s.count.Load())
	}
	metric("reconnect_ways_back_total", "counter", "Requests to help somebody back in, and how they ended. Many at once are a reason to look.")
	opened, cancelled, recovered := c.helped.Counts()
	fmt.Fprintf(&text, "reconnect_ways_back_total{what=\"opened\"} %d\nreconnect_ways_back_total{what=\"cancelled\"} %d\nreconnect_ways_back_total{what=\"completed\"} %d\n", opened, cancelled, recovered)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, text.String())
}
