package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

func (a *API) addDocuments() {
	a.stream(a.uploadOperation(), a.addDocument)
	a.stream(a.replaceOperation(), a.replaceDocument)
	a.stream(a.contentOperation(), a.readDocument)
	a.stream(a.thumbnailOperation(), a.readThumbnail)
	a.stream(a.exportOperation(), a.export)
	register(a, operation{
		method: http.MethodGet, path: "/documents/{item}/control", id: "control-document", tag: "Documents", summary: "Check that a document is whole",
		description: "Reads it from end to end and holds it against the digest of its deposit. An altered document is an answer, not a refusal.",
		problems:    []string{"not-found", "invalid"},
	}, controlDocument)
	register(a, operation{
		method: http.MethodGet, path: "/documents/{item}/metadata", id: "document-metadata", tag: "Documents", summary: "Read the technical metadata of a document",
		description: "How it is sealed and what the store has of it. Reads no content.",
		problems:    []string{"not-found", "invalid"},
	}, documentMetadata)
}

// uploadOperation describes POST /documents.
func (a *API) uploadOperation() huma.Operation {
	op := a.huma(operation{
		method: http.MethodPost, path: "/documents", id: "add-document", space: true, tag: "Documents", status: http.StatusCreated,
		summary:     "Add a document",
		description: "The body is the document as it is; no form, no packing. Send Content-Length: then a full space is refused before the first byte. What arrives incomplete is not stored.",
		problems:    []string{"invalid", "media-type", "full", "too-many", "closing", "truncated", "upload-expired"},
	})
	op.Parameters = append([]*huma.Param{
		headerParam(headerName, `How the person calls it: UTF-8, written as in an address ("Carte%20d%27identit%C3%A9"). Not in the address, so that no log of a proxy learns it.`, true, text("")),
		headerParam(headerCompartment, "Missing: private for the person, or as their own rule says.", false, &huma.Schema{Type: huma.TypeString, Enum: []any{"private", "shared"}}),
		headerParam(headerFolder, "Id of a folder in the same compartment; missing: the top.", false, text("^[a-z2-7]{26}$")),
		onceParam(),
	}, dateParams()...)
	op.RequestBody = bytesBody()
	op.Responses["201"] = a.itemResponse("Stored, durably.")
	op.Responses["201"].Headers["Location"] = header("Address of the new item.")
	return op
}

func (a *API) replaceOperation() huma.Operation {
	op := a.huma(operation{
		method: http.MethodPut, path: "/documents/{item}/content", id: "replace-content", space: true, tag: "Documents", ifMatch: true,
		summary:     "Replace the bytes of a document",
		description: "The old bytes stay until the new ones are stored whole. Name, folder and origin stay as they are.",
		problems:    []string{"not-found", "media-type", "full", "truncated", "upload-expired"},
	})
	op.Parameters = append([]*huma.Param{itemParam(), headerParam("If-Match", ifMatchDoc, true, text(""))}, dateParams()...)
	op.RequestBody = bytesBody()
	op.Responses["200"] = a.itemResponse("Replaced, durably.")
	return op
}

func (a *API) contentOperation() huma.Operation {
	op := a.huma(operation{
		method: http.MethodGet, path: "/documents/{item}/content", id: "read-content", space: true, tag: "Documents",
		summary:     "Read the bytes of a document",
		description: "To be saved, never shown as it comes. Every segment is verified before it is sent, and the whole digest before the last bytes are: a download that fails is always shorter than its Content-Length.",
		problems:    []string{"not-found", "invalid", "range", "revision"},
	})
	op.Parameters = []*huma.Param{
		itemParam(),
		headerParam("Range", "One range of bytes (RFC 9110, 14.2). Several are answered with the whole.", false, text("")),
		headerParam("If-Range", "The ETag that the range belongs to; otherwise the whole is answered.", false, text("")),
		headerParam("If-None-Match", "The ETag that you have.", false, text("")),
	}
	op.Responses["200"] = contentResponse("The whole document.")
	op.Responses["206"] = contentResponse("The part that was asked for.")
	op.Responses["206"].Headers["Content-Range"] = header("Which part.")
	op.Responses["304"] = &huma.Response{Description: "Unchanged since the ETag that you have."}
	return op
}

func (a *API) thumbnailOperation() huma.Operation {
	op := a.huma(operation{
		method: http.MethodGet, path: "/documents/{item}/thumbnail", id: "read-thumbnail", space: true, tag: "Documents",
		summary:     "Read the small picture of a document",
		description: "To be shown in a list, where `thumbnail` of the document says that there is one. It is a line in the journal.",
		problems:    []string{"not-found"},
	})
	op.Parameters = []*huma.Param{itemParam()}
	op.Responses["200"] = &huma.Response{
		Description: "A JPEG of at most 320 pixels a side and 16 KiB, upright.",
		Content:     map[string]*huma.MediaType{"image/jpeg": {Schema: binary()}},
	}
	return op
}

func (a *API) exportOperation() huma.Operation {
	op := a.huma(operation{
		method: http.MethodGet, path: "/export", id: "export", space: true, tag: "Account", summary: "Take everything along",
		description: "Everything in open formats in one ZIP file; also after closing. Its manifest comes last: a file without one is incomplete." + lateSecret,
		problems:    []string{"secret-again"},
	})
	op.Responses["200"] = &huma.Response{
		Description: "The file.",
		Headers:     map[string]*huma.Param{"Content-Disposition": header("A name for the file.")},
		Content:     map[string]*huma.MediaType{"application/zip": {Schema: binary()}},
	}
	return op
}

func (a *API) addExport() {
	registerPerson(a, operation{
		method: http.MethodPost, path: "/export", id: "export-chosen", tag: "Account", summary: "Take along what is chosen, sealed or not", streams: true,
		description: "As GET /export. With a choice, journal, account and receipts stay behind. Sealed, the file is one of age, which `age --decrypt` opens too; nobody opens one that broke off. Without Idempotency-Key: send it again." + lateSecret,
		problems:    []string{"secret-again", "not-found", "idempotency-key"},
	}, a.exportChosen)
	a.doc.OpenAPI().Paths["/export"].Post.Responses["200"] = &huma.Response{
		Description: "The file.",
		Headers:     map[string]*huma.Param{"Content-Disposition": header("A name for the file.")},
		Content:     map[string]*huma.MediaType{"application/zip": {Schema: binary()}, "application/octet-stream": {Schema: binary()}},
	}
}

const ifMatchDoc = `The ETag of the revision that you have read, such as "7" with its quotes. Without it the request is refused, so that nobody overwrites what they have not seen.`

func (a *API) itemResponse(description string) *huma.Response {
	schema := a.schemaOf(reflect.TypeFor[Item]())
	return &huma.Response{
		Description: description,
		Headers:     map[string]*huma.Param{"ETag": header("The revision, for If-Match.")},
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}
}

func contentResponse(description string) *huma.Response {
	return &huma.Response{
		Description: description,
		Headers: map[string]*huma.Param{
			"ETag":                header("The revision, for If-Match, If-Range and If-None-Match."),
			"Content-Disposition": header("attachment, with a name that is safe on any system."),
			"Repr-Digest":         header("SHA-256 of the whole document (RFC 9530)."),
			"Accept-Ranges":       header("bytes"),
		},
		Content: map[string]*huma.MediaType{"*/*": {Schema: binary()}},
	}
}

func bytesBody() *huma.RequestBody {
	return &huma.RequestBody{
		Required: true, Description: "The bytes. Content-Type is kept as a claim of the depositor.",
		Content: map[string]*huma.MediaType{"*/*": {Schema: binary()}},
	}
}

func dateParams() []*huma.Param {
	day := &huma.Schema{Type: huma.TypeString, Format: "date"}
	return []*huma.Param{
		headerParam(headerIssued, "The day on the paper.", false, day),
		headerParam(headerExpires, "The last day on which it is valid.", false, day),
	}
}

func itemParam() *huma.Param {
	return &huma.Param{Name: "item", In: "path", Required: true, Description: "Id of the item.", Schema: text("")}
}

func headerParam(name, description string, required bool, schema *huma.Schema) *huma.Param {
	return &huma.Param{Name: name, In: "header", Required: required, Description: description, Schema: schema}
}

func header(description string) *huma.Param {
	return &huma.Param{Description: description, Schema: text("")}
}

func text(pattern string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Pattern: pattern} }

// binary is any bytes: in OpenAPI 3.1 a schema that says nothing of a type.
func binary() *huma.Schema { return &huma.Schema{Format: "binary"} }
