package api

import (
	"context"
	"net/http"
	"time"

	"reconnect.example/refserver/moving"
	"reconnect.example/vault"
)

// What the person does of a move: at the new server they make a code and take in what
// came; at the old one they give the code, and close the account when they want to.

type awaitInput struct {
	Body struct {
		Hours int `json:"hours,omitempty" minimum:"1" maximum:"168" doc:"How long the code is good for; missing: 24."`
	}
}

// MoveCode is shown to the person alone.
type MoveCode struct {
	Code  string    `json:"code" doc:"A secret until the move is over. Show it once, as text and as QR code, and keep it nowhere."`
	Until time.Time `json:"until" doc:"It ends then."`
}

type moveCodeOutput struct{ Body MoveCode }

func (a *API) await(ctx context.Context, v *vault.Vault, in *awaitInput) (*moveCodeOutput, error) {
	code, err := v.AwaitTransfer(ctx, a.way.Address, &vault.AwaitOptions{Lasts: time.Duration(in.Body.Hours) * time.Hour})
	if err != nil {
		return nil, err
	}
	state, err := v.Arrival(ctx)
	if err != nil {
		return nil, err
	}
	return &moveCodeOutput{MoveCode{Code: code.Text(), Until: state.Until}}, nil
}

// MoveHere says how far a move to this server is.
type MoveHere struct {
	Until    time.Time           `json:"until" doc:"The code ends then."`
	Size     int64               `json:"size" doc:"Bytes that come, sealed; 0: nothing was announced yet."`
	Offset   int64               `json:"offset" doc:"Bytes that are here."`
	Complete bool                `json:"complete" doc:"It can be looked at and taken in."`
	Receipt  *moving.MoveReceipt `json:"receipt,omitempty" doc:"Once it was taken in."`
}

type moveHereOutput struct{ Body MoveHere }

func arrival(ctx context.Context, v *vault.Vault, _ *struct{}) (*moveHereOutput, error) {
	s, err := v.Arrival(ctx)
	if err != nil {
		return nil, err
	}
	return &moveHereOutput{MoveHere{Until: s.Until, Size: s.Size, Offset: s.Offset, Complete: s.Complete, Receipt: moving.ReceiptOf(s.Receipt)}}, nil
}

func endArrival(ctx context.Context, v *vault.Vault, _ *struct{}) (*struct{}, error) {
	return nil, v.EndArrival(ctx)
}

type takeInInput struct {
	Body struct {
		Compartment string `json:"compartment,omitempty" enum:"private,shared" doc:"Missing: private. What was private where it comes from stays private either way."`
	}
}

type arrivedPlanOutput struct {
	Body struct {
		From string       `json:"from" doc:"The old server, as it calls itself."`
		Plan BringingPlan `json:"plan" doc:"What taking in would do."`
	}
}

func planArrival(ctx context.Context, v *vault.Vault, in *takeInInput) (*arrivedPlanOutput, error) {
	compartment, err := compartmentOf(in.Body.Compartment)
	if err != nil {
		return nil, err
	}
	from, b, plan, err := moving.Look(ctx, v, &vault.ImportOptions{Compartment: compartment})
	if err != nil {
		return nil, err
	}
	out := &arrivedPlanOutput{}
	out.Body.From, out.Body.Plan = from, bringingPlan(b, plan)
	return out, nil
}

type moveReceiptOutput struct{ Body moving.MoveReceipt }

func takeArrival(ctx context.Context, v *vault.Vault, in *takeInInput) (*moveReceiptOutput, error) {
	compartment, err := compartmentOf(in.Body.Compartment)
	if err != nil {
		return nil, err
	}
	r, err := moving.TakeIn(ctx, v, &vault.ImportOptions{Compartment: compartment})
	if err != nil {
		return nil, err
	}
	return &moveReceiptOutput{*moving.ReceiptOf(&r)}, nil
}

type departInput struct {
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"1000" doc:"As the new server shows it, scanned or typed."`
	}
}

// MoveTo says where a code leads.
type MoveTo struct {
	To   string `json:"to" doc:"Address of the new server."`
	Host string `json:"host" doc:"What of it the person compares with what they see there, before anything is sent."`
}

type moveToOutput struct{ Body MoveTo }

func (a *API) lookAtCode(_ context.Context, _ *vault.Vault, in *departInput) (*moveToOutput, error) {
	code, err := vault.ParseTransferCode(in.Body.Code)
	if err != nil {
		return nil, err
	}
	if _, err := a.way.To(code.Where); err != nil {
		return nil, err
	}
	return &moveToOutput{MoveTo{To: code.Where, Host: moving.Host(code.Where)}}, nil
}

// MoveAway says how a move to another server stands.
type MoveAway struct {
	To      string              `json:"to" doc:"Address of the new server."`
	Until   time.Time           `json:"until" doc:"What was sealed for it is thrown away then."`
	Size    int64               `json:"size" doc:"Bytes to send."`
	Digest  []byte              `json:"digest" doc:"SHA-256 of the bundle in clear, base64."`
	Receipt *moving.MoveReceipt `json:"receipt,omitempty" doc:"Once the new server has confirmed that it was taken in. From then on, and not before, offer to close the account."`
}

type moveAwayOutput struct{ Body MoveAway }

func moveAway(d vault.Departure, err error) (*moveAwayOutput, error) {
	if err != nil {
		return nil, err
	}
	return &moveAwayOutput{MoveAway{To: d.To, Until: d.Until, Size: d.Size, Digest: d.Digest[:], Receipt: moving.ReceiptOf(d.Receipt)}}, nil
}

func (a *API) depart(ctx context.Context, v *vault.Vault, in *departInput) (*moveAwayOutput, error) {
	code, err := vault.ParseTransferCode(in.Body.Code)
	if err != nil {
		return nil, err
	}
	take := &vault.ExportOptions{}
	if a.staff != nil {
		if err := a.staff.TakeReceipts(ctx, v, take); err != nil {
			return nil, err
		}
	}
	return moveAway(a.way.Begin(ctx, v, code, take))
}

func departure(ctx context.Context, v *vault.Vault, _ *struct{}) (*moveAwayOutput, error) {
	return moveAway(v.Departure(ctx))
}

func endDeparture(ctx context.Context, v *vault.Vault, _ *struct{}) (*struct{}, error) {
	return nil, v.EndDeparture(ctx)
}

type stillLeftOutput struct {
	Body struct {
		Left int64 `json:"left" doc:"Bytes that are missing there still: ask again. 0: all of it is there."`
	}
}

func (a *API) sendDeparture(ctx context.Context, v *vault.Vault, _ *struct{}) (*stillLeftOutput, error) {
	left, err := a.way.Send(ctx, v)
	out := &stillLeftOutput{}
	out.Body.Left = left
	return out, err
}

type moveConfirmedOutput struct {
	Body struct {
		Confirmed bool                `json:"confirmed" doc:"false: nobody there has taken it in yet."`
		Receipt   *moving.MoveReceipt `json:"receipt,omitempty" doc:"Signed by the server of the code, over what was sent."`
	}
}

func (a *API) confirmDeparture(ctx context.Context, v *vault.Vault, _ *struct{}) (*moveConfirmedOutput, error) {
	r, confirmed, err := a.way.Confirm(ctx, v)
	out := &moveConfirmedOutput{}
	if out.Body.Confirmed = confirmed; confirmed {
		out.Body.Receipt = moving.ReceiptOf(&r)
	}
	return out, err
}

func (a *API) addMoving() {
	if a.way == nil {
		return
	}
	a.addTransfer()
	a.addMovingHere()
	a.addMovingAway()
}

func (a *API) addMovingHere() {
	on := func(method, path, id, summary, description string, problems ...string) operation {
		return operation{method: method, path: "/arrival" + path, id: id, tag: "Moving", summary: summary, description: description, problems: problems}
	}
	make := on(http.MethodPost, "", "await-arrival", "Make a code to move here",
		"The person gives it at the server that they leave; it names this server and this space, and who has it can send one bundle and read nothing. A code from before ends, with what came by it.",
		"closing", "unconfirmed")
	make.status = http.StatusCreated
	registerPerson(a, make, a.await)
	registerPerson(a, on(http.MethodGet, "", "read-arrival", "See how far a move to here is", "not-found: no code is waited with.", "not-found"), arrival)
	end := on(http.MethodDelete, "", "end-arrival", "End the code", "And throw away what came by it. A receipt stays until the next code.", "not-found")
	end.status = http.StatusNoContent
	registerPerson(a, end, endArrival)
	broken := append([]string{"not-found", "offset", "move-altered"}, brokenBundles()...)
	registerPerson(a, on(http.MethodPost, "/plan", "plan-arrival", "See what would be taken in",
		"What came is opened and checked to its last byte. Nothing is changed.", broken...), planArrival)
	registerPerson(a, on(http.MethodPost, "/import", "take-arrival", "Take in what came",
		"And sign the receipt. After a lost answer, send it again: what is there is not doubled. When it was done, not-found or the same receipt.", broken...), takeArrival)
}

func (a *API) addMovingAway() {
	over := []string{"move-away", "move-address", "move-over", "not-found"}
	on := func(method, path, id, summary, description string, problems ...string) operation {
		return operation{method: method, path: "/departure" + path, id: id, tag: "Moving", summary: summary, description: description, problems: problems}
	}
	registerPerson(a, on(http.MethodPost, "/look", "look-at-code", "See where a code leads",
		"Show the host to the person before anything is sealed. Nothing is asked of that server.", "move-address"), a.lookAtCode)
	begin := on(http.MethodPost, "", "begin-departure", "Seal everything for another server",
		"To the keys that the code bears out, so that neither server and nobody between reads it, and announce it there. It is sent with send-departure. Nothing is deleted here."+lateSecret,
		append([]string{"secret-again", "move-under-way", "move-keys", "move-room", "full", "unconfirmed"}, over...)...)
	begin.status = http.StatusCreated
	registerPerson(a, begin, lately(a.depart))
	registerPerson(a, on(http.MethodGet, "", "read-departure", "See how a move away stands", "not-found: none was begun.", "not-found"), departure)
	end := on(http.MethodDelete, "", "end-departure", "Give a move away up", "Whatever the new server has of it. With a receipt: forget the receipt.", "not-found")
	end.status = http.StatusNoContent
	registerPerson(a, end, endDeparture)
	registerPerson(a, on(http.MethodPost, "/send", "send-departure", "Send what is missing",
		"For twenty seconds at most: ask again until nothing is left. It may break off anywhere, and goes on where it was.",
		append([]string{"move-room", "offset", "full"}, over...)...), a.sendDeparture)
	registerPerson(a, on(http.MethodPost, "/confirm", "confirm-departure", "Ask for the receipt of the new server",
		"It must be signed by the server of the code, over this very bundle. The sealed bundle is then deleted, and nothing else: closing the account is the person's own word (close-account).",
		append([]string{"move-receipt"}, over...)...), a.confirmDeparture)
}
