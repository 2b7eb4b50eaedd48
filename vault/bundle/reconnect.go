package bundle

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"reconnect.example/vault"
)

// What people take away from Reconnect: the tree of their papers in Documents/, and
// tables whose first line names the columns, in any order: nom, prenom, telephone, email,
// contenu, date, lieu, commentaire, bPrive, createdAt. Days are d/m/Y, truth is True or
// False.
const (
	reconnectPapers   = "Documents/"
	reconnectContacts = "Contact.csv"
	reconnectNotes    = "Note.csv"
	reconnectEvents   = "Evenement.csv"

	mostCells = 200 * vault.MaxItems
)

func isReconnect(all *files) bool {
	for _, name := range []string{reconnectContacts, reconnectNotes, reconnectEvents} {
		if all.byPath[name] != nil {
			return true
		}
	}
	for _, f := range all.list {
		if !strings.HasPrefix(f.path, reconnectPapers) {
			return false
		}
	}
	return len(all.list) > 0
}

func (b *Bundle) openReconnect(ctx context.Context, all *files) error {
	b.Format = "reconnect"
	for _, table := range []struct {
		name string
		take func(row map[string]string) vault.NewImport
	}{{reconnectContacts, b.contactRow}, {reconnectNotes, b.noteRow}, {reconnectEvents, b.eventRow}} {
		f := all.byPath[table.name]
		if f == nil {
			continue
		}
		raw, err := f.read(all.limits)
		if err != nil {
			return err
		}
		rows, ok := readTable(raw)
		if !ok || len(rows) > vault.MaxItems {
			return &FileError{File: f.path, Number: f.number, Err: ErrDamaged}
		}
		for _, row := range rows {
			n := table.take(row)
			n.Private = !isFalse(row["bprive"]) // what does not say that it is shared is not
			n.Former.Format = b.Format
			n.Former.Item = table.name + "\x00" + n.Name + "\x00" + row["createdat"]
			n.Former.At, _ = parseDay(row["createdat"], b.opts.Zone)
			b.things = append(b.things, n)
		}
	}
	for _, f := range all.list {
		top := !strings.HasPrefix(f.path, reconnectPapers)
		if top && f.path != reconnectContacts && f.path != reconnectNotes && f.path != reconnectEvents && !litter(f.path) {
			b.remark(RemarkSkipped, f.path)
		}
	}
	return b.fromFiles(ctx, all.within(reconnectPapers), nil)
}

func isFalse(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "false", "faux", "0", "non":
		return true
	}
	return false
}

// readTable reads a table whatever program has written or saved it since: with commas,
// semicolons or tabs, in UTF-8 or as Windows writes in France. Names of columns are
// folded to small letters. false: it is none.
func readTable(raw []byte) (rows []map[string]string, ok bool) {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if !utf8.Valid(raw) {
		var err error
		if raw, err = charmap.Windows1252.NewDecoder().Bytes(raw); err != nil {
			return nil, false
		}
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, true
	}
	header, _, _ := bytes.Cut(bytes.TrimLeft(raw, "\r\n"), []byte("\n"))
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord, r.LazyQuotes, r.Comma = -1, true, ','
	for _, c := range ";\t" {
		if bytes.Count(header, []byte(string(c))) > bytes.Count(header, []byte(string(r.Comma))) {
			r.Comma = c
		}
	}
	if bytes.Count(raw, []byte(string(r.Comma))) > mostCells {
		return nil, false // each is many times as long in memory
	}
	columns, err := r.Read()
	if err != nil {
		return nil, false
	}
	known := 0
	for i, c := range columns {
		columns[i] = strings.ToLower(strings.TrimSpace(c))
		if strings.Contains(" nom prenom telephone email contenu date lieu commentaire bprive createdat ", " "+columns[i]+" ") {
			known++
		}
	}
	if known == 0 {
		return nil, false
	}
	for len(rows) <= vault.MaxItems {
		line, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, false
		}
		row, any := map[string]string{}, false
		for i, value := range line {
			if i < len(columns) && row[columns[i]] == "" {
				row[columns[i]] = clean(value, true)
				any = any || strings.TrimSpace(value) != ""
			}
		}
		if any {
			rows = append(rows, row)
		}
	}
	return rows, true
}

// clean leaves what is text.
func clean(s string, lines bool) string {
	return strings.Map(func(r rune) rune {
		if lines && (r == '\n' || r == '\t') {
			return r
		}
		if unicode.IsControl(r) {
			if r == '\r' {
				return -1
			}
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

func (b *Bundle) contactRow(row map[string]string) vault.NewImport {
	c := &vault.Contact{Note: b.fit(joined(row["commentaire"], row["contenu"]), vault.MaxNote)}
	c.Phones, c.Emails = b.list(c, row["telephone"]), b.list(c, row["email"])
	name := joinedBy(" ", row["prenom"], row["nom"])
	for _, other := range append(c.Phones, c.Emails...) {
		if name == "" {
			name = other
		}
	}
	return vault.NewImport{Kind: vault.KindContact, Name: b.named(name, c.Note), Contact: c}
}

// list are the numbers of a cell, which may hold several.
func (b *Bundle) list(c *vault.Contact, cell string) (out []string) {
	for one := range strings.FieldsFuncSeq(cell, func(r rune) bool { return strings.ContainsRune(";,\n", r) }) {
		if one = b.fit(one, vault.MaxName); one == "" {
			continue
		}
		out = append(out, one)
	}
	return b.most(c, out)
}

// most are as many as a contact takes; the rest goes into the note.
func (b *Bundle) most(c *vault.Contact, all []string) []string {
	const most = 10
	if len(all) <= most {
		return all
	}
	c.Note = b.fit(joined(c.Note, strings.Join(all[most:], "\n")), vault.MaxNote)
	return all[:most]
}

func (b *Bundle) noteRow(row map[string]string) vault.NewImport {
	text := b.fit(joined(row["contenu"], row["commentaire"]), vault.MaxNote)
	return vault.NewImport{Kind: vault.KindNote, Name: b.named(row["nom"], text), Note: &vault.Note{Text: text}}
}

func (b *Bundle) eventRow(row map[string]string) vault.NewImport {
	name := b.named(joinedBy(" ", row["prenom"], row["nom"]), row["lieu"])
	note := b.fit(joined(row["commentaire"], row["contenu"], row["telephone"], row["email"]), vault.MaxNote)
	start, ok := parseDay(row["date"], b.opts.Zone)
	if !ok {
		b.remark(RemarkNoDate, name)
		return vault.NewImport{Kind: vault.KindNote, Name: name, Note: &vault.Note{Text: b.fit(joined(row["date"], row["lieu"], note), vault.MaxNote)}}
	}
	a := &vault.Appointment{Start: start, Zone: b.opts.Zone.String(), AllDay: !strings.Contains(row["date"], ":"), Place: b.fit(row["lieu"], vault.MaxText), Note: note}
	if a.AllDay {
		b.remark(RemarkAllDay, name)
	}
	return vault.NewImport{Kind: vault.KindAppointment, Name: name, Appointment: a}
}

// parseDay reads the day, and the hour if there is one.
func parseDay(s string, zone *time.Location) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, form := range []string{"2/1/2006", "2/1/2006 15:04", "2/1/2006 15:04:05", time.DateOnly, time.DateTime, time.RFC3339} {
		if t, err := time.ParseInLocation(form, s, zone); err == nil && t.Year() >= 1900 && t.Year() <= 2200 {
			return t, true
		}
	}
	return time.Time{}, false
}

// named is a name, or what comes nearest.
func (b *Bundle) named(name, other string) string {
	if name = b.fit(name, vault.MaxName); name != "" {
		return name
	}
	first, _, _ := strings.Cut(strings.TrimSpace(other), "\n")
	if r := []rune(clean(first, false)); len(r) > 60 {
		first = string(r[:60])
	}
	if first = strings.TrimSpace(clean(first, false)); first != "" {
		return first
	}
	return "—"
}

func joined(parts ...string) string { return joinedBy("\n", parts...) }

func joinedBy(with string, parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, with)
}
