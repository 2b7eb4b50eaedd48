package consent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Person is somebody whom a relay follows, as its workers see them: by the name that
// the person gave there. Other relays know nothing of it, and nobody can search
// across relays.
type Person struct {
	Vault vault.ID
	Grant vault.GrantID
	Name  string // as the person gave it: neutralise it where it is shown
	Scope vault.Scope
	Since time.Time
	Until time.Time // zero: until it is withdrawn

	pinned []byte
	item   vault.ItemID
	rev    uint64
}

// What a relay's workers share lies in its Shared (vault.KindData), by form: a person
// followed, an account being opened, and a mark that one was opened.
const (
	formPerson form = 5
	formDraft  form = 6
	formOpened form = 7
)

// rosterEntry is a person whom the relay follows. The name of the item is what they
// are called there.
type rosterEntry struct {
	Vault [16]byte    `cbor:"1,keyasint"`
	Grant [16]byte    `cbor:"2,keyasint"`
	Key   []byte      `cbor:"3,keyasint"` // the vault's signing key at the first contact
	Since int64       `cbor:"4,keyasint"` // unix milliseconds
	Scope vault.Scope `cbor:"5,keyasint"`
	Until int64       `cbor:"6,keyasint,omitempty"` // unix milliseconds; 0: until withdrawn
}

// rosterItem is a person in the roster as they lie there.
type rosterItem struct {
	item vault.Item
	rosterEntry
}

// rosterOf picks the roster out of what a relay's workers share, as it lies. What is
// in no form that there is, is named by the error, next to the rest.
func rosterOf(items []vault.Item) (out []rosterItem, err error) {
	var problems []error
	for _, it := range items {
		if !formPerson.is(it.Data) {
			continue
		}
		k := rosterItem{item: it}
		if err := formPerson.unpack(it.Data, &k.rosterEntry); err != nil {
			problems = append(problems, err)
			continue
		}
		out = append(out, k)
	}
	return out, errors.Join(problems...)
}

// shared reads what the relay's workers share. What was altered is named by the
// error, next to the rest.
func (p *Post) shared(ctx context.Context) ([]vault.Item, error) {
	return p.Space().List(ctx, &vault.ListOptions{Kind: vault.KindData})
}

// roster reads the whole roster as it lies. What was altered is named by the error,
// next to the rest.
func (p *Post) roster(ctx context.Context) ([]rosterItem, error) {
	items, err := p.shared(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) {
		return nil, err
	}
	out, formErr := rosterOf(items)
	return out, errors.Join(err, formErr)
}

// Roster is what a relay's workers share, as their first page shows it.
type Roster struct {
	People []Person // by name, as [Post.People]
	Drafts []Draft  // by name, as [Post.Drafts]
	Counts Counts   // as [Post.Counts]
}

// Roster returns whom the relay follows, whose account is being opened, and the
// counts, for what one of them costs: of a relay with thousands of people, opening
// them is what takes the time. Who only manages gets the counts alone. Errors, and
// what is returned beside them: those of [Post.People].
func (p *Post) Roster(ctx context.Context) (out Roster, err error) {
	items, people, err := p.people(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) {
		return out, err
	}
	altered := err
	if out.Counts, err = p.counts(ctx, people, items); err != nil {
		return Roster{}, err
	}
	if p.mayHelp() != nil {
		return out, altered
	}
	out.People = people
	if out.Drafts, err = p.drafts(ctx, items); err != nil {
		return Roster{}, err
	}
	return out, altered
}

// People returns whom the relay follows, by name. Notes that wait are taken in first,
// and who has withdrawn leaves. If something was altered, the others are returned
// together with the error.
//
// Errors: those of any act in the relay's space, vault.ErrEnded among them for a
// worker who is not one any more, vault.ErrNotAllowed for who only manages.
func (p *Post) People(ctx context.Context) ([]Person, error) {
	if err := p.mayHelp(); err != nil {
		return nil, err
	}
	_, all, err := p.people(ctx)
	return all, err
}

// people also returns what else was read.
func (p *Post) people(ctx context.Context) ([]vault.Item, []Person, error) {
	var takeErr error
	if p.mayHelp() == nil { // who only manages opens nothing of people, a note neither
		_, takeErr = p.takeNotes(ctx)
	}
	if takeErr != nil && !errors.Is(takeErr, vault.ErrTampered) && !errors.Is(takeErr, vault.ErrWitnessAway) {
		return nil, nil, takeErr
	}
	items, err := p.shared(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) {
		return nil, nil, err
	}
	all, formErr := rosterOf(items)
	out, lookErr := p.followed(ctx, all)
	if lookErr != nil {
		return nil, nil, lookErr
	}
	return items, out, errors.Join(takeErr, err, formErr)
}

// followed sorts a roster by name, and strikes from it who is not followed any more.
func (p *Post) followed(ctx context.Context, all []rosterItem) ([]Person, error) {
	latest := map[vault.ID]Person{}
	var over []Person
	for _, k := range all {
		one := k.person()
		ended, err := p.isOver(ctx, one)
		if err != nil {
			return nil, err
		}
		other, known := latest[one.Vault]
		switch {
		case ended:
			over = append(over, one)
		case known && !one.Since.After(other.Since): // followed twice: the later one counts
			over = append(over, one)
		default:
			if known {
				over = append(over, other)
			}
			latest[one.Vault] = one
		}
	}
	for _, one := range over {
		if err := p.strike(ctx, one); err != nil {
			return nil, err
		}
	}
	out := make([]Person, 0, len(latest))
	for _, one := range latest {
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b Person) int {
		if byName := strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)); byName != 0 {
			return byName
		}
		return strings.Compare(a.Vault.String(), b.Vault.String())
	})
	p.remember(out)
	return out, nil
}

func (k *rosterItem) person() Person {
	return Person{
		Vault: k.Vault, Grant: k.Grant, Name: k.item.Name, Scope: k.Scope, Since: fromUnixMilli(k.Since), Until: fromUnixMilli(k.Until),
		pinned: k.Key, item: k.item.ID, rev: k.item.Revision,
	}
}

// isOver says whether a grant has ended, by its time or because its record is gone,
// as every end deletes it. It costs one Get, so that a list of thousands is quick;
// what the vault's own head says is asked when somebody is opened.
func (p *Post) isOver(ctx context.Context, one Person) (bool, error) {
	s := p.service()
	if !one.Until.IsZero() && !s.now().Before(one.Until) {
		return true, nil
	}
	_, err := s.cfg.Store.Get(ctx, grantKey(one.Vault, one.Grant))
	if errors.Is(err, storage.ErrNotFound) {
		return true, nil
	}
	return false, storageError(err)
}

// strike removes a person from the roster.
func (p *Post) strike(ctx context.Context, one Person) error {
	return p.destroy(ctx, one.item, one.rev)
}

// inRoster is where a relay keeps what its workers share.
var inRoster = vault.Place{Compartment: vault.Shared, Channel: "consent"}

// mostNotes are taken in at a time.
const mostNotes = 500

// errTaken: another worker was faster.
var errTaken = errors.New("consent: taken in by another")

// errWaits: the store and the witness do not agree about the vault of a note now. Its
// person's next sign-in sets that right.
var errWaits = errors.New("consent: not to be taken in yet")

// takeNotes takes in what persons have told the relay, about mostNotes at a time, and
// says how many it is done with. Each note is one commit: item and end of the note
// together, so that two workers at once take it in once. A note that nobody signed,
// or whose grant has ended, is dropped; one that cannot be checked now stays, and
// keeps none behind it from being taken in. The error names what was dropped as
// tampered.
func (p *Post) takeNotes(ctx context.Context) (done int, err error) {
	s, prefix, after := p.service(), p.Relay().ID.String()+followNote, ""
	var all []rosterItem
	var problems []error
	for done < mostNotes {
		records, err := s.cfg.Store.Scan(ctx, prefix, after, mostNotes)
		if err != nil {
			return done, storageError(err)
		}
		if len(records) > 0 && after == "" {
			if all, err = p.roster(ctx); err != nil && !errors.Is(err, vault.ErrTampered) {
				return done, err
			}
		}
		for _, rec := range records {
			err := p.takeNote(ctx, rec, all)
			switch {
			case errors.Is(err, vault.ErrTampered), errors.Is(err, vault.ErrUntrustedKey):
				problems = append(problems, tampered("a note to the relay"))
				err = p.instead(ctx, rec, nil)
			case errors.Is(err, vault.ErrWitnessAway):
				return done, errors.Join(append(problems, vault.ErrWitnessAway)...)
			case errors.Is(err, errWaits), errors.Is(err, vault.ErrStale), errors.Is(err, vault.ErrPolicy):
				continue
			}
			if err != nil {
				return done, err
			}
			done++
		}
		if len(records) < mostNotes {
			break
		}
		after = records[len(records)-1].Key
	}
	return done, errors.Join(problems...)
}

func (p *Post) takeNote(ctx context.Context, rec storage.Record, all []rosterItem) error {
	s := p.service()
	n, err := openNote(p.Relay().ID, followNote, rec, p.Keys().Inboxes)
	if err != nil {
		return err
	}
	// The first contact: the key that signed the note must be that of a vault which
	// the witness knows, and the grant one that it made for this relay (D3, D4).
	known, err := s.cfg.Vaults.Public(ctx, n.Vault, nil)
	switch {
	case errors.Is(err, vault.ErrEnded):
		return p.instead(ctx, rec, nil)
	case errors.Is(err, vault.ErrUntrustedKey): // the witness has not heard of this head yet
		return errWaits
	case err != nil:
		return err
	}
	if !known.Trusts(n.Key) {
		return vault.ErrUntrustedKey
	}
	g := p.Guest("")
	g.Pinned = n.Key
	v, err := s.cfg.Vaults.OpenGrant(ctx, n.Vault, n.Grant, g)
	if errors.Is(err, vault.ErrEnded) || slices.ContainsFunc(all, func(k rosterItem) bool { return k.Grant == n.Grant }) {
		if v != nil {
			v.Close()
		}
		return p.instead(ctx, rec, nil)
	}
	// A grant of a closed account opened as it should; the person may come back.
	if err != nil && !errors.Is(err, vault.ErrClosing) {
		return err
	}
	if v != nil {
		v.Close()
	}
	data, err := formPerson.pack(rosterEntry{Vault: n.Vault, Grant: n.Grant, Key: known.Key, Scope: n.Scope, Since: n.At, Until: n.Until})
	if err != nil {
		return err
	}
	_, err = p.Space().TakeData(ctx, n.Name, data, inRoster, func(tx *storage.Tx) error {
		now, err := tx.Get(rec.Key)
		if errors.Is(err, storage.ErrNotFound) || err == nil && !slices.Equal(now.Value, rec.Value) {
			return errTaken
		}
		tx.Delete(rec.Key)
		return err
	})
	if errors.Is(err, errTaken) {
		return nil
	}
	if errors.Is(err, vault.ErrInvalid) { // a name that no page could have taken
		return p.instead(ctx, rec, nil)
	}
	return err
}

// instead puts something in the place of a note that is still the same; nil: nothing.
// Only who is at the post may: of a note that was not theirs any more to take in,
// nobody has said that it is over.
func (p *Post) instead(ctx context.Context, rec storage.Record, record []byte) error {
	s := p.service()
	return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if err := p.space.Standing()(ctx, tx, s.now()); err != nil {
			return err
		}
		now, err := tx.Get(rec.Key)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			return nil
		case err != nil || !slices.Equal(now.Value, rec.Value):
			return err
		case record == nil:
			tx.Delete(rec.Key)
		default:
			tx.PutUnique(rec.Key, record)
		}
		return nil
	}))
}

// drop deletes a record, if it is still the same.
func (s *Service) drop(ctx context.Context, rec storage.Record) error {
	return storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		now, err := tx.Get(rec.Key)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err == nil && slices.Equal(now.Value, rec.Value) {
			tx.Delete(rec.Key)
		}
		return err
	}))
}
