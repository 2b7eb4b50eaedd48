package vault

import (
	"context"
	"errors"
	"time"

	"reconnect.example/storage"
)

// AddFolder adds a folder of the person's own. A folder lies in one compartment;
// folders do not nest.
func (v *Vault) AddFolder(ctx context.Context, name string, in Place) (Item, error) {
	if !in.Folder.IsZero() {
		return Item{}, &InvalidError{Field: "folder", Problem: "cannot lie in another folder"}
	}
	return v.add(ctx, &Item{Kind: KindFolder, Name: name}, in, nil)
}

// AddContact adds somebody to reach. Only the name is required.
func (v *Vault) AddContact(ctx context.Context, name string, c Contact, in Place) (Item, error) {
	return v.add(ctx, &Item{Kind: KindContact, Name: name, Contact: &c}, in, nil)
}

// AddAppointment adds a date to keep. Its zone is the one in which the hour was told.
func (v *Vault) AddAppointment(ctx context.Context, name string, a Appointment, in Place) (Item, error) {
	a.Start, a.Duration = a.Start.UTC().Truncate(time.Millisecond), a.Duration.Truncate(time.Millisecond)
	return v.add(ctx, &Item{Kind: KindAppointment, Name: name, Appointment: &a}, in, nil)
}

// AddNote adds a text of the person's own.
func (v *Vault) AddNote(ctx context.Context, name string, n Note, in Place) (Item, error) {
	return v.add(ctx, &Item{Kind: KindNote, Name: name, Note: &n}, in, nil)
}

// AddData keeps something of a program's own, sealed and listed like everything
// else. It is for the space of a relay, and costs space like a note.
func (v *Vault) AddData(ctx context.Context, name string, data []byte, in Place) (Item, error) {
	return v.add(ctx, &Item{Kind: KindData, Name: name, Data: data}, in, nil)
}

// TakeData is AddData with writes of a program's own in the same commit, such as the
// end of the note that the data came in: what is taken in by two at once is taken in
// once. also may run several times; its error, if any, is the answer.
func (v *Vault) TakeData(ctx context.Context, name string, data []byte, in Place, also func(tx *storage.Tx) error) (Item, error) {
	return v.add(ctx, &Item{Kind: KindData, Name: name, Data: data}, in, also)
}

// add is one commit: item, page, head, ledger and journal line. ErrFull,
// ErrTooMany, InvalidError.
func (v *Vault) add(ctx context.Context, it *Item, in Place, also func(tx *storage.Tx) error) (Item, error) {
	it.ID, it.Revision, it.Folder, it.Name = newID(), 1, in.Folder, cleanName(it.Name)
	if err := errors.Join(it.check(), checkText("channel", in.Channel, MaxName, false)); err != nil {
		return Item{}, err
	}
	err := v.do(ctx, func(t *turn) error {
		if err := t.place(it, in.Compartment); err != nil {
			return err
		}
		it.Changed = t.now
		it.Origin = Origin{By: v.actor, Channel: orDefault(in.Channel, "library"), At: t.now}
		if err := t.put(&record{item: it}); err != nil {
			return err
		}
		t.note(ActAdded, it, map[string]string{"kind": it.Kind.String(), "compartment": it.Compartment.String()})
		if also == nil {
			return nil
		}
		return also(t.tx)
	})
	if err != nil {
		return Item{}, err
	}
	return *it, nil
}

// place decides in which compartment a new item lies and checks its folder.
func (t *turn) place(it *Item, c Compartment) (err error) {
	if err := t.mayAdd(); err != nil {
		return err
	}
	if c == Default {
		if c, err = t.byDefault(it); err != nil {
			return err
		}
	}
	if _, reached := t.heads.indexes[c]; !reached || c == Owner {
		return &InvalidError{Field: "compartment", Problem: "is not private or shared"}
	}
	it.Compartment = c
	if count, err := t.count(); err != nil {
		return err
	} else if count >= MaxItems {
		return ErrTooMany
	}
	return t.checkFolder(it)
}

func (t *turn) count() (n int, err error) {
	for c, ix := range t.heads.indexes {
		if c == Owner {
			continue
		}
		for _, on := range ix.Counts {
			n += int(on)
		}
	}
	return n, nil
}

func (t *turn) checkFolder(it *Item) error {
	if it.Folder.IsZero() {
		return nil
	}
	bad := &InvalidError{Field: "folder", Problem: "is not a folder of the same part of the space"}
	if it.Kind == KindFolder {
		return &InvalidError{Field: "folder", Problem: "cannot lie in another folder"}
	}
	f, err := t.find(it.Folder)
	if errors.Is(err, ErrNotFound) {
		return bad
	}
	if err != nil {
		return err
	}
	if f.item.Kind != KindFolder || f.item.Compartment != it.Compartment || !f.item.Binned.IsZero() {
		return bad
	}
	return nil
}

// Edit changes an item. The caller names the revision that it saw: ErrRevision
// if somebody was faster, and nothing is lost.
func (v *Vault) Edit(ctx context.Context, id ItemID, revision uint64, e Edit) (Item, error) {
	return v.change(ctx, id, revision, func(t *turn, it *Item) (Act, error) {
		if err := e.apply(it); err != nil {
			return "", err
		}
		if err := it.check(); err != nil {
			return "", err
		}
		return ActChanged, t.checkFolder(it)
	})
}

func (e *Edit) apply(it *Item) error {
	wrong := func(given bool, field string, fits bool) error {
		if given && !fits {
			return &InvalidError{Field: field, Problem: "does not belong to a " + it.Kind.String()}
		}
		return nil
	}
	err := errors.Join(
		wrong(e.Issued != nil, "issued", it.Kind == KindDocument),
		wrong(e.Expires != nil, "expires", it.Kind == KindDocument),
		wrong(e.MediaType != nil, "mediaType", it.Kind == KindDocument),
		wrong(e.Contact != nil, "contact", it.Kind == KindContact),
		wrong(e.Appointment != nil, "appointment", it.Kind == KindAppointment),
		wrong(e.Note != nil, "note", it.Kind == KindNote),
		wrong(e.Data != nil, "data", it.Kind == KindData),
	)
	if err != nil {
		return err
	}
	if e.Name != nil {
		it.Name = cleanName(*e.Name)
	}
	if e.Folder != nil {
		it.Folder = *e.Folder
	}
	if e.Issued != nil {
		it.Document.Issued = *e.Issued
	}
	if e.Expires != nil {
		it.Document.Expires = *e.Expires
	}
	if e.MediaType != nil {
		it.Document.MediaType = *e.MediaType
	}
	if e.Contact != nil {
		c := *e.Contact
		it.Contact = &c
	}
	if e.Appointment != nil {
		a := *e.Appointment
		a.Start, a.Duration = a.Start.UTC().Truncate(time.Millisecond), a.Duration.Truncate(time.Millisecond)
		it.Appointment = &a
	}
	if e.Note != nil {
		n := *e.Note
		it.Note = &n
	}
	if e.Data != nil {
		it.Data = *e.Data
	}
	return nil
}

// change is one commit that rewrites the record of an item and leaves its blobs.
func (v *Vault) change(ctx context.Context, id ItemID, revision uint64, f func(t *turn, it *Item) (Act, error)) (Item, error) {
	var out Item
	err := v.do(ctx, func(t *turn) error {
		r, err := t.findRevision(id, revision)
		if err != nil {
			return err
		}
		was := r.item.Name
		act, err := f(t, r.item)
		if err != nil {
			return err
		}
		r.item.Revision++
		if act != ActAttested && act != ActAttestedRemoved { // what somebody signs about a paper does not change it
			r.item.Changed = t.now
		}
		if err := t.put(r); err != nil {
			return err
		}
		var detail map[string]string
		if was != r.item.Name {
			detail = map[string]string{"was": was}
		}
		t.note(act, r.item, detail)
		out = *r.item
		return nil
	})
	return out, err
}

// Bin puts an item into the bin, where it stays for 30 days; it keeps counting
// against the space. A folder must be empty: ErrNotEmpty.
func (v *Vault) Bin(ctx context.Context, id ItemID, revision uint64) (Item, error) {
	return v.change(ctx, id, revision, func(t *turn, it *Item) (Act, error) {
		if err := t.mayRemove(); err != nil {
			return "", err
		}
		if !it.Binned.IsZero() {
			return "", &InvalidError{Field: "item", Problem: "is in the bin already"}
		}
		if err := t.checkEmpty(it); err != nil {
			return "", err
		}
		it.Binned = t.now
		ix := t.heads.indexes[it.Compartment]
		if ms := t.now.UnixMilli(); ix.Binned == 0 || ms < ix.Binned {
			ix.Binned = ms
		}
		return ActBinned, t.endLinksTo(it.ID)
	})
}

// Restore takes an item out of the bin. If its folder is gone, it lies at the top.
func (v *Vault) Restore(ctx context.Context, id ItemID, revision uint64) (Item, error) {
	return v.change(ctx, id, revision, func(t *turn, it *Item) (Act, error) {
		if err := t.mayRemove(); err != nil {
			return "", err
		}
		if it.Binned.IsZero() {
			return "", &InvalidError{Field: "item", Problem: "is not in the bin"}
		}
		it.Binned = time.Time{}
		if err := t.checkFolder(it); errors.Is(err, ErrInvalid) {
			it.Folder = ItemID{}
		} else if err != nil {
			return "", err
		}
		return ActRestored, nil
	})
}

// checkEmpty refuses to remove a folder that holds something outside the bin.
func (t *turn) checkEmpty(it *Item) error {
	if it.Kind != KindFolder {
		return nil
	}
	all, err := t.all()
	if err != nil {
		return err
	}
	for _, l := range all {
		if l.err == nil && l.record.item.Folder == it.ID && l.record.item.Binned.IsZero() {
			return ErrNotEmpty
		}
	}
	return nil
}

// Destroy removes an item for ever: its keys with this commit, its bytes within
// two hours. The space is free at once.
func (v *Vault) Destroy(ctx context.Context, id ItemID, revision uint64) error {
	return v.do(ctx, func(t *turn) error {
		r, err := t.findRevision(id, revision)
		if err != nil {
			return err
		}
		if err := t.checkEmpty(r.item); err != nil {
			return err
		}
		return t.destroy(r)
	})
}

func (t *turn) destroy(r *record) error {
	if err := errors.Join(t.changing(), t.mayRemove()); err != nil {
		return err
	}
	if err := errors.Join(t.strike(r.item.Compartment, r.item.ID), t.remindersEnd(r)); err != nil {
		return err
	}
	t.tx.Delete(t.v.id.item(r.item.ID))
	if err := errors.Join(t.charge(-r.stored-r.blobBytes()), t.uncountLeft(r.item, r.leftBytes())); err != nil {
		return err
	}
	t.dropBlobs(r.allParts())
	t.note(ActDestroyed, r.item, map[string]string{"kind": r.item.Kind.String()})
	return nil
}

// emptyBin destroys what has lain in the bin for longer than BinKeeps. It needs
// the person's keys, so it is done at a sign-in (N22), and only looks when a head
// says that there may be something.
func (v *Vault) emptyBin(ctx context.Context) error {
	for more := true; more; {
		more = false
		err := v.do(ctx, func(t *turn) error {
			more = false
			limit := t.now.Add(-BinKeeps)
			if !t.binDue(limit) {
				return nil
			}
			var err error
			more, err = t.emptyBin(limit)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *turn) binDue(limit time.Time) bool {
	if t.heads.owner.Closing != 0 {
		return false
	}
	for c, ix := range t.heads.indexes {
		if c != Owner && ix.Binned != 0 && ix.Binned < limit.UnixMilli() {
			return true
		}
	}
	return false
}

// emptyBatch keeps the commit of one round below the limit of a batch.
const emptyBatch = 20

func (t *turn) emptyBin(limit time.Time) (more bool, err error) {
	all, err := t.all()
	if err != nil {
		return false, err
	}
	oldest := map[Compartment]int64{}
	gone := 0
	for _, l := range all {
		if l.err != nil || l.record.item.Binned.IsZero() {
			continue // what was altered stays for the person to see
		}
		it := l.record.item
		if it.Binned.Before(limit) && gone < emptyBatch {
			if err := t.destroy(l.record); err != nil {
				return false, err
			}
			gone++
			continue
		}
		more = more || it.Binned.Before(limit)
		if ms := it.Binned.UnixMilli(); oldest[it.Compartment] == 0 || ms < oldest[it.Compartment] {
			oldest[it.Compartment] = ms
		}
	}
	for c, ix := range t.heads.indexes {
		if c != Owner && ix.Binned != oldest[c] {
			ix.Binned, ix.dirty = oldest[c], true
		}
	}
	return more, nil
}
