// Command move brings everything that a person has at one operator to another: two services
// in one process, with a network between them that breaks off. Over a real network a client
// takes the place of the new service in BeginDeparture and what follows; the rest is the same.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
	"reconnect.example/vault/local"
)

func main() {
	if err := run(context.Background(), "./data", os.Stdout); err != nil {
		log.Fatal(err)
	}
}

const password = "four words to keep"

func run(ctx context.Context, folder string, out io.Writer) error {
	north, err := local.Open(filepath.Join(folder, "north"))
	if err != nil {
		return err
	}
	defer north.Close()
	south, err := local.Open(filepath.Join(folder, "south"))
	if err != nil {
		return err
	}
	defer south.Close()
	notice := vault.Notice{Version: "1", Language: "en", Text: "What we keep, and who can see it."}
	old, err := north.Create(ctx, vault.CreateRequest{Password: password, Notice: notice, Consent: true})
	if err != nil {
		return err
	}
	paper := vault.NewDocument{Name: "Birth certificate", MediaType: "text/plain"}
	if _, err := old.AddDocument(ctx, paper, strings.NewReader(strings.Repeat("a scan, of any length ", 100_000))); err != nil {
		return err
	}
	next, err := south.Create(ctx, vault.CreateRequest{Password: password, Notice: notice, Consent: true})
	if err != nil {
		return err
	}
	return move(ctx, old, next, &network{TransferTo: south.Vaults}, out)
}

// move is what the person does, here and there.
func move(ctx context.Context, old, next *vault.Vault, south vault.TransferTo, out io.Writer) error {
	// There: a code is shown, once, as text and as QR code.
	shown, err := next.AwaitTransfer(ctx, "https://south.example", nil)
	if err != nil {
		return err
	}
	// Here: it is scanned. Everything is sealed to the new space, and sent.
	code, err := vault.ParseTransferCode(shown.Text())
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "it will go to", code.Where)
	sealed, err := old.BeginDeparture(ctx, code, south, &vault.DepartureOptions{From: "north.example"})
	if err != nil {
		return err
	}
	for {
		left, err := old.SendDeparture(ctx, south)
		if errors.Is(err, errCut) {
			fmt.Fprintln(out, "the connection was cut; more is still to come:", left > 0)
			continue
		}
		if err != nil {
			return err
		}
		break
	}
	receipt, err := takeIn(ctx, next, out)
	if err != nil {
		return err
	}
	// Here again: the receipt of the new operator is compared and kept.
	kept, confirmed, err := old.ConfirmDeparture(ctx, south)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "the same receipt on both sides:", confirmed && kept.Digest == receipt.Digest && kept.Digest == sealed.Digest)
	here, err := old.Count(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "nothing was deleted before the person's word:", here.Documents == 1)
	closed, err := old.CloseAccount(ctx, password)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "closed, and erased after", closed.ErasedAt.Sub(closed.At).Hours()/24, "days")
	return nil
}

// takeIn opens what came, looks at it, and takes it in.
func takeIn(ctx context.Context, next *vault.Vault, out io.Writer) (r vault.TransferReceipt, err error) {
	arrived, err := next.OpenArrival(ctx)
	if err != nil {
		return r, err
	}
	defer arrived.Close()
	b, err := bundle.Open(ctx, arrived, arrived.Size(), nil)
	if err != nil {
		return r, err
	}
	plan, err := b.Plan(ctx, next, nil)
	if err != nil {
		return r, err
	}
	fmt.Fprintln(out, "from", arrived.From, "it fits:", plan.Fits())
	done, err := b.Import(ctx, next, nil) // private, unless the person chooses
	if err != nil {
		return r, err
	}
	papers, err := next.List(ctx, &vault.ListOptions{Kind: vault.KindDocument})
	if err != nil {
		return r, err
	}
	for _, p := range papers {
		fmt.Fprintln(out, "there now:", p.Name)
	}
	return next.AcceptArrival(ctx, arrived, done.New, done.There)
}

// network breaks off in the middle of every second piece.
type network struct {
	vault.TransferTo
	sent int
}

var errCut = errors.New("the connection was cut")

// AppendTransfer sends a piece, or half of one.
func (n *network) AppendTransfer(ctx context.Context, k vault.TransferTicket, offset int64, r io.Reader) (int64, error) {
	if n.sent++; n.sent%2 == 0 {
		_, _ = n.TransferTo.AppendTransfer(ctx, k, offset, io.LimitReader(r, 1000))
		return 0, errCut
	}
	return n.TransferTo.AppendTransfer(ctx, k, offset, r)
}
