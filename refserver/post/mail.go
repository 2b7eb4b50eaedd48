package post

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/netip"
	"net/smtp"
	"time"
)

// Mail is a server that takes e-mail (RFC 6409).
type Mail struct {
	Host           string // with its port
	User, Password string // "": the server asks for none
	From           string // address of the sender
	TLS            bool   // from the beginning (port 465); otherwise STARTTLS, without which nothing is sent
	Roots          *x509.CertPool
	// Dial connects; nil: net.Dialer. Whether the server is on this machine, the address
	// of the connection says.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const mailWaits = 20 * time.Second

// Reach says whether the server answers as it must, and takes the user and password. It
// sends nothing to anybody. The error is the server's or the network's.
func (m Mail) Reach(ctx context.Context) error {
	return m.with(ctx, func(c *smtp.Client) error { return c.Noop() })
}

// with connects. The connection is encrypted before anything of the person goes over it,
// unless the server is on this machine.
func (m Mail) with(ctx context.Context, do func(*smtp.Client) error) error {
	host, _, err := net.SplitHostPort(m.Host)
	if err != nil {
		return err
	}
	dial := m.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: mailWaits / 2}).DialContext
	}
	conn, err := dial(ctx, "tcp", m.Host)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // what was taken was taken
	deadline := time.Now().Add(mailWaits)
	if at, ok := ctx.Deadline(); ok && at.Before(deadline) {
		deadline = at
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	secured := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, RootCAs: m.Roots}
	remote, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	if m.TLS {
		conn = tls.Client(conn, secured)
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // the same
	if !m.TLS {
		if offered, _ := c.Extension("STARTTLS"); offered {
			err = c.StartTLS(secured)
		} else if !remote.Addr().Unmap().IsLoopback() {
			err = errors.New("post: the server offers no STARTTLS") // somebody between may have taken it out
		}
		if err != nil {
			return err
		}
	}
	if m.User != "" {
		if err := c.Auth(smtp.PlainAuth("", m.User, m.Password, host)); err != nil {
			return err
		}
	}
	if err := do(c); err != nil {
		return err
	}
	_ = c.Quit() // it was done with the answer before
	return nil
}

// send hands one e-mail over.
func (m Mail) send(ctx context.Context, to, subject, text, id string, now time.Time) error {
	return m.with(ctx, func(c *smtp.Client) error {
		if err := errors.Join(c.Mail(m.From), c.Rcpt(to)); err != nil {
			return err
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		if _, err := w.Write(m.letter(to, subject, text, id, now)); err != nil {
			return err
		}
		return w.Close()
	})
}

// letter is the e-mail (RFC 5322). Addresses were checked and have no line breaks.
func (m Mail) letter(to, subject, text, id string, now time.Time) []byte {
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"From", "<" + m.From + ">"}, {"To", "<" + to + ">"}, {"Subject", mime.QEncoding.Encode("utf-8", subject)},
		{"Date", now.UTC().Format(time.RFC1123Z)}, {"Message-ID", "<" + id + "@reminders.invalid>"},
		{"Auto-Submitted", "auto-generated"}, {"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	q := quotedprintable.NewWriter(&b)
	_, _ = q.Write([]byte(text + "\r\n")) // to memory
	_ = q.Close()
	return b.Bytes()
}
