package vault_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

// encodings are bodies of one schema, the clear header of an item: {1: revision,
// 2: generation, 3: [{1: role, 2: blob, 3: length, 4: digest, 5: revision}]}.
func (w *vectorWriter) encodings() {
	raw := func(parts ...string) field {
		b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(parts, ""), " ", ""))
		require.NoError(w.t, err)
		return hexed("encoded", b)
	}
	const revision, generation, parts = "01 07", "02 1818", "03 81 a5 01 67636f6e74656e74 02 63 612f62 03 190428 04 41aa 05 07"
	w.put("encoding", "success", "The clear header of an item in its one encoding.", text("kind", "item-clear"), raw("a3", revision, generation, parts))
	w.on("encoding", "without-parts", "success", "An optional field that is not there.", raw("a2", revision, generation))
	for _, wrong := range []struct{ name, comment, bytes string }{
		{"duplicate-key", "A key twice.", "a3" + revision + generation + "02 1818"},
		{"keys-out-of-order", "Key 2 before key 1.", "a2" + generation + revision},
		{"trailing-byte", "A byte behind the body.", "a2" + revision + generation + "00"},
		{"cut", "It ends early.", "a3" + revision + generation},
		{"empty", "Nothing at all.", ""},
		{"long-integer", "7 in two bytes.", "a2 01 1807" + generation},
		{"long-key", "The key 1 in two bytes.", "a2 1801 07" + generation},
		{"long-length", "A text's length in two bytes.", "a3" + revision + generation + strings.Replace(parts, "67636f", "7807636f", 1)},
		{"indefinite-map", "A map of indefinite length.", "bf" + revision + generation + "ff"},
		{"indefinite-text", "A text in pieces.", "a3" + revision + generation + strings.Replace(parts, "63 612f62", "7f 63 612f62 ff", 1)},
		{"tagged", "A tag.", "a2 01 c1 07" + generation},
		{"float", "7.0.", "a2 01 f94700" + generation},
		{"negative", "A negative number where none can be.", "a2 01 26" + generation},
		{"another-kind", "A text where a number must be.", "a2 01 6137" + generation},
		{"unknown-key", "A key that this version does not know.", "a3" + revision + generation + "04 00"},
		{"missing-key", "A key that must be there.", "a1" + revision},
		{"empty-list", "An optional field that is there and empty.", "a3" + revision + generation + "03 80"},
		{"null-number", "Null where a number must be.", "a2 01 f6" + generation},
		{"not-utf-8", "A text that is not UTF-8.", "a3" + revision + generation + strings.Replace(parts, "63 612f62", "63 61ff62", 1)},
		{"not-a-map", "A list.", "82 07 1818"},
		{"too-large", "A number of more than 64 bits.", "a2 01 c249010000000000000000" + generation},
	} {
		w.on("encoding", wrong.name, "format", wrong.comment, raw(wrong.bytes))
	}
}

func (w *vectorWriter) ownerHeads() {
	key := func(b byte) seal.SigningKey {
		k, err := seal.SigningKeyFromBytes(filled(b))
		require.NoError(w.t, err)
		return k
	}
	old, now, service := key(0x51), key(0x52), key(0x53)
	vault := [16]byte([]byte("a vault's own id"))
	head := func() *seal.OwnerHead {
		return &seal.OwnerHead{
			Vault: vault, Restore: 1, Version: 20, MinFormat: 1, Key: now.Public(), Succession: []seal.Succession{old.Succeed(vault, now.Public())},
			Service:      service.Public(),
			Compartments: []seal.CompartmentKeys{{Compartment: seal.Shared, Generation: 3, Inbox: bytes.Repeat([]byte{4}, seal.BoxPublicSize), Keyring: filled(5)}},
			Pages:        [][]byte{filled(6)}, Slots: []seal.SlotEntry{{ID: [16]byte{7}, Kind: 1, State: 1, Digest: filled(10)}},
			Wrapping: filled(11), Grants: [][]byte{filled(12)}, Policy: 1, Epoch: 14,
		}
	}
	place := seal.Context{Type: seal.TypeOwnerHead, Vault: vault, Compartment: seal.Owner}
	sign := func(h *seal.OwnerHead, by seal.SigningKey) field {
		return data("envelope", w.must(by.SignEnvelope(place, w.must(seal.Marshal(h)))))
	}
	changed := func(f func(h *seal.OwnerHead)) field {
		h := head()
		f(h)
		return sign(h, now)
	}
	w.put("ownerhead", "success", "An owner head with one succession.", text("kind", "ownerhead"), hexed("vault", vault[:]), sign(head(), now), number("version", 20))
	w.put("ownerhead-tombstone", "success", "The head of an erased vault.", text("kind", "ownerhead"), hexed("vault", vault[:]),
		sign(&seal.OwnerHead{Vault: vault, Version: 21, Key: now.Public(), Erased: 1}, now), number("version", 21))
	w.on("ownerhead", "another-vault", "open", "Of another vault.", hexed("vault", []byte("another vault id")))
	w.on("ownerhead", "signed-by-another", "open", "It names one key and is signed by another.", sign(head(), old))
	w.on("ownerhead", "minimum-format-0", "format", "No minimum format.", changed(func(h *seal.OwnerHead) { h.MinFormat = 0 }))
	w.on("ownerhead", "minimum-format-2", "format", "A minimum format above all that is known: a newer program wrote it.", changed(func(h *seal.OwnerHead) { h.MinFormat = 2 }))
	w.on("ownerhead", "low-order-key", "format", "A key of low order.", changed(func(h *seal.OwnerHead) { h.Key, h.Succession = make([]byte, 32), nil }))
	w.on("ownerhead", "no-service-key", "format", "Without the key that signs the journal's head.", changed(func(h *seal.OwnerHead) { h.Service = nil }))
	w.on("ownerhead", "short-digest", "format", "A digest of 31 bytes.", changed(func(h *seal.OwnerHead) { h.Wrapping = h.Wrapping[:31] }))
	w.on("ownerhead", "unknown-compartment", "format", "A fourth compartment.", changed(func(h *seal.OwnerHead) { h.Compartments[0].Compartment = 4 }))
	w.on("ownerhead", "short-inbox", "format", "An inbox key of another length.", changed(func(h *seal.OwnerHead) { h.Compartments[0].Inbox = filled(1) }))
	w.on("ownerhead", "broken-succession", "open", "The old key never named this one.", changed(func(h *seal.OwnerHead) { h.Succession[0].Signature[9] ^= 1 }))
	w.on("ownerhead", "succession-of-another-vault", "open", "The old key named the new one, in another vault.", changed(func(h *seal.OwnerHead) {
		h.Succession[0] = old.Succeed([16]byte([]byte("another vault id")), now.Public())
	}))
	w.on("ownerhead", "succession-leads-elsewhere", "open", "The succession ends at another key than the head's.", changed(func(h *seal.OwnerHead) {
		h.Succession[0] = old.Succeed(vault, service.Public())
	}))
	w.on("ownerhead", "tombstone-with-more", "format", "A tombstone that still names a keyslot.", changed(func(h *seal.OwnerHead) {
		*h = seal.OwnerHead{Vault: vault, Version: 21, Key: now.Public(), Erased: 1, Slots: h.Slots}
	}))
}

// spaceHeads are owner heads of others than persons.
func (w *vectorWriter) spaceHeads() {
	key, err := seal.SigningKeyFromBytes(filled(0x52))
	require.NoError(w.t, err)
	vault := [16]byte([]byte("a vault's own id"))
	put := func(name, expect, comment string, change func(h *seal.OwnerHead)) {
		h := &seal.OwnerHead{
			Vault: vault, Version: 3, MinFormat: 1, Key: key.Public(), Service: key.Public(), Wrapping: filled(11), Grants: [][]byte{filled(12)}, Kind: seal.KindRelay,
			Compartments: []seal.CompartmentKeys{{Compartment: seal.Shared, Generation: 3, Inbox: bytes.Repeat([]byte{4}, seal.BoxPublicSize), Keyring: filled(5)}},
		}
		change(h)
		place := seal.Context{Type: seal.TypeOwnerHead, Vault: vault, Compartment: seal.Owner}
		w.put("ownerhead-"+name, expect, comment, text("kind", "ownerhead"), hexed("vault", vault[:]),
			data("envelope", w.must(key.SignEnvelope(place, w.must(seal.Marshal(h))))), number("version", h.Version))
	}
	directory := func(h *seal.OwnerHead) {
		*h = seal.OwnerHead{Vault: vault, Version: 3, MinFormat: 1, Key: key.Public(), Pages: [][]byte{filled(6)}, Kind: seal.KindDirectory}
	}
	put("relay", "success", "The head of a relay's space.", func(*seal.OwnerHead) {})
	put("worker", "success", "The head of a worker's space.", func(h *seal.OwnerHead) { h.Kind = seal.KindWorker })
	put("kind-4", "format", "A kind that is not known.", func(h *seal.OwnerHead) { h.Kind = 4 })
	put("short-grant", "format", "A digest of a grant of 31 bytes.", func(h *seal.OwnerHead) { h.Grants[0] = h.Grants[0][:31] })
	put("directory", "success", "The head of a directory.", directory)
	put("directory-with-service", "format", "The head of a directory that names a key for a journal, which it does not have.", func(h *seal.OwnerHead) {
		directory(h)
		h.Service = key.Public()
	})
	put("directory-short-digest", "format", "The head of a directory with a digest of 31 bytes.", func(h *seal.OwnerHead) {
		directory(h)
		h.Pages[0] = h.Pages[0][:31]
	})
	put("directory-minimum-format-0", "format", "The head of a directory without a minimum format.", func(h *seal.OwnerHead) {
		directory(h)
		h.MinFormat = 0
	})
}

// sealUnpadded is XAES-256-GCM as docs/format.md has it, for a body that no
// program would pad like this.
func sealUnpadded(raw []byte, c seal.Context, clear, padded []byte) ([]byte, error) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	salt, nonce := make([]byte, 12), make([]byte, 12)
	_, _ = rand.Read(salt)
	_, _ = rand.Read(nonce)
	subkey := make([]byte, 16)
	block.Encrypt(subkey, subkey)
	carry := subkey[0] >> 7
	for i := range subkey {
		subkey[i] <<= 1
		if i < 15 {
			subkey[i] |= subkey[i+1] >> 7
		}
	}
	subkey[15] ^= carry * 0x87
	derived := make([]byte, 32)
	for half := range 2 {
		in := append([]byte{0, byte(half + 1), 'X', 0}, salt...)
		for i := range in {
			in[i] ^= subkey[i]
		}
		block.Encrypt(derived[16*half:], in)
	}
	inner, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(inner)
	if err != nil {
		return nil, err
	}
	associated := append(c.Bytes(), seal.Format, byte(seal.AlgXAES))
	associated = append(binary.BigEndian.AppendUint64(associated, uint64(len(clear))), clear...)
	out := append([]byte{seal.Format, byte(seal.AlgXAES)}, binary.BigEndian.AppendUint16(nil, uint16(c.Type))...)
	out = append(binary.BigEndian.AppendUint32(out, uint32(len(clear))), clear...)
	return gcm.Seal(append(append(out, salt...), nonce...), nonce, padded, associated), nil
}
