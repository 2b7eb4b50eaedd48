package consent_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/internal/testfiles"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// leaver is a partner that Amina lets leave papers with her, by this link.
func leaver(t *testing.T, tn *town) (caf *body, link string) {
	t.Helper()
	caf = tn.newBody(t, "CAF du Rhône")
	link = agreedLink(t, tn, caf)
	require.NoError(t, tn.service.LetLeave(t.Context(), tn.amina.Vault, caf.ID))
	return caf, link
}

// leaves leaves a paper; before is called when its first byte is read.
func (tn *town) leaves(t *testing.T, o *consent.Office, link string, before func()) error {
	t.Helper()
	r := &watched{Reader: bytes.NewReader(testfiles.Letter().Bytes()), before: before}
	return o.LeaveDocument(t.Context(), link, vault.NewDocument{Name: "Notification de droits", Size: -1}, r)
}

type watched struct {
	io.Reader
	before func()
	read   bool
}

func (w *watched) Read(p []byte) (int, error) {
	if !w.read && w.before != nil {
		w.before()
	}
	w.read = true
	return w.Reader.Read(p)
}

func inbox(t *testing.T, tn *town) int { return len(scan(t, tn, tn.amina.Vault.ID().String()+"/in/")) }

func TestAPartnerLeavesAPaperAndAMessageWithWhoLetsIt(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf, link := leaver(t, tn)
	office := tn.office(t, caf)
	require.NoError(t, tn.leaves(t, office, link, nil))
	require.NoError(t, office.LeaveNote(t.Context(), link, "Rendez-vous", vault.Note{Text: "Lundi 9 h"}))
	for key, value := range tn.contents(t) {
		require.NotContains(t, string(value), "Lundi", "it is sealed as it comes: %s", key)
	}
	leaving, err := tn.service.LeavingPartners(t.Context(), tn.amina.Vault)
	require.NoError(t, err)
	require.Len(t, leaving, 1)
	require.Equal(t, "CAF du Rhône", leaving[0].Name)

	in, err := tn.amina.Vault.TakeIn(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, in.Items)
	all, err := tn.amina.Vault.Deposits(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	for _, d := range all {
		require.Equal(t, vault.DepositTakenIn, d.State)
		require.Equal(t, vault.Actor{Kind: vault.ActorLink, ID: leaving[0].Link.String(), Name: "CAF du Rhône"}, d.By)
	}
	paper, err := tn.amina.Vault.Item(t.Context(), all[1].Item)
	require.NoError(t, err)
	require.Equal(t, vault.Private, paper.Compartment, "as the person's rules say")
	require.Equal(t, "application/pdf", paper.Document.MediaType)
	require.Equal(t, "partner", paper.Origin.Channel)
	content, err := tn.amina.Vault.ReadDocument(t.Context(), paper.ID)
	require.NoError(t, err)
	whole, err := io.ReadAll(content)
	require.NoError(t, err)
	require.Equal(t, testfiles.Letter().Bytes(), whole)

	var bad *vault.InvalidError
	require.ErrorAs(t, office.LeaveDocument(t.Context(), link, vault.NewDocument{Name: "setup.exe"}, strings.NewReader("MZ\x00\x01")), &bad)
	require.ErrorAs(t, office.LeaveNote(t.Context(), link, "", vault.Note{Text: "x"}), &bad)
}

// What is the person's to know is one answer, before a byte was read, and nothing is kept (N77).
func TestWhyNothingWasTakenOfAPartnerIsNotItsToKnow(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, tn *town, caf *body, link string) (byLink string){
		"closed the inbox": func(t *testing.T, tn *town, _ *body, link string) string {
			require.NoError(t, tn.amina.Vault.CloseInbox(t.Context()))
			return link
		},
		"blocked it": func(t *testing.T, tn *town, caf *body, link string) string {
			require.NoError(t, tn.service.BlockPartner(t.Context(), tn.amina.Vault, caf.ID))
			require.ErrorIs(t, tn.service.LetLeave(t.Context(), tn.amina.Vault, caf.ID), vault.ErrNotFound)
			return link
		},
		"let it no more": func(t *testing.T, tn *town, caf *body, link string) string {
			require.NoError(t, tn.service.StopLeaving(t.Context(), tn.amina.Vault, caf.ID))
			links, _, err := tn.amina.Vault.Links(t.Context())
			require.NoError(t, err)
			require.Equal(t, vault.EndedByPerson, links[0].EndedBy)
			return link
		},
		"never let it": func(t *testing.T, tn *town, _ *body, _ string) string {
			return agreedLink(t, tn, tn.newBody(t, "CPAM"))
		},
		"ended its links": func(t *testing.T, tn *town, caf *body, link string) string {
			require.NoError(t, tn.service.EndPartnerLinks(t.Context(), tn.amina.Vault, caf.ID))
			return link
		},
		"ended it among the links": func(t *testing.T, tn *town, caf *body, link string) string {
			links, _, err := tn.amina.Vault.Links(t.Context())
			require.NoError(t, err)
			require.Equal(t, "CAF du Rhône", links[0].Label)
			require.NoError(t, tn.amina.Vault.EndLink(t.Context(), links[0].ID))
			now, err := tn.service.LeavingPartners(t.Context(), tn.amina.Vault)
			require.NoError(t, err)
			require.Empty(t, now)
			return link
		},
		"closed the account": func(t *testing.T, tn *town, _ *body, link string) string {
			_, err := tn.amina.Vault.CloseAccount(t.Context(), tn.amina.Password)
			require.NoError(t, err)
			return link
		},
		"was forgotten by it": func(t *testing.T, tn *town, caf *body, link string) string {
			require.NoError(t, tn.office(t, caf).Unlink(t.Context(), link))
			return link
		},
		"was never there": func(*testing.T, *town, *body, string) string { return vault.ID(randomID()).String() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn := newTown(t, nil)
			caf, link := leaver(t, tn)
			link = end(t, tn, caf, link)
			before := inbox(t, tn)
			err := tn.leaves(t, tn.office(t, caf), link, func() { t.Error("nothing is read") })
			require.EqualError(t, err, vault.ErrNotTaken.Error())
			err = tn.office(t, caf).LeaveNote(t.Context(), link, "A", vault.Note{Text: "B"})
			require.EqualError(t, err, vault.ErrNotTaken.Error())
			require.Equal(t, before, inbox(t, tn))
		})
	}
}

// What ends while a paper comes in ends it (N77).
func TestWhatEndsWhileAPartnerLeavesSomethingEndsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end func(ctx context.Context, tn *town, caf *body) error
		is  error
	}{
		"let it no more": {func(ctx context.Context, tn *town, caf *body) error {
			return tn.service.StopLeaving(ctx, tn.amina.Vault, caf.ID)
		}, vault.ErrNotTaken},
		"blocked": {func(ctx context.Context, tn *town, caf *body) error {
			return tn.service.BlockPartner(ctx, tn.amina.Vault, caf.ID)
		}, vault.ErrNotTaken},
		"closed the inbox": {func(ctx context.Context, tn *town, _ *body) error {
			return tn.amina.Vault.CloseInbox(ctx)
		}, vault.ErrNotTaken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tn := newTown(t, nil)
			caf, link := leaver(t, tn)
			err := tn.leaves(t, tn.office(t, caf), link, func() { require.NoError(t, c.end(t.Context(), tn, caf)) })
			require.ErrorIs(t, err, c.is)
			require.Zero(t, inbox(t, tn))
		})
	}
	t.Run("withdrawn", func(t *testing.T) {
		t.Parallel()
		tn := newTown(t, nil)
		caf, link := leaver(t, tn)
		office := tn.office(t, caf)
		err := tn.leaves(t, office, link, func() { tn.publish(t, consent.Change{WithdrawPartner: &caf.ID, On: "2026-03-02"}) })
		require.ErrorIs(t, err, vault.ErrEnded, "that is its own to know")
		require.Zero(t, inbox(t, tn))
		require.ErrorIs(t, tn.leaves(t, office, link, nil), vault.ErrEnded)
	})
}

// However many files a partner has linked, it leaves no more in a day than one who has a link (N78).
func TestAPartnerLeavesSoMuchInADay(t *testing.T) {
	t.Parallel()
	tn := newTown(t, &vaulttest.Options{LeftPerDay: 2})
	caf, first := leaver(t, tn)
	office := tn.office(t, caf)
	second := agreedLink(t, tn, caf) // of another file; it may leave as well
	for _, link := range []string{first, second} {
		require.NoError(t, office.LeaveNote(t.Context(), link, "A", vault.Note{Text: "B"}))
	}
	for _, link := range []string{first, second} {
		require.ErrorIs(t, office.LeaveNote(t.Context(), link, "A", vault.Note{Text: "B"}), vault.ErrNotTaken)
	}
	require.NoError(t, tn.service.LetLeave(t.Context(), tn.amina.Vault, caf.ID), "it may already")
	links, _, err := tn.amina.Vault.Links(t.Context())
	require.NoError(t, err)
	require.Len(t, links, 1)
	require.Equal(t, 2, inbox(t, tn))
}

// On two devices at once: of the links that were made one is in force, which StopLeaving ends.
func TestAPartnerThatIsLetTwiceAtOnceIsStoppedOnce(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF du Rhône")
	agreedLink(t, tn, caf)
	var all sync.WaitGroup
	said := make([]error, 4)
	for n := range said {
		all.Go(func() { said[n] = tn.service.LetLeave(t.Context(), tn.amina.Vault, caf.ID) })
	}
	all.Wait()
	require.NoError(t, errors.Join(said...))
	inForce := func() (n int) {
		links, _, err := tn.amina.Vault.Links(t.Context())
		require.NoError(t, err)
		for _, l := range links {
			if l.EndedBy == "" {
				n++
			}
		}
		return n
	}
	require.Equal(t, 1, inForce())
	require.NoError(t, tn.service.StopLeaving(t.Context(), tn.amina.Vault, caf.ID))
	require.Zero(t, inForce())
}

func TestOnlyWhoMayLeavePapersIsLet(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	require.ErrorIs(t, tn.service.LetLeave(t.Context(), tn.amina.Vault, caf.ID), vault.ErrNotFound, "no file of it is linked")
	link := agreedLink(t, tn, caf)
	asks := caf.Partner
	asks.Scopes = []consent.PartnerScope{consent.PartnerAsk, consent.PartnerLink}
	tn.publish(t, consent.Change{Partner: &asks})
	require.ErrorIs(t, tn.service.LetLeave(t.Context(), tn.amina.Vault, caf.ID), vault.ErrEnded)
	require.ErrorIs(t, tn.leaves(t, tn.office(t, caf), link, nil), vault.ErrNotAllowed)
	require.ErrorIs(t, tn.service.LetLeave(t.Context(), tn.amina.Vault, randomID()), consent.ErrNotNamed)
	links, _, err := tn.amina.Vault.Links(t.Context())
	require.NoError(t, err)
	require.Empty(t, links)
}

// A link that was made before the person's papers said which one a partner has ends, too.
func TestALinkOfBeforeEndsWithWhatAPartnerMayLeave(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	caf := tn.newBody(t, "CAF")
	link := agreedLink(t, tn, caf)
	made, err := tn.amina.Vault.MakeLink(t.Context(), vault.NewLink{Kind: vault.LinkDeposit, Label: "CAF"}, nil)
	require.NoError(t, err)
	slip, err := seal.Marshal(struct {
		Partner [16]byte `cbor:"1,keyasint"`
		Link    [16]byte `cbor:"2,keyasint"`
		Code    string   `cbor:"3,keyasint"`
		At      int64    `cbor:"4,keyasint"`
	}{caf.ID, made.ID, made.Code, tn.Clock.Now().UnixMilli()})
	require.NoError(t, err)
	require.NoError(t, tn.Store.Transact(t.Context(), func(tx *storage.Tx) error {
		return tn.PutSlip(tx, "leave", link, time.Time{}, slip)
	}))
	require.NoError(t, tn.leaves(t, tn.office(t, caf), link, nil))
	require.NoError(t, tn.service.StopLeaving(t.Context(), tn.amina.Vault, caf.ID))
	_, err = tn.FaceOfLink(t.Context(), made.Code)
	require.ErrorIs(t, err, vault.ErrEnded)
}
