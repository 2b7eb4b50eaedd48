package consent_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// tallied are the codes of what was counted at a relay, once for each act; the zero id:
// by people themselves.
func tallied(t *testing.T, tn *town, relay consent.RelayID) (out []string) {
	t.Helper()
	for key := range scan(t, tn, "svc/count/"+relay.String()+"/") {
		out = append(out, strings.Split(key, "/")[4])
	}
	slices.Sort(out)
	return out
}

func brought(name, text string) vault.NewImport {
	sum := sha256.Sum256([]byte(text))
	return vault.NewImport{
		Kind: vault.KindDocument, Name: name, MediaType: "application/pdf", Size: int64(len(text)), Digest: sum[:],
		Open:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
		Former: vault.Former{Format: "folder", Item: name},
	}
}

// Each act is counted once, under one thing and in one place: a worker's at their relay,
// the person's own nowhere near one. So no count holds another, and nothing below ten
// can be reckoned from two that are told.
func TestEachActIsCountedOnceAndUnderOneThing(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	own, relay := consent.RelayID{}, tn.centre.relay.ID
	amina := tn.amina.Vault

	card := tn.paper(t, "Card", vault.Shared)
	_, err := amina.AddNote(t.Context(), "Note", vault.Note{Text: "x"}, vault.Place{})
	require.NoError(t, err)
	require.Equal(t, []string{"kept"}, tallied(t, tn, own), "papers, and no notes")

	for range 2 { // what comes once more is there already
		_, err = amina.Import(t.Context(), []vault.NewImport{brought("Diploma", "diploma")}, nil)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"brought", "kept"}, tallied(t, tn, own))

	tn.presented(t, tn.newBody(t, "CAF"), card.ID)
	require.Equal(t, []string{"brought", "kept", "presented"}, tallied(t, tn, own))

	l, err := amina.MakeLink(t.Context(), vault.NewLink{Kind: vault.LinkDeposit, Label: "Hospital", Until: tn.Clock.Now().AddDate(0, 0, 7)}, nil)
	require.NoError(t, err)
	require.NoError(t, tn.LeaveNoteByLink(t.Context(), l.Code, "x", vault.Note{Text: "x"}, "web"))
	require.Equal(t, []string{"brought", "kept", "left", "presented"}, tallied(t, tn, own))
	_, err = amina.TakeIn(t.Context())
	require.NoError(t, err)
	require.Len(t, tallied(t, tn, own), 4, "it was counted when it was left")

	require.Empty(t, tallied(t, tn, relay), "no relay had a part in it")
	tn.follow(t)
	v := tn.openAmina(t)
	_, err = v.AddDocument(t.Context(), vault.NewDocument{Name: "Letter", MediaType: "application/pdf", Compartment: vault.Shared}, strings.NewReader("letter"))
	require.NoError(t, err)
	it, err := v.Item(t.Context(), card.ID)
	require.NoError(t, err)
	_, err = tn.post(t).Attest(t.Context(), v, held(it))
	require.NoError(t, err)
	require.Equal(t, []string{"attested", "kept", "opened"}, tallied(t, tn, relay))
	require.Len(t, tallied(t, tn, own), 4)

	// Its manager reads what is of the relay, the operator also what people did themselves.
	require.Len(t, countsOf(t, tn.centre.Manager.At(t, tn.centre.Relay)), 3)
	all, err := tn.service.Monthly(t.Context())
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, consent.WriteCountsCSV(&out, all))
	month := tn.Clock.Now().Format("2006-01")
	require.Contains(t, out.String(), "\r\n,"+month+",presented,<10\r\n")
	require.Contains(t, out.String(), "\r\n"+relay.String()+","+month+",kept,<10\r\n")
	for key, value := range scan(t, tn, "svc/count/") {
		require.Empty(t, value)
		require.NotContains(t, key, amina.ID().String())
	}
}

// A store that fails at any commit: there are as many counts as papers, whatever was
// answered.
func TestACommitThatFailsCountsNothing(t *testing.T) {
	t.Parallel()
	var faulty *storagetest.Faulty
	tn := newTown(t, &vaulttest.Options{Driver: func(d storage.Driver) storage.Driver {
		faulty = storagetest.NewFaulty(d)
		return faulty
	}})
	tn.follow(t)
	v := tn.openAmina(t)
	for _, when := range []storagetest.When{storagetest.Before, storagetest.After} {
		for n := 1; ; n++ {
			faulty.FailAt(n, storage.ErrUnknown, when, storagetest.Commit)
			_, _ = v.AddDocument(t.Context(), vault.NewDocument{Name: "Letter", MediaType: "application/pdf", Compartment: vault.Shared}, strings.NewReader("letter"))
			failed := faulty.Failed()
			faulty.Heal()
			papers, err := tn.amina.Vault.List(t.Context(), &vault.ListOptions{Kind: vault.KindDocument})
			require.NoError(t, err)
			kept := slices.DeleteFunc(tallied(t, tn, tn.centre.relay.ID), func(what string) bool { return what != "kept" })
			require.Len(t, kept, len(papers), "fault at commit %d", n)
			if !failed {
				break
			}
		}
	}
}

func TestAStorePutsNoWordsIntoCounts(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	id := tn.centre.relay.ID.String()
	for _, key := range []string{id + "/2026-11/marguerite", id + "/marguerite/opened/x", "marguerite/2026-11/opened/x"} {
		set(t, tn, "svc/count/"+key, []byte("12"))
	}
	all, err := tn.service.Monthly(t.Context())
	require.NoError(t, err)
	require.Empty(t, all)
}

// Of twelve people eleven are followed since January: to say both says that there is one
// who was followed before.
func TestAPartIsNotSaidBesideItsWholeWhereTheRestIsSmall(t *testing.T) {
	t.Parallel()
	const most = 60
	rests, parts := map[[2]string]map[int]bool{}, map[[2]string]map[int]bool{}
	for whole := range most {
		for part := range whole + 1 {
			said := [2]string{consent.CountOf(whole).String(), consent.CountOfPart(part, whole).String()}
			for _, to := range []struct {
				of map[[2]string]map[int]bool
				n  int
			}{{rests, whole - part}, {parts, part}} {
				if to.of[said] == nil {
					to.of[said] = map[int]bool{}
				}
				to.of[said][to.n] = true
			}
		}
	}
	for _, seen := range []map[[2]string]map[int]bool{rests, parts} {
		for said, could := range seen {
			for n := range could {
				require.False(t, len(could) == 1 && n > 0 && n < consent.LeastCount, "%v tells that it is %d", said, n)
			}
		}
	}
	require.Equal(t, "30", consent.CountOfPart(30, 40).String())
	require.Equal(t, "30", consent.CountOfPart(30, 30).String())
	require.Equal(t, "-", consent.CountOfPart(11, 12).String())
}
