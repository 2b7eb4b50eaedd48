package vault_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// ownWillFlows are the acts by which people say what shall be done.
func ownWillFlows() map[string]flow {
	shareNotes := vault.Rules{Kinds: map[vault.Kind]vault.Compartment{vault.KindNote: vault.Shared}}
	return map[string]flow{
		"set rules": withPaper(nil, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
			return p.Vault.SetRules(t.Context(), shareNotes)
		}).showing(rulesOf),
		"add by rule": withPaper(func(t testing.TB, _ *watched, p *vaulttest.Person) {
			require.NoError(t, p.Vault.SetRules(t.Context(), shareNotes))
		}, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
			_, err := p.Vault.AddNote(t.Context(), "note", vault.Note{}, vault.Place{})
			return err
		}),
		"share a folder": on(func(t testing.TB, v *vault.Vault, paper, _ vault.Item) error {
			_, err := v.MoveFolder(t.Context(), paper.Folder, vault.Shared, nil)
			return err
		}),
		"record a representative": withPaper(nil, func(t testing.TB, _ *watched, p *vaulttest.Person) error {
			return p.Vault.SetRepresentative(t.Context(), vault.Representative{Name: "N", Relation: "R", RecordedBy: "B", Until: "2030-01-01"})
		}).showing(representativesOf),
	}
}

func rulesOf(t testing.TB, v *vault.Vault) string {
	t.Helper()
	r, err := v.Rules(t.Context())
	require.NoError(t, err)
	return fmt.Sprint(r)
}

func representativesOf(t testing.TB, v *vault.Vault) (out string) {
	t.Helper()
	all, err := v.Representatives(t.Context())
	require.NoError(t, err)
	for _, r := range all {
		out += r.Name + string(r.Until)
	}
	return out
}
