package api

import (
	"context"
	"net/http"
	"time"

	"reconnect.example/vault"
)

// Counts says how many there are outside the bin.
type Counts struct {
	Documents    int `json:"documents" doc:"Papers."`
	Folders      int `json:"folders" doc:"Folders."`
	Contacts     int `json:"contacts" doc:"Contacts."`
	Appointments int `json:"appointments" doc:"Appointments."`
	Notes        int `json:"notes" doc:"Notes."`
	Private      int `json:"private" doc:"Of all of them without folders, those that the person alone can open."`
	Binned       int `json:"binned" doc:"In the bin."`
	Altered      int `json:"altered" doc:"Missing from the store, or not what was written."`
}

func countsJSON(c vault.Counts) Counts {
	return Counts{
		Documents: c.Documents, Folders: c.Folders, Contacts: c.Contacts, Appointments: c.Appointments, Notes: c.Notes,
		Private: c.Private, Binned: c.Binned, Altered: c.Damaged,
	}
}

type overviewOutput struct {
	Body struct {
		Counts   Counts     `json:"counts" doc:"How many there are of each kind."`
		Locked   int        `json:"locked,omitempty" doc:"Things that were private before a recovery that did not open them: POST /locked."`
		Space    Space      `json:"space" doc:"How much is used and left."`
		Next     []Item     `json:"next" nullable:"false" doc:"The next appointments, soonest first, at most five."`
		Expiring []Item     `json:"expiring" nullable:"false" doc:"Documents that have expired or will within sixty days, soonest first."`
		Notices  []string   `json:"notices" nullable:"false" doc:"Stable codes of what the person should know first: witness-away, damaged, closing, restored (POST /restored), deposit-missing (GET /deposits), left-by-link (POST /inbox/kept), unseen, death-recorded (GET /death-record), …"`
		ErasedAt *time.Time `json:"erasedAt,omitempty" doc:"When everything is erased, of an account that was closed."`

		UnseenSince *time.Time `json:"unseenSince,omitempty" doc:"With the notice unseen: the beginning of the month of the sign-in before."`

		RestoredTo *time.Time `json:"restoredTo,omitempty" doc:"With the notice restored: the instant of the backup to which the service was put back. What was done later is gone. Shown until it is confirmed; missing if the store altered it."`
	}
}

func overview(ctx context.Context, v *vault.Vault, _ *struct{}) (*overviewOutput, error) {
	o, err := v.Overview(ctx)
	if err != nil {
		return nil, err
	}
	out := &overviewOutput{}
	out.Body.Counts, out.Body.Locked, out.Body.Space = countsJSON(o.Counts), o.Locked, spaceJSON(o.Space)
	out.Body.Next, out.Body.Expiring = itemsJSON(o.Next), itemsJSON(o.Expiring)
	out.Body.Notices = make([]string, 0, len(o.Notices))
	for _, n := range o.Notices {
		out.Body.Notices = append(out.Body.Notices, string(n))
	}
	if !o.ErasedAt.IsZero() {
		out.Body.ErasedAt = &o.ErasedAt
	}
	if !o.UnseenSince.IsZero() {
		out.Body.UnseenSince = &o.UnseenSince
	}
	if !o.RestoredTo.IsZero() {
		out.Body.RestoredTo = &o.RestoredTo
	}
	return out, nil
}

func confirmRestored(ctx context.Context, v *vault.Vault, _ *struct{}) (*struct{}, error) {
	return nil, v.ConfirmRestored(ctx)
}

type countsOutput struct{ Body Counts }

func count(ctx context.Context, v *vault.Vault, _ *struct{}) (*countsOutput, error) {
	c, err := v.Count(ctx)
	if err != nil {
		return nil, err
	}
	return &countsOutput{Body: countsJSON(c)}, nil
}

func (a *API) addOverview() {
	register(a, operation{
		method: http.MethodGet, path: "/overview", id: "overview", tag: "Items", summary: "The situation at a glance",
		description: "Everything that a first screen shows, in one call and one line of the journal.",
	}, overview)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/restored", id: "confirm-restored", tag: "Account", status: http.StatusNoContent,
		summary:     "Confirm knowing of a restore",
		description: "The person knows that the service was put back to a backup: the overview shows it no more.",
	}, confirmRestored)
	register(a, operation{
		method: http.MethodGet, path: "/counts", id: "count", tag: "Items", summary: "Count the items",
		description: "How many of each kind, and how many of them are private, binned or altered.",
	}, count)
}
