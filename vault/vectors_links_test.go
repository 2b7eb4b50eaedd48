package vault_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testvectors"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// showLink is of the vectors of links: a slip in the code is told, and whatever else is wrong
// with one, it does not open.
func showLink(t *testing.T, v *testvectors.Vector) *shown {
	t.Helper()
	l, err := vault.ReadLink(v.Text("code"), vault.ID(v.Bytes("vault")), v.Bytes("key"), v.Bytes("envelope"))
	if errors.Is(err, vault.ErrInvalid) {
		return &shown{outcome: "invalid"}
	}
	if err != nil {
		return &shown{outcome: "open"}
	}
	require.Equal(t, v.Bytes("link"), l.Link)
	require.Equal(t, v.Bytes("signer"), l.Signer)
	require.Equal(t, v.Text("label"), l.Body.Label)
	require.Equal(t, v.Number("of"), uint64(l.Body.Kind))
	require.Equal(t, v.Number("until"), uint64(l.Body.Until))
	require.Equal(t, v.Number("times"), l.Body.Times)
	item := []byte{}
	if l.Body.Paper != nil {
		item = l.Body.Paper.Item[:]
	}
	require.Equal(t, v.Bytes("item"), item)
	return &shown{outcome: "success"}
}

// links writes what the codes of links open.
func (w *vectorWriter) links() {
	t := w.t
	s := newScene(t, &vaulttest.Options{})
	it := add(t, s.v, "Carte", content(1, 1000))
	until := s.Clock.Now().Add(48 * time.Hour)
	leave := depositLink(t, s.v, "Hôpital")
	read, err := s.v.MakeLink(t.Context(), vault.NewLink{Kind: vault.LinkPaper, Label: "Préfecture", Item: it.ID, Until: until, Times: 3}, &vault.Secret{Password: s.person.Password})
	require.NoError(t, err)
	id := s.v.ID()
	for _, of := range []struct {
		name, comment string
		vault.Link
		kind         uint64
		until, times uint64
		item         []byte
	}{
		{"link", "What the code of a link to leave something opens, which is in nobody's store.", leave, 1, 0, 0, nil},
		{"link-to-a-paper", "What the code of a link to read one paper opens.", read, 2, uint64(until.UnixMilli()), 3, it.ID[:]},
	} {
		record := get(t, s.Store, id.KeyOf("ln/"+of.ID.String()))
		l, err := vault.ReadLink(of.Code, id, s.v.Key(), record)
		require.NoError(t, err)
		link := [16]byte(of.ID)
		w.put(of.name, "success", of.comment, text("kind", "link"), hexed("vault", id[:]), hexed("key", s.v.Key()), text("code", of.Code), data("envelope", record),
			hexed("link", link[:]), hexed("signer", l.Signer), text("label", of.Label), number("of", of.kind), number("until", of.until), number("times", of.times), hexed("item", of.item))
	}
	wrong := []byte(leave.Code)
	if wrong[0]++; wrong[0] > 'Z' || wrong[0] == '9'+1 {
		wrong[0] = 'A'
	}
	w.on("link", "mistyped", "invalid", "One character of the code is another.", text("code", string(wrong)))
	w.on("link", "flipped", "open", "One bit of it.", change("flip", "envelope", "60"))
	w.on("link", "of-another-vault", "open", "Of another vault.", hexed("vault", []byte("another vault id")))
	w.on("link", "signed-by-another", "open", "Another key of the vault.", hexed("key", w.public(0x6c)))
	w.on("link", "by-another-code", "open", "The code of another link.", text("code", read.Code))
}
