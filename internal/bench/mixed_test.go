package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A small mixed load, on a server of its own that is killed in the end, so that what
// docs/performance.md tells people to run still runs.
func TestAMixedLoadIsAnsweredAndNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary, err := buildServer(t.Context(), dir)
	require.NoError(t, err)
	m := &mixed{requests: 100, people: 2, papers: 2, clients: 3, paper: 10_000}
	results, err := m.run(t.Context(), options{repeat: 1}, binary, filepath.Join(dir, "data"))
	require.NoError(t, err)
	require.Zero(t, m.wrong(), m.complaints())
	for kind, k := range mix {
		require.Equal(t, k.of100, m.spent[kind].number(), k.what)
	}
	last := results[len(results)-1]
	require.Equal(t, "killed and started again: the 12 papers that were acknowledged", last.what)
	require.Equal(t, "0 lost, 0 that nobody sent", last.value)
	require.True(t, last.pass)
}

// A load that believes whatever it is told would find nothing lost in any server.
func TestWhatIsLostOrForeignIsCounted(t *testing.T) {
	t.Parallel()
	p, m := servedBy(t, `{"items": [{"id": "there", "document": {"sha256": "`+strings.Repeat("00", 32)+`"}}]}`)
	p.sent[digest{}], p.kept["there"], p.ids = true, digest{}, []string{"there"}
	var timed time.Duration
	require.NoError(t, m.list(t.Context(), p, &timed))
	require.ErrorContains(t, m.read(t.Context(), p, &timed), "is not what was sent", "the list is no paper")

	delete(p.sent, digest{})
	require.ErrorContains(t, m.list(t.Context(), p, &timed), "nobody sent")
	lost, foreign, err := m.missing(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, []int{1, 1}, []int{lost, foreign})

	p.sent[digest{}], p.ids, p.kept["gone"] = true, append(p.ids, "gone"), digest{1}
	require.ErrorContains(t, m.list(t.Context(), p, &timed), "is not in the list")
	require.ErrorContains(t, m.page(t.Context(), p, &timed), "is not on the page")
}

func TestTimesAreThoseOfSoManyOfAHundred(t *testing.T) {
	t.Parallel()
	var all times
	require.Zero(t, all.within(99))
	for n := range 200 {
		all.add(time.Duration(200-n) * time.Millisecond)
	}
	require.Equal(t, 200, all.number())
	require.Equal(t, "p50 100ms, p99 198ms, longest 200ms", all.String())
}

func TestTheProcessorsTimeIsThatOfTheProcess(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc")
	}
	before, err := processor("self")
	require.NoError(t, err)
	for end := before + 3*tick; before < end; {
		if before, err = processor("self"); err != nil {
			break
		}
	}
	require.NoError(t, err)
	memory, err := resident("self", "VmRSS")
	require.NoError(t, err)
	require.Greater(t, memory, int64(1<<20))
}

// servedBy is somebody whose server answers everything with the same.
func servedBy(t *testing.T, answer string) (*customer, *mixed) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
	t.Cleanup(s.Close)
	p := &customer{sent: map[digest]bool{}, kept: map[string]digest{}}
	p.caller.Store(&caller{server: &server{url: s.URL, client: s.Client()}, token: "a"})
	return p, &mixed{}
}
