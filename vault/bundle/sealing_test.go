package bundle_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"reconnect.example/vault"
	"reconnect.example/vault/bundle"
	"reconnect.example/vault/vaulttest"
)

func sealed(t testing.TB, raw []byte, l bundle.Lock) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := bundle.Seal(&out, l)
	require.NoError(t, err)
	_, err = w.Write(raw)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

const passphrase = "bato kiru mesa neno"

func TestASealedBundleOpensForItsSecretAlone(t *testing.T) {
	t.Parallel()
	stage := vaulttest.New(t, nil)
	p := furnished(t, stage, 3)
	id, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	other, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	raw := export(t, p.Vault)
	for _, c := range []struct {
		lock         bundle.Lock
		right, wrong bundle.Secret
	}{
		{bundle.Lock{Passphrase: passphrase, Work: 10}, bundle.Secret{Passphrase: passphrase}, bundle.Secret{Passphrase: passphrase + "x"}},
		{bundle.Lock{Recipients: []string{id.Recipient().String()}}, bundle.Secret{Identity: id.String()}, bundle.Secret{Identity: other.String()}},
	} {
		shut := sealed(t, raw, c.lock)
		require.NotContains(t, string(shut), "bagit.txt")
		require.ErrorIs(t, refused(t, shut, nil), bundle.ErrSealed)
		require.ErrorIs(t, refused(t, shut, &bundle.Options{Secret: c.wrong}), bundle.ErrPassphrase)
		for _, at := range []int{len(shut) / 2, len(shut) - 1} {
			spoilt := bytes.Clone(shut)
			spoilt[at] ^= 1
			require.ErrorIs(t, refused(t, spoilt, &bundle.Options{Secret: c.right}), bundle.ErrDamaged)
		}
		require.ErrorIs(t, refused(t, shut[:len(shut)-100], &bundle.Options{Secret: c.right}), bundle.ErrDamaged)
		b, err := bundle.Open(t.Context(), bytes.NewReader(shut), int64(len(shut)), &bundle.Options{Secret: c.right})
		require.NoError(t, err)
		fresh := stage.Person(t)
		_, err = b.Import(t.Context(), fresh.Vault, nil)
		require.NoError(t, err)
		require.Equal(t, inside(t, p.Vault), inside(t, fresh.Vault))
	}
	_, err = bundle.Seal(io.Discard, bundle.Lock{Passphrase: "short"})
	require.ErrorIs(t, err, vault.ErrInvalid)
	_, err = bundle.Seal(io.Discard, bundle.Lock{})
	require.ErrorIs(t, err, vault.ErrInvalid)
	_, err = bundle.Seal(io.Discard, bundle.Lock{Recipients: []string{"age1x"}})
	require.ErrorIs(t, err, vault.ErrInvalid)
}

// Somebody brings a file that asks the server for gigabytes to try its passphrase.
func TestTheWorkOfAPassphraseIsBounded(t *testing.T) {
	t.Parallel()
	shut := sealed(t, []byte("x"), bundle.Lock{Passphrase: passphrase, Work: 10})
	dear := bytes.Replace(shut, []byte(" 10\n"), []byte(" 19\n"), 1)
	require.ErrorIs(t, refused(t, dear, &bundle.Options{Secret: bundle.Secret{Passphrase: passphrase}}), bundle.ErrTooMany)
}

func TestAgeOfDebianOpensWhatIsSealedHere(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("age"); err != nil && os.Getenv("RECONNECT_TEST_ALL") == "" {
		t.Skip("needs age")
	}
	dir := t.TempDir()
	key, shut := filepath.Join(dir, "key"), filepath.Join(dir, "bundle.zip.age")
	out, err := exec.Command("age-keygen", "-o", key).CombinedOutput()
	require.NoError(t, err, "%s", out)
	_, recipient, ok := strings.Cut(strings.TrimSpace(string(out)), "Public key: ")
	require.True(t, ok)
	raw := export(t, furnished(t, vaulttest.New(t, nil), 3).Vault)
	require.NoError(t, os.WriteFile(shut, sealed(t, raw, bundle.Lock{Recipients: []string{recipient}}), 0o600))
	got, err := exec.Command("age", "--decrypt", "-i", key, shut).Output()
	require.NoError(t, err)
	require.True(t, bytes.Equal(raw, got))
	// And the other way round.
	theirs := exec.Command("age", "-r", recipient)
	theirs.Stdin = bytes.NewReader(raw)
	got, err = theirs.Output()
	require.NoError(t, err)
	secret, err := os.ReadFile(key)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(secret)), "\n")
	b, err := bundle.Open(t.Context(), bytes.NewReader(got), int64(len(got)), &bundle.Options{Secret: bundle.Secret{Identity: lines[len(lines)-1]}})
	require.NoError(t, err)
	require.Equal(t, "reconnect-bundle", b.Format)
}
