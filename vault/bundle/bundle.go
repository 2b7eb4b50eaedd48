package bundle

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"

	"reconnect.example/vault"
)

// Options say how something is read that was brought.
type Options struct {
	Limits Limits
	Secret Secret         // opens what is sealed with age
	Zone   *time.Location // in which hours and days are that name no zone; nil: Europe/Paris
	Name   string         // of the file, where the form has no names: for what is said of it
}

func (o *Options) orDefault() Options {
	out := Options{}
	if o != nil {
		out = *o
	}
	out.Limits = out.Limits.orDefault()
	if out.Zone == nil {
		if paris, err := time.LoadLocation("Europe/Paris"); err == nil {
			out.Zone = paris
		} else {
			out.Zone = time.UTC
		}
	}
	return out
}

// Bundle is something that was brought, read and checked to its end.
type Bundle struct {
	Format   string    // "reconnect-bundle", "reconnect", "bag", "folder", "vcard", "icalendar"
	Made     time.Time // zero: not known
	Complete bool      // false: something was damaged where it comes from; Damaged names it
	Damaged  []string
	Remarks  []Remark // what does not come in as it was, to be told

	opts   Options
	things []vault.NewImport
}

// Remark says what does not come in as it was.
type Remark struct {
	Code string // one of the Remark constants
	Name string // of what
}

// The codes of remarks.
const (
	RemarkAllDay        = "all-day"        // an appointment without an hour: it takes the whole day
	RemarkFlattened     = "flattened"      // a folder in a folder became one with both names
	RemarkBin           = "bin"            // it was in the bin, and stays behind
	RemarkDamagedBefore = "damaged-before" // it was damaged where it comes from, and is not there
	RemarkCut           = "cut"            // a text was too long for its field; the rest is in the note, if there is one
	RemarkRepeats       = "repeats"        // only the first of several dates
	RemarkZone          = "zone"           // a time zone that is not known; the hour was taken as it stands
	RemarkNoDate        = "no-date"        // a date that cannot be read: it became a note
	RemarkSkipped       = "skipped"        // it is of a kind that is not taken in
)

// mostRemarks bounds what is told.
const mostRemarks = 1000

func (b *Bundle) remark(code, name string) {
	if len(b.Remarks) < mostRemarks {
		b.Remarks = append(b.Remarks, Remark{code, name})
	}
}

// Len says how many things there are.
func (b *Bundle) Len() int { return len(b.things) }

// Plan is what an import would do.
type Plan struct {
	vault.ImportPlan
	Remarks []Remark
}

// Fits says whether there is room for it.
func (p *Plan) Fits() bool { return p.Bytes <= p.Left }

// Plan says what Import would do with a vault, and does nothing. Errors: those of
// [vault.Vault.PlanImport].
func (b *Bundle) Plan(ctx context.Context, v *vault.Vault, opts *vault.ImportOptions) (Plan, error) {
	p, err := v.PlanImport(ctx, b.things, opts)
	return Plan{ImportPlan: p, Remarks: b.Remarks}, err
}

// Import takes it in. Each thing is whole or not there; the same again brings what is
// missing and doubles nothing. Errors: those of [vault.Vault.Import].
func (b *Bundle) Import(ctx context.Context, v *vault.Vault, opts *vault.ImportOptions) (vault.Imported, error) {
	return v.Import(ctx, b.things, opts)
}

// Open reads something that was brought, whatever of the known forms it has: a bundle, a
// ZIP from Reconnect, a bag of others, a ZIP of files, contacts, appointments, or one of
// them sealed with age. Everything is read to its end and checked; r must stay until the
// import is done, and what changes until then is not taken in.
//
// Errors: those of this package, for each file that is wrong a FileError ([Named]), and
// then there is no bundle; those of r.
func Open(ctx context.Context, r io.ReaderAt, size int64, opts *Options) (*Bundle, error) {
	o := opts.orDefault()
	first := make([]byte, min(size, 512))
	if n, err := r.ReadAt(first, 0); err != nil && (err != io.EOF || n < len(first)) {
		return nil, err
	}
	if IsSealed(first) {
		inside, length, err := Unseal(r, size, o.Secret)
		if err != nil {
			return nil, err
		}
		o.Secret = Secret{}
		return Open(ctx, inside, length, &o) // sealed twice, it needs another secret: ErrSealed
	}
	b := &Bundle{opts: o, Complete: true}
	switch beginning(first) {
	case beginsZIP:
		all, err := openArchive(r, size, o.Limits)
		if err != nil {
			return nil, err
		}
		return b.opened(b.openFiles(ctx, all))
	case beginsCards:
		return b.opened(b.openCards(whole(r, size, o)))
	case beginsCalendar:
		return b.opened(b.openCalendar(whole(r, size, o)))
	}
	return nil, ErrNotBundle
}

// begins is one of the forms that [Open] tells apart.
type begins int

const (
	beginsUnknown begins = iota
	beginsZIP
	beginsCards
	beginsCalendar
)

func beginning(first []byte) begins {
	text := bytes.ToUpper(bytes.TrimLeft(bytes.TrimPrefix(first, []byte("\ufeff")), " \t\r\n"))
	switch {
	case bytes.HasPrefix(first, []byte("PK\x03\x04")), bytes.HasPrefix(first, []byte("PK\x05\x06")):
		return beginsZIP
	case bytes.HasPrefix(text, []byte("BEGIN:VCARD")):
		return beginsCards
	case bytes.HasPrefix(text, []byte("BEGIN:VCALENDAR")):
		return beginsCalendar
	}
	return beginsUnknown
}

// Begins says from the first 512 bytes of a file, or all of a shorter one, whether [Open]
// would look into it. Office files, which are ZIP files, are among these.
func Begins(first []byte) bool { return IsSealed(first) || beginning(first) != beginsUnknown }

func (b *Bundle) opened(err error) (*Bundle, error) {
	if err != nil {
		return nil, err
	}
	if len(b.things) > vault.MaxItems {
		return nil, ErrTooMany
	}
	return b, nil
}

// whole is the one file that a list is.
func whole(r io.ReaderAt, size int64, o Options) *file {
	return &file{number: 1, path: o.Name, size: size, open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(r, 0, size)), nil
	}}
}

// openFiles tells which of the forms that consist of files it is.
func (b *Bundle) openFiles(ctx context.Context, all *files) error {
	base := ""
	if all.byPath["bagit.txt"] == nil {
		base = all.top()
	}
	inside := all
	if base != "" {
		inside = all.within(base)
	}
	switch bag, found := all.bag(); {
	case found && bag != base: // something lies beside the bag, or was moved out of it
		var wrong faults
		for _, f := range all.list {
			if !strings.HasPrefix(f.path, bag) {
				wrong.add(&FileError{File: f.path, Number: f.number, Err: ErrExtra})
			}
		}
		return wrong.err()
	case inside.byPath["bagit.txt"] != nil:
		return b.openBag(ctx, inside)
	case inside.byPath[payloadList] != nil, inside.byPath[itemsFile] != nil, inside.byPath[tagList] != nil:
		return &FileError{File: "bagit.txt", Err: ErrMissing}
	case isReconnect(all):
		return b.openReconnect(ctx, all)
	case isReconnect(inside):
		return b.openReconnect(ctx, inside)
	}
	b.Format = "folder"
	return b.fromFiles(ctx, all, nil)
}
