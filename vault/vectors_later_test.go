package vault_test

import (
	"slices"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery"
	"reconnect.example/vault"
)

// waiting writes the vectors of somebody who came back with nothing, whose private papers
// come back when the longer wait is over.
func (w *vectorWriter) waiting() {
	folder := w.t.TempDir()
	r := w.newReturning(folder)
	t, ctx, s := w.t, w.t.Context(), r.s
	for name, c := range map[string]vault.Compartment{"Lettre": vault.Shared, "يوميات": vault.Private} {
		_, err := s.Amina.Vault.AddNote(ctx, name, vault.Note{Text: "text"}, vault.Place{Compartment: c, Channel: "web"})
		require.NoError(t, err)
	}
	s.Enrol(t, recovery.Enrolment{Helpers: &recovery.NewHelpers{Private: true}})
	back := s.Complete(t, s.Ready(t, vault.PathHelpers), recovery.Completion{})
	require.False(t, back.Private)
	require.NoError(t, back.Vault.PutSlot(ctx, s.Amina.Login, s.Amina.Password, r.floor))
	r.records = r.harvest()
	r.takeDown(folder)
	id := s.Amina.Vault.ID()
	fields := slices.Concat([]field{text("kind", "locked"), text("login", s.Amina.Login), text("password", s.Amina.Password)}, r.common, r.all(r.records))
	w.based("locked-later", "Back with nothing of one's own: what was private comes when its wait is over, and the witness releases its part.", showLocked, fields...)
	r.broken("locked-later", "another-witness", "sign-in", "Another key of the witness.", hexed("evaluation-key", filled(0x67)))
	r.broken("locked-later", "keyring-flipped", "tampered what is locked", "One bit of the keyring of then.", change("flip", "record="+id.KeyOf("l/1/k"), "60"))
	paper := vault.ID{15: 37}.String()
	r.broken("locked-later", "paper-flipped", "tampered owner paper "+paper, "One bit of what the recovery left for later.", change("flip", "record="+id.KeyOf("o/"+paper), "60"))
}
