package vault_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// farWitness is a witness elsewhere: a server on a real connection, of which a
// test may choose how it behaves, and the service's client of it.
type farWitness struct {
	client    *witness.Client
	impatient *witness.Client // another one, which soon gives up

	mu     sync.Mutex
	driver storage.Driver
	w      *witness.Witness
	server *witness.Server
	act    behaviour // nil: it is honest
}

// behaviour answers a request; honest does what the witness would.
type behaviour func(w http.ResponseWriter, r *http.Request, honest http.Handler)

func farIdentity(t testing.TB, name string) *witness.Identity {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	i, err := witness.IdentityFromSeed(seed[:])
	require.NoError(t, err)
	return i
}

func newFarWitness(t testing.TB) *farWitness {
	t.Helper()
	f := &farWitness{}
	f.open(t, memstore.New())
	h := f.server.HTTP()
	h.Handler, h.ErrorLog = f, log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- h.ServeTLS(listener, "", "") }()
	client := func(timeout time.Duration) *witness.Client {
		c, err := witness.NewClient(witness.ClientConfig{
			URL: "https://" + listener.Addr().String(), Identity: farIdentity(t, "service"), Server: farIdentity(t, "witness").Public(), Timeout: timeout,
		})
		require.NoError(t, err)
		return c
	}
	f.client, f.impatient = client(0), client(100*time.Millisecond)
	t.Cleanup(func() {
		require.NoError(t, f.client.Close())
		require.NoError(t, f.impatient.Close())
		require.NoError(t, h.Close())
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
		require.NoError(t, f.w.Close())
	})
	return f
}

// open makes it a witness that remembers what driver holds.
func (f *farWitness) open(t testing.TB, driver storage.Driver) {
	t.Helper()
	w, err := witness.New(witness.Config{Store: storage.New(driver)})
	require.NoError(t, err)
	server, err := witness.NewServer(witness.ServerConfig{
		Identity: farIdentity(t, "witness"),
		Clients:  []witness.ServedClient{{Name: "service", Key: farIdentity(t, "service").Public(), Witness: w}},
	})
	require.NoError(t, err)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.w != nil {
		require.NoError(t, f.w.Close())
	}
	f.driver, f.w, f.server = driver, w, server
}

// remembers copies all that it holds, to open it on later.
func (f *farWitness) remembers(t testing.TB) storage.Driver {
	t.Helper()
	f.open(t, f.driver) // closing writes what is in memory
	return copied(t, f.driver)
}

func (f *farWitness) become(act behaviour) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.act = act
}

func (f *farWitness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	act, server := f.act, f.server
	f.mu.Unlock()
	if act == nil {
		server.ServeHTTP(w, r)
	} else {
		act(w, r, server)
	}
}

// options are those of a service whose witness this is.
func (f *farWitness) options() *vaulttest.Options { return asking(f.client) }

func asking(client *witness.Client) *vaulttest.Options {
	return &vaulttest.Options{
		Checkpoints: func(vault.Checkpoints) vault.Checkpoints { return client },
		Limiter:     func(vault.Limiter) vault.Limiter { return client },
	}
}

// waitUntilItKnows waits until it was told of the version of a head.
func (f *farWitness) waitUntilItKnows(t testing.TB, id vault.ID, head string, version uint64) {
	t.Helper()
	require.Eventually(t, func() bool {
		heads, err := f.client.Latest(t.Context(), id)
		for _, h := range heads {
			if err == nil && h.Head == head && h.Version == version {
				return true
			}
		}
		return false
	}, 10*time.Second, time.Millisecond)
}

// away cuts every connection.
func away(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// hang answers nothing for as long as somebody listens.
func hang(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body) // from here on the end of the connection is noticed
	<-r.Context().Done()
}

// lying says something else about what it remembers: pattern is replaced in
// its answers.
func lying(pattern, with string) behaviour {
	exp := regexp.MustCompile(pattern)
	return func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		truth := httptest.NewRecorder()
		honest.ServeHTTP(truth, r)
		w.Header().Set("Content-Type", truth.Header().Get("Content-Type"))
		w.WriteHeader(truth.Code)
		_, _ = w.Write(exp.ReplaceAll(truth.Body.Bytes(), []byte(with)))
	}
}

func farScene(t testing.TB) (*scene, *farWitness) {
	t.Helper()
	f := newFarWitness(t)
	return newScene(t, f.options()), f
}

func TestAServiceWhoseWitnessIsElsewhereIsProtectedByIt(t *testing.T) {
	t.Parallel()
	s, f := farScene(t)
	paper := add(t, s.v, "Carte", content(1, 500))
	old, oldSecret := dump(t, s.Store), s.person.Secret()
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
	s.person.Password = "gato niru pesa fova"
	require.Equal(t, content(1, 500), read(t, s.person.SignIn(t, s.Stage), paper.ID))
	settleWitness(t, s)
	heads, err := f.client.Latest(t.Context(), s.v.ID())
	require.NoError(t, err)
	require.Len(t, heads, 4)
	owner, side, err := f.client.OwnerSide(t.Context(), s.v.ID())
	require.NoError(t, err)
	require.Equal(t, get(t, s.Store, s.key("h/o")), owner)
	require.NotEmpty(t, side, "what a restore from a backup must not set back")

	putBack(t, s.Store, old)
	_, err = s.Another(t, f.options()).Unlock(t.Context(), oldSecret)
	require.ErrorIs(t, err, vault.ErrStale)
}

func TestGuessesAreCountedElsewhere(t *testing.T) {
	t.Parallel()
	s, f := farScene(t)
	wrong := vault.Password{Login: s.person.Login, Secret: "wrong wrong"}
	then := dump(t, s.Store)
	for range 5 {
		_, err := s.Unlock(t.Context(), wrong)
		require.ErrorIs(t, err, vault.ErrSignIn)
		putBack(t, s.Store, then) // whatever the store forgets
	}
	_, err := s.Another(t, f.options()).Unlock(t.Context(), s.person.Secret())
	require.ErrorIs(t, err, vault.ErrBackOff)
}

// requireWorkGoesOn does what must go on without the witness, and what must not.
func requireWorkGoesOn(t *testing.T, s *scene, paper vault.Item) {
	t.Helper()
	s.Clock.Advance(time.Minute) // what was known is no longer fresh
	require.Equal(t, content(1, 500), read(t, s.v, paper.ID))
	add(t, s.v, "during", content(2, 500))
	v := s.person.SignIn(t, s.Stage)
	require.Eventually(t, func() bool { // a report that was under way may still have been answered
		s.Clock.Advance(time.Minute)
		return slices.Contains(overview(t, v).Notices, vault.NoticeWitnessAway)
	}, 20*time.Second, time.Millisecond, "and it is said")
	before := dump(t, s.Store)
	for name, act := range map[string]func() error{
		"password": func() error {
			return v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova"})
		},
		"close":  func() error { _, err := v.CloseAccount(t.Context(), s.person.Password); return err },
		"create": func() error { _, err := s.NewPerson(t.Context()); return err },
	} {
		require.ErrorIs(t, act(), vault.ErrWitnessAway, name)
	}
	require.Equal(t, before, dump(t, s.Store), "nothing was written")
}

// requireBack waits until the witness has heard of what was done without it.
func requireBack(t *testing.T, s *scene, f *farWitness) {
	t.Helper()
	f.become(nil)
	s.Clock.Advance(time.Minute)
	require.Empty(t, overview(t, s.v).Notices)
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova"}))
	s.person.Password = "gato niru pesa fova"
	_, err := s.Another(t, f.options()).Unlock(t.Context(), s.person.Secret())
	require.NoError(t, err)
}

func TestWhileAWitnessElsewhereIsAwayWorkGoesOn(t *testing.T) {
	t.Parallel()
	s, f := farScene(t)
	paper := add(t, s.v, "Carte", content(1, 500))
	settleWitness(t, s)
	f.become(away)
	requireWorkGoesOn(t, s, paper)
	tries := 1 // the sign-in above
	for err := error(vault.ErrSignIn); !errors.Is(err, vault.ErrBackOff); tries++ {
		require.ErrorIs(t, err, vault.ErrSignIn)
		require.LessOrEqual(t, tries, 10, "ten tries an hour are all there are")
		_, err = s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: "wrong wrong"})
	}
	requireBack(t, s, f)
}

func TestASlowWitnessElsewhereIsOneThatIsAway(t *testing.T) {
	t.Parallel()
	s, f := farScene(t)
	paper := add(t, s.v, "Carte", content(1, 500))
	settleWitness(t, s)
	f.become(hang)
	slow := &scene{Stage: s.Another(t, asking(f.impatient)), person: s.person}
	var err error
	slow.v, err = slow.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	requireWorkGoesOn(t, slow, paper)
	requireBack(t, s, f)
}

func TestAWitnessThatWasRolledBackLowersNothing(t *testing.T) {
	t.Parallel()
	s, f := farScene(t)
	addNote(t, s.v, "first", "")
	f.waitUntilItKnows(t, s.v.ID(), "private", 2)
	old, oldWitness := dump(t, s.Store), f.remembers(t)
	addNote(t, s.v, "second", "")
	f.waitUntilItKnows(t, s.v.ID(), "private", 3)
	f.open(t, copied(t, oldWitness))

	s.Clock.Advance(time.Minute)
	require.ElementsMatch(t, []string{"first", "second"}, papers(t, s.v), "an honest store goes on")
	addNote(t, s.v, "third", "")
	f.waitUntilItKnows(t, s.v.ID(), "private", 4) // and the witness learns again

	f.open(t, copied(t, oldWitness))
	putBack(t, s.Store, old)
	s.Clock.Advance(time.Minute)
	_, err := s.v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrStale, "store and witness agree, and this process saw more")
}

func TestALyingLowerAnswerLowersNothing(t *testing.T) {
	t.Parallel()
	s, f := farScene(t)
	old := dump(t, s.Store)
	addNote(t, s.v, "first", "")
	f.waitUntilItKnows(t, s.v.ID(), "private", 2)
	f.become(lying(`("head":"private","restore":0,"version":)[0-9]+`, "${1}1"))
	s.Clock.Advance(time.Minute)
	require.Equal(t, []string{"first"}, papers(t, s.v))
	putBack(t, s.Store, old)
	s.Clock.Advance(time.Minute)
	_, err := s.v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrStale)
}

// A witness that lies can refuse service. It cannot lose or show anything, and
// when it is honest again, everything is there.
func TestALyingWitnessRefusesServiceAndLosesNothing(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]struct {
		act  behaviour
		says error
	}{
		"a higher version": {lying(`("head":"private","restore":0,"version":)[0-9]+`, "${1}1000"), vault.ErrStale},
		"a higher journal": {lying(`("head":"journal","restore":0,"version":)[0-9]+`, "${1}1000"), vault.ErrStale},
		"another history":  {lying(`("head":"private","restore":0,"version":[0-9]+,"hash":")....`, "${1}0000"), vault.ErrTampered},
		"a later epoch":    {lying(`("head":"private","restore":)0`, "${1}1"), vault.ErrStale},
		"another owner":    {lying(`("head":"owner","restore":0,"version":[0-9]+,"hash":")....`, "${1}0000"), vault.ErrTampered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, f := farScene(t)
			paper := add(t, s.v, "Carte", content(1, 500))
			f.waitUntilItKnows(t, s.v.ID(), "private", 2)
			settled := s.Another(t, f.options()) // another process, which was told nothing false yet
			v, err := settled.Resume(t.Context(), s.v.Token())
			require.NoError(t, err)
			f.become(lie.act)
			settled.Clock.Advance(time.Minute)
			before := dump(t, s.Store)
			_, err = v.List(t.Context(), nil)
			require.ErrorIs(t, err, lie.says)
			_, err = settled.Unlock(t.Context(), s.person.Secret())
			require.ErrorIs(t, err, lie.says)
			require.Equal(t, before, dump(t, s.Store), "nothing was written")

			f.become(nil)
			again := s.Another(t, f.options())
			require.Equal(t, content(1, 500), read(t, s.person.SignIn(t, again), paper.ID))
		})
	}
}

func TestALyingLimiterLocksNobodyOut(t *testing.T) {
	t.Parallel()
	s, f := farScene(t)
	for range 5 {
		_, err := s.Unlock(t.Context(), vault.Password{Login: s.person.Login, Secret: "wrong wrong"})
		require.ErrorIs(t, err, vault.ErrSignIn)
	}
	f.become(lying(`"wait":[0-9]+`, `"wait":900000`))
	_, err := s.Unlock(t.Context(), s.person.Secret())
	var backOff *vault.BackOffError
	require.ErrorAs(t, err, &backOff)
	require.Equal(t, 15*time.Minute, backOff.Wait, "as long as a witness may say")

	f.become(lying(`"wait":[0-9]+`, `"wait":31536000000`))
	s.person.SignIn(t, s.Stage) // one that says a year is as good as away
	f.become(lying(`"wait":[0-9]+`, `"wait":-1`))
	s.person.SignIn(t, s.Stage)
}

// A change of secrets whose confirmation was lost on the way is in force, says
// that it is not confirmed, and is confirmed by whatever comes next.
func TestAConfirmationLostOnTheWayIsMadeUpFor(t *testing.T) {
	t.Parallel()
	s, f := farScene(t)
	old, oldSecret := dump(t, s.Store), s.person.Secret()
	f.become(func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/raise") {
			panic(http.ErrAbortHandler) // as often as it is repeated
		}
		honest.ServeHTTP(w, r)
	})
	err := s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova"})
	require.ErrorIs(t, err, vault.ErrUnconfirmed)
	s.person.Password = "gato niru pesa fova"
	f.become(nil)
	s.Clock.Advance(time.Minute)
	s.person.SignIn(t, s.Stage)
	require.Eventually(t, func() bool {
		owner, _, err := f.client.OwnerSide(t.Context(), s.v.ID())
		return err == nil && bytes.Equal(owner, get(t, s.Store, s.key("h/o")))
	}, 10*time.Second, time.Millisecond)

	rollBack(t, s, old, "h/o", "s/", "k/", "o/", "x/o")
	_, err = s.Another(t, f.options()).Unlock(t.Context(), oldSecret)
	require.ErrorIs(t, err, vault.ErrStale)
}
