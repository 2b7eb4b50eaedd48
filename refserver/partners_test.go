package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/vault"
)

// The commands of the manual, as they stand there: the partner draws its keys where it is,
// and only the public halves are carried to the authority.
func TestAPartnerIsAddedAndWithdrawnAsTheManualSays(t *testing.T) {
	t.Parallel()
	d, _ := publishedDesk(t)
	organisation := strings.TrimSpace(strings.SplitN(d.must("admin", "organisation", "add", "--name", "CAF", "--authority-key", "authority.key"), "\n", 2)[0])
	d.says = strings.NewReplacer("ORGANISATION", organisation, "public.json", d.file("public.json"))
	lines := manual(t, "Partner systems")
	require.Len(t, lines, 4)
	for n, line := range lines {
		out := d.line(line[1])
		switch n {
		case 1:
			id, _, _ := strings.Cut(out, "\n")
			d.says = strings.NewReplacer("PARTNER", id)
		case 2:
			require.Contains(t, out, "Caisse d'allocations familiales, partner\n")
			require.Contains(t, out, "may          [ask link] [identity income], from 20")
		}
	}
	shown := d.must("admin", "directory", "show")
	require.Contains(t, shown, "Caisse d'allocations familiales, partner, WITHDRAWN 20")

	keys, err := consent.OpenPartnerFile(d.file("partner.key"))
	require.NoError(t, err)
	require.Contains(t, shown, keys.Key().String())
	public, err := os.ReadFile(d.file("public.json"))
	require.NoError(t, err)
	secret, err := os.ReadFile(d.file("partner.key"))
	require.NoError(t, err)
	require.NotContains(t, string(public), string(secret[:32]))
	_, err = d.do("admin", "partner", "keys", "--secret", "partner.key")
	require.ErrorIs(t, err, os.ErrExist, "what was presented to the former could not be opened any more")
	require.NoError(t, os.Chmod(d.file("partner.key"), 0o644))
	_, err = consent.OpenPartnerFile(d.file("partner.key"))
	require.ErrorIs(t, err, vault.ErrInvalid)
}
