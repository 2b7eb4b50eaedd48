package main

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
)

const typeLink = 48

var (
	linkFields = fields(map[uint64]any{1: u8, 2: text, 3: optional{i64}, 4: optional{u64}, 5: raw, 6: raw, 7: raw, 8: optional{chosenFields}, 9: optional{u64}})

	linkCredential = fields(map[uint64]any{1: raw, 2: raw, 3: text, 4: id()})
)

// readLink is the secret in the code of a link.
func readLink(code string) ([]byte, error) {
	b, err := crockford.DecodeString(strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code)))
	if err != nil || len(b) != 20 || !bytes.Equal(digest(append([]byte("reconnect link 1"), b[:16]...))[:4], b[16:]) {
		return nil, errInvalid
	}
	return b[:16], nil
}

// tryLink opens a link as whoever has its code.
func tryLink(v *vector) ([]string, error) {
	secret, err := readLink(v.text("code"))
	if err != nil {
		return nil, err
	}
	link, vault := derive(secret, "link id", nil)[:16], [16]byte(v.bytes("vault"))
	at := place{typ: typeLink, vault: vault, compartment: owner, object: link}
	_, plain, err := openSealed(derive(secret, "link key", nil), at, v.bytes("envelope"))
	if err != nil {
		return nil, err
	}
	l, err := parse(linkFields, plain)
	if err != nil {
		return nil, err
	}
	signer := ed25519.NewKeyFromSeed(l.bytes(6)).Public().(ed25519.PublicKey)
	at.holder = []byte("credential")
	signed, err := openSigned(v.bytes("key"), at, l.bytes(7))
	if err != nil {
		return nil, err
	}
	c, err := parse(linkCredential, signed)
	if err != nil || !bytes.Equal(c.bytes(1), v.bytes("key")) || !bytes.Equal(c.bytes(2), signer) || c.text(3) != l.text(2) || !bytes.Equal(c.bytes(4), link) {
		return nil, errOpen
	}
	item := []byte{}
	if paper := l.object(8); paper != nil {
		item = paper.bytes(1)
	}
	for name, got := range map[string][]byte{"link": link, "signer": signer, "item": item} {
		if err := v.same(name, got); err != nil {
			return nil, err
		}
	}
	for name, got := range map[string]string{"label": l.text(2), "of": fmt.Sprint(l.num(1)), "until": fmt.Sprint(l.int(3)), "times": fmt.Sprint(l.num(4))} {
		if got != v.text(name) {
			return nil, fmt.Errorf("another %s", name)
		}
	}
	return nil, nil
}
