package consent_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// atOnce calls all of them at the same time and returns what they answer.
func atOnce(all ...func() error) []error {
	out := make([]error, len(all))
	var started, done sync.WaitGroup
	started.Add(1)
	for i, f := range all {
		done.Go(func() {
			started.Wait()
			out[i] = f()
		})
	}
	started.Done()
	done.Wait()
	return out
}

func how(errs []error, is error) (n int) {
	for _, err := range errs {
		if errors.Is(err, is) {
			n++
		}
	}
	return n
}

// meeting lets nobody hear how a counter stands before everyone who is awaited has asked.
type meeting struct {
	vault.Limiter
	awaited atomic.Pointer[sync.WaitGroup]
}

func (m *meeting) Tried(ctx context.Context, id [16]byte, counter [32]byte) (vault.Tries, error) {
	tries, err := m.Limiter.Tried(ctx, id, counter)
	if all := m.awaited.Load(); all != nil {
		all.Done()
		all.Wait()
	}
	return tries, err
}

// A program that names codes at once looks up no more of them than one that names them one
// after the other. Right ones count for nothing.
func TestCodesGuessedAtOnceAreFive(t *testing.T) {
	t.Parallel()
	m := &meeting{}
	tn := newTown(t, &vaulttest.Options{Limiter: func(w vault.Limiter) vault.Limiter { m.Limiter = w; return m }})
	caf := tn.newBody(t, "CAF")
	for range 8 {
		tn.asked(t, caf)
	}
	wrong, err := tn.service.AskCode(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	_, err = tn.office(t, tn.newBody(t, "Other")).Ask(t.Context(), wrong.Code, tn.newAsk())
	require.NoError(t, err) // used up
	var guesses []func() error
	for range 20 {
		office := tn.office(t, caf)
		guesses = append(guesses, func() error {
			_, err := office.Ask(t.Context(), wrong.Code, tn.newAsk())
			return err
		})
	}
	all := &sync.WaitGroup{}
	all.Add(len(guesses))
	m.awaited.Store(all) // so that the witness lets all of them on
	said := atOnce(guesses...)
	m.awaited.Store(nil)
	require.Equal(t, 5, how(said, consent.ErrAskCode))
	require.Equal(t, 15, how(said, vault.ErrTooMany))
	_, err = tn.office(t, caf).Ask(t.Context(), wrong.Code, tn.newAsk())
	require.ErrorIs(t, err, vault.ErrTooMany)
}

// Requests that come at once fill the places of a person, and no more.
func TestRequestsAtOnceKeepTheNumberOfPlaces(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	for range 19 {
		tn.asked(t, caf)
	}
	var last []func() error
	for range 4 {
		code, err := tn.service.AskCode(t.Context(), tn.amina.Vault)
		require.NoError(t, err)
		office := tn.office(t, caf)
		last = append(last, func() error {
			_, err := office.Ask(t.Context(), code.Code, tn.newAsk())
			return err
		})
	}
	said := atOnce(last...)
	require.Contains(t, said, error(nil))
	require.Equal(t, 3, how(said, vault.ErrTooMany), "%v", said)
	all, err := tn.service.Asked(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Len(t, all, 20)
}

// Who has a link keeps no place of others; who is blocked takes none, and is told the same.
func TestAPartnerWithALinkKeepsNoPlaceOfOthers(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	link := agreedLink(t, tn, caf)
	office := tn.office(t, caf)
	places := func() int { return len(scan(t, tn, tn.amina.Vault.ID().String()+"/pa/")) }
	before := places()
	require.NoError(t, tn.service.BlockPartner(t.Context(), tn.amina.Vault, caf.ID))
	for range 2 {
		token, err := office.AskLinked(t.Context(), link, tn.newAsk())
		require.NoError(t, err, "as if it were not blocked")
		_, err = office.Take(t.Context(), token)
		require.ErrorIs(t, err, consent.ErrNoAnswer)
	}
	require.Equal(t, before, places(), "a blocked one takes none")
	require.NoError(t, tn.service.UnblockPartner(t.Context(), tn.amina.Vault, caf.ID))
	for range 3 {
		_, err := office.AskLinked(t.Context(), link, tn.newAsk())
		require.NoError(t, err)
	}
	require.Equal(t, before+3, places())
	_, err := office.AskLinked(t.Context(), link, tn.newAsk())
	require.ErrorIs(t, err, vault.ErrTooMany)
	require.Equal(t, before+3, places())
	tn.asked(t, tn.newBody(t, "Mission locale"))
	tn.Clock.Advance(consent.AskLasts)
	_, err = office.AskLinked(t.Context(), link, tn.newAsk())
	require.NoError(t, err, "those before are over")
}

// A program that fetches again and again does not fill the journal of a person.
func TestFetchingAgainAndAgainEnds(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	token := tn.presented(t, caf, tn.paper(t, "Card", vault.Shared).ID)
	office := tn.office(t, caf)
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		_, err = office.Take(t.Context(), token)
	}
	require.ErrorIs(t, err, vault.ErrTooMany)
	require.Equal(t, 41, n, "twenty for the copies, twenty for the paper")
	_, err = tn.fetched(t, caf, token)
	require.ErrorIs(t, err, vault.ErrTooMany)
}
