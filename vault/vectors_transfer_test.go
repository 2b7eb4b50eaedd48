package vault_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testvectors"
	"reconnect.example/vault"
)

// showTransfer is of the vectors of moves: a slip in the code is told, and whatever else is
// wrong with one, it does not open.
func showTransfer(t *testing.T, v *testvectors.Vector) *shown {
	t.Helper()
	r, err := vault.ReadTransfer(v.Text("code"), v.Bytes("inbox"), v.Bytes("key"), v.Bytes("envelope"))
	if errors.Is(err, vault.ErrInvalid) {
		return &shown{outcome: "invalid"}
	}
	if err != nil {
		return &shown{outcome: "open"}
	}
	require.Equal(t, v.Text("from"), r.From)
	require.Equal(t, v.Text("to"), r.To)
	require.Equal(t, v.Bytes("digest"), r.Digest[:])
	require.Equal(t, v.Number("items"), uint64(r.Items))
	return &shown{outcome: "success"}
}

// transfers writes what is there of a move that has come to its end.
func (w *vectorWriter) transfers() {
	t := w.t
	old, next := newScene(t, nil), newScene(t, nil)
	add(t, old.v, "Carte", content(1, 1000))
	other, code := await(t, next), await(t, next)
	_, err := old.v.BeginDeparture(t.Context(), code, next.Vaults, &vault.DepartureOptions{From: "old.example"})
	require.NoError(t, err)
	sendAll(t, old, next.Vaults)
	a, err := next.v.OpenArrival(t.Context())
	require.NoError(t, err)
	r, err := next.v.AcceptArrival(t.Context(), a, 1, 0)
	require.NoError(t, err)
	require.NoError(t, a.Close())
	inbox, err := vault.PrivateInbox(t.Context(), next.v)
	require.NoError(t, err)
	id := next.v.ID()
	w.put("transfer", "success", "What the code of a move opens, its box, and the receipt.", text("kind", "transfer"), text("code", code.Text()), hexed("inbox", inbox), hexed("key", next.PublicKey()),
		data("envelope", get(t, next.Store, id.KeyOf("tr"))), text("from", r.From), text("to", r.To), hexed("digest", r.Digest[:]), number("items", uint64(r.Items)))
	wrong := []byte(code.Text())
	if last := &wrong[len(wrong)-1]; *last == 'A' {
		*last = 'B'
	} else {
		*last = 'A'
	}
	w.on("transfer", "mistyped", "invalid", "One character of the code is another.", text("code", string(wrong)))
	w.on("transfer", "flipped", "open", "One bit of it.", change("flip", "envelope", "60"))
	w.on("transfer", "by-another-code", "open", "The code before.", text("code", other.Text()))
	w.on("transfer", "to-another-inbox", "open", "Another inbox.", hexed("inbox", filled(0x40)))
	w.on("transfer", "signed-by-another", "open", "Another service.", hexed("key", w.public(0x6c)))
}
