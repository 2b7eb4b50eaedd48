package main

import (
	"image"
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

// What docs/performance.md tells people to run still runs, in a small size.
func TestTheServerIsMeasuredAsThePagesSay(t *testing.T) {
	t.Parallel()
	needsProc(t)
	dir := t.TempDir()
	binary, err := buildServer(t.Context(), dir)
	require.NoError(t, err)

	t.Run("a mixed load, of which nothing acknowledged is lost", func(t *testing.T) {
		t.Parallel()
		m := &mixed{requests: 100, people: 2, papers: 2, clients: 3, paper: 10_000}
		results, err := m.run(t.Context(), options{repeat: 1}, binary, filepath.Join(dir, "mixed"))
		require.NoError(t, err)
		require.Zero(t, m.wrong(), m.complaints())
		for kind, k := range mix {
			require.Equal(t, k.of100, m.spent[kind].number(), k.what)
		}
		last := results[len(results)-1]
		require.Equal(t, "killed and started again: the 12 papers that were acknowledged", last.what)
		require.Equal(t, "0 lost, 0 that nobody sent", last.value)
		require.True(t, last.pass)
	})
	t.Run("photos on the pages", func(t *testing.T) {
		t.Parallel()
		s, people, err := readyPeople(t.Context(), binary, filepath.Join(dir, "photos"), 2)
		require.NoError(t, err)
		defer func() { require.NoError(t, s.stop()) }()
		plain, err := newPhoto(image.NewGray(image.Rect(0, 0, 300, 200)))
		require.NoError(t, err)
		r, err := plain.measure(t.Context(), s, people)
		require.NoError(t, err)
		require.Contains(t, r.value, "; 2 small pictures by then")
		long, err := endless(100_000)
		require.NoError(t, err)
		r, err = long.measure(t.Context(), s, people)
		require.NoError(t, err)
		require.Regexp(t, `^[0-9.]+ MB over [0-9.]+ MB idle`, r.value)
	})
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
	needsProc(t)
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

// needsProc skips where the system does not say what a process takes, unless all tests are
// wanted: then it fails.
func needsProc(t *testing.T) {
	t.Helper()
	_, err := os.Stat("/proc/self/stat")
	if err != nil && os.Getenv("RECONNECT_TEST_ALL") != "1" {
		t.Skip("needs /proc")
	}
	require.NoError(t, err, "the test needs /proc")
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
