// Package api is the JSON interface of the reference server, under /api/v1: one
// person's space, as a partner's program or a phone calls it, and what workers and
// managers of relays do.
//
// A handler opens the space of the caller, calls one function of package vault
// and renders the answer; whatever is decided, is decided there. Operations in
// JSON run on huma, which makes the OpenAPI 3.1 document from the same types that
// it checks requests with; streams of bytes are plain net/http and are described
// by hand (documents.go). The document is at /api/v1/openapi.json, and a page
// that shows it at /api/v1/docs.
//
//	handler, err := api.New(api.Config{Vaults: vaults, Limits: limits})
//	mux.Handle(api.Path+"/", handler)
//
// Whose space an operation is about, and who may call it at all, is found out in
// caller.go before anything of a request is read.
package api
