package check_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/check"
)

func TestACheckAsksTheServerForEmails(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // a test
		_, _ = io.WriteString(conn, "220 here\r\n")
		for r := bufio.NewReader(conn); ; {
			line, err := r.ReadString('\n')
			if err != nil || strings.HasPrefix(line, "MAIL") { // nothing is sent
				return
			}
			_, _ = io.WriteString(conn, "250 ok\r\n")
		}
	}()
	says := func() (level check.Level) {
		findings, text, _ := run(t, "--data", t.TempDir(), "--notify-smtp", "smtp://"+l.Addr().String(), "--notify-from", "no@espace.example")
		require.NotContains(t, text, l.Addr().String())
		for _, f := range findings {
			if f.Part == "reminders" {
				level = f.Level
			}
		}
		return level
	}
	require.Equal(t, check.Good, says())
	require.NoError(t, l.Close())
	require.Equal(t, check.Problem, says())
}
