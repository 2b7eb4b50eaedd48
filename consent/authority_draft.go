package consent

import (
	"slices"

	"reconnect.example/vault"
)

// draft is a directory that is being changed. An entry keeps its place for ever, so
// that a change writes few pages.
type draft struct {
	entries  []entry
	partners []*Partner
	place    map[entryKey]int
}

// entryKey says what an entry is about.
type entryKey struct {
	kind   byte // 'o', 'r', 'l'
	id     [16]byte
	number string // of a licence
}

func (e entry) key() entryKey {
	switch {
	case e.Organisation != nil:
		return entryKey{kind: 'o', id: e.Organisation.ID}
	case e.Relay != nil:
		return entryKey{kind: 'r', id: e.Relay.ID}
	}
	return entryKey{kind: 'l', id: e.Licence.Relay, number: e.Licence.Number}
}

func newDraft(on *DirectoryState) *draft {
	d := &draft{entries: slices.Clone(on.entries), partners: slices.Clone(on.partners), place: make(map[entryKey]int, len(on.entries))}
	for n, e := range d.entries {
		d.place[e.key()] = n
	}
	return d
}

// apply makes one change.
func (d *draft) apply(c Change) error {
	set := 0
	for _, there := range []bool{c.Organisation != nil, c.Relay != nil, c.Licence != nil, c.WithdrawOrganisation != nil, c.WithdrawRelay != nil, c.WithdrawLicence != nil, c.Partner != nil, c.WithdrawPartner != nil} {
		if there {
			set++
		}
	}
	if set != 1 {
		return invalid("change", "must say exactly one thing")
	}
	switch {
	case c.Partner != nil:
		return d.setPartner(c.Partner.clean())
	case c.WithdrawPartner != nil:
		return d.withdrawPartner(*c.WithdrawPartner, c.On)
	case c.WithdrawOrganisation != nil:
		return d.withdraw(entryKey{kind: 'o', id: *c.WithdrawOrganisation}, c.On)
	case c.WithdrawRelay != nil:
		return d.withdraw(entryKey{kind: 'r', id: *c.WithdrawRelay}, c.On)
	case c.WithdrawLicence != nil:
		return d.withdraw(entryKey{kind: 'l', id: c.WithdrawLicence.Relay, number: cleanText(c.WithdrawLicence.Number)}, c.On)
	}
	e := entry{Organisation: c.Organisation.clean(), Relay: c.Relay.clean(), Licence: c.Licence.clean()}
	if r := e.Relay; r != nil && !slices.Contains(relayTypes, r.Type) {
		return invalid("relay.type", "is none of %v", relayTypes)
	}
	if err := e.check(); err != nil { // here it can be said which field
		return err
	}
	n, there := d.place[e.key()]
	if !there {
		n = len(d.entries)
		d.place[e.key()], d.entries = n, append(d.entries, e)
	}
	d.entries[n] = e
	return nil
}

// withdraw marks an entry, and with an organisation its relays; none is ever removed.
func (d *draft) withdraw(what entryKey, on vault.Date) error {
	if err := checkDate("on", on, true); err != nil {
		return err
	}
	n, there := d.place[what]
	if !there {
		return ErrNotNamed
	}
	d.entries[n] = d.entries[n].withdrawn(on)
	if what.kind != 'o' {
		return nil
	}
	for n, e := range d.entries {
		if e.Relay != nil && e.Relay.Organisation == what.id {
			d.entries[n] = e.withdrawn(on)
		}
	}
	for n, p := range d.partners {
		if p.Organisation == what.id {
			d.partners[n] = p.withdrawn(on)
		}
	}
	return nil
}

// withdrawn is the entry with a mark. What is marked already keeps its day.
func (e entry) withdrawn(on vault.Date) entry {
	switch {
	case e.Organisation != nil:
		o := *e.Organisation
		o.Withdrawn = first(o.Withdrawn, on)
		return entry{Organisation: &o}
	case e.Relay != nil:
		r := e.Relay.clone()
		r.Withdrawn = first(r.Withdrawn, on)
		return entry{Relay: &r}
	}
	l := *e.Licence
	l.Withdrawn = first(l.Withdrawn, on)
	return entry{Licence: &l}
}

func first(withdrawn, on vault.Date) vault.Date {
	if withdrawn != "" {
		return withdrawn
	}
	return on
}

func (o *Organisation) clean() *Organisation {
	if o == nil {
		return nil
	}
	c := *o
	c.Name = cleanText(o.Name)
	return &c
}

func (r *Relay) clean() *Relay {
	if r == nil {
		return nil
	}
	c := r.clone()
	c.Name, c.Place, c.Contact = cleanText(r.Name), cleanText(r.Place), cleanText(r.Contact)
	return &c
}

func (l *Licence) clean() *Licence {
	if l == nil {
		return nil
	}
	c := *l
	c.Number, c.Payer = cleanText(l.Number), cleanText(l.Payer)
	return &c
}
