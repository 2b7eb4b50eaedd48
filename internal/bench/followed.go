package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// sampleStaff is where the server writes who works for the sample relays.
const sampleStaff = "demo-relays.json"

// followingRelay is the sample relay that follows the people who are measured.
type followingRelay struct {
	id     string
	worker *caller
}

// follow lets a sample relay follow everybody who is measured, and takes them into its
// roster.
func (p *population) follow(ctx context.Context, s *server) (err error) {
	if p.relay, err = sampleRelay(ctx, s, p.folder); err != nil {
		return err
	}
	for n, c := range p.callers {
		if err := letFollow(ctx, c, p.relay.id, p.people[n], fmt.Sprintf("Person %d", n)); err != nil {
			return err
		}
	}
	var roster struct{ People []struct{} }
	err = p.relay.worker.call(ctx, http.MethodGet, "/api/v1/staff/relays/"+p.relay.id+"/people", "", nil, into(&roster))
	if err == nil && len(roster.People) <= followed { // the sample person is there, too
		err = fmt.Errorf("the relay follows %d people", len(roster.People))
	}
	return err
}

// sampleRelay signs a worker of the relay in that follows the sample person: the first
// after the manager.
func sampleRelay(ctx context.Context, s *server, folder string) (r followingRelay, err error) {
	raw, err := os.ReadFile(filepath.Join(folder, sampleStaff)) //nolint:gosec // a folder of our own
	if err != nil {
		return r, err
	}
	var staff []struct{ Login, Password string }
	if err := json.Unmarshal(raw, &staff); err != nil {
		return r, err
	}
	if len(staff) < 2 {
		return r, errors.New("the sample relays have no worker")
	}
	if r.worker, err = s.signInAt(ctx, workerSessions, staff[1].Login, staff[1].Password); err != nil {
		return r, err
	}
	var works struct {
		Relays []struct{ Relay struct{ ID string } }
	}
	err = r.worker.call(ctx, http.MethodGet, "/api/v1/staff/relays", "", nil, into(&works))
	if err == nil && len(works.Relays) != 1 {
		err = fmt.Errorf("the sample worker works for %d relays", len(works.Relays))
	}
	if err == nil {
		r.id = works.Relays[0].Relay.ID
	}
	return r, err
}

func letFollow(ctx context.Context, c *caller, relay string, one person, name string) error {
	body, err := json.Marshal(map[string]any{
		"relay": relay, "scope": "see-and-add", "name": name, "agreed": true,
		"notice": map[string]string{"version": "1", "language": "en", "text": "They will see what you share."},
		"secret": map[string]string{"password": one.secret},
	})
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodPost, "/api/v1/followers", "application/json", body, drain)
}

// openAndList is a worker who opens the space of whose turn it is, for a purpose, and
// lists what they share.
func (p *population) openAndList(ctx context.Context) error {
	c, _ := p.turn()
	body, err := json.Marshal(map[string]any{"relay": p.relay.id, "vault": c.id, "purpose": map[string]string{"code": "housing"}})
	if err != nil {
		return err
	}
	if err := p.relay.worker.call(ctx, http.MethodPut, "/api/v1/staff/opened", "application/json", body, drain); err != nil {
		return err
	}
	return listItems(ctx, p.relay.worker)
}

// listItems lists all items on one page, and fails if there are fewer than there should
// be: a fast answer that leaves something out is none.
func listItems(ctx context.Context, c *caller) error {
	var list struct{ Items []json.RawMessage }
	err := c.call(ctx, http.MethodGet, "/api/v1/items?limit=1000", "", nil, into(&list))
	if err == nil && len(list.Items) < followedItems {
		err = fmt.Errorf("%d items were listed", len(list.Items))
	}
	return err
}

// into reads an answer in JSON.
func into(answer any) func(io.Reader) error {
	return func(r io.Reader) error { return json.NewDecoder(r).Decode(answer) }
}
