package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	library "reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
	"reconnect.example/vault"
)

// The same bytes as structs of the library, where it has them, and otherwise as
// docs/format.md draws them.
type (
	libraryItem struct {
		Revision   uint64 `cbor:"1,keyasint"`
		Generation uint64 `cbor:"2,keyasint"`
		Parts      []struct {
			Role     string `cbor:"1,keyasint"`
			Blob     string `cbor:"2,keyasint"`
			Length   int64  `cbor:"3,keyasint"`
			Digest   []byte `cbor:"4,keyasint"`
			Revision uint64 `cbor:"5,keyasint"`
		} `cbor:"3,keyasint,omitempty"`
	}
	libraryActor struct {
		Kind         string `cbor:"1,keyasint"`
		ID           string `cbor:"2,keyasint,omitempty"`
		Name         string `cbor:"3,keyasint,omitempty"`
		Organisation string `cbor:"4,keyasint,omitempty"`
		Relay        string `cbor:"5,keyasint,omitempty"`
		RelayID      string `cbor:"6,keyasint,omitempty"`
	}
	libraryEntry struct {
		At      int64             `cbor:"1,keyasint"`
		Actor   libraryActor      `cbor:"2,keyasint"`
		Act     string            `cbor:"3,keyasint"`
		Purpose string            `cbor:"4,keyasint,omitempty"`
		Item    []byte            `cbor:"5,keyasint,omitempty"`
		Name    string            `cbor:"6,keyasint,omitempty"`
		Detail  map[string]string `cbor:"7,keyasint,omitempty"`
	}
	libraryGeneration struct {
		Number uint64 `cbor:"1,keyasint"`
		Key    []byte `cbor:"2,keyasint"`
		Inbox  []byte `cbor:"3,keyasint"`
	}
	librarySession struct {
		Actor  libraryActor                  `cbor:"1,keyasint"`
		Signer []byte                        `cbor:"2,keyasint"`
		Rings  map[uint8][]libraryGeneration `cbor:"3,keyasint"`
	}
)

// FuzzBothReadTheSameBodies: what the library's CBOR takes, this reader takes,
// and nothing else.
func FuzzBothReadTheSameBodies(f *testing.F) {
	all, err := testvectors.Load("../../vault/testdata/vectors")
	require.NoError(f, err)
	for _, v := range all {
		switch v.Text("kind") {
		case "item-clear":
			f.Add(v.Bytes("encoded"))
		case "ownerhead", "reset":
			f.Add(clearOf(v.Bytes("envelope")))
		}
	}
	generations := map[uint8][]libraryGeneration{1: {{1, []byte{1}, nil}}, 24: nil}
	for _, v := range []any{
		libraryEntry{At: -1, Act: "item.added", Detail: map[string]string{"b": "", "aa": "c"}}, librarySession{Rings: generations}, librarySession{},
		seal.KDF{Algorithm: 255, Time: 1 << 31, Salt: []byte{}}, seal.Restore{Heads: []seal.RestoredHead{{Head: "shared"}}},
		vault.Terms{Scope: vault.ScopeAdd, Nonce: []byte{1}}, library.Organisation{Country: "FR"}, library.Relay{Languages: []string{"fr"}}, library.Licence{Fee: -1},
	} {
		b, err := seal.Marshal(v)
		require.NoError(f, err)
		f.Add(b)
	}
	kdf := slotBody.fields[2].(shape)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, both := range []struct {
			ours any
			own  shape
		}{
			{new(libraryItem), clearItem}, {new(libraryEntry), entryFacts}, {new(librarySession), sessBody},
			{new(seal.OwnerHead), headFields}, {new(seal.KDF), kdf}, {new(seal.Restore), restoreFields},
			{new(vault.Terms), termsFields}, {new(library.Organisation), organisation}, {new(library.Relay), relay}, {new(library.Licence), licence},
		} {
			_, err := parse(both.own, b)
			require.Equal(t, seal.Unmarshal(b, both.ours) == nil, err == nil, "%T: %x", both.ours, b)
		}
	})
}

// FuzzEnvelopes: nothing that a store hands out makes the reader panic.
func FuzzEnvelopes(f *testing.F) {
	all, err := testvectors.Load("../../vault/testdata/vectors")
	require.NoError(f, err)
	for _, v := range all {
		if b := v.Bytes("envelope"); b != nil {
			f.Add(b)
		}
	}
	f.Add([]byte{})
	key := make([]byte, 32)
	key[0] = 1
	f.Fuzz(func(t *testing.T, b []byte) {
		for typ := range uint16(3) {
			p := place{typ: typ + 1}
			for _, open := range []func([]byte, place, []byte) ([]byte, []byte, error){openSealed, openCommitted, openBox, openKept} {
				_, _, err := open(key, p, b)
				require.Error(t, err)
			}
			_, err := openSigned(key, p, b)
			require.Error(t, err)
		}
		_, _ = openOwnerHead([16]byte{1}, b)
		_, err := openStream(key, place{typ: typeDocument}, int64(len(b)), documentClass(int64(len(b))), b)
		require.Error(t, err)
	})
}
