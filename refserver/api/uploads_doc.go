package api

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"reconnect.example/vault"
)

// addUploads adds what tus.io calls a server of resumable uploads.
func (a *API) addUploads() {
	options := a.uploadsOperation(operation{
		method: http.MethodOptions, path: "/uploads", id: "uploads-offered", summary: "See how uploads can resume",
		description: "Which version and extensions of tus there are.",
	}, http.StatusNoContent, "What there is.", "Tus-Version", "The version that is spoken.", "Tus-Extension", "creation, termination, expiration")
	a.tus(options, a.tusOptions)

	begin := a.uploadsOperation(operation{
		method: http.MethodPost, path: "/uploads", id: "begin-upload", summary: "Begin an upload that can resume",
		description: "For phones that lose the network: tus 1.0 with creation, termination and expiration. The space is reserved now, so that no byte is sent in vain. " +
			"What stands still for a day ends by itself. A few uploads of one space may go on at a time.",
		problems: []string{"invalid", "full", "too-many", "closing", "tus-version"},
	}, http.StatusCreated, "Begun.", append(saysUpload(), "Location", "Address of the upload.")...)
	begin.Parameters = []*huma.Param{tusParam(),
		headerParam(headerLength, "Bytes of the document, at least 1.", true, text("^[0-9]+$")),
		headerParam(headerMetadata, "As tus writes it: filename (required: how the person calls it), filetype, compartment (private or shared), folder (an id), issued, expires (days). Others are ignored.", true, text("")),
		onceParam(),
	}
	a.tus(begin, a.beginUpload)

	state := a.uploadsOperation(operation{
		method: http.MethodHead, path: "/uploads/{upload}", id: "upload-state", summary: "Ask how far an upload is",
		description: "Of one that is whole it names the document, for as long as that is there.",
		problems:    []string{"not-found", "upload-expired", "too-many", "closing", "tus-version"},
	}, http.StatusOK, "How far it is.", saysUpload()...)
	state.Parameters = []*huma.Param{uploadParam(), tusParam()}
	a.tus(state, a.uploadState)

	more := a.uploadsOperation(operation{
		method: http.MethodPatch, path: "/uploads/{upload}", id: "append-upload", summary: "Send more of an upload",
		description: "Send everything that is missing in one request, if you can. Whole parts are kept, and the end: go on from the Upload-Offset of the answer, which may be less than you sent. " +
			"Of a request that breaks off the parts that were whole stay. A body that is shorter than a part, and not the end, is refused. The last byte makes the document.",
		problems: []string{"not-found", "invalid", "offset", "media-type", "upload-expired", "truncated", "too-many", "closing", "tus-version"},
	}, http.StatusNoContent, "Kept, durably, as far as Upload-Offset says.", saysUpload()...)
	more.Parameters = []*huma.Param{uploadParam(), tusParam(), headerParam(headerOffset, "From where on the body is.", true, text("^[0-9]+$"))}
	more.RequestBody = &huma.RequestBody{Required: true, Description: "The bytes from there on.", Content: map[string]*huma.MediaType{tusBody: {Schema: binary()}}}
	a.tus(more, a.appendUpload)

	end := a.uploadsOperation(operation{
		method: http.MethodDelete, path: "/uploads/{upload}", id: "end-upload", summary: "Give an upload up",
		description: "Its space is free at once. It takes no document away.",
		problems:    []string{"not-found", "upload-expired", "tus-version"},
	}, http.StatusNoContent, "Gone.")
	end.Parameters = []*huma.Param{uploadParam(), tusParam()}
	a.tus(end, a.endUpload)
}

// tus is stream, with the header that every answer of the protocol has.
func (a *API) tus(op huma.Operation, handle func(http.ResponseWriter, *http.Request, *vault.Vault) error) {
	a.stream(op, func(w http.ResponseWriter, r *http.Request, v *vault.Vault) error {
		w.Header().Set(headerTus, tusVersion)
		return handle(w, r, v)
	})
}

// uploadsOperation describes one operation, with the headers of its answer.
func (a *API) uploadsOperation(o operation, status int, answer string, headers ...string) huma.Operation {
	o.tag, o.space, o.status = "Documents", true, status
	op := a.huma(o)
	says := map[string]*huma.Param{headerTus: header(tusVersion)}
	for i := 0; i < len(headers); i += 2 {
		says[headers[i]] = header(headers[i+1])
	}
	op.Responses[strconv.Itoa(status)] = &huma.Response{Description: answer, Headers: says}
	return op
}

func saysUpload() []string {
	return []string{
		headerOffset, "Bytes that are durable.", headerLength, "Bytes of the document.", headerPart, "Bytes of a part.",
		headerUntil, "When it ends by itself, unless more comes before.", headerDocument, "Id of the document, once it is there.",
	}
}

func tusParam() *huma.Param {
	return headerParam(headerTus, "The version of tus: "+tusVersion, true, text(""))
}

func uploadParam() *huma.Param {
	return &huma.Param{Name: "upload", In: "path", Required: true, Description: "Id of the upload.", Schema: text("")}
}
