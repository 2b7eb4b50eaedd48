package consent_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage/memstore"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// lyingTown is a town over a store that lies when it is told to.
func lyingTown(t testing.TB) (*town, *storagetest.Malicious) {
	t.Helper()
	host := storagetest.NewMalicious(memstore.New(), memstore.NewBlobs())
	return newTown(t, &vaulttest.Options{Records: host, Documents: host.Blobs()}), host
}

// The store shows a relay another key for a vault: before the relay took the person
// in, and after.
func attackVaultKeyShownToARelay(t *testing.T) {
	tn, host := lyingTown(t)
	tn.follow(t)
	id := tn.amina.Vault.ID()
	own := seal.NewSigningKey()
	forged := takeover(t, host, id, func(h *seal.OwnerHead) seal.SigningKey {
		h.Key, h.Succession = own.Public(), nil
		return own
	})
	k := tn.remember(t, host)
	host.Record(id.String() + "/h/o").Forge(forged)
	k.survey(t, "another key before the relay took her in")
	people, err := tn.post(t).People(t.Context())
	require.NoError(t, err)
	require.Empty(t, people, "nobody is taken in by a key that the witness does not know")

	host.Honest()
	require.Len(t, mustPeople(t, tn.post(t)), 1, "her note has waited")
	post := tn.post(t)
	tn.open(t, post)
	host.Record(id.String() + "/h/o").Forge(takeover(t, host, id, func(h *seal.OwnerHead) seal.SigningKey {
		h.Key, h.Succession = own.Public(), nil
		return own
	}))
	_, err = post.Open(t.Context(), id, aboutHousing)
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
	k.survey(t, "another key, and the relay knows her")
	host.Honest()
	tn.open(t, tn.post(t))
	seen, _ := k.survey(t, "nobody lies")
	require.Greater(t, seen, 5)
}

// The store brings back what a person has withdrawn: grant, note and roster.
func attackWithdrawnGrant(t *testing.T) {
	tn, host := lyingTown(t)
	tn.paper(t, "Letter", vault.Shared)
	tn.follow(t)
	post := tn.post(t)
	v := tn.open(t, post)
	then := host.Now()
	_, err := tn.service.Withdraw(t.Context(), tn.amina.Vault, tn.grant(t).ID, nil)
	require.NoError(t, err)
	k := tn.remember(t, host)
	host.Replay(tn.amina.Vault.ID().String()+"/g/", then)
	host.Replay(tn.centre.relay.ID.String()+"/in/", then)
	k.survey(t, "grant and note of before")
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrEnded)
	_, err = post.Open(t.Context(), tn.amina.Vault.ID(), aboutHousing)
	require.ErrorIs(t, err, vault.ErrEnded, "its terms are not in the owner head")
	host.Replay(tn.amina.Vault.ID().String()+"/h/", then)
	_, err = v.List(t.Context(), nil)
	require.ErrorIs(t, err, vault.ErrStale)
	k.survey(t, "with the head of before")
}

// A visit that is over is brought back, and one that was for a time is prolonged by
// nobody: its end is signed.
func attackVisitBroughtBack(t *testing.T) {
	tn, host := lyingTown(t)
	letter := tn.paper(t, "Letter", vault.Shared)
	post := tn.post(t)
	grant := tn.visit(t, post, letter.ID)
	then := host.Now()
	_, err := tn.service.Withdraw(t.Context(), tn.amina.Vault, grant, nil)
	require.NoError(t, err)
	k := tn.remember(t, host)
	host.Replay(tn.amina.Vault.ID().String()+"/g/", then)
	host.Replay(tn.centre.worker.ID().String()+"/in/", then)
	k.survey(t, "a visit brought back")
	visits, err := post.Visits(t.Context())
	require.NoError(t, err)
	require.Len(t, visits, 1, "the note is as it was")
	_, err = post.OpenVisit(t.Context(), grant, aboutHousing)
	require.ErrorIs(t, err, vault.ErrEnded)
	tn.Clock.Advance(time.Hour)
	visits, err = tn.again(t).Visits(t.Context())
	require.NoError(t, err)
	require.Empty(t, visits)
}

// A receipt of one vault is no receipt of another.
func attackReceiptOfAnother(t *testing.T) {
	tn, host := lyingTown(t)
	r := tn.follow(t)
	boris := tn.Person(t)
	f := tn.yes()
	f.Name = "Boris"
	_, err := tn.service.Follow(t.Context(), boris.Vault, f, vault.Secret{Password: boris.Password})
	require.NoError(t, err)
	r.Principal = boris.Vault.ID()
	require.ErrorIs(t, r.Verify(tn.PublicKey()), vault.ErrTampered)
	k := remember(t, tn.Stage, host, []*vaulttest.Person{tn.amina, boris}, []onlooker{{tn.centre.worker, tn.centre.Relay}})
	host.SwapPrefixes(tn.amina.Vault.ID().String()+"/o/", boris.Vault.ID().String()+"/o/")
	all, err := tn.service.Receipts(t.Context(), tn.amina.Vault)
	require.Error(t, err)
	for _, one := range all {
		require.Equal(t, tn.amina.Vault.ID(), one.Principal)
	}
	k.survey(t, "papers of another")
}

// The store knows whose grant it keeps, and to which inbox a note goes. It says, in
// the place of the person, what they are called.
func attackForgedNote(t *testing.T) {
	tn, host := lyingTown(t)
	tn.follow(t)
	relay := tn.centre.relay.ID
	prefix := relay.String() + "/in/f/"
	there := host.Records(prefix)[0]
	note, err := vault.ParseID(strings.TrimPrefix(there, prefix))
	require.NoError(t, err)
	place := seal.Context{Type: seal.TypeNote, Vault: relay, Object: note[:]}
	var n storedNote
	keys := tn.post(t).Keys().Inboxes
	require.NoError(t, seal.Unmarshal(opened(t, keys, place, host.Record(there).Bytes()), &n))
	message := bytes.Replace(said(t, n.Said), []byte("Amina K."), []byte("Amina L."), 1)
	n.Said, err = seal.NewSigningKey().SignEnvelope(seal.Context{Type: seal.TypeNote, Vault: n.Vault, Object: note[:], Holder: relay[:]}, message)
	require.NoError(t, err)
	body, err := seal.Marshal(n)
	require.NoError(t, err)
	forged, err := keys[0].Public().Seal(place, nil, body)
	require.NoError(t, err)
	k := tn.remember(t, host)
	host.Record(there).Forge(forged)
	k.survey(t, "a note in the place of the person's")
	people, err := tn.post(t).People(t.Context())
	require.ErrorIs(t, err, vault.ErrTampered)
	require.Empty(t, people)
}
