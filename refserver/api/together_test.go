package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// everything says that the tests run in full size.
func everything() bool { return os.Getenv("RECONNECT_TEST_ALL") == "1" }

// together sends n requests at the same moment and returns the answers.
func (p *person) together(n int, request func(i int) *http.Request) []*reply {
	p.t.Helper()
	requests, replies, errs := make([]*http.Request, n), make([]*reply, n), make([]error, n)
	for i := range n {
		requests[i] = request(i)
	}
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			response, err := p.s.Client().Do(requests[i])
			if err != nil {
				errs[i] = err
				return
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			replies[i], errs[i] = &reply{t: p.t, Status: response.StatusCode, Header: response.Header, Body: body}, err
		})
	}
	close(start)
	all.Wait()
	for i := range n {
		require.NoError(p.t, errs[i])
		p.s.judgeAnswer(p.t, requests[i], replies[i])
	}
	return replies
}

// TestManyUploadsAtOnceNeverPassTheQuota is what an ordinary file server gets
// wrong: 40 uploads of 10 MB at once against 150 MB.
func TestManyUploadsAtOnceNeverPassTheQuota(t *testing.T) {
	t.Parallel()
	const uploads = 40
	size, allowance := 500_000, int64(7_500_000)
	if everything() {
		size, allowance = 10_000_000, 150_000_000
	}
	for name, known := range map[string]bool{"known length": true, "unknown length": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newServer(t, serverOptions{allowance: allowance}).newPerson(t)
			before := ok[Space](p.call("GET", "/usage", nil), 200)
			replies := p.together(uploads, func(i int) *http.Request {
				var body io.Reader = bytes.NewReader(paper(byte(i), size))
				if !known {
					body = io.MultiReader(body)
				}
				return p.request("POST", "/documents", body, headerName, fmt.Sprint("papier-", i))
			})
			stored := map[string]Item{}
			for i, got := range replies {
				if got.Status == http.StatusCreated {
					stored[fmt.Sprint("papier-", i)] = ok[Item](got, 201)
				} else {
					require.NotNil(t, got.refused(507, "full").Left)
				}
			}
			after := ok[Space](p.call("GET", "/usage", nil), 200)
			require.LessOrEqual(t, after.Used, after.Limit)
			require.Zero(t, after.Reserved, "what was refused holds nothing")
			if known { // nobody was refused who had room: between the room reserved and the room taken
				each := ok[Item](replies[firstStored(replies)], 201).Document.Stored
				require.GreaterOrEqual(t, int64(len(stored)), before.Left/(each+4096))
				require.LessOrEqual(t, int64(len(stored)), before.Left/each)
			}
			p.holdsExactly(stored, size)
			for _, item := range stored {
				p.call("DELETE", "/items/"+item.ID, nil, "If-Match", `"1"`).done(204)
			}
			require.Equal(t, before, ok[Space](p.call("GET", "/usage", nil), 200), "and not a byte is lost")
		})
	}
}

func firstStored(replies []*reply) int {
	for i, r := range replies {
		if r.Status == http.StatusCreated {
			return i
		}
	}
	return 0
}

// holdsExactly holds that the list names these documents, and that each is whole.
func (p *person) holdsExactly(stored map[string]Item, size int) {
	p.t.Helper()
	list := ok[listed](p.call("GET", "/items?kind=document&limit=1000", nil), 200)
	require.Len(p.t, list.Items, len(stored))
	for _, item := range list.Items {
		require.Equal(p.t, stored[item.Name], item)
		var n int
		_, err := fmt.Sscanf(item.Name, "papier-%d", &n)
		require.NoError(p.t, err)
		sum := sha256.Sum256(paper(byte(n), size))
		require.Equal(p.t, hex.EncodeToString(sum[:]), item.Document.Sha256)
		got := p.call("GET", "/documents/"+item.ID+"/content", nil)
		require.True(p.t, bytes.Equal(paper(byte(n), size), got.Body))
	}
}

func TestOfManyEditsAtOnceOneWins(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	item := ok[Item](p.upload("Carte", paper(1, 10)), 201)
	won := ""
	for i, got := range p.together(12, func(i int) *http.Request {
		body, err := json.Marshal(map[string]string{"name": fmt.Sprint("nom-", i)})
		require.NoError(t, err)
		return p.request("PATCH", "/items/"+item.ID, bytes.NewReader(body), "If-Match", `"1"`, "Content-Type", "application/json")
	}) {
		if got.Status == http.StatusOK {
			require.Empty(t, won, "one alone")
			won = fmt.Sprint("nom-", i)
			continue
		}
		got.refused(412, "revision")
	}
	now := ok[Item](p.call("GET", "/items/"+item.ID, nil), 200)
	require.Equal(t, won, now.Name)
	require.EqualValues(t, 2, now.Revision)
}

// TestClientKilledWhileReplacingLeavesTheOldDocument pulls the plug of a client
// in the middle of a replacement, as a phone does that loses its battery.
func TestClientKilledWhileReplacingLeavesTheOldDocument(t *testing.T) {
	t.Parallel()
	p := commonServer(t).newPerson(t)
	content := paper(4, 900_000)
	item := ok[Item](p.upload("Bail", content), 201)
	before := ok[Space](p.call("GET", "/usage", nil), 200)
	for _, length := range []string{"Content-Length: 2000000", "Transfer-Encoding: chunked"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.s.URL, "http://"))
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "PUT %s/documents/%s/content HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIf-Match: \"1\"\r\n%s\r\n\r\n%x\r\n%s",
			Path, item.ID, p.token, length, 1_500_000, strings.Repeat("x", 1_000_000))
		require.NoError(t, err)
		require.Eventually(t, func() bool { // it is under way
			return ok[Space](p.call("GET", "/usage", nil), 200).Reserved > 0
		}, time.Minute, 10*time.Millisecond)
		require.NoError(t, conn.(*net.TCPConn).SetLinger(0))
		require.NoError(t, conn.Close())
		require.Eventually(t, func() bool {
			return ok[Space](p.call("GET", "/usage", nil), 200) == before
		}, time.Minute, 10*time.Millisecond, "the space comes back")
		require.Equal(t, item, ok[Item](p.call("GET", "/items/"+item.ID, nil), 200))
		require.True(t, bytes.Equal(content, p.call("GET", "/documents/"+item.ID+"/content", nil).Body))
	}
}
