package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a phone sends again, because it lost the answer, is counted once.
func TestARequestThatIsSentTwiceIsCountedOnce(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	at, amina := tn.relay(t, "Accueil"), tn.resident(t)
	amina.lets(at, "see-and-add")
	ok[Opened](at.opens(amina.id), 200)
	kept := func() (n int) {
		for rec, err := range tn.stage.Store.All(t.Context(), "svc/count/") {
			require.NoError(t, err)
			if strings.Contains(rec.Key, "/kept") {
				n++
			}
		}
		return n
	}
	for range 2 {
		ok[Item](at.worker.upload("Titre", []byte("%PDF-1.7 "), headerIdempotency, "one"), 201)
		require.Equal(t, 1, kept())
	}
	ok[Item](at.worker.upload("Titre", []byte("%PDF-1.7 "), headerIdempotency, "two"), 201)
	require.Equal(t, 2, kept())
}
