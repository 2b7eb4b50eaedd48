package vault_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func TestAskingForSpaceOverAndOverStopsNoChangeOfKeys(t *testing.T) {
	t.Parallel()
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{Allowance: 10_000_000, Increased: 10_000_000}})
	thief := s.person.SignIn(t, s.Stage)
	for range 70 {
		_, err := thief.AskForSpace(t.Context(), "please")
		require.NoError(t, err)
	}
	papers := keys(t, s.Store, s.key("o/"))
	require.LessOrEqual(t, len(papers), 66, "login, consent, and as many reasons as the books keep")
	rings, _, _ := s.v.Keys()
	require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
	s.person.Password = "gato niru pesa fova"
	for _, key := range append(papers, keys(t, s.Store, s.key("x/"))...) {
		for _, k := range rings[vault.Owner] {
			require.False(t, vault.Opens(s.v.ID(), key, get(t, s.Store, key), k), "%s is under the old key", key)
		}
	}
	asked, err := s.person.SignIn(t, s.Stage).SpaceRequests(t.Context())
	require.NoError(t, err)
	require.Equal(t, "please", asked[len(asked)-1].Reason)
}

func TestAStoreThatLostTheServiceKeysIsNotTakenForANewOne(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	settleWitness(t, s)
	record := get(t, s.Store, "svc/keys")
	set(t, s.Store, "svc/keys", nil)
	_, err := serviceOn(t, s, s.Keeper)
	require.ErrorIs(t, err, vault.ErrKeyService)
	require.Empty(t, keys(t, s.Store, "svc/"), "nothing was put in its place")
	set(t, s.Store, "svc/keys", record) // the operator puts it back
	stage := s.Another(t, nil)
	_, err = stage.Resume(t.Context(), s.v.Token())
	require.NoError(t, err)
	s.person.SignIn(t, stage)
}

// spoiltPapers alters every Owner paper but the one that says the login.
func spoiltPapers(t *testing.T) *scene {
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{Allowance: 10_000_000, Increased: 10_000_000}}) // what is asked is answered at once
	add(t, s.v, "Carte", content(1, 500))
	_, err := s.v.AskForSpace(t.Context(), "please")
	require.NoError(t, err)
	spoilt := 0
	for _, key := range keys(t, s.Store, s.key("o/")) {
		record := get(t, s.Store, key)
		set(t, s.Store, key, flipped(record, len(record)-1))
		if _, err := s.v.Login(t.Context()); err != nil {
			require.ErrorIs(t, err, vault.ErrTampered)
			set(t, s.Store, key, record)
			continue
		}
		spoilt++
	}
	require.Equal(t, 2, spoilt)
	return s
}

func TestSpoiltPapersKeepNobodyFromLeaving(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(v *vault.Vault, old string) error{
		"change of password": func(v *vault.Vault, old string) error {
			return v.ChangePassword(t.Context(), vault.ChangePassword{Old: old, New: "gato niru pesa fova"})
		},
		"change of keys": func(v *vault.Vault, old string) error {
			return v.ChangePassword(t.Context(), vault.ChangePassword{Old: old, New: "gato niru pesa fova", KnownToOthers: true})
		},
		"asking for space": func(v *vault.Vault, _ string) error { _, err := v.AskForSpace(t.Context(), "again"); return err },
		"closing":          func(v *vault.Vault, old string) error { _, err := v.CloseAccount(t.Context(), old); return err },
		"erasing":          func(v *vault.Vault, old string) error { _, err := v.Erase(t.Context(), old); return err },
		"export": func(v *vault.Vault, _ string) error {
			e := export(t, v, nil)
			require.False(t, e.bundle.Complete)
			require.Equal(t, "account.json", e.bundle.Damaged[0].Name)
			require.Contains(t, string(e.files["data/account.json"]), `"login": "`)
			require.Len(t, e.bundle.Items, 3, "the document, and a folder on both sides")
			return nil
		},
	} {
		s := spoiltPapers(t)
		require.NoError(t, act(s.v, s.person.Password), name)
	}
}

func TestASpoiltPaperHidesNoOther(t *testing.T) {
	t.Parallel()
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{Allowance: 10_000_000, Increased: 10_000_000}})
	first := len(keys(t, s.Store, s.key("o/")))
	before := dump(t, s.Store)
	for range 12 {
		_, err := s.v.AskForSpace(t.Context(), "please")
		require.NoError(t, err)
	}
	all := keys(t, s.Store, s.key("o/"))
	require.Len(t, all, first+12)
	for _, key := range all {
		if _, was := before[key]; !was {
			set(t, s.Store, key, []byte("spoilt"))
		}
	}
	e := export(t, s.v, nil)
	require.False(t, e.bundle.Complete)
	require.Contains(t, string(e.files["data/account.json"]), "What is kept here, for whom, and how to leave.", "the consent is intact")
	asked, err := s.v.SpaceRequests(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, asked, "a reason that is gone does not hide the decision")
}

func TestASpoiltLineOfTheJournalKeepsNoExportBack(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "Carte", content(1, 500))
	record := get(t, s.Store, s.line(1))
	set(t, s.Store, s.line(1), flipped(record, len(record)-1))
	e := export(t, s.v, nil)
	require.False(t, e.bundle.Complete)
	require.Len(t, e.bundle.Damaged, 1)
	require.Equal(t, "journal.json", e.bundle.Damaged[0].Name)
	require.Contains(t, string(e.files["data/journal.json"]), paper.ID.String(), "what is above the break is there")
	found := false
	for _, b := range e.files {
		found = found || bytes.Equal(b, content(1, 500))
	}
	require.True(t, found)
}

func TestNothingIsShownWithoutALine(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	note := addNote(t, s.v, "n", "the whole text")
	for _, step := range []struct {
		act  vault.Act
		show func() error
	}{
		{vault.ActRead, func() error { // a move to where it is already
			it, err := s.v.Move(t.Context(), note.ID, 1, vault.Private)
			require.Equal(t, "the whole text", it.Note.Text)
			return err
		}},
		{vault.ActAccountRead, func() error { _, err := s.v.Login(t.Context()); return err }},
		{vault.ActAccountRead, func() error { _, err := s.v.Consents(t.Context()); return err }},
		{vault.ActSpaceViewed, func() error { _, err := s.v.SpaceRequests(t.Context()); return err }},
	} {
		lines := len(keys(t, s.Store, s.key("j/")))
		require.NoError(t, step.show())
		require.Len(t, keys(t, s.Store, s.key("j/")), lines+1, step.act)
		require.Equal(t, []string{string(step.act)}, acts(t, s.v, 1))
	}
}

func TestAnExportCanBeUnpackedWhateverThingsAreCalled(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	f, err := s.v.AddFolder(t.Context(), "a.pdf", vault.Place{})
	require.NoError(t, err)
	for _, n := range []vault.NewDocument{
		{Name: "a.pdf"}, {Name: "b", Folder: f.ID}, {Name: strings.Repeat("\U0001E900", 200)}, // Adlam, a script of West Africa
	} {
		n.MediaType = "application/pdf"
		addTo(t, s.v, n, []byte(n.Name[:1]))
	}
	var out bytes.Buffer
	require.NoError(t, s.v.Export(t.Context(), &out, nil))
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	require.NoError(t, err)
	dir, unpacked := t.TempDir(), map[string]bool{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, b, 0o600))
		unpacked[string(b)] = true
	}
	for _, text := range []string{"a", "b", "\U0001E900"[:1]} {
		require.True(t, unpacked[text], "%q", text)
	}
}

func TestALengthThatNothingHasIsRefusedByName(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	before := usage(t, s.Stage, s.v.ID())
	for _, size := range []int64{1 << 40, 1<<40 + 1, 1 << 62, 1<<63 - 1} {
		_, err := s.v.AddDocument(t.Context(), vault.NewDocument{Name: "x", Size: size}, untouched(t))
		require.ErrorIs(t, err, vault.ErrFull, "%d", size)
	}
	require.Equal(t, before, usage(t, s.Stage, s.v.ID()))
}

func TestSessionsThatTheStoreMadeUpAreNotShown(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	own := get(t, s.Store, keys(t, s.Store, s.key("n/"))[0])
	set(t, s.Store, s.v.ID().CopySession(), own)
	for range 40 {
		key, record, err := s.ForgeSession(t.Context(), s.v.ID())
		require.NoError(t, err)
		set(t, s.Store, key, record)
	}
	list, err := s.v.Sessions(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.True(t, list[0].Current)
	token := s.v.Token()
	s.person.SignIn(t, s.Stage)
	_, err = s.Resume(t.Context(), token)
	require.NoError(t, err, "nor do they push a real one out")
}

func TestAMoveThatTheStoreMadeUpBlocksNobody(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	paper := add(t, s.v, "Carte", content(1, 500))
	forged, err := vault.ForgeMove(s.Clock.Now().AddDate(1000, 0, 0))
	require.NoError(t, err)
	set(t, s.Store, s.key("mv"), forged)
	moved, err := s.v.Move(t.Context(), paper.ID, 1, vault.Shared)
	require.NoError(t, err)
	require.Equal(t, content(1, 500), read(t, s.v, moved.ID))
}

func TestStrangersWhoOpenAccountsLeaveTheLaneOfStaffFree(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, &vaulttest.Options{SignIns: 1, SignInQueue: 4})
	p := stage.Person(t)
	waiting, release := stage.OccupyPublicLane()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := stage.NewPerson(ctx)
	require.ErrorIs(t, err, vault.ErrBusy, "in the lane of staff it would wait")
	secret := p.Secret()
	secret.Priority = true
	done := make(chan error, 1)
	go func() { _, err := stage.Unlock(t.Context(), secret); done <- err }()
	require.Eventually(t, func() bool { return waiting() == 1 || len(done) == 1 }, 5*time.Second, time.Millisecond)
	release()
	require.NoError(t, <-done)
}
