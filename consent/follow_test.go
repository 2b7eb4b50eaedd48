package consent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func TestARelayThatIsFollowedIsInTheRosterByTheNameGivenThere(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.paper(t, "Letter", vault.Shared)
	tn.paper(t, "Diary", vault.Private)
	people, err := tn.post(t).People(t.Context())
	require.NoError(t, err)
	require.Empty(t, people)

	tn.follow(t)
	post := tn.post(t)
	people, err = post.People(t.Context())
	require.NoError(t, err)
	require.Len(t, people, 1)
	require.Equal(t, "Amina K.", people[0].Name)
	require.Equal(t, vault.ScopeAdd, people[0].Scope)

	v, err := post.Open(t.Context(), people[0].Vault, aboutHousing)
	require.NoError(t, err)
	require.Equal(t, []string{"Letter"}, titles(t, v))
	added, err := v.AddNote(t.Context(), "Call", vault.Note{Text: "the town hall"}, vault.Place{})
	require.NoError(t, err)
	require.Equal(t, vault.Shared, added.Compartment)

	happened, err := tn.service.WhatHappened(t.Context(), tn.amina.Vault, nil)
	require.NoError(t, err)
	require.Equal(t, vault.ActAdded, happened[0].Act)
	require.Equal(t, "Samir", happened[0].Actor.Name)
	require.Equal(t, "Accueil de jour", happened[0].Actor.Relay)
	require.Equal(t, "Les Amis", happened[0].Actor.Organisation)
	require.Equal(t, aboutHousing, happened[0].Why)
	require.Equal(t, "Call", happened[0].Name)
}

func TestAReceiptProvesWhatWasAgreedAndItsEnd(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	r := tn.follow(t)
	require.NoError(t, r.Verify(tn.PublicKey()))
	require.Equal(t, "Accueil de jour", r.Recipient.Name)
	require.Equal(t, "Les Amis", r.Controller.Name)
	require.Equal(t, "FR", r.Controller.Country)
	require.Equal(t, consent.StateGiven, r.Event.State)
	require.Equal(t, "see-and-add", r.Processing.Scope)

	// It is kept with the grant, and read again as it was.
	kept, err := tn.service.Receipts(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Equal(t, []consent.Receipt{r}, kept)
	notice, err := tn.service.NoticeOf(t.Context(), tn.amina.Vault, tn.grant(t).ID)
	require.NoError(t, err)
	require.Equal(t, testNotice, notice)

	tn.Clock.Advance(time.Minute)
	secret := tn.secret()
	end, err := tn.service.Withdraw(t.Context(), tn.amina.Vault, tn.grant(t).ID, &secret)
	require.NoError(t, err)
	require.NoError(t, end.Verify(tn.PublicKey()))
	require.Equal(t, consent.StateWithdrawn, end.Event.State)
	require.Equal(t, r.ID, end.Event.Refers)
	kept, err = tn.service.Receipts(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Equal(t, []consent.Receipt{r, end}, kept)

	for _, one := range kept {
		raw, err := json.Marshal(one)
		require.NoError(t, err)
		again, err := consent.ParseReceipt(raw)
		require.NoError(t, err)
		require.Equal(t, one, again)
		requireSchema(t, raw)
	}
	require.ErrorIs(t, r.Verify(tn.authorityKey()), vault.ErrUntrustedKey)
}

func (tn *town) authorityKey() []byte {
	key := tn.Authority.Public()
	return key[:]
}

func requireSchema(t *testing.T, receipt []byte) {
	t.Helper()
	schema, err := os.Open("../docs/receipt.schema.json")
	require.NoError(t, err)
	defer schema.Close()
	document, err := jsonschema.UnmarshalJSON(schema)
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("receipt.json", document))
	s, err := c.Compile("receipt.json")
	require.NoError(t, err)
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(receipt))
	require.NoError(t, err)
	require.NoError(t, s.Validate(instance))
}

// Whoever changes any word of a receipt is found out.
func TestAReceiptThatWasChangedIsRefused(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	r := tn.follow(t)
	for name, change := range map[string]func(*consent.Receipt){
		"scope":     func(r *consent.Receipt) { r.Processing.Scope = "see" },
		"recipient": func(r *consent.Receipt) { r.Recipient.Name = "Other" },
		"principal": func(r *consent.Receipt) { r.Principal = vault.ID{1} },
		"state":     func(r *consent.Receipt) { r.Event.State = consent.StateWithdrawn },
		"time":      func(r *consent.Receipt) { r.Event.Time = "2020-01-01T00:00:00.000Z" },
		"notice":    func(r *consent.Receipt) { r.Processing.Notice.Digest = "00" },
		"id":        func(r *consent.Receipt) { r.ID = vault.ID{2}.String() },
		"schema":    func(r *consent.Receipt) { r.Schema = "reconnect-receipt-2" },
		"key":       func(r *consent.Receipt) { r.Signatures.VaultKey = tn.authorityKey() },
		"vault":     func(r *consent.Receipt) { r.Signatures.Vault = append(bytes.Clone(r.Signatures.Vault), 0) },
		"service":   func(r *consent.Receipt) { r.Signatures.Service = bytes.Clone(r.Signatures.Vault) },
		"none":      func(r *consent.Receipt) { r.Signatures = consent.Signatures{ServiceKey: r.Signatures.ServiceKey} },
	} {
		raw, err := json.Marshal(r)
		require.NoError(t, err)
		other, err := consent.ParseReceipt(raw)
		require.NoError(t, err)
		change(&other)
		require.ErrorIs(t, other.Verify(tn.PublicKey()), vault.ErrTampered, name)
	}
	_, err := consent.ParseReceipt([]byte(`{"schema_version":"reconnect-receipt-1","also":"this"}`))
	require.ErrorIs(t, err, vault.ErrInvalid)
}

func TestAReceiptIsPrintedInWordsThatNamesCannotDisturb(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	r := tn.follow(t)
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	english, french, arabic := r.Text("en", nil), r.Text("fr-CA", paris), r.Text("ar", paris)
	require.Contains(t, english, "Receipt of consent")
	require.Contains(t, english, "On : 2026-03-02 09:00, agreed")
	require.Contains(t, french, "Reçu de consentement")
	require.Contains(t, french, "02/03/2026 10:00")
	require.Contains(t, french, "voir ce que vous partagez, et y ajouter")
	require.Contains(t, arabic, "إيصال موافقة")
	require.Contains(t, arabic, "في : 2026/03/02 10:00، وافقت")
	require.Contains(t, arabic, "رؤية ما تشاركه، والإضافة إليه")
	require.Equal(t, strings.Count(english, "\n"), strings.Count(arabic, "\n"), "it says as much")
	require.Equal(t, english, r.Text("ti", nil), "another language: English")
	for _, code := range []string{"see-and-add", "access-to-rights", "while-given", "own-safe"} {
		require.NotContains(t, english, code)
		require.NotContains(t, french, code)
		require.NotContains(t, arabic, code)
	}
	r.Recipient.Name = "Centre\u202Egnp.exe\nSigned by the town"
	require.NotContains(t, r.Text("en", nil), "\u202E")
	require.NotContains(t, r.Text("en", nil), "\nSigned by the town")
}

func TestWithdrawingEndsEverythingOfTheRelayAtOnce(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	letter := tn.paper(t, "Letter", vault.Shared)
	big, err := tn.amina.Vault.AddDocument(t.Context(), vault.NewDocument{Name: "Scan", Compartment: vault.Shared}, bytes.NewReader(make([]byte, 1<<20)))
	require.NoError(t, err)
	tn.follow(t)
	post := tn.post(t)
	_, err = post.People(t.Context())
	require.NoError(t, err)
	v, err := post.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.NoError(t, err)
	download, err := v.ReadDocument(t.Context(), big.ID)
	require.NoError(t, err)
	_, err = download.Read(make([]byte, 100))
	require.NoError(t, err)

	secret := tn.secret()
	_, err = tn.service.Withdraw(t.Context(), tn.amina.Vault, tn.grant(t).ID, &secret)
	require.NoError(t, err)
	tn.Clock.Advance(2 * time.Second)
	_, err = bytes.NewBuffer(nil).ReadFrom(download)
	require.ErrorIs(t, err, vault.ErrEnded, "a download under way ends")
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = post.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.ErrorIs(t, err, vault.ErrNotFound)
	people, err := post.People(t.Context())
	require.NoError(t, err)
	require.Empty(t, people)
	m, err := tn.amina.Vault.Metadata(t.Context(), letter.ID)
	require.NoError(t, err)
	require.EqualValues(t, 2, m.Generation, "what is shared has new keys")
	_, err = tn.service.Withdraw(t.Context(), tn.amina.Vault, tn.grant(t).ID, nil)
	require.ErrorIs(t, err, vault.ErrEnded)
}

func TestARelayIsFollowedOnceAndAgainAfterAWithdrawal(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	_, err := tn.service.Follow(t.Context(), tn.amina.Vault, tn.yes(), tn.secret())
	require.ErrorIs(t, err, consent.ErrFollowed)
	_, err = tn.service.Withdraw(t.Context(), tn.amina.Vault, tn.grant(t).ID, nil)
	require.NoError(t, err)
	tn.follow(t)
	people, err := tn.post(t).People(t.Context())
	require.NoError(t, err)
	require.Len(t, people, 1)
}

func TestFollowersSaysWhoCanSeeAndWhoCould(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	shelter := tn.newPlace(t, "Abri du pont")
	tn.follow(t)
	yes := tn.yes()
	yes.Relay, yes.Scope, yes.Until = shelter.relay.ID, vault.ScopeSee, tn.Clock.Now().Add(time.Hour)
	_, err := tn.service.Follow(t.Context(), tn.amina.Vault, yes, tn.secret())
	require.NoError(t, err)
	all, err := tn.service.Followers(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.True(t, all[0].InForce && all[1].InForce)

	tn.Clock.Advance(time.Hour)
	again := tn.amina.SignIn(t, tn.Stage.Stage)
	tn.publish(t, consent.Change{WithdrawRelay: &tn.centre.relay.ID, On: "2026-03-02"})
	all, err = tn.service.Followers(t.Context(), again)
	require.NoError(t, err)
	byName := map[string]consent.Follower{all[0].Name: all[0], all[1].Name: all[1]}
	require.Equal(t, vault.EndedByTime, byName["Abri du pont"].EndedBy)
	require.Equal(t, vault.ScopeSee, byName["Abri du pont"].Scope)
	require.True(t, byName["Accueil de jour"].Gone)
	require.Equal(t, "Lyon", byName["Accueil de jour"].Place)
	require.Equal(t, "Les Amis", byName["Accueil de jour"].Organisation)
	require.Equal(t, "Amina K.", byName["Accueil de jour"].Called)

	again = tn.amina.SignIn(t, tn.Stage.Stage)
	all, err = tn.service.Followers(t.Context(), again)
	require.NoError(t, err)
	for _, f := range all {
		require.False(t, f.InForce)
	}
	receipts, err := tn.service.Receipts(t.Context(), again)
	require.NoError(t, err)
	states := map[string]int{}
	for _, r := range receipts {
		states[r.Event.State]++
	}
	require.Equal(t, map[string]int{consent.StateGiven: 2, consent.StateExpired: 1, consent.StateTerminated: 1}, states)
}

func TestNothingIsGivenWithoutAClearYes(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	for name, change := range map[string]func(*consent.Follow){
		"no yes":     func(f *consent.Follow) { f.Agreed = false },
		"no notice":  func(f *consent.Follow) { f.Notice.Text = "" },
		"too long":   func(f *consent.Follow) { f.Notice.Text = string(make([]byte, 9001)) },
		"no name":    func(f *consent.Follow) { f.Name = " " },
		"control":    func(f *consent.Follow) { f.Name = "A\x00" },
		"not text":   func(f *consent.Follow) { f.Name = "A\xff" },
		"team scope": func(f *consent.Follow) { f.Scope = vault.ScopeTeam },
		"no relay":   func(f *consent.Follow) { f.Relay = consent.RelayID{} },
		"past":       func(f *consent.Follow) { f.Until = tn.Clock.Now().Add(-time.Second) },
	} {
		f := tn.yes()
		change(&f)
		_, err := tn.service.Follow(t.Context(), tn.amina.Vault, f, tn.secret())
		require.ErrorIs(t, err, vault.ErrInvalid, name)
	}
	f := tn.yes()
	f.Relay = tn.amina.Vault.ID() // oneself
	_, err := tn.service.Follow(t.Context(), tn.amina.Vault, f, tn.secret())
	require.ErrorIs(t, err, consent.ErrNotNamed)
	_, err = tn.service.Follow(t.Context(), tn.amina.Vault, tn.yes(), vault.Secret{Password: "not hers at all"})
	require.ErrorIs(t, err, vault.ErrSignIn)
	tn.publish(t, consent.Change{WithdrawRelay: &tn.centre.relay.ID, On: "2026-03-02"})
	_, err = tn.service.Follow(t.Context(), tn.amina.Vault, tn.yes(), tn.secret())
	require.ErrorIs(t, err, vault.ErrEnded)
	all, err := tn.amina.Vault.Grants(t.Context())
	require.NoError(t, err)
	require.Empty(t, all)
}

func TestNamesInAnyScriptAreKeptAsTheyWereGiven(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"أمينة", "Amina \u202Egnp", "አሚና", "Амина"} {
		tn := newTown(t, nil)
		f := tn.yes()
		f.Name = name
		_, err := tn.service.Follow(t.Context(), tn.amina.Vault, f, tn.secret())
		require.NoError(t, err)
		people, err := tn.post(t).People(t.Context())
		require.NoError(t, err)
		require.Equal(t, name, people[0].Name)
	}
}

// What only closes something is done while the witness is away, and proved.
func TestWithdrawingWorksWhileTheWitnessIsAway(t *testing.T) {
	t.Parallel()
	var w *broken
	tn := newTown(t, &vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints { w = &broken{Checkpoints: c}; return w }})
	tn.follow(t)
	post := tn.post(t)
	v := tn.open(t, post)
	w.away.Store(true)
	tn.Clock.Advance(31 * time.Second)
	r, err := tn.service.Withdraw(t.Context(), tn.amina.Vault, tn.grant(t).ID, nil)
	require.ErrorIs(t, err, vault.ErrUnconfirmed)
	require.NoError(t, r.Verify(tn.PublicKey()))
	require.Equal(t, consent.StateWithdrawn, r.Event.State)
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = tn.service.Follow(t.Context(), tn.amina.Vault, tn.yes(), tn.secret())
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	w.away.Store(false)
	tn.Clock.Advance(31 * time.Second)
	tn.follow(t)
}

// Two who follow at once, in two processes: the relay has the person once.
func TestFollowingTwiceAtOnceIsOneInTheRoster(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	other := tn.Another(t, nil)
	again := tn.amina.SignIn(t, other.Stage)
	errs := make(chan error, 2)
	go func() {
		_, err := other.Follow(context.WithoutCancel(t.Context()), again, tn.yes(), tn.secret())
		errs <- err
	}()
	go func() {
		_, err := tn.service.Follow(context.WithoutCancel(t.Context()), tn.amina.Vault, tn.yes(), tn.secret())
		errs <- err
	}()
	done := 0
	for range 2 {
		err := <-errs
		if err == nil {
			done++
			continue
		}
		require.ErrorIs(t, err, consent.ErrFollowed)
	}
	require.Positive(t, done)
	people, err := tn.post(t).People(t.Context())
	require.NoError(t, err)
	require.Len(t, people, 1)
	_, err = tn.post(t).Open(t.Context(), people[0].Vault, aboutHousing)
	require.NoError(t, err)
}
