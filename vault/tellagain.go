package vault

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"reconnect.example/internal/seal"
)

// ToldAgain counts what [Vaults.TellWitnessAgain] did. It names nobody.
type ToldAgain struct {
	Vaults int // people, relays, workers, and the directory of relays
	Erased int // whose tombstones the witness has again
	Ahead  int // of which the witness knows later heads than the store has: nothing was changed
	Failed int // see the error; a repetition tries them again
}

// TellWitnessAgain tells the witness of every vault that the store has, as if each had
// just been opened: for a witness that has lost its own store. It needs no key of anybody:
// owner heads and tombstones are believed for their signatures, and with each goes its
// owner side, and in that what the witness has to know of ways back in. Where the
// witness knows a vault already it changes nothing, or raises it.
//
// What the store says is believed where the witness knows nothing: a store that was set
// back before cannot be told from the true one any more. Vaults whose heads are below what
// the witness knows, or another history of it, are counted as ahead and left.
//
// It goes on after a vault that failed; the error tells of at most ten. It may be
// repeated, and run while people work. progress is told after each vault how far it is, and
// returns at once; nil: nobody is told. Errors: ErrWitnessAway (it ends at once), ErrStorage.
func (s *Vaults) TellWitnessAgain(ctx context.Context, progress func(ToldAgain)) (t ToldAgain, err error) {
	logins, err := s.loginRecords(ctx)
	if err != nil {
		return t, err
	}
	var failures []error
	for id, err := range s.stored(ctx) {
		if err != nil {
			return t, errors.Join(append(failures, err)...)
		}
		t.Vaults++
		err := s.tellAgain(ctx, id, logins[id], &t)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return t, ctx.Err()
		default:
			if _, away := s.ask(ctx, id); away != nil { // the next ones would fail as well
				return t, errors.Join(append(failures, away)...)
			}
			if t.Failed++; len(failures) < 10 {
				failures = append(failures, fmt.Errorf("vault %s: %w", id, err))
			}
		}
		if progress != nil {
			progress(t)
		}
	}
	return t, errors.Join(failures...)
}

// stored walks over the ids of the vaults that have an owner head. Each vault costs one
// read of one record and one of its head, however much it holds.
func (s *Vaults) stored(ctx context.Context) iter.Seq2[ID, error] {
	return func(yield func(ID, error) bool) {
		for after := ""; ; {
			page, err := s.cfg.Store.Scan(ctx, "", after, 1)
			if err != nil {
				yield(ID{}, storageError(err))
				return
			}
			if len(page) == 0 {
				return
			}
			first, _, _ := strings.Cut(page[0].Key, "/")
			after = first + "0" // the byte after "/": past everything that begins with first and "/"
			id, err := ParseID(first)
			if err != nil {
				continue
			}
			switch _, err := s.cfg.Store.Get(ctx, id.head(Owner)); {
			case isNotFound(err): // what is left of one that was never finished
			case err != nil:
				yield(ID{}, storageError(err))
				return
			default:
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}

// loginRecords are the keys of all login records, by vault: they belong to the owner
// side, and nobody can say them without the login.
func (s *Vaults) loginRecords(ctx context.Context) (map[ID]string, error) {
	out := map[ID]string{}
	for rec, err := range s.cfg.Store.All(ctx, loginPrefix) {
		if err != nil {
			return nil, storageError(err)
		}
		if id, ok := s.leadsTo(rec.Key, rec.Value); ok {
			out[id] = rec.Key
		}
	}
	return out, nil
}

// tellAgain tells of one vault, owner head and all others that the store has.
func (s *Vaults) tellAgain(ctx context.Context, id ID, login string, t *ToldAgain) error {
	owner, err := s.cfg.Store.Get(ctx, id.head(Owner))
	if err != nil {
		return storageError(err)
	}
	head, err := openOwnerHead(id, owner.Value)
	if err != nil {
		return err
	}
	mine := []Checkpoint{{Head: headOwner, Restore: head.Restore, Version: head.Version, Hash: seal.Digest(owner.Value)}}
	known, err := s.ask(ctx, id)
	if err != nil {
		return err
	}
	if head.Erased != 0 {
		t.Erased++
	} else if head.Kind != seal.KindDirectory {
		others, err := StoredHeads(ctx, s.cfg.Store, id)
		if err != nil {
			return err
		}
		for _, c := range others {
			if c.Version != 0 {
				mine = append(mine, c)
			}
		}
	}
	for _, k := range known {
		for _, m := range mine {
			if k.Head == m.Head && (later(k, m) || sameVersion(k, m) && k.Hash != m.Hash) {
				t.Ahead++
				return nil
			}
		}
	}
	return s.confirm(ctx, id, mine, signedOwner{record: owner.Value, login: login})
}
