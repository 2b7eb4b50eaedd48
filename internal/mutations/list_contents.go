package main

// onContents are the defences of documents and their records.
var onContents = []mutation{
	{"A1", "what a document's content is bound to, and a key of its own for each", "vault", inVault("A1"), []edit{
		{"internal/seal/stream.go", "hkdf256(key.raw(), salt, c.bind(Format, AlgStream, nil))", "hkdf256(key.raw(), salt, nil)"},
		{"vault/upload.go", "key: seal.NewStreamKey(), plain", `key: seal.DeriveKey([]byte("one for all"), "", nil), plain`},
	}},
	{"A2", "the vault from what everything is bound to", "internal/seal", inSeal("A2"), []edit{
		{"internal/seal/context.go", "b = append(b, c.Vault[:]...)", "b = append(b, make([]byte, 16)...)"},
	}},
	{"A3", "the revision from what everything is bound to", "internal/seal", inSeal("A3"), []edit{
		{"internal/seal/context.go", "b = binary.BigEndian.AppendUint64(b, c.Revision)", "b = binary.BigEndian.AppendUint64(b, 0)"},
	}},
	{"A3", "where in the document a part begins, from what it is bound to", "vault", "TestAttack/A3_parts_in_another_order/memory", []edit{
		{"vault/parts.go", "if offset > 0 {", "if offset > 1<<62 {"},
	}},
	{"B7", "the question who signed an upload that goes on", "vault", "TestAnUploadIsItsMakersAlone", []edit{
		{"vault/uploads_record.go", "uploadContext(t.v.id, 0, 0, p.item), body.Facts); err != nil {", "uploadContext(t.v.id, 0, 0, p.item), body.Facts); false && err != nil {"},
	}},
	{"A4", "the look behind the last segment", "vault", inVault("A4"), []edit{
		{"internal/seal/streamreader.go", "return document, readEnd(s.r) // A4: appended bytes", "return document, nil"},
	}},
	{"A5", "the segment's number from its nonce", "internal/seal", inSeal("A5"), []edit{
		{"internal/seal/stream.go", "binary.BigEndian.PutUint32(s.nonce[streamNonce:], uint32(segment))", "binary.BigEndian.PutUint32(s.nonce[streamNonce:], 0)"},
	}},
	{"A6", "the digest of a record in its page, and the item's id from what the record is bound to", "vault", inVault("A6"), []edit{
		{"vault/record.go", "if seal.Digest(stored) != e.hash { // A6, B1, C1: another or an older record", "if false {"},
		{"vault/record.go", "v.id.bind(seal.TypeItem, it.Compartment, gen.number, it.ID[:], it.Revision)", "v.id.bind(seal.TypeItem, it.Compartment, gen.number, nil, it.Revision)"},
		{"vault/record.go", "id.bind(seal.TypeItem, c, clear.Generation, e.id[:], e.revision)", "id.bind(seal.TypeItem, c, clear.Generation, nil, e.revision)"},
		{"vault/record.go", "id.bind(seal.TypeOrigin, 0, 0, item[:], 0)", "id.bind(seal.TypeOrigin, 0, 0, nil, 0)"},
		{"vault/record.go", "id.bind(seal.TypeRevision, 0, 0, item[:], revision)", "id.bind(seal.TypeRevision, 0, 0, nil, revision)"},
	}},
	{"A7", "the digest of a record in its page, and the bond between a record's clear header and its sealed body", "vault", inVault("A7"), []edit{
		{"vault/record.go", "if seal.Digest(stored) != e.hash { // A6, B1, C1: another or an older record", "if false {"},
		{"internal/seal/key.go", "sealXAES(k.raw(), PadBody(body), c.bind(Format, AlgXAES, clear))", "sealXAES(k.raw(), PadBody(body), c.bind(Format, AlgXAES, nil))"},
		{"internal/seal/key.go", "openXAES(k.raw(), e.payload, c.bind(Format, AlgXAES, e.clear))", "openXAES(k.raw(), e.payload, c.bind(Format, AlgXAES, nil))"},
	}},
	{"A8", "the refusal of control characters", "vault", inVault("A8"), []edit{
		{"vault/validate.go", "if unicode.IsControl(r) &&", "if false && unicode.IsControl(r) &&"},
	}},
	{"A9", "the size classes of what is sealed", "vault", inVault("A9"), []edit{
		{"internal/seal/padding.go", "return 1 << bits.Len(uint(n-1))", "return n"},
	}},
	{"A10", "the rule that nothing is compressed: bodies are", "vault", inVault("A10"), []edit{
		{"internal/seal/squeeze.go", "", `package seal

import (
	"bytes"
	"compress/flate"
	"io"
)

func squeeze(b []byte) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, 9)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func unsqueeze(b []byte) ([]byte, error) { return io.ReadAll(flate.NewReader(bytes.NewReader(b))) }
`},
		{"internal/seal/key.go", "sealXAES(k.raw(), PadBody(body), ", "sealXAES(k.raw(), PadBody(squeeze(body)), "},
		{"internal/seal/key.go", `	return e.clear, body, nil
`, `	body, err = unsqueeze(body)
	return e.clear, body, err
`},
	}},
	{"A11", "the commitment of a keyslot's envelope", "internal/seal", inSeal("A11"), []edit{
		{"internal/seal/committed.go", "if subtle.ConstantTimeCompare(commitment, e.payload[:commitmentSize]) != 1 {", "if false && subtle.ConstantTimeCompare(commitment, e.payload[:commitmentSize]) != 1 {"},
	}},
	{"A12", "the wait of the last bytes for the end of the stream", "internal/seal", inSeal("A12"), []edit{
		{"internal/seal/streamreader.go", "if s.left == 0 {", "if false {"},
	}},
}
