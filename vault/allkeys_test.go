package vault_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// Everybody who helps puts their keys together: a worker, the relay's manager with the
// whole of the relay's space, and the operator with the store, the service's keys and
// the key service. They open what is shared, and of what is private they learn neither
// names, nor bytes, nor how much there is: no call lists, names, sizes, counts or opens
// it. From the whole store one can derive how many sealed records there are (N21).
func TestAllWhoHelpTogetherOpenNothingPrivate(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	letter := addTo(t, tn.v, vault.NewDocument{Name: "Letter", Compartment: vault.Shared}, content(1, 5000))
	diary := addTo(t, tn.v, vault.NewDocument{Name: "Diary", Compartment: vault.Private}, content(2, 5000))
	note, err := tn.v.AddNote(t.Context(), "Secret note", vault.Note{Text: "text"}, vault.Place{Compartment: vault.Private})
	require.NoError(t, err)
	grant := tn.follow(t, vault.ScopeAdd)
	v, err := tn.open(t, grant)
	require.NoError(t, err)

	// What they hold: every generation and inbox of their own spaces, their signing
	// keys as if they were keys of another kind, and what the grant gave them.
	id := tn.v.ID()
	var held []seal.Key
	var boxes []seal.BoxKey
	for _, space := range []*vault.Vault{v, tn.worker, tn.relay, tn.atRelay(t)} {
		rings, inboxes, signer := space.Keys()
		for _, ring := range rings {
			held = append(held, ring...)
		}
		boxes = append(boxes, inboxes...)
		if !signer.IsZero() {
			k, err := seal.KeyFromBytes(signer.Bytes())
			require.NoError(t, err)
			held = append(held, k)
		}
	}
	service, operator, err := tn.ServiceKeys(t.Context(), id)
	require.NoError(t, err)
	held, boxes = append(held, service...), append(boxes, operator)
	wrapping := service[len(service)-1]
	private, privateInboxes, _ := tn.v.Keys()
	blobs := map[vault.ItemID][]byte{}
	for _, it := range []vault.Item{letter, diary} {
		blobs[it.ID] = blob(t, tn.Stage, blobOf(t, tn.v, it.ID))
	}

	// They take the whole store, and try everything on everything.
	seized := dump(t, tn.Store)
	opened := map[string]bool{}
	for stored, record := range seized {
		if !strings.HasPrefix(stored, id.String()+"/") {
			continue
		}
		for _, key := range held {
			if vault.Opens(id, stored, record, key) && !(strings.HasPrefix(stored, id.String()+"/s/") && bytes.Equal(key.Bytes(), wrapping.Bytes())) {
				opened[strings.TrimPrefix(stored, id.String()+"/")] = true
			}
			if strings.HasPrefix(stored, id.String()+"/s/") {
				require.False(t, vault.OpensRoots(id, stored, record, wrapping, key), stored)
			}
		}
	}
	for _, it := range []vault.ItemID{diary.ID, note.ID} {
		require.NotContains(t, opened, "i/"+it.String())
	}
	require.Contains(t, opened, "i/"+letter.ID.String(), "the attempt means something")
	require.Contains(t, opened, "h/s")
	for what := range opened {
		for _, never := range []string{"h/p", "x/p/", "x/o/", "k/", "o/", "s/", "n/", "j/"} {
			require.False(t, strings.HasPrefix(what, never), what)
		}
	}
	for n, stored := range keys(t, tn.Store, id.String()+"/j/") {
		line := func(k seal.BoxKey) bool { return vault.OpensLine(id, uint64(n+1), seized[stored], k) }
		require.False(t, slices.ContainsFunc(boxes, line), "the journal is the person's")
		require.True(t, slices.ContainsFunc(privateInboxes, line))
	}
	inStore := func(it vault.ItemID) (string, []byte) {
		stored := id.String() + "/i/" + it.String()
		return stored, seized[stored]
	}
	for it, bytes := range blobs {
		stored, record := inStore(it)
		opens := func(keys []seal.Key) bool {
			return slices.ContainsFunc(keys, func(k seal.Key) bool {
				data, ok := vault.DataKey(id, stored, record, k)
				return vault.OpensBlob(id, stored, record, bytes, 5000, k) || ok && vault.OpensBlob(id, stored, record, bytes, 5000, data)
			})
		}
		require.Equal(t, it == letter.ID, opens(held))
		require.True(t, opens(slices.Concat(private[vault.Shared], private[vault.Private])))
	}

	// And no call of the handle that they have tells of it.
	require.Equal(t, []string{"Letter"}, papers(t, v))
	counts, err := v.Count(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, counts.Documents)
	require.Zero(t, counts.Notes+counts.Private+counts.Damaged)
	overview, err := v.Overview(t.Context())
	require.NoError(t, err)
	require.Zero(t, overview.Space)
	for _, it := range []vault.ItemID{diary.ID, note.ID} {
		_, err := v.Item(t.Context(), it)
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = v.Metadata(t.Context(), it)
		require.ErrorIs(t, err, vault.ErrNotFound)
		_, err = v.Control(t.Context(), it)
		require.ErrorIs(t, err, vault.ErrNotFound)
	}
}
