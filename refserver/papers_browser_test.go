package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/stretchr/testify/require"
)

// radio is what lies between a phone and the server, and can be cut.
type radio struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	gone  bool
	after int // bytes that still pass to the server before it is gone; negative: all
	sent  int // bytes that have passed to the server
	conns map[net.Conn]bool
	all   sync.WaitGroup
}

func newRadio(t *testing.T, to string) *radio {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	n := &radio{listener: l, to: strings.TrimPrefix(to, "http://"), after: -1, conns: map[net.Conn]bool{}}
	n.all.Go(n.serve)
	t.Cleanup(func() {
		_ = l.Close()
		n.cut()
		n.all.Wait()
	})
	return n
}

func (n *radio) url() string { return "http://" + n.listener.Addr().String() }

func (n *radio) serve() {
	for {
		phone, err := n.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", n.to)
		if err != nil || !n.joins(phone, server) {
			_ = phone.Close()
			if server != nil {
				_ = server.Close()
			}
			continue
		}
		n.all.Go(func() { _, _ = io.Copy(phone, server); _ = phone.Close() })
		n.all.Go(func() { n.pass(server, phone) })
	}
}

func (n *radio) joins(conns ...net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range conns {
		n.conns[c] = true
	}
	return !n.gone
}

func (n *radio) pass(server, phone net.Conn) {
	defer server.Close()
	buf := make([]byte, 16<<10)
	for {
		got, err := phone.Read(buf)
		if got > 0 {
			if _, err := server.Write(buf[:got]); err != nil {
				return
			}
			n.mu.Lock()
			n.sent += got
			over := n.after >= 0 && n.sent > n.after
			n.mu.Unlock()
			if over {
				n.cut()
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cut ends every connection, and takes no new one.
func (n *radio) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone = true
	for c := range n.conns {
		_ = c.Close()
	}
	clear(n.conns)
}

// cutAfter lets so many more bytes pass to the server. What has passed is counted anew.
func (n *radio) cutAfter(bytes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone, n.after, n.sent = false, bytes, 0
}

func (n *radio) isGone() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.gone
}

func (n *radio) passed() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent
}

// noisy is a photo of some megabytes, wider than high.
func noisy(t *testing.T, seed uint64) string {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test
	m := image.NewGray(image.Rect(0, 0, 1600, 1200))
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32())
	}
	var out bytes.Buffer
	require.NoError(t, jpeg.Encode(&out, m, &jpeg.Options{Quality: 90}))
	path := filepath.Join(t.TempDir(), "IMG_0001.jpg")
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))
	return path
}

// A paper of two pages is photographed with a phone that loses the network twice, and
// whose page is loaded anew in between.
func TestStoryOfAPaperOfTwoPagesFromAPhone(t *testing.T) {
	t.Parallel()
	r := start(t, filepath.Join(shortDir(t), "data"), "--demo")
	n := newRadio(t, r.url)
	s := openWindow(t).surf(t, "papers", newPhone, "fr")
	r.url = n.url()
	s.signIn(r)
	files := []string{noisy(t, 1), noisy(t, 2)}
	choose := func() {
		s.goTo(n.url() + "/papers/add")
		s.waitFor("field.photo")
		s.do(chromedp.SetUploadFiles(chromedp.CSS("#f-file"), files))
		s.waitFor("Page 2")
		s.press("#phone li:first-child [data-do=turn]")
		require.Eventually(s, func() bool {
			high, err := chromedp.Run(s.ctx, chromedp.Evaluate[bool](`[...document.querySelectorAll("#phone canvas")].map(c => c.height > c.width).join() === "true,false"`))
			return err == nil && high
		}, time.Minute, 50*time.Millisecond, "the page is not turned")
		s.press("details.photos summary")
		s.press("#f-original")
		s.write("#f-title", "Bail")
	}
	choose()
	s.look("pages", "Tourner", "Ces photos sont les pages d’un seul papier")
	const half = 1_500_000
	n.cutAfter(half)
	s.press("main form.adding button.main.wide")
	s.waitFor("Le réseau est coupé.")
	require.True(t, n.isGone())
	s.look("cut", "Réessayer maintenant")
	n.cutAfter(half)
	s.press("#phone [data-do=now]")
	require.Eventually(s, n.isGone, 2*time.Minute, 20*time.Millisecond, "it goes on by itself, until the network is gone again")
	s.waitFor("Le réseau est coupé.")
	n.cutAfter(-1)
	choose()
	s.press("main form.adding button.main.wide")
	s.waitFor("done.added")
	s.forgives("net::ERR_")
	s.look("paper", "Bail")
	s.seesPictures("main img.picture", "naturalWidth")
	s.press(`a[href$="/file"]`)
	out := s.downloaded("Bail*.pdf")
	require.Less(t, n.passed(), len(out), "what had arrived is not sent again: all but what was under way when the network went")
	pages, err := api.PageCount(bytes.NewReader(out), nil)
	require.NoError(t, err)
	require.Equal(t, 2, pages)
	for _, name := range files {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Contains(t, string(out), string(content[len(content)-100_000:]), "not one pixel changed")
	}
	s.goTo(n.url() + "/papers")
	s.seesPictures(".sight canvas", "width")
	s.look("papers", "Bail")
}

// seesPictures waits for a picture that was painted.
func (s *surfer) seesPictures(selector, width string) {
	s.Helper()
	require.Eventually(s, func() bool {
		seen, err := chromedp.Run(s.ctx, chromedp.Evaluate[bool](`[...document.querySelectorAll("`+selector+`")].some(e => e.`+width+` > 20)`))
		return err == nil && seen
	}, 2*time.Minute, 50*time.Millisecond, "no small picture")
}
