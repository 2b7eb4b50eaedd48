// Command ownqueue tells another program, by way of a queue, what happened in vaults: that
// something did, and to nobody whom. Package pgqueue is the driver of the queue; with
// another import and another URL it is any other that gocloud.dev/pubsub has a driver for.
// The reference server takes both in the same way: docs/interop.md#a-queue-of-your-own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"gocloud.dev/pubsub"

	_ "reconnect.example/examples/ownqueue/pgqueue" // pgqueue: URLs
	"reconnect.example/refserver/events/queue"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

func main() {
	if err := run(context.Background(), "./data", os.Getenv("QUEUE"), time.Now, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run opens a vault, and gives out what happened in hours that are over; a program of
// one's own does the latter every few minutes.
func run(ctx context.Context, folder, to string, now func() time.Time, out io.Writer) (err error) {
	topic, err := pubsub.OpenTopic(ctx, to)
	if err != nil {
		return errors.New("the queue cannot be opened: look at QUEUE") // gocloud repeats the URL, with its password
	}
	defer func() { err = errors.Join(err, topic.Shutdown(ctx)) }()
	vaults, err := local.OpenWith(ctx, folder, &local.Options{Now: now, Events: queue.New(topic, "https://espace.example.org")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, vaults.Close()) }()

	notice := vault.Notice{Version: "1", Language: "en", Text: "What we keep, and who can see it."}
	v, err := vaults.Create(ctx, vault.CreateRequest{Password: "four words to keep", Notice: notice, Consent: true})
	if err != nil {
		return err
	}
	v.Close()
	told, err := vaults.PublishEvents(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "events that the queue has taken: %d\n", told.Published)
	return err
}
