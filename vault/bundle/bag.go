package bundle

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"reconnect.example/vault"
)

// manifest reads a list of digests (RFC 8493, 2.1.3).
func manifest(f *file, all *files) (map[string]string, error) {
	raw, err := f.read(all.limits)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		m := manifestLine.FindStringSubmatch(line)
		if m == nil {
			return nil, &FileError{File: f.path, Number: f.number, Err: ErrDamaged}
		}
		p := strings.NewReplacer("%0D", "\r", "%0d", "\r", "%0A", "\n", "%0a", "\n", "%25", "%").Replace(m[2])
		if !all.checkPath(p) {
			return nil, &FileError{File: p, Err: ErrPath}
		}
		if _, twice := out[p]; twice || len(out) >= all.limits.Entries {
			return nil, &FileError{File: f.path, Number: f.number, Err: ErrDamaged}
		}
		out[p] = strings.ToLower(m[1])
	}
	return out, nil
}

var manifestLine = regexp.MustCompile(`^([0-9A-Fa-f]{64})[ \t]+\*?(\S.*)$`)

const (
	payloadList = "manifest-sha256.txt"
	tagList     = "tagmanifest-sha256.txt"
	itemsFile   = "data/bundle.json"
)

// openBag reads a bag: each file is held against its digest, and every one that is
// damaged, missing or was added is named.
func (b *Bundle) openBag(ctx context.Context, all *files) error {
	if err := later(all); err != nil {
		return err
	}
	own := all.byPath[itemsFile] != nil || all.byPath["bundle.schema.json"] != nil
	lists := map[string]map[string]string{}
	for _, name := range []string{payloadList, tagList} {
		f := all.byPath[name]
		if f == nil && (own || name == payloadList) {
			return &FileError{File: name, Err: ErrMissing} // it broke off, or is of another kind
		}
		if f != nil {
			listed, err := manifest(f, all)
			if err != nil {
				return err
			}
			lists[name] = listed
		}
	}
	sums, err := checkFiles(ctx, all, lists)
	if err != nil {
		return err
	}
	if f := all.byPath[itemsFile]; f != nil {
		return b.readItems(ctx, f, all, lists[payloadList])
	}
	if own {
		return &FileError{File: itemsFile, Err: ErrMissing}
	}
	b.Format = "bag"
	return b.fromFiles(ctx, all.within("data/"), sums)
}

// sniffed is what a file was found to be.
type sniffed struct {
	sum       []byte
	mediaType string
}

func checkFiles(ctx context.Context, all *files, lists map[string]map[string]string) (map[string]sniffed, error) {
	var wrong faults
	for _, list := range lists {
		for p := range list {
			if all.byPath[p] == nil {
				wrong.add(&FileError{File: p, Err: ErrMissing})
			}
		}
	}
	sums := map[string]sniffed{}
	for _, f := range all.list {
		payload := strings.HasPrefix(f.path, "data/")
		list := lists[payloadList]
		if !payload {
			list = lists[tagList]
		}
		want, listed := list[f.path]
		switch {
		case f.path == tagList || !payload && list == nil:
			continue
		case !listed:
			wrong.add(&FileError{File: f.path, Number: f.number, Err: ErrExtra})
			continue
		}
		sum, mediaType, err := f.digest(ctx)
		var one *FileError
		switch {
		case errors.As(err, &one):
			wrong.add(err)
		case err != nil:
			return nil, err
		case hex.EncodeToString(sum) != want:
			wrong.add(&FileError{File: f.path, Number: f.number, Err: ErrDamaged})
		}
		sums[strings.TrimPrefix(f.path, "data/")] = sniffed{sum, mediaType}
	}
	return sums, wrong.err()
}

// later refuses what a later version wrote, before the rest is judged by rules of today.
func later(all *files) error {
	f := all.byPath[itemsFile]
	if f == nil {
		return nil
	}
	raw, err := f.read(all.limits)
	if err != nil {
		return err
	}
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if json.Unmarshal(raw, &head) == nil && head.Format == "reconnect-bundle" && head.Version > 1 {
		return ErrVersion
	}
	return nil
}

// items is data/bundle.json, as far as it is taken in.
type items struct {
	Format   string    `json:"format"`
	Version  int       `json:"version"`
	Vault    string    `json:"vault"`
	Made     time.Time `json:"made"`
	Complete bool      `json:"complete"`
	Damaged  []struct {
		Name string `json:"name"`
	} `json:"damaged"`
	Items itemList `json:"items"`
}

// itemList stops behind as many as a vault takes: two bytes of a list are half a kilobyte
// of items.
type itemList []item

// UnmarshalJSON reads one more than MaxItems at most.
func (l *itemList) UnmarshalJSON(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('[') {
		return ErrNotBundle
	}
	for *l = nil; dec.More() && len(*l) <= vault.MaxItems; {
		var one item
		if err := dec.Decode(&one); err != nil {
			return err
		}
		*l = append(*l, one)
	}
	return nil
}

type item struct {
	ID          string     `json:"id"`
	Kind        string     `json:"kind"`
	Name        string     `json:"name"`
	Compartment string     `json:"compartment"`
	FolderName  string     `json:"folderName"`
	Binned      *time.Time `json:"binned"`
	Origin      struct {
		By      vault.Actor `json:"by"`
		Channel string      `json:"channel"`
		At      time.Time   `json:"at"`
	} `json:"origin"`
	Document *struct {
		File      string     `json:"file"`
		MediaType string     `json:"mediaType"`
		Size      int64      `json:"size"`
		SHA256    string     `json:"sha256"`
		Issued    vault.Date `json:"issued"`
		Expires   vault.Date `json:"expires"`
	} `json:"document"`
	Contact *struct {
		Role    string   `json:"role"`
		Phones  []string `json:"phones"`
		Emails  []string `json:"emails"`
		Address string   `json:"address"`
		Note    string   `json:"note"`
	} `json:"contact"`
	Appointment *struct {
		Start    time.Time `json:"start"`
		Zone     string    `json:"zone"`
		AllDay   bool      `json:"allDay"`
		Duration int64     `json:"durationMilliseconds"`
		Place    string    `json:"place"`
		With     string    `json:"with"`
		Note     string    `json:"note"`
	} `json:"appointment"`
	Note string `json:"note"`
}

func (b *Bundle) readItems(ctx context.Context, f *file, all *files, listed map[string]string) error {
	raw, err := f.read(all.limits)
	if err != nil {
		return err
	}
	var in items
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&in); err != nil || in.Format != "reconnect-bundle" || in.Version != 1 {
		return &FileError{File: f.path, Number: f.number, Err: ErrNotBundle}
	}
	if len(in.Items) > vault.MaxItems {
		return ErrTooMany
	}
	from, err := vault.ParseID(in.Vault)
	if err != nil {
		return &FileError{File: f.path, Number: f.number, Err: ErrNotBundle}
	}
	b.Format, b.Made, b.Complete = "reconnect-bundle", in.Made, in.Complete
	for _, d := range in.Damaged {
		b.Damaged = append(b.Damaged, d.Name)
	}
	var wrong faults
	used := map[string]bool{}
	for _, it := range in.Items {
		if d := it.Document; d != nil && d.File != "" {
			used[d.File] = true
			f := all.byPath[d.File]
			if f == nil {
				wrong.add(&FileError{File: d.File, Err: ErrMissing})
				continue
			}
			if f.size != d.Size || listed[d.File] != d.SHA256 {
				wrong.add(&FileError{File: d.File, Number: f.number, Err: ErrDamaged})
				continue
			}
		}
		b.addItem(it, from, all)
	}
	for _, f := range all.list {
		if strings.HasPrefix(f.path, "data/documents/") && !used[f.path] {
			wrong.add(&FileError{File: f.path, Number: f.number, Err: ErrExtra})
		}
	}
	return errors.Join(wrong.err(), ctx.Err())
}

// addItem takes one item of a bundle for what it says that it is.
func (b *Bundle) addItem(it item, from vault.ID, all *files) {
	n := vault.NewImport{Name: it.Name, Folder: it.FolderName, Private: it.Compartment != vault.Shared.String()}
	n.Former = vault.Former{Format: "reconnect-bundle", Vault: from, Item: it.ID, At: it.Origin.At, Channel: it.Origin.Channel, By: by(it.Origin.By)}
	// It has moved before: it is known by its first name. N9: if the person moved it, else a
	// worker could keep out what they name so.
	if was, ok := vault.ParseFormer(it.Origin.Channel); ok && it.Origin.By.Kind == vault.ActorPerson {
		n.Former.Key, n.Former.Channel, n.Former.At = was.Key, was.Channel, was.At
		if was.By != "" {
			n.Former.By = was.By
		}
	}
	switch {
	case it.Binned != nil:
		b.remark(RemarkBin, it.Name)
		return
	case it.Kind == "folder":
		n.Kind, n.Folder = vault.KindFolder, ""
	case it.Kind == "document" && it.Document != nil:
		d := it.Document
		if d.File == "" {
			b.remark(RemarkDamagedBefore, it.Name)
			return
		}
		sum, _ := hex.DecodeString(d.SHA256)
		n.Kind, n.MediaType, n.Size, n.Digest, n.Issued, n.Expires = vault.KindDocument, d.MediaType, d.Size, sum, d.Issued, d.Expires
		n.Open = all.byPath[d.File].open
	case it.Kind == "contact" && it.Contact != nil:
		c := it.Contact
		n.Kind, n.Contact = vault.KindContact, &vault.Contact{Role: c.Role, Phones: c.Phones, Emails: c.Emails, Address: c.Address, Note: c.Note}
	case it.Kind == "appointment" && it.Appointment != nil:
		a := it.Appointment
		n.Kind = vault.KindAppointment
		n.Appointment = &vault.Appointment{Start: a.Start, Zone: a.Zone, AllDay: a.AllDay, Duration: time.Duration(a.Duration) * time.Millisecond, Place: a.Place, With: a.With, Note: a.Note}
	case it.Kind == "note":
		n.Kind, n.Note = vault.KindNote, &vault.Note{Text: it.Note}
	default:
		b.remark(RemarkSkipped, it.Name)
		return
	}
	b.things = append(b.things, n)
}

func by(a vault.Actor) string {
	if a.Name == "" {
		return string(a.Kind)
	}
	if a.Organisation == "" {
		return a.Name
	}
	return a.Name + " (" + a.Organisation + ")"
}
