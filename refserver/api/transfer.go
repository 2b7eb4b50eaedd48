package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"reconnect.example/refserver/moving"
	"reconnect.example/vault"
)

// What another operator's server does here when somebody moves to this one: it has a ticket,
// which follows from the person's code, and no session. Whatever is wrong with the ticket,
// the answer is the same, and it is counted by the sender's address: the space that it
// names may be anybody's.

const transferScheme = "transfer"

func (a *API) ticket(r *http.Request) (k vault.TransferTicket, err error) {
	if err := errors.Join(fromHere(r), a.limits.Move(r)); err != nil {
		return k, err
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return k, vault.ErrSessionEnded // the challenge that says what is missing
	}
	return moving.ParseTicket(header)
}

func (a *API) withTicket(ctx huma.Context, next func(huma.Context)) {
	a.through(ctx, next, func(r *http.Request) (any, func(), error) {
		k, err := a.ticket(r)
		return k, func() {}, err
	})
}

type keysOutput struct{ Body moving.Keys }

func (a *API) transferKeys(ctx context.Context, k vault.TransferTicket, _ *struct{}) (*keysOutput, error) {
	keys, err := a.vaults.TransferKeys(ctx, k)
	return &keysOutput{moving.Keys(keys)}, err
}

type offerInput struct{ Body moving.Offer }
type progressOutput struct{ Body moving.Progress }

func (a *API) beginTransfer(ctx context.Context, k vault.TransferTicket, in *offerInput) (*progressOutput, error) {
	if len(in.Body.Digest) != 32 {
		return nil, invalid("body.digest", "is not 32 bytes")
	}
	offset, err := a.vaults.BeginTransfer(ctx, k, vault.TransferOffer{Size: in.Body.Size, Digest: [32]byte(in.Body.Digest), Box: in.Body.Box})
	return &progressOutput{moving.Progress{Offset: offset}}, err
}

type signedOutput struct{ Body moving.Signed }

func (a *API) transferReceipt(ctx context.Context, k vault.TransferTicket, _ *struct{}) (*signedOutput, error) {
	signed, err := a.vaults.TransferReceipt(ctx, k)
	return &signedOutput{moving.Signed{Receipt: signed}}, err
}

// appendTransfer takes a piece of a bundle, as a stream.
func (a *API) appendTransfer(w http.ResponseWriter, r *http.Request) error {
	k, err := a.ticket(r)
	if err != nil {
		return err
	}
	if r.Header.Get("Content-Type") != moving.MediaType || r.Header.Get("Content-Encoding") != "" {
		return errMediaType
	}
	offset, err := wholeNumber(r.Header, moving.HeaderOffset)
	if err != nil {
		return err
	}
	// Whole parts are kept though whoever sent them may have gone, as with uploads.
	next, err := a.vaults.AppendTransfer(context.WithoutCancel(r.Context()), k, offset, &uploadBody{Reader: r.Body})
	var at *vault.OffsetError
	if errors.As(err, &at) {
		w.Header().Set(moving.HeaderOffset, strconv.FormatInt(at.Offset, 10))
	}
	if err != nil {
		return err
	}
	w.Header().Set(moving.HeaderOffset, strconv.FormatInt(next, 10))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// registerTransfer adds an operation of another operator's server.
func registerTransfer[I, O any](a *API, o operation, handle func(context.Context, vault.TransferTicket, *I) (*O, error)) {
	a.add(ofTransfer(o), a.withTicket, handles(func(ctx context.Context, in *I) (*O, error) {
		return handle(ctx, ctx.Value(callerKey{}).(vault.TransferTicket), in)
	}))
}

func ofTransfer(o operation) operation {
	o.open, o.scheme, o.tag = true, transferScheme, "Moving"
	o.problems = append(slices.Clone(o.problems), "session-ended", "not-found", "cross-origin", "tampered", "stale", "untrusted-key", "witness-away")
	return o
}

func (a *API) addTransfer() {
	path := moving.Path[len(Path):]
	registerTransfer(a, operation{
		method: http.MethodGet, path: path, id: "transfer-keys", summary: "Read to which keys a bundle is sealed",
		description: "For the server from which somebody moves here. Compare them with the digest in the person's code before anything is sealed. not-found for a code that is over, and for any other ticket.",
	}, a.transferKeys)
	registerTransfer(a, operation{
		method: http.MethodPut, path: path, id: "begin-transfer", summary: "Announce a bundle",
		description: "Its space is reserved before the first byte is sent. The same again says from where to go on; another one is refused: a code takes one bundle.",
		problems:    []string{"full", "repeated", "closing"},
	}, a.beginTransfer)
	registerTransfer(a, operation{
		method: http.MethodGet, path: path + moving.Receipt, id: "transfer-receipt", summary: "Read the receipt of a move",
		description: "Signed by this server when the person has opened the bundle here and taken it in.",
	}, a.transferReceipt)
	o := ofTransfer(operation{
		method: http.MethodPatch, path: path + moving.Bundle, id: "append-transfer", status: http.StatusNoContent, summary: "Send more of a bundle",
		description: "From the offset that was said last. Whole parts are kept, as with uploads, and the end: go on from the Upload-Offset of the answer. " +
			"With the last byte the digest is checked: a bundle that is not what was announced is thrown away, and its sending begins again.",
		problems: []string{"invalid", "offset", "media-type", "truncated"},
	})
	op := a.huma(o)
	op.Parameters = []*huma.Param{headerParam(moving.HeaderOffset, "From where on the body is.", true, text("^[0-9]+$"))}
	op.RequestBody = &huma.RequestBody{Required: true, Description: "The sealed bytes from there on.", Content: map[string]*huma.MediaType{moving.MediaType: {Schema: binary()}}}
	op.Responses["204"] = &huma.Response{Description: "Kept, durably, as far as Upload-Offset says.", Headers: map[string]*huma.Param{moving.HeaderOffset: header("Bytes that are durable.")}}
	a.doc.OpenAPI().AddOperation(&op)
	a.mux.HandleFunc(op.Method+" "+Path+op.Path, func(w http.ResponseWriter, r *http.Request) {
		if err := a.appendTransfer(w, r); err != nil {
			a.report(r.Context(), op.OperationID, err)
			writeProblem(w, r, err)
		}
	})
}
