package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/stretchr/testify/require"
)

// watched is what a browser did unseen.
type watched struct {
	mu     sync.Mutex
	asked  []string // addresses
	errors []string // of the console
	pages  map[network.RequestID]bool
	sent   map[network.RequestID]string // addresses of what was asked
	bytes  map[string]int               // over the wire, by address, when it came for the first time
	main   int                          // bytes of the page itself
	shown  int                          // pages
}

func newWatched() *watched {
	return &watched{pages: map[network.RequestID]bool{}, sent: map[network.RequestID]string{}, bytes: map[string]int{}}
}

func (w *watched) event(ev any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		w.asked = append(w.asked, e.Request.URL)
		w.sent[e.RequestID] = e.Request.URL
		if e.Type == network.ResourceTypeDocument {
			w.pages[e.RequestID] = true
		}
	case *page.EventFrameNavigated:
		if e.Frame.ParentID == "" && e.Frame.URL != "about:blank" {
			w.shown++
		}
	case *network.EventLoadingFinished:
		address, size := w.sent[e.RequestID], int(e.EncodedDataLength)
		w.bytes[address] = max(w.bytes[address], size)
		if w.pages[e.RequestID] {
			w.main = size
		}
	case *runtime.EventExceptionThrown:
		w.errors = append(w.errors, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.errors = append(w.errors, fmt.Sprintf("console.%s", e.Type))
		}
	case *log.EventEntryAdded:
		// That a page itself is a refusal is the story's to judge, not a fault of the page.
		if e.Entry.Level == log.EntryLevelError && !w.pages[e.Entry.NetworkRequestID] {
			w.errors = append(w.errors, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// screens is how many pages were shown.
func (w *watched) screens() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown
}

// weight is what the page that stands there weighs with all that it loaded, also what
// the browser had already.
func (w *watched) weight(loaded []string) (total int, each map[string]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	total, each = w.main, map[string]int{"the page": w.main}
	for _, address := range loaded {
		address, _, _ = strings.Cut(address, "#")
		if _, known := each[address]; !known {
			each[address] = w.bytes[address]
			total += w.bytes[address]
		}
	}
	return total, each
}

func (s *surfer) hadNoFault() {
	s.watched.mu.Lock()
	defer s.watched.mu.Unlock()
	require.Empty(s, s.faults, "%s", strings.Join(s.faults, "\n"))
	require.Empty(s, s.watched.errors, "errors in the console of %s", s.name)
	for _, address := range s.watched.asked {
		own := strings.HasPrefix(address, "data:") || strings.HasPrefix(address, "chrome-extension:") || address == "about:blank" || // its reader of PDFs, too
			strings.HasPrefix(address, "blob:"+s.site+"/") // what the page itself has in memory
		if !own {
			require.True(s, strings.HasPrefix(address, s.site+"/"), "%s asked %s", s.name, address)
		}
	}
}

// forgives forgets what the browser's console said of a refusal that the story wants, or
// of a connection that it cut.
func (s *surfer) forgives(what string) {
	s.watched.mu.Lock()
	defer s.watched.mu.Unlock()
	s.watched.errors = slices.DeleteFunc(s.watched.errors, func(e string) bool { return strings.Contains(e, what) })
}
