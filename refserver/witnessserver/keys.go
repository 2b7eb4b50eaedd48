package witnessserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"reconnect.example/recovery/witness"
	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/engines"
)

// Key is a key of one client, without the key.
type Key struct {
	Client     string
	Generation uint64
	Escrowed   bool
}

// Keys lists the keys.
func (g *Guard) Keys(q Query, out *[]Key) error {
	names, err := g.names(q)
	for _, name := range names {
		keys, err := g.keeper.witnesses[name].Keys(g.ctx)
		if err != nil {
			return err
		}
		for _, k := range keys {
			*out = append(*out, Key{Client: name, Generation: k.Generation, Escrowed: k.Escrowed})
		}
	}
	return err
}

// Rotated is a new key.
type Rotated struct{ Generation uint64 }

// Rotate draws a new key for a client.
func (g *Guard) Rotate(q Query, out *Rotated) error {
	if _, err := g.names(q); err != nil {
		return err
	}
	w := g.keeper.witnesses[q.Client]
	if w == nil {
		return errors.New("say for which client")
	}
	generation, err := w.RenewKey(g.ctx)
	out.Generation = generation
	return err
}

// EscrowTo names the files of the shares, from the root.
type EscrowTo struct{ One, Other string }

// Written says what was written.
type Written struct{ Keys int }

// Escrow writes the shares, and notes it when both are durable: an escrow whose second
// share was lost to a full disk is none.
func (g *Guard) Escrow(to EscrowTo, out *Written) error {
	if !filepath.IsAbs(to.One) || !filepath.IsAbs(to.Other) {
		return errors.New("the files of shares are named from the root")
	}
	var parts []witness.EscrowPart
	names, _ := g.names(Query{})
	for _, name := range names {
		parts = append(parts, witness.EscrowPart{Name: name, Witness: g.keeper.witnesses[name]})
	}
	e, err := witness.NewEscrow(g.ctx, g.keeper.identity, time.Now(), parts)
	if err != nil {
		return err
	}
	shares, err := e.Shares()
	if err != nil {
		return err
	}
	for n, path := range []string{to.One, to.Other} {
		if err := writeShare(path, shares[n]); err != nil {
			return fmt.Errorf("share %d is not written, so there is no escrow; destroy the other one: %w", n+1, err)
		}
	}
	for _, p := range parts {
		if err := p.Witness.Escrowed(g.ctx, e, p.Name); err != nil {
			return err
		}
		out.Keys += len(e.Generations(p.Name))
	}
	return nil
}

// writeShare makes a file that only this user reads, durable on return. It writes over
// nothing.
func writeShare(path, text string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // named by who runs the witness
	if err != nil {
		return err
	}
	_, writeErr := f.WriteString(text)
	if err := errors.Join(writeErr, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func printKeys(ctx context.Context, c *config.Config, out io.Writer) error {
	var keys []Key
	if err := askGuard(ctx, c, "Guard.Keys", Query{Client: c.WitnessServer.Keys.Of}, &keys); err != nil {
		return err
	}
	missing := 0
	for _, k := range keys {
		state := "in an escrow"
		if !k.Escrowed {
			missing++
			state = "in no escrow"
		}
		if _, err := fmt.Fprintf(out, "%s  %d  %s\n", k.Client, k.Generation, state); err != nil {
			return err
		}
	}
	if missing > 0 {
		_, err := fmt.Fprintf(out, "%d of these keys are lost with the witness's records, and with them the cards and ways back in that were made with them.\nMake an escrow: refserver witness escrow FILE FILE\n", missing)
		return err
	}
	if len(keys) == 0 {
		_, err := fmt.Fprintln(out, "There is no key yet. One is drawn at the first use, or by: refserver witness escrow FILE FILE")
		return err
	}
	_, err := fmt.Fprintln(out, "Every key is in an escrow.")
	return err
}

func writeEscrow(ctx context.Context, c *config.Config, out io.Writer) error {
	var to EscrowTo
	var err error
	if to.One, err = filepath.Abs(c.WitnessServer.Escrow.One); err != nil {
		return err
	}
	if to.Other, err = filepath.Abs(c.WitnessServer.Escrow.Other); err != nil {
		return err
	}
	var written Written
	if err := askGuard(ctx, c, "Guard.Escrow", to, &written); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Two shares of %d keys are written:\n\n  %s\n  %s\n\nGive each to one person, printed or on a stick, and delete both files here. Destroy the shares of before.\n", written.Keys, to.One, to.Other)
	return err
}

func rotate(ctx context.Context, c *config.Config, out io.Writer) error {
	var made Rotated
	if err := askGuard(ctx, c, "Guard.Rotate", Query{Client: c.WitnessServer.Rotate.Of}, &made); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "Key %d is used from now on. It is in no escrow yet: refserver witness escrow FILE FILE\n", made.Generation)
	return err
}

// restoreKeys works on the records themselves, while no witness runs.
func restoreKeys(ctx context.Context, c *config.Config, out io.Writer) (err error) {
	r := c.WitnessServer.RestoreKeys
	if conn, err := net.Dial("unix", filepath.Join(c.Data, admin.SocketName)); err == nil {
		_ = conn.Close()
		return errors.New("a witness runs on this data folder; stop it first")
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	var escrow *witness.Escrow
	names := r.Client
	if !r.NoKeys {
		if escrow, err = openShares(c, r); err != nil {
			return err
		}
		names = escrow.Names()
	} else if len(r.Shares) > 0 || len(names) == 0 {
		return errors.New("--no-keys takes the names of the clients with --client, and no shares")
	}
	store, err := engines.OpenWitnessRecords(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for _, name := range names {
		part := store.Under(name + "/")
		if escrow == nil {
			err = witness.AfterLoss(ctx, part, time.Now())
		} else {
			err = escrow.PutBack(ctx, name, part, time.Now())
		}
		if err := errors.Join(err, part.Close()); err != nil {
			return fmt.Errorf("client %s: %w", name, err)
		}
		said := "The loss is noted"
		if escrow != nil {
			said = fmt.Sprintf("%d keys are back", len(escrow.Generations(name)))
		}
		if _, err := fmt.Fprintf(out, "%s: %s.\n", name, said); err != nil {
			return err
		}
	}
	_, err = fmt.Fprint(out, "\nNow start the witness, with clients of these names. Then each client tells it again what it remembers:\nrefserver admin tell-witness. Make a new escrow: refserver witness escrow FILE FILE\n")
	return err
}

func openShares(c *config.Config, r config.WitnessRestore) (*witness.Escrow, error) {
	if len(r.Shares) != 2 {
		return nil, errors.New("name the files of both shares; if they are lost too: --no-keys")
	}
	var texts [2]string
	for n, path := range r.Shares {
		b, err := os.ReadFile(path) //nolint:gosec // named by who runs the witness
		if err != nil {
			return nil, err
		}
		texts[n] = string(b)
	}
	escrow, err := witness.OpenEscrow(texts[0], texts[1])
	if err != nil {
		return nil, err
	}
	of := r.Of
	if of == "" { // it must be this witness's, and not another one's of the same drawer
		identity, err := witness.OpenIdentity(filepath.Join(c.Data, identityFile))
		if err != nil {
			return nil, err
		}
		of = identity.Public().String()
	}
	if key, err := witness.ParsePublicKey(of); err != nil || key != escrow.Of() {
		return nil, fmt.Errorf("these are the keys of the witness %s. If this one takes its place, put its %s into the data folder, or say so with --of %s", escrow.Of(), identityFile, escrow.Of())
	}
	return escrow, nil
}
