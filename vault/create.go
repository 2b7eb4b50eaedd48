package vault

import (
	"context"
	"errors"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// CreateRequest is what it takes to open an account: a first secret, and the
// person's yes to a notice that they were shown. No e-mail, no phone, no name.
type CreateRequest struct {
	Password string // typed by the person; at least MinPassword characters
	Notice   Notice // shown and kept with the consent; required
	Consent  bool   // must be true
	Channel  string // where: "relay", "web", …; empty: "library"
	Session  *SessionRequest
	Kind     seal.Kind // whose space; zero: a person's. Others begin without folders
	Login    string    // one that [NewLogin] drew before, so that a draft can name it; empty: drawn now
}

// Create makes a vault and opens it with all its compartments. The login is
// generated ([Vault.Login]): show it, print it, nobody can look it up later. The
// vault begins with the folders of [Config.Folders], each in both compartments;
// an empty list that is not nil gives none. When Create returns without error the vault is
// durable, at the witness too. On an error there is no account: what it left
// behind is swept, at the latest after a day.
//
// Errors: InvalidError, ErrWitnessAway, ErrKeyService, ErrBusy, ErrStorage, ErrSignIn
// for a login with which an account was made before.
func (s *Vaults) Create(ctx context.Context, req CreateRequest) (*Vault, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	v, n, err := s.draw(req.Login)
	if err != nil {
		return nil, err
	}
	if _, err := s.ask(ctx, v.id); err != nil { // refuse now rather than leave an orphan
		return nil, err
	}
	if err := n.seal(ctx, v, req.Password); err != nil {
		return nil, err
	}
	n.owner.Kind = req.Kind
	t, err := s.commitNew(ctx, v, n, req)
	if err != nil {
		return nil, err
	}
	if err := s.confirm(ctx, v.id, t.heads.checkpoints(), t.report); err != nil {
		return nil, err
	}
	v.remember(t)
	if err := v.acknowledge(ctx, req.Session); err != nil {
		if errors.Is(err, ErrUnknown) { // it may look acknowledged, and nobody is told of it
			s.disowned.add(v, s.keys.login(n.login))
		}
		return nil, err
	}
	return v, nil
}

func (r *CreateRequest) check() error {
	var problems []error
	if _, err := newPassword(r.Password, ""); err != nil {
		problems = append(problems, err)
	}
	if !r.Consent {
		problems = append(problems, &InvalidError{Field: "consent", Problem: "was not given; nothing was opened"})
	}
	if r.Notice.Version == "" || r.Notice.Text == "" || r.Notice.Language == "" {
		problems = append(problems, &InvalidError{Field: "notice", Problem: "is not complete: version, language and text are kept with the consent"})
	}
	if len(r.Notice.Text) > maxNotice || len(r.Notice.Version)+len(r.Notice.Language)+len(r.Channel) > MaxText {
		problems = append(problems, &InvalidError{Field: "notice", Problem: "is too long"})
	}
	problems = append(problems,
		checkText("notice", r.Notice.Version, MaxText, false), checkText("notice", r.Notice.Language, MaxText, false),
		checkText("notice", r.Notice.Text, maxNotice, true), checkText("channel", r.Channel, MaxText, false))
	if r.Session != nil {
		problems = append(problems, r.Session.check())
	}
	if login, err := NormalLogin(r.Login); r.Login != "" && (err != nil || login != r.Login) {
		problems = append(problems, &InvalidError{Field: "login", Problem: "was not drawn by NewLogin"})
	}
	if r.Kind > seal.KindRelay {
		problems = append(problems, &InvalidError{Field: "kind", Problem: "is none that is kept as a space"})
	}
	return errors.Join(problems...)
}

const maxNotice = 64 << 10

// unclaimed is how long a creation may stay without being acknowledged.
const unclaimed = 24 * time.Hour

// newborn is what a creation draws besides the generations of the vault.
type newborn struct {
	roots    map[Compartment]root
	wrapping seal.Key
	login    string
	normal   string // password
	owner    *seal.OwnerHead
	records  map[string][]byte // keyrings, wrapping key, keyslot
}

func (s *Vaults) draw(login string) (*Vault, *newborn, error) {
	v := &Vault{service: s, id: newID(), actor: Actor{Kind: ActorPerson}, signer: seal.NewSigningKey(), rings: rings{}}
	n := &newborn{roots: map[Compartment]root{}, wrapping: seal.NewKey(), records: map[string][]byte{}}
	for _, c := range compartments {
		g, err := newGeneration(1)
		if err != nil {
			return nil, nil, err
		}
		v.rings[c], n.roots[c] = &ring{generations: []*generation{g}}, seal.NewKey()
	}
	var err error
	if n.login = login; login == "" {
		n.login, err = NewLogin()
	}
	return v, n, err
}

// seal makes the records that open the vault, and the owner head that names them.
func (n *newborn) seal(ctx context.Context, v *Vault, password string) (err error) {
	s := v.service
	if n.normal, err = newPassword(password, n.login); err != nil {
		return err
	}
	n.owner = &seal.OwnerHead{Vault: v.id, MinFormat: seal.MinFormat, Key: v.signer.Public(), Service: s.keys.signer.Public(), Policy: 1, Epoch: 1}
	for _, c := range compartments {
		record, err := sealKeyring(v.id, c, 1, n.roots[c], v.rings[c], &v.signer)
		if err != nil {
			return err
		}
		n.records[v.id.keyring(c)] = record
		digest := seal.Digest(record)
		n.owner.Compartments = append(n.owner.Compartments, seal.CompartmentKeys{
			Compartment: c.seal(), Generation: 1, Inbox: v.rings[c].current().inbox.Public().Bytes(), Keyring: digest[:],
		})
	}
	wrapping, err := keep(ctx, s.cfg.Keeper, v.id.wrappingContext(), n.wrapping.Bytes())
	if err != nil {
		return err
	}
	n.records[v.id.wrappingKey()] = wrapping
	digest := seal.Digest(wrapping)
	n.owner.Wrapping = digest[:]
	entry, slot, err := s.newPasswordSlot(ctx, v.id, n.wrapping, n.normal, n.roots, false)
	if err != nil {
		return err
	}
	n.records[v.id.slot(entry.ID)], n.owner.Slots = slot, []seal.SlotEntry{entry}
	return nil
}

// commitNew writes the whole vault in one commit, marked as not yet acknowledged.
func (s *Vaults) commitNew(ctx context.Context, v *Vault, n *newborn, req CreateRequest) (done *turn, err error) {
	hash := s.keys.login(n.login)
	record, err := s.sealLogin(hash, v.id)
	if err != nil {
		return nil, err
	}
	v.loginRecord = loginKey(hash)
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		for _, key := range []string{loginKey(hash), v.id.head(Owner)} {
			if _, err := tx.Get(key); err == nil && req.Login != "" {
				return ErrSignIn // an account was made with it before: it opens with its own secret
			} else if !isNotFound(err) {
				return errors.Join(ErrStorage, err) // twelve random digits met twice: try again
			}
		}
		tx.PutUnique(loginKey(hash), record)
		for key, value := range n.records {
			tx.PutUnique(key, value)
		}
		owner := *n.owner
		t := &turn{v: v, ctx: ctx, tx: tx, now: s.now(), ownerDirty: true, signer: v.signer, rings: v.rings, heads: &heads{
			owner: &owner, indexes: map[Compartment]*index{}, raw: map[Compartment][]byte{},
		}}
		for _, c := range compartments {
			t.heads.indexes[c] = &index{generation: 1, dirty: true}
			t.heads.indexes[c].reset()
			t.heads.indexes[c].dirty, t.heads.indexes[c].Since = true, 1
		}
		if err := t.furnish(n.login, req); err != nil {
			return err
		}
		done = t
		return t.finish()
	})
	return done, storageError(err)
}

// furnish fills a new vault: ledger, login and consent, the suggested folders in
// both compartments, and the first line of the journal.
func (t *turn) furnish(login string, req CreateRequest) error {
	s := t.v.service
	if err := s.cfg.Quota.Open(t.tx, t.v.id.String()); err != nil {
		return err
	}
	if err := t.putPaper(loginPaper, 1, paperLogin, login); err != nil {
		return err
	}
	consent := consentBody{Notice: req.Notice, Channel: orDefault(req.Channel, "library")}
	if err := t.putPaper(newID(), 1, paperConsent, consent); err != nil {
		return err
	}
	for _, c := range []Compartment{Shared, Private} {
		if t.heads.owner.Kind != seal.KindPerson {
			break // a relay and a worker have no papers of their own
		}
		for _, name := range s.cfg.Folders {
			it := &Item{ID: newID(), Kind: KindFolder, Compartment: c, Revision: 1, Name: name, Changed: t.now}
			it.Origin = Origin{By: Actor{Kind: ActorService}, Channel: "suggested", At: t.now}
			if err := t.put(&record{item: it}); err != nil {
				return err
			}
		}
	}
	t.note(ActCreated, nil, map[string]string{"notice": req.Notice.Version, "language": req.Notice.Language})
	at := t.now.Add(unclaimed)
	t.tx.Put(t.v.id.key("new"), nil)
	t.tx.Put(storage.DueKey(at, t.v.id.String(), "new"), nil)
	return nil
}

// acknowledge removes the mark of an unfinished creation and, if asked for,
// opens the first session.
func (v *Vault) acknowledge(ctx context.Context, req *SessionRequest) error {
	var journal Checkpoint
	err := v.do(ctx, func(t *turn) error {
		t.after = func() { journal = t.heads.checkpoint(headJournal) }
		t.tx.Delete(v.id.key("new"))
		// This line also tells the sweeper, by the witness, that somebody was told of
		// the vault, whatever the store says.
		t.note(ActSignedIn, nil, req.detail())
		return errors.Join(t.arrive(), t.openSession(req))
	})
	if err == nil {
		// Not by the report that may get lost. If it fails, the report remains.
		_ = v.service.confirm(ctx, v.id, []Checkpoint{journal}, signedOwner{})
	}
	return err
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
