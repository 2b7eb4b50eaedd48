package post_test

import (
	"bufio"
	"encoding/json"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/outbound"
	"reconnect.example/refserver/post"
	"reconnect.example/vault"
)

var at = time.Date(2026, 11, 24, 9, 0, 0, 0, time.FixedZone("", 3600))

func message(c vault.Channel, to string) vault.Message {
	return vault.Message{ID: "abc", Kind: vault.MessageAppointment, Channel: c, Address: to, Language: "fr", At: at}
}

func TestAMessageSaysWhenAndNothingElse(t *testing.T) {
	t.Parallel()
	m, err := post.New(post.Config{SMS: post.SMS{URL: "https://gateway.example"}, Name: "Reconnect"})
	require.NoError(t, err)
	plain := func(s string) string { return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(s) }
	require.Equal(t, "Reconnect : vous avez un rendez-vous mardi 24 novembre 2026 à 9 h. Détails dans votre espace.", strings.Replace(plain(m.Text(message(vault.BySMS, "+33612345678"))), "9 h 00", "9 h", 1))
	for _, language := range []string{"fr", "en", "ar"} {
		for _, kind := range []vault.MessageKind{vault.MessageCode, vault.MessageAppointment, vault.MessagePaper} {
			msg := message(vault.BySMS, "+33612345678")
			msg.Kind, msg.Language, msg.Code = kind, language, "123456"
			text := m.Text(msg)
			require.NotContains(t, text, "%")
			require.NotContains(t, text, "http")
			require.Less(t, len([]rune(text)), 160, text)
		}
	}
}

func TestAnSMSGoesToTheGateway(t *testing.T) {
	t.Parallel()
	var got map[string]string
	refuse := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse {
			http.Error(w, "no +33612345678", http.StatusBadGateway)
			return
		}
		b, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(b, &got)
	}))
	t.Cleanup(s.Close)
	m, err := post.New(post.Config{SMS: post.SMS{URL: s.URL, Body: `{"dest":{to},"body":{text},"sender":"x"}`}, Outbound: outbound.New(&outbound.Options{Loopback: true})})
	require.NoError(t, err)
	require.True(t, m.Offers(vault.BySMS))
	require.False(t, m.Offers(vault.ByEmail))
	require.NoError(t, m.Send(t.Context(), message(vault.BySMS, "+33612345678")))
	require.Equal(t, "+33612345678", got["dest"])
	require.Equal(t, "x", got["sender"])
	require.True(t, strings.HasPrefix(got["body"], "vous avez"), "without a name where none is wanted")
	refuse = true
	err = m.Send(t.Context(), message(vault.BySMS, "+33612345678"))
	require.ErrorIs(t, err, post.ErrNotSent)
	require.NotContains(t, err.Error(), "336")
	_, err = post.New(post.Config{SMS: post.SMS{URL: "http://10.0.0.1/"}})
	require.Error(t, err)
	_, err = post.New(post.Config{SMS: post.SMS{URL: "https://gateway.example", Body: "{to}{"}})
	require.Error(t, err)
}

// mailServer takes one letter on loopback, as RFC 5321 says.
func mailServer(t *testing.T) (address string, letter <-chan string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	out := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // a test
		r := bufio.NewReader(conn)
		say := func(s string) { _, _ = io.WriteString(conn, s+"\r\n") }
		say("220 here")
		var data strings.Builder
		for in := false; ; {
			line, err := r.ReadString('\n')
			switch {
			case err != nil:
				return
			case in && line == ".\r\n":
				in = false
				out <- data.String()
				say("250 taken")
			case in:
				data.WriteString(line)
			case strings.HasPrefix(line, "DATA"):
				in = true
				say("354 go on")
			case strings.HasPrefix(line, "QUIT"):
				say("221 bye")
				return
			default:
				say("250 ok")
			}
		}
	}()
	return l.Addr().String(), out
}

func TestAnEmailIsALetterThatProgramsRead(t *testing.T) {
	t.Parallel()
	address, letters := mailServer(t)
	m, err := post.New(post.Config{Mail: post.Mail{Host: address, From: "noreply@espace.example"}})
	require.NoError(t, err)
	require.NoError(t, m.Send(t.Context(), message(vault.ByEmail, "person@example.org")))
	letter, err := mail.ReadMessage(strings.NewReader(<-letters))
	require.NoError(t, err)
	require.Equal(t, "<person@example.org>", letter.Header.Get("To"))
	require.Equal(t, "Message", letter.Header.Get("Subject"))
	body, err := io.ReadAll(quotedprintable.NewReader(letter.Body))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(body), "vous avez un rendez-vous"), string(body))
	require.NotContains(t, string(body), "http")
}
