package api

import (
	"context"
	"net/http"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// Relay is an entry of the directory, which the authority signed.
type Relay struct {
	ID           string   `json:"id" doc:"Names the relay."`
	Name         string   `json:"name,omitempty" doc:"As the authority signed it; missing while it has not."`
	Organisation string   `json:"organisation,omitempty" doc:"Who answers for it."`
	Type         string   `json:"type,omitempty" doc:"What kind of place it is, as a stable code; show an unknown one as it is."`
	Place        string   `json:"place,omitempty" doc:"Where it is."`
	Contact      string   `json:"contact,omitempty" doc:"How to reach it."`
	Country      string   `json:"country,omitempty" doc:"Two letters (ISO 3166-1)."`
	Languages    []string `json:"languages,omitempty" nullable:"false" doc:"That are spoken there."`
	Fingerprint  string   `json:"fingerprint,omitempty" doc:"24 digits of its key, to be compared with those on the wall of the place."`
}

func relayJSON(r consent.Relay, organisation string) Relay {
	out := Relay{
		ID: r.ID.String(), Name: r.Name, Organisation: organisation, Type: string(r.Type), Place: r.Place,
		Contact: r.Contact, Country: r.Country, Languages: r.Languages,
	}
	if r.Name != "" {
		out.Fingerprint = consent.Fingerprint(r.Key)
	}
	return out
}

type relaysOutput struct {
	Body struct {
		Relays []Relay `json:"relays" nullable:"false" doc:"In the order in which they were added. Those that were withdrawn are left out."`
		Next
	}
}

// listRelays is for who is signed in only: not that the directory is secret, but so
// that nobody without an account costs anything.
func (a *API) listRelays(ctx context.Context, _ *vault.Vault, in *Paged) (*relaysOutput, error) {
	state, err := a.relays.Current(ctx)
	if err != nil {
		return nil, err
	}
	type placed struct {
		place uint64 // among all that were ever added: it stays
		Relay
	}
	var all []placed
	place := uint64(0)
	for r := range state.Relays() {
		place++
		o, err := state.Organisation(r.Organisation)
		if err != nil {
			return nil, err
		}
		if r.Withdrawn == "" && o.Withdrawn == "" {
			all = append(all, placed{place, relayJSON(r, o.Name)})
		}
	}
	out := &relaysOutput{}
	all, out.Body.Next = page(*in, all, func(r placed) string { return numbered(r.place) })
	out.Body.Relays = make([]Relay, 0, len(all))
	for _, r := range all {
		out.Body.Relays = append(out.Body.Relays, r.Relay)
	}
	return out, nil
}

func (a *API) addRelays() {
	registerOwn(a, operation{
		method: http.MethodGet, path: "/relays", id: "list-relays", tag: "Sharing", summary: "List the relays",
		description: "Who the authority says the relays are. Before a person lets one follow them, show its fingerprint.",
		problems:    []string{"not-named", "witness-away", "untrusted-key"},
	}, a.listRelays)
}
