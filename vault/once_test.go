package vault_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
)

// wanted stands for what a request asks.
func wanted(request string) [32]byte { return sha256.Sum256([]byte(request)) }

func TestARequestThatIsRepeatedIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	token := s.v.Token()
	_, answered, err := s.Vaults.Once(t.Context(), token, "k1", wanted("add a note"))
	require.NoError(t, err)
	require.False(t, answered, "nobody asked before")

	_, _, err = s.Vaults.Once(t.Context(), token, "k1", wanted("add a note"))
	require.ErrorIs(t, err, vault.ErrUnknown, "it is still at work")
	_, _, err = s.Vaults.Once(t.Context(), token, "k1", wanted("add another note"))
	require.ErrorIs(t, err, vault.ErrRepeated)

	require.NoError(t, s.Vaults.Answered(t.Context(), token, "k1", true, []byte("note 17")))
	for range 2 {
		answer, answered, err := s.Vaults.Once(t.Context(), token, "k1", wanted("add a note"))
		require.NoError(t, err)
		require.True(t, answered)
		require.Equal(t, "note 17", string(answer))
	}
	_, _, err = s.Vaults.Once(t.Context(), token, "k1", wanted("add another note"))
	require.ErrorIs(t, err, vault.ErrRepeated)
	_, answered, err = s.Vaults.Once(t.Context(), token, "k2", wanted("add a note"))
	require.NoError(t, err)
	require.False(t, answered, "another key is another request")
}

func TestARequestThatWasRefusedMayBeSentAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	token := s.v.Token()
	for _, body := range []string{"a note without text", "a note"} {
		_, answered, err := s.Vaults.Once(t.Context(), token, "k", wanted(body))
		require.NoError(t, err)
		require.False(t, answered)
		require.NoError(t, s.Vaults.Answered(t.Context(), token, "k", false, nil))
	}
	require.Empty(t, keys(t, s.Store, s.v.ID().String()+"/once/"))
	require.NoError(t, s.Vaults.Answered(t.Context(), token, "never asked", true, nil))
}

func TestALargeAnswerIsKnownButNotKept(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for _, size := range []int{vault.MaxAnswer, vault.MaxAnswer + 1} {
		key := fmt.Sprint(size)
		_, _, err := s.Vaults.Once(t.Context(), s.v.Token(), key, wanted(key))
		require.NoError(t, err)
		require.NoError(t, s.Vaults.Answered(t.Context(), s.v.Token(), key, true, make([]byte, size)))
		answer, answered, err := s.Vaults.Once(t.Context(), s.v.Token(), key, wanted(key))
		require.NoError(t, err)
		require.True(t, answered)
		require.Equal(t, size == vault.MaxAnswer, answer != nil)
	}
}

// What is remembered is bounded, belongs to one session, and says nothing to who has the store.
func TestWhatASessionRemembersIsItsOwn(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	mine := s.v.Token()
	other := s.person.SignIn(t, s.Stage)
	for i := range 200 {
		s.Clock.Advance(time.Millisecond)
		key := fmt.Sprint("key ", i)
		_, answered, err := s.Vaults.Once(t.Context(), mine, key, wanted(key))
		require.NoError(t, err)
		require.False(t, answered)
		require.NoError(t, s.Vaults.Answered(t.Context(), mine, key, true, []byte("secret answer")))
		if i >= 7 { // the latest eight at least
			_, answered, err = s.Vaults.Once(t.Context(), mine, fmt.Sprint("key ", i-7), wanted(fmt.Sprint("key ", i-7)))
			require.NoError(t, err)
			require.True(t, answered, i)
		}
		_, answered, err = s.Vaults.Once(t.Context(), other.Token(), key, wanted("something else"))
		require.NoError(t, err)
		require.False(t, answered, "another session's keys are its own")
	}
	stored := keys(t, s.Store, s.v.ID().String()+"/once/")
	require.LessOrEqual(t, len(stored), 2*96)
	for _, key := range stored {
		record := string(get(t, s.Store, key))
		require.NotContains(t, record, "secret answer")
		require.NotContains(t, record, "key 1")
		require.True(t, vault.IsSessionKey(key), "a backup keeps none of it")
	}
	// A store that moves or alters what is remembered has it forgotten, and no more.
	require.NoError(t, s.Vaults.Answered(t.Context(), mine, "key 199", true, []byte("again")))
	for _, key := range stored {
		for _, from := range stored[:1] {
			set(t, s.Store, key, get(t, s.Store, from))
		}
	}
	seen := 0
	for i := range 200 {
		answer, answered, err := s.Vaults.Once(t.Context(), mine, fmt.Sprint("key ", i), wanted(fmt.Sprint("key ", i)))
		if err == nil && answered {
			require.Equal(t, "secret answer", strings.Replace(string(answer), "again", "secret answer", 1))
			seen++
		}
	}
	require.LessOrEqual(t, seen, 1, "only the record that is in its own place opens")
}

func TestWhatWasAnsweredGoesWithTheSession(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	for i := range 96 {
		_, _, err := s.Vaults.Once(t.Context(), s.v.Token(), fmt.Sprint(i), wanted("x"))
		require.NoError(t, err)
	}
	require.NotEmpty(t, keys(t, s.Store, s.v.ID().String()+"/once/"))
	s.Clock.Advance(13 * time.Hour)
	_, err := s.Vaults.Sweep(t.Context())
	require.NoError(t, err)
	require.Empty(t, keys(t, s.Store, s.v.ID().String()+"/once/"))
	_, _, err = s.Vaults.Once(t.Context(), "no token", "k", wanted("x"))
	require.ErrorIs(t, err, vault.ErrSessionEnded)
	require.ErrorIs(t, s.Vaults.Answered(t.Context(), "", "k", true, nil), vault.ErrSessionEnded)
}

func TestOfManyThatAskAtOnceOneIsLetThrough(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	var through atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, answered, err := s.Vaults.Once(t.Context(), s.v.Token(), "k", wanted("x"))
			if err == nil && !answered {
				through.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, through.Load())
}
