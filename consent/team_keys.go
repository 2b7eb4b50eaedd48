package consent

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// office is the whole of a relay's space, opened by a manager. As long as seated is
// true, each commit asks the relay's head whether they still are one, so that of two
// managers who take each other out one stays. New keys give every membership new
// terms, the manager's own too: what follows in the same act is not asked that again.
type office struct {
	*vault.Vault
	seated bool
}

// manage opens the whole of the relay's space for a manager. Opening it does what is
// owed for workers who went by themselves, or where an act was interrupted, and goes
// on with the keys that there are then.
func (p *Post) manage(ctx context.Context) (*office, error) {
	if err := p.mayManage(ctx); err != nil {
		return nil, err
	}
	o := &office{}
	signedIn := p.worker.standing(p.relay.ID)
	v, err := p.worker.openHeld(ctx, p.relay, p.actor(), func(ctx context.Context, tx *storage.Tx, now time.Time) error {
		if !o.seated {
			return signedIn(ctx, tx, now)
		}
		return p.space.Standing()(ctx, tx, now) // which asks the worker's session, too
	})
	if errors.Is(err, vault.ErrEnded) {
		return nil, ErrNotManager // let in, but by an act that was interrupted before they got the key
	}
	if err != nil {
		return nil, err
	}
	o.Vault = v
	if err := p.again(ctx, o); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

// again opens the relay's space anew if its keys have changed, and is refused if the
// manager is not one any more.
func (p *Post) again(ctx context.Context, o *office) error {
	_, err := p.space.OwnKeys(ctx)
	if errors.Is(err, vault.ErrEnded) {
		err = p.reopen(ctx)
	}
	if err == nil && !p.member.Roles.Has(RoleManage) {
		err = ErrNotManager
	}
	o.seated = true
	return err
}

// reopen opens the relay's space with the keys that there are now.
func (p *Post) reopen(ctx context.Context) error {
	fresh, err := p.worker.At(ctx, p.relay.ID)
	if err != nil {
		return err
	}
	p.space.Close()
	*p = *fresh
	return nil
}

// What a relay was given lies under its inbox key. The present one is always left in
// what its workers share, where new keys seal it together with everything else: so
// that whoever works there next, and not only a manager, can seal every grant anew,
// also when the keys were changed for somebody who went by themselves. Who has gone
// has the former key anyway.
type leftKey struct {
	Inbox []byte `cbor:"1,keyasint"`
}

const leftName = "inbox key"

// leaveKey leaves the present inbox key, once.
func leaveKey(ctx context.Context, v *vault.Vault) error {
	own, err := v.OwnKeys(ctx)
	if err != nil {
		return err
	}
	data, err := formInbox.pack(leftKey{Inbox: own.Inboxes[0].Bytes()})
	if err != nil {
		return err
	}
	_, err = findData(ctx, v, formInbox, func(there []byte) bool { return bytes.Equal(there, data) })
	if errors.Is(err, vault.ErrNotFound) {
		_, err = v.AddData(ctx, leftName, data, vault.Place{Compartment: vault.Shared})
	}
	return err
}

// payOwed seals what lies under former keys of the relay to the present one, before
// anything else is done with it: the grants of everybody whom the relay follows. It
// can stop anywhere and be called again, also by several workers at once: what is
// done is found done. Only then the former keys go, and open no current grant.
//
// A desk has no list of whom it may help (N15), and so keeps its former keys (N19): people
// who lost everything do not sign in, which would seal their grants to the present one.
func (p *Post) payOwed(ctx context.Context) error {
	s := p.service()
	now, desk := string(p.keys.Inboxes[0].Public()), p.relay.Type == TypeDesk
	if done, ok := recall(s, s.settled, p.relay.ID); ok && done == now && !desk {
		return nil
	}
	owed, left, err := p.formerKeys(ctx, now)
	if err != nil {
		return err
	}
	if !left {
		if err := p.endAttestKeys(ctx); err != nil { // before the key that says that it was done
			return err
		}
		if err := leaveKey(ctx, p.space); err != nil {
			return err
		}
	}
	if desk {
		return nil
	}
	if len(owed) > 0 {
		if !p.member.Roles.Has(RoleHelp) {
			return nil // who opens nothing of people leaves it to who does
		}
		if err := p.RewrapOwed(ctx); err != nil {
			return err
		}
	}
	for _, it := range owed {
		err := p.space.Destroy(ctx, it.ID, it.Revision)
		if err != nil && !errors.Is(err, vault.ErrNotFound) && !errors.Is(err, vault.ErrRevision) {
			return err
		}
	}
	keep(s, s.settled, p.relay.ID, now)
	return nil
}

// formerKeys adds the former inbox keys to those of this post. left: the present one
// was left with them.
func (p *Post) formerKeys(ctx context.Context, now string) (owed []vault.Item, left bool, err error) {
	all, err := p.space.List(ctx, &vault.ListOptions{Kind: vault.KindData})
	if err != nil && !errors.Is(err, vault.ErrTampered) { // what was altered must not keep the rest
		return nil, false, err
	}
	for _, it := range all {
		if !formInbox.is(it.Data) {
			continue
		}
		var o leftKey
		if err := formInbox.unpack(it.Data, &o); err != nil {
			return nil, false, err
		}
		key, err := seal.BoxKeyFromBytes(o.Inbox)
		if err != nil {
			return nil, false, tampered("an inbox key of the relay")
		}
		public := key.Public()
		if string(public) == now {
			left = true
			continue
		}
		owed = append(owed, it)
		if !slices.ContainsFunc(p.keys.Inboxes, func(k seal.BoxKey) bool { return bytes.Equal(k.Public(), public) }) {
			p.keys.Inboxes = append(p.keys.Inboxes, key)
		}
	}
	return owed, left, nil
}

// RotateKey gives the relay new keys of every kind: a signing key that the former one
// names, an inbox, roots; everybody who works there is given them, and a new recovery
// sheet takes the place of the last. It works while the authority is offline. It is
// for a key that somebody may know, and to print a new sheet.
//
// Errors: ErrNotManager, vault.ErrWitnessAway (nothing was changed),
// vault.ErrUnconfirmed: the keys are changed, and the sheet is the new one.
func (p *Post) RotateKey(ctx context.Context) (Sheet, error) {
	o, err := p.manage(ctx)
	if err != nil {
		return Sheet{}, err
	}
	defer o.Close()
	return p.newKeys(ctx, o, vault.ID{})
}

// newKeys takes the keys of the whole space from one holder, nobody if it is zero.
func (p *Post) newKeys(ctx context.Context, o *office, without vault.ID) (Sheet, error) {
	if err := p.mayManage(ctx); err != nil {
		return Sheet{}, err
	}
	o.seated = false
	sheet, err := newSheet(ctx, o.Vault, without, vault.Secret{})
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return Sheet{}, err
	}
	return sheet, errors.Join(err, p.settle(ctx, o))
}

// settle finishes a change of keys and goes on with the new ones.
func (p *Post) settle(ctx context.Context, o *office) error {
	o.seated = false
	return errors.Join(o.PayGrants(ctx, vault.Secret{}), p.again(ctx, o))
}

// newSheet changes all keys of a relay's space, under a new sheet.
func newSheet(ctx context.Context, v *vault.Vault, without vault.ID, secret vault.Secret) (s Sheet, err error) {
	if s.Login, err = v.Login(ctx); err != nil {
		return Sheet{}, err
	}
	if s.Code, err = newCode(sheetDigits); err != nil {
		return Sheet{}, err
	}
	return s, v.RemoveHolder(ctx, without, secret, s.Code)
}

// RecoverRelay lets this worker in as a manager, with the relay's recovery sheet:
// when nobody has a password any more. The journal of the relay says so. The sheet is
// used up, and there is a new one; managers who were there before stay until they are
// taken out. The commits: the membership, the key to the whole space, the new keys
// with the new sheet. After a crash before the last, the same sheet goes on.
//
// Errors: vault.ErrSignIn, vault.BackOffError, ErrNotNamed, vault.ErrEnded for a
// withdrawn relay, vault.ErrWitnessAway, vault.ErrUnconfirmed.
func (w *Worker) RecoverRelay(ctx context.Context, sheet Sheet) (RelayID, Sheet, error) {
	s := w.service
	if err := w.mayWork(ctx); err != nil {
		return RelayID{}, Sheet{}, err
	}
	code, err := readCode("sheet", sheet.Code, sheetDigits)
	if err != nil {
		return RelayID{}, Sheet{}, err
	}
	v, err := s.cfg.Vaults.Unlock(ctx, vault.Password{Login: sheet.Login, Secret: code, Kind: seal.KindRelay, Priority: true})
	if err != nil {
		return RelayID{}, Sheet{}, err
	}
	defer v.Close()
	relay, err := s.relayHere(ctx, v.ID())
	if err != nil {
		return RelayID{}, Sheet{}, err
	}
	mine, err := w.own.OwnKeys(ctx)
	if err != nil {
		return RelayID{}, Sheet{}, err
	}
	secret := vault.Secret{Password: code}
	n := newcomer{id: w.ID(), name: w.Name(), key: mine.Signer.Public(), roles: RoleHelp | RoleManage}
	if err := s.readmit(ctx, v, relay, n, secret); err != nil {
		return RelayID{}, Sheet{}, err
	}
	if err := leaveKey(ctx, v); err != nil {
		return RelayID{}, Sheet{}, err
	}
	out, err := newSheet(ctx, v, vault.ID{}, secret)
	if err != nil && !errors.Is(err, vault.ErrUnconfirmed) {
		return RelayID{}, Sheet{}, err
	}
	return relay.ID, out, errors.Join(err, v.PayGrants(ctx, vault.Secret{Password: out.Code}))
}

// readmit lets somebody in who may be in already, from before or by a try that was
// interrupted.
func (s *Service) readmit(ctx context.Context, v *vault.Vault, relay Relay, n newcomer, secret vault.Secret) error {
	before, err := s.seats(ctx, v)
	if err != nil {
		return err
	}
	one, in := seatOf(before, n.id)
	if in = in && one.member.Roles == n.roles && bytes.Equal(one.member.Key, n.key) && one.Name == n.name; in {
		err = addHolderIf(ctx, v, n, secret)
	} else {
		one.grant = vault.GrantID{}
		_, err = s.admit(ctx, v, relay, n, secret)
	}
	if err != nil {
		return err
	}
	for _, old := range before { // the keys change in a moment
		if old.member.Worker == n.id && old.grant != one.grant {
			if err := v.End(ctx, old.grant, nil); err != nil && !errors.Is(err, vault.ErrEnded) && !errors.Is(err, vault.ErrUnconfirmed) {
				return err
			}
		}
	}
	return nil
}

// relayHere returns a relay that is in the directory now.
func (s *Service) relayHere(ctx context.Context, id RelayID) (Relay, error) {
	relay, err := s.cfg.Directory.Relay(ctx, id)
	if errors.Is(err, ErrNoDirectory) {
		err = ErrNotNamed
	}
	if err == nil && relay.Withdrawn != "" {
		err = vault.ErrEnded
	}
	return relay, err
}
