package session

import (
	"errors"
	"net/http"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// Who is whoever sends a request, signed in. Close it.
type Who struct {
	// Vault is the space that the request is about: the person's own, or the one that
	// the worker has open. nil: a worker who has none open.
	Vault *vault.Vault

	Worker  *consent.Worker // nil: the person
	Post    *consent.Post   // of the worker, at the relay for which Vault is open; nil: none is
	Purpose consent.Purpose // for which it is open

	// Refused is why what the worker has open cannot be opened now; nil: it is open, or
	// nothing is. It is no reason to refuse what is not about that space, least of all to
	// close it and to sign out.
	Refused error

	// Over is set where the worker had a space open, and the person, the relay or the time
	// has ended it since: say so, and close it ([consent.Worker.CloseOpened]).
	Over bool
}

// Identify finds out who sends a request: a person, or a worker with what they have
// open. staff is nil where there are no relays. vault.ErrSessionEnded if nobody is
// signed in.
func Identify(r *http.Request, vaults *vault.Vaults, staff *consent.Service) (*Who, error) {
	token := Token(r)
	if token == "" {
		return nil, vault.ErrSessionEnded
	}
	if staff == nil {
		v, err := vaults.Resume(r.Context(), token)
		if err != nil {
			return nil, err
		}
		return &Who{Vault: v}, nil
	}
	w, v, err := staff.Open(r.Context(), token)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return &Who{Vault: v}, nil
	}
	who := &Who{Worker: w}
	who.Post, who.Vault, who.Purpose, err = w.Opened(r.Context())
	switch {
	case err == nil, errors.Is(err, vault.ErrNotFound):
		return who, nil
	case errors.Is(err, vault.ErrEnded), errors.Is(err, vault.ErrClosing), errors.Is(err, consent.ErrNotMember), errors.Is(err, consent.ErrKeyChanged):
		who.Over = true // the person ended it, or the relay: nothing is open any more
		return who, nil
	case errors.Is(err, vault.ErrSessionEnded):
		who.Close()
		return nil, err
	}
	who.Refused = err
	return who, nil
}

// Account is the id by which requests are counted: the worker's own, or the
// person's.
func (w *Who) Account() vault.ID {
	if w.Worker != nil {
		return w.Worker.ID()
	}
	return w.Vault.ID()
}

// Close forgets the keys. The session goes on.
func (w *Who) Close() {
	if w.Vault != nil {
		w.Vault.Close()
	}
	if w.Post != nil {
		w.Post.Close()
	}
	if w.Worker != nil {
		w.Worker.Close()
	}
}
