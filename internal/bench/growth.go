package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "reconnect.example/storage/postgresstore" // postgres: URLs
	"reconnect.example/vault/local"
)

const (
	growthTarget = 1.5
	startTarget  = time.Second

	followed      = 10  // real vaults in each store, which are measured in turns
	followedItems = 200 // in each
)

// measureGrowth is P3 and P7: the same acts in a small store and in a large one,
// and the start of a server on each. Only the vaults that are measured are real;
// the others are copies of one in number and size of their records, with noise
// for values.
func measureGrowth(ctx context.Context, o options) (results []result, err error) {
	if o.vaults == 0 {
		fmt.Fprintln(os.Stderr, "P3 and P7 need a large store: -vaults 1000000 makes one (some 180 kB for each vault, and minutes)")
		return nil, nil
	}
	dir, binary, remove, err := builtServer(ctx, o)
	if err != nil {
		return nil, err
	}
	defer remove()
	few, err := newPopulation(ctx, o, binary, filepath.Join(dir, "few"), "few", o.few)
	if err != nil {
		return nil, err
	}
	many, err := newPopulation(ctx, o, binary, filepath.Join(dir, "many"), "many", o.vaults)
	if err != nil {
		return nil, err
	}
	size := fmt.Sprintf("%d against %d vaults", o.vaults, o.few)
	start, err := inTurns(ctx, o.repeat, func() error { return few.start(ctx) }, func() error { return many.start(ctx) })
	if err != nil {
		return nil, err
	}
	ratio := float64(start[1]) / float64(start[0])
	results = append(results, result{"P7", "start to ready, " + size, fmt.Sprintf("%v, %.2f times", start[1].Round(time.Millisecond), ratio),
		"<= 1 s, not growing", start[1] <= startTarget && ratio <= growthTarget})

	acts, err := measureActs(ctx, o, few, many)
	for i, a := range acts {
		acts[i].what = a.what + ", " + size
	}
	return append(results, acts...), err
}

// measureActs is P3.
func measureActs(ctx context.Context, o options, few, many *population) (results []result, err error) {
	for _, p := range []*population{few, many} {
		stop, err := p.open(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	for _, act := range []struct {
		what string
		do   func(p *population, ctx context.Context) error
	}{
		{"the person lists the items of a followed vault", (*population).list},
		{"a worker opens a followed vault and lists its items", (*population).openAndList},
		{"add a contact", (*population).addContact},
		{"a document's first byte", (*population).firstByte},
	} {
		t, err := inTurns(ctx, o.repeat*followed, func() error { return act.do(few, ctx) }, func() error { return act.do(many, ctx) })
		if err != nil {
			return nil, err
		}
		growth := float64(t[1]) / float64(t[0])
		results = append(results, result{"P3", act.what, fmt.Sprintf("%.2f times (%v)", growth, t[1].Round(10*time.Microsecond)), "<= 1.50 times", growth <= growthTarget})
	}
	return results, nil
}

// population is a store with its server.
type population struct {
	binary, folder string
	args           []string // of the server, beside its folder
	records        string   // URL

	people  []person
	callers []*caller // of the people
	relay   followingRelay
	next    int
}

type person struct{ login, secret, document string }

func newPopulation(ctx context.Context, o options, binary, folder, name string, vaults int) (*population, error) {
	p := &population{binary: binary, folder: folder}
	p.records = (&url.URL{Scheme: "sqlite", Path: filepath.Join(folder, local.RecordsFile)}).String()
	if o.records != "" {
		p.records = strings.ReplaceAll(o.records, "{}", name)
		p.args = []string{"--records", p.records, "--alone"}
	}
	if err := p.makePeople(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	err := populate(ctx, p.records, "sqlite:"+filepath.Join(folder, local.WitnessFile), vaults)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "  %s: %d vaults made in %v\n", name, vaults, time.Since(began).Round(time.Second))
	return p, nil
}

// makePeople makes the vaults that are measured, and one more, which is copied.
func (p *population) makePeople(ctx context.Context) (err error) {
	s, err := serve(ctx, p.binary, p.folder, p.args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	for n := range followed + 1 {
		items := followedItems
		if n == followed {
			items = copiedItems
		}
		one := person{}
		if one.login, one.secret, err = createVault(ctx, p.binary, p.folder); err != nil {
			return err
		}
		c, err := s.signIn(ctx, one.login, one.secret)
		if err != nil {
			return err
		}
		if one.document, err = furnish(ctx, c, items); err != nil {
			return err
		}
		p.people = append(p.people, one)
	}
	return nil
}

// furnish gives somebody as many items, a third of them documents.
func furnish(ctx context.Context, c *caller, items int) (document string, err error) {
	body := make([]byte, 2000)
	for n := range items {
		if n%3 != 0 {
			if err := addContact(ctx, c); err != nil {
				return "", err
			}
			continue
		}
		var item struct{ ID string }
		err := c.call(ctx, http.MethodPost, "/api/v1/documents", "application/pdf", body, func(r io.Reader) error {
			return json.NewDecoder(r).Decode(&item)
		})
		if err != nil {
			return "", err
		}
		document = "/api/v1/documents/" + item.ID + "/content"
	}
	return document, nil
}

func addContact(ctx context.Context, c *caller) error {
	return c.call(ctx, http.MethodPost, "/api/v1/contacts", "application/json", []byte(`{"name": "Assistante sociale", "compartment": "shared", "contact": {}}`), drain)
}

// start measures nothing itself: it runs the server until it is ready. That it
// ends, too, costs both stores the same.
func (p *population) start(ctx context.Context) error {
	s, err := serve(ctx, p.binary, p.folder, p.args...)
	if err != nil {
		return err
	}
	c := &caller{server: s}
	return errors.Join(c.call(ctx, http.MethodGet, "/readyz", "", nil, drain), s.kill())
}

// open starts the server, signs everybody in, and has one relay follow them all.
func (p *population) open(ctx context.Context) (stop func() error, err error) {
	s, err := serve(ctx, p.binary, p.folder, append([]string{"--demo"}, p.args...)...) // with the sample relays
	if err != nil {
		return nil, err
	}
	for _, one := range p.people[:followed] {
		c, err := s.signIn(ctx, one.login, one.secret)
		if err != nil {
			return nil, errors.Join(err, s.stop())
		}
		p.callers = append(p.callers, c)
	}
	if err := p.follow(ctx, s); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s.stop, nil
}

// turn is whose turn it is.
func (p *population) turn() (*caller, person) {
	p.next++
	n := p.next % followed
	return p.callers[n], p.people[n]
}

func (p *population) list(ctx context.Context) error {
	c, _ := p.turn()
	return listItems(ctx, c)
}

func (p *population) addContact(ctx context.Context) error {
	c, _ := p.turn()
	return addContact(ctx, c)
}

func (p *population) firstByte(ctx context.Context) error {
	c, one := p.turn()
	return c.call(ctx, http.MethodGet, one.document, "", nil, func(r io.Reader) error {
		_, err := io.ReadFull(r, make([]byte, 1))
		return err
	})
}
