package vault_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// sharing is a town in which the relay may do so much with a shared letter.
func (tn *town) sharing(t testing.TB, scope vault.Scope, b []byte) (*vault.Vault, vault.Item) {
	t.Helper()
	it := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared, Folder: folder(t, tn.v, "Papers", vault.Shared).ID}, b)
	worker, err := tn.open(t, tn.follow(t, scope))
	require.NoError(t, err)
	return worker, it
}

// giver opens the person's vault as somebody who may only give.
func (tn *town) giver(t testing.TB) *vault.Vault {
	t.Helper()
	v, err := tn.open(t, tn.follow(t, vault.ScopeGive))
	require.NoError(t, err)
	return v
}

// waiting lists what lies in the inbox.
func waiting(t testing.TB, s *storage.Store, id vault.ID) []string {
	t.Helper()
	return keys(t, s, id.String()+"/in/")
}

func TestAWorkerMakesAPaperPrivateOnThePersonsWord(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	letter := content(1, 2*segment)
	worker, it := tn.sharing(t, vault.ScopeAdd, letter)
	before := usage(t, tn.Stage, tn.v.ID()).Used
	oldBlob := blobOf(t, tn.v, it.ID)

	require.NoError(t, worker.MakePrivate(t.Context(), it.ID, it.Revision))
	require.Equal(t, before, usage(t, tn.Stage, tn.v.ID()).Used, "it takes no other space")
	require.Empty(t, papers(t, worker), "for the worker it is gone")
	_, err := tryRead(t, worker, it.ID)
	require.ErrorIs(t, err, vault.ErrNotFound)
	require.Empty(t, papers(t, tn.v), "until it is taken in nobody reads it")
	requireBooks(t, tn.Stage, tn.v.ID())
	entries, err := tn.v.Journal(t.Context(), nil)
	require.NoError(t, err)
	made := entries[len(entries)-1]
	for _, e := range entries {
		if e.Act == vault.ActMadePrivate {
			made = e
		}
	}
	require.Equal(t, "Samir", made.Actor.Name)
	require.Equal(t, it.ID, made.Item)
	require.Empty(t, made.Name, "the line tells the kind, not the name")
	require.Equal(t, "document", made.Detail["kind"])

	v := tn.person.SignIn(t, tn.Stage)
	got := item(t, v, it.ID)
	require.Equal(t, vault.Private, got.Compartment)
	require.EqualValues(t, 2, got.Revision)
	require.Equal(t, folder(t, v, "Papers", vault.Private).ID, got.Folder)
	require.Equal(t, it.Origin, got.Origin)
	require.Equal(t, letter, read(t, v, it.ID))
	require.NotEqual(t, oldBlob, blobOf(t, v, it.ID), "encrypted anew")
	require.Empty(t, waiting(t, tn.Store, v.ID()))
	require.Empty(t, papers(t, worker))
	requireBooks(t, tn.Stage, v.ID())
	require.LessOrEqual(t, usage(t, tn.Stage, v.ID()).Used, before)
	moved, err := v.Move(t.Context(), it.ID, 2, vault.Shared)
	require.NoError(t, err)
	require.Equal(t, letter, read(t, v, moved.ID))
}

func TestContactsAppointmentsAndNotesAreMadePrivateInOneCommit(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	in := vault.Place{Compartment: vault.Shared}
	contact, err := tn.v.AddContact(t.Context(), "أمينة", vault.Contact{Phones: []string{"+33 1"}}, in)
	require.NoError(t, err)
	date, err := tn.v.AddAppointment(t.Context(), "CAF\u202efdp", vault.Appointment{Start: tn.Clock.Now().Add(time.Hour), Zone: "Europe/Paris"}, in)
	require.NoError(t, err)
	note, err := tn.v.AddNote(t.Context(), "Note", vault.Note{Text: "رسالة"}, in)
	require.NoError(t, err)
	worker, err := tn.open(t, tn.follow(t, vault.ScopeAdd))
	require.NoError(t, err)
	all := []vault.Item{contact, date, note}
	for _, it := range all {
		require.NoError(t, worker.MakePrivate(t.Context(), it.ID, 1))
	}
	taken, err := tn.v.TakeIn(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.TakenIn{Items: 3}, taken, "a session that goes on takes in, too")
	for _, was := range all {
		now := item(t, tn.v, was.ID)
		require.Equal(t, vault.Private, now.Compartment)
		was.Compartment, was.Revision, was.Changed = now.Compartment, now.Revision, now.Changed
		require.Equal(t, was, now)
	}
	again, err := tn.v.TakeIn(t.Context())
	require.NoError(t, err)
	require.Zero(t, again)
}

func TestWhoMayNotAddMakesNothingPrivateAndNobodyTheOtherWay(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	worker, it := tn.sharing(t, vault.ScopeSee, []byte("letter"))
	require.ErrorIs(t, worker.MakePrivate(t.Context(), it.ID, 1), vault.ErrNotAllowed)
	require.ErrorIs(t, tn.giver(t).MakePrivate(t.Context(), it.ID, 1), vault.ErrNotAllowed)
	adds, err := tn.open(t, tn.follow(t, vault.ScopeAdd))
	require.NoError(t, err)
	require.ErrorIs(t, adds.MakePrivate(t.Context(), it.ID, 7), vault.ErrRevision)
	requireInvalid(t, adds.MakePrivate(t.Context(), folder(t, tn.v, "Papers", vault.Shared).ID, 1), "item")
	_, err = adds.Move(t.Context(), it.ID, 1, vault.Shared)
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	diary := addNote(t, tn.v, "diary", "x")
	require.ErrorIs(t, adds.MakePrivate(t.Context(), diary.ID, 1), vault.ErrNotFound)
	roster, err := tn.relay.AddNote(t.Context(), "roster", vault.Note{}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	require.ErrorIs(t, tn.atRelay(t).MakePrivate(t.Context(), roster.ID, 1), vault.ErrNotAllowed, "a relay's own space has no such inbox")
	require.NoError(t, tn.v.MakePrivate(t.Context(), it.ID, 1), "for the person it is a move")
	require.Equal(t, vault.Private, item(t, tn.v, it.ID).Compartment)
	require.ErrorIs(t, adds.MakePrivate(t.Context(), it.ID, 2), vault.ErrNotFound)
}

func TestAFullSpaceKeepsNobodyFromMakingAPaperPrivate(t *testing.T) {
	t.Parallel()
	tn := newTown(t, &vaulttest.Options{Quota: quota.Config{Allowance: 300_000}})
	worker, it := tn.sharing(t, vault.ScopeAdd, content(1, 100_000))
	note, err := tn.v.AddNote(t.Context(), "note", vault.Note{Text: "text"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	for n := 60_000; n > 0; { // filled to the last byte that fits
		if _, err := tn.v.AddNote(t.Context(), "filler", vault.Note{Text: strings.Repeat("x", min(n, vault.MaxNote))}, vault.Place{}); err != nil {
			require.ErrorIs(t, err, vault.ErrFull)
			n /= 2
		}
	}
	require.NoError(t, worker.MakePrivate(t.Context(), it.ID, 1))
	require.NoError(t, worker.MakePrivate(t.Context(), note.ID, 1))
	_, err = worker.LeaveNote(t.Context(), "more", vault.Note{Text: "text"}, vault.Place{})
	require.ErrorIs(t, err, vault.ErrFull)
	var full *quota.FullError
	require.False(t, errors.As(err, &full), "how much is left is not theirs to know")
	v := tn.person.SignIn(t, tn.Stage)
	require.Equal(t, vault.Private, item(t, v, it.ID).Compartment)
	require.Equal(t, vault.Private, item(t, v, note.ID).Compartment)
	requireBooks(t, tn.Stage, v.ID())
}

func TestWhoMayOnlyGiveLeavesThingsAndSeesNothing(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	secret := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, []byte("shared"))
	giver := tn.giver(t)
	_, err := giver.Item(t.Context(), secret.ID)
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	before := usage(t, tn.Stage, tn.v.ID()).Used

	pdf := content(3, 3*segment+17)
	paper, err := giver.LeaveDocument(t.Context(), vault.NewDocument{Name: "Attestation", MediaType: "application/pdf", Size: int64(len(pdf)), Channel: "partner"}, bytes.NewReader(pdf))
	require.NoError(t, err)
	voice, err := giver.LeaveDocument(t.Context(), vault.NewDocument{Name: "message.ogg", MediaType: "audio/ogg; codecs=opus"}, bytes.NewReader(content(4, 1000)))
	require.NoError(t, err, "of a length that is not known")
	message, err := giver.LeaveNote(t.Context(), "  تذكير\u202e ", vault.Note{Text: "الموعد غدا\n<b>"}, vault.Place{})
	require.NoError(t, err)
	forAll, err := giver.LeaveNote(t.Context(), "for all", vault.Note{Text: "x"}, vault.Place{Compartment: vault.Shared})
	require.NoError(t, err)
	require.Greater(t, usage(t, tn.Stage, tn.v.ID()).Used, before+int64(len(pdf)), "charged at once")
	require.Zero(t, usage(t, tn.Stage, tn.v.ID()).Reserved)
	requireBooks(t, tn.Stage, tn.v.ID())
	for _, id := range []vault.ItemID{paper.Item, voice.Item, message.Item} {
		_, err := giver.ReadDocument(t.Context(), id)
		require.ErrorIs(t, err, vault.ErrNotAllowed, "also not who left it")
		_, err = tn.v.Item(t.Context(), id)
		require.ErrorIs(t, err, vault.ErrNotFound)
	}

	v := tn.person.SignIn(t, tn.Stage)
	got := item(t, v, paper.Item)
	require.Equal(t, vault.Private, got.Compartment)
	require.Equal(t, "Samir", got.Origin.By.Name)
	require.Equal(t, "partner", got.Origin.Channel)
	require.Equal(t, pdf, read(t, v, paper.Item))
	require.Equal(t, content(4, 1000), read(t, v, voice.Item))
	require.Equal(t, "الموعد غدا\n<b>", item(t, v, message.Item).Note.Text)
	require.Equal(t, "تذكير\u202e", item(t, v, message.Item).Name)
	require.Equal(t, vault.Shared, item(t, v, forAll.Item).Compartment)
	require.Empty(t, waiting(t, tn.Store, v.ID()))
	requireBooks(t, tn.Stage, v.ID())
	require.NoError(t, v.Destroy(t.Context(), paper.Item, 1))
	renamed, err := v.Edit(t.Context(), voice.Item, 1, vault.Edit{Name: ptr("Voice of the clinic")})
	require.NoError(t, err)
	require.Equal(t, "Samir", renamed.Origin.By.Name)
}

func TestThePersonsRulesSayWhereThingsLieThatOthersLeave(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	require.NoError(t, tn.v.SetRules(t.Context(), vault.Rules{Kinds: map[vault.Kind]vault.Compartment{vault.KindNote: vault.Shared}}))
	giver := tn.giver(t)
	byRule, err := giver.LeaveNote(t.Context(), "by rule", vault.Note{Text: "x"}, vault.Place{})
	require.NoError(t, err)
	named, err := giver.LeaveNote(t.Context(), "named", vault.Note{Text: "x"}, vault.Place{Compartment: vault.Private})
	require.NoError(t, err)
	paper, err := giver.LeaveDocument(t.Context(), vault.NewDocument{Name: "paper", MediaType: "text/plain"}, strings.NewReader("x"))
	require.NoError(t, err)
	v := tn.person.SignIn(t, tn.Stage)
	require.Equal(t, vault.Shared, item(t, v, byRule.Item).Compartment)
	require.Equal(t, vault.Private, item(t, v, named.Item).Compartment)
	require.Equal(t, vault.Private, item(t, v, paper.Item).Compartment)
}

func TestWhatMayBeLeftIsLimited(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	giver := tn.giver(t)
	leave := func(n vault.NewDocument, r io.Reader) error {
		_, err := giver.LeaveDocument(t.Context(), n, r)
		return err
	}
	requireInvalid(t, leave(vault.NewDocument{Name: "page", MediaType: "text/html"}, strings.NewReader("x")), "mediaType")
	requireInvalid(t, leave(vault.NewDocument{Name: "drawing", MediaType: "image/svg+xml"}, strings.NewReader("x")), "mediaType")
	requireInvalid(t, leave(vault.NewDocument{Name: "unknown"}, strings.NewReader("x")), "mediaType")
	requireInvalid(t, leave(vault.NewDocument{Name: "long", MediaType: "image/png", Size: vault.MaxLeft + 1}, strings.NewReader("x")), "size")
	requireInvalid(t, leave(vault.NewDocument{Name: "longer than said", MediaType: "image/png"}, io.LimitReader(zeros{}, vault.MaxLeft+1)), "size")
	requireInvalid(t, leave(vault.NewDocument{Name: "in", MediaType: "image/png", Folder: vault.ItemID{1}}, strings.NewReader("x")), "folder")
	requireInvalid(t, leave(vault.NewDocument{Name: "in", MediaType: "image/png", Compartment: vault.Owner}, strings.NewReader("x")), "compartment")
	requireInvalid(t, leave(vault.NewDocument{Name: " \t", MediaType: "image/png"}, strings.NewReader("x")), "name")
	requireInvalid(t, leave(vault.NewDocument{Name: "a\x00b", MediaType: "image/png"}, strings.NewReader("x")), "name")
	require.ErrorIs(t, leave(vault.NewDocument{Name: "broken", MediaType: "image/png"}, brokenAfter(content(1, 99), io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF)
	_, err := tn.v.LeaveNote(t.Context(), "own", vault.Note{}, vault.Place{})
	require.ErrorIs(t, err, vault.ErrNotAllowed, "the person adds")
	require.Empty(t, waiting(t, tn.Store, tn.v.ID()))
	require.Zero(t, usage(t, tn.Stage, tn.v.ID()).Reserved)
	requireBooks(t, tn.Stage, tn.v.ID())
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestWhatIsLeftEndsWithTheGrantAndWithTheAccount(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	giver := tn.giver(t)
	kept, err := giver.LeaveNote(t.Context(), "in time", vault.Note{Text: "x"}, vault.Place{})
	require.NoError(t, err)
	receipt, err := tn.v.CloseAccount(t.Context(), tn.person.Password)
	require.NoError(t, err)
	_, err = giver.LeaveNote(t.Context(), "late", vault.Note{Text: "x"}, vault.Place{})
	require.ErrorIs(t, err, vault.ErrClosing)
	v := tn.person.SignIn(t, tn.Stage)
	require.Equal(t, "in time", item(t, v, kept.Item).Name, "what came before the closing can be read and exported")

	require.NoError(t, v.Reopen(t.Context()))
	_, err = giver.LeaveDocument(t.Context(), vault.NewDocument{Name: "x", MediaType: "image/png"}, bytes.NewReader(content(1, 5000)))
	require.NoError(t, err)
	_, err = v.Erase(t.Context(), tn.person.Password)
	require.NoError(t, err)
	_, err = giver.LeaveNote(t.Context(), "late", vault.Note{Text: "x"}, vault.Place{})
	require.ErrorIs(t, err, vault.ErrEnded)
	passing(t, tn.Stage, 60*time.Hour)
	require.Len(t, keys(t, tn.Store, v.ID().String()), 1, "nothing but the tombstone")
	require.False(t, receipt.At.IsZero())
}

// The worker and the person make the same paper private at the same time: it is
// private, once, and whole.
func TestPersonAndWorkerMakeItPrivateAtTheSameTime(t *testing.T) {
	t.Parallel()
	for range sized(3, 20) {
		tn := newTown(t, nil)
		worker, it := tn.sharing(t, vault.ScopeAdd, content(1, 5000))
		var wg sync.WaitGroup
		var errs [2]error
		wg.Go(func() { errs[0] = worker.MakePrivate(t.Context(), it.ID, 1) })
		wg.Go(func() { _, errs[1] = tn.v.Move(t.Context(), it.ID, 1, vault.Private) })
		wg.Wait()
		done := 0
		for _, err := range errs {
			if err == nil {
				done++
				continue
			}
			require.Contains(t, []string{"busy-moving", "not-found", "revision"}, vault.Code(err), "%v", err)
		}
		require.LessOrEqual(t, done, 1)
		v := tn.person.SignIn(t, tn.Stage)
		require.Equal(t, content(1, 5000), read(t, v, it.ID))
		require.Equal(t, done == 1, item(t, v, it.ID).Compartment == vault.Private)
		requireBooks(t, tn.Stage, v.ID())
	}
}

// A relay that follows, and everybody else without Private's keys, opens nothing of
// what waits there, whatever they have of the store.
func TestNobodyButThePersonOpensWhatWaits(t *testing.T) {
	t.Parallel()
	host := storagetest.NewMalicious(memstore.New(), memstore.NewBlobs())
	tn := newTown(t, &vaulttest.Options{Records: host, Documents: host.Blobs()})
	worker, it := tn.sharing(t, vault.ScopeAdd, []byte("a text that nobody else may read"))
	require.NoError(t, worker.MakePrivate(t.Context(), it.ID, 1))
	record := host.Record(waiting(t, tn.Store, tn.v.ID())[0]).Bytes()
	require.NotContains(t, string(record), "Letter")
	held, inboxes, _ := worker.Keys()
	require.NotContains(t, held, vault.Private)
	own, err := tn.atRelay(t).OwnKeys(t.Context())
	require.NoError(t, err)
	for _, k := range append(append(inboxes, own.Inboxes...), tn.own.Inboxes...) {
		require.False(t, vault.OpensDeposit(tn.v.ID(), record, k))
	}
	_, persons, _ := tn.v.Keys()
	opened := 0
	for _, k := range persons {
		if vault.OpensDeposit(tn.v.ID(), record, k) {
			opened++
		}
	}
	require.Equal(t, 1, opened)
}
