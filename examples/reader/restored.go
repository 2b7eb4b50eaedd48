package main

import "bytes"

// A restore statement: what the operator signed, and the witness's signature over
// its digest.
var (
	completeFields = fields(map[uint64]any{1: raw, 2: raw})
	restoreFields  = fields(map[uint64]any{1: id(), 2: u64, 3: list(fields(map[uint64]any{1: text, 2: u64, 3: shape{kind: '1', bits: 32}})), 4: i64, 5: i64})
)

const typeStatement, typeCountersigned = 36, 38

func tryRestored(v *vector) ([]string, error) {
	vault := [16]byte(v.bytes("vault"))
	o, err := openRestored(v.bytes("operator"), v.bytes("witness"), vault, v.bytes("statement"))
	if err == nil && o.num(2) != v.number("epoch") {
		err = errOpen
	}
	return nil, err
}

func openRestored(operator, witness []byte, vault [16]byte, complete []byte) (object, error) {
	c, err := parse(completeFields, complete)
	if err != nil {
		return nil, err
	}
	second, err := openSigned(witness, place{typ: typeCountersigned, vault: vault}, c.bytes(2))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(second, digest(c.bytes(1))) {
		return nil, errOpen
	}
	body, err := openSigned(operator, place{typ: typeStatement, vault: vault}, c.bytes(1))
	if err != nil {
		return nil, err
	}
	o, err := parse(restoreFields, body)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(o.bytes(1), vault[:]) {
		return nil, errOpen
	}
	heads := []string{"shared", "private", "journal"}
	if o.num(2) == 0 || o.int(4) <= 0 || o.int(5) <= 0 || len(o.list(3)) != len(heads) {
		return nil, errFormat
	}
	for i, name := range heads {
		h := at(o.list(3), i)
		if none := len(bytes.Trim(h.bytes(3), "\x00")) == 0; h.text(1) != name || none != (h.num(2) == 0) {
			return nil, errFormat
		}
	}
	return o, nil
}
