package vault

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"reconnect.example/quota"
)

// ListOptions chooses among the items within reach.
type ListOptions struct {
	Kind        Kind        // zero: every kind
	Compartment Compartment // zero: both. Nothing of the other is opened
	Folder      *ItemID     // nil: every folder; a zero id: the top
	Binned      bool        // what lies in the bin, instead of what does not
	Items       []ItemID    // these alone, and nothing else is opened; nil: every one
}

func (o *ListOptions) takes(it *Item) bool {
	return (o.Kind == 0 || o.Kind == it.Kind) &&
		(o.Compartment == 0 || o.Compartment == it.Compartment) &&
		(o.Folder == nil || *o.Folder == it.Folder) &&
		o.Binned == !it.Binned.IsZero()
}

// Item returns one item. It is a line in the journal.
func (v *Vault) Item(ctx context.Context, id ItemID) (Item, error) {
	var out Item
	err := v.do(ctx, func(t *turn) error {
		r, err := t.find(id)
		if err != nil {
			return err
		}
		out = *r.item
		t.note(ActRead, r.item, map[string]string{"kind": r.item.Kind.String()})
		return nil
	})
	return out, err
}

// List returns the items that opts chooses (nil: everything outside the bin),
// by name. It is one line in the journal. If some were altered or are missing,
// the others are returned together with an error that names each (see [Vault.Items]
// to have them one by one).
func (v *Vault) List(ctx context.Context, opts *ListOptions) ([]Item, error) {
	o := ListOptions{}
	if opts != nil {
		o = *opts
	}
	all, err := v.list(ctx, &o)
	if err != nil {
		return nil, err
	}
	var out []Item
	var problems []error
	for _, l := range all {
		if l.err != nil {
			problems = append(problems, l.err)
			continue
		}
		out = append(out, *l.record.item)
	}
	return out, errors.Join(problems...)
}

// Items yields everything within reach, also what lies in the bin, by name. An
// item that the store altered or lost is yielded as its id alone with an error
// that wraps ErrTampered, and the rest follows. It is one line in the journal.
func (v *Vault) Items(ctx context.Context) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		all, err := v.list(ctx, nil)
		if err != nil {
			yield(Item{}, err)
			return
		}
		for _, l := range all {
			it := Item{ID: l.id}
			if l.err == nil {
				it = *l.record.item
			}
			if !yield(it, l.err) {
				return
			}
		}
	}
}

// list loads what o chooses, nil for everything, also what lies in the bin.
func (v *Vault) list(ctx context.Context, o *ListOptions) ([]loaded, error) {
	var out []loaded
	err := v.do(ctx, func(t *turn) (err error) {
		switch {
		case o == nil:
			out, err = t.all()
		case o.Items != nil:
			out, err = t.some(o.Items)
		case o.Compartment != 0:
			out, err = t.allOf(o.Compartment)
		default:
			out, err = t.all()
		}
		if err != nil {
			return err
		}
		out = slices.DeleteFunc(out, func(l loaded) bool { return o != nil && l.err == nil && !o.takes(l.record.item) })
		sortByName(out)
		t.note(ActListed, nil, map[string]string{"count": strconv.Itoa(len(out))})
		return nil
	})
	return out, err
}

func sortByName(all []loaded) {
	slices.SortStableFunc(all, func(a, b loaded) int { return strings.Compare(a.name(), b.name()) })
}

func (l loaded) name() string {
	if l.err != nil {
		return ""
	}
	return strings.ToLower(l.record.item.Name)
}

// Counts says how many there are outside the bin.
type Counts struct {
	Documents, Folders, Contacts, Appointments, Notes int
	Private                                           int // of all of them without folders
	Binned                                            int
	Damaged                                           int // altered by the store, or missing
}

func (c *Counts) add(l loaded) {
	if l.err != nil {
		c.Damaged++
		return
	}
	it := l.record.item
	if !it.Binned.IsZero() {
		c.Binned++
		return
	}
	switch it.Kind {
	case KindDocument:
		c.Documents++
	case KindFolder:
		c.Folders++
	case KindContact:
		c.Contacts++
	case KindAppointment:
		c.Appointments++
	case KindNote:
		c.Notes++
	}
	if it.Kind != KindFolder && it.Compartment == Private {
		c.Private++
	}
}

// NoticeCode is something that the person should know at the first screen, as a
// stable code that pages put into words.
type NoticeCode string

// The notices of an overview.
const (
	// NoticeWitnessAway: the witness does not answer; what it protects against is
	// not checked, and changes of secrets must wait.
	NoticeWitnessAway NoticeCode = "witness-away"
	// NoticeDamaged: the store altered or lost something; see Counts.Damaged.
	NoticeDamaged NoticeCode = "damaged"
	// NoticeClosing: the account is closed and will be erased at Overview.ErasedAt.
	NoticeClosing NoticeCode = "closing"
	// NoticeRestored: the service's store was set back to a backup: what was done
	// here after Overview.RestoredTo is gone. Shown until [Vault.ConfirmRestored].
	NoticeRestored NoticeCode = "restored"
	// NoticeDepositMissing: the store lost or altered what somebody had left before it
	// was taken in; see [Vault.MissingDeposits]. Shown until [Vault.ConfirmMissing].
	NoticeDepositMissing NoticeCode = "deposit-missing"
	// NoticeLeftByLink: strangers left something that the person has neither thrown away nor
	// said to be theirs to keep ([Vault.KeepLeft], [Vault.KeepLeftItem]).
	NoticeLeftByLink NoticeCode = "left-by-link"
)

// Overview is the situation of a person in one call.
type Overview struct {
	Counts   Counts
	Locked   int         // things that were private before a recovery that did not open them: see OpenLocked
	Space    quota.Usage // zero for a guest: it would tell the size of what is private
	Next     []Item      // the next appointments, soonest first, at most five
	Expiring []Item      // documents that have expired or will within 60 days, soonest first
	Notices  []NoticeCode
	ErasedAt time.Time // with NoticeClosing
	// RestoredTo is the instant of the backup, with NoticeRestored; zero if the
	// store altered the paper that says it.
	RestoredTo time.Time
	// UnseenSince is the beginning of the month of the sign-in before, with NoticeUnseen.
	UnseenSince time.Time
	// NoWayBack is set where no way back in is in force, though a relay follows that could
	// hold a half of one: who forgets the password now has nothing. False for a guest.
	NoWayBack bool
}

const (
	overviewNext   = 5
	expiresSoon    = 60 * 24 * time.Hour
	appointmentsOn = time.Hour // an appointment without a length is shown for so long after its start
)

// Overview returns what is there, what is next and what expires soon. It is one
// line in the journal.
func (v *Vault) Overview(ctx context.Context) (Overview, error) {
	var o Overview
	err := v.do(ctx, func(t *turn) error {
		o = Overview{}
		all, err := t.all()
		if err != nil {
			return err
		}
		for _, l := range all {
			o.Counts.add(l)
			if l.err == nil && l.record.item.Binned.IsZero() {
				o.pick(t.now, *l.record.item)
			}
		}
		if v.guest == nil { // what is used, less what is shared, is the size of Private
			if o.Space, err = v.service.cfg.Quota.Usage(t.tx, v.id.String()); err != nil {
				return err
			}
		}
		if t.away {
			o.Notices = append(o.Notices, NoticeWitnessAway)
		}
		if closing := t.heads.owner.Closing; closing != 0 {
			o.Notices, o.ErasedAt = append(o.Notices, NoticeClosing), time.UnixMilli(closing).UTC()
		}
		var restored *Restored
		var altered, lost bool
		var gaps []gap
		if v.guest == nil { // the person's to know
			if restored, altered, err = t.unconfirmed(); err != nil {
				return err
			}
			if gaps, lost, err = t.gaps(); err != nil {
				return err
			}
			if o.Locked, err = t.countLocked(); err != nil {
				return err
			}
			if o.NoWayBack, err = t.noWayBack(); err != nil {
				return err
			}
			left, err := t.leftToSee(all)
			if err != nil {
				return err
			}
			if left {
				o.Notices = append(o.Notices, NoticeLeftByLink)
			}
		}
		if len(gaps) > 0 {
			o.Notices = append(o.Notices, NoticeDepositMissing)
		}
		if restored != nil {
			o.Notices, o.RestoredTo = append(o.Notices, NoticeRestored), restored.Taken
		}
		if err := t.whileAway(&o); err != nil {
			return err
		}
		if o.Counts.Damaged > 0 || altered || lost {
			o.Notices = append(o.Notices, NoticeDamaged)
		}
		t.note(ActViewed, nil, nil)
		return nil
	})
	slices.SortFunc(o.Next, func(a, b Item) int { return a.Appointment.Start.Compare(b.Appointment.Start) })
	o.Next = o.Next[:min(len(o.Next), overviewNext)]
	slices.SortFunc(o.Expiring, func(a, b Item) int { return cmp.Compare(a.Document.Expires, b.Document.Expires) })
	return o, err
}

func (o *Overview) pick(now time.Time, it Item) {
	if it.Appointment != nil && it.Appointment.end().After(now) {
		o.Next = append(o.Next, it)
	}
	if it.Document != nil && it.Document.Expires != "" {
		if day, ok := it.Document.Expires.Time(time.UTC); ok && day.Before(now.Add(expiresSoon)) {
			o.Expiring = append(o.Expiring, it)
		}
	}
}

// end is when an appointment is over: an all-day one at the end of its day
// where it takes place.
func (a *Appointment) end() time.Time {
	if a.AllDay {
		zone, err := time.LoadLocation(a.Zone)
		if err != nil {
			zone = time.UTC
		}
		y, m, d := a.Start.In(zone).Date()
		return time.Date(y, m, d+1, 0, 0, 0, 0, zone)
	}
	if a.Duration == 0 {
		return a.Start.Add(appointmentsOn)
	}
	return a.Start.Add(a.Duration)
}

// Login returns the login of this vault, to be shown or printed for its holder.
func (v *Vault) Login(ctx context.Context) (login string, err error) {
	return v.readLogin(ctx, func(t *turn) { t.note(ActAccountRead, nil, nil) })
}

// readLogin is Login for the service's own use, without a line if note is nil.
func (v *Vault) readLogin(ctx context.Context, note func(t *turn)) (login string, err error) {
	err = v.do(ctx, func(t *turn) (err error) {
		if login, err = t.login(); err == nil && note != nil {
			note(t)
		}
		return err
	})
	return login, err
}

// Consents returns the notices that were shown and agreed to (FR-10).
func (v *Vault) Consents(ctx context.Context) (out []Consent, err error) {
	err = v.do(ctx, func(t *turn) (err error) {
		t.note(ActAccountRead, nil, nil)
		out, err = t.consents()
		return err
	})
	return out, err
}
