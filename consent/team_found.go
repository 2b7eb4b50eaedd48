package consent

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Founded is a relay that waits for the authority's signature, or its new recovery
// sheet.
type Founded struct {
	Relay RelayID
	Key   RelayKey // for the authority, to be compared by its [Fingerprint]
	Sheet Sheet
}

// Sheet is the relay recovery sheet, shown once, to be printed and kept elsewhere:
// with it a manager is let in when everybody's passwords are lost. Both are digits,
// that can be typed in every script.
type Sheet struct {
	Login string
	Code  string
}

// founding is a relay that is being founded, in the space of who founds it, so that
// it goes on after a crash and no relay is begun twice.
type founding struct {
	Invitation string `cbor:"1,keyasint"`
	Login      string `cbor:"2,keyasint"`
	Code       string `cbor:"3,keyasint"`
}

const foundingName = "founding"

// relayNotice is what the space of a relay is opened with: it is nobody's person.
var relayNotice = vault.Notice{Version: "relay-1", Language: "en", Text: "The space of a relay: what its workers share. It holds no papers of people."}

// FoundRelay makes the space of a new relay, which its founder manages, with an
// invitation of the operator. Nobody but the founder knows the password of their own
// account, and nobody at all that of the relay: it is the code of the recovery sheet.
// Until the authority has signed the relay's id and key, the relay is none: no person
// can be followed, nobody can join.
//
// After an error or a crash the founder calls it again with the same code. The
// commits: the invitation is the founder's; what is begun, in their space; the
// relay's space; the founder's key to it; their membership, with the end of the
// invitation; the draft goes. Before the last but one there is nothing that
// anybody else can see or use, and each finds what the one before left.
//
// Errors: ErrInvitation, ErrNoSecondFactor, vault.ErrInvalid without a name, and those of vault.Create.
func (w *Worker) FoundRelay(ctx context.Context, code string) (Founded, error) {
	s := w.service
	if err := w.mayWork(ctx); err != nil {
		return Founded{}, err
	}
	code, err := readCode("code", code, invitationDigits)
	if err != nil {
		return Founded{}, err
	}
	key := invitationKey(code)
	draft, f, err := w.draftFounding(ctx, key)
	if err != nil {
		return Founded{}, err
	}
	space, err := s.relaySpace(ctx, f)
	if err != nil {
		return Founded{}, err
	}
	defer space.Close()
	out := Founded{Relay: space.ID(), Sheet: Sheet{Login: f.Login, Code: f.Code}}
	own, err := space.OwnKeys(ctx)
	if err != nil {
		return Founded{}, err
	}
	out.Key = RelayKey(own.Signer.Public())
	if _, err := w.membership(ctx, space.ID()); errors.Is(err, ErrNotMember) {
		if err := w.hold(ctx, space, vault.Secret{Password: f.Code}); err != nil {
			return Founded{}, err
		}
		err = w.found(ctx, key, space.ID())
		if err != nil {
			return Founded{}, err
		}
	} else if err != nil {
		return Founded{}, err
	}
	// The sheet is in the answer; whoever loses the answer makes a new one.
	return out, w.own.Destroy(ctx, draft.ID, draft.Revision)
}

// draftFounding finds or begins the founding with this invitation. It is drafted
// only while the invitation is good, and then nobody else's.
func (w *Worker) draftFounding(ctx context.Context, invitation string) (vault.Item, founding, error) {
	var f founding
	item, err := findData(ctx, w.own, formFounding, func(data []byte) bool {
		return formFounding.unpack(data, &f) == nil && f.Invitation == invitation
	})
	if !errors.Is(err, vault.ErrNotFound) {
		return item, f, err
	}
	if err := w.takeInvitation(ctx, invitation); err != nil {
		return item, f, err
	}
	f = founding{Invitation: invitation}
	if f.Login, err = vault.NewLogin(); err != nil {
		return item, f, err
	}
	if f.Code, err = newCode(sheetDigits); err != nil {
		return item, f, err
	}
	data, err := formFounding.pack(f)
	if err != nil {
		return item, f, err
	}
	item, err = w.own.AddData(ctx, foundingName, data, vault.Place{Compartment: vault.Private})
	return item, f, err
}

// takeInvitation makes an invitation to found a relay this worker's: nobody else
// founds with it.
func (w *Worker) takeInvitation(ctx context.Context, key string) error {
	s := w.service
	return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		i, err := s.use(tx, key)
		if err != nil {
			return err
		}
		if !RelayID(i.Relay).IsZero() || !vault.ID(i.Taken).IsZero() && vault.ID(i.Taken) != w.ID() {
			return ErrInvitation
		}
		i.Taken = w.ID()
		body, err := seal.Marshal(i)
		if err != nil {
			return err
		}
		tx.Put(key, body)
		return nil
	}))
}

// relaySpace makes the space of a founding, or opens it.
func (s *Service) relaySpace(ctx context.Context, f founding) (*vault.Vault, error) {
	v, err := s.cfg.Vaults.Create(ctx, vault.CreateRequest{
		Password: f.Code, Login: f.Login, Notice: relayNotice, Consent: true, Channel: "founding", Kind: seal.KindRelay,
	})
	if !errors.Is(err, vault.ErrSignIn) { // which says that it was made before
		return v, err
	}
	return s.cfg.Vaults.Unlock(ctx, vault.Password{Login: f.Login, Secret: f.Code, Kind: seal.KindRelay, Priority: true})
}

// hold gives the worker a key to the whole of a relay's space, once.
func (w *Worker) hold(ctx context.Context, space *vault.Vault, secret vault.Secret) error {
	own, err := w.own.OwnKeys(ctx)
	if err != nil {
		return err
	}
	return addHolder(ctx, space, w.ID(), own.Signer.Public(), secret)
}

func addHolder(ctx context.Context, space *vault.Vault, id vault.ID, key []byte, secret vault.Secret) error {
	holders, err := holdersOf(ctx, space, secret)
	if err != nil || slices.Contains(holders, id) {
		return err
	}
	return space.AddHolder(ctx, id, key, secret)
}

// holdersOf returns who opens the whole of a relay's space. A keyslot that the store
// has altered is nobody's: it must not keep anybody in or out.
func holdersOf(ctx context.Context, space *vault.Vault, secret vault.Secret) ([]vault.ID, error) {
	holders, err := space.Holders(ctx, secret)
	if errors.Is(err, vault.ErrTampered) {
		err = nil
	}
	return holders, err
}

// found notes in the founder's space that the relay is theirs, and ends the
// invitation.
func (w *Worker) found(ctx context.Context, invitation string, relay RelayID) error {
	s := w.service
	body, err := seal.Marshal(membership{})
	if err != nil {
		return err
	}
	return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		used, err := s.use(tx, invitation)
		if err != nil {
			return err
		}
		tx.Put(memberKey(w.ID(), relay), body)
		return s.spend(tx, invitation, used)
	}))
}

// takeUp makes the founder a worker of their relay, once the authority has signed it:
// only then is there a name to put into a credential. Only the key that the founder
// themselves made is taken (D1). One commit, which a second call finds.
func (w *Worker) takeUp(ctx context.Context, relay Relay) (membership, error) {
	space, err := w.openHeld(ctx, relay, vault.Actor{Kind: vault.ActorWorker, ID: w.ID().String(), Name: w.Name(), Relay: relay.Name, RelayID: relay.ID.String()}, w.standing(relay.ID))
	if err != nil {
		return membership{}, err
	}
	defer space.Close()
	own, err := space.OwnKeys(ctx)
	if err != nil {
		return membership{}, err
	}
	public, err := w.service.cfg.Vaults.Public(ctx, relay.ID, relay.Key[:])
	if err != nil {
		return membership{}, err
	}
	if !bytes.Equal(public.Key, own.Signer.Public()) {
		return membership{}, vault.ErrUntrustedKey
	}
	mine, err := w.own.OwnKeys(ctx)
	if err != nil {
		return membership{}, err
	}
	return w.service.admit(ctx, space, relay, newcomer{id: w.ID(), name: w.Name(), key: mine.Signer.Public(), roles: RoleHelp | RoleManage, founded: true}, vault.Secret{})
}
