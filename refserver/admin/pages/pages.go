// Package pages holds the pages of the operator: how the server is, who the relays are, and
// requests for more space. They are not on the network. A small server of their own, which
// the operator starts and ends, answers on this machine alone, to who opens the link that
// it prints, and asks the running server over the private socket: what a page does, the
// commands of package admin do, and leave the same trace.
//
// Like those, the pages show nothing of anybody: numbers, reasons for more space, relays.
package pages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"reconnect.example/consent"
	words "reconnect.example/refserver/language"

	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/web"
)

// office serves the pages.
type office struct {
	config  *config.Config
	gate    *gate
	zone    *time.Location
	now     func() time.Time
	tell    func(string) // on the terminal of the operator
	mux     *http.ServeMux
	look    *web.Look
	pages   map[string]templates // by language
	chooser *words.Chooser
	ended   chan struct{} // closed when the operator closes the pages
	end     sync.Once
}

// Run serves the pages until ctx ends, the operator closes them, or nobody has used them
// for the time of a session. It prints the link that opens them. No server needs to be
// started for it: it is refused where none runs.
func Run(ctx context.Context, c *config.Config, out io.Writer) error {
	_, done, err := admin.Reach(ctx, c.Data, admin.OnlyRunning)
	if err != nil {
		return err
	}
	if err := done(); err != nil {
		return err
	}
	if file := c.Admin.Pages.AuthorityKey; file != "" { // before somebody fills in a form for nothing
		if _, err := consent.OpenAuthorityFile(file); err != nil {
			return err
		}
	}
	listeners, err := listen(ctx, c.Admin.Pages.Listen, (&net.ListenConfig{}).Listen)
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(listeners[0].Addr().String())
	gate, token := newGate(port, c.StaffSessionIdle, c.StaffSessionMax, time.Now)
	o, err := newOffice(c, gate, func(text string) { _, _ = fmt.Fprintln(out, text) })
	if err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	if _, err := fmt.Fprintf(out, "The pages of the operator are open, on this machine alone:\n\n  http://%s/enter/%s\n\n"+
		"The link is good once, in the next %.0f minutes. Stop with Ctrl-C.\n", gate.host, token, linkLasts.Minutes()); err != nil {
		return errors.Join(err, closeAll(listeners))
	}
	return o.serve(ctx, listeners)
}

func newOffice(c *config.Config, gate *gate, tell func(string)) (*office, error) {
	zone, err := time.LoadLocation(c.Serve.Zone)
	if err != nil {
		return nil, err
	}
	o := &office{config: c, gate: gate, zone: zone, now: gate.now, tell: tell, ended: make(chan struct{})}
	if err := o.load(); err != nil {
		return nil, err
	}
	o.mux = o.routes()
	return o, nil
}

// listen opens the port for both ways in which a browser may look for this machine. If
// one were left free, another user could listen there, and be given the link. What opens
// one is that of a [net.ListenConfig], or a machine of a test.
func listen(ctx context.Context, address string, open func(ctx context.Context, network, address string) (net.Listener, error)) ([]net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	other := map[string]string{"127.0.0.1": "::1", "::1": "127.0.0.1"}[host]
	if other == "" {
		return nil, errors.New("the pages of the operator are served on this machine alone: 127.0.0.1 or [::1]")
	}
	for tries := 0; ; tries++ {
		first, err := open(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		_, taken, _ := net.SplitHostPort(first.Addr().String())
		second, err := open(ctx, "tcp", net.JoinHostPort(other, taken))
		switch {
		case err == nil:
			return []net.Listener{first, second}, nil
		case errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT): // this machine does not have it, so nobody listens there
			return []net.Listener{first}, nil
		}
		if closeErr := first.Close(); port != "0" || tries == 10 {
			return nil, errors.Join(err, closeErr)
		}
	}
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// serve answers until it is time to end.
func (o *office) serve(ctx context.Context, listeners []net.Listener) error {
	server := &http.Server{
		Handler: o, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	var owned sync.WaitGroup
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		owned.Go(func() { failed <- server.Serve(l) })
	}
	defer owned.Wait()
	look := time.NewTicker(min(o.gate.idle/4, 10*time.Second))
	defer look.Stop()
	var err error
	for over := false; !over; {
		select {
		case <-ctx.Done():
			over = true
		case <-o.ended:
			over = true
		case err = <-failed:
			over = true
		case <-look.C:
			if over = o.gate.isOver(); over {
				o.tell("The pages were not used, and are closed.")
			}
		}
	}
	o.gate.close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second) // the answer that says so
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close()
	}
	return err
}

func (o *office) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", o.look.Files)
	mux.Handle("GET /enter/{token}", o.anybody((*visit).enter))
	mux.Handle("/", o.anybody((*visit).nothingHere))
	for pattern, h := range map[string]handler{
		"GET /{$}":             (*visit).health,
		"GET /language":        (*visit).languageForm,
		"POST /language":       (*visit).chooseLanguage,
		"POST /close":          (*visit).closePages,
		"GET /increases":       (*visit).increases,
		"GET /increases/{id}":  (*visit).increaseForm,
		"POST /increases/{id}": (*visit).decide,
		"GET /centres":         (*visit).centres,
		"GET /centres/{id}":    (*visit).centre,
		"POST /invite":         (*visit).invite,
		"GET /directory":       (*visit).directoryForm,
		"GET /directory/file":  (*visit).directoryFile,
		"POST /directory":      (*visit).publish,
	} {
		mux.Handle(pattern, o.operator(h))
	}
	for _, c := range changes {
		mux.Handle("GET "+c.path, o.operator(func(v *visit) error { return v.changeForm(c) }))
		mux.Handle("POST "+c.path, o.operator(func(v *visit) error { return v.change(c) }))
	}
	return mux
}
