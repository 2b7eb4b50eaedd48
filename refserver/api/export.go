package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"reconnect.example/internal/safename"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
)

// Taking says what leaves, and to whom it is sealed.
type Taking struct {
	Items          []string `json:"items,omitempty" maxItems:"10000" doc:"Ids of items: these alone. Missing: every one."`
	Kinds          []string `json:"kinds,omitempty" enum:"document,folder,contact,appointment,note" maxItems:"10" doc:"Items of these kinds alone. Missing: of every kind."`
	WithoutPrivate bool     `json:"withoutPrivate,omitempty" doc:"true: nothing of the private part."`
	Passphrase     string   `json:"passphrase,omitempty" maxLength:"200" doc:"Seals it with age to this, of at least 12 characters; here and in no address, which end in logs."`
	Recipients     []string `json:"recipients,omitempty" maxItems:"20" doc:"Seals it with age to these (age1…). Not together with passphrase."`
}

type takingInput struct{ Body Taking }

func (t *Taking) options() (*vault.ExportOptions, error) {
	o := &vault.ExportOptions{WithoutPrivate: t.WithoutPrivate}
	for _, s := range t.Items {
		id, err := vault.ParseItemID(s)
		if err != nil {
			return nil, vault.ErrNotFound
		}
		o.Items = append(o.Items, id)
	}
	for _, s := range t.Kinds {
		for k := vault.KindDocument; k.String() != ""; k++ {
			if k.String() == s {
				o.Kinds = append(o.Kinds, k)
			}
		}
	}
	return o, nil
}

// lock is to whom it is sealed; nil: to nobody.
func (t *Taking) lock() (*bundle.Lock, error) {
	if t.Passphrase == "" && len(t.Recipients) == 0 {
		return nil, nil
	}
	l := &bundle.Lock{Passphrase: t.Passphrase, Recipients: t.Recipients}
	return l, l.Check()
}

// export answers with everything in one ZIP file.
func (a *API) export(w http.ResponseWriter, r *http.Request, v *vault.Vault) error {
	if r.Method == http.MethodHead { // nothing can be said of it without making it
		zipHeaders(w.Header(), nil)
		return nil
	}
	return a.exportTo(r.Context(), w, v, &vault.ExportOptions{}, nil)
}

func (a *API) exportTo(ctx context.Context, w http.ResponseWriter, v *vault.Vault, o *vault.ExportOptions, lock *bundle.Lock) error {
	if err := v.ShownLately(ctx, session.Lately); err != nil {
		return err
	}
	if a.staff != nil {
		if err := a.staff.TakeReceipts(ctx, v, o); err != nil {
			return err
		}
	}
	// What fails later breaks the connection. Without the end of the stream, and
	// without the manifest, which comes last, nobody takes the file for complete (A12).
	out := &lateWriter{w: w, lock: lock}
	if lock == nil {
		if err := v.Export(ctx, out, o); err != nil {
			return err
		}
		return flush(w)
	}
	sealed := bundle.SealLate(out, *lock, func(do func() error) error { return a.limits.Heavily(ctx, do) })
	if err := v.Export(ctx, sealed, o); err != nil {
		return err // unclosed: nobody opens what came of it
	}
	if err := sealed.Close(); err != nil {
		return err
	}
	return flush(w)
}

// exportChosen streams what was chosen. Its answer is no JSON, and so huma leaves what
// becomes of it to this.
func (a *API) exportChosen(ctx context.Context, v *vault.Vault, in *takingInput) (*huma.StreamResponse, error) {
	o, err := in.Body.options()
	if err != nil {
		return nil, err
	}
	lock, err := in.Body.lock()
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		out := &streamWriter{ResponseWriter: w}
		err := a.exportTo(ctx, out, v, o, lock)
		if err == nil {
			return
		}
		if !out.broken {
			a.report(ctx, hc.Operation().OperationID, err)
		}
		if out.begun {
			panic(http.ErrAbortHandler) // as for every stream (A12)
		}
		writeProblem(w, r, err)
	}}, nil
}

func zipHeaders(h http.Header, lock *bundle.Lock) {
	mediaType, name := "application/zip", "reconnect-export.zip"
	if lock != nil {
		mediaType, name = "application/octet-stream", name+".age"
	}
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", safename.Attachment(name))
}

// lateWriter sends the header with the first byte, so that what fails before
// that is still told as a problem.
type lateWriter struct {
	w     http.ResponseWriter
	lock  *bundle.Lock
	begun bool
}

func (l *lateWriter) Write(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		zipHeaders(l.w.Header(), l.lock)
	}
	return l.w.Write(p)
}
