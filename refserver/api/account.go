package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"reconnect.example/vault"
)

type passwordInput struct {
	Body struct {
		Old           string `json:"old" minLength:"1" maxLength:"1000" doc:"The present password: an open session alone cannot change it."`
		New           string `json:"new" minLength:"1" maxLength:"1000" doc:"Typed by the person alone."`
		KnownToOthers bool   `json:"knownToOthers,omitempty" doc:"true when somebody else may know the old one: then the keys behind it change too, and a worker must be let in again by a manager of each of their relays."`
		LastManager   bool   `json:"lastManager,omitempty" doc:"true: a worker whose keys change knows that a relay has no other manager, and that only its recovery sheet lets them in again."`
	}
}

type confirmedOutput struct {
	Body struct {
		Confirmed bool `json:"confirmed" doc:"false: it is done and in force, but the witness could not confirm it yet; the next sign-in will."`
	}
}

// confirmed answers for what is done even when the witness did not hear of it.
func confirmed(err error) (*confirmedOutput, error) {
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return nil, err
	}
	out := &confirmedOutput{}
	out.Body.Confirmed = err == nil
	return out, nil
}

func changePassword(ctx context.Context, who self, in *passwordInput) (*confirmedOutput, error) {
	if in.Body.KnownToOthers && !in.Body.LastManager {
		if err := keepsManager(ctx, who.worker); err != nil {
			return nil, err
		}
	}
	return confirmed(who.own.ChangePassword(ctx, vault.ChangePassword{Old: in.Body.Old, New: in.Body.New, KnownToOthers: in.Body.KnownToOthers}))
}

// leaveInput asks for the password again: an open session alone, on a lost
// phone for instance, closes and erases nothing.
type leaveInput struct {
	Body struct {
		Password string `json:"password" minLength:"1" maxLength:"1000" doc:"The person's password, once more."`
	}
}

// Receipt proves what was done. It is signed by the service over its fields.
type Receipt struct {
	Act       string    `json:"act" enum:"vault.closed,vault.erased,reminders.begun,reminders.ended" doc:"What was done."`
	Vault     string    `json:"vault" doc:"Id of the space."`
	At        time.Time `json:"at" doc:"When."`
	ErasedAt  time.Time `json:"erasedAt,omitzero" doc:"Of an account that ends: when the keys were or will be destroyed."`
	Items     int       `json:"items" doc:"Of an account that ends: that were there."`
	Bytes     int64     `json:"bytes" doc:"Of an account that ends: that they took."`
	Witnessed bool      `json:"witnessed" doc:"false: the witness was away and will be told."`
	Key       []byte    `json:"key" doc:"Public key of the service, Ed25519."`
	Signature []byte    `json:"signature" doc:"Made with it."`
}

type receiptOutput struct{ Body Receipt }

func receipt(r vault.Receipt, err error) (*receiptOutput, error) {
	if err != nil {
		return nil, err
	}
	return &receiptOutput{Body: Receipt{
		Act: string(r.Act), Vault: r.Vault.String(), At: r.At, ErasedAt: r.ErasedAt,
		Items: r.Items, Bytes: r.Bytes, Witnessed: r.Witnessed, Key: r.Key, Signature: r.Signature,
	}}, nil
}

func closeAccount(ctx context.Context, v *vault.Vault, in *leaveInput) (*receiptOutput, error) {
	return receipt(v.CloseAccount(ctx, in.Body.Password))
}

func eraseAccount(ctx context.Context, v *vault.Vault, in *leaveInput) (*receiptOutput, error) {
	return receipt(v.Erase(ctx, in.Body.Password))
}

func reopenAccount(ctx context.Context, v *vault.Vault, _ *struct{}) (*confirmedOutput, error) {
	return confirmed(v.Reopen(ctx))
}

func (a *API) addAccount() {
	a.addExport()
	secret := []string{"sign-in", "card-dead", "busy", "witness-away", "key-service", "invalid", "media-type", "too-large"}
	registerSelf(a, operation{
		method: http.MethodPost, path: "/password", id: "change-password", tag: "Account", summary: "Change the password",
		description: "All other sessions end. The only manager of a relay is refused new keys unless they say that they know.",
		problems:    append([]string{"last-manager", "no-second-factor", "untrusted-key"}, secret...),
	}, changePassword)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/account/close", id: "close-account", tag: "Account", summary: "Close the account",
		description: "For twelve months everything can still be read and exported, but nothing added; then it is erased. Offer an export first.",
		problems:    append(secret, "closing"),
	}, closeAccount)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/account/reopen", id: "reopen-account", tag: "Account", summary: "Take a closing back",
		description: "The account is as it was before. Not possible once it is erased.",
		problems:    []string{"witness-away", "invalid"},
	}, reopenAccount)
	registerPerson(a, operation{
		method: http.MethodPost, path: "/account/erase", id: "erase-account", tag: "Account", summary: "Erase everything now",
		description: "The keys are destroyed before this answers, the bytes soon after. It cannot be undone. Keep the receipt; offer an export first.",
		problems:    secret,
	}, eraseAccount)
}
