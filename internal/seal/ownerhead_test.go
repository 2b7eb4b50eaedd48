package seal_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

var vault = [16]byte{9, 9, 9}

// aHead is a head with something in every field, signed by the last of keys; the
// others handed over one after the other.
func aHead(t testing.TB, keys ...seal.SigningKey) *seal.OwnerHead {
	t.Helper()
	box, err := seal.NewBoxKey()
	require.NoError(t, err)
	h := &seal.OwnerHead{
		Vault: vault, Restore: 1, Version: 7, MinFormat: seal.MinFormat,
		Key:     keys[len(keys)-1].Public(),
		Service: seal.NewSigningKey().Public(),
		Compartments: []seal.CompartmentKeys{
			{Compartment: seal.Owner, Generation: 1, Inbox: box.Public(), Keyring: randomBytes(32)},
			{Compartment: seal.Private, Generation: 2, Inbox: box.Public(), Keyring: randomBytes(32)},
		},
		Pages:    [][]byte{randomBytes(32)},
		Slots:    []seal.SlotEntry{{ID: [16]byte{1}, Kind: 1, State: 2, Digest: randomBytes(32)}},
		Wrapping: randomBytes(32),
		Grants:   [][]byte{randomBytes(32), randomBytes(32)},
		Policy:   3, Epoch: 4,
	}
	for i := range len(keys) - 1 {
		h.Succession = append(h.Succession, keys[i].Succeed(vault, keys[i+1].Public()))
	}
	return h
}

func threeKeys() []seal.SigningKey {
	return []seal.SigningKey{seal.NewSigningKey(), seal.NewSigningKey(), seal.NewSigningKey()}
}

func tombstone(k seal.SigningKey) *seal.OwnerHead {
	return &seal.OwnerHead{Vault: vault, Restore: 1, Version: 8, Key: k.Public(), Erased: 1_700_000_000_000}
}

func TestOwnerHeadComesBackAndNamesItsAncestors(t *testing.T) {
	t.Parallel()
	keys := threeKeys()
	h := aHead(t, keys...)
	record, err := keys[2].SealOwnerHead(h)
	require.NoError(t, err)
	require.Equal(t, []byte{1, byte(seal.AlgEd25519), 0, byte(seal.TypeOwnerHead)}, record[:4])

	got, err := seal.OpenOwnerHead(vault, record)
	require.NoError(t, err)
	require.Equal(t, h, got)
	for _, k := range keys {
		require.True(t, got.Trusts(k.Public()))
	}
	require.False(t, got.Trusts(seal.NewSigningKey().Public()))
	require.False(t, got.Trusts(nil))
	require.False(t, got.Trusts(keys[0].Public()[:31]))
	require.False(t, (&seal.OwnerHead{}).Trusts(nil))
}

func TestTombstoneKeepsNothingElse(t *testing.T) {
	t.Parallel()
	k := seal.NewSigningKey()
	record, err := k.SealOwnerHead(tombstone(k))
	require.NoError(t, err)
	got, err := seal.OpenOwnerHead(vault, record)
	require.NoError(t, err)
	require.Equal(t, tombstone(k), got)

	full := aHead(t, k)
	for name, change := range map[string]func(h *seal.OwnerHead){
		"minimum format": func(h *seal.OwnerHead) { h.MinFormat = 1 },
		"succession":     func(h *seal.OwnerHead) { h.Succession = []seal.Succession{{}} },
		"service":        func(h *seal.OwnerHead) { h.Service = full.Service },
		"compartments":   func(h *seal.OwnerHead) { h.Compartments = full.Compartments },
		"pages":          func(h *seal.OwnerHead) { h.Pages = full.Pages },
		"slots":          func(h *seal.OwnerHead) { h.Slots = full.Slots },
		"wrapping key":   func(h *seal.OwnerHead) { h.Wrapping = full.Wrapping },
		"grants":         func(h *seal.OwnerHead) { h.Grants = full.Grants },
		"policy":         func(h *seal.OwnerHead) { h.Policy = 1 },
		"epoch":          func(h *seal.OwnerHead) { h.Epoch = 1 },
		"closing":        func(h *seal.OwnerHead) { h.Closing = 1 },
		"negative time":  func(h *seal.OwnerHead) { h.Erased = -1 },
	} {
		h := tombstone(k)
		change(h)
		requireBadHead(t, k, h, name)
	}
}

// requireBadHead demands that h is not signed, and not taken if somebody signed
// it all the same.
func requireBadHead(t *testing.T, k seal.SigningKey, h *seal.OwnerHead, name string) {
	t.Helper()
	record, err := k.SealOwnerHead(h)
	require.ErrorIs(t, err, seal.ErrArgument, name)
	require.Nil(t, record, name)

	got, err := seal.OpenOwnerHead(vault, forceHead(t, k, h))
	requireRefused(t, nil, nil, err, name)
	require.Nil(t, got, name)
}

// forceHead signs a head without any check.
func forceHead(t testing.TB, k seal.SigningKey, h *seal.OwnerHead) []byte {
	t.Helper()
	body, err := seal.Marshal(h)
	require.NoError(t, err)
	record, err := k.SignEnvelope(seal.Context{Type: seal.TypeOwnerHead, Vault: vault, Compartment: seal.Owner}, body)
	require.NoError(t, err)
	return record
}

func TestOwnerHeadThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	k := seal.NewSigningKey()
	for name, change := range map[string]func(h *seal.OwnerHead){
		"no minimum format":      func(h *seal.OwnerHead) { h.MinFormat = 0 },
		"a minimum to come":      func(h *seal.OwnerHead) { h.MinFormat = seal.Format + 1 },
		"no service key":         func(h *seal.OwnerHead) { h.Service = nil },
		"a bad service key":      func(h *seal.OwnerHead) { h.Service = make([]byte, 32) },
		"another key":            func(h *seal.OwnerHead) { h.Key = seal.NewSigningKey().Public() },
		"no key":                 func(h *seal.OwnerHead) { h.Key = nil },
		"a key of low order":     func(h *seal.OwnerHead) { h.Key = append([]byte{1}, make([]byte, 31)...) },
		"no compartment":         func(h *seal.OwnerHead) { h.Compartments[0].Compartment = 0 },
		"a compartment too many": func(h *seal.OwnerHead) { h.Compartments[0].Compartment = 4 },
		"a short inbox":          func(h *seal.OwnerHead) { h.Compartments[0].Inbox = h.Compartments[0].Inbox[1:] },
		"a short keyring digest": func(h *seal.OwnerHead) { h.Compartments[1].Keyring = make([]byte, 31) },
		"a short page digest":    func(h *seal.OwnerHead) { h.Pages[0] = nil },
		"a long slot digest":     func(h *seal.OwnerHead) { h.Slots[0].Digest = make([]byte, 33) },
		"no wrapping key":        func(h *seal.OwnerHead) { h.Wrapping = nil },
		"a short grant digest":   func(h *seal.OwnerHead) { h.Grants[1] = make([]byte, 16) },
		"closed before 1970":     func(h *seal.OwnerHead) { h.Closing = -1 },
		"too many pages":         func(h *seal.OwnerHead) { h.Pages = slicesOf(1025) },
	} {
		h := aHead(t, k)
		change(h)
		requireBadHead(t, k, h, name)
	}
	_, err := k.SealOwnerHead(nil)
	require.ErrorIs(t, err, seal.ErrArgument)
	_, err = seal.SigningKey{}.SealOwnerHead(aHead(t, k))
	require.ErrorIs(t, err, seal.ErrArgument)
}

func slicesOf(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = make([]byte, 32)
	}
	return out
}

func TestSuccessionMustLeadToTheKey(t *testing.T) {
	t.Parallel()
	keys := threeKeys()
	stranger := seal.NewSigningKey()
	for name, change := range map[string]func(h *seal.OwnerHead){
		"the last link missing":  func(h *seal.OwnerHead) { h.Succession = h.Succession[:1] },
		"exchanged links":        func(h *seal.OwnerHead) { s := h.Succession; s[0], s[1] = s[1], s[0] },
		"a repeated link":        func(h *seal.OwnerHead) { h.Succession = append(h.Succession, h.Succession[1]) },
		"a signature flipped":    func(h *seal.OwnerHead) { h.Succession[0].Signature[3] ^= 1 },
		"no signature":           func(h *seal.OwnerHead) { h.Succession[0].Signature = nil },
		"a stranger as ancestor": func(h *seal.OwnerHead) { h.Succession[0].Old = stranger.Public() },
		"signed by a stranger": func(h *seal.OwnerHead) {
			h.Succession[0].Signature = stranger.Succeed(vault, keys[1].Public()).Signature
		},
		"signed for a stranger": func(h *seal.OwnerHead) { h.Succession[1] = keys[1].Succeed(vault, stranger.Public()) },
		"of another vault":      func(h *seal.OwnerHead) { h.Succession[0] = keys[0].Succeed([16]byte{1}, keys[1].Public()) },
		"a circle":              func(h *seal.OwnerHead) { h.Succession = []seal.Succession{keys[2].Succeed(vault, keys[2].Public())} },
		"a bad key":             func(h *seal.OwnerHead) { h.Succession[0].Old = make([]byte, 32) },
		"somebody put before it": func(h *seal.OwnerHead) {
			s := stranger.Succeed(vault, keys[0].Public())
			s.Signature = h.Succession[0].Signature
			h.Succession = append([]seal.Succession{s}, h.Succession...)
		},
	} {
		h := aHead(t, keys...)
		change(h)
		requireBadHead(t, keys[2], h, name)
	}
}

func TestOwnerHeadOfSomebodyElseIsRefused(t *testing.T) {
	t.Parallel()
	k, other := seal.NewSigningKey(), seal.NewSigningKey()
	record, err := k.SealOwnerHead(aHead(t, k))
	require.NoError(t, err)
	_, err = seal.OpenOwnerHead([16]byte{1}, record)
	require.ErrorIs(t, err, seal.ErrOpen, "another vault")

	// Signed for this vault, but its body says another.
	h := aHead(t, k)
	h.Vault = [16]byte{1}
	_, err = seal.OpenOwnerHead(vault, forceHead(t, k, h))
	require.ErrorIs(t, err, seal.ErrOpen)

	// Signed by another key than it names.
	_, err = seal.OpenOwnerHead(vault, forceHead(t, other, aHead(t, k)))
	require.ErrorIs(t, err, seal.ErrOpen)

	// A head by another key opens: that is what Trusts is for (attack D4).
	record, err = other.SealOwnerHead(aHead(t, other))
	require.NoError(t, err)
	forged, err := seal.OpenOwnerHead(vault, record)
	require.NoError(t, err)
	require.False(t, forged.Trusts(k.Public()))
}

func TestOwnerHeadChangedAnywhereIsRefused(t *testing.T) {
	t.Parallel()
	keys := threeKeys()
	record, err := keys[2].SealOwnerHead(aHead(t, keys...))
	require.NoError(t, err)
	for i := range record {
		h, err := seal.OpenOwnerHead(vault, flip(record, i))
		requireRefused(t, nil, nil, err, i)
		require.Nil(t, h)
		_, err = seal.OpenOwnerHead(vault, record[:i])
		requireRefused(t, nil, nil, err, i)
	}
	_, err = seal.OpenOwnerHead(vault, append(bytes.Clone(record), 0))
	require.ErrorIs(t, err, seal.ErrOpen)
}

func TestResetOpensForItsVaultAndKeyOnly(t *testing.T) {
	t.Parallel()
	k := seal.NewSigningKey()
	statement, err := k.SealReset(vault, [32]byte{5}, 12)
	require.NoError(t, err)
	counter, count, err := seal.OpenReset(k.Public(), vault, statement)
	require.NoError(t, err)
	require.Equal(t, [32]byte{5}, counter)
	require.EqualValues(t, 12, count)

	_, _, err = seal.OpenReset(k.Public(), [16]byte{1}, statement)
	require.ErrorIs(t, err, seal.ErrOpen)
	_, _, err = seal.OpenReset(seal.NewSigningKey().Public(), vault, statement)
	require.ErrorIs(t, err, seal.ErrOpen)
	for i := range statement {
		counter, count, err = seal.OpenReset(k.Public(), vault, flip(statement, i))
		requireRefused(t, nil, nil, err, i)
		require.Zero(t, counter)
		require.Zero(t, count)
	}
	_, err = seal.SigningKey{}.SealReset(vault, [32]byte{5}, 12)
	require.ErrorIs(t, err, seal.ErrArgument)

	// Another signed record of the same vault is no reset.
	head, err := k.SealOwnerHead(aHead(t, k))
	require.NoError(t, err)
	_, _, err = seal.OpenReset(k.Public(), vault, head)
	require.ErrorIs(t, err, seal.ErrOpen)
	other, err := seal.Marshal([]uint64{1})
	require.NoError(t, err)
	other, err = k.SignEnvelope(seal.Context{Type: seal.TypeReset, Vault: vault, Compartment: seal.Owner}, other)
	require.NoError(t, err)
	_, _, err = seal.OpenReset(k.Public(), vault, other)
	require.ErrorIs(t, err, seal.ErrFormat)
}

// FuzzOwnerHead: whatever the store serves, opening it is refused or gives a head
// that its key signed, and never panics. The second argument is a body that the
// vault's key does sign.
func FuzzOwnerHead(f *testing.F) {
	keys := threeKeys()
	last, err := seal.SigningKeyFromBytes(goldenKey)
	require.NoError(f, err)
	keys[2] = last
	honest, err := keys[2].SealOwnerHead(aHead(f, keys...))
	require.NoError(f, err)
	stone, err := keys[2].SealOwnerHead(tombstone(keys[2]))
	require.NoError(f, err)
	for _, record := range [][]byte{honest, stone} {
		_, body, err := seal.ParseClear(record)
		require.NoError(f, err)
		f.Add(record, body)
	}
	f.Add([]byte{1, 4, 0, 1, 0, 0, 0, 0}, []byte{0xa0})
	f.Fuzz(func(t *testing.T, record, body []byte) {
		signed, err := keys[2].SignEnvelope(seal.Context{Type: seal.TypeOwnerHead, Vault: vault, Compartment: seal.Owner}, body)
		require.NoError(t, err)
		for _, r := range [][]byte{record, signed} {
			h, err := seal.OpenOwnerHead(vault, r)
			if err != nil {
				requireRefused(t, nil, nil, err)
				require.Nil(t, h)
				continue
			}
			require.Equal(t, vault, h.Vault)
			_, body, err := seal.ParseClear(r)
			require.NoError(t, err)
			again, err := seal.Marshal(h)
			require.NoError(t, err)
			require.Equal(t, body, again)
			require.True(t, h.Trusts(h.Key))
		}
	})
}
