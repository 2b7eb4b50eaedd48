package vault_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// The attacks on access cards; attack_test.go lists them with the others.

// try signs in on a service that knows nothing of before.
func (s *hostile) try(t testing.TB, card vault.AccessCard, pin string) error {
	t.Helper()
	_, err := s.Another(t, nil).UnlockCard(t.Context(), withCard(card, pin))
	return err
}

// cardSlot is the key of the record of the one card slot there is.
func (s *hostile) cardSlot(t testing.TB, before []string) string {
	t.Helper()
	for _, key := range keys(t, s.Store, s.key("s/")) {
		if !slices.Contains(before, key) {
			return key
		}
	}
	require.FailNow(t, "no slot of a card")
	return ""
}

// carrying remembers what is there, for a survey that also signs in with a card.
func (s *hostile) carrying(t testing.TB, card vault.AccessCard) *honest {
	t.Helper()
	h := remember(t, s.v)
	h.card = &card
	return h
}

func oldCardSlot(t *testing.T, s *hostile) {
	password := keys(t, s.Store, s.key("s/"))
	old := issue(t, s.person)
	oldSlot, withOld := s.cardSlot(t, password), s.host.Now()
	next := issue(t, s.person)
	nextSlot := s.cardSlot(t, password)
	h := s.carrying(t, next)

	s.host.Replay(oldSlot, withOld) // it is there again, and no head names it
	require.ErrorIs(t, s.try(t, old, pin), vault.ErrSignIn)
	require.NoError(t, h.survey(t, s))
	s.host.Honest()
	s.host.Replay("", withOld) // the whole store
	err := s.try(t, old, pin)
	require.ErrorIs(t, err, vault.ErrSignIn)
	require.ErrorIs(t, err, vault.ErrStale)
	requireRefused(t, h.survey(t, s))
	s.host.Honest()
	s.host.Record(oldSlot).Swap(s.host.Record(nextSlot))
	require.ErrorIs(t, s.try(t, old, pin), vault.ErrSignIn)
	require.ErrorIs(t, s.try(t, next, pin), vault.ErrTampered)
	requireRefused(t, h.survey(t, s))
	s.host.Honest()
	require.NoError(t, s.person.SignIn(t, s.Another(t, nil)).RevokeAccessCard(t.Context()))
	s.host.Replay("", withOld)
	require.ErrorIs(t, s.try(t, old, pin), vault.ErrStale)
	requireRefused(t, h.survey(t, s))
	s.host.Honest()
}

func resetCardCounters(t *testing.T, s *hostile) {
	card := issue(t, s.person)
	h := remember(t, s.v)
	settleWitness(t, s.scene)
	before := s.host.Now()
	guesses := 0
	for range 60 {
		s.host.Replay("", before) // whatever the store may have counted is gone
		s.Clock.Advance(vaultWait)
		err := s.try(t, card, "999991")
		if errors.Is(err, vault.ErrCardDead) {
			continue
		}
		require.ErrorIs(t, err, vault.ErrSignIn)
		guesses++
	}
	require.Equal(t, 20, guesses)
	require.NoError(t, h.survey(t, s), "the password goes on")
	s.host.Honest()
	require.ErrorIs(t, s.try(t, card, pin), vault.ErrCardDead)
}

func cardWithWitnessAway(t *testing.T, s *hostile) {
	card := issue(t, s.person)
	w := watch(t, s.Stage, nil)
	w.witness.away.Store(true)
	before := dump(t, s.Store)
	for range 30 {
		_, err := w.UnlockCard(t.Context(), withCard(card, pin))
		require.ErrorIs(t, err, vault.ErrWitnessAway)
	}
	_, err := s.person.SignIn(t, w.Stage).NewAccessCard(t.Context(), vault.Secret{Password: s.person.Password}, pin)
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	for key, value := range before {
		if key == s.key("k/w") || len(key) > len(s.key("s/")) && key[:len(s.key("s/"))] == s.key("s/") {
			require.Equal(t, value, get(t, s.Store, key))
		}
	}
	w.heal()
	w.Clock.Advance(time.Minute)
	_, err = w.UnlockCard(t.Context(), withCard(card, pin))
	require.NoError(t, err, "and no try was counted")
}

func cutCardSlot(t *testing.T, s *hostile) {
	password := keys(t, s.Store, s.key("s/"))
	card := issue(t, s.person)
	slot := s.host.Record(s.cardSlot(t, password))
	whole, h := slot.Bytes(), s.carrying(t, card)
	for _, b := range [][]byte{{}, whole[:1], whole[:len(whole)/2], whole[:len(whole)-1], append(slices.Clone(whole), 0), flipped(whole, len(whole)/2)} {
		slot.Forge(b)
		s.Clock.Advance(vaultWait)
		err := s.try(t, card, pin)
		require.ErrorIs(t, err, vault.ErrSignIn)
		require.ErrorIs(t, err, vault.ErrTampered)
		require.Equal(t, "sign-in", vault.Code(err))
		requireRefused(t, h.survey(t, s))
		s.person.SignIn(t, s.Another(t, nil))
	}
	s.host.Honest()
	require.NoError(t, s.try(t, card, pin), "none of these was a try at the PIN")
}

// cardsThatFail: a wrong PIN, an unknown, a replaced and a revoked card, and a store
// that was altered ask the same of everybody.
func cardsThatFail(t *testing.T, s *hostile) {
	old := issue(t, s.person)
	password := keys(t, s.Store, s.key("s/"))
	card := issue(t, s.person)
	slot, head, wrapping := s.cardSlot(t, password), s.key("h/o"), s.key("k/w")
	login := keys(t, s.Store, "login/")[0]
	without := s.Person(t)
	other := issue(t, without)
	require.NoError(t, without.Vault.RevokeAccessCard(t.Context()))
	never := issue(t, vaulttest.New(t, nil).Person(t)) // of another service
	settleWitness(t, s.scene)

	w := watch(t, s.Stage, nil)
	signIn := func(card vault.AccessCard, pin string) (work, error) {
		w.Clock.Advance(vaultWait)
		w.heal()
		_, err := w.UnlockCard(t.Context(), withCard(card, pin))
		require.Error(t, err)
		out := work{Store: map[storagetest.Op]int{}, Witness: w.witness.calls(), Keeper: w.keeper.calls(), Text: err.Error()}
		for _, op := range []storagetest.Op{storagetest.Get, storagetest.Scan, storagetest.Commit} {
			out.Store[op] = w.store.Calls(op)
		}
		return out, err
	}
	expected, err := signIn(card, "999991")
	require.ErrorIs(t, err, vault.ErrSignIn)
	require.NotErrorIs(t, err, vault.ErrTampered)
	require.Equal(t, map[string]int{"latest": 1, "evaluate": 1}, expected.Witness)
	require.Equal(t, map[string]int{"decrypt": 1}, expected.Keeper)
	for name, unknown := range map[string]vault.AccessCard{"replaced": old, "revoked": other, "of nobody": never} {
		got, err := signIn(unknown, pin)
		require.ErrorIs(t, err, vault.ErrSignIn, name)
		require.NotErrorIs(t, err, vault.ErrTampered, name)
		require.Equal(t, expected, got, name)
	}
	for name, altered := range map[string]string{"slot": slot, "wrapping key": wrapping, "head": head, "login": login} {
		honest := get(t, w.Store, altered)
		for how, value := range map[string][]byte{"tampered": flipped(honest, len(honest)-1), "missing": nil} {
			set(t, w.Store, altered, value)
			got, err := signIn(card, pin)
			require.ErrorIs(t, err, vault.ErrSignIn, name+how)
			require.Equal(t, "sign-in", vault.Code(err))
			require.Equal(t, expected, got, name+how)
			set(t, w.Store, altered, honest)
		}
	}
	w.heal()
	w.Clock.Advance(vaultWait)
	_, err = w.UnlockCard(t.Context(), withCard(card, pin))
	require.NoError(t, err, "everything is as it was")
}

func cardSlotOfAnotherVault(t *testing.T, s *hostile) {
	other := s.Person(t)
	password, theirPassword := keys(t, s.Store, s.key("s/")), keys(t, s.Store, other.Vault.ID().String()+"/s/")
	mine, theirs := issue(t, s.person), issue(t, other)
	slot := s.host.Record(s.cardSlot(t, password))
	for _, key := range keys(t, s.Store, other.Vault.ID().String()+"/s/") {
		if !slices.Contains(theirPassword, key) {
			slot.Swap(s.host.Record(key))
		}
	}
	h := s.carrying(t, mine)
	for _, card := range []vault.AccessCard{mine, theirs} {
		require.ErrorIs(t, s.try(t, card, pin), vault.ErrTampered)
	}
	requireRefused(t, h.survey(t, s))
	s.host.Honest()
	require.NoError(t, s.try(t, mine, pin))
}

// cardsOfBefore: what was replaced, revoked or overtaken by a change of the keys is
// dead, also together with everything that was in the store then.
func cardsOfBefore(t *testing.T, s *hostile) {
	replaced := issue(t, s.person)
	revoked := issue(t, s.person)
	require.ErrorIs(t, s.try(t, replaced, pin), vault.ErrSignIn)
	require.NoError(t, s.v.RevokeAccessCard(t.Context()))
	overtaken := issue(t, s.person)
	before := s.host.Now()
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
	s.person.Password = "gato niru pesa fova"
	h := s.carrying(t, overtaken)
	for _, card := range []vault.AccessCard{replaced, revoked, overtaken} {
		require.ErrorIs(t, s.try(t, card, pin), vault.ErrSignIn)
	}
	for _, old := range []string{"s/", "k/", "h/o"} {
		s.host.Replay(s.key(old), before)
		require.ErrorIs(t, s.try(t, overtaken, pin), vault.ErrSignIn, old)
		requireRefused(t, h.survey(t, s), old)
		s.host.Honest()
	}
	s.host.Replay("", before)
	require.ErrorIs(t, s.try(t, overtaken, pin), vault.ErrStale)
	requireRefused(t, h.survey(t, s))
	s.host.Honest()
}

func guessesAtOnceAtACard(t *testing.T, s *hostile) {
	card := issue(t, s.person)
	var all sync.WaitGroup
	errs := make([]error, 30)
	for n := range errs {
		stage := s.Stage
		if n%3 == 0 {
			stage = s.Another(t, nil)
		}
		all.Go(func() { _, errs[n] = stage.UnlockCard(t.Context(), withCard(card, "999991")) })
	}
	all.Wait()
	evaluated := 0
	for _, err := range errs {
		if !errors.Is(err, vault.ErrBackOff) {
			require.ErrorIs(t, err, vault.ErrSignIn)
			evaluated++
		}
	}
	require.Equal(t, 5, evaluated, "counted before evaluated")
}

// strangerWithoutTheCard knows login, PIN and whatever was on cards of before; the
// card is not touched by what they do.
func strangerWithoutTheCard(t *testing.T, s *hostile) {
	old := issue(t, s.person)
	card := issue(t, s.person)
	var backOff *vault.BackOffError
	for range 40 {
		if err := s.try(t, old, pin); errors.As(err, &backOff) {
			s.Clock.Advance(backOff.Wait)
		} else {
			require.ErrorIs(t, err, vault.ErrSignIn)
			require.NotErrorIs(t, err, vault.ErrCardDead)
		}
	}
	require.NoError(t, s.try(t, card, pin))
}

// A service that was taken over, or a witness's client whose identity was stolen,
// cannot give guesses back: only the vault's key does (N6). And nobody who has
// everything but the witness can test a PIN: what the store and the key service
// hold opens nothing.
func TestWithEverythingButTheWitnessNoPINCanBeTested(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	card := issue(t, s.person)
	kill(t, s.Stage, card)
	// A second witness, as somebody would set up who has a copy of all the rest.
	copied := vaulttest.New(t, nil)
	stage := s.Another(t, &vaulttest.Options{
		Limiter:     func(vault.Limiter) vault.Limiter { return copied.Witness },
		Checkpoints: func(vault.Checkpoints) vault.Checkpoints { return copied.Witness },
	})
	_, err := stage.UnlockCard(t.Context(), withCard(card, pin))
	require.ErrorIs(t, err, vault.ErrWitnessAway, "not even the right one")
	s.person.SignIn(t, s.Stage)
}

// refusing is a limiter that never evaluates.
type refusing struct {
	vault.Limiter
	answer vault.Evaluation
}

func (r refusing) Evaluate(context.Context, [16]byte, [32]byte, [32]byte, uint64) (vault.Evaluation, error) {
	return r.answer, nil
}

// A slot sealed under a refusal would open for whoever has the card, with any PIN.
func TestNoCardIsSealedUnderARefusal(t *testing.T) {
	t.Parallel()
	for _, tries := range []vault.Tries{{Total: 5, Failed: 5, Wait: time.Minute}, {Total: 20, Failed: 20, Spent: true}} {
		stage := vaulttest.New(t, &vaulttest.Options{Limiter: func(l vault.Limiter) vault.Limiter { return refusing{l, vault.Evaluation{Tries: tries}} }})
		p := stage.Person(t)
		_, err := p.Vault.NewAccessCard(t.Context(), vault.Secret{Password: p.Password}, pin)
		require.ErrorIs(t, err, vault.ErrWitnessAway)
		requireCard(t, p.Vault, vault.CardNone)
	}
}
