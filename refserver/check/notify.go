package check

import "context"

// notify looks at the server for e-mails of reminders, and sends nothing. A gateway for SMS
// cannot be tried without a message: its address was looked at when it was read.
func (k *checker) notify(ctx context.Context) {
	const part = "reminders"
	mail, ok := k.c.Notify.Mail()
	if !ok {
		return
	}
	if mail.Reach(ctx) != nil { // what a server answers may hold the user
		k.fail(part, "Look at --notify-smtp: the port, STARTTLS or smtps://, the user and the password.", "The server for e-mails does not answer, offers no encryption, or refuses the user.")
		return
	}
	k.good(part, "The server for e-mails answers.")
}
