// Package apiclient calls the JSON API of a reference server from a Go program. Its types
// and methods are generated from the document of the API (refserver/api/openapi.json) by
// oapi-codegen, with a template of ours (client.tmpl); docs/api.md has examples.
//
//	client := &apiclient.Client{Server: "https://safe.example/api/v1"}
//	in, err := client.SignIn(ctx, apiclient.SignInRequest{Login: login, Password: password})
//	mine, err := client.ListItems(ctx, nil, apiclient.Bearer(in.Value.Token))
//
// What is refused is an error: a *[Problem] (RFC 9457), to be found by errors.As and told
// by its Type.
package apiclient

import (
	"context"
	"net/http"
)

//go:generate go test .. -run TestTheClientIsMadeOfTheDocument -update

// Bearer adds the token of a session to a request.
func Bearer(token string) Editor {
	return Header("Authorization", "Bearer "+token)
}

// Header sets a header of a request, such as Accept-Language.
func Header(name, value string) Editor {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set(name, value)
		return nil
	}
}
