// Package apiclient calls the JSON API of a reference server from a Go program. It is
// generated from the document of the API (refserver/api/openapi.json) by oapi-codegen, as
// any partner could from the document that a server offers; docs/api.md has examples.
//
//	client, err := apiclient.NewClientWithResponses("https://safe.example/api/v1")
//	in, err := client.SignInWithResponse(ctx, apiclient.SignInRequest{Login: login, Password: password})
//	mine, err := client.ListItemsWithResponse(ctx, nil, apiclient.Bearer(in.JSON201.Token))
//
// What is refused is in ApplicationproblemJSONDefault of the answer: an RFC 9457 problem,
// to be told by its Type.
package apiclient

import (
	"context"
	"net/http"
)

//go:generate go test .. -run TestTheClientIsMadeOfTheDocument -update

// Bearer adds the token of a session to a request.
func Bearer(token string) RequestEditorFn {
	return Header("Authorization", "Bearer "+token)
}

// Header sets a header of a request, such as Accept-Language.
func Header(name, value string) RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set(name, value)
		return nil
	}
}
