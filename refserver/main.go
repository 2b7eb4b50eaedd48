// Command refserver is the reference server: pages and a JSON API for people's
// vaults, with durable defaults on one machine. It shows how to embed the library.
//
//	go run ./refserver            start in ./reconnect-data
//	go run ./refserver -demo      the same, with a sample person
//	go run ./refserver admin …    the work of the operator; admin pages: the same in a browser
//	go run ./refserver check      a configuration, tried against its real services
//	go run ./refserver backup …   copies of everything, and restore puts one back
//	go run ./refserver witness    a witness for other operators' servers
//	go run ./refserver authority  who the relays are, signed on files
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/admin/pages"
	"reconnect.example/refserver/backups"
	"reconnect.example/refserver/check"
	"reconnect.example/refserver/config"
	"reconnect.example/refserver/preview"
	"reconnect.example/refserver/printing"
	"reconnect.example/refserver/progress"
	"reconnect.example/refserver/witnessserver"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == preview.Argument { // started by itself, to look at one paper and nothing else
		os.Exit(preview.Child(os.Stdin, os.Stdout))
	}
	if len(os.Args) == 2 && os.Args[1] == printing.Argument { // or to make one PDF of several
		os.Exit(printing.Child(os.Stdin, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "refserver:", inPlainWords(err))
		os.Exit(1)
	}
}

// run is the program without the process around it.
func run(ctx context.Context, args []string, out, logs io.Writer) error {
	c, err := config.Parse(args, out)
	switch {
	case config.IsHelp(err):
		return nil
	case err != nil:
		return err
	case c.Command == "serve":
		return serve(ctx, c, out, c.Logger(logs))
	case strings.HasPrefix(c.Command, "authority"):
		return admin.RunAuthority(c, out)
	case strings.HasPrefix(c.Command, "witness"):
		return witnessserver.Run(ctx, c, out, c.Logger(logs))
	}
	if err := nameSample(c); err != nil {
		return err
	}
	far := progress.New(logs, time.Now)
	switch {
	case c.Command == "admin pages":
		return pages.Run(ctx, c, out)
	case c.Command == "check":
		return check.Print(out, check.Run(ctx, c, far), c.Check.Format)
	case backups.Commands(c.Command):
		return backups.Run(ctx, c, openOperator(c), out, far)
	}
	return admin.Run(ctx, c, openOperator(c), out, far)
}
