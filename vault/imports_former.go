package vault

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/safename"
	"reconnect.example/internal/seal"
)

// Former is where something was before it was imported. It is kept in the channel of its
// origin, in words and signed by who imported it:
//
//	import; from=<format>; key=<26 characters>; at=<RFC 3339>; channel=<…>; by=<…>
//
// It is what the source says of itself, and no proof.
type Former struct {
	Format  string    // "reconnect-bundle", "reconnect", "folder", "vcard", "icalendar", …: small letters, digits, hyphens
	Vault   ID        // the vault it lay in; zero: not known. Not kept, but for the key
	Item    string    // what the source calls it: an id, or a path. Not kept, but for the key
	Key     string    // by which it is known when it comes again; empty: made of Vault, Item and content
	At      time.Time // when it was deposited there; zero: not known
	Channel string    // by which it came there
	By      string    // who deposited it there, in words
}

const formerPrefix = "import; from="

func (f *Former) check() error {
	if f.Format == "" || len(f.Format) > 32 || strings.Trim(f.Format, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return &InvalidError{Field: "format", Problem: "is not the name of a format"}
	}
	if f.Key != "" {
		if _, err := ParseItemID(f.Key); err != nil {
			return &InvalidError{Field: "key", Problem: "is not one of 26 characters"}
		}
	}
	return nil
}

// channel writes where something was. What the source says is cut to what fits.
func (f *Former) channel(key string) string {
	s := formerPrefix + f.Format + "; key=" + key
	if !f.At.IsZero() {
		s += "; at=" + f.At.UTC().Format(time.RFC3339)
	}
	if f.Channel != "" {
		s += "; channel=" + cut(strings.ReplaceAll(safename.Line(f.Channel), ";", ","), 16)
	}
	if f.By != "" {
		s += "; by=" + safename.Line(f.By)
	}
	return cut(s, MaxName)
}

func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most])
	}
	return s
}

// Former says where an item was before it was imported; false for one that was not.
func (o Origin) Former() (Former, bool) { return ParseFormer(o.Channel) }

// ParseFormer reads the channel of an imported item's origin, such as a bundle has it.
func ParseFormer(channel string) (f Former, ok bool) {
	rest, ok := strings.CutPrefix(channel, formerPrefix)
	if !ok {
		return Former{}, false
	}
	f.Format, rest, _ = strings.Cut(rest, "; ")
	for rest != "" {
		var field string
		if strings.HasPrefix(rest, "by=") { // the last, whatever is in it
			f.By = rest[len("by="):]
			break
		}
		field, rest, _ = strings.Cut(rest, "; ")
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "key":
			f.Key = value
		case "at":
			f.At, _ = time.Parse(time.RFC3339, value)
		case "channel":
			f.Channel = value
		}
	}
	return f, f.check() == nil && f.Key != ""
}

// key is by what a thing is known again: what the source calls it, and what it holds. A
// thing that was changed at the source since is another.
func (n *NewImport) key() (string, error) {
	if n.Former.Key != "" {
		return n.Former.Key, nil
	}
	it := n.item()
	return importKey(n.Former.Vault, n.Former.Item, it, n.Digest)
}

// asImport is the key that an item of a vault has in an export.
func (it *Item) asImport(id ID) (string, error) {
	var digest []byte
	if it.Document != nil {
		digest = it.Document.Digest
	}
	return importKey(id, it.ID.String(), it, digest)
}

func importKey(vault ID, item string, it *Item, digest []byte) (string, error) {
	f := it.facts()
	content, err := seal.Marshal(recordFacts{
		Kind: f.Kind, Contact: f.Contact, Appointment: f.Appointment, Note: f.Note, Origin: originFacts{Channel: item, Digest: digest},
	})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(slices.Concat([]byte("reconnect import "), vault[:], content))
	return ItemID(sum[:16]).String(), nil
}
