package vault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// childWork tells a child process where to work, and as whom.
const childWork = "VAULT_TEST_CHILD"

// order is what the parent tells a child.
type order struct {
	Folder          string
	Round           int
	Start           time.Time
	Login, Password string
	Plan            plan
	Closed          bool // the account is
}

// plan is what a child is at besides uploads and changes.
type plan string

const (
	planWork  plan = "work"  // two workers with papers of their own; one also changes secrets
	planClose plan = "close" // closes and reopens the account
	planErase plan = "erase" // erases it in the end
)

// deed is what a worker of the child begins and, if it lives, ends.
type deed struct {
	Worker int
	End    bool
	What   string // "add", "replace", "edit", "move", "bin", "restore", "destroy", "password", "keys", "close", "reopen", "erase"
	Name   string // of a paper, or the new password
	Seed   uint64
	Size   int
}

// workUntilKilled does deeds and says each on standard output, once before it
// begins and once when it was acknowledged.
func workUntilKilled(o order) error {
	ctx := context.Background()
	stage, err := vaulttest.Open(ctx, &vaulttest.Options{Folder: o.Folder, Start: o.Start})
	if err != nil {
		return err
	}
	v, err := stage.Unlock(ctx, vault.Password{Login: o.Login, Secret: o.Password})
	if err != nil {
		return err
	}
	workers := 1
	if o.Plan == planWork {
		workers = 2
	}
	failed := make(chan error)
	said := &sayer{out: json.NewEncoder(os.Stdout)}
	for n := range workers {
		w := &killWorker{v: v, number: n, order: o, say: said, papers: map[string]vault.Item{}}
		go func() { failed <- w.work(ctx) }()
	}
	return <-failed
}

// sayer tells the parent. What it was told of has been said when say returns: a
// deed must not begin before the parent can know of it.
type sayer struct {
	mu  sync.Mutex
	out *json.Encoder
}

func (s *sayer) say(d deed) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Encode(d)
}

// killWorker works on papers of its own; the first also on the account.
type killWorker struct {
	v      *vault.Vault
	number int
	order  order
	say    *sayer
	papers map[string]vault.Item
}

func (w *killWorker) work(ctx context.Context) error {
	all, err := w.v.List(ctx, nil)
	if err != nil {
		return err
	}
	binned, err := w.v.List(ctx, &vault.ListOptions{Binned: true})
	if err != nil {
		return err
	}
	for _, it := range append(all, binned...) { // papers of the worker before, who was killed
		if strings.HasPrefix(it.Name, fmt.Sprintf("w%d-", w.number)) {
			w.papers[it.Name] = it
		}
	}
	for n := 0; ; n++ {
		d := w.next(n)
		if err := w.say.say(d); err != nil {
			return err // the parent is gone
		}
		if err := w.do(ctx, d); err != nil {
			return fmt.Errorf("%v: %w", d, err)
		}
		d.End = true
		if err := w.say.say(d); err != nil {
			return err
		}
		if d.What == "erase" {
			select {} // until it is killed
		}
	}
}

// mostPapers keeps the vault small, however often its worker is killed.
const mostPapers = 8

func (w *killWorker) next(n int) deed {
	d := deed{Worker: w.number, What: "add", Name: fmt.Sprintf("w%d-%d-%d", w.number, w.order.Round, n), Seed: rand.Uint64N(1 << 20), Size: rand.IntN(2 * segment)}
	switch {
	case w.order.Closed:
		d.What = "reopen"
		return d
	case w.order.Plan == planClose && rand.IntN(3) == 0:
		d.What = "close"
		return d
	case w.order.Plan == planErase && n > 0 && rand.IntN(2) == 0:
		d.What = "erase"
		return d
	case w.order.Plan == planWork && w.number == 0 && rand.IntN(6) == 0:
		d.What = []string{"password", "keys"}[rand.IntN(2)]
		d.Name = fmt.Sprintf("lantern of round %d, deed %d", w.order.Round, n)
		return d
	case len(w.papers) < 3:
		return d
	}
	names := slices.Sorted(maps.Keys(w.papers))
	name := names[rand.IntN(len(names))]
	deeds := []string{"add", "add", "replace", "edit", "move", "bin", "destroy"}
	switch {
	case len(w.papers) >= mostPapers:
		deeds = []string{"destroy"}
	case !w.papers[name].Binned.IsZero():
		deeds = []string{"restore", "destroy"}
	}
	if d.What = deeds[rand.IntN(len(deeds))]; d.What != "add" {
		d.Name = name
	}
	return d
}

func (w *killWorker) do(ctx context.Context, d deed) (err error) {
	switch d.What {
	case "password", "keys":
		err = w.v.ChangePassword(ctx, vault.ChangePassword{Old: w.order.Password, New: d.Name, KnownToOthers: d.What == "keys"})
		w.order.Password = d.Name
	case "close":
		_, err = w.v.CloseAccount(ctx, w.order.Password)
		w.order.Closed = true
	case "reopen":
		err = w.v.Reopen(ctx)
		w.order.Closed = false
	case "erase":
		_, err = w.v.Erase(ctx, w.order.Password)
	default:
		err = w.doPaper(ctx, d)
	}
	return err
}

func (w *killWorker) doPaper(ctx context.Context, d deed) (err error) {
	it := w.papers[d.Name]
	switch d.What {
	case "add":
		it, err = w.v.AddDocument(ctx, vault.NewDocument{Name: d.Name}, bytes.NewReader(content(d.Seed, d.Size)))
	case "replace":
		it, err = w.v.ReplaceDocument(ctx, it.ID, it.Revision, vault.NewDocument{Size: int64(d.Size)}, bytes.NewReader(content(d.Seed, d.Size)))
	case "edit":
		it, err = w.v.Edit(ctx, it.ID, it.Revision, vault.Edit{Issued: ptr(vault.Date(fmt.Sprintf("%d-01-31", 1900+d.Seed%100)))})
	case "bin":
		it, err = w.v.Bin(ctx, it.ID, it.Revision)
	case "restore":
		it, err = w.v.Restore(ctx, it.ID, it.Revision)
	case "move":
		for {
			it, err = w.v.Move(ctx, it.ID, it.Revision, vault.Shared+vault.Private-it.Compartment)
			if vault.Code(err) != "busy-moving" {
				break
			}
			it = w.papers[d.Name]
		}
	case "destroy":
		delete(w.papers, d.Name)
		return w.v.Destroy(ctx, it.ID, it.Revision)
	}
	w.papers[d.Name] = it
	return err
}
