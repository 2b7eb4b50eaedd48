package recovery_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/vault"
)

var herQuestions = []recovery.Question{
	{Text: "Which song did you sing with your sister?", Answer: "Ya Rayah, l'éléphant"},
	{Text: "What was the goat called?", Answer: "Bichette la Noire"},
	{Text: "Où as-tu appris à nager ?", Answer: "Au Lac Tchad"},
}

// asTypedYearsLater is how Amina writes the same answers on another keyboard.
var asTypedYearsLater = []string{"ya rayah l elephant", "BICHETTE LA NOIRE ", "au lac tchad."}

// papers has Amina keep one paper that she shares and one that she does not.
func papers(t *testing.T, s *recoverytest.Stage) (letter, diary vault.Item) {
	t.Helper()
	var err error
	letter, err = s.Amina.Vault.AddNote(t.Context(), "Letter", vault.Note{Text: "shared"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	diary, err = s.Amina.Vault.AddNote(t.Context(), "Diary", vault.Note{Text: "private"}, vault.Place{Compartment: vault.Private})
	require.NoError(t, err)
	return letter, diary
}

func titles(t testing.TB, v *vault.Vault) (out []string) {
	t.Helper()
	items, err := v.List(t.Context(), nil)
	require.NoError(t, err)
	for _, it := range items {
		if it.Kind == vault.KindNote {
			out = append(out, it.Name)
		}
	}
	return out
}

// Story 4: card and sheet lost, the questions answered with a worker of the relay that
// follows. Private papers come back only if that was allowed.
func TestWhoForgotEverythingButTheAnswersIsBackWithTheirRelay(t *testing.T) {
	t.Parallel()
	for name, private := range map[string]bool{"private allowed": true, "private not allowed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := recoverytest.New(t, nil)
			papers(t, s)
			forgotten, before := s.Amina.Password, s.Amina.Vault
			s.Enrol(t, recovery.Enrolment{Answers: &recovery.NewAnswers{Questions: herQuestions, Private: private}})

			help := s.Begin(t, vault.PathAnswersRelay)
			require.Empty(t, help.Request.Missing)
			page := s.Enter(t, help)
			require.Equal(t, []string{herQuestions[0].Text, herQuestions[1].Text, herQuestions[2].Text}, page.Questions)
			require.Equal(t, private, page.Private)

			back := s.Complete(t, help, recovery.Completion{Answers: asTypedYearsLater})
			require.Equal(t, s.Amina.Login, back.Login)
			require.Equal(t, private, back.Private)
			_, err := before.Overview(t.Context())
			require.ErrorIs(t, err, vault.ErrSessionEnded, "every session ended")
			if private {
				require.ElementsMatch(t, []string{"Letter", "Diary"}, titles(t, back.Vault))
				return
			}
			require.Equal(t, []string{"Letter"}, titles(t, back.Vault))
			require.Positive(t, back.Locked)
			_, err = s.Recovery.OpenLocked(t.Context(), back.Vault, vault.Secret{Password: forgotten}, s.Secret())
			require.NoError(t, err)
			require.ElementsMatch(t, []string{"Letter", "Diary"}, titles(t, s.Amina.SignIn(t, s.Stage.Stage)))
		})
	}
}

// Story 5: at another centre, with the sheet, and an agent of the desk on the phone.
func TestWhoKeptTheSheetIsBackWithACall(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	papers(t, s)
	sheet := s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}}).Sheet

	lina := s.Post(t, s.Lina)
	id, err := s.Recovery.Find(t.Context(), lina, sheet.Login)
	require.NoError(t, err)
	require.Equal(t, s.Amina.Vault.ID(), id)
	help := s.Begin(t, vault.PathSheetDesk)
	back := s.Complete(t, help, recovery.Completion{Sheet: sheet.QRText()})
	require.True(t, back.Private)
	require.ElementsMatch(t, []string{"Letter", "Diary"}, titles(t, back.Vault))

	// The sheet is used up, at the relay, too.
	ways, err := s.Recovery.Ways(t.Context(), s.Post(t, s.Samir), id)
	require.NoError(t, err)
	require.Empty(t, ways)
	_, err = s.Recovery.Enter(t.Context(), help.HandOverCode())
	require.ErrorIs(t, err, recovery.ErrCode)
}

// Story 6: relay and desk together, two people each, and the wait.
func TestWhoHasNothingLeftIsBackAfterTheWaits(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	papers(t, s)
	s.Enrol(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{Private: true}})

	help := s.Begin(t, vault.PathHelpers)
	require.Equal(t, []recovery.Missing{recovery.MissingDesk, recovery.MissingRelayApproval, recovery.MissingDeskApproval, recovery.MissingWait}, help.Request.Missing)
	waiting, err := s.Recovery.Queue(t.Context(), s.Post(t, s.Omar))
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	require.Equal(t, help.Request.ID, waiting[0].Request.ID)

	help = s.Agreed(t, help)
	require.Equal(t, []recovery.Missing{recovery.MissingWait}, help.Request.Missing)
	var missing *recovery.NotReadyError
	_, err = s.Recovery.Enter(t.Context(), help.HandOverCode())
	require.ErrorAs(t, err, &missing)
	require.Equal(t, []recovery.Missing{recovery.MissingWait}, missing.Missing)

	s.Wait(vault.PathHelpers, false)
	back := s.Complete(t, help, recovery.Completion{})
	require.Equal(t, []string{"Letter"}, titles(t, back.Vault))
	require.Positive(t, back.Locked)
	later, err := s.Recovery.Pending(t.Context(), back.Vault)
	require.NoError(t, err)
	require.NotNil(t, later)
	_, err = s.Recovery.OpenPending(t.Context(), back.Vault, s.Secret())
	require.ErrorIs(t, err, recovery.ErrNotReady)

	// Signing in with what was set then does not cancel what is left of it (N14).
	s.Amina.SignIn(t, s.Stage.Stage)
	s.Clock.Advance(later.Wait)
	v := s.Amina.SignIn(t, s.Stage.Stage)
	_, err = s.Recovery.OpenPending(t.Context(), v, s.Secret())
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"Letter", "Diary"}, titles(t, s.Amina.SignIn(t, s.Stage.Stage)))
}

// Story 6, the first time: somebody else asked, and the person signs in.
func TestASignInOfThePersonEndsWhatOthersAskedFor(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	s.Enrol(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{Private: true}})
	help := s.Agreed(t, s.Begin(t, vault.PathHelpers))

	v := s.Amina.SignIn(t, s.Stage.Stage)
	own, err := s.Recovery.Own(t.Context(), v)
	require.NoError(t, err)
	require.Len(t, own, 1)
	require.Equal(t, recovery.StateCancelled, own[0].State)
	require.Equal(t, "Samir", own[0].ByName)
	require.Equal(t, "Harbour", own[0].By.RelayName)

	s.Wait(vault.PathHelpers, true)
	_, err = s.Recovery.Enter(t.Context(), help.HandOverCode())
	require.ErrorIs(t, err, recovery.ErrRequest)
}

// A relay goes in the middle: what was given is for keys of before, and is given again.
func TestWhatWasGivenBeforeARelayWentIsGivenAgain(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	sheet := s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}}).Sheet
	help := s.Begin(t, vault.PathSheetDesk)
	require.NoError(t, s.Amina.Vault.End(t.Context(), s.Followed, ptr(s.Secret())))
	var missing *recovery.NotReadyError
	_, err := s.Recovery.Enter(t.Context(), help.HandOverCode())
	require.ErrorAs(t, err, &missing)
	require.Equal(t, []recovery.Missing{recovery.MissingDesk}, missing.Missing)

	_, err = s.Recovery.Contribute(t.Context(), s.Post(t, s.Omar), s.Amina.Vault.ID(), help.Request.ID)
	require.NoError(t, err)
	back := s.Complete(t, help, recovery.Completion{Sheet: sheet.Code})
	require.True(t, back.Private)
}

func ptr[T any](v T) *T { return &v }

// N20: a copy of the store does not tell who helps whom, also while somebody is helped.
func TestTheStoreDoesNotTellWhoHelpsWhom(t *testing.T) {
	t.Parallel()
	s := recoverytest.New(t, nil)
	s.Enrol(t, recovery.Enrolment{Sheet: &recovery.NewSheet{Private: true}, Helpers: &recovery.NewHelpers{Private: true}})
	help := s.Agreed(t, s.Begin(t, vault.PathHelpers))
	s.Begin(t, vault.PathSheetDesk)

	person, request := s.Amina.Vault.ID(), help.Request.ID
	helpers := map[string][]byte{"the key of the relay": s.Harbour.Key[:], "the key of the desk": s.Line.Key[:]}
	for name, id := range map[string]vault.ID{"relay": s.Harbour.ID, "desk": s.Line.ID, "worker": s.Samir.ID(), "agent": s.Lina.ID()} {
		helpers[name], helpers[name+", as text"] = id[:], []byte(id.String())
	}
	theirs := map[string][]byte{"person": person[:], "person, as text": []byte(person.String()), "request": request[:], "request, as text": []byte(request.String())}
	for rec, err := range s.Store.All(t.Context(), "") {
		require.NoError(t, err)
		all := append([]byte(rec.Key+"\x00"), rec.Value...)
		hidden := theirs
		if strings.Contains(rec.Key, person.String()) {
			hidden = helpers
		} else if strings.HasPrefix(rec.Key, "due/") {
			continue
		}
		for name, secret := range hidden {
			require.False(t, bytes.Contains(all, secret), "%s names the %s", rec.Key, name)
		}
	}
}
