package vault_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/internal/testvectors"
	"reconnect.example/vault"
)

// storedRequest, storedOpening and storedAsk are what package recovery keeps, as
// docs/format.md draws it.
type storedRequest struct {
	Path       [16]byte `cbor:"1,keyasint"`
	State      uint8    `cbor:"2,keyasint"`
	Opened     int64    `cbor:"3,keyasint"`
	Until      int64    `cbor:"4,keyasint"`
	Public     []byte   `cbor:"5,keyasint"`
	Private    []byte   `cbor:"6,keyasint,omitempty"`
	Salt       []byte   `cbor:"7,keyasint"`
	Generation uint64   `cbor:"8,keyasint"`
	Opening    []byte   `cbor:"9,keyasint"`
	Owner      []byte   `cbor:"10,keyasint"`
	Pointer    string   `cbor:"11,keyasint,omitempty"`
	Ended      int64    `cbor:"12,keyasint,omitempty"`
	Later      bool     `cbor:"13,keyasint,omitempty"`
}

type storedOpening struct {
	Said    []byte         `cbor:"1,keyasint"`
	Name    string         `cbor:"2,keyasint"`
	Kind    vault.PathKind `cbor:"3,keyasint"`
	Private bool           `cbor:"4,keyasint"`
}

type storedAsk struct {
	Vault   [16]byte `cbor:"1,keyasint"`
	Request [16]byte `cbor:"2,keyasint"`
	Opening []byte   `cbor:"3,keyasint"`
}

var errAlteredRequest error = &vault.TamperedError{What: "a request"}

// openingOf is who opened a request, as a half lets its holder read.
func openingOf(v *vault.Vault, request vault.ItemID, record []byte) (o storedOpening, err error) {
	var r storedRequest
	if err := seal.Unmarshal(record, &r); err != nil {
		return o, errAlteredRequest
	}
	half, ok := v.Half(r.Path)
	if !ok {
		return o, vault.ErrNotFound
	}
	id := v.ID()
	_, plain, err := seal.DeriveKey(half.Shared, "who opened a request", slices.Concat(id[:], request[:])).Open(placeOfRequest(id, request, "opening"), r.Opening)
	if err != nil || seal.Unmarshal(plain, &o) != nil {
		return o, errAlteredRequest
	}
	return o, nil
}

func placeOfRequest(id vault.ID, object [16]byte, what string) seal.Context {
	return seal.Context{Type: seal.TypeRequest, Vault: id, Object: object[:], Holder: []byte(what)}
}

// showHelper shows the halves of ways back in that go with a grant, and the requests that
// its holder can read.
func showHelper(t *testing.T, vector *testvectors.Vector) *shown {
	t.Helper()
	out, s := &shown{outcome: "success"}, openVector(t, vector)
	v := out.guest(t, s, vector)
	if v == nil {
		return out
	}
	for _, path := range v.HelpsBy() {
		half, ok := v.Half(path)
		require.True(t, ok)
		out.add("half", path.String(), hex.EncodeToString(half.Shared), hex.EncodeToString(half.Private))
	}
	for _, rec := range vector.All("record") {
		err := out.request(t, s, v, rec)
		if err == nil {
			err = out.asked(t, s, v, vector, rec)
		}
		if !out.note(err) {
			out.lines = nil
			return out
		}
	}
	slices.Sort(out.lines)
	return out
}

func (s *shown) request(t *testing.T, o openedVector, v *vault.Vault, rec field) error {
	name, ok := strings.CutPrefix(rec.Line, v.ID().KeyOf("rq/"))
	if !ok || strings.Contains(name, "/") {
		return nil
	}
	id, err := vault.ParseItemID(name)
	require.NoError(t, err)
	body, err := openingOf(v, id, rec.Data)
	if errors.Is(err, vault.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.opening(t.Context(), o, "request", v.ID(), id, rec.Data, body)
}

// asked shows a note that asks the holder.
func (s *shown) asked(t *testing.T, o openedVector, v *vault.Vault, vector *testvectors.Vector, rec field) error {
	holder, err := vault.ParseID(vector.Text("holder"))
	require.NoError(t, err)
	name, ok := strings.CutPrefix(rec.Line, holder.KeyOf("in/q/"))
	if !ok {
		return nil
	}
	note, err := vault.ParseItemID(name)
	require.NoError(t, err)
	key, err := seal.BoxKeyFromBytes(vector.Bytes("key"))
	require.NoError(t, err)
	_, plain, err := key.Open(placeOfRequest(holder, note, "note"), rec.Data)
	var ask storedAsk
	var body storedOpening
	if err != nil || seal.Unmarshal(plain, &ask) != nil || seal.Unmarshal(ask.Opening, &body) != nil {
		return errAlteredRequest
	}
	if vault.ID(ask.Vault) != v.ID() {
		return nil
	}
	request, err := o.store.Get(t.Context(), v.ID().KeyOf("rq/"+vault.ItemID(ask.Request).String()))
	require.NoError(t, err)
	return s.opening(t.Context(), o, "asked", v.ID(), ask.Request, request.Value, body)
}

// opening shows who opened a request, if it is the one that they signed for.
func (s *shown) opening(ctx context.Context, o openedVector, what string, id vault.ID, request vault.ItemID, record []byte, body storedOpening) error {
	var r storedRequest
	if err := seal.Unmarshal(record, &r); err != nil {
		return errAlteredRequest
	}
	a, by, err := o.register.Approved(ctx, id, body.Said)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(r.Public)
	if a.Act != seal.ApprovalOpens || a.Request != request || a.Path != r.Path || !bytes.Equal(a.Key, digest[:]) || a.Until != r.Until || !by.Named(body.Name) {
		return errAlteredRequest
	}
	s.add(what, request.String(), body.Kind.String(), fmt.Sprint(body.Private), body.Name, by.Worker.String(), by.Relay.String(), itoa(r.Opened), itoa(r.Until))
	return nil
}

// showApproval shows what somebody says about a request, as the witness reads it.
func showApproval(t *testing.T, vector *testvectors.Vector) *shown {
	t.Helper()
	id, err := vault.ParseID(vector.Text("vault"))
	require.NoError(t, err)
	a, by, err := seal.OpenApproval(id, vector.Bytes("statement"), int64(vector.Number("now")), func(space [16]byte) (*seal.OwnerHead, error) {
		for _, r := range vector.All("record") {
			if r.Line == vault.ID(space).KeyOf("h/o") {
				return seal.OpenOwnerHead(space, r.Data)
			}
		}
		return nil, seal.ErrOpen
	})
	if err != nil {
		return &shown{outcome: "tampered an approval"}
	}
	out := &shown{outcome: "success"}
	out.add("approval", vault.ItemID(a.Request).String(), vault.PathID(a.Path).String(), itoa(a.Policy), fmt.Sprint(a.Act), hex.EncodeToString(a.Key), itoa(a.Until), itoa(a.At),
		vault.ID(by.Worker).String(), vault.ID(by.Space).String(), vault.ID(by.Organisation).String())
	return out
}
