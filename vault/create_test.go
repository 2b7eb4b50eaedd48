package vault_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func TestANewVaultHasALoginThatCanBeReadAloud(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	require.Regexp(t, regexp.MustCompile(`^\d{4} \d{4} \d{4}$`), s.person.Login)
	again, err := vault.NormalLogin(s.person.Login)
	require.NoError(t, err)
	require.Equal(t, s.person.Login, again)
	require.NotEmpty(t, s.v.Token())
	require.False(t, s.v.ID().IsZero())
}

func TestNoticeAndConsentAreKept(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	req := vaulttest.CreateRequest("bato kiru mesa")
	req.Notice = vault.Notice{Version: "2026-03", Language: "ar", Text: "ما نحفظه ولمن"}
	req.Channel = "relay"
	v, err := stage.Create(t.Context(), req)
	require.NoError(t, err)
	given := stage.Clock.Now()
	login, err := v.Login(t.Context())
	require.NoError(t, err)

	stage.Clock.Advance(400 * 24 * time.Hour)
	later, err := stage.Unlock(t.Context(), vault.Password{Login: login, Secret: req.Password})
	require.NoError(t, err)
	consents, err := later.Consents(t.Context())
	require.NoError(t, err)
	require.Equal(t, []vault.Consent{{Notice: req.Notice, Given: given, Channel: "relay"}}, consents)
	journal, err := later.Journal(t.Context(), nil)
	require.NoError(t, err)
	first := journal[len(journal)-1]
	require.Equal(t, vault.ActCreated, first.Act)
	require.Equal(t, map[string]string{"notice": "2026-03", "language": "ar"}, first.Detail)
}

func TestANewVaultHasTheSuggestedFoldersOnBothSides(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, &vaulttest.Options{Folders: vault.SuggestedFolders()})
	v := stage.Person(t).Vault
	for _, side := range []vault.Compartment{vault.Shared, vault.Private} {
		folders, err := v.List(t.Context(), &vault.ListOptions{Compartment: side})
		require.NoError(t, err)
		require.ElementsMatch(t, vault.SuggestedFolders(), names(folders))
		for _, f := range folders {
			require.Equal(t, vault.KindFolder, f.Kind)
			require.Equal(t, vault.ActorService, f.Origin.By.Kind)
		}
	}
	count, err := v.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.Counts{Folders: 2 * len(vault.SuggestedFolders())}, count)
}

func TestNothingIsOpenedWithoutConsentNoticeOrPassword(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	for field, spoil := range map[string]func(r *vault.CreateRequest){
		"consent":  func(r *vault.CreateRequest) { r.Consent = false },
		"notice":   func(r *vault.CreateRequest) { r.Notice.Text = "" },
		"password": func(r *vault.CreateRequest) { r.Password = "short" },
	} {
		req := vaulttest.CreateRequest("bato kiru mesa")
		spoil(&req)
		_, err := stage.Create(t.Context(), req)
		requireInvalid(t, err, field)
	}
	for _, spoil := range []func(n *vault.Notice){
		func(n *vault.Notice) { n.Version = "" },
		func(n *vault.Notice) { n.Language = "" },
		func(n *vault.Notice) { n.Text = strings.Repeat("x", 64<<10+1) },
		func(n *vault.Notice) { n.Version = strings.Repeat("x", 501) },
		func(n *vault.Notice) { n.Text = "\xff\xfe" },
		func(n *vault.Notice) { n.Language = "\xff\xfe" },
	} {
		req := vaulttest.CreateRequest("bato kiru mesa")
		spoil(&req.Notice)
		_, err := stage.Create(t.Context(), req)
		requireInvalid(t, err, "notice")
	}
	_, err := stage.Create(t.Context(), vault.CreateRequest{})
	for _, field := range []string{"consent", "notice", "password"} {
		requireInvalid(t, err, field) // every problem at once
	}
	require.Empty(t, vaultsIn(t, stage.Store))
}

func TestAWrongDeviceNameOpensNothing(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	req := vaulttest.CreateRequest("bato kiru mesa")
	req.Session.Device = strings.Repeat("x", 101)
	_, err := stage.Create(t.Context(), req)
	requireInvalid(t, err, "device")
	require.Empty(t, vaultsIn(t, stage.Store))
}

// vaultsIn lists the vaults that a store shows to who has no key.
func vaultsIn(t testing.TB, store *storage.Store) (ids []string) {
	t.Helper()
	for rec, err := range store.All(context.WithoutCancel(t.Context()), "") {
		require.NoError(t, err)
		if id, ok := strings.CutSuffix(rec.Key, "/h/o"); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

func TestNobodyIsToldALoginThatTheWitnessDoesNotKnow(t *testing.T) {
	t.Parallel()
	var witness *faultyWitness
	stage := vaulttest.New(t, &vaulttest.Options{Checkpoints: func(c vault.Checkpoints) vault.Checkpoints {
		witness = &faultyWitness{Checkpoints: c}
		return witness
	}})
	witness.away.Store(true)
	_, err := stage.Create(t.Context(), vaulttest.CreateRequest("bato kiru mesa"))
	require.ErrorIs(t, err, vault.ErrWitnessAway)
	require.Empty(t, vaultsIn(t, stage.Store), "refused before anything was written")
}

func TestACreationThatNobodyWasToldOfIsGoneAfterADay(t *testing.T) {
	t.Parallel()
	var faults *storagetest.Faulty
	stage := vaulttest.New(t, &vaulttest.Options{Driver: func(d storage.Driver) storage.Driver {
		faults = storagetest.NewFaulty(d)
		return faults
	}})
	faults.FailAt(2, storage.ErrUnavailable, storagetest.Before, storagetest.Commit) // between the vault and its acknowledgement
	_, err := stage.Create(t.Context(), vaulttest.CreateRequest("bato kiru mesa"))
	require.ErrorIs(t, err, vault.ErrStorage)
	faults.Heal()
	require.Len(t, vaultsIn(t, stage.Store), 1)

	stage.Clock.Advance(23 * time.Hour)
	_, err = stage.Sweep(t.Context())
	require.NoError(t, err)
	require.Len(t, vaultsIn(t, stage.Store), 1, "the day is not over")
	for range 2 { // keys first, then the rest
		stage.Clock.Advance(2 * time.Hour)
		_, err = stage.Sweep(t.Context())
		require.NoError(t, err)
	}
	for rec, err := range stage.Store.All(t.Context(), "") {
		require.NoError(t, err)
		require.Regexp(t, "^(svc/keys|login/.*)$", rec.Key)
	}
}
