package api

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// tusClient is the folder in which npm has put tus-js-client: see .ci/run.
const tusClient = "RECONNECT_TUS_CLIENT"

// Somebody else's client, over a network that is cut again and again, gets its document
// in, to the byte.
func TestUploadsGoOnWithSomebodyElsesClient(t *testing.T) {
	t.Parallel()
	folder := os.Getenv(tusClient)
	node, err := exec.LookPath("node")
	if folder == "" || err != nil {
		if os.Getenv("RECONNECT_TEST_ALL") == "1" {
			require.Fail(t, "needs node, and in "+tusClient+" a folder with npm's tus-js-client")
		}
		t.Skip("needs node, and in " + tusClient + " a folder with npm's tus-js-client")
	}
	p := commonServer(t).newPerson(t)
	b := paper(7, 6*uploadPart+123)
	file := filepath.Join(t.TempDir(), "film")
	require.NoError(t, os.WriteFile(file, b, 0o600))
	network := cutAt(t, strings.TrimPrefix(p.s.URL, "http://"), 3*uploadPart/2, 3*uploadPart, 5*uploadPart)
	c := exec.CommandContext(t.Context(), node, "testdata/tus.cjs", "http://"+network+Path+"/uploads", p.token, file) //nolint:gosec // a test
	c.Env = append(os.Environ(), "TUS_CLIENT="+folder)
	var said, wrong bytes.Buffer
	c.Stdout, c.Stderr = &said, &wrong
	require.NoError(t, c.Run(), wrong.String())
	var end struct {
		Document string
		Retries  int
		URL      string
	}
	require.NoError(t, json.Unmarshal(said.Bytes(), &end), said.String())
	require.GreaterOrEqual(t, end.Retries, 3, "it was cut")
	require.True(t, strings.HasSuffix(end.URL, "/"+end.Document))
	item := ok[Item](p.call("GET", "/items/"+end.Document, nil), 200)
	require.Equal(t, "Film", item.Name)
	require.True(t, bytes.Equal(b, p.call("GET", "/documents/"+end.Document+"/content", nil).Body))
}

// cutAt is a way to a server on which every connection breaks when so many bytes in all
// have passed to it.
func cutAt(t *testing.T, to string, points ...int) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var mu sync.Mutex
	passed := 0
	over := func(n int) bool {
		mu.Lock()
		defer mu.Unlock()
		passed += n
		if len(points) > 0 && passed > points[0] {
			points = points[1:]
			return true
		}
		return false
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = from.Close()
				continue
			}
			all.Go(func() { _, _ = io.Copy(from, server); _ = from.Close() })
			all.Go(func() {
				defer server.Close()
				defer from.Close()
				buf := make([]byte, 32<<10)
				for {
					n, err := from.Read(buf)
					if _, writeErr := server.Write(buf[:n]); err != nil || writeErr != nil || over(n) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return l.Addr().String()
}
