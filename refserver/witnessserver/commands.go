package witnessserver

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"reconnect.example/recovery/witness"
	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/config"
	"reconnect.example/vault"
)

// Run does one command of who runs a witness.
func Run(ctx context.Context, c *config.Config, out io.Writer, log hclog.Logger) error {
	switch c.Command {
	case "witness identity":
		return printIdentity(c, out)
	case "witness forks":
		return printForks(ctx, c, out)
	case "witness keys":
		return printKeys(ctx, c, out)
	case "witness escrow":
		return writeEscrow(ctx, c, out)
	case "witness rotate":
		return rotate(ctx, c, out)
	case "witness restore-keys":
		return restoreKeys(ctx, c, out)
	}
	return Serve(ctx, c, out, log)
}

// printIdentity prints the public half of an identity file, which it makes if
// there is none: of a witness, of a server that is served, or of an operator.
func printIdentity(c *config.Config, out io.Writer) error {
	path := c.WitnessServer.Identity.File
	if path == "" {
		if err := os.MkdirAll(c.Data, 0o700); err != nil {
			return err
		}
		path = filepath.Join(c.Data, identityFile)
	}
	identity, err := witness.OpenIdentity(path)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, identity.Public())
	return err
}

// Guard is what the private socket of a running witness serves.
type Guard struct {
	ctx    context.Context
	keeper *keeper
}

// Query says of which client; empty: of each.
type Query struct{ Client string }

// Fork is evidence of one client.
type Fork struct {
	Client               string
	Vault                string
	Head                 string
	Version              uint64
	Seen                 time.Time
	Remembered, Reported string // hashes, in hexadecimal
	Signed               bool   // the other state is signed by the vault's key: proof, and not just a report
}

// page is how many vaults are asked for at once.
const page = 500

// Forks lists the evidence that is kept.
func (g *Guard) Forks(q Query, out *[]Fork) error {
	names, err := g.names(q)
	for _, name := range names {
		if err := g.forksOf(name, g.keeper.witnesses[name], out); err != nil {
			return err
		}
	}
	return err
}

// names are the clients that a query is about, in their order.
func (g *Guard) names(q Query) ([]string, error) {
	all := slices.Sorted(maps.Keys(g.keeper.witnesses))
	if q.Client == "" {
		return all, nil
	}
	if !slices.Contains(all, q.Client) {
		return nil, errors.New("this witness serves no client of this name")
	}
	return []string{q.Client}, nil
}

// forksOf goes through all vaults of a client.
func (g *Guard) forksOf(name string, w *witness.Witness, out *[]Fork) error {
	var after [16]byte
	for {
		vaults, err := w.Vaults(g.ctx, after, page)
		if err != nil {
			return err
		}
		for _, id := range vaults {
			after = id
			forks, err := w.Forks(g.ctx, id)
			if err != nil {
				return err
			}
			for _, f := range forks {
				*out = append(*out, Fork{
					Client: name, Vault: vault.ID(id).String(), Head: f.Reported.Head, Version: f.Reported.Version, Seen: f.Seen,
					Remembered: hex.EncodeToString(f.Remembered.Hash[:]), Reported: hex.EncodeToString(f.Reported.Hash[:]), Signed: f.Owner != nil,
				})
			}
		}
		if len(vaults) < page {
			return nil
		}
	}
}

// askGuard asks the running witness; its store is its own while it runs.
func askGuard(ctx context.Context, c *config.Config, call string, query, answer any) (err error) {
	calls, done, err := admin.Reach(ctx, c.Data, func(context.Context) (any, func() error, error) {
		return nil, nil, errors.New("no witness runs on this data folder; start it, or name another folder with --data")
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	return calls.Call(call, query, answer)
}

func printForks(ctx context.Context, c *config.Config, out io.Writer) error {
	var forks []Fork
	if err := askGuard(ctx, c, "Guard.Forks", Query{Client: c.WitnessServer.Forks.Of}, &forks); err != nil {
		return err
	}
	for _, f := range forks {
		proof := "reported by the client alone"
		if f.Signed {
			proof = "signed by the vault's key"
		}
		if _, err := fmt.Fprintf(out, "%s  %s\n  vault       %s\n  head        %s, version %d\n  remembered  %s\n  reported    %s, %s\n",
			f.Seen.UTC().Format(time.RFC3339), f.Client, f.Vault, f.Head, f.Version, f.Remembered, f.Reported, proof); err != nil {
			return err
		}
	}
	if len(forks) == 0 {
		_, err := fmt.Fprintln(out, "No fork was seen.")
		return err
	}
	return nil
}
