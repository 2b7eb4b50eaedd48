package consent_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/recovery/witness"
	"reconnect.example/vault"
)

func TestAKeyOfOneKindIsNotTakenForAnother(t *testing.T) {
	t.Parallel()
	raw := newKey()
	relay, authority, guard := raw.String(), consent.AuthorityKey(raw).String(), witness.PublicKey(raw).String()
	require.Regexp(t, `^rr(-[a-z2-7]{8}){7}$`, relay)
	require.Regexp(t, `^ra(-[a-z2-7]{8}){7}$`, authority)
	for _, spelt := range []string{relay, strings.ToUpper(relay), strings.ReplaceAll(relay, "-", " ")} {
		again, err := consent.ParseRelayKey(spelt)
		require.NoError(t, err)
		require.Equal(t, raw, again)
	}
	again, err := consent.ParseAuthorityKey(authority)
	require.NoError(t, err)
	require.Equal(t, consent.AuthorityKey(raw), again)
	for _, wrong := range []string{"", authority, guard, relay[:len(relay)-1], relay + "a", "rr" + authority[2:], "rr" + guard[2:], strings.Replace(relay, relay[5:6], "1", 1)} {
		_, err := consent.ParseRelayKey(wrong)
		require.ErrorIs(t, err, vault.ErrInvalid, wrong)
	}
	for _, wrong := range []string{"", relay, guard, "ra" + relay[2:]} {
		_, err := consent.ParseAuthorityKey(wrong)
		require.ErrorIs(t, err, vault.ErrInvalid, wrong)
	}
	_, err = consent.ParseAuthorityKey(consent.AuthorityKey{1}.String())
	require.ErrorIs(t, err, vault.ErrInvalid, "of low order")
}

func TestIdsHaveOneSpelling(t *testing.T) {
	t.Parallel()
	id := consent.NewOrganisationID()
	text, err := id.MarshalText()
	require.NoError(t, err)
	var again consent.OrganisationID
	require.NoError(t, again.UnmarshalText(text))
	require.Equal(t, id, again)
	for _, wrong := range []string{"", strings.ToUpper(id.String()), id.String() + "a", id.String()[:25]} {
		_, err := consent.ParseOrganisationID(wrong)
		require.ErrorIs(t, err, vault.ErrInvalid)
		_, err = consent.ParseRelayID(wrong)
		require.ErrorIs(t, err, vault.ErrInvalid)
	}
}

func TestTheKeyFileOfAnAuthority(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "authority.key")
	_, err := consent.OpenAuthorityFile(path)
	require.ErrorIs(t, err, fs.ErrNotExist)
	made, err := consent.MakeAuthorityFile(path)
	require.NoError(t, err)
	_, err = consent.MakeAuthorityFile(path)
	require.ErrorIs(t, err, fs.ErrExist)
	opened, err := consent.OpenAuthorityFile(path)
	require.NoError(t, err)
	require.Equal(t, made.Public(), opened.Public())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left beside it")
	seed, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, wrong := range [][]byte{nil, seed[:31], append(seed, 1), make([]byte, 32)} {
		require.NoError(t, os.WriteFile(path, wrong, 0o600))
		_, err = consent.OpenAuthorityFile(path)
		require.ErrorIs(t, err, vault.ErrInvalid)
	}
	require.NoError(t, os.WriteFile(path, seed, 0o600))
	require.NoError(t, os.Chmod(path, 0o604)) //nolint:gosec // as somebody leaves it
	_, err = consent.OpenAuthorityFile(path)
	require.ErrorContains(t, err, "chmod 600")
}
