package main

import (
	"maps"
	"net/http"
	"slices"

	"reconnect.example/refserver/api"
)

// kinds sort requests by who waits for them and what they cost, for /metrics. What is in
// no other line is a page or a call of the API.
var kinds = map[string][]string{
	"health": {"GET /healthz", "GET /readyz", "GET /metrics"},
	"static": {"GET /static/", "GET /robots.txt", "GET /favicon.ico"},
	"sign-in": {
		"POST /sign-in", "POST /sign-in/card", "POST /staff/sign-in", "POST /staff/unlock",
		"POST " + api.Path + "/sessions", "POST " + api.Path + "/sessions/card", "POST " + api.Path + "/staff/sessions", "POST " + api.Path + "/staff/unlock",
	},
	"way-back": { // number and code, sheet and answers: what a stranger could try
		"POST /back", "POST /back/new", "POST " + api.Path + "/hand-over", "POST " + api.Path + "/hand-over/complete",
	},
	"upload": {
		"POST /papers/add", "POST /bring", "POST /deposits/paper", "POST " + api.Path + "/documents", "PUT " + api.Path + "/documents/{item}/content",
		"PATCH " + api.Path + "/uploads/{upload}", "POST " + api.Path + "/deposits/documents",
	},
	"download": {
		"GET /papers/{id}/file", "GET /papers/{id}/preview", "POST /take", "POST /print",
		"GET " + api.Path + "/documents/{item}/content", "GET " + api.Path + "/export", "POST " + api.Path + "/export",
	},
	"api":  {api.Path + "/"},
	"page": {"/"},
}

func kindNames() []string { return slices.Sorted(maps.Keys(kinds)) }

// newKinds returns what finds the kind of a request. It looks at the shape of the
// address alone, of which nothing is kept.
func newKinds() func(*http.Request) string {
	shapes, of := http.NewServeMux(), map[string]string{}
	for kind, patterns := range kinds {
		for _, pattern := range patterns {
			shapes.Handle(pattern, http.NotFoundHandler()) // never called
			of[pattern] = kind
		}
	}
	return func(r *http.Request) string {
		_, pattern := shapes.Handler(r)
		if kind, known := of[pattern]; known {
			return kind
		}
		return "page" // an address that no pattern takes, such as one without a path
	}
}
