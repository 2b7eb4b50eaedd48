package recovery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// Receipt is what the person keeps of a change of their ways back in.
type Receipt struct {
	At    time.Time
	Kinds []vault.PathKind
	Text  []byte // JSON, as it is kept and exported

	// What Text says, for pages: what the person said yes to, and what they took away.
	Given     []Accepted
	Withdrawn []vault.PathKind
	Notice    string // version of the words that they read; "" where nothing was given
}

// Accepted is one path that a receipt says yes to.
type Accepted struct {
	Kind    vault.PathKind
	Private bool             // it opens what is private, too
	Waits   [2]time.Duration // of Owner and Shared, then of Private
}

// ReceiptSchema is the version of the form of these receipts. Names are as in those of
// package consent.
const ReceiptSchema = "reconnect-ways-back-1"

// receiptText is the JSON of a receipt. It names no person, and holds neither questions
// nor anything else of what opens.
type receiptText struct {
	Schema    string                   `json:"schema_version"`
	Principal vault.ID                 `json:"pii_principal_id"` // a pseudonym: the id of the vault
	Time      string                   `json:"event_time"`       // RFC 3339, in UTC
	Notice    *consent.NoticeReference `json:"privacy_notice,omitempty"`
	Given     []receiptPath            `json:"given,omitempty"`
	Withdrawn []string                 `json:"withdrawn,omitempty"`
}

// receiptPath is what the person said yes to.
type receiptPath struct {
	Kind    string   `json:"path"`
	ID      string   `json:"path_id"`
	Opens   []string `json:"opens"` // "owner", "shared", "private"
	Wait    string   `json:"wait"`  // ISO 8601, of what is not private
	Private string   `json:"wait_private,omitempty"`
}

const stamp = "2006-01-02T15:04:05.000Z"

// receipt writes down what a change is. notice is nil where nothing was agreed to.
func (s *Service) receipt(v *vault.Vault, notice *vault.Notice, c vault.PathChange) (r Receipt, err error) {
	r.At = s.cfg.Now().UTC().Truncate(time.Millisecond)
	text := receiptText{Schema: ReceiptSchema, Principal: v.ID(), Time: r.At.Format(stamp)}
	if notice != nil {
		sum := sha256.Sum256([]byte(notice.Text))
		text.Notice = &consent.NoticeReference{Version: notice.Version, Language: notice.Language, Digest: hex.EncodeToString(sum[:])}
	}
	for _, n := range c.Enrol {
		p := receiptPath{Kind: n.Kind.String(), ID: n.ID.String(), Opens: []string{"owner", "shared"}, Wait: hours(n.Waits[0])}
		if n.Private {
			p.Opens, p.Private = append(p.Opens, "private"), hours(n.Waits[1])
		}
		text.Given = append(text.Given, p)
	}
	for _, kind := range c.Withdraw {
		text.Withdrawn = append(text.Withdrawn, kind.String())
	}
	if err := r.read(text); err != nil {
		return r, err
	}
	r.Text, err = json.Marshal(text)
	return r, err
}

// hours writes a wait as ISO 8601 does.
func hours(d time.Duration) string { return fmt.Sprintf("PT%gH", d.Hours()) }

// Receipts returns the receipts of every change that is kept, in no order: see At. It is a
// line in the journal.
func (s *Service) Receipts(ctx context.Context, v *vault.Vault) (all []Receipt, err error) {
	kept, err := v.PathReceipts(ctx)
	if err != nil {
		return nil, err
	}
	for _, raw := range kept {
		var text receiptText
		r := Receipt{Text: raw}
		if json.Unmarshal(raw, &text) == nil {
			r.At, err = time.Parse(stamp, text.Time)
		}
		if r.At.IsZero() || err != nil {
			return nil, fmt.Errorf("%w: a receipt", vault.ErrTampered)
		}
		if r.read(text) != nil {
			return nil, fmt.Errorf("%w: a receipt", vault.ErrTampered)
		}
		all = append(all, r)
	}
	return all, nil
}

// read takes over what a receipt says.
func (r *Receipt) read(text receiptText) (err error) {
	for _, p := range text.Given {
		g := Accepted{Kind: vault.ParsePathKind(p.Kind), Private: slices.Contains(p.Opens, "private")}
		if g.Waits[0], err = readHours(p.Wait); err != nil {
			return err
		}
		if g.Private {
			if g.Waits[1], err = readHours(p.Private); err != nil {
				return err
			}
		}
		r.Given, r.Kinds = append(r.Given, g), append(r.Kinds, g.Kind)
	}
	for _, kind := range text.Withdrawn {
		r.Withdrawn = append(r.Withdrawn, vault.ParsePathKind(kind))
	}
	r.Kinds = append(r.Kinds, r.Withdrawn...)
	if text.Notice != nil {
		r.Notice = text.Notice.Version
	}
	return nil
}

// readHours reads what hours writes.
func readHours(text string) (time.Duration, error) {
	return time.ParseDuration(strings.ToLower(strings.TrimPrefix(text, "PT")))
}
