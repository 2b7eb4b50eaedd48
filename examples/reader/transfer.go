package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
)

const typeTransfer = 52

var (
	arrivalFields = fields(map[uint64]any{1: i64, 2: optional{i64}, 3: optional{raw}, 4: optional{raw},
		5: optional{list(fields(map[uint64]any{1: text, 2: i64}))}, 6: optional{raw}, 7: optional{raw}})

	transferBox = fields(map[uint64]any{1: key32(), 2: raw, 3: i64, 4: key32(), 5: text})

	transferReceipt = fields(map[uint64]any{1: text, 2: text, 3: i64, 4: key32(), 5: i64, 6: i64})
)

// readMove takes the code of a move apart: the address, and what stands behind it.
func readMove(code string) (where string, raw []byte, err error) {
	where, rest, _ := strings.Cut(code, "#")
	raw, err = crockford.DecodeString(strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(rest)))
	if err != nil || len(raw) != 52 || !bytes.Equal(digest(append([]byte("reconnect transfer code 1"+where), raw[:48]...))[:4], raw[48:]) {
		return "", nil, errInvalid
	}
	return where, raw[:48], nil
}

func ofMove(key []byte, what string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("reconnect transfer 1 " + what))
	return h.Sum(nil)
}

// tryTransfer opens what is there of a move as who has its code and the inbox of Private,
// and verifies the receipt.
func tryTransfer(v *vector) ([]string, error) {
	where, raw, err := readMove(v.text("code"))
	if err != nil {
		return nil, err
	}
	token := ofMove(raw[16:32], "token")
	at := place{typ: typeTransfer, vault: [16]byte(raw), object: ofMove(token, "id")[:16]}
	_, plain, err := openSealed(ofMove(token, "record"), at, v.bytes("envelope"))
	if err != nil {
		return nil, err
	}
	arrival, err := parse(arrivalFields, plain)
	if err != nil {
		return nil, err
	}
	at.revision = 1
	if _, plain, err = openBox(v.bytes("inbox"), at, arrival.bytes(4)); err != nil {
		return nil, err
	}
	box, err := parse(transferBox, plain)
	if err != nil || !bytes.Equal(box.bytes(1), ofMove(raw[16:32], "sender")) {
		return nil, errOpen
	}
	at.revision = 3
	signed, err := openSigned(v.bytes("key"), at, arrival.bytes(7))
	if err != nil {
		return nil, err
	}
	r, err := parse(transferReceipt, signed)
	if err != nil || r.text(2) != where || !bytes.Equal(r.bytes(4), box.bytes(4)) {
		return nil, errOpen
	}
	if err := v.same("digest", r.bytes(4)); err != nil {
		return nil, err
	}
	for name, got := range map[string]string{"from": r.text(1), "to": r.text(2), "items": fmt.Sprint(r.int(5))} {
		if got != v.text(name) {
			return nil, fmt.Errorf("another %s", name)
		}
	}
	return nil, nil
}
