package api

import (
	"context"
	"net/http"

	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// lateSecret is what the document says of each operation that an open session alone is
// not enough for.
const lateSecret = " Only within ten minutes after the sign-in, or after show-secret: whoever finds an open session cannot do it (secret-again)."

// lately lets an operation of a person through who has shown the secret lately.
func lately[I, O any](handle func(context.Context, *vault.Vault, *I) (*O, error)) func(context.Context, *vault.Vault, *I) (*O, error) {
	return func(ctx context.Context, v *vault.Vault, in *I) (*O, error) {
		if err := v.ShownLately(ctx, session.Lately); err != nil {
			return nil, err
		}
		return handle(ctx, v, in)
	}
}

type showSecretInput struct {
	Body struct {
		Secret Secret `json:"secret" doc:"The caller's own: the password, or a person's card with its PIN."`
	}
}

func showSecret(ctx context.Context, v *vault.Vault, in *showSecretInput) (*struct{}, error) {
	return nil, v.ShowSecret(ctx, in.Body.Secret.vault())
}

func (a *API) addAgain() {
	registerOwn(a, operation{
		method: http.MethodPost, path: "/sessions/current/secret", id: "show-secret", tag: "Sessions", status: http.StatusNoContent,
		summary:     "Show the secret once more",
		description: "For ten minutes this session may then do what an open session alone may not. The try is counted like a sign-in; the token stays as it is.",
		problems:    secretProblems(),
	}, showSecret)
}
