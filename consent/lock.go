package consent

import (
	"context"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// Lock locks this worker's session, while a person is at the same device to come back in
// by themselves: they cannot look at what the worker has open, and the worker can do
// nothing in their back (F12). From that commit on everything that is done with the
// session is vault.ErrLocked: by this handle, at its posts, in spaces that were opened from
// them, in every process, and after a restart; a download under way stops. What was open
// stays open behind the lock. Whose session it is opens it with [Service.UnlockSession]; it
// ends when its time is up. vault.ErrInvalid for who signed in without a session.
func (w *Worker) Lock(ctx context.Context) error { return w.own.LockSession(ctx) }

// UnlockSession opens a session that was locked, with the worker's password and, if they have
// one, a code of their second factor. The try is counted like a sign-in. Errors:
// vault.ErrSessionEnded, and those of [Service.SignIn]: it stays locked then.
func (s *Service) UnlockSession(ctx context.Context, token, password, code string) (*Worker, error) {
	v, err := s.cfg.Vaults.UnlockSession(ctx, token, vault.Password{Secret: password, Code: code, Kind: seal.KindWorker})
	if err != nil {
		return nil, err
	}
	return s.worker(ctx, v)
}

// SignOut ends a session of a worker, locked or not, without a password, and what they
// have open in it. vault.ErrSessionEnded if there is none.
func (s *Service) SignOut(ctx context.Context, token string) error {
	return s.cfg.Vaults.SignOut(ctx, token)
}
