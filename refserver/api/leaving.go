package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// What partners leave with people whose files they have linked and who let them.

type partnerLeavesNoteInput struct {
	Body struct {
		LinkToken
		Name string `json:"name" minLength:"1" maxLength:"200" doc:"Of the message, such as what it is about."`
		Text string `json:"text" minLength:"1" maxLength:"20000" doc:"The message."`
	}
}

func partnerLeavesNote(ctx context.Context, o *consent.Office, in *partnerLeavesNoteInput) (*struct{}, error) {
	return nil, o.LeaveNote(ctx, in.Body.Link, in.Body.Name, vault.Note{Text: in.Body.Text})
}

func (a *API) partnerLeaves(_ http.ResponseWriter, r *http.Request) error {
	o, err := a.office(r)
	if err != nil {
		return err
	}
	return leftForm(r, func(fields map[string]string, n vault.NewDocument, file *uploadBody) error {
		return o.LeaveDocument(r.Context(), fields["link"], n, file)
	})
}

func (a *API) letLeave(ctx context.Context, v *vault.Vault, in *OnePartner) (*struct{}, error) {
	return onPartner(in, func(id consent.PartnerID) error { return a.staff.LetLeave(ctx, v, id) })
}

func (a *API) stopLeaving(ctx context.Context, v *vault.Vault, in *OnePartner) (*struct{}, error) {
	return onPartner(in, func(id consent.PartnerID) error { return a.staff.StopLeaving(ctx, v, id) })
}

func (a *API) addLeaving() {
	registerPartner(a, operation{
		method: http.MethodPost, path: "/partner/deposits/notes", id: "leave-note-as-partner", status: http.StatusNoContent, summary: "Leave a message with a person",
		description: "By a link, with who lets this partner leave something. " + takenOrNot,
		problems:    []string{"not-taken"},
	}, partnerLeavesNote)
	op := a.huma(operation{
		method: http.MethodPost, path: "/partner/deposits/documents", id: "leave-document-as-partner", open: true, scheme: partnerScheme, tag: "Partners", status: http.StatusNoContent, summary: "Leave a document with a person",
		description: "By a link, with who lets this partner leave something. " + whatIsLeft + takenOrNot,
		problems:    append(partnerProblems(), "not-taken", "invalid", "media-type", "truncated", "upload-expired"),
	})
	op.RequestBody = leftBody("link", "The link to the person.")
	op.Responses["204"] = &huma.Response{Description: "Taken."}
	a.openStream(op, a.partnerLeaves)

	one := []string{"not-found", "invalid", "not-named", "untrusted-key", "witness-away", "closing"}
	registerPerson(a, operation{
		method: http.MethodPost, path: "/partners/{partner}/deposits", id: "let-partner-leave", tag: "Asks", status: http.StatusNoContent, summary: "Let a partner leave papers and messages",
		description: "One with a link. It is a link of the person to leave something, with the partner's name, and stands among their links. ended: it may not leave anything (any more).",
		problems:    append([]string{"ended", "too-many"}, one...),
	}, a.letLeave)
	registerPerson(a, operation{
		method: http.MethodDelete, path: "/partners/{partner}/deposits", id: "stop-partner-leaving", tag: "Asks", status: http.StatusNoContent, summary: "Let a partner leave nothing more",
		description: "It is not told. What it left stays.",
		problems:    one,
	}, a.stopLeaving)
}
