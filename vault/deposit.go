package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/seal"
)

// MaxLeft is how long a document may be that somebody leaves in the inbox: 25 MB.
const MaxLeft int64 = 25_000_000

// MaxWaiting is about how many deposits may wait in the inbox of one vault, so that
// nobody fills it while the person is away.
const MaxWaiting = 1000

// ActLeft: somebody left something in the inbox; Detail "kind", "inbox", and the
// name only if it is meant for those who follow, too.
const ActLeft Act = "deposit.left"

// leftTypes are what may be left as a document: what a camera, a scanner or a
// recorder makes, and plain text. Nothing that runs.
var leftTypes = []string{"application/pdf", "text/plain", "image/jpeg", "image/png", "image/webp", "image/heic", "image/heif", "image/tiff", "image/gif"}

// Left is what somebody can keep who left something: it tells nothing of the vault.
type Left struct {
	Item ItemID    // that it will be
	At   time.Time // when it was left
}

// LeaveDocument leaves a document in the inbox, for who may give or add, and cannot
// read what is there. It is read to its end in constant memory, and takes space at
// once. The person has it at their next sign-in, where their rules say
// ([Vault.SetRules]; else private). Until then nobody can read it, also not who left it.
//
// A compartment that is named counts for more than the rules: Private is for the
// person alone, Shared for those who follow, too. A folder cannot be named.
//
// Errors: InvalidError for a length over [MaxLeft] or a media type that is no
// picture, sound, PDF or plain text; ErrTooMany if as many as MaxWaiting wait;
// ErrFull, without saying how much is left; ErrNotTaken if the person closed the
// inbox; ErrNotAllowed, also to the person, who
// adds instead; those of [Vault.AddDocument].
func (v *Vault) LeaveDocument(ctx context.Context, n NewDocument, r io.Reader) (Left, error) {
	it := &Item{ID: newID(), Kind: KindDocument, Revision: 1, Name: cleanName(n.Name), Document: n.document()}
	if err := errors.Join(it.check(), checkText("channel", n.Channel, MaxName, false), n.leavable()); err != nil {
		return Left{}, err
	}
	if err := v.roomToLeave(ctx); err != nil {
		return Left{}, err
	}
	u := v.newUpload(it.ID, 1, n.size())
	_, err := v.deposit(ctx, u, &limited{from: r, left: MaxLeft}, func(t *turn) error {
		return t.mayLeave()
	}, func(t *turn) (*Item, error) {
		if err := t.mayLeave(); err != nil {
			return nil, err
		}
		u.describe(t, it, n.Channel)
		if err := u.settle(t, u.part.Length); err != nil {
			return nil, err
		}
		d := deposit{record: &record{item: it, parts: []part{u.part}, keys: [][]byte{u.key.Bytes()}}, to: inboxFor(n.Compartment), ruled: n.Compartment == Default}
		return it, t.leave(d, ActLeft)
	})
	return v.left(it, err)
}

// LeaveNote leaves a message: a note in the inbox, as [Vault.LeaveDocument] leaves a
// document.
func (v *Vault) LeaveNote(ctx context.Context, name string, n Note, in Place) (Left, error) {
	it := &Item{ID: newID(), Kind: KindNote, Revision: 1, Name: cleanName(name), Note: &n}
	if err := errors.Join(it.check(), checkText("channel", in.Channel, MaxName, false), checkPlaceToLeave(in.Compartment, in.Folder)); err != nil {
		return Left{}, err
	}
	if err := v.roomToLeave(ctx); err != nil {
		return Left{}, err
	}
	err := v.do(ctx, func(t *turn) error {
		if err := t.mayLeave(); err != nil {
			return err
		}
		it.Changed = t.now
		it.Origin = Origin{By: v.actor, Channel: orDefault(in.Channel, "library"), At: t.now}
		return t.leave(deposit{record: &record{item: it}, to: inboxFor(in.Compartment), ruled: in.Compartment == Default}, ActLeft)
	})
	return v.left(it, err)
}

func (v *Vault) left(it *Item, err error) (Left, error) {
	var bad *InvalidError
	switch {
	case errors.As(err, &bad): // also where it came out in the middle
		return Left{}, bad
	case err == nil:
		return Left{Item: it.ID, At: it.Changed}, nil
	case errors.Is(err, ErrFull):
		return Left{}, ErrFull // how much is left is not theirs to know
	}
	return Left{}, err
}

// MakePrivate makes a paper private, for a worker who may add, on the person's word.
// For the worker it is gone at once, and it takes no other space than before. It
// waits in the inbox, encrypted anew; until the person's next sign-in takes it in
// nobody can read it, not even the person: say so. Who has the vault open as the
// person does the same, at once, by [Vault.Move], which this then is. There is no
// way back: to share is the person's own.
//
// Errors: ErrNotFound for what the worker does not reach, ErrRevision, ErrBusyMoving,
// ErrNotAllowed, ErrEnded, InvalidError for a folder or what lies in the bin.
func (v *Vault) MakePrivate(ctx context.Context, id ItemID, revision uint64) error {
	if !v.isGuest() {
		_, err := v.Move(ctx, id, revision, Private)
		return err
	}
	var document bool
	err := v.do(ctx, func(t *turn) error {
		r, err := t.hidable(id, revision)
		if err != nil {
			return err
		}
		if document = r.item.Kind == KindDocument; document {
			return nil
		}
		_, err = t.hide(r)
		return err
	})
	if err != nil || !document {
		return err
	}
	_, err = v.moveDocument(ctx, id, revision, mover{
		find: func(t *turn) (*record, error) { return t.hidable(id, revision) },
		move: (*turn).hide,
		bare: true, // what lies in an inbox is a document and nothing else
	})
	return err
}

// hidable finds what somebody who is not the person may make private.
func (t *turn) hidable(id ItemID, revision uint64) (*record, error) {
	if g := t.v.guest; g == nil || t.heads.owner.Kind != seal.KindPerson || g.chosen != nil || g.terms.Scope != ScopeAdd {
		return nil, ErrNotAllowed
	}
	r, err := t.findRevision(id, revision)
	switch {
	case err != nil:
		return nil, err
	case r.item.Kind == KindFolder:
		return nil, &InvalidError{Field: "item", Problem: "is a folder; each folder exists on both sides, move what is in it"}
	case !r.item.Binned.IsZero():
		return nil, &InvalidError{Field: "item", Problem: "is in the bin; take it out first"}
	}
	return r, nil
}

// hide leaves a record in Private's inbox and strikes it from Shared. It keeps its
// id, its origin and the name of its folder, and counts what it counted before.
func (t *turn) hide(r *record) (Item, error) {
	it := r.item
	if err := errors.Join(t.changing(), t.strike(Shared, it.ID)); err != nil {
		return Item{}, err
	}
	t.tx.Delete(t.v.id.item(it.ID))
	it.Revision++
	it.Compartment, it.Changed = Private, t.now
	return *it, t.leave(deposit{record: r, to: Private, takes: r.stored}, ActMadePrivate)
}

// mayLeave refuses who was not allowed to give or to add, and the person, for whom
// there is nothing to wait for.
func (t *turn) mayLeave() error {
	g := t.v.guest
	if g == nil || t.heads.owner.Kind != seal.KindPerson || g.chosen != nil || g.terms.Scope != ScopeGive && g.terms.Scope != ScopeAdd && !g.link.mayLeave() {
		return ErrNotAllowed
	}
	if t.inboxClosed() {
		return ErrNotTaken
	}
	return t.changing()
}

// maySee refuses who may only give: nothing of what is there is theirs to know.
func (t *turn) maySee() error {
	if g := t.v.guest; g != nil && (g.terms.Scope == ScopeGive || g.terms.Scope == ScopeLink) {
		return ErrNotAllowed
	}
	return nil
}

// roomToLeave counts what waits, before anything is sealed. Two who leave something
// at once may both find the last place.
func (v *Vault) roomToLeave(ctx context.Context) error {
	if !v.isGuest() {
		return ErrNotAllowed
	}
	waiting, err := v.service.cfg.Store.Scan(ctx, v.id.key("in/"), "", MaxWaiting)
	if err != nil {
		return storageError(err)
	}
	if len(waiting) >= MaxWaiting {
		return ErrTooMany
	}
	return nil
}

func (v *Vault) isGuest() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.guest != nil
}

func inboxFor(c Compartment) Compartment {
	if c == Shared {
		return Shared
	}
	return Private
}

func (n *NewDocument) leavable() error {
	problems := []error{checkPlaceToLeave(n.Compartment, n.Folder)}
	if n.Size > MaxLeft {
		problems = append(problems, tooLong())
	}
	kind, _, err := mime.ParseMediaType(n.document().MediaType)
	if err == nil && !slices.Contains(leftTypes, kind) && !strings.HasPrefix(kind, "audio/") {
		problems = append(problems, &InvalidError{Field: "mediaType", Problem: "is not that of a picture, a sound, a PDF or plain text"})
	}
	return errors.Join(problems...)
}

func checkPlaceToLeave(c Compartment, folder ItemID) error {
	if c != Default && c != Shared && c != Private {
		return &InvalidError{Field: "compartment", Problem: "is not private or shared"}
	}
	if !folder.IsZero() {
		return &InvalidError{Field: "folder", Problem: "cannot be chosen by who leaves something"}
	}
	return nil
}

func tooLong() error {
	return &InvalidError{Field: "size", Problem: fmt.Sprintf("is more than %d bytes", MaxLeft)}
}

// limited ends what is longer than it may be with an error, and not with an end.
type limited struct {
	from io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.from.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, tooLong()
	}
	return n, err
}
