package vault

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Receipt proves to a person what was done on their word. It is signed by the
// service, and names no person. Print it, or keep it as JSON.
type Receipt struct {
	Act       Act       `json:"act"` // ActClosed or ActErased
	Vault     ID        `json:"vault"`
	At        time.Time `json:"at"`
	ErasedAt  time.Time `json:"erasedAt"`  // when the keys were or will be destroyed
	Items     int       `json:"items"`     // that were there
	Bytes     int64     `json:"bytes"`     // that they took
	Witnessed bool      `json:"witnessed"` // false: the witness was away and will be told
	Key       []byte    `json:"key"`       // public key of the service, Ed25519
	Signature []byte    `json:"signature"`
}

// ActErased is the act of an erasure receipt. No journal keeps it: its keys are gone.
const ActErased Act = "vault.erased"

// ClosedKeeps is how long a closed account can still be read and exported (CPCE
// D.537-2: a year after closing).
const ClosedKeeps = 365 * 24 * time.Hour

type receiptBody struct {
	Act       Act      `cbor:"1,keyasint"`
	Vault     [16]byte `cbor:"2,keyasint"`
	At        int64    `cbor:"3,keyasint"` // unix milliseconds
	ErasedAt  int64    `cbor:"4,keyasint"`
	Items     int      `cbor:"5,keyasint"`
	Bytes     int64    `cbor:"6,keyasint"`
	Witnessed bool     `cbor:"7,keyasint"`
}

func (r *Receipt) message() (seal.Context, []byte, error) {
	b, err := seal.Marshal(receiptBody{Act: r.Act, Vault: r.Vault, At: r.At.UnixMilli(), ErasedAt: r.ErasedAt.UnixMilli(), Items: r.Items, Bytes: r.Bytes, Witnessed: r.Witnessed})
	return r.Vault.bind(seal.TypeReceipt, 0, 0, nil, 0), b, err
}

// Verify checks the signature against a service's public key (see
// [Vaults.PublicKey]): ErrUntrustedKey for another key, ErrTampered if a field was changed.
func (r *Receipt) Verify(service []byte) error {
	c, message, err := r.message()
	if err != nil {
		return tampered("receipt")
	}
	if string(service) != string(r.Key) {
		return ErrUntrustedKey
	}
	if seal.VerifySignature(service, c, message, r.Signature) != nil {
		return tampered("receipt")
	}
	return nil
}

// ParseReceipt reads a receipt from its JSON form.
func ParseReceipt(b []byte) (r Receipt, err error) {
	if err := json.Unmarshal(b, &r); err != nil {
		return r, &InvalidError{Field: "receipt", Problem: "is not the JSON of a receipt"}
	}
	return r, nil
}

func (s *Vaults) sign(r *Receipt) error {
	c, message, err := r.message()
	if err == nil {
		r.Key, r.Signature = s.PublicKey(), s.keys.signer.Sign(c, message)
	}
	return err
}

// PublicKey is the Ed25519 key with which this service signs journal heads and receipts.
func (s *Vaults) PublicKey() []byte { return s.keys.signer.Public() }

// Erase destroys the account now: first the keys, in one commit, then, by the
// sweeper, every byte. There is no way back: export before. The password is
// asked for again. When it returns, nothing of the vault can be opened by
// anybody, also not with a copy of the store made afterwards; copies made before
// keep sealed keyslots until they expire. The handle is closed.
//
// If the witness is away the keys are destroyed all the same, and the receipt
// says that the witness will be told later (N10).
func (v *Vault) Erase(ctx context.Context, password string) (Receipt, error) {
	r, err := v.farewell(ctx, password, ActErased)
	if err != nil {
		return Receipt{}, err
	}
	v.mu.Lock()
	var owner signedOwner
	var heads []Checkpoint
	err = v.doLocked(ctx, func(t *turn) error {
		r.At, r.ErasedAt = t.now, t.now
		t.after = func() { heads, owner = t.heads.checkpoints(), t.report }
		return t.erase(v.service.keys.login(r.login))
	})
	v.mu.Unlock()
	if err != nil {
		return Receipt{}, err
	}
	v.Close()
	r.Witnessed = v.service.confirm(ctx, v.id, heads, owner) == nil
	return r.Receipt, v.service.sign(&r.Receipt)
}

// farewell proves the secret and counts what is there.
type farewell struct {
	Receipt
	login string
}

func (v *Vault) farewell(ctx context.Context, password string, act Act) (*farewell, error) {
	login, err := v.readLogin(ctx, nil)
	if err != nil {
		return nil, err
	}
	if _, err := v.prove(ctx, login, password); err != nil {
		return nil, err
	}
	f := &farewell{Receipt: Receipt{Act: act, Vault: v.id}, login: login}
	err = v.do(ctx, func(t *turn) (err error) {
		if f.Items, err = t.count(); err != nil {
			return err
		}
		u, err := v.service.cfg.Quota.Usage(t.tx, v.id.String())
		f.Bytes = u.Used
		return err
	})
	return f, err
}

// erase is the commit that destroys the keys: tombstone in the place of the owner
// head, and everything away that leads to a key. The sweeper has the rest to do.
func (t *turn) erase(login [32]byte) error {
	tomb := t.tombstone(t.now)
	tomb.Version = t.heads.owner.Version // finish makes it the next
	if err := t.v.service.eraseKeys(t.tx, t.v.id); err != nil {
		return err
	}
	t.tx.Delete(loginKey(login))
	if closing := t.heads.owner.Closing; closing != 0 { // its note for the sweeper names the login
		t.tx.Delete(closedKey(t.v.id, closing))
	}
	t.session = nil // so that the use of it does not write its keys again
	t.heads.owner, t.ownerDirty, t.entries = tomb, true, nil
	t.heads.indexes = map[Compartment]*index{}
	return nil
}

func (t *turn) tombstone(at time.Time) *seal.OwnerHead {
	o := t.heads.owner
	return &seal.OwnerHead{Vault: o.Vault, Restore: o.Restore, Version: o.Version, Key: o.Key, Succession: o.Succession, Erased: at.UnixMilli()}
}

// eraseRoom is what one commit that erases can delete beside keyrings, ledger,
// login and the entries for the sweeper.
const eraseRoom = 80

// eraseKeys deletes what leads to a key: keyrings, wrapping key, keyslots,
// sessions, grants; with them the ledger, so that nothing can be deposited any more.
func (s *Vaults) eraseKeys(tx *storage.Tx, id ID) error {
	if err := s.cfg.Quota.Close(tx, id.String()); err != nil {
		return err
	}
	if err := errors.Join(forgetSeen(tx, id), s.forgetDeath(tx, id)); err != nil {
		return err
	}
	for _, c := range compartments {
		tx.Delete(id.keyring(c))
	}
	tx.Delete(id.wrappingKey())
	tx.Delete(id.remind()) // so that nothing is sent any more; the reminders go with the sweeper
	if err := s.eraseMany(tx, id); err != nil {
		return err
	}
	tx.Put(storage.DueKey(s.now(), id.String(), "erase"), nil)
	return s.announceErased(tx, id)
}

// eraseMany deletes as many of them as one commit takes: the rest, also what the store put
// there, opens nothing without the records that eraseKeys deletes, and goes with the sweeper.
// Grants are first: a relay's own keys open what was sealed to it, without any of those. Then
// links, each with where its code leads: to who has it, it is from this commit on as if there
// never was one (LK9). Of a person there is room for all of both.
func (s *Vaults) eraseMany(tx *storage.Tx, id ID) error {
	room := eraseRoom
	for _, prefix := range []string{"g/", "ln/", "h/", "s/", "n/", "l/"} {
		each := 1
		if prefix == "ln/" {
			each = 2
		}
		recs, err := tx.Scan(id.key(prefix), "", room/each)
		if err != nil {
			return err
		}
		for _, r := range recs {
			if r.Key != id.head(Owner) {
				tx.Delete(r.Key)
			}
			if err := dropLead(tx, id, r.Key); err != nil {
				return err
			}
		}
		if room -= each * len(recs); room < 1 {
			break
		}
	}
	return nil
}

// CloseAccount closes the account: for ClosedKeeps it can be read and exported
// only, then it is erased without anybody's act (FR-9). The person may reopen it
// or erase it at once. The tombstone is signed now, because nobody but the
// person could sign it then.
func (v *Vault) CloseAccount(ctx context.Context, password string) (Receipt, error) {
	f, err := v.farewell(ctx, password, ActClosed)
	if err != nil {
		return Receipt{}, err
	}
	if _, err := v.service.ask(ctx, v.id); err != nil {
		return Receipt{}, err
	}
	err = v.changeOwner(ctx, func(t *turn) error {
		if t.heads.owner.Closing != 0 {
			return ErrClosing
		}
		f.At, f.ErasedAt = t.now, t.now.Add(ClosedKeeps)
		t.heads.owner.Closing = f.ErasedAt.UnixMilli()
		login := v.service.keys.login(f.login)
		t.tx.Put(closedKey(v.id, t.heads.owner.Closing), login[:])
		t.note(ActClosed, nil, nil)
		if err := t.stopReminders(); err != nil {
			return err
		}
		return t.presign()
	})
	if err != nil && !errors.Is(err, ErrUnconfirmed) {
		return Receipt{}, err
	}
	f.Witnessed = err == nil
	return f.Receipt, v.service.sign(&f.Receipt)
}

// Reopen takes a closing back.
func (v *Vault) Reopen(ctx context.Context) error {
	return v.changeOwner(ctx, func(t *turn) error {
		if t.heads.owner.Closing == 0 {
			return &InvalidError{Field: "account", Problem: "is not closed"}
		}
		t.tx.Delete(closedKey(v.id, t.heads.owner.Closing))
		t.tx.Delete(v.id.key("tomb"))
		t.heads.owner.Closing = 0
		// Later than the tombstone that was signed at closing: a store that kept it
		// has only something stale in hand.
		t.heads.owner.Version += presignAhead
		t.note(ActReopened, nil, nil)
		return nil
	})
}

// presignAhead leaves room for changes of the owner head while an account is closed.
const presignAhead = 1 << 20

// presign keeps the signed tombstone of a closed account, V/tomb. Its version
// lies far ahead, so that it is later than whatever happens until then.
func (t *turn) presign() error {
	tomb := t.tombstone(time.UnixMilli(t.heads.owner.Closing))
	tomb.Version += presignAhead
	record, err := t.signer.SealOwnerHead(tomb)
	if err != nil {
		return err
	}
	t.tx.PutUnique(t.v.id.key("tomb"), record)
	return nil
}

// changing refuses what would change a closed account.
func (t *turn) changing() error {
	if t.heads.owner.Closing != 0 {
		return ErrClosing
	}
	return nil
}
