package vault

import (
	"encoding/csv"
	"encoding/hex"
	"io"
	"strconv"
	"strings"
	"time"
)

// exportItem is one item in data/bundle.json: every field that the vault knows.
type exportItem struct {
	ID          ItemID             `json:"id"`
	Kind        string             `json:"kind"`
	Name        string             `json:"name"`
	Compartment string             `json:"compartment"`
	Folder      ItemID             `json:"folder"`
	FolderName  string             `json:"folderName,omitempty"`
	Revision    uint64             `json:"revision"`
	Changed     time.Time          `json:"changed"`
	Binned      *time.Time         `json:"binned,omitempty"`
	Origin      exportOrigin       `json:"origin"`
	Document    *exportDocument    `json:"document,omitempty"`
	Contact     *exportContact     `json:"contact,omitempty"`
	Appointment *exportAppointment `json:"appointment,omitempty"`
	Note        string             `json:"note,omitempty"`
}

type exportOrigin struct {
	By      Actor     `json:"by"`
	Channel string    `json:"channel"`
	At      time.Time `json:"at"`
	SHA256  string    `json:"sha256,omitempty"`
}

type exportDocument struct {
	File      string `json:"file"` // path in the bag; empty if it is damaged
	MediaType string `json:"mediaType"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
	Issued    Date   `json:"issued,omitempty"`
	Expires   Date   `json:"expires,omitempty"`
	Attested  string `json:"attested,omitempty"` // a JSON Web Token: docs/interop.md, "Seen the original"
}

type exportContact struct {
	Role    string   `json:"role,omitempty"`
	Phones  []string `json:"phones,omitempty"`
	Emails  []string `json:"emails,omitempty"`
	Address string   `json:"address,omitempty"`
	Note    string   `json:"note,omitempty"`
}

type exportAppointment struct {
	Start    time.Time `json:"start"`
	Local    string    `json:"local"` // as the person was told it
	Zone     string    `json:"zone"`
	AllDay   bool      `json:"allDay"`
	Duration int64     `json:"durationMilliseconds,omitempty"`
	Place    string    `json:"place,omitempty"`
	With     string    `json:"with,omitempty"`
	Note     string    `json:"note,omitempty"`
}

func (e *exporter) item(it *Item) exportItem {
	out := exportItem{
		ID: it.ID, Kind: it.Kind.String(), Name: it.Name, Compartment: it.Compartment.String(),
		Folder: it.Folder, FolderName: e.folders[it.Folder], Revision: it.Revision, Changed: it.Changed,
		Origin: exportOrigin{By: it.Origin.By, Channel: it.Origin.Channel, At: it.Origin.At, SHA256: hex.EncodeToString(it.Origin.Digest)},
	}
	if !it.Binned.IsZero() {
		out.Binned = &it.Binned
	}
	if d := it.Document; d != nil {
		out.Document = &exportDocument{File: e.files[it.ID], MediaType: d.MediaType, Size: d.Size, SHA256: hex.EncodeToString(d.Digest), Issued: d.Issued, Expires: d.Expires, Attested: d.Attested}
	}
	if c := it.Contact; c != nil {
		out.Contact = &exportContact{Role: c.Role, Phones: c.Phones, Emails: c.Emails, Address: c.Address, Note: c.Note}
	}
	if a := it.Appointment; a != nil {
		out.Appointment = &exportAppointment{Start: a.Start, Local: a.local(), Zone: a.Zone, AllDay: a.AllDay, Place: a.Place, With: a.With, Note: a.Note, Duration: a.Duration.Milliseconds()}
	}
	if it.Note != nil {
		out.Note = it.Note.Text
	}
	return out
}

// local writes the start as on a wall clock in the appointment's own zone.
func (a *Appointment) local() string {
	zone, err := time.LoadLocation(a.Zone)
	if err != nil {
		zone = time.UTC
	}
	if a.AllDay {
		return a.Start.In(zone).Format(time.DateOnly)
	}
	return a.Start.In(zone).Format("2006-01-02 15:04")
}

// tables writes a table for each kind of item.
func (e *exporter) tables() error {
	rows := map[string][][]string{
		"documents":    {{"name", "file", "folder", "compartment", "mediaType", "size", "sha256", "issued", "expires", "deposited", "by", "binned"}},
		"contacts":     {{"name", "role", "phones", "emails", "address", "note", "compartment", "binned"}},
		"appointments": {{"name", "local", "zone", "allDay", "start", "duration", "place", "with", "note", "compartment", "binned"}},
		"notes":        {{"name", "text", "compartment", "binned"}},
		"folders":      {{"name", "compartment", "binned"}},
	}
	for _, r := range e.items {
		x := e.item(r.item)
		binned := ""
		if x.Binned != nil {
			binned = x.Binned.Format(time.RFC3339)
		}
		switch {
		case x.Document != nil:
			d := x.Document
			rows["documents"] = append(rows["documents"], []string{x.Name, d.File, x.FolderName, x.Compartment, d.MediaType,
				strconv.FormatInt(d.Size, 10), d.SHA256, string(d.Issued), string(d.Expires), x.Origin.At.Format(time.RFC3339), x.Origin.by(), binned})
		case x.Contact != nil:
			c := x.Contact
			rows["contacts"] = append(rows["contacts"], []string{x.Name, c.Role, strings.Join(c.Phones, "; "), strings.Join(c.Emails, "; "), c.Address, c.Note, x.Compartment, binned})
		case x.Appointment != nil:
			a := x.Appointment
			duration := ""
			if a.Duration > 0 {
				duration = (time.Duration(a.Duration) * time.Millisecond).String()
			}
			rows["appointments"] = append(rows["appointments"], []string{x.Name, a.Local, a.Zone, strconv.FormatBool(a.AllDay),
				a.Start.Format(time.RFC3339), duration, a.Place, a.With, a.Note, x.Compartment, binned})
		case r.item.Kind == KindNote:
			rows["notes"] = append(rows["notes"], []string{x.Name, x.Note, x.Compartment, binned})
		default:
			rows["folders"] = append(rows["folders"], []string{x.Name, x.Compartment, binned})
		}
	}
	for _, name := range []string{"documents", "contacts", "appointments", "notes", "folders"} {
		if err := e.csv("data/"+name+".csv", rows[name]); err != nil {
			return err
		}
	}
	return nil
}

func (o exportOrigin) by() string {
	if o.By.Name != "" {
		return o.By.Name + " (" + o.By.Organisation + ")"
	}
	return string(o.By.Kind)
}

// csv writes RFC 4180 with a byte order mark, without which spreadsheets take
// the text for another encoding.
func (e *exporter) csv(name string, rows [][]string) error {
	return e.write(name, e.now, func(w io.Writer) error {
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return err
		}
		c := csv.NewWriter(w)
		c.UseCRLF = true
		for _, row := range rows {
			for i := range row {
				row[i] = harmlessCell(row[i])
			}
			if err := c.Write(row); err != nil {
				return err
			}
		}
		c.Flush()
		return c.Error()
	})
}

// harmlessCell keeps a spreadsheet from running a name as a formula (OWASP "CSV
// injection", G6): such a cell begins with an apostrophe. Phone numbers are left
// as they are; bundle.json has every text exactly.
func harmlessCell(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return s
	}
	if s[0] == '+' && strings.Trim(s[1:], "0123456789 .-();+") == "" {
		return s
	}
	return "'" + s
}

type exportEntry struct {
	Number  uint64            `json:"number"`
	At      time.Time         `json:"at"`
	Actor   Actor             `json:"actor"`
	Act     Act               `json:"act"`
	Purpose string            `json:"purpose,omitempty"`
	Item    ItemID            `json:"item"`
	Name    string            `json:"name,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
}

// journal writes the whole journal, newest first, verified along its chain.
func (e *exporter) journal() error {
	entries, err := e.v.wholeJournal(e.ctx, e.from)
	if err := e.damage("journal.json", err); err != nil { // what is above the break is there
		return err
	}
	list := []exportEntry{}
	rows := [][]string{{"number", "at", "who", "what", "why", "name", "detail"}}
	for _, x := range entries {
		list = append(list, exportEntry(x))
		o := exportOrigin{By: x.Actor}
		rows = append(rows, []string{strconv.FormatUint(x.Number, 10), x.At.Format(time.RFC3339), o.by(), string(x.Act), x.Purpose, x.Name, detailText(x.Detail)})
	}
	if err := e.json("data/journal.json", list); err != nil {
		return err
	}
	return e.csv("data/journal.csv", rows)
}
