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
	"strconv"
	"strings"
	"time"

	"reconnect.example/internal/safename"
)

// Export writes everything within reach into one ZIP, in open formats, asking
// for nothing and nobody (FR-9, QC-1):
//
//	LISEZMOI.txt                                 what is where, in French and English
//	documents/<private|shared>/<folder>/<name>   the original files, byte for byte
//	data/items.json, data/*.csv                  everything that is known of each item
//	contacts.vcf, appointments.ics               for a phone or a computer (RFC 6350, RFC 5545)
//	journal.json, journal.csv                    what happened
//	account.json                                 login, notices and consents, space
//	manifest.json                                SHA-256 and length of each file; last, so that its absence shows a broken export
//
// What waits in the inbox is taken in before. What lies in the bin comes too, under documents/bin. A document that the store
// altered or lost is named in the manifest under "damaged" and left out; the rest
// is complete. The export as a whole is one line in the journal, durable before
// the first byte. Memory does not grow with what is in the vault. If it ends with
// an error, there is no manifest.
func (v *Vault) Export(ctx context.Context, w io.Writer) error {
	e := &exporter{v: v, ctx: ctx, zip: zip.NewWriter(w), used: map[string]bool{}, made: map[string]string{}, folders: map[ItemID]string{}, files: map[ItemID]string{}}
	_, _ = v.TakeIn(ctx) // what cannot be taken in now keeps nobody from leaving
	if err := v.do(ctx, e.begin); err != nil {
		return err
	}
	for _, step := range []func() error{e.readMe, e.documents, e.tables, e.people, e.journal, e.accountFile, e.finish} {
		if err := step(); err != nil {
			return err
		}
	}
	return e.zip.Close()
}

type exporter struct {
	v   *Vault
	ctx context.Context
	zip *zip.Writer

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

type exportFile struct {
	Path   string `json:"path"`
	Length int64  `json:"length"`
	SHA256 string `json:"sha256"`
}

type exportDamage struct {
	Item    ItemID `json:"item"`
	Name    string `json:"name,omitempty"`
	Problem string `json:"problem"`
}

type exportManifest struct {
	Format   string         `json:"format"`
	Vault    ID             `json:"vault"`
	Made     time.Time      `json:"made"`
	Complete bool           `json:"complete"` // false: something is damaged
	Damaged  []exportDamage `json:"damaged"`
	Files    []exportFile   `json:"files"`
}

const exportFormat = "reconnect-export-1"

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
	if err := e.readAccount(t); err != nil {
		return err
	}
	t.note(ActExported, nil, map[string]string{"items": strconv.Itoa(len(e.items))})
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

const readMeText = "\ufeff" + `Ceci est tout ce que contenait votre espace.

documents/          vos papiers, tels que vous les avez mis. "private" : privés ; "shared" : partagés ; "bin" : corbeille
contacts.vcf        vos contacts, pour un téléphone
appointments.ics    vos rendez-vous, pour un agenda
data/               tout le reste, en tableaux (CSV) et pour les programmes (JSON)
journal.csv         ce qui s'est passé
account.json        votre identifiant et ce que vous avez accepté
manifest.json       la liste des fichiers, pour vérifier que rien ne manque

Gardez ce fichier dans un endroit sûr : il n'est plus protégé par votre mot de passe.

---

This is everything that was in your space.

documents/          your papers, as you put them in. "private", "shared" and "bin" say where they were
contacts.vcf        your contacts, for a phone
appointments.ics    your appointments, for a calendar
data/               everything else, as tables (CSV) and for programs (JSON)
journal.csv         what happened
account.json        your login and what you agreed to
manifest.json       the list of files, to check that nothing is missing

Keep this file in a safe place: your password no longer protects it.
`

// readMe comes first, for whoever opens the ZIP.
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
	in := path.Join("documents", place)
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
	w, err := e.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: at})
	if err != nil {
		return err
	}
	h := &countingHash{hash: sha256.New()}
	if err := fill(io.MultiWriter(w, h)); err != nil {
		return err
	}
	e.done = append(e.done, exportFile{Path: name, Length: h.n, SHA256: hex.EncodeToString(h.hash.Sum(nil))})
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

func (e *exporter) accountFile() error { return e.json("account.json", e.account) }

// finish writes the manifest, which lists every other file.
func (e *exporter) finish() error {
	return e.json("manifest.json", exportManifest{
		Format: exportFormat, Vault: e.v.id, Made: e.now, Complete: len(e.damaged) == 0, Damaged: e.damaged, Files: e.done,
	})
}
