package post_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/post"
	"reconnect.example/vault"
)

// elsewhere is a connection to a machine of the internet, as far as it says.
type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(93, 184, 215, 14), Port: 587}
}

// plainServer is a mail server that offers no STARTTLS, or one before which somebody took
// the offer out; said is what it was told before the other side went.
func plainServer(t *testing.T, offers, password string) (m post.Mail, said func() []string) {
	t.Helper()
	here, there := net.Pipe()
	lines := make(chan []string, 1)
	go func() {
		var all []string
		defer func() { lines <- all }()
		_, _ = io.WriteString(there, "220 mail.example\r\n")
		r := bufio.NewReader(there)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			all = append(all, strings.TrimSpace(line))
			switch {
			case strings.HasPrefix(line, "EHLO"):
				_, _ = io.WriteString(there, offers)
			default:
				_, _ = io.WriteString(there, "250 ok\r\n")
			}
		}
	}()
	m = post.Mail{
		Host: "mail.example:587", From: "noreply@espace.example",
		Dial: func(context.Context, string, string) (net.Conn, error) { return elsewhere{here}, nil },
	}
	if password != "" {
		m.User, m.Password = "reconnect", password
	}
	return m, func() []string {
		_ = there.Close()
		return <-lines
	}
}

// Without encryption neither the password of the server nor an address of a person goes
// over a line that others can read.
func TestNothingIsSentToAServerThatOffersNoEncryption(t *testing.T) {
	t.Parallel()
	for name, offers := range map[string]string{
		"nothing offered":  "250 mail.example\r\n",
		"only a password":  "250-mail.example\r\n250 AUTH PLAIN LOGIN\r\n",
		"something else":   "250-mail.example\r\n250-8BITMIME\r\n250 XXXXXXXX\r\n", // as some middle boxes write over it
		"STARTTLS refused": "250-mail.example\r\n250 STARTTLS\r\n",
	} {
		for _, password := range []string{"", "the password of the gateway"} {
			t.Run(name+password, func(t *testing.T) {
				t.Parallel()
				mail, said := plainServer(t, offers, password)
				m, err := post.New(post.Config{Mail: mail})
				require.NoError(t, err)
				err = m.Send(t.Context(), message(vault.ByEmail, "person@example.org"))
				require.ErrorIs(t, err, post.ErrNotSent)
				require.NotContains(t, err.Error(), "person@")
				for _, line := range said() {
					require.Regexp(t, "^(EHLO|STARTTLS|QUIT|\\*)", line)
				}
				mail, said = plainServer(t, offers, password)
				require.Error(t, mail.Reach(t.Context()), "and the check before it goes live says so")
				for _, line := range said() {
					require.Regexp(t, "^(EHLO|STARTTLS|QUIT|\\*)", line)
				}
			})
		}
	}
}
