package vault

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
	"net/mail"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/digits"
	"reconnect.example/internal/seal"
)

// The acts of reminders.
const (
	ActRemindersAsked Act = "reminders.asked" // a code was sent; Detail "channel"
	ActRemindersBegun Act = "reminders.begun" // the code came back; Detail "channel"
	ActRemindersEnded Act = "reminders.ended"
	ActReminderSet    Act = "reminder.set" // on an item; Detail "leads", "" for none
)

// Limits of reminders.
const (
	MaxReminders   = 24                  // items of one vault
	MaxLeads       = 3                   // reminders of one item
	LeastLead      = time.Hour           // before it
	MostLead       = 90 * 24 * time.Hour // before it
	codeLasts      = 30 * time.Minute
	codeDigits     = 6
	codeTries      = 5
	codesADay      = 3
	maxAddress     = 254
	remindersLabel = "reminders"
)

// ReminderChoice is what a person says yes to: the service will know, while nobody is
// signed in, this channel, address, language and zone, and of each reminder when it
// is to be sent, whether it is of an appointment or of a paper, and its hour or day.
type ReminderChoice struct {
	Channel  Channel
	Address  string // a phone number with its country, "+33 6 12 34 56 78", an e-mail address, or what AtRelay reads
	Language string // BCP 47
	Zone     string // IANA name; nothing is sent there before 8 or after 20 o'clock
	Notice   Notice // what was read or heard before; it must list what the service will know
}

func (c *ReminderChoice) check() error {
	problems := []error{checkName("language", c.Language), checkText("language", c.Language, 35, false), checkName("notice", c.Notice.Version)}
	if zone, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "" || zone == time.Local {
		problems = append(problems, &InvalidError{Field: "zone", Problem: `is not a time zone like "Europe/Paris"`})
	}
	switch c.Channel {
	case BySMS:
		number, ok := digits.Of(strings.TrimPrefix(strings.TrimSpace(c.Address), "+"))
		if !ok || !strings.HasPrefix(strings.TrimSpace(c.Address), "+") || len(number) < 8 || len(number) > 15 || number[0] == '0' {
			problems = append(problems, &InvalidError{Field: "address", Problem: `is not a phone number with its country, like "+33 6 12 34 56 78"`})
		}
		c.Address = "+" + number
	case ByEmail:
		a, err := mail.ParseAddress(c.Address)
		if err != nil || a.Name != "" || !plainAddress(a.Address) || len(c.Address) > maxAddress || checkText("address", c.Address, maxAddress, false) != nil {
			problems = append(problems, &InvalidError{Field: "address", Problem: "is not an e-mail address"})
		} else {
			c.Address = a.Address
		}
	case ByRelay:
		relay, name, err := AtRelay(c.Address)
		if problems = append(problems, err); err == nil {
			c.Address = relay.String() + "/" + name
		}
	default:
		problems = append(problems, &InvalidError{Field: "channel", Problem: `is not "sms", "email" or "relay"`})
	}
	return errors.Join(problems...)
}

// MaxCalled bounds the name by which somebody is called at a relay, in characters.
const MaxCalled = 60

// AtRelay reads an address of [ByRelay]: the id of the relay's space, a slash, and the name
// by which the person wants to be called there, which need not be their own.
func AtRelay(address string) (relay ID, called string, err error) {
	id, called, _ := strings.Cut(address, "/")
	called = cleanName(called)
	if relay, err = ParseID(id); err != nil || called == "" || checkText("address", called, MaxCalled, false) != nil {
		return ID{}, "", &InvalidError{Field: "address", Problem: "is not the id of a relay, a slash, and a name"}
	}
	return relay, called, nil
}

// plainAddress leaves out what only a quoted local part or a literal may hold: an address
// goes into commands and headers of mail servers as it is, where "a> <b"@example.org would
// be two, and a literal names a machine of somebody's own network.
func plainAddress(s string) bool {
	return strings.Count(s, "@") == 1 && !strings.ContainsAny(s, " \t\"(),:;<>[\\]")
}

// AskReminders takes the first of two steps to reminders: it sends a code to the
// address, so that nobody is sent anything who did not ask for it. Nothing else
// changes: reminders that are in force stay until ConfirmReminders.
//
// Errors: InvalidError, also for a channel that this service does not offer, and for a relay
// that does not follow the person: its list is not for who it does not know; BackOffError after three codes within a day, of this vault or, until midnight (UTC), to
// this address from any; ErrClosing; ErrNotSent.
func (v *Vault) AskReminders(ctx context.Context, c ReminderChoice) error {
	if err := c.check(); err != nil {
		return err
	}
	messenger := v.service.cfg.Messenger
	if messenger == nil || !messenger.Offers(c.Channel) {
		return &InvalidError{Field: "channel", Problem: "is not offered by this service"}
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return err
	}
	code := fmt.Sprintf("%0*d", codeDigits, n)
	var asked, before *askedBody
	err = v.do(ctx, func(t *turn) error {
		if err := errors.Join(t.asPerson(), t.changing()); err != nil {
			return err
		}
		if err := t.toldBy(c); err != nil {
			return err
		}
		b, err := t.remindPaper()
		if err != nil && !errors.Is(err, ErrTampered) {
			return err
		}
		// Counted before it is sent: a stranger's number is not spammed by who repeats.
		if since := time.UnixMilli(b.CodesSince); t.now.Sub(since) >= 24*time.Hour || t.now.Before(since) {
			b.CodesSince, b.Codes = t.now.UnixMilli(), 0
		}
		if b.Codes >= codesADay {
			return &BackOffError{Wait: time.UnixMilli(b.CodesSince).Add(24 * time.Hour).Sub(t.now)}
		}
		if err := t.countCode(c); err != nil {
			return err
		}
		b.Codes++
		before = b.Asked
		b.Asked = &askedBody{Code: code, Until: t.now.Add(codeLasts).UnixMilli(), Choice: choiceOf(c)}
		asked = b.Asked
		t.note(ActRemindersAsked, nil, map[string]string{"channel": string(c.Channel)})
		return t.putFixedPaper(remindPaper, paperRemind, b)
	})
	if err != nil {
		return err
	}
	v.takeBack(ctx, before) // its code is no longer good
	if err := messenger.Send(ctx, v.codeMessage(asked)); err != nil {
		return ErrNotSent
	}
	return nil
}

// toldBy refuses a relay that does not follow the person now.
func (t *turn) toldBy(c ReminderChoice) error {
	if c.Channel != ByRelay {
		return nil
	}
	relay, _, err := AtRelay(c.Address)
	if err != nil {
		return err
	}
	all, err := t.grants()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(k *keptGrant) bool {
		return ID(k.Holder) == relay && !k.Visit && (k.Scope == ScopeSee || k.Scope == ScopeAdd) && k.inForce(t.now)
	}) {
		return &InvalidError{Field: "address", Problem: "is of a relay that does not follow"}
	}
	return nil
}

// endTold stops reminders at a relay that follows no more.
func (t *turn) endTold(relay ID) error {
	b, err := t.remindPaper()
	if err != nil || b.Given == nil || b.Given.Choice.Channel != ByRelay {
		if errors.Is(err, ErrTampered) {
			err = nil // an altered paper stops no withdrawal
		}
		return err
	}
	if at, _, err := AtRelay(b.Given.Choice.Address); err == nil && at == relay {
		return t.stopReminders()
	}
	return nil
}

// ConfirmReminders takes the second step: with the code that came, the consent is
// recorded, and what was in force before ends with its reminders. It sends nothing by
// itself: [Vault.Remind] says of what. The receipt is signed by the service. It is durable
// on return, also at the witness.
//
// Errors: InvalidError for a wrong code, or one that is over, of which there are five
// tries; ErrClosing; ErrWitnessAway (nothing was changed), ErrUnconfirmed.
func (v *Vault) ConfirmReminders(ctx context.Context, code string) (Receipt, error) {
	if _, err := v.service.ask(ctx, v.id); err != nil {
		return Receipt{}, err
	}
	typed, _ := digits.Of(code)
	var wrong error
	var used *askedBody
	r := Receipt{Act: ActRemindersBegun, Vault: v.id}
	err := v.changeOwner(ctx, func(t *turn) error {
		wrong, used = nil, nil
		if err := errors.Join(t.asPerson(), t.changing()); err != nil {
			return err
		}
		b, err := t.remindPaper()
		if err != nil {
			return err
		}
		a := b.Asked
		if a == nil || t.now.UnixMilli() >= a.Until {
			return &InvalidError{Field: "code", Problem: "is too old, ask for another"}
		}
		if subtle.ConstantTimeCompare([]byte(typed), []byte(a.Code)) != 1 {
			wrong = &InvalidError{Field: "code", Problem: "is not the one that was sent"}
			if a.Tries++; a.Tries >= codeTries {
				b.Asked, used = nil, a
			}
			return t.putFixedPaper(remindPaper, paperRemind, b)
		}
		if err := t.dropReminders(); err != nil {
			return err
		}
		b.Asked, used = nil, a
		b.Given = &remindedBody{Since: t.now.UnixMilli(), Key: t.heads.owner.Key, Choice: a.Choice}
		if _, err := rand.Read(b.Given.Consent[:]); err != nil {
			return err
		}
		r.At = t.now
		t.note(ActRemindersBegun, nil, map[string]string{"channel": string(a.Choice.Channel)})
		if err := t.putFixedPaper(remindPaper, paperRemind, b); err != nil {
			return err
		}
		// Whatever of an earlier consent a store kept is stale from here on.
		t.heads.owner.Version += wishAhead
		return t.signReminders(b)
	})
	if err == nil || errors.Is(err, ErrUnconfirmed) {
		v.takeBack(ctx, used)
	}
	if err == nil {
		err = wrong
	}
	if err != nil && !errors.Is(err, ErrUnconfirmed) {
		return Receipt{}, err
	}
	r.Witnessed = err == nil
	return r, errors.Join(err, v.service.sign(&r))
}

// StopReminders withdraws the consent: address, language and all reminders are gone in
// one commit, and a store that kept them has nothing that would be sent. It is no error
// if there are none. ErrUnconfirmed: it is in force, the witness will hear of it.
func (v *Vault) StopReminders(ctx context.Context) (Receipt, error) {
	r := Receipt{Act: ActRemindersEnded, Vault: v.id}
	err := v.changeOwner(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		r.At = t.now
		return t.stopReminders()
	})
	if err != nil && !errors.Is(err, ErrUnconfirmed) {
		return Receipt{}, err
	}
	r.Witnessed = err == nil
	return r, errors.Join(err, v.service.sign(&r))
}

// stopReminders is StopReminders in a turn that changes the owner head.
func (t *turn) stopReminders() error {
	if err := t.dropReminders(); err != nil {
		return err
	}
	b, err := t.remindPaper()
	if err != nil && !errors.Is(err, ErrTampered) {
		return err
	}
	if err == nil && b.Given == nil && b.Asked == nil {
		return nil
	}
	b.Given, b.Asked = nil, nil // how many codes were sent today stays
	t.note(ActRemindersEnded, nil, nil)
	if err := t.putFixedPaper(remindPaper, paperRemind, b); err != nil {
		return err
	}
	return t.leap()
}

// leap makes whatever the vault's key signed to hold for a while stale: a wish, and the
// consent to reminders, which is signed anew if it is in force.
func (t *turn) leap() error {
	t.heads.owner.Version += wishAhead
	return t.renewReminders()
}

// renewReminders signs the consent again, from the person's own copy: after a leap, and
// when a restore brought another one back. Not under another key than the one
// that it was given with: new keys mean that somebody else may have the phone, too.
func (t *turn) renewReminders() error {
	b, err := t.remindPaper()
	if errors.Is(err, ErrTampered) {
		return nil // an altered paper stops nothing else; it can be given again
	}
	if err != nil || !t.remindersStand(b) {
		return err
	}
	return t.signReminders(b)
}

// remindersStand says whether a consent is in force.
func (t *turn) remindersStand(b remindPaperBody) bool {
	return b.Given != nil && string(b.Given.Key) == string(t.heads.owner.Key) && t.heads.owner.Closing == 0
}

// signReminders writes V/remind under the key of this turn.
func (t *turn) signReminders(b remindPaperBody) error {
	to := remindToBody{Consent: b.Given.Consent, Choice: b.Given.Choice}
	to.Choice.Notice = nil // the service needs not know what was read
	raw, err := seal.Marshal(to)
	if err != nil {
		return err
	}
	sealed, err := t.v.service.remindKey().Seal(t.v.id.remindContext(nil), nil, raw)
	if err != nil {
		return err
	}
	body, err := seal.Marshal(remindBody{Version: t.heads.owner.Version, To: sealed})
	if err != nil {
		return err
	}
	record, err := t.signer.SignEnvelope(t.v.id.remindContext(nil), body)
	if err == nil {
		t.tx.PutUnique(t.v.id.remind(), record)
	}
	return err
}

// RemindsBy returns the channels by which this service can reach people; none without
// a messenger.
func (s *Vaults) RemindsBy() (out []Channel) {
	if s.cfg.Messenger == nil {
		return nil
	}
	for _, c := range []Channel{BySMS, ByEmail, ByRelay} {
		if s.cfg.Messenger.Offers(c) {
			out = append(out, c)
		}
	}
	return out
}
