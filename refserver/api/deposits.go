package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"reconnect.example/vault"
)

// Left is what a worker can keep who left something: it tells nothing of the space.
type Left struct {
	Item string    `json:"item" doc:"Id of the item that it will be."`
	At   time.Time `json:"at" doc:"When it was left. The person has it at their next sign-in; until then nobody can read it, and who left it never sees it again."`
}

func leftJSON(l vault.Left) Left { return Left{Item: l.Item.String(), At: l.At} }

// leaveDocument takes a document as addDocument does, for the inbox.
func (a *API) leaveDocument(w http.ResponseWriter, r *http.Request, v *vault.Vault) error {
	doc, err := newDocument(r)
	if err != nil {
		return err
	}
	if doc.Name, err = nameHeader(r.Header.Get(headerName)); err != nil {
		return err
	}
	if doc.Compartment, err = compartmentOf(r.Header.Get(headerCompartment)); err != nil {
		return invalid("header."+headerCompartment, "is neither private nor shared")
	}
	left, err := v.LeaveDocument(r.Context(), doc, &uploadBody{Reader: r.Body})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	// It is left, whether or not the caller hears of it.
	_ = json.NewEncoder(w).Encode(leftJSON(left))
	return nil
}

type leaveNoteInput struct {
	Body struct {
		Name        string `json:"name" minLength:"1" maxLength:"200" doc:"Of the message."`
		Text        string `json:"text" minLength:"1" maxLength:"20000" doc:"The message."`
		Compartment string `json:"compartment,omitempty" enum:"private,shared" doc:"private: for the person alone. shared: for those who follow, too. Missing: as the person's rules say."`
	}
}

type leftOutput struct{ Body Left }

func leaveNote(ctx context.Context, v *vault.Vault, in *leaveNoteInput) (*leftOutput, error) {
	to, err := compartmentOf(in.Body.Compartment)
	if err != nil {
		return nil, err
	}
	left, err := v.LeaveNote(ctx, in.Body.Name, vault.Note{Text: in.Body.Text}, vault.Place{Compartment: to, Channel: channel})
	if err != nil {
		return nil, err
	}
	return &leftOutput{Body: leftJSON(left)}, nil
}

// Deposit is something that somebody left or made private, and what became of it.
type Deposit struct {
	Line  uint64    `json:"line" minimum:"1" doc:"Of the journal, that says that it was left."`
	At    time.Time `json:"at" doc:"When."`
	By    Actor     `json:"by" doc:"Who."`
	Act   string    `json:"act" doc:"deposit.left, or item.made-private on the person's word."`
	Kind  string    `json:"kind" doc:"What it is: document, note, …"`
	Item  string    `json:"item" doc:"Id of the item that it is, or would have been."`
	State string    `json:"state" doc:"waiting: for the next sign-in. taken-in: it is an item. missing: the store lost or altered it. refused: nobody was allowed to leave it."`
	Why   string    `json:"why,omitempty" doc:"With refused, as a stable code: grant, author, form, exists."`
	Kept  bool      `json:"kept,omitempty" doc:"It came by a link, and the person said that it is theirs to keep."`
}

// MissingDeposit is something that the store lost or altered before it was taken in.
type MissingDeposit struct {
	Line uint64    `json:"line" minimum:"1" doc:"Of the journal, that says that it was left."`
	At   time.Time `json:"at" doc:"When it was left."`
	By   Actor     `json:"by" doc:"By whom: ask them for it again."`
	Kind string    `json:"kind" doc:"What it was."`
	Item string    `json:"item" doc:"Id of the item that it would have been."`
}

type depositsOutput struct {
	Body struct {
		Deposits []Deposit        `json:"deposits" nullable:"false" doc:"The newest first, as far as the last thousand lines of the journal tell."`
		Missing  []MissingDeposit `json:"missing" nullable:"false" doc:"Until the person confirms to know of it, at most the last hundred. On each page."`
		Next
	}
}

func listDeposits(ctx context.Context, v *vault.Vault, in *Paged) (*depositsOutput, error) {
	all, err := v.Deposits(ctx)
	if err != nil {
		return nil, err
	}
	missing, err := v.MissingDeposits(ctx)
	if err != nil {
		return nil, err
	}
	out := &depositsOutput{}
	all, out.Body.Next = page(*in, all, func(d vault.Deposit) string { return numbered(^d.Line) })
	out.Body.Deposits, out.Body.Missing = make([]Deposit, 0, len(all)), make([]MissingDeposit, 0, len(missing))
	for _, d := range all {
		out.Body.Deposits = append(out.Body.Deposits, Deposit{
			Line: d.Line, At: d.At, By: actorJSON(d.By), Act: string(d.Act), Kind: d.Kind, Item: d.Item.String(), State: string(d.State), Why: d.Why, Kept: d.Kept,
		})
	}
	for _, m := range missing {
		out.Body.Missing = append(out.Body.Missing, MissingDeposit{Line: m.Line, At: m.At, By: actorJSON(m.By), Kind: m.Kind, Item: m.Item.String()})
	}
	return out, nil
}

type takenInOutput struct {
	Body struct {
		Items   int `json:"items" minimum:"0" doc:"Taken in."`
		Missing int `json:"missing" minimum:"0" doc:"Lost or altered by the store."`
		Refused int `json:"refused" minimum:"0" doc:"Left by nobody who was allowed to; nothing of it is kept."`
	}
}

func takeIn(ctx context.Context, v *vault.Vault, _ *struct{}) (*takenInOutput, error) {
	taken, err := v.TakeIn(ctx)
	if err != nil {
		return nil, err
	}
	out := &takenInOutput{}
	out.Body.Items, out.Body.Missing, out.Body.Refused = taken.Items, taken.Missing, taken.Refused
	return out, nil
}

func confirmMissing(ctx context.Context, v *vault.Vault, _ *struct{}) (*struct{}, error) {
	return nil, v.ConfirmMissing(ctx)
}

func (a *API) addDeposits() {
	a.stream(a.leaveOperation(), a.leaveDocument)
	register(a, operation{
		method: http.MethodPost, path: "/deposits/notes", id: "leave-note", tag: "Staff", status: http.StatusCreated, summary: "Leave a message for a person",
		description: "In the space that the caller has open, where they may give or add. " + notSeenAgain,
		problems:    []string{"invalid", "media-type", "too-large", "full", "too-many", "closing"},
	}, leaveNote)
	registerPerson(a, operation{
		method: http.MethodGet, path: "/deposits", id: "list-deposits", tag: "Sharing", summary: "What others left, and what became of it",
		description: "Every sign-in takes in what waits. What the store lost is named until the person confirms to know of it.",
	}, listDeposits)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/deposits/take-in", id: "take-in", tag: "Sharing", summary: "Take in what waits",
		description: "As the next sign-in would. It can be repeated: nothing is taken in twice.",
		problems:    []string{"full", "too-many"},
	}, takeIn)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/deposits/missing", id: "confirm-missing", tag: "Sharing", status: http.StatusNoContent, summary: "Confirm knowing of what is missing",
		description: "The overview shows it no more; the journal does.",
	}, confirmMissing)
}

const notSeenAgain = "It waits, sealed, until the person's next sign-in, and nobody can read it before, also not the caller, who never sees it again: say so."

// leaveOperation describes POST /deposits/documents.
func (a *API) leaveOperation() huma.Operation {
	op := a.huma(operation{
		method: http.MethodPost, path: "/deposits/documents", id: "leave-document", space: true, tag: "Staff", status: http.StatusCreated,
		summary:     "Leave a document for a person",
		description: "In the space that the caller has open, where they may give or add: a picture, a sound, PDF or plain text of at most 25 MB. " + notSeenAgain,
		problems:    []string{"invalid", "media-type", "full", "too-many", "closing", "truncated", "upload-expired"},
	})
	op.Parameters = append([]*huma.Param{
		headerParam(headerName, "As for POST /documents.", true, text("")),
		headerParam(headerCompartment, "private: for the person alone. shared: for those who follow, too. Missing: as the person's rules say.", false, &huma.Schema{Type: huma.TypeString, Enum: []any{"private", "shared"}}),
		onceParam(),
	}, dateParams()...)
	op.RequestBody = bytesBody()
	op.Responses["201"] = &huma.Response{
		Description: "Left, durably.",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: a.schemaOf(reflect.TypeFor[Left]())}},
	}
	return op
}
