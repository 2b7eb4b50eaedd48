// Package post sends messages to people who asked for them: by e-mail through an SMTP
// server, and as an SMS through a gateway that takes a POST. What a message says
// is neutral: no place, no name, no reason and no link, because a phone is looked at by
// others, and an address is written down in the logs of those who carry it.
package post

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"reconnect.example/refserver/language"
	"reconnect.example/refserver/outbound"
	"reconnect.example/vault"
)

// ErrNotSent is all that is said of a message that was not taken: what a server
// answers may hold the address.
var ErrNotSent = errors.New("post: the message was not taken")

// Config says through whom messages go. What is empty is not offered.
type Config struct {
	Mail Mail
	SMS  SMS
	// Name begins each message; "": nothing does, so that not even that tells whom it is from.
	Name string
	// Outbound is used for the gateway; nil: one that reaches the public internet only.
	Outbound *outbound.Client
}

// SMS is a gateway. Body is JSON in which {to}, {text} and {id} are replaced by strings of
// JSON, with their quotes; "": [DefaultBody].
type SMS struct{ URL, Body string }

// DefaultBody is what a gateway is sent unless said otherwise.
const DefaultBody = `{"to":{to},"text":{text},"id":{id}}`

// Messenger is a [vault.Messenger].
type Messenger struct{ cfg Config }

// New returns a messenger, or nil if there is no channel.
func New(cfg Config) (*Messenger, error) {
	if cfg.SMS.URL == "" && cfg.Mail.Host == "" {
		return nil, nil
	}
	if cfg.Outbound == nil {
		cfg.Outbound = outbound.New(nil)
	}
	if cfg.SMS.Body == "" {
		cfg.SMS.Body = DefaultBody
	}
	if cfg.SMS.URL != "" {
		if err := cfg.Outbound.CheckURL(cfg.SMS.URL); err != nil {
			return nil, err
		}
		if !json.Valid(cfg.SMS.fill("+33612345678", "x", "x")) {
			return nil, errors.New("post: the body for the gateway is not JSON")
		}
	}
	return &Messenger{cfg}, nil
}

// Offers says whether there is a server for a channel.
func (m *Messenger) Offers(c vault.Channel) bool {
	return c == vault.BySMS && m.cfg.SMS.URL != "" || c == vault.ByEmail && m.cfg.Mail.Host != ""
}

// Send hands one message over. Its error says nothing of the address.
func (m *Messenger) Send(ctx context.Context, msg vault.Message) error {
	if !m.Offers(msg.Channel) {
		return ErrNotSent
	}
	text := m.Text(msg)
	if msg.Channel == vault.ByEmail {
		if m.cfg.Mail.send(ctx, msg.Address, m.subject(msg), text, msg.ID, time.Now()) != nil {
			return ErrNotSent
		}
		return nil
	}
	header := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {msg.ID}}
	if m.cfg.Outbound.Post(ctx, m.cfg.SMS.URL, header, bytes.NewReader(m.cfg.SMS.fill(msg.Address, text, msg.ID))) != nil {
		return ErrNotSent
	}
	return nil
}

func (s SMS) fill(to, text, id string) []byte {
	var pairs []string
	for name, value := range map[string]string{"{to}": to, "{text}": text, "{id}": id} {
		quoted, _ := json.Marshal(value) // a string
		pairs = append(pairs, name, string(quoted))
	}
	return []byte(strings.NewReplacer(pairs...).Replace(s.Body))
}

// Text is what a message says, in the person's language.
func (m *Messenger) Text(msg vault.Message) string {
	words := language.In(msg.Language)
	var text string
	switch {
	case msg.Kind == vault.MessageCode:
		text = words.T("notify.code", msg.Code)
	case msg.Kind == vault.MessagePaper:
		text = words.T("notify.paper", words.Date(msg.At))
	case msg.Day:
		text = words.T("notify.appointment-day", words.Day(msg.At))
	default:
		text = words.T("notify.appointment", words.When(msg.At))
	}
	if m.cfg.Name != "" {
		text = words.T("notify.from", m.cfg.Name, text)
	}
	return text
}

func (m *Messenger) subject(msg vault.Message) string {
	if m.cfg.Name != "" {
		return m.cfg.Name
	}
	return language.In(msg.Language).T("notify.subject")
}
