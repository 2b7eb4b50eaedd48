package vault

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
)

// NewImport is one thing that comes from elsewhere: from a bundle, from another
// product, from a folder of files (package vault/bundle reads them). What does not
// belong to its kind is ignored.
type NewImport struct {
	Kind    Kind   // a document, contact, appointment, note, or a folder
	Name    string // as for the Add methods
	Folder  string // name of the folder that it lies in, made if it is not there; empty: top
	Private bool   // it was private where it comes from, and stays so
	Former  Former // where it comes from

	// Of documents. Open is called once, and gives Size bytes of this Digest (SHA-256).
	MediaType       string
	Size            int64
	Digest          []byte
	Issued, Expires Date
	Open            func() (io.ReadCloser, error)

	Contact     *Contact
	Appointment *Appointment
	Note        *Note
}

// ImportOptions says where what comes in goes.
type ImportOptions struct {
	// Compartment is Private (also Default) or Shared. With Shared, what was private
	// where it comes from stays private all the same.
	Compartment Compartment
	// From is the document out of which all of it comes, if it lies in this vault: zero: none.
	// What comes in takes its space (N91), so that a vault needs no room for both; it is
	// destroyed as soon as everything is there. An import that breaks off leaves it, and what
	// came in; until it is done or From is destroyed, the vault may hold that much beside its
	// space.
	From ItemID
	// FromRevision is the revision of From that is read (ContentAt.Item). Another one is left as
	// it is, and nothing more comes in (ErrRevision): nobody has seen what is in it.
	FromRevision uint64
	// Progress, if not nil, is called after each thing that was looked at, with how many.
	Progress func(done int)
}

// ImportPlan says what an import would do.
type ImportPlan struct {
	Items   []PlannedImport // as they were given
	New     int             // how many come in
	There   int             // how many are there already
	Folders []string        // that are made
	Bytes   int64           // that they take of the space, at most
	Left    int64           // bytes of the space that are free, with those of From
}

// PlannedImport is what becomes of one thing.
type PlannedImport struct {
	Kind        Kind
	New         bool // it comes in
	Compartment Compartment
	There       ItemID // not zero: it is there already, as this
}

// Imported says what an import has done.
type Imported struct {
	Added []ItemID // as they were given; zero: it was there already
	New   int
	There int
}

// ImportError says which of the things that were given cannot come in. It wraps why.
type ImportError struct {
	Index int // in what was given
	Err   error
}

func (e *ImportError) Error() string { return fmt.Sprintf("vault: import %d: %v", e.Index, e.Err) }

// Unwrap returns why.
func (e *ImportError) Unwrap() error { return e.Err }

// importRecord is about what the record of an item takes, beside its texts.
const importRecord = 2048

// PlanImport says what [Vault.Import] would do, and does nothing; it is one line in the
// journal. That the space is too small is in the plan and no error.
//
// Errors: ImportError with an InvalidError for what no item can be; ErrTooMany if the
// vault would hold more than MaxItems; ErrNotAllowed to everybody but the person.
func (v *Vault) PlanImport(ctx context.Context, items []NewImport, opts *ImportOptions) (ImportPlan, error) {
	im, err := v.newImporter(items, opts)
	if err != nil {
		return ImportPlan{}, err
	}
	return im.plan(ctx)
}

// Import takes in what comes from elsewhere. Everything is looked at before the first
// byte is written: what no item can be, too many, too little space. Then one thing after
// the other comes in, each whole with its folder in one commit, so that a crash leaves
// whole items and no half one; the same import again brings the rest, and doubles
// nothing: each item keeps the name that it has where it comes from in its origin, which
// is signed ([Origin.Former]). What is edited, moved or renamed later is known all the same.
//
// Errors: those of [Vault.PlanImport]; ErrFull (with quota.FullError) before the first
// byte; InvalidError in an ImportError if bytes are not those that were announced;
// those of [Vault.AddDocument]; ErrNotFound and ErrRevision if opts.From is gone, or another
// than opts.FromRevision. With an error, what came in before it is said, and stays.
func (v *Vault) Import(ctx context.Context, items []NewImport, opts *ImportOptions) (Imported, error) {
	im, err := v.newImporter(items, opts)
	if err != nil {
		return Imported{}, err
	}
	plan, err := im.plan(ctx)
	if err != nil {
		return Imported{}, err
	}
	if plan.Bytes > plan.Left {
		return Imported{}, &quota.FullError{Limit: im.usage.Limit, Used: im.usage.Used, Reserved: im.usage.Reserved, Left: plan.Left, Wanted: plan.Bytes}
	}
	out := Imported{Added: make([]ItemID, len(items))}
	for i := range items {
		id, err := im.one(ctx, i)
		if err != nil {
			return out, &ImportError{Index: i, Err: err}
		}
		if out.Added[i] = id; id.IsZero() {
			out.There++
		} else {
			out.New++
		}
		if im.opts.Progress != nil {
			im.opts.Progress(i + 1)
		}
	}
	return out, im.end(ctx)
}

// importer is one import that goes on.
type importer struct {
	v     *Vault
	opts  ImportOptions
	items []NewImport
	keys  []string

	there    map[string]ItemID
	folders  map[Compartment]map[string]ItemID // outside the bin, by name
	versions map[Compartment]uint64            // of the heads for which that is true
	usage    quota.Usage
}

func (v *Vault) newImporter(items []NewImport, opts *ImportOptions) (*importer, error) {
	im := &importer{v: v, items: slices.Clone(items), versions: map[Compartment]uint64{}}
	if opts != nil {
		im.opts = *opts
	}
	switch im.opts.Compartment {
	case Default:
		im.opts.Compartment = Private
	case Private, Shared:
	default:
		return nil, &InvalidError{Field: "compartment", Problem: "is not private or shared"}
	}
	for i := range im.items {
		n := &im.items[i]
		n.Folder = cleanName(n.Folder)
		if err := n.check(); err != nil {
			return nil, &ImportError{Index: i, Err: err}
		}
		key, err := n.key()
		if err != nil {
			return nil, err
		}
		im.keys = append(im.keys, key)
	}
	return im, nil
}

// item is what it becomes, without a place.
func (n *NewImport) item() *Item {
	it := &Item{ID: newID(), Kind: n.Kind, Revision: 1, Name: cleanName(n.Name)}
	switch n.Kind {
	case KindDocument:
		it.Document = &Document{MediaType: orDefault(n.MediaType, "application/octet-stream"), Issued: n.Issued, Expires: n.Expires}
	case KindContact:
		c := *n.Contact
		it.Contact = &c
	case KindAppointment:
		a := *n.Appointment
		a.Start, a.Duration = a.Start.UTC().Truncate(time.Millisecond), a.Duration.Truncate(time.Millisecond)
		it.Appointment = &a
	case KindNote:
		c := *n.Note
		it.Note = &c
	}
	return it
}

func (n *NewImport) check() error {
	has := map[Kind]bool{KindFolder: true, KindDocument: n.Open != nil && len(n.Digest) == sha256.Size && n.Size >= 0 && n.Size <= seal.MaxStream,
		KindContact: n.Contact != nil, KindAppointment: n.Appointment != nil, KindNote: n.Note != nil}
	if !has[n.Kind] {
		return &InvalidError{Field: "kind", Problem: "is not that of something that can come in, or its content is missing"}
	}
	problems := []error{n.item().check(), n.Former.check()}
	if n.Folder != "" {
		problems = append(problems, checkName("folder", n.Folder))
	}
	if n.Kind == KindFolder && n.Folder != "" {
		problems = append(problems, &InvalidError{Field: "folder", Problem: "cannot lie in another folder"})
	}
	return errors.Join(problems...)
}

// size is what it takes of the space, at most.
func (n *NewImport) size() int64 {
	size := int64(importRecord + 4*len(n.Name))
	switch n.Kind {
	case KindDocument:
		size += seal.SealedSize(n.Size)
	case KindContact:
		size += int64(len(n.Contact.Note)) + 4*MaxText*2
	case KindAppointment:
		size += int64(len(n.Appointment.Note)) + 4*MaxText
	case KindNote:
		size += int64(len(n.Note.Text))
	}
	return size
}

// compartment is where it goes.
func (im *importer) compartment(i int) Compartment {
	if im.items[i].Private {
		return Private
	}
	return im.opts.Compartment
}

func (im *importer) plan(ctx context.Context) (p ImportPlan, err error) {
	err = im.v.do(ctx, func(t *turn) error {
		p = ImportPlan{}
		if err := errors.Join(t.asPerson(), t.changing()); err != nil {
			return err
		}
		if err := im.look(t); err != nil {
			return err
		}
		for c := range im.folders { // nothing is written: what was looked at stays true
			im.versions[c] = t.heads.indexes[c].version
		}
		if err := im.source(t); err != nil {
			return err
		}
		if im.usage, err = t.quota().Usage(t.tx, t.v.id.String()); err != nil {
			return err
		}
		if p, err = im.planned(t); err != nil {
			return err
		}
		t.note(ActListed, nil, map[string]string{"count": fmt.Sprint(len(im.items)), "for": "import"})
		return nil
	})
	return p, err
}

func (im *importer) planned(t *turn) (ImportPlan, error) {
	p := ImportPlan{Left: im.usage.Left}
	made, soon, items := map[string]bool{}, map[string]bool{}, 0
	for i, n := range im.items {
		c := im.compartment(i)
		if _, reached := im.folders[c]; !reached {
			return ImportPlan{}, &InvalidError{Field: "compartment", Problem: "is locked"}
		}
		folder := n.Folder
		if n.Kind == KindFolder {
			folder = cleanName(n.Name)
		}
		one := PlannedImport{Kind: n.Kind, Compartment: c, There: im.there[im.keys[i]]}
		if n.Kind == KindFolder {
			one.There = im.folders[c][folder]
		}
		if one.There.IsZero() && n.Kind != KindFolder && !soon[im.keys[i]] {
			soon[im.keys[i]] = true
			one.New = true
			p.New++
			items++
			p.Bytes += n.size()
		} else {
			p.There++
		}
		if at := c.letter() + folder; folder != "" && one.There.IsZero() && im.folders[c][folder].IsZero() && !made[at] {
			made[at] = true
			p.Folders = append(p.Folders, folder)
			p.Bytes += importRecord + int64(4*len(folder))
			if n.Kind == KindFolder {
				one.New = true
				p.New, p.There = p.New+1, p.There-1
			}
		}
		p.Items = append(p.Items, one)
	}
	count, err := t.count()
	if err == nil && count+items+len(p.Folders) > MaxItems {
		err = ErrTooMany
	}
	return p, err
}

// look finds what is there: by the keys of what came before, and by what an export of
// this vault would call each item.
func (im *importer) look(t *turn) error {
	im.there, im.folders = map[string]ItemID{}, map[Compartment]map[string]ItemID{}
	for _, c := range []Compartment{Shared, Private} {
		if _, reached := t.heads.indexes[c]; reached {
			im.folders[c] = map[string]ItemID{}
		}
	}
	all, err := t.all()
	if err != nil {
		return err
	}
	for _, l := range all {
		if l.err != nil {
			continue
		}
		it := l.record.item
		if !it.Binned.IsZero() {
			continue // who threw it away and brings it in again expects to have it
		}
		if it.Kind == KindFolder {
			im.folders[it.Compartment][it.Name] = it.ID
		}
		// N9: only what the person brought in is believed to be what it says; else a
		// worker could keep something out by naming another thing so.
		if f, ok := it.Origin.Former(); ok && it.Origin.By.Kind == ActorPerson {
			im.there[f.Key] = it.ID
		}
		if key, err := it.asImport(t.v.id); err == nil {
			im.there[key] = it.ID
		}
	}
	return nil
}

// fresh looks again if anything was changed since: two imports of the same at once
// bring it in once.
func (im *importer) fresh(t *turn, c Compartment) (next map[Compartment]uint64, err error) {
	if err := errors.Join(t.asPerson(), im.source(t)); err != nil {
		return nil, err
	}
	next = map[Compartment]uint64{}
	same := true
	for at := range im.folders {
		ix, reached := t.heads.indexes[at]
		if !reached {
			return nil, &InvalidError{Field: "compartment", Problem: "is locked"}
		}
		next[at] = ix.version
		same = same && im.versions[at] == ix.version
	}
	next[c]++ // by this commit
	if same {
		return next, nil
	}
	return next, im.look(t)
}

// errThere: it is there already.
var errThere = errors.New("vault: it is there already")

// one takes one thing in. The zero id: it was there already.
func (im *importer) one(ctx context.Context, i int) (ItemID, error) {
	n := &im.items[i]
	it, c := n.item(), im.compartment(i)
	if im.has(i) {
		return ItemID{}, nil
	}
	var next map[Compartment]uint64
	var folder ItemID
	commit := func(t *turn, fill func() (*record, error)) (err error) {
		if next, err = im.fresh(t, c); err != nil {
			return err
		}
		if im.has(i) {
			return errThere
		}
		it.Folder = ItemID{} // of an attempt before
		if err := t.place(it, c); err != nil {
			return err
		}
		it.Changed = t.now
		it.Origin = Origin{By: t.v.actor, Channel: n.Former.channel(im.keys[i]), At: t.now}
		r, err := fill()
		if err != nil {
			return err
		}
		if folder, err = im.folder(t, n, c); err != nil {
			return err
		}
		it.Folder = folder
		if err := t.put(r); err != nil {
			return err
		}
		t.note(ActAdded, it, map[string]string{"kind": it.Kind.String(), "compartment": it.Compartment.String(), "for": "import"})
		return nil
	}
	var err error
	if n.Kind == KindDocument {
		err = im.document(ctx, n, it, commit)
	} else {
		err = im.v.do(ctx, func(t *turn) error {
			return commit(t, func() (*record, error) { return &record{item: it}, nil })
		})
	}
	if errors.Is(err, errThere) {
		return ItemID{}, nil
	}
	if err != nil {
		return ItemID{}, err
	}
	im.versions = next
	im.there[im.keys[i]] = it.ID
	if n.Kind == KindFolder {
		im.folders[c][it.Name] = it.ID
	} else if n.Folder != "" {
		im.folders[c][n.Folder] = folder
	}
	return it.ID, nil
}

func (im *importer) has(i int) bool {
	n := &im.items[i]
	if n.Kind == KindFolder {
		return !im.folders[im.compartment(i)][cleanName(n.Name)].IsZero()
	}
	return !im.there[im.keys[i]].IsZero()
}

// folder finds the folder of a thing, or makes it in the same commit.
func (im *importer) folder(t *turn, n *NewImport, c Compartment) (ItemID, error) {
	if n.Folder == "" || n.Kind == KindFolder {
		return ItemID{}, nil
	}
	if id, ok := im.folders[c][n.Folder]; ok {
		return id, nil
	}
	it := &Item{ID: newID(), Kind: KindFolder, Revision: 1, Name: n.Folder, Changed: t.now}
	it.Origin = Origin{By: t.v.actor, Channel: "import", At: t.now}
	if err := t.place(it, c); err != nil {
		return ItemID{}, err
	}
	t.note(ActAdded, it, map[string]string{"kind": it.Kind.String(), "compartment": it.Compartment.String(), "for": "import"})
	return it.ID, t.put(&record{item: it})
}

// document is reserve -> blob -> commit, as for every document.
func (im *importer) document(ctx context.Context, n *NewImport, it *Item, commit func(t *turn, fill func() (*record, error)) error) error {
	from, err := n.Open()
	if err != nil {
		return err
	}
	declared := n.Size
	if declared == 0 {
		declared = -1
	}
	u := im.v.newUpload(it.ID, 1, declared)
	_, err = im.v.deposit(ctx, u, from, func(t *turn) error { return errors.Join(t.asPerson(), im.source(t)) }, func(t *turn) (*Item, error) {
		return it, commit(t, func() (*record, error) {
			// What came is not what was verified before: somebody changed it meanwhile.
			if u.written != n.Size || !slices.Equal(u.digest, n.Digest) {
				return nil, &InvalidError{Field: "content", Problem: "is not what was announced"}
			}
			u.describe(t, it, it.Origin.Channel)
			if err := u.settle(t, u.part.Length); err != nil {
				return nil, err
			}
			return &record{item: it, parts: []part{u.part}, keys: [][]byte{u.key.Bytes()}}, nil
		})
	})
	return errors.Join(err, from.Close())
}
