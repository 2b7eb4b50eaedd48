package vault_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

func drawing(n int) []byte { return append([]byte("\x89PNG\r\n\x1a\n"), content(7, n)...) }

func depositLink(t testing.TB, v *vault.Vault, label string) vault.Link {
	t.Helper()
	l, err := v.MakeLink(t.Context(), vault.NewLink{Kind: vault.LinkDeposit, Label: label}, nil)
	require.NoError(t, err)
	return l
}

// linkTo makes a link to a paper that can be read so many times.
func (s *scene) linkTo(t testing.TB, v *vault.Vault, it vault.Item, times int) vault.Link {
	t.Helper()
	l, err := v.MakeLink(t.Context(), vault.NewLink{Kind: vault.LinkPaper, Label: "For the desk", Item: it.ID, Times: times, Until: s.Clock.Now().Add(time.Hour)}, &vault.Secret{Password: s.person.Password})
	require.NoError(t, err)
	return l
}

func readLink(t testing.TB, s *vaulttest.Stage, code string) ([]byte, error) {
	t.Helper()
	o, err := s.OpenByLink(t.Context(), code)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return io.ReadAll(o)
}

func TestWhoHasALinkLeavesAPaperAndAMessageAndSeesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	l := depositLink(t, s.v, "Hôpital")
	face, err := s.FaceOfLink(t.Context(), " "+strings.ToLower(l.Code)+" ")
	require.NoError(t, err)
	require.Equal(t, vault.LinkFace{Kind: vault.LinkDeposit, Label: "Hôpital", Left: -1}, face)

	paper := drawing(100_000)
	require.NoError(t, s.LeaveByLink(t.Context(), l.Code, vault.NewDocument{Name: "Ordonnance", MediaType: "text/html"}, bytes.NewReader(paper)))
	require.NoError(t, s.LeaveNoteByLink(t.Context(), l.Code, "Rendez-vous", vault.Note{Text: "Lundi 9 h"}, "web"))
	voice := append([]byte("OggS"), content(3, 50_000)...)
	require.NoError(t, s.LeaveByLink(t.Context(), l.Code, vault.NewDocument{Name: "Message vocal"}, bytes.NewReader(voice)))
	_, err = readLink(t, s.Stage, l.Code)
	require.ErrorIs(t, err, vault.ErrEnded, "a link to leave something reads nothing")
	require.Empty(t, papers(t, s.v), "until it is taken in nobody reads it")

	v := s.person.SignIn(t, s.Stage)
	require.ElementsMatch(t, []string{"Ordonnance", "Rendez-vous", "Message vocal"}, papers(t, v))
	all, err := v.List(t.Context(), nil)
	require.NoError(t, err)
	for _, it := range all {
		if it.Kind == vault.KindFolder {
			continue
		}
		require.Equal(t, vault.Actor{Kind: vault.ActorLink, ID: l.ID.String(), Name: "Hôpital"}, it.Origin.By)
		require.Equal(t, vault.Private, it.Compartment)
		switch it.Name {
		case "Ordonnance":
			require.Equal(t, "image/png", it.Document.MediaType, "what a stranger says of it counts for nothing")
			require.Equal(t, paper, read(t, v, it.ID))
		case "Message vocal":
			require.Equal(t, "audio/ogg", it.Document.MediaType)
		}
	}
	links, inbox, err := v.Links(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, links[0].Used)
	require.Equal(t, l.Code, links[0].Code, "it is shown again")
	require.Greater(t, inbox.Left, int64(150_000))
	require.Equal(t, int64(30_000_000), inbox.Share)
	entries, err := v.Journal(t.Context(), nil)
	require.NoError(t, err)
	left := 0
	for _, e := range entries {
		if e.Act == vault.ActLeft {
			require.Equal(t, "Hôpital", e.Actor.Name)
			left++
		}
	}
	require.Equal(t, 3, left)
	requireBooks(t, s.Stage, v.ID())
}

func TestWhatRunsOrIsTooLongIsRefusedAndTheSenderIsTold(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	l := depositLink(t, s.v, "x")
	before := usage(t, s.Stage, s.v.ID())
	for name, b := range map[string][]byte{"a program": []byte("\x7fELF\x02\x01\x01\x00"), "an archive": []byte("PK\x03\x04\x00"), "bytes": {0, 1, 2}} {
		err := s.LeaveByLink(t.Context(), l.Code, vault.NewDocument{Name: "x", MediaType: "image/png"}, bytes.NewReader(b))
		require.ErrorIs(t, err, vault.ErrInvalid, name)
	}
	long := io.MultiReader(bytes.NewReader(drawing(0)), io.LimitReader(zeros{}, vault.MaxLeft))
	require.ErrorIs(t, s.LeaveByLink(t.Context(), l.Code, vault.NewDocument{Name: "x"}, long), vault.ErrInvalid)
	require.ErrorIs(t, s.LeaveByLink(t.Context(), l.Code[:10], vault.NewDocument{Name: "x"}, nil), vault.ErrInvalid, "a slip")
	require.Equal(t, before, usage(t, s.Stage, s.v.ID()))
	require.Empty(t, waiting(t, s.Store, s.v.ID()))
}

func TestAPaperIsReadByALinkAndEachTimeIsALine(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	b := content(1, 3*segment)
	it := add(t, s.v, "Identity card", b)
	l := s.linkTo(t, s.v, it, 2)
	links, _, err := s.v.Links(t.Context())
	require.NoError(t, err)
	require.Empty(t, links[0].Code, "the code of a link to a paper is shown once")
	for n := 1; n >= 0; n-- {
		o, err := s.OpenByLink(t.Context(), l.Code)
		require.NoError(t, err)
		require.Equal(t, n, o.Left)
		require.Equal(t, "Identity card", o.Item.Name)
		got, err := io.ReadAll(o)
		require.NoError(t, err)
		require.Equal(t, b, got)
		require.NoError(t, o.Close())
	}
	_, err = readLink(t, s.Stage, l.Code)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = s.FaceOfLink(t.Context(), l.Code)
	require.ErrorIs(t, err, vault.ErrEnded)
	require.ErrorIs(t, s.LeaveNoteByLink(t.Context(), l.Code, "x", vault.Note{}, ""), vault.ErrNotTaken, "and nothing is left by it")
	require.Equal(t, 2, strings.Count(strings.Join(acts(t, s.v, 20), " "), string(vault.ActLinkOpened)))
	links, _, err = s.v.Links(t.Context())
	require.NoError(t, err)
	require.Equal(t, vault.EndedByUse, links[0].EndedBy)
	require.Equal(t, 2, links[0].Used)
	require.Equal(t, it.ID, links[0].Item)
	s.Clock.Advance(time.Minute)
	depositLink(t, s.v, "Hôpital")
	links, _, err = s.v.Links(t.Context())
	require.NoError(t, err)
	seen, err := s.v.SeenBy(t.Context(), it.ID)
	require.NoError(t, err)
	require.Len(t, seen, 1)
	require.Equal(t, vault.Actor{Kind: vault.ActorLink, ID: l.ID.String(), Name: l.Label}, seen[0].By)
	require.Equal(t, 2, seen[0].Times)
	require.Equal(t, 2, links[1].Used, "it is told as long as the link is shown")
	require.False(t, links[1].Last.IsZero())
}

func TestALinkToAPaperTakesTheSecretOnceMore(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	it := add(t, s.v, "Paper", []byte("x"))
	n := vault.NewLink{Kind: vault.LinkPaper, Label: "desk", Item: it.ID, Times: 1}
	_, err := s.v.MakeLink(t.Context(), n, nil)
	require.ErrorIs(t, err, vault.ErrSecretAgain)
	_, err = s.v.MakeLink(t.Context(), n, &vault.Secret{Password: "wrong"})
	require.ErrorIs(t, err, vault.ErrSignIn)
	n.Times = 0
	_, err = s.v.MakeLink(t.Context(), n, &vault.Secret{Password: s.person.Password})
	require.ErrorIs(t, err, vault.ErrInvalid, "without an end it would be open for ever")
}

// Two servers, and many clerks at once: never one time more.
func TestTheLastTimeOfALinkIsForOneOnly(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	l := s.linkTo(t, s.v, add(t, s.v, "Paper", content(1, 1000)), 3)
	both := []*vaulttest.Stage{s.Stage, s.Another(t, nil)}
	var opened, over atomic.Int32
	var wait sync.WaitGroup
	for i := range 10 {
		wait.Go(func() {
			o, err := both[i%2].OpenByLink(t.Context(), l.Code)
			if err != nil {
				over.Add(1)
				return
			}
			opened.Add(1)
			_ = o.Close()
		})
	}
	wait.Wait()
	require.Equal(t, []int32{3, 7}, []int32{opened.Load(), over.Load()})
}

func TestALinkIsOverAtOnceHoweverItEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, s *scene, it vault.Item, l vault.Link){
		"the person ends it": func(t *testing.T, s *scene, _ vault.Item, l vault.Link) {
			require.NoError(t, s.v.EndLink(t.Context(), l.ID))
			require.ErrorIs(t, s.v.EndLink(t.Context(), l.ID), vault.ErrEnded)
		},
		"its time is over": func(_ *testing.T, s *scene, _ vault.Item, _ vault.Link) { s.Clock.Advance(2 * time.Hour) },
		"the paper is in the bin": func(t *testing.T, s *scene, it vault.Item, _ vault.Link) {
			_, err := s.v.Bin(t.Context(), it.ID, it.Revision)
			require.NoError(t, err)
		},
		"the paper is destroyed": func(t *testing.T, s *scene, it vault.Item, _ vault.Link) {
			require.NoError(t, s.v.Destroy(t.Context(), it.ID, it.Revision))
		},
		"the paper is another": func(t *testing.T, s *scene, it vault.Item, _ vault.Link) {
			_, err := s.v.ReplaceDocument(t.Context(), it.ID, it.Revision, vault.NewDocument{}, strings.NewReader("new"))
			require.NoError(t, err)
		},
		"the paper is shared": func(t *testing.T, s *scene, it vault.Item, _ vault.Link) {
			_, err := s.v.Move(t.Context(), it.ID, it.Revision, vault.Shared)
			require.NoError(t, err)
		},
		"the keys are new": func(t *testing.T, s *scene, _ vault.Item, _ vault.Link) {
			require.NoError(t, s.v.ChangePassword(t.Context(), vault.ChangePassword{Old: s.person.Password, New: "gato niru pesa fova", KnownToOthers: true}))
		},
		"the account is closed": func(t *testing.T, s *scene, _ vault.Item, _ vault.Link) {
			_, err := s.v.CloseAccount(t.Context(), s.person.Password)
			require.NoError(t, err)
		},
		"everything is erased": func(t *testing.T, s *scene, _ vault.Item, l vault.Link) {
			_, err := s.v.Erase(t.Context(), s.person.Password)
			require.NoError(t, err)
			require.Empty(t, keys(t, s.Store, "link/"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, nil)
			it := add(t, s.v, "Paper", content(1, 4*segment))
			l := s.linkTo(t, s.v, it, 0)
			open, err := s.OpenByLink(t.Context(), l.Code)
			require.NoError(t, err)
			_, err = io.ReadFull(open, make([]byte, 10))
			require.NoError(t, err)
			end(t, s, it, l)
			_, err = readLink(t, s.Stage, l.Code)
			require.ErrorIs(t, err, vault.ErrEnded)
			s.Clock.Advance(2 * time.Second)
			_, err = io.ReadAll(open)
			require.ErrorIs(t, err, vault.ErrEnded, "also for the transfer under way")
		})
	}
}

func TestALinkToLeaveSomethingOutlivesNewKeysAndEndsInATransferUnderWay(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t, vault.ScopeSee)
	l := depositLink(t, tn.v, "Hôpital")
	const next = "gato niru pesa fova"
	require.NoError(t, tn.v.ChangePassword(t.Context(), vault.ChangePassword{Old: tn.person.Password, New: next, KnownToOthers: true}))
	tn.person.Password = next
	require.NoError(t, tn.LeaveNoteByLink(t.Context(), l.Code, "after", vault.Note{}, ""))
	v := tn.person.SignIn(t, tn.Stage)
	require.Contains(t, papers(t, v), "after")
	grants, err := v.Grants(t.Context())
	require.NoError(t, err, "nobody takes a link for a grant that the store hides")
	require.Len(t, grants, 1)

	started := make(chan struct{})
	r, w := io.Pipe()
	done := make(chan error)
	go func() { done <- tn.LeaveByLink(t.Context(), l.Code, vault.NewDocument{Name: "x"}, r) }()
	go func() { _, _ = w.Write(drawing(2 * segment)); close(started) }()
	<-started
	require.NoError(t, v.EndLink(t.Context(), l.ID))
	_ = w.Close()
	require.ErrorIs(t, <-done, vault.ErrNotTaken)
	requireBooks(t, tn.Stage, v.ID())
}

func TestAClosedInboxTakesNothingAndDoesNotSayWhy(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	l, giver := depositLink(t, tn.v, "x"), tn.giver(t)
	require.NoError(t, tn.v.CloseInbox(t.Context()))
	closed := tn.LeaveNoteByLink(t.Context(), l.Code, "x", vault.Note{}, "")
	_, err := giver.LeaveNote(t.Context(), "x", vault.Note{}, vault.Place{})
	require.ErrorIs(t, err, vault.ErrNotTaken)
	_, err = tn.FaceOfLink(t.Context(), l.Code)
	require.NoError(t, err)
	ended := depositLink(t, tn.v, "y")
	require.NoError(t, tn.v.EndLink(t.Context(), ended.ID))
	require.Equal(t, closed, tn.LeaveNoteByLink(t.Context(), ended.Code, "x", vault.Note{}, ""), "the same answer")
	require.Equal(t, vault.ErrNotTaken, closed)
	v := tn.person.SignIn(t, tn.Stage)
	_, inbox, err := v.Links(t.Context())
	require.NoError(t, err)
	require.True(t, inbox.Closed, "a sign-in does not open it")
	require.NoError(t, v.OpenInbox(t.Context()))
	require.NoError(t, tn.LeaveNoteByLink(t.Context(), l.Code, "x", vault.Note{}, ""))
}

func TestAFloodByOneLinkLeavesThePersonsSpaceAlone(t *testing.T) {
	t.Parallel()
	const limit = 10_000_000
	s := newScene(t, &vaulttest.Options{Quota: quota.Config{Allowance: limit}, LeftPerDay: 100_000})
	l, other := depositLink(t, s.v, "flood"), s.Person(t)
	own := usage(t, s.Stage, s.v.ID()).Used
	taken, refused := 0, 0
	junk := drawing(60_000)
	for range 120 {
		if err := s.LeaveByLink(t.Context(), l.Code, vault.NewDocument{Name: "junk"}, bytes.NewReader(junk)); err == nil {
			taken++
		} else {
			require.ErrorIs(t, err, vault.ErrNotTaken)
			refused++
		}
	}
	require.Positive(t, taken)
	require.Greater(t, refused, 80)
	require.LessOrEqual(t, usage(t, s.Stage, s.v.ID()).Used-own, int64(limit/5))
	mine := int(limit*4/5 - own - 300_000)
	add(t, s.v, "mine", content(1, mine*9/10)) // padded
	add(t, other.Vault, "of somebody else", content(1, 1000))

	v := s.person.SignIn(t, s.Stage)
	_, inbox, err := v.Links(t.Context())
	require.NoError(t, err)
	full := inbox.Left
	require.Greater(t, full, inbox.Share*8/10)
	require.ErrorIs(t, s.LeaveByLink(t.Context(), l.Code, vault.NewDocument{Name: "junk"}, bytes.NewReader(junk)), vault.ErrNotTaken, "what was taken in still counts")
	all, err := v.List(t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
	require.NoError(t, err)
	for _, it := range all[:5] {
		if it.Name == "junk" {
			require.NoError(t, v.Destroy(t.Context(), it.ID, it.Revision))
		}
	}
	_, inbox, err = v.Links(t.Context())
	require.NoError(t, err)
	require.Less(t, inbox.Left, full)
	require.NoError(t, s.LeaveByLink(t.Context(), l.Code, vault.NewDocument{Name: "room again"}, bytes.NewReader(junk)))
	require.NoError(t, v.KeepLeft(t.Context()))
	_, inbox, err = v.Links(t.Context())
	require.NoError(t, err)
	require.Zero(t, inbox.Left)
	requireBooks(t, s.Stage, v.ID())
}

func TestOneLinkLeavesOnlySoMuchInADay(t *testing.T) {
	t.Parallel()
	s := newScene(t, &vaulttest.Options{LeftPerDay: 2})
	l, other := depositLink(t, s.v, "a"), depositLink(t, s.v, "b")
	for range 2 {
		require.NoError(t, s.LeaveNoteByLink(t.Context(), l.Code, "x", vault.Note{}, ""))
	}
	require.ErrorIs(t, s.LeaveNoteByLink(t.Context(), l.Code, "x", vault.Note{}, ""), vault.ErrNotTaken)
	require.NoError(t, s.LeaveNoteByLink(t.Context(), other.Code, "x", vault.Note{}, ""))
	s.Clock.Advance(24 * time.Hour)
	require.NoError(t, s.LeaveNoteByLink(t.Context(), l.Code, "x", vault.Note{}, ""))
}

func TestThereAreOnlySoManyLinks(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	var first vault.Link
	for range vault.MaxLinks {
		first = depositLink(t, s.v, "x")
	}
	_, err := s.v.MakeLink(t.Context(), vault.NewLink{Kind: vault.LinkDeposit, Label: "x"}, nil)
	require.ErrorIs(t, err, vault.ErrTooMany)
	require.NoError(t, s.v.EndLink(t.Context(), first.ID))
	depositLink(t, s.v, "x")
	s.person.SignIn(t, s.Stage)
}

func TestWhatAStrangerLeftIsKeptOneByOneAndGivesItsRoomBackOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	l := depositLink(t, s.v, "Hôpital")
	leave := func(name string) {
		require.NoError(t, s.LeaveByLink(t.Context(), l.Code, vault.NewDocument{Name: name}, bytes.NewReader(drawing(60_000))))
	}
	for _, name := range []string{"a", "b", "c"} {
		leave(name)
	}
	v := s.person.SignIn(t, s.Stage)
	byName := func() map[string]vault.Item {
		out := map[string]vault.Item{}
		all, err := v.List(t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
		require.NoError(t, err)
		for _, it := range all {
			out[it.Name] = it
		}
		return out
	}
	left := func() int64 {
		_, inbox, err := v.Links(t.Context())
		require.NoError(t, err)
		return inbox.Left
	}
	told := func() bool {
		o, err := v.Overview(t.Context())
		require.NoError(t, err)
		return slices.Contains(o.Notices, vault.NoticeLeftByLink)
	}
	kept := func() (n int) {
		all, err := v.Deposits(t.Context())
		require.NoError(t, err)
		for _, d := range all {
			if d.Kept {
				n++
			}
		}
		return n
	}
	there, all := byName(), left()
	require.True(t, told())
	require.Zero(t, kept())

	require.NoError(t, v.KeepLeftItem(t.Context(), there["a"].ID))
	two := left()
	require.InDelta(t, all*2/3, two, 5000)
	require.Equal(t, 1, kept())
	require.NoError(t, v.KeepLeftItem(t.Context(), there["a"].ID))
	require.Equal(t, two, left(), "a second click")
	require.NoError(t, v.Destroy(t.Context(), there["a"].ID, there["a"].Revision))
	require.Equal(t, two, left(), "its room was given back already (LK11)")

	own := add(t, v, "mine", content(1, 500))
	require.NoError(t, v.KeepLeftItem(t.Context(), own.ID), "it is theirs as it is")
	require.Equal(t, two, left())
	_, err := v.Bin(t.Context(), there["b"].ID, there["b"].Revision)
	require.NoError(t, err)
	require.True(t, told(), "c is there")
	require.NoError(t, v.KeepLeftItem(t.Context(), there["c"].ID))
	require.False(t, told(), "what is in the bin is not to be looked at")
	require.InDelta(t, all/3, left(), 5000, "and takes its room as long as it is there")
	binned, err := v.Item(t.Context(), there["b"].ID)
	require.NoError(t, err)
	require.NoError(t, v.KeepLeftItem(t.Context(), binned.ID))
	require.Zero(t, left(), "that was the last")

	leave("d")
	require.True(t, told(), "it waits")
	v = s.person.SignIn(t, s.Stage)
	require.NoError(t, v.KeepLeftItem(t.Context(), byName()["d"].ID))
	require.False(t, told())
	require.ErrorIs(t, v.KeepLeftItem(t.Context(), there["a"].ID), vault.ErrNotFound)
	requireBooks(t, s.Stage, v.ID())
}
