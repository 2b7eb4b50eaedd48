package api

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// Secret is what a person shows again for what a stolen session must not do: the
// password, or the access card with its PIN.
type Secret struct {
	Password string `json:"password,omitempty" maxLength:"1000" doc:"Typed by the person. It is enough; without it, the card and its PIN are."`
	Card     string `json:"card,omitempty" maxLength:"200" doc:"As printed or scanned, instead of the password; also where the caller signed in with it, as its code is kept nowhere."`
	PIN      string `json:"pin,omitempty" maxLength:"50" doc:"Of the card. Six digits of any script."`
}

func (s *Secret) vault() vault.Secret {
	return vault.Secret{Password: s.Password, Card: s.Card, PIN: s.PIN}
}

// secretProblems are those of every operation that asks for the secret again.
func secretProblems(more ...string) []string {
	return append([]string{"sign-in", "card-dead", "busy", "witness-away", "key-service", "unconfirmed", "invalid", "media-type", "too-large"}, more...)
}

// Notice is the text that somebody has read, or heard, before they agreed.
type Notice struct {
	Version  string `json:"version" minLength:"1" maxLength:"100" doc:"Names the text: another text has another version."`
	Language string `json:"language" minLength:"1" maxLength:"35" doc:"Of the text (BCP 47)."`
	Text     string `json:"text" minLength:"1" maxLength:"9000" doc:"As it was shown, word for word: it is kept with the consent."`
}

func (n *Notice) vault() vault.Notice {
	return vault.Notice{Version: n.Version, Language: n.Language, Text: n.Text}
}

// Agreement is a yes to a notice.
type Agreement struct {
	Notice Notice `json:"notice" doc:"What was read."`
	Agreed bool   `json:"agreed" doc:"Must be true: the person said yes themself."`
}

// scopes are the words for what a relay may do.
var scopes = map[string]vault.Scope{"see": vault.ScopeSee, "see-and-add": vault.ScopeAdd, "give": vault.ScopeGive, "help": vault.ScopeHelp}

func scopeWord(s vault.Scope) string {
	for word, scope := range scopes {
		if scope == s {
			return word
		}
	}
	return "other"
}

// ConsentReceipt is a consent.Receipt: its form is a contract of its own.
type ConsentReceipt struct{ receipt consent.Receipt }

// MarshalJSON writes the receipt as it was signed.
func (r *ConsentReceipt) MarshalJSON() ([]byte, error) { return json.Marshal(r.receipt) }

// Schema says what the document says of it.
func (*ConsentReceipt) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: true,
		Description: "A receipt of consent, with the fields of ISO/IEC TS 27560:2023, signed with the key of the person's space and by the service. Its own schema is docs/receipt.schema.json of the project. Keep it as it is.",
		Required:    []string{"schema_version", "record_id"},
		Properties: map[string]*huma.Schema{
			"schema_version": {Type: huma.TypeString, Description: "The version of its form."},
			"record_id":      {Type: huma.TypeString, Description: "Names the receipt."},
		},
	}
}

type consentOutput struct {
	Body struct {
		Receipt   *ConsentReceipt `json:"receipt" doc:"Proves what was agreed to, or that it has ended."`
		Confirmed bool            `json:"confirmed" doc:"false: it is in force, but the witness could not confirm it yet; the next sign-in will."`
	}
}

func consentAnswer(r consent.Receipt, err error) (*consentOutput, error) {
	confirmed, err := done(err)
	if err != nil {
		return nil, err
	}
	out := &consentOutput{}
	out.Body.Receipt, out.Body.Confirmed = &ConsentReceipt{r}, confirmed
	return out, nil
}

// ifAny leaves out a time that is not there.
func ifAny(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
