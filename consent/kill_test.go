package consent_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/testkill"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
	"reconnect.example/vault/vaulttest"
)

// childErrand tells a child process what to do at a relay until it is killed.
const childErrand = "CONSENT_TEST_ERRAND"

// TestMain also makes this test binary a service that works until it is killed.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)                                                    // thousands of small worlds, each soon thrown away: an eighth of the time
	if err := flag.Set("rapid.checks", fmt.Sprint(sized(8, 20))); err != nil { // an argument of go test is heard afterwards
		panic(err)
	}
	testkill.Main(m, map[string]func(string) error{childErrand: testkill.Errand(runErrand), childPartner: testkill.Errand(runPartner)})
}

// errand is what somebody must know to do something at a relay in a folder.
type errand struct {
	Folder          string
	Seed            []byte // of the authority
	Login, Password string // of the manager
	Relay, Worker   string
	Rotate          bool // new keys of the relay, not an end of the worker
	Kill            int  // the number of the commit before which it is killed
	Start           time.Time
}

func (e *errand) open(ctx context.Context, driver func(storage.Driver) storage.Driver) (*consenttest.Stage, error) {
	authority, err := consent.AuthorityFromSeed(e.Seed)
	if err != nil {
		return nil, err
	}
	return consenttest.Open(ctx, &consenttest.Options{Authority: authority, Vault: vaulttest.Options{Folder: e.Folder, Start: e.Start, Driver: driver}})
}

// act does it, as the manager.
func (e *errand) act(ctx context.Context, s *consenttest.Stage, began func()) error {
	boss, err := s.Service.SignIn(ctx, vault.Password{Login: e.Login, Secret: e.Password, Session: &vault.SessionRequest{Device: "test"}})
	if err != nil {
		return err
	}
	relay, err := consent.ParseRelayID(e.Relay)
	if err != nil {
		return err
	}
	p, err := boss.At(ctx, relay)
	if err != nil {
		return err
	}
	defer p.Close()
	began()
	if e.Rotate {
		_, err = p.RotateKey(ctx)
		return err
	}
	worker, err := vault.ParseID(e.Worker)
	if err != nil {
		return err
	}
	_, err = p.Remove(ctx, worker)
	return err
}

// runErrand says each commit, and waits before one of them to be killed.
func runErrand(e errand) error {
	said := &storagetest.Spoken{Say: func(n int) {
		fmt.Println(n)
		if n == e.Kill {
			select {} // until it is killed
		}
	}}
	ctx := context.Background()
	s, err := e.open(ctx, said.Over)
	if err != nil {
		return err
	}
	return e.act(ctx, s, said.Begin)
}

// untilKilled has a child do it, and kills it.
func (e *errand) untilKilled(t *testing.T) {
	t.Helper()
	testkill.Child(t, childErrand, e, func(line string) time.Duration {
		if line == strconv.Itoa(e.Kill) {
			return 0
		}
		return testkill.Never
	})
}

// The server is killed while a worker is taken out, and while a relay takes new keys.
// Whoever comes next finds the relay whole, and the act repeated ends it.
func TestTheTeamOfARelaySurvivesKill(t *testing.T) {
	t.Parallel()
	seed := make([]byte, 32)
	seed[0] = 7
	first := errand{Folder: t.TempDir(), Seed: seed, Start: sceneStart}
	s, err := first.open(t.Context(), nil)
	require.NoError(t, err)
	harbour := s.Relay(t, "Harbour")
	samir, nadia := harbour.Hire(t, "Samir", consent.RoleHelp), harbour.Hire(t, "Nadia", consent.RoleHelp)
	amina, _ := followed(t, s, harbour, "Amina")
	first.Login, first.Password = harbour.Manager.Login, harbour.Manager.Password
	first.Relay, first.Worker = harbour.ID.String(), samir.ID().String()
	require.NoError(t, s.Close())
	for name, rotate := range map[string]bool{"remove a worker": false, "rotate the relay's key": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			copied := func() *errand {
				e := first
				e.Folder, e.Rotate = t.TempDir(), rotate
				require.NoError(t, os.CopyFS(e.Folder, os.DirFS(first.Folder)))
				require.NoError(t, os.Chmod(filepath.Join(e.Folder, local.KeyFileName), 0o600))
				return &e
			}
			counted, said := copied(), &storagetest.Spoken{}
			s, err := counted.open(t.Context(), said.Over)
			require.NoError(t, err)
			require.NoError(t, counted.act(t.Context(), s, said.Begin))
			require.NoError(t, s.Close())
			points := sized(2, 8)
			for n := range points {
				e := copied()
				e.Kill = 1 + (2*n+1)*said.Commits()/(2*points)
				e.untilKilled(t)
				e.Start = e.Start.Add(time.Minute)
				e.check(t, harbour, samir, nadia, amina)
			}
		})
	}
}

// check has everybody come in after a kill, and somebody finish what was begun.
func (e *errand) check(t *testing.T, harbour *consenttest.Relay, samir, nadia *consenttest.Staff, amina *vaulttest.Person) {
	t.Helper()
	s, err := e.open(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	err = e.act(t.Context(), s, func() {})
	if err != nil { // nothing was left to do
		require.ErrorIs(t, err, vault.ErrNotFound)
	}
	v := amina.SignIn(t, s.Stage)
	all, err := s.Followers(t.Context(), v)
	require.NoError(t, err)
	require.True(t, all[0].InForce)
	for _, w := range []*consenttest.Staff{nadia, samir} {
		again := (&consenttest.Staff{Login: w.Login, Password: w.Password}).SignIn(t, s)
		p, err := again.Worker.At(t.Context(), harbour.ID)
		if w == samir && !e.Rotate {
			require.True(t, errors.Is(err, consent.ErrNotMember) || errors.Is(err, vault.ErrEnded), "%v", err)
			continue
		}
		require.NoError(t, err)
		people := mustPeople(t, p)
		require.Len(t, people, 1)
		opened, err := p.Open(t.Context(), people[0].Vault, aboutHousing)
		require.NoError(t, err)
		opened.Close()
		p.Close()
	}
}
