package admin

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"reconnect.example/refserver/problem"
	"reconnect.example/storage"
)

// patience is how long a part of the server may take to answer.
const patience = 5 * time.Second

// Health is how the running server is, and what it needs.
type Health struct {
	Version string
	State
	Parts []Part // "records", "documents", "keys", "witness"
}

// Part is a service that the server needs.
type Part struct {
	Name    string
	Here    bool   // it lies in the data folder
	Problem string // "": it answers
}

// Health asks each part at once, for five seconds at most. It writes nothing.
func (o *Operator) Health(_ None, out *Health) error {
	out.Version = version()
	out.Parts = []Part{{Name: "records"}, {Name: "documents"}, {Name: "keys"}, {Name: "witness", Here: o.data.WitnessRecords != nil}}
	ctx, cancel := context.WithTimeout(o.ctx, patience)
	defer cancel()
	var asked sync.WaitGroup
	for n, ask := range []func(context.Context) error{o.askRecords, o.askDocuments, o.askKeys, o.data.WitnessAnswers} {
		asked.Go(func() {
			if err := ask(ctx); err != nil {
				out.Parts[n].Problem = problem.Cause(err)
			}
		})
	}
	asked.Wait()
	if out.Parts[0].Problem != "" {
		out.Started = o.started
		return nil // what waits stands in the records
	}
	return o.Status(None{}, &out.State)
}

// never is a name that nothing has: who is asked for it answers all the same.
const never = "readyz"

func (o *Operator) askRecords(ctx context.Context) error {
	_, err := o.data.Records.Get(ctx, never)
	return unlessNotFound(err)
}

func (o *Operator) askDocuments(ctx context.Context) error {
	_, err := o.data.Blobs.Size(ctx, never)
	return unlessNotFound(err)
}

func unlessNotFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// askKeys seals something of no meaning, and opens it.
func (o *Operator) askKeys(ctx context.Context) error {
	nothing := make([]byte, 16)
	_, _ = rand.Read(nothing)
	sealed, err := o.data.Keeper.Encrypt(ctx, nothing)
	if err != nil {
		return err
	}
	opened, err := o.data.Keeper.Decrypt(ctx, sealed)
	if err == nil && !bytes.Equal(opened, nothing) {
		err = errors.New("it gives back something else than it sealed")
	}
	return err
}

// version says which program runs: the commit that it was built from, where that is known.
func version() string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range build.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return build.Main.Version
}
