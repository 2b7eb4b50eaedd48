package vault

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"reconnect.example/internal/safename"
)

// ExportOptions chooses what leaves. The zero value is everything.
//
// With a choice only the chosen items leave, with the folders that they lie in, and
// what lies in the bin only if it is named: account, journal and receipts are of the
// whole, and nobody's business who is given some papers.
type ExportOptions struct {
	Items          []ItemID // these alone; nil: every one. ErrNotFound, before the first byte, if one is not within reach
	Kinds          []Kind   // items of these kinds alone; nil: of every kind
	WithoutPrivate bool     // nothing of the private part
	// Receipts are JSON documents that go along as they are: those of package consent,
	// which this one does not know. With a choice they are left out.
	Receipts [][]byte
	// ReceiptsErr, an ErrTampered, is named with what is damaged: some receipts are not there.
	ReceiptsErr error
}

func (o *ExportOptions) chooses() bool { return o.Items != nil || o.Kinds != nil || o.WithoutPrivate }

func (o *ExportOptions) takes(it *Item) bool {
	named := slices.Contains(o.Items, it.ID)
	return (o.Items == nil || named) && (o.Kinds == nil || slices.Contains(o.Kinds, it.Kind)) &&
		!(o.WithoutPrivate && it.Compartment == Private) && (it.Binned.IsZero() || named || !o.chooses())
}

// Export writes everything within reach, or what opts chooses (nil: everything), as
// one bundle, in open formats, asking for nothing and nobody (FR-9, QC-1): a bag
// (BagIt, RFC 8493) in a ZIP. docs/bundle.md is its specification.
//
//	reconnect/bagit.txt                    that it is a bag
//	reconnect/LISEZMOI.txt                 what is where, in French and English
//	reconnect/bundle.schema.json           JSON Schema of data/bundle.json
//	reconnect/data/documents/<private|shared|bin>/<folder>/<name>   the original files, byte for byte
//	reconnect/data/contacts.vcf, data/appointments.ics   for a phone or a computer (RFC 6350, RFC 5545)
//	reconnect/data/journal.json, data/journal.csv        what happened
//	reconnect/data/account.json            login, notices and consents, space
//	reconnect/data/receipts/…              what the person agreed to, as opts gives it
//	reconnect/data/*.csv                   tables
//	reconnect/data/bundle.json             everything that is known of each item
//	reconnect/manifest-sha256.txt          SHA-256 of each file under data
//	reconnect/bag-info.txt                 how much there is
//	reconnect/tagmanifest-sha256.txt       SHA-256 of the others; last, so that its absence shows a broken export
//
// What waits in the inbox is taken in before. What lies in the bin comes too, under
// documents/bin. A document that the store altered or lost is named in bundle.json under
// "damaged" and left out; the rest is complete. The export as a whole is one line in the
// journal, durable before the first byte. Memory does not grow with the length of what is
// in the vault. If it ends with an error, there is no tagmanifest-sha256.txt.
//
// It is in clear: package vault/bundle seals it to a passphrase or a key. Errors:
// ErrNotAllowed to who is not the owner; ErrNotFound; the writer's own.
func (v *Vault) Export(ctx context.Context, w io.Writer, opts *ExportOptions) error {
	e := &exporter{v: v, ctx: ctx, zip: zip.NewWriter(w), used: map[string]bool{}, made: map[string]string{}, folders: map[ItemID]string{}, files: map[ItemID]string{}}
	if opts != nil {
		e.opts = *opts
	}
	_, _ = v.TakeIn(ctx) // what cannot be taken in now keeps nobody from leaving
	if err := v.do(ctx, e.begin); err != nil {
		return err
	}
	steps := []func() error{e.bagIt, e.readMe, e.documents, e.people}
	if !e.opts.chooses() {
		steps = append(steps, e.journal, e.accountFile, e.receipts)
	}
	for _, step := range append(steps, e.tables, e.bundle, e.finish) {
		if err := step(); err != nil {
			return err
		}
	}
	return e.zip.Close()
}

type exporter struct {
	v    *Vault
	ctx  context.Context
	zip  *zip.Writer
	opts ExportOptions

	now     time.Time
	items   []*record // intact ones, by name
	damaged []exportDamage
	account exportAccount
	from    journalHead
	folders map[ItemID]string // names
	files   map[ItemID]string // where each document is in the ZIP
	used    map[string]bool   // paths, folded
	made    map[string]string // folders in the ZIP by their path before that
	done    []exportFile
}

// exportFile is a file that was written, by its path in the bag.
type exportFile struct {
	path   string
	length int64
	sha256 string
}

type exportDamage struct {
	Item    ItemID `json:"item"`
	Name    string `json:"name,omitempty"`
	Problem string `json:"problem"`
}

type exportAccount struct {
	Login    string          `json:"login"`
	Limit    int64           `json:"limitBytes"`
	Used     int64           `json:"usedBytes"`
	Consents []exportConsent `json:"consents"`
}

type exportConsent struct {
	Given    time.Time `json:"given"`
	Channel  string    `json:"channel"`
	Version  string    `json:"noticeVersion"`
	Language string    `json:"noticeLanguage"`
	Text     string    `json:"noticeText"`
}

// begin reads all that is not content in one state of the vault.
func (e *exporter) begin(t *turn) error {
	if err := t.asOwner(); err != nil {
		return err
	}
	e.now, e.from = t.now, t.heads.journal
	e.items, e.damaged = nil, []exportDamage{}
	all, err := t.all()
	if err != nil {
		return err
	}
	sortByName(all)
	for _, l := range all {
		if l.err != nil {
			e.damaged = append(e.damaged, exportDamage{Item: l.id, Problem: l.err.Error()})
			continue
		}
		e.items = append(e.items, l.record)
		if l.record.item.Kind == KindFolder {
			e.folders[l.id] = l.record.item.Name
		}
	}
	if err := e.choose(); err != nil {
		return err
	}
	if err := e.readAccount(t); err != nil {
		return err
	}
	detail := map[string]string{"items": strconv.Itoa(len(e.items))}
	if e.opts.chooses() {
		detail["chosen"] = "some"
	}
	t.note(ActExported, nil, detail)
	return nil
}

// choose keeps what the options take, and the folders that it lies in.
func (e *exporter) choose() error {
	if !e.opts.chooses() {
		return nil
	}
	there, within := map[ItemID]bool{}, map[ItemID]bool{}
	for _, r := range e.items {
		there[r.item.ID] = true
		if e.opts.takes(r.item) {
			within[r.item.ID], within[r.item.Folder] = true, true
		}
	}
	for _, d := range e.damaged {
		there[d.Item] = true
	}
	for _, id := range e.opts.Items {
		if !there[id] {
			return ErrNotFound
		}
	}
	e.items = slices.DeleteFunc(e.items, func(r *record) bool { return !within[r.item.ID] })
	// Of what is damaged nobody knows what it was: it is named if it was asked for.
	e.damaged = slices.DeleteFunc(e.damaged, func(d exportDamage) bool { return !slices.Contains(e.opts.Items, d.Item) })
	return nil
}

func (e *exporter) readAccount(t *turn) (err error) {
	e.account.Login, err = t.login()
	if err := e.damage("account.json", err); err != nil {
		return err
	}
	consents, err := t.consents()
	if err := e.damage("account.json", err); err != nil {
		return err
	}
	e.account.Consents = []exportConsent{}
	for _, c := range consents {
		e.account.Consents = append(e.account.Consents, exportConsent{Given: c.Given, Channel: c.Channel, Version: c.Notice.Version, Language: c.Notice.Language, Text: c.Notice.Text})
	}
	u, err := t.v.service.cfg.Quota.Usage(t.tx, t.v.id.String())
	e.account.Limit, e.account.Used = u.Limit, u.Used
	return err
}

const readMeText = "\ufeff" + `Ceci est ce que contenait votre espace.

data/documents/          vos papiers, tels que vous les avez mis. "private" : privés ; "shared" : partagés ; "bin" : corbeille
data/contacts.vcf        vos contacts, pour un téléphone
data/appointments.ics    vos rendez-vous, pour un agenda
data/*.csv               tout le reste, en tableaux
data/bundle.json         la même chose, pour les programmes
data/journal.csv         ce qui s'est passé
data/account.json        votre identifiant et ce que vous avez accepté
manifest-sha256.txt      la liste des fichiers, pour vérifier que rien ne manque

Un autre espace peut reprendre ce fichier tel quel : ne le modifiez pas.
Gardez-le dans un endroit sûr : il n'est plus protégé par votre mot de passe.

---

This is what was in your space.

data/documents/          your papers, as you put them in. "private", "shared" and "bin" say where they were
data/contacts.vcf        your contacts, for a phone
data/appointments.ics    your appointments, for a calendar
data/*.csv               everything else, as tables
data/bundle.json         the same, for programs
data/journal.csv         what happened
data/account.json        your login and what you agreed to
manifest-sha256.txt      the list of files, to check that nothing is missing

Another space can take this file in as it is: do not change it.
Keep it in a safe place: your password no longer protects it.
`

// readMe comes early, for whoever opens the ZIP.
func (e *exporter) readMe() error {
	return e.write("LISEZMOI.txt", e.now, func(w io.Writer) error {
		_, err := io.WriteString(w, strings.ReplaceAll(readMeText, "\n", "\r\n"))
		return err
	})
}

// documents writes the files. Each is verified to its end before its first byte
// goes into the ZIP, as nothing can be taken out again.
func (e *exporter) documents() error {
	for _, r := range e.items {
		if r.item.Kind != KindDocument {
			continue
		}
		found, err := e.v.controlled(e.ctx, r)
		if err == nil && string(found) != string(r.item.Document.Digest) {
			err = tampered("item %s", r.item.ID)
		}
		if errors.Is(err, ErrTampered) {
			e.damaged = append(e.damaged, exportDamage{Item: r.item.ID, Name: r.item.Name, Problem: err.Error()})
			continue
		}
		if err != nil {
			return err
		}
		if err := e.document(r); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporter) document(r *record) error {
	c, err := e.v.content(e.ctx, r)
	if err != nil {
		return err
	}
	place := r.item.Compartment.String()
	if !r.item.Binned.IsZero() {
		place = "bin"
	}
	in := path.Join("data/documents", place)
	if name, ok := e.folders[r.item.Folder]; ok {
		in = e.folder(path.Join(in, safename.Folder(name)))
	}
	name := e.free(path.Join(in, safename.File(r.item.Name, r.item.Document.MediaType)))
	e.files[r.item.ID] = name
	err = e.write(name, r.item.Changed, func(w io.Writer) error {
		_, err := io.Copy(w, c)
		return err
	})
	return errors.Join(err, c.Close())
}

// folder returns the path of a folder, the same each time, that is no file.
func (e *exporter) folder(p string) string {
	made, ok := e.made[p]
	if !ok {
		made = e.free(p)
		e.made[p] = made
	}
	return made
}

// free returns a path that is not taken yet, also on systems that fold case.
func (e *exporter) free(p string) string {
	ending := path.Ext(p)
	stem := strings.TrimSuffix(p, ending)
	for n := 2; e.used[strings.ToLower(p)]; n++ {
		p = fmt.Sprintf("%s (%d)%s", stem, n, ending)
	}
	e.used[strings.ToLower(p)] = true
	return p
}

// write adds one file and remembers its digest. Papers are compressed already,
// or sealed to be unreadable elsewhere: they are stored, the rest is small.
func (e *exporter) write(name string, at time.Time, fill func(w io.Writer) error) error {
	w, err := e.zip.CreateHeader(&zip.FileHeader{Name: bagName + name, Method: zip.Store, Modified: at})
	if err != nil {
		return err
	}
	h := &countingHash{hash: sha256.New()}
	if err := fill(io.MultiWriter(w, h)); err != nil {
		return err
	}
	e.done = append(e.done, exportFile{path: name, length: h.n, sha256: hex.EncodeToString(h.hash.Sum(nil))})
	return nil
}

type countingHash struct {
	hash hash.Hash
	n    int64
}

func (c *countingHash) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.hash.Write(p)
}

func (e *exporter) json(name string, v any) error {
	return e.write(name, e.now, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	})
}

// damage names what the store altered and lets the export go on: everything else
// still leaves.
func (e *exporter) damage(what string, err error) error {
	if errors.Is(err, ErrTampered) {
		e.damaged = append(e.damaged, exportDamage{Name: what, Problem: err.Error()})
		return nil
	}
	return err
}
