package vault

import (
	"context"
	"time"
)

// Channel is a way to reach a person who is not signed in.
type Channel string

// The channels.
const (
	BySMS   Channel = "sms"
	ByEmail Channel = "email"
	ByRelay Channel = "relay" // on a list at a relay that follows them; the messenger is that of package consent
)

// MessageKind is what a message is about. No message says more of it than this.
type MessageKind string

// The kinds of messages.
const (
	MessageCode        MessageKind = "code"        // proves that the address is the person's
	MessageAppointment MessageKind = "appointment" // they have an appointment
	MessagePaper       MessageKind = "paper"       // a paper of theirs is valid until a day
)

// Message is one message to a person, without the words, which are the messenger's.
// It has no place, no name and no reason, because the library does not know them when
// it is sent.
type Message struct {
	ID       string // random to others; the same for each try of one message
	Kind     MessageKind
	Channel  Channel
	Address  string // "+33612345678", "person@example.org", or what AtRelay reads
	Language string // BCP 47, as the person chose it
	Code     string // of MessageCode, six digits
	At       time.Time
	Day      bool // At is a day, in its zone; otherwise an hour
}

// Messenger sends messages. It must be safe for many goroutines.
type Messenger interface {
	// Offers says whether messages can be sent by a channel.
	Offers(Channel) bool
	// Send hands one message over. An error means that it was not sent as far as is
	// known: it is tried again. The error must not name the address.
	Send(ctx context.Context, m Message) error
}

// Withdrawer is a Messenger that can take a message back that is of no more use, as it
// lies where people read it: a code that was used, an appointment that was moved or
// cancelled, reminders that were stopped. What is not there is no error.
type Withdrawer interface {
	// Withdraw takes one message back, named by its ID, Channel and Address. An error
	// means that it may still lie there.
	Withdraw(ctx context.Context, m Message) error
}

// Messengers are several as one: what is sent by a channel goes to the first that offers it.
type Messengers []Messenger

// Offers implements Messenger.
func (all Messengers) Offers(c Channel) bool { return all.by(c) != nil }

// Send implements Messenger. ErrNotSent for a channel that none offers.
func (all Messengers) Send(ctx context.Context, m Message) error {
	if by := all.by(m.Channel); by != nil {
		return by.Send(ctx, m)
	}
	return ErrNotSent
}

// Withdraw implements Withdrawer, for those that do.
func (all Messengers) Withdraw(ctx context.Context, m Message) error {
	if w, ok := all.by(m.Channel).(Withdrawer); ok {
		return w.Withdraw(ctx, m)
	}
	return nil
}

func (all Messengers) by(c Channel) Messenger {
	for _, m := range all {
		if m.Offers(c) {
			return m
		}
	}
	return nil
}
