package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"reconnect.example/vault"
)

// What somebody does who has the code of a link and no account. The code stands in the
// body of each request: addresses and headers end in the logs of proxies.

// LinkCode is the code of a link.
type LinkCode struct {
	Code string `json:"code" minLength:"1" maxLength:"500" doc:"What is behind the # of its address, or printed under its QR code; in either case of letters, with digits of any script."`
}

type linkFaceInput struct {
	sender
	Body LinkCode
}

type linkFaceOutput struct {
	Body struct {
		Kind  string     `json:"kind" doc:"deposit: something can be left with it. paper: it opens one document."`
		Label string     `json:"label" doc:"In the words of the person who made it. Escape it wherever it is shown."`
		Until *time.Time `json:"until,omitempty" doc:"When it ends by itself; missing: without an end."`
		Left  *int       `json:"left,omitempty" doc:"How often it can still be used; missing: without a number."`
	}
}

func (a *API) linkFace(ctx context.Context, in *linkFaceInput) (*linkFaceOutput, error) {
	if err := a.limits.Link(in.request); err != nil {
		return nil, err
	}
	face, err := a.vaults.FaceOfLink(ctx, in.Body.Code)
	if err != nil {
		return nil, err
	}
	out := &linkFaceOutput{}
	out.Body.Kind, out.Body.Label, out.Body.Until = string(face.Kind), face.Label, ifAny(face.Until)
	if face.Left >= 0 {
		out.Body.Left = &face.Left
	}
	return out, nil
}

type leaveNoteByLinkInput struct {
	sender
	Body struct {
		LinkCode
		Name string `json:"name" minLength:"1" maxLength:"200" doc:"Of the message, such as who writes."`
		Text string `json:"text" minLength:"1" maxLength:"20000" doc:"The message."`
	}
}

func (a *API) leaveNoteByLink(ctx context.Context, in *leaveNoteByLinkInput) (*struct{}, error) {
	if err := a.limits.Link(in.request); err != nil {
		return nil, err
	}
	return nil, a.vaults.LeaveNoteByLink(ctx, in.Body.Code, in.Body.Name, vault.Note{Text: in.Body.Text}, channel)
}

// maxFormText bounds a field of a form beside its file, in bytes.
const maxFormText = 2000

// leaveByLink takes a form: code, name, and the file last, which is read as it comes.
func (a *API) leaveByLink(_ http.ResponseWriter, r *http.Request) error {
	if err := a.limits.Link(r); err != nil {
		return err
	}
	return leftForm(r, func(fields map[string]string, n vault.NewDocument, file *uploadBody) error {
		n.Channel = channel
		return a.vaults.LeaveByLink(r.Context(), fields["code"], n, file)
	})
}

// leftForm reads a form: by what it is left, its name, and the file.
func leftForm(r *http.Request, leave func(fields map[string]string, n vault.NewDocument, file *uploadBody) error) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || r.Header.Get("Content-Encoding") != "" {
		return errMediaType
	}
	form, err := r.MultipartReader()
	if err != nil {
		return errMediaType
	}
	fields := map[string]string{}
	for range 3 {
		part, err := form.NextPart()
		if err != nil {
			return formError(err)
		}
		if part.FormName() != "file" {
			text, err := io.ReadAll(io.LimitReader(part, maxFormText+1))
			if err != nil {
				return formError(err)
			}
			if len(text) > maxFormText {
				return invalid("body."+printable(part.FormName()), "is too long")
			}
			fields[part.FormName()] = string(text)
			continue
		}
		return leave(fields, vault.NewDocument{Name: fields["name"], Size: -1}, &uploadBody{Reader: part})
	}
	return invalid("body.file", "is missing: the other fields come before it, and nothing else")
}

// formError tells a form that ended too soon from one that was cut.
func formError(err error) error {
	if err == io.EOF {
		return invalid("body.file", "is missing")
	}
	_, err = (&uploadBody{Reader: failing{err}}).Read(nil)
	return err
}

// failing is a reader that has failed.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type openLinkInput struct {
	sender
	Body LinkCode
}

// headerUses says how often a link can still be used.
const headerUses = "Link-Uses-Left"

func (a *API) openLink(ctx context.Context, in *openLinkInput) (*huma.StreamResponse, error) {
	if err := a.limits.Link(in.request); err != nil {
		return nil, err
	}
	opened, err := a.vaults.OpenByLink(ctx, in.Body.Code)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(h huma.Context) {
		defer opened.Close() //nolint:errcheck // only read
		r, w := humago.Unwrap(h)
		out := &streamWriter{ResponseWriter: w}
		err := send(out, opened, func() {
			contentHeaders(w.Header(), opened.Item, opened.Item.Document.Size)
			w.Header().Del("Accept-Ranges") // each answer is a use
			if opened.Left >= 0 {
				w.Header().Set(headerUses, strconv.Itoa(opened.Left))
			}
			out.WriteHeader(http.StatusOK)
		})
		switch {
		case err == nil:
		case out.begun:
			panic(http.ErrAbortHandler) // the status is out: only a broken connection still says that it failed (A12)
		default:
			a.report(r.Context(), "open-link", err)
			writeProblem(w, r, err)
		}
	}}, nil
}

// openStream is stream for who has no session; there is nothing in the answer.
func (a *API) openStream(op huma.Operation, handle func(http.ResponseWriter, *http.Request) error) {
	a.doc.OpenAPI().AddOperation(&op)
	a.mux.HandleFunc(op.Method+" "+Path+op.Path, func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			a.report(r.Context(), op.OperationID, err)
			writeProblem(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

func (a *API) addStrangers() {
	// What is wrong with the link itself is one answer: nobody learns of the person by it.
	registerOpen(a, operation{
		method: http.MethodPost, path: "/links/look", id: "look-at-link", tag: "Links", summary: "What a link is for",
		description: "Nothing of the person but the label that they chose. It is no line in the journal, and does not say whether the inbox is closed.",
		problems:    []string{"ended", "witness-away"},
	}, a.linkFace)
	registerOpen(a, operation{
		method: http.MethodPost, path: "/leave/notes", id: "leave-note-by-link", tag: "Links", status: http.StatusNoContent, summary: "Leave a message by a link",
		description: takenOrNot,
		problems:    []string{"not-taken", "witness-away"},
	}, a.leaveNoteByLink)
	a.openStream(a.leaveByLinkOperation(), a.leaveByLink)
	registerOpen(a, operation{
		method: http.MethodPost, path: "/open", id: "open-link", tag: "Links", summary: "Read the paper of a link",
		description: "As a stream. Each time is counted, and a line in the person's journal, before the first byte leaves: a request that is repeated is a second time. Ask look-at-link what a link is for before this. It breaks off within a second when the link ends.",
		problems:    []string{"ended", "witness-away", "tampered"},
	}, a.openLink)
	op := a.doc.OpenAPI().Paths["/open"].Post
	op.Responses["200"] = &huma.Response{
		Description: "The bytes.",
		Headers: map[string]*huma.Param{
			headerUses:            header("How often the link can still be used; missing: without a number."),
			"Content-Disposition": header("attachment, with the name of the paper."),
			"Repr-Digest":         header("SHA-256 of the whole (RFC 9530)."),
		},
		Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: binary()}},
	}
}

const takenOrNot = "204 says that it was taken, durably, and nothing else; who leaves it never sees it again. not-taken says that nothing of it is kept, and not why: it is the person's to know. Sent again it is left again."

const whatIsLeft = "A picture, a sound, PDF or plain text of at most 25 MB: its first bytes say what it is, whatever the sender does. "

func (a *API) leaveByLinkOperation() huma.Operation {
	op := a.huma(operation{
		method: http.MethodPost, path: "/leave/documents", id: "leave-by-link", open: true, tag: "Links", status: http.StatusNoContent, summary: "Leave a document by a link",
		description: whatIsLeft + takenOrNot,
		problems:    []string{"not-taken", "witness-away", "invalid", "media-type", "truncated", "upload-expired"},
	})
	op.RequestBody = leftBody("code", "The code of the link.")
	op.Responses["204"] = &huma.Response{Description: "Taken."}
	return op
}

// leftBody is the form of leftForm; by is how it is said to whom something is left.
func leftBody(by, what string) *huma.RequestBody {
	field := func(most int, what string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, MinLength: new(int), MaxLength: &most, Description: what}
	}
	return &huma.RequestBody{
		Required: true, Description: "A form of these fields in this order: what comes after the file is not read.",
		Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
			Type: huma.TypeObject, Required: []string{by, "name", "file"},
			Properties: map[string]*huma.Schema{
				by:     field(500, what),
				"name": field(200, "Of the paper."),
				"file": {Type: huma.TypeString, Format: "binary", Description: "The bytes."},
			},
		}}},
	}
}
