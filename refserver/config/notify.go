package config

import (
	"net/mail"
	"net/url"

	"reconnect.example/refserver/outbound"
	"reconnect.example/refserver/post"
)

// Notify says by whom reminders go to people who asked for them.
type Notify struct {
	SMTP    URL    `name:"smtp" placeholder:"URL" help:"Server that takes e-mails of reminders, such as smtp://user:password@mail.example.org:587 (STARTTLS, without which nothing is sent) or smtps://…:465. Default: none, and no reminders by e-mail."`
	From    string `placeholder:"ADDRESS" help:"Address of the sender of those e-mails."`
	SMS     URL    `name:"sms" placeholder:"URL" help:"Gateway that takes short messages by a POST over HTTPS, on the public internet; user and password in the URL are sent as basic authentication. Default: none, and no reminders by SMS."`
	SMSBody string `name:"sms-body" placeholder:"JSON" help:"What the gateway is sent, with {to}, {text} and {id} in the places of strings. Default: an object with these three."`
	Name    string `default:"Reconnect" help:"Name with which messages begin; empty: none, so that nobody who looks at the phone learns whom they are from. Default: ${default}."`
}

func (n *Notify) check(expect func(bool, string)) {
	if n.SMTP != "" {
		_, ok := n.mail()
		expect(ok, "--notify-smtp must be smtp://host:port or smtps://host:port, with a user and a password where the server wants them")
		a, err := mail.ParseAddress(n.From)
		expect(err == nil && a.Address == n.From, "--notify-from must be an e-mail address, where --notify-smtp is given")
	}
	if n.SMS != "" {
		_, err := post.New(post.Config{SMS: post.SMS{URL: n.SMS.Reveal(), Body: n.SMSBody}})
		expect(err == nil, "--notify-sms must be an https:// address of the public internet, and --notify-sms-body JSON with {to} and {text}")
	}
}

// Mail is the server for e-mails; false: there is none.
func (n *Notify) Mail() (post.Mail, bool) {
	if n.SMTP == "" {
		return post.Mail{}, false
	}
	return n.mail()
}

func (n *Notify) mail() (m post.Mail, ok bool) {
	u, err := url.Parse(n.SMTP.Reveal())
	if err != nil || u.Port() == "" || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Path != "" || u.RawQuery != "" {
		return m, false
	}
	password, _ := u.User.Password()
	return post.Mail{Host: u.Host, User: u.User.Username(), Password: password, From: n.From, TLS: u.Scheme == "smtps"}, true
}

// Messenger is what sends, nil if nothing does.
func (n *Notify) Messenger() (*post.Messenger, error) {
	cfg := post.Config{SMS: post.SMS{URL: n.SMS.Reveal(), Body: n.SMSBody}, Name: n.Name, Outbound: outbound.New(nil)}
	if n.SMTP != "" {
		cfg.Mail, _ = n.mail()
	}
	return post.New(cfg)
}
