package vault

import (
	_ "embed" // the schema goes along with each bundle
	"fmt"
	"io"
	"strings"
	"time"
)

// What makes a bag of an export (BagIt 1.0, RFC 8493). A bag in a ZIP lies in one
// folder, from which it can be unpacked beside others.
const bagName = "reconnect/"

const (
	bundleFormat  = "reconnect-bundle"
	bundleVersion = 1
	bundleSchema  = "https://reconnect.example/schemas/bundle-1.json"
)

//go:embed bundle.schema.json
var schema []byte

// BundleSchema returns the JSON Schema (draft 2020-12) of data/bundle.json, as it is published.
func BundleSchema() []byte { return append([]byte(nil), schema...) }

// exportBundle is data/bundle.json.
type exportBundle struct {
	Schema   string         `json:"$schema"`
	Format   string         `json:"format"`
	Version  int            `json:"version"`
	Vault    ID             `json:"vault"`
	Made     time.Time      `json:"made"`
	Chosen   bool           `json:"chosen"`   // true: only some of what is in the vault
	Complete bool           `json:"complete"` // false: something is damaged
	Damaged  []exportDamage `json:"damaged"`
	Items    []exportItem   `json:"items"`
}

func (e *exporter) text(name, content string) error {
	return e.write(name, e.now, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
}

func (e *exporter) bagIt() error {
	if err := e.text("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"); err != nil {
		return err
	}
	return e.text("bundle.schema.json", string(schema))
}

func (e *exporter) accountFile() error { return e.json("data/account.json", e.account) }

func (e *exporter) receipts() error {
	if err := e.damage("receipts", e.opts.ReceiptsErr); err != nil {
		return err
	}
	for i, r := range e.opts.Receipts {
		if err := e.text(fmt.Sprintf("data/receipts/%04d.json", i+1), string(r)); err != nil {
			return err
		}
	}
	return nil
}

// bundle comes last of what is in the bag: by then it is known what is damaged.
func (e *exporter) bundle() error {
	items := []exportItem{}
	for _, r := range e.items {
		items = append(items, e.item(r.item))
	}
	return e.json("data/bundle.json", exportBundle{
		Schema: bundleSchema, Format: bundleFormat, Version: bundleVersion, Vault: e.v.id, Made: e.now, Chosen: e.opts.chooses(),
		Complete: len(e.damaged) == 0, Damaged: e.damaged, Items: items,
	})
}

// finish writes the lists by which anybody can check the rest, with any program that
// knows bags or SHA-256.
func (e *exporter) finish() error {
	payload, files, bytes := &strings.Builder{}, 0, int64(0)
	for _, f := range e.done {
		if strings.HasPrefix(f.path, "data/") {
			fmt.Fprintf(payload, "%s  %s\n", f.sha256, bagPath(f.path))
			files++
			bytes += f.length
		}
	}
	if err := e.text("manifest-sha256.txt", payload.String()); err != nil {
		return err
	}
	err := e.text("bag-info.txt", fmt.Sprintf("Bagging-Date: %s\nPayload-Oxum: %d.%d\nBundle-Format: %s-%d\nBundle-Complete: %t\n",
		e.now.Format(time.DateOnly), bytes, files, bundleFormat, bundleVersion, len(e.damaged) == 0))
	if err != nil {
		return err
	}
	tags := &strings.Builder{}
	for _, f := range e.done {
		if !strings.HasPrefix(f.path, "data/") {
			fmt.Fprintf(tags, "%s  %s\n", f.sha256, bagPath(f.path))
		}
	}
	return e.text("tagmanifest-sha256.txt", tags.String())
}

// bagPath writes a path as a manifest has it (RFC 8493, 2.1.3).
func bagPath(p string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(p)
}
