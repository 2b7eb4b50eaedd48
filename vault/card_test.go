package vault_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

const pin = "385206"

// issue gives a person an access card.
func issue(t testing.TB, p *vaulttest.Person) vault.AccessCard {
	t.Helper()
	card, err := p.Vault.NewAccessCard(t.Context(), vault.Secret{Password: p.Password}, pin)
	require.NoError(t, err)
	return card
}

func withCard(card vault.AccessCard, pin string) vault.CardSignIn {
	return vault.CardSignIn{Card: card.Code, PIN: pin, Session: &vault.SessionRequest{Device: "kiosk"}}
}

func requireCard(t testing.TB, v *vault.Vault, want vault.CardState) {
	t.Helper()
	got, err := v.AccessCardState(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// kill tries wrong PINs until the card is dead.
func kill(t testing.TB, s *vaulttest.Stage, card vault.AccessCard) {
	t.Helper()
	for range 20 {
		s.Clock.Advance(vaultWait)
		_, err := s.UnlockCard(t.Context(), withCard(card, "999991"))
		require.ErrorIs(t, err, vault.ErrSignIn)
		require.NotErrorIs(t, err, vault.ErrTampered)
	}
	s.Clock.Advance(vaultWait)
	_, err := s.UnlockCard(t.Context(), withCard(card, pin))
	require.ErrorIs(t, err, vault.ErrCardDead)
	require.NotErrorIs(t, err, vault.ErrSignIn)
	require.Equal(t, "card-dead", vault.Code(err))
}

func TestACardWithItsPINOpensEverythingAnywhere(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"", t.TempDir()} {
		s := newScene(t, &vaulttest.Options{Folder: folder})
		paper := add(t, s.v, "Carte", content(1, 3000))
		shared, err := s.v.AddNote(t.Context(), "Code", vault.Note{Text: "1234"}, vault.Place{Compartment: vault.Shared})
		require.NoError(t, err)
		requireCard(t, s.v, vault.CardNone)
		card := issue(t, s.person)
		require.Equal(t, s.person.Login, card.Login)
		requireCard(t, s.v, vault.CardActive)

		v, err := s.Another(t, nil).UnlockCard(t.Context(), withCard(card, pin))
		require.NoError(t, err)
		require.Equal(t, s.v.ID(), v.ID())
		require.Equal(t, content(1, 3000), read(t, v, paper.ID))
		require.Equal(t, "1234", item(t, v, shared.ID).Note.Text)
		again, err := s.Another(t, nil).Resume(t.Context(), v.Token())
		require.NoError(t, err)
		require.Equal(t, content(1, 3000), read(t, again, paper.ID))
		require.Equal(t, content(1, 3000), read(t, s.v, paper.ID), "other sessions go on")

		entries, err := v.Journal(t.Context(), nil)
		require.NoError(t, err)
		said := map[vault.Act]map[string]string{}
		for _, e := range entries {
			if _, later := said[e.Act]; !later {
				said[e.Act] = e.Detail
			}
		}
		require.Equal(t, map[string]string{"device": "kiosk", "with": "card"}, said[vault.ActSignedIn])
		require.Contains(t, said, vault.ActCardIssued)
		requireSound(t, s.Stage, s.person)
	}
}

func TestACardIsReadAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	card := issue(t, s.person)
	for _, typed := range typings(card.Code) {
		_, err := s.UnlockCard(t.Context(), vault.CardSignIn{Card: typed, PIN: "٣٨٥٢٠٦"})
		require.NoError(t, err, typed)
	}
	for _, p := range []string{"385 206", "385-206", "３８５２０６", "३८५२०६"} {
		_, err := s.UnlockCard(t.Context(), vault.CardSignIn{Card: card.Code, PIN: p})
		require.NoError(t, err, p)
	}
	_, err := s.UnlockCard(t.Context(), vault.CardSignIn{Card: card.Code[:20], PIN: pin})
	requireInvalid(t, err, "card")
	_, err = s.UnlockCard(t.Context(), vault.CardSignIn{Card: card.Code, PIN: "38520"})
	requireInvalid(t, err, "pin")
}

func TestAfterTwentyWrongPINsTheCardIsDeadAndThePasswordIsNot(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"", t.TempDir()} {
		s := newScene(t, &vaulttest.Options{Folder: folder})
		card := issue(t, s.person)
		kill(t, s.Stage, card)
		s.Clock.Advance(90 * 24 * time.Hour) // the witness does not forget it
		_, err := s.Witness.Sweep(t.Context())
		require.NoError(t, err)
		_, err = s.UnlockCard(t.Context(), withCard(card, pin))
		require.ErrorIs(t, err, vault.ErrCardDead)

		s.person.Vault = s.person.SignIn(t, s.Stage)
		requireCard(t, s.person.Vault, vault.CardDead)
		_, err = s.person.Vault.NewAccessCard(t.Context(), vault.Secret{Card: card.Code, PIN: pin}, "719403")
		require.ErrorIs(t, err, vault.ErrCardDead, "and proves nothing")
		next := issue(t, s.person)
		requireCard(t, s.person.Vault, vault.CardActive)
		v, err := s.UnlockCard(t.Context(), withCard(next, pin))
		require.NoError(t, err)
		require.Equal(t, s.v.ID(), v.ID())
		_, err = s.UnlockCard(t.Context(), withCard(card, pin))
		require.ErrorIs(t, err, vault.ErrSignIn)
		require.NotErrorIs(t, err, vault.ErrCardDead, "it is nobody's now")
	}
}

func TestWrongPINsAreGivenBackByTheRightOneAndToldInTheJournal(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	card := issue(t, s.person)
	for range 3 {
		for range 4 {
			_, err := s.UnlockCard(t.Context(), withCard(card, "999991"))
			require.ErrorIs(t, err, vault.ErrSignIn)
		}
		v, err := s.UnlockCard(t.Context(), withCard(card, pin))
		require.NoError(t, err)
		entries, err := v.Journal(t.Context(), &vault.JournalOptions{Limit: 2})
		require.NoError(t, err)
		require.Equal(t, vault.ActSignInFailed, entries[1].Act)
		require.Equal(t, map[string]string{"tries": "4", "with": "card"}, entries[1].Detail)
	}
	s.person.SignIn(t, s.Stage) // the password has a counter of its own
}

func TestANewCardTakesThePlaceOfTheOld(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	old := issue(t, s.person)
	other := s.person.SignIn(t, s.Another(t, nil))
	next, err := s.v.NewAccessCard(t.Context(), vault.Secret{Card: old.Code, PIN: pin}, "719403")
	require.NoError(t, err, "the old card proves who it is")
	require.NotEqual(t, old.Code, next.Code)
	for _, p := range []string{pin, "719403"} {
		_, err = s.UnlockCard(t.Context(), withCard(old, p))
		require.ErrorIs(t, err, vault.ErrSignIn)
		require.NotErrorIs(t, err, vault.ErrTampered)
	}
	_, err = s.UnlockCard(t.Context(), withCard(next, "719403"))
	require.NoError(t, err)
	_, err = other.List(t.Context(), nil)
	require.NoError(t, err, "sessions go on")
	require.Len(t, keys(t, s.Store, s.v.ID().String()+"/s/"), 2, "a password's and a card's")
}

func TestALostCardIsTakenBackEvenWithTheWitnessAway(t *testing.T) {
	t.Parallel()
	for _, away := range []bool{false, true} {
		w := newWatched(t, nil)
		p := w.Person(t)
		require.ErrorIs(t, p.Vault.RevokeAccessCard(t.Context()), vault.ErrNotFound)
		card := issue(t, p)
		finder, err := w.UnlockCard(t.Context(), withCard(card, pin))
		require.NoError(t, err)
		w.witness.away.Store(away)
		err = p.Vault.RevokeAccessCard(t.Context())
		if away {
			require.ErrorIs(t, err, vault.ErrUnconfirmed)
		} else {
			require.NoError(t, err)
		}
		_, err = finder.List(t.Context(), nil)
		require.ErrorIs(t, err, vault.ErrSessionEnded, "who came in with it is out")
		requireCard(t, p.Vault, vault.CardNone)
		w.heal()
		w.Clock.Advance(time.Minute)
		_, err = w.UnlockCard(t.Context(), withCard(card, pin))
		require.ErrorIs(t, err, vault.ErrSignIn)
		v := p.SignIn(t, w.Another(t, nil))
		require.Contains(t, acts(t, v, 10), string(vault.ActCardRevoked))
		requireSound(t, w.Another(t, nil), p)
	}
}

func TestAChangeOfKeysMakesTheCardOneToPrintAnew(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	card := issue(t, s.person)
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova"}))
	s.person.Password = "gato niru pesa fova"
	requireCard(t, s.v, vault.CardActive)
	_, err := s.UnlockCard(t.Context(), withCard(card, pin))
	require.NoError(t, err, "another password leaves the card")

	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Card: card.Code, PIN: pin, New: "bato kiru mesa lova", KnownToOthers: true}))
	s.person.Password = "bato kiru mesa lova"
	requireCard(t, s.v, vault.CardToBePrinted)
	_, err = s.UnlockCard(t.Context(), withCard(card, pin))
	require.ErrorIs(t, err, vault.ErrSignIn)
	require.NotErrorIs(t, err, vault.ErrTampered)
	next := issue(t, s.person)
	requireCard(t, s.v, vault.CardActive)
	_, err = s.UnlockCard(t.Context(), withCard(next, pin))
	require.NoError(t, err)
	requireSound(t, s.Stage, s.person)
}

func TestWhoForgotThePasswordChoosesANewOneWithTheCard(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	card := issue(t, s.person)
	v, err := s.UnlockCard(t.Context(), withCard(card, pin))
	require.NoError(t, err)
	change := vault.ChangePassword{Card: card.Code, PIN: "999991", New: "gato niru pesa fova"}
	require.ErrorIs(t, v.ChangePassword(t.Context(), change), vault.ErrSignIn)
	theirs := s.Person(t)
	change.Card, change.PIN = issue(t, theirs).Code, pin
	require.ErrorIs(t, v.ChangePassword(t.Context(), change), vault.ErrSignIn, "somebody else's card proves nothing")
	change.Card = card.Code
	require.NoError(t, v.ChangePassword(t.Context(), change))
	s.person.Password = change.New
	s.person.SignIn(t, s.Stage)
}

func TestAStolenSessionIssuesNoCard(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	stolen, err := s.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	for range 5 {
		_, err := stolen.NewAccessCard(t.Context(), vault.Secret{Password: "wrong wrong"}, pin)
		require.ErrorIs(t, err, vault.ErrSignIn)
	}
	_, err = stolen.NewAccessCard(t.Context(), vault.Secret{Password: s.person.Password}, pin)
	require.ErrorIs(t, err, vault.ErrBackOff)
	requireCard(t, s.v, vault.CardNone)
}

func TestPINsThatOthersTryFirstAreRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	digits := s.person.Login[:4] + s.person.Login[5:7]
	for _, p := range []string{
		"000000", "111111", "123456", "012345", "654321", "987654", "890123", "246802", "121212", "112211", "123123", "112233", "123321",
		digits, "", "12345", "1234567", "38520a", "١٢٣٤٥٦", "385206\x00",
	} {
		_, err := s.v.NewAccessCard(t.Context(), vault.Secret{Password: s.person.Password}, p)
		requireInvalid(t, err, "pin")
	}
	for _, p := range []string{"385206", "٧١٩٤٠٣", "100734"} {
		_, err := s.v.NewAccessCard(t.Context(), vault.Secret{Password: s.person.Password}, p)
		require.NoError(t, err, p)
	}
}
