package consent_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// countsOf are the counts as the manager's CSV has them, without its first line.
func countsOf(t *testing.T, post *consent.Post) []string {
	t.Helper()
	all, err := post.Monthly(t.Context())
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, consent.WriteCountsCSV(&out, all))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\r\n"), "\r\n")
	require.Equal(t, "relay,month,what,count", lines[0])
	return lines[1:]
}

func TestWhatARelayDoesIsCountedByMonthAndNothingLeadsToAnybody(t *testing.T) {
	t.Parallel()
	s := newSeen(t) // which has opened Amina's space once, and attested once
	boss := s.centre.Manager.At(t, s.centre.Relay)
	id, month := s.centre.relay.ID.String(), s.Clock.Now().Format("2006-01")
	require.Equal(t, []string{id + "," + month + ",attested,<10", id + "," + month + ",opened,<10"}, countsOf(t, boss))
	for range 9 {
		s.openAmina(t)
	}
	require.Equal(t, []string{id + "," + month + ",attested,<10", id + "," + month + ",opened,10"}, countsOf(t, boss))
	_, err := s.post(t).Monthly(t.Context())
	require.ErrorIs(t, err, consent.ErrNotManager)

	// What lies there has no value, and in its name nothing but relay, month and thing.
	for key, value := range scan(t, s.town, "svc/count/") {
		require.Empty(t, value)
		require.NotContains(t, key, s.amina.Vault.ID().String())
		require.NotContains(t, key, s.centre.worker.ID().String())
	}
	// An attestation that was refused is not counted.
	before := len(scan(t, s.town, "svc/count/"))
	_, err = s.post(t).Attest(t.Context(), s.openAmina(t), consent.NewAttestation{Item: s.item.ID, Revision: 1 << 40, Kind: consent.SeenBirth, Held: true})
	require.ErrorIs(t, err, vault.ErrRevision)
	require.Len(t, scan(t, s.town, "svc/count/"), before+1, "the opening alone")
}

func TestCountsAreFoldedAndStayAsTheyAre(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.paper(t, "Letter", vault.Shared)
	tn.follow(t)
	for range 12 {
		tn.openAmina(t)
	}
	tn.Clock.Advance(40 * 24 * time.Hour)
	tn.centre.worker = tn.centre.worker.SignIn(t, tn.Stage)
	tn.openAmina(t)
	before, err := tn.service.Monthly(t.Context())
	require.NoError(t, err)
	require.Len(t, before, 3, "opened in two months, and a paper that was kept")
	require.Len(t, scan(t, tn, "svc/count/"), 14)

	var all sync.WaitGroup // two processes at once
	for range 2 {
		all.Go(func() { _, _ = tn.service.FoldCounts(t.Context()) })
	}
	all.Wait()
	_, err = tn.service.FoldCounts(t.Context())
	require.NoError(t, err)
	after, err := tn.service.Monthly(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Len(t, scan(t, tn, "svc/count/"), 3, "two for the month that is over, one for this one")
	tn.openAmina(t)
	later, err := tn.service.Monthly(t.Context())
	require.NoError(t, err)
	require.Len(t, later, 3, "what is done after a sweep is of the same count")

}

// A store gives what one commit writes the same version. Once a sweep was there, none of it
// says in whose space a relay did something.
func TestAfterASweepNoCountLeadsToASpaceByItsVersion(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	tn.follow(t)
	_, err := tn.openAmina(t).AddDocument(t.Context(), vault.NewDocument{Name: "Letter", MediaType: "application/pdf", Compartment: vault.Shared}, strings.NewReader("letter"))
	require.NoError(t, err)
	together := func() (n int) {
		counted, inSpace := map[storage.Version]bool{}, map[storage.Version]bool{}
		for rec, err := range tn.Store.All(t.Context(), "") {
			require.NoError(t, err)
			counted[rec.Version] = counted[rec.Version] || strings.HasPrefix(rec.Key, "svc/count/")
			inSpace[rec.Version] = inSpace[rec.Version] || strings.HasPrefix(rec.Key, tn.amina.Vault.ID().String())
		}
		for version := range counted {
			if counted[version] && inSpace[version] {
				n++
			}
		}
		return n
	}
	require.NotZero(t, together(), "until then one does")
	_, err = tn.service.FoldCounts(t.Context())
	require.NoError(t, err)
	require.Zero(t, together())
}
