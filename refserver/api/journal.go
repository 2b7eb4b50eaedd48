package api

import (
	"context"
	"net/http"
	"time"

	"reconnect.example/vault"
)

// Entry is one line of the journal: plain facts, to be put into words for the person.
type Entry struct {
	Number  uint64            `json:"number" minimum:"1" doc:"From 1, without gaps."`
	At      time.Time         `json:"at" doc:"When."`
	Actor   Actor             `json:"actor" doc:"Who."`
	Act     string            `json:"act" doc:"What, as a stable code. New codes appear; show an unknown one as it is." example:"document.read"`
	Purpose string            `json:"purpose,omitempty" doc:"Why, where somebody else than the person acted."`
	Item    string            `json:"item,omitempty" doc:"Id of the item; missing when it was about the whole space."`
	Name    string            `json:"name,omitempty" doc:"Name of the item as it was then."`
	Detail  map[string]string `json:"detail,omitempty" doc:"Further facts by stable key."`
}

// JournalPage is which lines of a journal are asked for.
type JournalPage struct {
	Before uint64 `query:"before" doc:"The \"next\" of the page before; missing: from the newest."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Lines on a page at most."`
}

type journalOutput struct {
	Body struct {
		Entries []Entry `json:"entries" nullable:"false" doc:"Newest first."`
		Next    uint64  `json:"next,omitempty" doc:"For \"before\"; missing on the last page."`
	}
}

func readJournal(ctx context.Context, v *vault.Vault, in *JournalPage) (*journalOutput, error) {
	entries, err := v.Journal(ctx, &vault.JournalOptions{Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := &journalOutput{}
	out.Body.Entries = make([]Entry, 0, len(entries))
	for _, e := range entries {
		out.Body.Entries = append(out.Body.Entries, entryJSON(e))
	}
	if n := len(entries); n > 0 && entries[n-1].Number > 1 {
		out.Body.Next = entries[n-1].Number
	}
	return out, nil
}

func entryJSON(e vault.Entry) Entry {
	out := Entry{
		Number: e.Number, At: e.At, Actor: actorJSON(e.Actor), Act: string(e.Act),
		Purpose: e.Purpose, Name: e.Name, Detail: e.Detail,
	}
	if !e.Item.IsZero() {
		out.Item = e.Item.String()
	}
	return out
}

func (a *API) addJournal() {
	registerOwn(a, operation{
		method: http.MethodGet, path: "/journal", id: "read-journal", tag: "Journal", summary: "Read the journal",
		description: "What happened in the space, verified along its chain: a line that was changed, removed or moved is refused as altered. Reading it is a line too.",
		problems:    []string{"invalid"},
	}, readJournal)
}
