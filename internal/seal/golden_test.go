package seal_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

var update = flag.Bool("update", false, "make testdata/golden anew: only for a new format, never to make a test pass")

// golden returns the bytes of a stored record of the past; with -update it makes
// them by sealing anew.
func golden(t *testing.T, name string, fresh func() []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", "golden", name+".hex")
	if *update {
		var text strings.Builder
		for line := range slices.Chunk(fresh(), 40) {
			text.WriteString(hex.EncodeToString(line) + "\n")
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o644))
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	b, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	require.NoError(t, err)
	return b
}

// TestRecordsOfTheFirstFormatStillOpen opens what was sealed when the format was
// made. Every later version must: these bytes lie in somebody's safe.
func TestRecordsOfTheFirstFormatStillOpen(t *testing.T) {
	t.Parallel()
	raw := goldenKey
	key, err := seal.KeyFromBytes(raw)
	require.NoError(t, err)
	box, err := seal.BoxKeyFromBytes(raw)
	require.NoError(t, err)
	signing, err := seal.SigningKeyFromBytes(raw)
	require.NoError(t, err)
	c, clear, body := item(), []byte("clear"), []byte("body")
	must := func(b []byte, err error) []byte { require.NoError(t, err); return b }

	gotClear, got, err := key.Open(c, golden(t, "sealed", func() []byte { return must(key.Seal(c, clear, body)) }))
	require.NoError(t, err)
	require.Equal(t, clear, gotClear)
	require.Equal(t, body, got)

	gotClear, got, err = key.OpenCommitted(c, golden(t, "committed", func() []byte { return must(key.SealCommitted(c, clear, body)) }))
	require.NoError(t, err)
	require.Equal(t, clear, gotClear)
	require.Equal(t, body, got)

	gotClear, got, err = box.Open(c, golden(t, "boxed", func() []byte { return must(box.Public().Seal(c, clear, body)) }))
	require.NoError(t, err)
	require.Equal(t, clear, gotClear)
	require.Equal(t, body, got)

	signed := golden(t, "signed", func() []byte { return must(signing.SignEnvelope(c, body)) })
	got, err = seal.OpenSigned(signing.Public(), c, signed)
	require.NoError(t, err)
	require.Equal(t, body, got)
	require.Equal(t, signed, must(signing.SignEnvelope(c, body)), "signing is deterministic")

	same := func(b []byte) ([]byte, error) { return b, nil }
	gotClear, got, err = seal.OpenKeeper(c, golden(t, "keeper", func() []byte { return must(seal.SealKeeper(c, clear, body, same)) }), same)
	require.NoError(t, err)
	require.Equal(t, clear, gotClear)
	require.Equal(t, body, got)

	stream := golden(t, "stream", func() []byte { return sealStream(t, key, document(), body) })
	got, err = openStream(bytes.NewReader(stream), key, document(), len(body))
	require.NoError(t, err)
	require.Equal(t, body, got)

	sig := golden(t, "signature", func() []byte { return signing.Sign(c, body) })
	require.NoError(t, seal.VerifySignature(signing.Public(), c, body, sig))
	derived := golden(t, "derived", func() []byte { return seal.DeriveKey(raw, "label", []byte("salt")).Bytes() })
	require.Equal(t, derived, seal.DeriveKey(raw, "label", []byte("salt")).Bytes())

	reset := golden(t, "reset", func() []byte { return must(signing.SealReset(vault, [32]byte{1}, 2)) })
	_, count, err := seal.OpenReset(signing.Public(), vault, reset)
	require.NoError(t, err)
	require.EqualValues(t, 2, count)
}

// TestOwnerHeadOfTheFirstFormatStillOpens holds the numbers of its fields.
func TestOwnerHeadOfTheFirstFormatStillOpens(t *testing.T) {
	t.Parallel()
	old, err := seal.SigningKeyFromBytes(bytes.Repeat([]byte{0x41}, 32))
	require.NoError(t, err)
	signing, err := seal.SigningKeyFromBytes(bytes.Repeat([]byte{0x42}, 32))
	require.NoError(t, err)
	digest := func(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }
	h := &seal.OwnerHead{
		Vault: vault, Restore: 1, Version: 2, MinFormat: 1, Key: signing.Public(),
		Succession:   []seal.Succession{old.Succeed(vault, signing.Public())},
		Service:      old.Public(),
		Compartments: []seal.CompartmentKeys{{Compartment: seal.Shared, Generation: 3, Inbox: bytes.Repeat([]byte{4}, seal.BoxPublicSize), Keyring: digest(5)}},
		Pages:        [][]byte{digest(6)},
		Slots:        []seal.SlotEntry{{ID: [16]byte{7}, Kind: 8, State: 9, Digest: digest(10)}},
		Wrapping:     digest(11), Grants: [][]byte{digest(12)}, Policy: 13, Epoch: 14,
	}
	stored := golden(t, "ownerhead", func() []byte {
		b, err := signing.SealOwnerHead(h)
		require.NoError(t, err)
		return b
	})
	got, err := seal.OpenOwnerHead(vault, stored)
	require.NoError(t, err)
	require.Equal(t, h, got)
	again, err := signing.SealOwnerHead(got)
	require.NoError(t, err)
	require.Equal(t, stored, again)
}
