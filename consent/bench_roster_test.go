package consent_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// benchmarked is how many people the relay of a benchmark follows, all of them real:
// RECONNECT_BENCH_PEOPLE, or 2,000, which takes some minutes to set up.
func benchmarked(b *testing.B) int {
	if many, err := strconv.Atoi(os.Getenv("RECONNECT_BENCH_PEOPLE")); err == nil {
		return many
	}
	return 2_000
}

// busyRelay is a relay that follows so many people, on SQLite.
type busyRelay struct {
	*consenttest.Stage
	relay *consenttest.Relay
	samir *consenttest.Staff
	some  vault.ID // the one of them who is opened, and shares 200 items
	many  int
}

func newBusyRelay(b *testing.B) *busyRelay {
	b.Helper()
	r := &busyRelay{Stage: consenttest.New(b, &consenttest.Options{Vault: vaulttest.Options{Folder: b.TempDir()}}), many: benchmarked(b)}
	r.relay = r.Relay(b, "Harbour")
	r.samir = r.relay.Hire(b, "Samir", consent.RoleHelp)
	began := time.Now()
	for n := range r.many {
		one := r.Person(b)
		_, err := r.Follow(b.Context(), one.Vault, consent.Follow{
			Relay: r.relay.ID, Scope: vault.ScopeAdd, Notice: testNotice, Agreed: true, Name: fmt.Sprintf("Person %04d", n),
		}, vault.Secret{Password: one.Password})
		require.NoError(b, err)
		if n == 0 {
			r.some = one.Vault.ID()
			for range 200 {
				_, err := one.Vault.AddNote(b.Context(), "note", vault.Note{Text: "text"}, vault.Place{Compartment: vault.Shared})
				require.NoError(b, err)
			}
		}
		one.Vault.Close()
	}
	followed := time.Now()
	p, err := r.samir.Worker.At(b.Context(), r.relay.ID)
	require.NoError(b, err)
	for range 1 + r.many/500 { // so many are taken in at a time
		_, err = p.People(b.Context())
		require.NoError(b, err)
	}
	p.Close()
	b.Logf("%d people followed in %s, taken in in %s", r.many, followed.Sub(began).Round(time.Second), time.Since(followed).Round(time.Millisecond))
	return r
}

// at is the worker at the relay as a request of theirs finds it.
func (r *busyRelay) at(b *testing.B) *consent.Post {
	w, err := r.Resume(b.Context(), r.samir.Own().Token())
	require.NoError(b, err)
	b.Cleanup(w.Close)
	p, err := w.At(b.Context(), r.relay.ID)
	require.NoError(b, err)
	return p
}

// BenchmarkBusyRelay is what a worker of a relay that follows thousands does, each
// time as a request does it: worker, relay and person are opened and checked anew.
func BenchmarkBusyRelay(b *testing.B) {
	r := newBusyRelay(b)
	why := consent.Purpose{Code: consent.PurposeHousing}
	b.Run("nothing", func(b *testing.B) { // what each of the others needs, too
		for b.Loop() {
			r.at(b).Close()
		}
	})
	b.Run("list the people", func(b *testing.B) {
		for b.Loop() {
			p := r.at(b)
			people, err := p.People(b.Context())
			require.NoError(b, err)
			require.Len(b, people, r.many)
			p.Close()
		}
	})
	b.Run("page of the relay", func(b *testing.B) {
		for b.Loop() {
			p := r.at(b)
			_, err := p.Roster(b.Context())
			require.NoError(b, err)
			p.Close()
		}
	})
	b.Run("open one", func(b *testing.B) {
		for b.Loop() {
			p := r.at(b)
			v, err := p.Open(b.Context(), r.some, why)
			require.NoError(b, err)
			v.Close()
			p.Close()
		}
	})
	b.Run("list what they share", func(b *testing.B) {
		for b.Loop() {
			w, err := r.Resume(b.Context(), r.samir.Own().Token())
			require.NoError(b, err)
			p, v, _, err := w.Opened(b.Context())
			require.NoError(b, err)
			all, err := v.List(b.Context(), nil)
			require.NoError(b, err)
			require.Len(b, all, 201) // with a folder
			v.Close()
			p.Close()
			w.Close()
		}
	})
	b.Run("team", func(b *testing.B) { // as a manager sees it
		for b.Loop() {
			p, err := r.relay.Manager.Worker.At(b.Context(), r.relay.ID)
			require.NoError(b, err)
			_, err = p.Members(b.Context())
			require.NoError(b, err)
			p.Close()
		}
	})
	b.Run("change the keys", func(b *testing.B) { // and seal everything of everybody to the new ones
		for b.Loop() {
			p, err := r.relay.Manager.Worker.At(b.Context(), r.relay.ID)
			require.NoError(b, err)
			_, err = p.RotateKey(b.Context())
			require.NoError(b, err)
			p.Close()
		}
	})
}

// BenchmarkWithdrawal is a relay that is withdrawn from a vault of 500 papers: until
// its worker is refused, and until everything lies under new keys.
func BenchmarkWithdrawal(b *testing.B) {
	stage := consenttest.New(b, &consenttest.Options{Vault: vaulttest.Options{Folder: b.TempDir()}})
	harbour := stage.Relay(b, "Harbour")
	samir := harbour.Hire(b, "Samir", consent.RoleHelp)
	amina := stage.Person(b)
	for range 500 {
		_, err := amina.Vault.AddDocument(b.Context(), vault.NewDocument{Name: "paper", Compartment: vault.Shared}, strings.NewReader("a scan"))
		require.NoError(b, err)
	}
	secret := vault.Secret{Password: amina.Password}
	var refused, done time.Duration
	for b.Loop() {
		_, err := stage.Follow(b.Context(), amina.Vault, consent.Follow{Relay: harbour.ID, Scope: vault.ScopeAdd, Notice: testNotice, Agreed: true, Name: "Amina"}, secret)
		require.NoError(b, err)
		v, err := samir.At(b, harbour).Open(b.Context(), amina.Vault.ID(), consent.Purpose{Code: consent.PurposeHousing})
		require.NoError(b, err)
		all, err := amina.Vault.Grants(b.Context())
		require.NoError(b, err)
		// With a clock that stands still the latest is not the last.
		now := slices.IndexFunc(all, func(g vault.Grant) bool { return g.Ended.IsZero() })
		require.GreaterOrEqual(b, now, 0)
		began := time.Now()
		ended := make(chan error, 1)
		go func() {
			_, err := stage.Withdraw(b.Context(), amina.Vault, all[now].ID, &secret)
			ended <- err
		}()
		for err == nil {
			_, err = v.List(b.Context(), nil)
		}
		require.ErrorIs(b, err, vault.ErrEnded)
		refused += time.Since(began)
		require.NoError(b, <-ended)
		done += time.Since(began)
		v.Close()
	}
	b.ReportMetric(float64(refused.Milliseconds())/float64(b.N), "ms-refused")
	b.ReportMetric(float64(done.Milliseconds())/float64(b.N), "ms-complete")
}
