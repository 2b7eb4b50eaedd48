package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// heard keeps the events that it was given.
type heard struct {
	mu   sync.Mutex
	got  []vault.Event
	hook func(vault.Event) error
}

func (h *heard) Publish(_ context.Context, e vault.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.hook != nil {
		if err := h.hook(e); err != nil {
			return err
		}
	}
	h.got = append(h.got, e)
	return nil
}

func (h *heard) types() (out map[vault.EventType]int) {
	out = map[vault.EventType]int{}
	for _, e := range h.got {
		out[e.Type]++
	}
	return out
}

// hourLater lets the hour end and gives out what happened in it.
func hourLater(t testing.TB, s *vaulttest.Stage) vault.EventReport {
	t.Helper()
	s.Clock.Advance(time.Hour)
	r, err := s.PublishEvents(t.Context())
	require.NoError(t, err)
	return r
}

// A whole life, marked all over: what others are told of it, and what waits to be told,
// holds no mark, no id of anybody or anything, no login, and no minute.
func TestNoEventSaysOfWhom(t *testing.T) {
	t.Parallel()
	h := &heard{}
	opts := &vaulttest.Options{Events: h}
	f := newHelpedOn(t, opts)
	secrets := useEverything(t, f.Stage, func(*vault.Vault) {})
	mine := addTo(t, f.v, vault.NewDocument{Name: words[0], Compartment: vault.Shared}, secretContent(900))
	l := depositLink(t, f.v, words[6])
	require.NoError(t, f.LeaveNoteByLink(t.Context(), l.Code, words[8], vault.Note{Text: words[7]}, "web"))
	v, err := f.recover(t, f.proof(t, vault.PathSheetRelay, f.enrol(t, vault.PathSheetRelay, true)))
	require.NoError(t, err)
	_, err = v.CloseAccount(t.Context(), f.person.Password)
	require.NoError(t, err)
	waiting := keys(t, f.Store, "svc/event/")
	_, err = f.PublishEvents(t.Context())
	require.NoError(t, err)
	require.Empty(t, h.got, "nobody hears of anything in its hour")
	hourLater(t, f.Stage)
	require.Equal(t, map[vault.EventType]int{
		vault.EventVaultCreated: 2, vault.EventDepositWaiting: 1, vault.EventVaultRecovered: 1, vault.EventVaultClosed: 1,
	}, h.types(), "of two people, and of no worker and no relay")
	require.Empty(t, keys(t, f.Store, "svc/event/"))

	login, err := v.Login(t.Context())
	if err == nil {
		secrets = append(secrets, []byte(login))
	}
	for _, id := range []string{f.v.ID().String(), f.relay.ID().String(), f.desk.ID().String(), mine.ID.String(), f.grant.String(), f.person.Login} {
		secrets = append(secrets, []byte(id))
	}
	told := fmt.Sprintf("%+v %s", h.got, strings.Join(waiting, " "))
	for _, secret := range append(markers(), secrets...) {
		require.False(t, bytes.Contains([]byte(told), secret), "%q", secret)
	}
	seen := map[string]bool{}
	for _, e := range h.got {
		require.Zero(t, e.Hour.Sub(e.Hour.Truncate(time.Hour)))
		require.False(t, seen[e.ID], "one id for two events would join them")
		seen[e.ID] = true
	}
	// No record of anybody has the id of an event, so nothing leads back from one.
	for key, value := range dump(t, f.Store) {
		for id := range seen {
			require.False(t, strings.Contains(key, id) || bytes.Contains(value, []byte(id)), key)
		}
	}
}

func TestAnErasedVaultIsAnnounced(t *testing.T) {
	t.Parallel()
	h := &heard{}
	s := newScene(t, &vaulttest.Options{Events: h})
	_, err := s.v.Erase(t.Context(), s.person.Password)
	require.NoError(t, err)
	hourLater(t, s.Stage)
	require.Equal(t, map[vault.EventType]int{vault.EventVaultCreated: 1, vault.EventVaultErased: 1}, h.types())
	for range 3 {
		_, err = s.Sweep(t.Context())
		require.NoError(t, err)
		require.Zero(t, hourLater(t, s.Stage).Published, "once")
	}
}

// Without Config.Events a store holds nothing of the kind.
func TestWhoWantsNoEventsKeepsNone(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	require.Empty(t, keys(t, s.Store, "svc/event/"))
	r, err := s.PublishEvents(t.Context())
	require.NoError(t, err)
	require.Zero(t, r)
}

// Whatever services do at once, whichever of them dies between taking an event and saying
// so, and whenever the queue is away: each event comes, and none that did not happen.
func TestEachEventIsGivenOutAtLeastOnce(t *testing.T) {
	t.Parallel()
	var made int
	h := &heard{}
	s := vaulttest.New(t, &vaulttest.Options{Events: h})
	other := s.Another(t, &vaulttest.Options{Events: h})
	rapid.Check(t, func(rt *rapid.T) {
		h.got, made = nil, 0
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"act", "hour", "away", "dies", "both"}).Draw(rt, "step") {
			case "act":
				require.NoError(t, s.MakeEvents(t.Context(), 3))
				made += 3
			case "hour":
				s.Clock.Advance(time.Hour)
			case "away":
				h.hook = func(vault.Event) error { return errors.New("the queue is away") }
				_, _ = s.PublishEvents(t.Context())
				h.hook = nil
			case "dies":
				left := rapid.IntRange(0, 3).Draw(rt, "left")
				h.hook = func(vault.Event) error {
					if left--; left < 0 {
						panic("power cut")
					}
					return nil
				}
				func() {
					defer func() { _ = recover() }()
					_, _ = other.PublishEvents(t.Context())
				}()
				h.hook = nil
			case "both":
				before := len(h.got)
				var all sync.WaitGroup
				for _, v := range []*vault.Vaults{s.Vaults, other.Vaults} {
					all.Go(func() { _, _ = v.PublishEvents(t.Context()) })
				}
				all.Wait()
				require.Len(t, ids(h.got[before:]), len(h.got)-before, "one event twice, though nobody died")
			}
		}
		hourLater(t, s)
		require.Len(t, ids(h.got), made)
		require.Empty(t, keys(t, s.Store, "svc/event/"))
	})
}

func ids(events []vault.Event) map[string]bool {
	out := map[string]bool{}
	for _, e := range events {
		out[e.ID] = true
	}
	return out
}

// A store that fails at any call loses no event, and none without its act is there.
func TestAnActAndItsEventAreOneCommit(t *testing.T) {
	t.Parallel()
	for _, when := range []storagetest.When{storagetest.Before, storagetest.After} {
		for n := 1; ; n++ {
			h := &heard{}
			var faulty *storagetest.Faulty
			s := newScene(t, &vaulttest.Options{Events: h, Driver: func(d storage.Driver) storage.Driver {
				faulty = storagetest.NewFaulty(d)
				return faulty
			}})
			l := depositLink(t, s.v, "Hôpital")
			faulty.FailAt(n, storage.ErrUnknown, when, storagetest.Commit)
			err := s.LeaveNoteByLink(t.Context(), l.Code, "x", vault.Note{Text: "x"}, "web")
			failed := faulty.Failed()
			faulty.Heal()
			left, listErr := s.v.Deposits(t.Context())
			require.NoError(t, listErr)
			hourLater(t, s.Stage)
			require.Equal(t, len(left), h.types()[vault.EventDepositWaiting], "fault %d: %v", n, err)
			if !failed {
				break
			}
		}
	}
}

// A store makes events up: no text of its own reaches who is told. What nobody takes
// ends after thirty days.
func TestAStorePutsNoWordsIntoEvents(t *testing.T) {
	t.Parallel()
	h := &heard{}
	s := vaulttest.New(t, &vaulttest.Options{Events: h})
	now := s.Clock.Now().UTC()
	id := vault.ID{1}.String()
	require.NoError(t, s.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		for _, key := range []string{
			"svc/event/" + now.Format("2006010215") + "/marguerite/" + id, "svc/event/" + now.Format("2006010215") + "/vault.created/marguerite",
			"svc/event/1/2/3/4", "svc/event/x", "svc/event/" + now.Add(-31*24*time.Hour).Format("2006010215") + "/vault.created/" + id,
		} {
			tx.Put(key, []byte("99999999999999999"))
		}
		tx.Put("svc/event/"+now.Format("2006010215")+"/vault.created/"+id, []byte("99999999999999999")) // for ever
		return nil
	}))
	r := hourLater(t, s)
	require.Equal(t, 1, r.Published)
	require.Equal(t, []vault.Event{{ID: id, Type: vault.EventVaultCreated, Hour: now.Truncate(time.Hour)}}, h.got)
	s.Clock.Advance(100 * 365 * 24 * time.Hour)
	_, err := s.PublishEvents(t.Context())
	require.NoError(t, err)
	require.Empty(t, keys(t, s.Store, "svc/event/2"))
}
