// Package witnessserver runs a witness for other operators' servers: each is
// known by its public key and has a witness of its own in one store. Whoever
// runs it holds nothing that opens anything, and should be another organisation
// than those it serves.
package witnessserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"reconnect.example/recovery/witness"
	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/engines"
	"reconnect.example/refserver/problem"
	"reconnect.example/storage"
	"reconnect.example/vault/local"
)

// identityFile is who the witness is to its clients, in the data folder.
const identityFile = "identity.key"

// keeper is a running witness and what it owns.
type keeper struct {
	config    *config.Config
	log       hclog.Logger
	store     *storage.Store
	witnesses map[string]*witness.Witness // by the names of clients
	signs     witness.PublicKey
	identity  witness.PublicKey // by which clients know it
	closers   []func() error
}

// open opens the store and a witness for each client.
func open(ctx context.Context, c *config.Config, log hclog.Logger) (k *keeper, err error) {
	k = &keeper{config: c, log: log, witnesses: map[string]*witness.Witness{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.close())
			k = nil
		}
	}()
	if k.store, err = engines.OpenWitnessRecords(ctx, c); err != nil {
		return k, err
	}
	k.closers = append(k.closers, k.store.Close)
	signing, err := witness.OpenIdentity(filepath.Join(c.Data, local.WitnessKeyName))
	if err != nil {
		return k, err
	}
	k.signs = signing.Public()
	clients, _ := c.WitnessServer.Serve.Clients() // refused by the configuration if wrong
	for _, client := range clients {
		if k.witnesses[client.Name] != nil {
			continue // a second key of the same client
		}
		part := k.store.Under(client.Name + "/")
		cfg := witness.Config{Store: part, Seed: signing.Seed()}
		if client.Operator != nil {
			cfg.Operator = client.Operator[:]
		}
		w, err := witness.New(cfg)
		if err != nil {
			return k, fmt.Errorf("client %s: %w", client.Name, err)
		}
		k.witnesses[client.Name], k.closers = w, append(k.closers, part.Close, w.Close)
	}
	return k, nil
}

// close ends the witnesses, so that what they still hold is written, and then
// the store.
func (k *keeper) close() error {
	var errs []error
	for _, f := range slices.Backward(k.closers) {
		errs = append(errs, f())
	}
	k.closers = nil
	return errors.Join(errs...)
}

// Serve runs the witness until ctx ends; then calls under way finish within
// --shutdown-wait.
func Serve(ctx context.Context, c *config.Config, out io.Writer, log hclog.Logger) (err error) {
	if c.WitnessServer.Serve.StopWithInput {
		limited, stop := context.WithCancel(ctx)
		defer stop()
		ctx = limited
		go func() { // it ends with the process: nothing interrupts such a read
			defer stop()
			_, _ = io.Copy(io.Discard, os.Stdin)
		}()
	}
	k, err := open(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	identity, err := witness.OpenIdentity(filepath.Join(c.Data, identityFile))
	if err != nil {
		return err
	}
	k.identity = identity.Public()
	server, err := k.server(identity)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.WitnessServer.Serve.Listen)
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // the server closes it first
	door, err := admin.Listen(c.Data, &Guard{ctx: context.WithoutCancel(ctx), keeper: k})
	if err != nil {
		return err
	}
	defer door.Close()
	health, healthListener, err := k.health(ctx)
	if err != nil {
		return err
	}
	if err := k.greet(out, identity.Public(), listener.Addr(), healthListener); err != nil {
		return err
	}
	if err := k.warnOfKeys(ctx); err != nil {
		return err
	}
	return k.run(ctx, server, listener, health, healthListener)
}

// warnOfKeys says which clients have keys that would be lost with the records.
func (k *keeper) warnOfKeys(ctx context.Context) error {
	for name, w := range k.witnesses {
		keys, err := w.Keys(ctx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(keys, func(key witness.Key) bool { return !key.Escrowed }) {
			k.log.Warn("keys are in no escrow, and would be lost with the records; make one with: refserver witness escrow", "client", name)
		}
	}
	return nil
}

// server is the part that speaks to clients.
func (k *keeper) server(identity *witness.Identity) (*http.Server, error) {
	cfg := witness.ServerConfig{Identity: identity, Failed: func(client, call string, err error) {
		k.log.Error("a call failed", "client", client, "call", call, "cause", problem.Cause(err))
	}}
	clients, _ := k.config.WitnessServer.Serve.Clients()
	for _, client := range clients {
		cfg.Clients = append(cfg.Clients, witness.ServedClient{Name: client.Name, Key: client.Key, Witness: k.witnesses[client.Name]})
	}
	s, err := witness.NewServer(cfg)
	if err != nil {
		return nil, err
	}
	h := s.HTTP()
	h.ErrorLog = k.log.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}) // it names addresses
	return h, nil
}

// health answers to whoever looks after this machine, without TLS; nil without
// --health-listen.
func (k *keeper) health(ctx context.Context) (*http.Server, net.Listener, error) {
	address := k.config.WitnessServer.Serve.HealthListen
	if address == "" {
		return nil, nil, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		if _, err := k.store.Get(ctx, "readyz"); err != nil && !errors.Is(err, storage.ErrNotFound) {
			k.log.Error("not ready", "cause", problem.Cause(err))
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "the store does not answer\n")
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, IdleTimeout: time.Minute}, listener, nil
}

// greet says what clients have to be told.
func (k *keeper) greet(out io.Writer, identity witness.PublicKey, at net.Addr, health net.Listener) error {
	var text strings.Builder
	fmt.Fprintf(&text, "\nThe witness is running.\n\n  Listens   %s\n", at)
	if health != nil {
		fmt.Fprintf(&text, "  Health    http://%s/healthz\n", health.Addr())
	}
	fmt.Fprintf(&text, "  Data      %s (only this user can read it; never put it back from an old backup)\n\n"+
		"  Tell each server that is served, by a way that nobody can change:\n"+
		"  --witness-key    %s\n  --witness-signs  %s\n\n", k.config.Data, identity, k.signs)
	clients, _ := k.config.WitnessServer.Serve.Clients()
	for _, c := range clients {
		restores := "takes no restore statements"
		if c.Operator != nil {
			restores = "takes restore statements of " + c.Operator.String()
		}
		fmt.Fprintf(&text, "  Serves    %s, known by %s\n            %s\n", c.Name, c.Key, restores)
	}
	text.WriteString("\n  Stop with Ctrl-C.\n\n")
	_, err := io.WriteString(out, text.String())
	return err
}

// run serves and sweeps until ctx ends.
func (k *keeper) run(ctx context.Context, server *http.Server, listener net.Listener, health *http.Server, healthListener net.Listener) error {
	var owned sync.WaitGroup
	defer owned.Wait()
	sweeping, stopSweeping := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSweeping()
	owned.Go(func() { k.sweep(sweeping) })
	failed := make(chan error, 2)
	owned.Go(func() { failed <- server.ServeTLS(listener, "", "") })
	if health != nil {
		defer health.Close() //nolint:errcheck // it holds nothing
		owned.Go(func() { failed <- health.Serve(healthListener) })
	}
	select {
	case err := <-failed:
		_ = server.Close()
		return err
	case <-ctx.Done():
	}
	k.log.Info("stopping")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.config.WitnessServer.Serve.ShutdownWait)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		k.log.Warn("some calls did not finish in time and are cut off")
		_ = server.Close()
	}
	return nil
}

func (k *keeper) sweep(ctx context.Context) {
	every := time.NewTicker(k.config.WitnessServer.Serve.SweepEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		for name, w := range k.witnesses {
			dropped, err := w.Sweep(ctx)
			if err != nil && ctx.Err() == nil {
				k.log.Error("a sweep left something for the next", "client", name, "cause", problem.Cause(err))
			} else if dropped > 0 {
				k.log.Info("swept", "client", name, "counters", dropped)
			}
		}
	}
}
