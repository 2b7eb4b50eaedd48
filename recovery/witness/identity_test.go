package witness_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
)

func TestAnIdentityIsMadeOnceAndStays(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "witness.key")
	made, err := witness.OpenIdentity(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.EqualValues(t, 32, info.Size())
	again, err := witness.OpenIdentity(path)
	require.NoError(t, err)
	require.Equal(t, made.Public(), again.Public())
	other, err := witness.IdentityFromSeed(made.Seed())
	require.NoError(t, err)
	require.Equal(t, made.Public(), other.Public())
	requireOnly(t, folder, "witness.key")

	second, err := witness.OpenIdentity(filepath.Join(t.TempDir(), "witness.key"))
	require.NoError(t, err)
	require.NotEqual(t, made.Public(), second.Public())
}

func requireOnly(t *testing.T, folder, name string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1, "a temporary file is left")
	require.Equal(t, name, entries[0].Name())
}

func TestProcessesThatStartTogetherHaveOneIdentity(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "witness.key")
	keys := make([]witness.PublicKey, 20)
	failures := make([]error, len(keys))
	var all sync.WaitGroup
	for n := range keys {
		all.Go(func() {
			i, err := witness.OpenIdentity(path)
			if failures[n] = err; err == nil {
				keys[n] = i.Public()
			}
		})
	}
	all.Wait()
	for n := range keys {
		require.NoError(t, failures[n])
		require.Equal(t, keys[0], keys[n])
	}
	requireOnly(t, folder, "witness.key")
}

func TestAnIdentityFileThatIsNotOneIsRefusedAndStays(t *testing.T) {
	t.Parallel()
	good := bytes.Repeat([]byte{7}, 32)
	for name, file := range map[string]struct {
		content []byte
		mode    os.FileMode
		says    string
	}{
		"empty":               {nil, 0o600, "put the right one back"},
		"too short":           {good[:31], 0o600, "put the right one back"},
		"too long":            {append(good, 7), 0o600, "put the right one back"},
		"all zero":            {make([]byte, 32), 0o600, "put the right one back"},
		"readable by a group": {good, 0o640, "chmod 600"},
		"readable by all":     {good, 0o604, "chmod 600"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "witness.key")
			require.NoError(t, os.WriteFile(path, file.content, 0o600))
			require.NoError(t, os.Chmod(path, file.mode))
			_, err := witness.OpenIdentity(path)
			require.ErrorIs(t, err, witness.ErrInvalid)
			require.ErrorContains(t, err, file.says)
			require.ErrorContains(t, err, path)
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(file.content), string(content))
		})
	}
	_, err := witness.OpenIdentity(filepath.Join(t.TempDir(), "no folder", "witness.key"))
	require.ErrorIs(t, err, witness.ErrInvalid)
	_, err = witness.OpenIdentity(t.TempDir())
	require.ErrorIs(t, err, witness.ErrInvalid)
	_, err = witness.IdentityFromSeed(nil)
	require.ErrorIs(t, err, witness.ErrInvalid)
}

func TestAnIdentityIsNeverPrinted(t *testing.T) {
	t.Parallel()
	seed := []byte("thirty-two bytes that are secret")
	i, err := witness.IdentityFromSeed(seed)
	require.NoError(t, err)
	type holder struct{ I *witness.Identity }
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
		for _, value := range []any{i, *i, holder{i}, &holder{i}} {
			text := fmt.Sprintf(verb, value)
			for _, spelling := range []string{"thirty", fmt.Sprintf("%x", seed[:6]), fmt.Sprintf("%X", seed[:6]), "116 104 105", "0x74, 0x68"} {
				require.NotContains(t, text, spelling, verb)
			}
		}
	}
	text, err := json.Marshal(holder{i})
	require.NoError(t, err)
	require.Equal(t, `{"I":{}}`, string(text))
}

func TestAPublicKeyIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	require.Equal(t, "rw-mg32fh3p-3rzboxbt-ygmfop6q-fcuci6cg-bf3t5jzl-54kpsqlf-2yhdgvou", identity(t, "witness").Public().String(),
		"the text of a key never changes: people wrote it down")
	for n := range 100 {
		key := identity(t, fmt.Sprint(n)).Public()
		text := key.String()
		require.Len(t, text, 65)
		for _, spelling := range []string{text, strings.ToUpper(text), strings.ReplaceAll(text, "-", ""), strings.ReplaceAll(text, "-", " "), " " + text + " "} {
			read, err := witness.ParsePublicKey(spelling)
			require.NoError(t, err)
			require.Equal(t, key, read)
		}
		config, err := json.Marshal(map[string]witness.PublicKey{"server": key})
		require.NoError(t, err)
		var back map[string]witness.PublicKey
		require.NoError(t, json.Unmarshal(config, &back))
		require.Equal(t, key, back["server"])
	}
}

func TestATypingErrorInAPublicKeyIsNoticed(t *testing.T) {
	t.Parallel()
	text := identity(t, "witness").Public().String()
	for at := range text {
		for _, letter := range "abcdefghijklmnopqrstuvwxyz234567" { // another one
			if wrong := text[:at] + string(letter) + text[at+1:]; text[at] != '-' && wrong != text {
				requireNoKey(t, wrong)
			}
		}
		if at > 0 && text[at] != text[at-1] && text[at] != '-' && text[at-1] != '-' { // two swapped
			requireNoKey(t, text[:at-1]+text[at:at+1]+text[at-1:at]+text[at+1:])
		}
		if text[at] != '-' {
			requireNoKey(t, text[:at]+text[at+1:])             // one left out
			requireNoKey(t, text[:at]+text[at:at+1]+text[at:]) // one twice
		}
		requireNoKey(t, text[:at])
	}
	for _, wrong := range []string{
		"", "rw", "rw-", text + "-", text + "\n", "\n" + text, text + "aaaaaaaa", strings.TrimPrefix(text, "rw-"),
		strings.Replace(text, "rw-", "xx-", 1), strings.Replace(text, "-", "\n", 2), text[:20] + "8" + text[21:], "rw-" + strings.Repeat("=", 56),
	} {
		if trimmed := strings.Trim(wrong, "-"); trimmed != text {
			requireNoKey(t, wrong)
		}
	}
}

func requireNoKey(t *testing.T, text string) {
	t.Helper()
	_, err := witness.ParsePublicKey(text)
	require.ErrorIs(t, err, witness.ErrInvalid, "%q", text)
}

// D7: a key of low order belongs to nobody.
func TestAPublicKeyOfLowOrderIsRefused(t *testing.T) {
	t.Parallel()
	for _, low := range []witness.PublicKey{{}, {1}} {
		requireNoKey(t, low.String())
	}
}
