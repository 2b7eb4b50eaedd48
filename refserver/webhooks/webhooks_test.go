package webhooks_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"reconnect.example/refserver/outbound"
	"reconnect.example/refserver/webhooks"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// receiver is a program of others.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	heads  []http.Header
	status int
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{status: http.StatusNoContent}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		body, _ := io.ReadAll(q.Body)
		w.WriteHeader(r.status)
		r.bodies, r.heads = append(r.bodies, string(body)), append(r.heads, q.Header)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) endpoint(name string, secrets ...string) webhooks.Endpoint {
	return webhooks.Endpoint{Name: name, URL: r.URL, Secrets: secrets}
}

type desk struct {
	store *storage.Store
	now   time.Time
}

func newDesk() *desk {
	return &desk{store: storage.New(memstore.New()), now: time.Now().Truncate(time.Second)}
}

func (d *desk) sender(t testing.TB, to ...webhooks.Endpoint) *webhooks.Sender {
	t.Helper()
	s, err := webhooks.New(webhooks.Config{
		Store: d.store, Endpoints: to, Source: "https://espace.example.org", Now: func() time.Time { return d.now },
		Outbound: outbound.New(&outbound.Options{Loopback: true}), Jitter: func() float64 { return 0.5 },
	})
	require.NoError(t, err)
	return s
}

func (d *desk) event(n byte) vault.Event {
	return vault.Event{ID: vault.ID{n}.String(), Type: vault.EventDepositWaiting, Hour: d.now.Truncate(time.Hour)}
}

func deliver(t testing.TB, s *webhooks.Sender) webhooks.Report {
	t.Helper()
	r, err := s.Deliver(t.Context())
	require.NoError(t, err)
	return r
}

// What happens in a vault arrives at a program that knows Standard Webhooks, by its own
// library, and says nothing of whom.
func TestAProgramOfOthersVerifiesWhatItIsTold(t *testing.T) {
	t.Parallel()
	d, r, secret := newDesk(), newReceiver(t), webhooks.NewSecret()
	s := d.sender(t, r.endpoint("case-files", secret))
	stage := vaulttest.New(t, &vaulttest.Options{Events: s})
	id := stage.Person(t).Vault.ID()
	stage.Clock.Advance(time.Hour)
	d.now = stage.Clock.Now()
	_, err := stage.PublishEvents(t.Context())
	require.NoError(t, err)
	require.Equal(t, webhooks.Report{Sent: 1}, deliver(t, s))
	require.Zero(t, deliver(t, s), "once")

	by, err := standard.NewWebhook(secret)
	require.NoError(t, err)
	require.NoError(t, by.VerifyIgnoringTimestamp([]byte(r.bodies[0]), r.heads[0]))
	require.Error(t, by.VerifyIgnoringTimestamp([]byte(r.bodies[0]+" "), r.heads[0]))
	var e map[string]string
	require.NoError(t, json.Unmarshal([]byte(r.bodies[0]), &e))
	require.Equal(t, map[string]string{
		"specversion": "1.0", "id": r.heads[0].Get("Webhook-Id"), "source": "https://espace.example.org",
		"type": "org.reconnect.vault.created", "time": "2026-03-02T09:00:00Z",
	}, e)
	require.Equal(t, "application/cloudevents+json", r.heads[0].Get("Content-Type"))
	require.NotContains(t, r.bodies[0], id.String())
}

// Two secrets: a receiver that knows either of them believes it.
func TestASecretIsExchangedWithoutAGap(t *testing.T) {
	t.Parallel()
	d, r := newDesk(), newReceiver(t)
	former, present := webhooks.NewSecret(), webhooks.NewSecret()
	s := d.sender(t, r.endpoint("x", present, former))
	require.NoError(t, s.Publish(t.Context(), d.event(1)))
	deliver(t, s)
	for _, secret := range []string{former, present} {
		by, err := standard.NewWebhook(secret)
		require.NoError(t, err)
		require.NoError(t, by.Verify([]byte(r.bodies[0]), r.heads[0]))
	}
	other, err := standard.NewWebhook(webhooks.NewSecret())
	require.NoError(t, err)
	require.Error(t, other.Verify([]byte(r.bodies[0]), r.heads[0]))
}

// Who does not answer is tried less and less often, for three days, and keeps nobody else
// waiting; who is back gets what waited, each with the id that it always had.
func TestWhatIsNotTakenIsTriedAgainAndEnds(t *testing.T) {
	t.Parallel()
	d, r, well := newDesk(), newReceiver(t), newReceiver(t)
	s := d.sender(t, r.endpoint("ill", webhooks.NewSecret()), well.endpoint("well", webhooks.NewSecret()))
	r.status = http.StatusServiceUnavailable
	for n := range 3 {
		require.NoError(t, s.Publish(t.Context(), d.event(byte(n+1))))
	}
	require.Equal(t, webhooks.Report{Sent: 3, Failed: 1}, deliver(t, s))
	require.Zero(t, deliver(t, s), "left alone for a minute")
	tries := 1
	for range 24 * 60 {
		d.now = d.now.Add(time.Minute)
		tries += deliver(t, s).Failed
	}
	require.Greater(t, tries, 10)
	require.Less(t, tries, 20, "in a day")
	r.status = http.StatusOK
	d.now = d.now.Add(4 * time.Hour)
	require.Equal(t, 3, deliver(t, s).Sent)
	first, last := r.heads[0].Get("Webhook-Id"), r.heads[len(r.heads)-3].Get("Webhook-Id")
	require.Equal(t, first, last)

	r.status = http.StatusInternalServerError
	require.NoError(t, s.Publish(t.Context(), d.event(9)))
	deliver(t, s)
	d.now = d.now.Add(3*24*time.Hour + time.Hour)
	require.Equal(t, 1, deliver(t, s).Lost)
	for rec, err := range d.store.All(t.Context(), "svc/hook/ill/") {
		require.NoError(t, err)
		require.Empty(t, rec.Key)
	}
}

func TestServersAtOnceDeliverEachOnce(t *testing.T) {
	t.Parallel()
	d, r := newDesk(), newReceiver(t)
	e := r.endpoint("x", webhooks.NewSecret())
	one, other := d.sender(t, e), d.sender(t, e)
	for n := range 45 {
		require.NoError(t, one.Publish(t.Context(), d.event(byte(n+1))))
	}
	var all sync.WaitGroup
	for _, s := range []*webhooks.Sender{one, other, one} {
		all.Go(func() { _, _ = s.Deliver(t.Context()) })
	}
	all.Wait()
	deliver(t, one)
	seen := map[string]bool{}
	for _, h := range r.heads {
		require.False(t, seen[h.Get("Webhook-Id")])
		seen[h.Get("Webhook-Id")] = true
	}
	require.Len(t, seen, 45)
}

// A webhook is a way for whoever configures it to make the server speak to its own network,
// and for a name's owner to lead it there.
func TestNoWebhookReachesTheOwnNetwork(t *testing.T) {
	t.Parallel()
	secret := webhooks.NewSecret()
	for _, to := range []string{
		"http://example.org/x", "https://127.0.0.1/", "https://10.0.0.1/", "https://192.168.1.1/", "https://169.254.169.254/latest/", "https://100.64.0.1/",
		"https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://[64:ff9b::a00:1]/", "https://[fd00:ec2::254]/", "https://[fe80::1%25eth0]/", "https:///x", "file:///etc/passwd",
	} {
		_, err := webhooks.New(webhooks.Config{Store: newDesk().store, Endpoints: []webhooks.Endpoint{{Name: "x", URL: to, Secrets: []string{secret}}}})
		require.ErrorContains(t, err, "number 1", to)
		require.NotContains(t, err.Error(), secret)
	}
	// A name that leads inside is found out when it is resolved.
	r, d := newReceiver(t), newDesk()
	_, port, _ := strings.Cut(r.Listener.Addr().String(), ":")
	s, err := webhooks.New(webhooks.Config{Store: d.store, Endpoints: []webhooks.Endpoint{{Name: "x", URL: "https://localhost:" + port, Secrets: []string{secret}}}})
	require.NoError(t, err)
	require.NoError(t, s.Publish(t.Context(), d.event(1)))
	require.Equal(t, webhooks.Report{Failed: 1}, deliver(t, s))
	require.Empty(t, r.heads)
	// And nothing is followed.
	away := httptest.NewServer(http.RedirectHandler(r.URL, http.StatusTemporaryRedirect))
	t.Cleanup(away.Close)
	s = d.sender(t, webhooks.Endpoint{Name: "y", URL: away.URL, Secrets: []string{secret}})
	require.NoError(t, s.Publish(t.Context(), d.event(2)))
	require.Equal(t, webhooks.Report{Failed: 1}, deliver(t, s))
	require.Empty(t, r.heads)
}

func TestAFileOfWebhooksSaysWhatIsWrongAndNoSecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "webhooks.yaml")
	secret := webhooks.NewSecret()
	write := func(text string) ([]webhooks.Endpoint, error) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return webhooks.ReadFile(path, outbound.New(nil))
	}
	all, err := write("- name: case-files\n  url: https://files.example.org/hook\n  secrets: [" + secret + "]\n  types: [deposit.waiting]\n")
	require.NoError(t, err)
	require.Equal(t, []webhooks.Endpoint{{Name: "case-files", URL: "https://files.example.org/hook", Secrets: []string{secret}, Types: []vault.EventType{"deposit.waiting"}}}, all)
	for _, wrong := range []string{
		"- name: Ä\n  url: https://x.example.org\n  secrets: [" + secret + "]\n", "- name: x\n  url: http://x.example.org\n  secrets: [" + secret + "]\n",
		"- name: x\n  url: https://x.example.org\n", "- name: x\n  url: https://x.example.org\n  secrets: [whsec_c2hvcnQ=]\n",
		"- name: x\n  url: https://x.example.org\n  secrets: [" + secret + "]\n  types: [vault.opened]\n", "{", secret,
	} {
		_, err := write(wrong)
		require.Error(t, err, wrong)
		require.NotContains(t, err.Error(), secret)
	}
}
