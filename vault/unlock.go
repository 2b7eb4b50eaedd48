package vault

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Password is a sign-in by login and password.
type Password struct {
	Login    string // as typed: digits of any script, spaces and dashes allowed
	Secret   string
	Session  *SessionRequest // not nil: a session is opened in the same commit
	Priority bool            // staff, or a device that signed in before: uses the lane kept for them
	Kind     seal.Kind       // whose space this must be; zero: a person's
	Code     string          // of the second factor, where one was confirmed
}

// Unlock opens a vault with all its compartments. The try is counted at the
// witness before anything is evaluated. An unknown login, a wrong password and
// an altered keyslot give the same ErrSignIn after the same work; errors.Is
// tells ErrTampered and ErrStale apart for the operator's own eyes only.
//
// Errors: ErrSignIn, BackOffError, ErrBusy, ErrKeyService, ErrStorage,
// InvalidError for what cannot be a login; ErrSecondFactor if the password was
// right and the code is missing or wrong, which counts as a failed try. While the
// witness is away sign-in goes on, ten tries an hour, and Overview says so; with a
// second factor it is ErrWitnessAway.
func (s *Vaults) Unlock(ctx context.Context, p Password) (*Vault, error) {
	login, err := NormalLogin(p.Login)
	if err != nil {
		return nil, err
	}
	secret, err := normalPassword(p.Secret)
	if err != nil {
		return nil, ErrSignIn // no password of ours; nothing to learn from it
	}
	check, proof, err := s.checkSecret(ctx, login, secret, p.Priority)
	if err != nil {
		return nil, signInError(err)
	}
	if check.owner.Kind != p.Kind { // a worker's login opens nothing where persons sign in
		return nil, ErrSignIn
	}
	return s.signIn(ctx, check, proof, entrance{session: p.Session, code: p.Code})
}

// entrance is how somebody comes in whose secret was right.
type entrance struct {
	session *SessionRequest
	card    bool
	code    string // of the second factor
}

// detail is what the journal says of it, beside what it says already.
func (e entrance) detail(detail map[string]string) map[string]string {
	if !e.card {
		return detail
	}
	if detail == nil {
		detail = map[string]string{}
	}
	detail["with"] = "card"
	return detail
}

// signIn opens the vault of a secret that was right: what every sign-in does,
// with whatever secret.
func (s *Vaults) signIn(ctx context.Context, check *secretCheck, p *proof, in entrance) (*Vault, error) {
	v, err := s.open(ctx, check, p.roots)
	if err != nil {
		return nil, signInError(err)
	}
	if err := v.acceptRestore(ctx, p, check); err != nil {
		return nil, signInError(err)
	}
	if err := v.signedIn(ctx, in, p); err != nil {
		return nil, signInError(err)
	}
	v.resetCounter(ctx, p)
	if !p.away {
		_ = v.payGrants(ctx, p) // what cannot be done now must not keep the person out
	}
	return v, nil
}

// signInError makes what the store did look like a wrong secret to a remote
// caller, and leaves the cause for errors.Is.
func signInError(err error) error {
	for _, hidden := range []error{ErrTampered, ErrStale, ErrPolicy, ErrUntrustedKey, ErrNotFound} {
		if errors.Is(err, hidden) && !errors.Is(err, ErrSignIn) {
			return &hiddenError{err}
		}
	}
	return storageError(err)
}

// hiddenError reads like ErrSignIn and wraps it together with the cause.
type hiddenError struct{ cause error }

func (e *hiddenError) Error() string   { return ErrSignIn.Error() }
func (e *hiddenError) Unwrap() []error { return []error{ErrSignIn, e.cause} }

// proof is a secret that was shown to be right.
type proof struct {
	roots    map[Compartment]root
	wrapping seal.Key
	counter  [32]byte // at the limiter
	key      []byte   // the vault's signing key of that moment
	tries    Tries
	marks    map[string]Checkpoint // what the store was held against
	away     bool
}

// checkSecret counts the try, reads, and proves the secret.
func (s *Vaults) checkSecret(ctx context.Context, login, secret string, priority bool) (*secretCheck, *proof, error) {
	check, err := s.locate(ctx, login)
	if err != nil {
		return nil, nil, err
	}
	p := &proof{counter: check.counter}
	waits, cancel := context.WithTimeout(ctx, witnessWaits)
	defer cancel()
	p.tries, err = s.cfg.Limiter.Count(waits, check.id, check.counter)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		p.away = true
		p.tries.Wait = s.away.count(check.counter)
	}
	if p.tries.Wait > 0 {
		return nil, nil, &BackOffError{Wait: p.tries.Wait}
	}
	if err := s.compare(ctx, check, p); err != nil {
		return nil, nil, err
	}
	p.roots, p.wrapping, err = s.prove(ctx, check, secret, priority)
	if err != nil {
		return nil, nil, err
	}
	return check, p, nil
}

// compare reads the checkpoints first and then the vault, so that what the store
// shows can only be newer.
func (s *Vaults) compare(ctx context.Context, check *secretCheck, p *proof) error {
	p.marks = map[string]Checkpoint{}
	if heads, err := s.ask(ctx, check.id); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.away = true
		p.marks = s.marks.view(check.id).heads
	} else {
		for _, h := range heads {
			p.marks[h.Head] = h
		}
	}
	err := s.load(ctx, check, p.marks)
	if check.owner != nil {
		p.key = check.owner.Key
	}
	return err
}

// proved refuses a proof from before the roots were changed: what is sealed under
// roots that no keyslot opens any more is lost for ever.
func (t *turn) proved(p *proof) error {
	if !slices.Equal(p.key, t.heads.owner.Key) {
		return ErrRevision
	}
	return nil
}

// open reads keyrings and heads with the roots, and forgets the roots.
func (s *Vaults) open(ctx context.Context, check *secretCheck, roots map[Compartment]root) (*Vault, error) {
	v := &Vault{service: s, id: check.id, actor: Actor{Kind: ActorPerson}, epoch: check.owner.Epoch, loginRecord: loginKey(check.counter), entering: true}
	err := s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		rec, err := tx.Get(check.id.head(Owner))
		if err != nil {
			return missing(err, "owner head")
		}
		owner, err := openOwnerHead(check.id, rec.Value)
		if err != nil {
			return err
		}
		rings, signer, err := readKeyrings(tx, check.id, owner, roots)
		if err != nil && !slices.Equal(rec.Value, check.raw) {
			return ErrSignIn // the keys were changed since: this password opened those of before
		}
		if err != nil {
			return err
		}
		v.rings, v.signer, v.epoch = rings, *signer, owner.Epoch
		return nil
	})
	return v, storageError(err)
}

// signedIn writes the journal of the sign-in with the tries that failed before
// it, the session if one is wanted, and what was waiting for the person's keys.
func (v *Vault) signedIn(ctx context.Context, in entrance, p *proof) error {
	var owesKeys, binDue, waits, coded bool
	var heads []Checkpoint
	var owner signedOwner
	err := v.do(ctx, func(t *turn) (err error) {
		if coded, err = t.takeCode(in); err != nil {
			return err
		}
		if coded && p.away {
			return ErrWitnessAway // nobody could say that the code was not used before
		}
		t.after = func() { heads, owner, v.entering = t.heads.checkpoints(), t.report, false }
		owesKeys, binDue, waits = t.owesReseal() || t.owesJoin(), t.binDue(t.now.Add(-BinKeeps)), t.inboxWaits()
		if p.tries.Failed > 1 { // this one was counted too
			t.note(ActSignInFailed, nil, in.detail(map[string]string{"tries": strconv.FormatUint(p.tries.Failed-1, 10)}))
		}
		t.note(ActSignedIn, nil, in.detail(in.session.detail()))
		t.tx.Delete(v.id.key("new"))
		t.tx.Delete(v.id.awaits())
		return errors.Join(t.arrive(), t.followStop(), t.openSession(in.session))
	})
	if err == nil && coded {
		err = v.spendCode(ctx, heads, owner)
	}
	if err != nil {
		return err
	}
	// What waited for the person's keys. What cannot be done now must not keep
	// them out; the next sign-in tries again.
	if owesKeys {
		_ = v.reseal(ctx)
	}
	if binDue {
		_ = v.emptyBin(ctx)
	}
	if waits {
		_, _ = v.TakeIn(ctx)
	}
	return nil
}

// resetCounter tells the limiter that the person is in, by the vault's own
// signature (N6). If it fails, the next sign-in meets a higher count, no more.
func (v *Vault) resetCounter(ctx context.Context, p *proof) {
	if p.away {
		return
	}
	v.mu.Lock()
	signer := v.signer
	v.mu.Unlock()
	statement, err := signer.SealReset(v.id, p.counter, p.tries.Total)
	if err == nil {
		waits, cancel := context.WithTimeout(ctx, witnessWaits)
		defer cancel()
		_ = v.service.cfg.Limiter.Reset(waits, v.id, p.counter, statement)
	}
}
