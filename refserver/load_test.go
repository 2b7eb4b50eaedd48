package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testservices"
	"reconnect.example/quota"
	"reconnect.example/storage/bucket"
	"reconnect.example/vault"
)

// loadSeconds is how long the run under load takes: so many seconds with
// RECONNECT_LOAD_SECONDS, ten with RECONNECT_TEST_ALL=1, otherwise none.
func loadSeconds(t *testing.T) time.Duration {
	t.Helper()
	if text := os.Getenv("RECONNECT_LOAD_SECONDS"); text != "" {
		seconds, err := strconv.Atoi(text)
		require.NoError(t, err)
		return time.Duration(seconds) * time.Second
	}
	if os.Getenv("RECONNECT_TEST_ALL") != "1" {
		t.Skip("takes ten seconds with RECONNECT_TEST_ALL=1, or as many as RECONNECT_LOAD_SECONDS says")
	}
	return 10 * time.Second
}

const (
	loadPeople  = 4
	loadPerson  = 2 // programs that work for each at once
	killedEvery = 3 * time.Second
)

// load is what happened.
type load struct {
	*cluster
	tried, acknowledged, failed, retried, found, kills, away atomic.Int64

	mu   sync.Mutex
	docs map[*person]map[string][sha256.Size]byte // what was acknowledged or found, by name
}

// Two servers work for the same people while one of them is killed every few
// seconds. Nothing acknowledged is lost, nobody is signed out, and the ledger is
// exact to the byte.
func TestTwoServersUnderLoadWithOneKilledEveryFewSeconds(t *testing.T) {
	duration := loadSeconds(t)
	c := newCluster(t, "--quota", "20000000000")
	l := &load{cluster: c, docs: map[*person]map[string][sha256.Size]byte{}}
	var people []*person
	for n := range loadPeople {
		p := c.newPerson()
		c.signIn(p, n%2)
		people, l.docs[p] = append(people, p), map[string][sha256.Size]byte{}
	}
	ctx, stop := context.WithTimeout(t.Context(), duration)
	defer stop()
	var working sync.WaitGroup
	for n, p := range people {
		for m := range loadPerson {
			working.Go(func() { l.work(ctx, p, fmt.Sprint(n, "-", m)) })
		}
	}
	l.killing(ctx)
	working.Wait()

	present, twice := 0, 0
	for _, p := range people {
		for server := range c.servers {
			p, d := l.verify(p, server)
			if server == 0 {
				present, twice = present+p, twice+d
			}
		}
	}
	t.Logf("%s: kills %d; uploads tried %d, acknowledged %d, failed %d, retried %d, found although the answer was lost %d, refused as the server was away %d; present %d, of these twice %d",
		duration, l.kills.Load(), l.tried.Load(), l.acknowledged.Load(), l.failed.Load(), l.retried.Load(), l.found.Load(), l.away.Load(), present, twice)
	require.Positive(t, l.kills.Load())
	require.Positive(t, l.acknowledged.Load())
	require.EqualValues(t, l.acknowledged.Load()+l.found.Load()+int64(twice), present)
	l.tidy(people)
}

// killing kills one server after the other, each time when both have worked for
// a while.
func (l *load) killing(ctx context.Context) {
	every := time.NewTicker(killedEvery)
	defer every.Stop()
	for n := 0; ; n = 1 - n {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		l.kill(n)
		l.kills.Add(1)
		l.spawn(n)
		l.ready(n)
	}
}

// work uploads one document after the other, and does with a lost answer what a
// careful program does: it looks, and sends again what is not there.
func (l *load) work(ctx context.Context, p *person, name string) {
	for n := 0; ctx.Err() == nil; n++ {
		server := l.serving(n % len(l.servers))
		title := fmt.Sprint(name, "-", n)
		content := make([]byte, 1+rand.IntN(300_000))
		_, _ = rand.NewChaCha8(sha256.Sum256([]byte(title))).Read(content)
		l.tried.Add(1)
		for again := false; ; again = true {
			if again {
				l.retried.Add(1)
			}
			status, _, err := l.upload(p, server, title, content)
			if err == nil && status == http.StatusCreated {
				l.acknowledged.Add(1)
				break
			}
			if err == nil && status < http.StatusInternalServerError && status != http.StatusRequestTimeout {
				l.Errorf("an upload was answered with %d", status) // 401: somebody was signed out
				return
			}
			l.failed.Add(1)
			server = 1 - server
			if l.isThere(p, title) {
				l.found.Add(1)
				break
			}
		}
		l.mu.Lock()
		l.docs[p][title] = sha256.Sum256(content)
		l.mu.Unlock()
	}
}

// serving is a server or, while that is away, the other one: as a proxy does
// that asks /readyz.
func (l *load) serving(n int) int {
	if l.urls[n].Load() == nil {
		return 1 - n
	}
	return n
}

// isThere looks until a server answers.
func (l *load) isThere(p *person, title string) bool {
	for server := 0; ; server = 1 - server {
		all, err := l.documents(p, server)
		if err != nil {
			l.away.Add(1)
			if l.Context().Err() != nil {
				return false
			}
			pause := time.NewTimer(20 * time.Millisecond) // nobody waits for a server that is away
			<-pause.C
			continue
		}
		for _, d := range all {
			if d.Name == title {
				return true
			}
		}
		return false
	}
}

// verify holds what a server lists and gives against what was acknowledged.
func (l *load) verify(p *person, server int) (present, twice int) {
	all, err := l.documents(p, server)
	require.NoError(l, err)
	seen := map[string]int{}
	for _, d := range all {
		want, known := l.docs[p][d.Name]
		require.True(l, known, "nobody sent %s", d.Name)
		require.Equal(l, hex.EncodeToString(want[:]), d.Document.Sha256)
		if seen[d.Name]++; seen[d.Name] > 1 {
			twice++
		}
		if server == 0 {
			require.Equal(l, want, sha256.Sum256([]byte(l.read(p, server, "/documents/"+d.ID+"/content"))))
		}
	}
	for name := range l.docs[p] {
		require.Positive(l, seen[name], "%s was acknowledged and is lost", name)
	}
	return len(all), twice
}

// tidy ends the servers and lets so much time pass that what they left behind is
// due: then there are exactly the blobs that records name.
func (l *load) tidy(people []*person) {
	for n := range l.servers {
		require.NoError(l, l.servers[n].Process.Signal(os.Interrupt))
		require.Zero(l, l.servers[n].wait(l.T), l.servers[n].logs.String())
	}
	e, settings := l.open()
	later := e.Config(settings)
	later.Now = func() time.Time { return time.Now().Add(48 * time.Hour) }
	var err error
	later.Quota, err = quota.New(quota.Config{Allowance: settings.Quota, Now: later.Now})
	require.NoError(l, err)
	vaults, err := vault.New(l.Context(), later)
	require.NoError(l, err)
	defer vaults.Close() //nolint:errcheck // nothing is reported
	for range 2 {
		report, err := vaults.Sweep(l.Context())
		require.NoError(l, err)
		l.Logf("swept %+v", report)
	}
	named := map[string]bool{}
	for _, p := range people {
		v, err := e.Unlock(l.Context(), vault.Password{Login: p.login, Secret: p.secret})
		require.NoError(l, err)
		l.exact(e, p)
		space, err := v.Space(l.Context())
		require.NoError(l, err)
		require.Zero(l, space.Reserved)
		for rec, err := range e.Records.All(l.Context(), v.ID().String()+"/i/") {
			require.NoError(l, err)
			for _, part := range vault.StoredParts(rec) {
				named[part.Blob] = true
			}
		}
		v.Close()
	}
	require.Equal(l, slices.Sorted(maps.Keys(named)), l.objects(settings.Blobs.Reveal()), "every blob has its record")
}

// objects lists the bucket past the driver, in order.
func (l *load) objects(rawURL string) (names []string) {
	client, bucketName := testservices.S3Client(l, rawURL)
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucketName})
	for pages.HasMorePages() {
		page, err := pages.NextPage(l.Context())
		require.NoError(l, err)
		for _, o := range page.Contents {
			if *o.Key != bucket.Marker {
				names = append(names, *o.Key)
			}
		}
	}
	slices.Sort(names)
	return names
}
