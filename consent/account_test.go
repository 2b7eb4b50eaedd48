package consent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func newAccount() consent.NewAccount {
	return consent.NewAccount{
		Name: "Ibrahim", Password: "four words nobody knows", Notice: testNotice, Consent: true, Follow: testNotice, Agreed: true,
		Scope: vault.ScopeAdd, Session: &vault.SessionRequest{Device: "screen at the relay"},
	}
}

func TestAWorkerAndAPersonOpenAnAccountTogether(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	post := tn.post(t)
	a, err := post.OpenAccount(t.Context(), newAccount())
	require.NoError(t, err)
	require.NotEmpty(t, a.Vault.Token())
	require.NoError(t, a.Receipt.Verify(tn.PublicKey()))
	drafts, err := post.Drafts(t.Context())
	require.NoError(t, err)
	require.Empty(t, drafts)
	people, err := post.People(t.Context())
	require.NoError(t, err)
	require.Len(t, people, 1)
	require.Equal(t, "Ibrahim", people[0].Name)
	require.Equal(t, a.Vault.ID(), people[0].Vault)

	again, err := tn.Unlock(t.Context(), vault.Password{Login: a.Login, Secret: newAccount().Password})
	require.NoError(t, err)
	consents, err := again.Consents(t.Context())
	require.NoError(t, err)
	require.Len(t, consents, 1)

	// Nothing in the relay's space says the login any more.
	items, err := post.Space().List(t.Context(), &vault.ListOptions{Kind: vault.KindData})
	require.NoError(t, err)
	for _, it := range items {
		require.NotContains(t, string(it.Data), a.Login)
	}
}

// Whoever opens an account need not be followed by who opened it with them.
func TestAnAccountIsNotThePriceOfBeingFollowed(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	post := tn.post(t)
	n := newAccount()
	n.Follow, n.Agreed, n.Scope, n.Alone = vault.Notice{}, false, 0, true
	a, err := post.OpenAccount(t.Context(), n)
	require.NoError(t, err)
	require.Empty(t, a.Receipt.ID)
	grants, err := a.Vault.Grants(t.Context())
	require.NoError(t, err)
	require.Empty(t, grants)
	people, err := post.People(t.Context())
	require.NoError(t, err)
	require.Empty(t, people)
	drafts, err := post.Drafts(t.Context())
	require.NoError(t, err)
	require.Empty(t, drafts, "the relay keeps no name")
	_, err = post.Open(t.Context(), a.Vault.ID(), consent.Purpose{Code: consent.PurposeHousing})
	require.ErrorIs(t, err, vault.ErrNotFound)

	interrupted, err := post.BeginAccount(t.Context(), "Ibrahim")
	require.NoError(t, err)
	a, err = post.ResumeAccount(t.Context(), interrupted.ID, n)
	require.NoError(t, err)
	grants, err = a.Vault.Grants(t.Context())
	require.NoError(t, err)
	require.Empty(t, grants)
}

// Story 1 and the first half of 2: with a card and a PIN the person comes in
// anywhere.
func TestANewAccountMayHaveACard(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	post := tn.post(t)
	n := newAccount()
	n.PIN = "٤٧١٩٠٣"
	a, err := post.OpenAccount(t.Context(), n)
	require.NoError(t, err)
	v, err := tn.UnlockCard(t.Context(), vault.CardSignIn{Card: a.Card.Code, PIN: "471903"})
	require.NoError(t, err)
	require.Equal(t, a.Vault.ID(), v.ID())

	// At another centre, that worker is shown one paper, with the card as secret.
	shelter := tn.newPlace(t, "Abri du pont")
	there := postAt(t, shelter.worker, shelter.relay)
	letter, err := v.AddNote(t.Context(), "Letter", vault.Note{Text: "private"}, vault.Place{})
	require.NoError(t, err)
	code, err := there.VisitCode(t.Context())
	require.NoError(t, err)
	_, err = tn.service.Visit(t.Context(), v, consent.NewVisit{
		Code: code.String(), Items: []vault.ItemID{letter.ID}, Lasts: time.Hour, Notice: testNotice, Agreed: true, Name: "Ibrahim",
	}, vault.Secret{Card: a.Card.Code, PIN: "471903"})
	require.NoError(t, err)
	visits, err := there.Visits(t.Context())
	require.NoError(t, err)
	shown, err := there.OpenVisit(t.Context(), visits[0].Grant, aboutHousing)
	require.NoError(t, err)
	it, err := shown.Item(t.Context(), letter.ID)
	require.NoError(t, err)
	require.Equal(t, "private", it.Note.Text)
}

// A PIN that is refused after the account was made would leave one that nobody holds
// the card of, followed by the relay, and the next try would make another.
func TestAPINThatIsRefusedLeavesNoAccount(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	post := tn.post(t)
	n := newAccount()
	n.PIN = "000000"
	_, err := post.OpenAccount(t.Context(), n)
	require.ErrorIs(t, err, vault.ErrInvalid)
	drafts, err := post.Drafts(t.Context())
	require.NoError(t, err)
	require.Empty(t, drafts)
	people, err := post.People(t.Context())
	require.NoError(t, err)
	require.Empty(t, people)

	d, err := post.BeginAccount(t.Context(), n.Name) // an opening that was interrupted
	require.NoError(t, err)
	_, err = post.ResumeAccount(t.Context(), d.ID, n)
	require.ErrorIs(t, err, vault.ErrInvalid)
	n.PIN = "471903"
	a, err := post.ResumeAccount(t.Context(), d.ID, n)
	require.NoError(t, err)
	require.Equal(t, d.Login, a.Login)
	people, err = post.People(t.Context())
	require.NoError(t, err)
	require.Len(t, people, 1)
}

func TestARelayWithoutALicenceOpensNoAccountAndGoesOnOtherwise(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	id := consent.LicenceID{Relay: tn.centre.relay.ID, Number: "L-1"}
	interrupted, err := tn.post(t).BeginAccount(t.Context(), "Ibrahim")
	require.NoError(t, err)
	for status, change := range map[consent.LicenceStatus]func(){
		consent.LicenceExpired: func() {
			expired := licenceOf(&tn.centre.relay, "L-1", "2025-01-01", "2025-12-31")
			tn.publish(t, consent.Change{Licence: expired})
		},
		consent.LicenceWithdrawn: func() {
			tn.publish(t, consent.Change{Licence: licenceOf(&tn.centre.relay, "L-1", "2026-01-01", "2026-12-31")}, consent.Change{WithdrawLicence: &id, On: "2026-03-01"})
		},
	} {
		change()
		post := tn.post(t)
		_, err := post.OpenAccount(t.Context(), newAccount())
		require.ErrorIs(t, err, consent.ErrLicence)
		var why *consent.LicenceError
		require.ErrorAs(t, err, &why)
		require.Equal(t, status, why.State.Status)
		_, err = post.ResumeAccount(t.Context(), interrupted.ID, newAccount())
		require.ErrorIs(t, err, consent.ErrLicence, "a draft is no way around it")

		// Everything else goes on.
		v := tn.open(t, post)
		_, err = v.AddNote(t.Context(), "Call", vault.Note{}, vault.Place{})
		require.NoError(t, err)
		_, err = post.Counts(t.Context())
		require.NoError(t, err)
	}
}

// Wherever the opening stops, it goes on from there with the login of the draft and
// the password that the person types again, and nothing is doubled.
func TestAnOpeningGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	commits := 0
	for stop := 1; stop <= commits || commits == 0; stop++ {
		var faults *storagetest.Faulty
		tn := newTown(t, &vaulttest.Options{Driver: func(d storage.Driver) storage.Driver { faults = storagetest.NewFaulty(d); return faults }})
		post := tn.post(t)
		if commits == 0 { // once through, to count
			before := faults.Calls(storagetest.Commit)
			_, err := post.OpenAccount(t.Context(), newAccount())
			require.NoError(t, err)
			commits = faults.Calls(storagetest.Commit) - before
			require.Greater(t, commits, 3)
			stop = 0
			continue
		}
		faults.FailAt(stop, storage.ErrUnavailable, storagetest.Before, storagetest.Commit)
		_, err := post.OpenAccount(t.Context(), newAccount())
		faults.Heal()
		post = tn.post(t)
		drafts, listErr := post.Drafts(t.Context())
		require.NoError(t, listErr)
		if err == nil {
			require.Empty(t, drafts)
			continue
		}
		if len(drafts) == 0 {
			continue // stopped before anything was there
		}
		require.Len(t, drafts, 1)
		tn.Clock.Advance(time.Minute)
		a, err := post.ResumeAccount(t.Context(), drafts[0].ID, newAccount())
		require.NoError(t, err, "commit %d", stop)
		people, err := post.People(t.Context())
		require.NoError(t, err)
		require.Len(t, people, 1, "commit %d", stop)
		require.Equal(t, a.Vault.ID(), people[0].Vault)
		all, err := a.Vault.Grants(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 1, "commit %d", stop)
		require.NoError(t, a.Receipt.Verify(tn.PublicKey()))
		drafts, err = post.Drafts(t.Context())
		require.NoError(t, err)
		require.Empty(t, drafts)
	}
}

func TestAnotherPasswordDoesNotTakeADraftOver(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	post := tn.post(t)
	d, err := post.BeginAccount(t.Context(), "Ibrahim")
	require.NoError(t, err)
	req := vaulttest.CreateRequest(newAccount().Password)
	req.Login = d.Login // as a crash after the second step leaves it
	_, err = tn.Create(t.Context(), req)
	require.NoError(t, err)
	other := newAccount()
	other.Password = "somebody else's words"
	_, err = post.ResumeAccount(t.Context(), d.ID, other)
	require.ErrorIs(t, err, vault.ErrSignIn)
	_, err = post.ResumeAccount(t.Context(), d.ID, newAccount())
	require.NoError(t, err)
	_, err = post.ResumeAccount(t.Context(), d.ID, newAccount())
	require.ErrorIs(t, err, vault.ErrNotFound)
}

func TestDraftsAreForgotten(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	post := tn.post(t)
	first, err := post.BeginAccount(t.Context(), "Ibrahim")
	require.NoError(t, err)
	_, err = post.BeginAccount(t.Context(), "Sara")
	require.NoError(t, err)
	require.NoError(t, post.DropDraft(t.Context(), first.ID))
	require.ErrorIs(t, post.DropDraft(t.Context(), first.ID), vault.ErrNotFound)
	drafts, err := post.Drafts(t.Context())
	require.NoError(t, err)
	require.Len(t, drafts, 1)
	tn.Clock.Advance(consent.DraftsLast)
	drafts, err = tn.again(t).Drafts(t.Context())
	require.NoError(t, err)
	require.Empty(t, drafts)
	bad := newAccount()
	bad.Password = "short"
	post = tn.again(t)
	_, err = post.OpenAccount(t.Context(), bad)
	require.ErrorIs(t, err, vault.ErrInvalid)
	drafts, err = post.Drafts(t.Context())
	require.NoError(t, err)
	require.Empty(t, drafts, "what cannot become an account leaves no draft")
}

// again is the post after the worker has signed in again.
func (tn *town) again(t testing.TB) *consent.Post {
	t.Helper()
	return postAt(t, tn.centre.worker.SignIn(t, tn.Stage), tn.centre.relay)
}

func TestSmallCountsTellNobodyAboutAnybody(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	post := tn.post(t)
	for range 9 {
		_, err := post.OpenAccount(t.Context(), newAccount())
		require.NoError(t, err)
	}
	c, err := post.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, "<10", c.Followed.String())
	require.Equal(t, "<10", c.OpenedThisYear.String())
	_, err = post.OpenAccount(t.Context(), newAccount())
	require.NoError(t, err)
	c, err = post.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, "10", c.Followed.String())
	require.Equal(t, "10", c.FollowedSince.String())
	require.Equal(t, "10", c.OpenedThisYear.String())
	require.Equal(t, "<10", c.OpenedLastYear.String())

	tn.Clock.Advance(366 * 24 * time.Hour)
	c, err = tn.again(t).Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, "<10", c.OpenedThisYear.String())
	require.Equal(t, "10", c.OpenedLastYear.String())
	tn.Clock.Advance(366 * 24 * time.Hour)
	post = tn.again(t)
	_, err = post.Counts(t.Context())
	require.NoError(t, err)
	items, err := post.Space().List(t.Context(), &vault.ListOptions{Kind: vault.KindData})
	require.NoError(t, err)
	for _, it := range items {
		require.NotEqual(t, "opened", it.Name, "counted and forgotten")
	}
}
