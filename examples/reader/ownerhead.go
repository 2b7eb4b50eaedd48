package main

import "bytes"

// ownerHead is what the signed head of a vault says.
type ownerHead struct {
	kind                   uint64 // whose space it is
	restore, stop          uint64
	locked                 []any // of Private, before a recovery that did not open it
	rules                  []byte
	policy                 uint64
	version, epoch         uint64
	erased, closing        int64
	grants                 []any // digests of the terms in force
	key, service, wrapping []byte
	old                    [][]byte        // keys that handed over to key
	compartments           map[byte]object // {2: generation, 3: inbox, 4: digest of the keyring}
	pages                  []any
	slots                  []object
}

var headFields = fields(map[uint64]any{
	1: id(), 2: u64, 3: u64, 4: optional{u8}, 5: raw,
	6:  optional{list(fields(map[uint64]any{1: raw, 2: raw, 3: raw}))},
	7:  optional{raw},
	8:  optional{list(fields(map[uint64]any{1: u8, 2: u64, 3: raw, 4: raw}))},
	9:  optional{list(raw)},
	10: optional{list(fields(map[uint64]any{1: id(), 2: u8, 3: u8, 4: raw}))},
	11: optional{raw}, 12: optional{list(raw)}, 13: optional{u64}, 14: optional{u64}, 15: optional{i64}, 16: optional{i64},
	17: optional{u8}, 18: optional{u64},
	19: optional{list(fields(map[uint64]any{1: u64, 2: u64, 3: raw, 4: raw, 5: u64}))}, 20: optional{raw}, 21: optional{u64},
})

// Kinds of spaces.
const kindPerson, kindWorker, kindRelay, kindDirectory = 0, 1, 2, 3

// openOwnerHead verifies an owner head by the key that it names itself. Whether
// that is the right key, who opens the vault finds out.
func openOwnerHead(vault [16]byte, record []byte) (*ownerHead, error) {
	p := place{typ: typeOwnerHead, vault: vault, compartment: owner}
	clear, _, err := frame(p, algEd25519, record)
	if err != nil {
		return nil, err
	}
	o, err := parse(headFields, clear)
	if err != nil {
		return nil, err
	}
	if _, err := openSigned(o.bytes(5), p, record); err != nil {
		return nil, err
	}
	if !bytes.Equal(o.bytes(1), vault[:]) {
		return nil, errOpen
	}
	h := &ownerHead{
		restore: o.num(2), version: o.num(3), epoch: o.num(14), key: o.bytes(5), service: o.bytes(7), wrapping: o.bytes(11),
		pages: o.list(9), grants: o.list(12), kind: o.num(17), stop: o.num(21), locked: o.list(19), rules: o.bytes(20), policy: o.num(13), erased: o.int(15), closing: o.int(16), compartments: map[byte]object{},
	}
	if err := h.check(o); err != nil {
		return nil, err
	}
	return h, h.follow(vault, o.list(6))
}

func (h *ownerHead) check(o object) error {
	if o.int(15) != 0 { // a tombstone has nothing else
		for key := range o {
			if o.int(15) < 0 || key == 4 || key > 6 && key != 15 {
				return errFormat
			}
		}
		return nil
	}
	if o.num(4) != version || o.int(16) < 0 || h.kind > kindDirectory {
		return errFormat
	}
	if h.kind == kindDirectory {
		return h.checkDirectory(o)
	}
	if !goodPublic(h.service) {
		return errFormat
	}
	digests := append(append([]any{h.wrapping}, h.pages...), h.grants...)
	for i := range o.list(10) {
		slot := at(o.list(10), i)
		h.slots, digests = append(h.slots, slot), append(digests, slot.bytes(4))
	}
	for i := range o.list(8) {
		c := at(o.list(8), i)
		if c.num(1) < owner || c.num(1) > private || len(c.bytes(3)) != 1216 {
			return errFormat
		}
		h.compartments[byte(c.num(1))], digests = c, append(digests, c.bytes(4))
	}
	return checkDigests(digests)
}

// checkDirectory: the head of a directory has keys and pages, and nothing that only
// a vault has.
func (h *ownerHead) checkDirectory(o object) error {
	for key := range o {
		if key > 6 && key != 9 && key != 17 {
			return errFormat
		}
	}
	return checkDigests(h.pages)
}

func checkDigests(digests []any) error {
	for _, d := range digests {
		if len(d.([]byte)) != 32 {
			return errFormat
		}
	}
	return nil
}

// follow verifies that each key was named by the one before it, up to the present one.
func (h *ownerHead) follow(vault [16]byte, links []any) error {
	for i := range links {
		link, next := at(links, i), h.key
		if i+1 < len(links) {
			next = at(links, i+1).bytes(1)
		}
		message := append(field(nil, link.bytes(1)), link.bytes(2)...)
		p := place{typ: typeSuccession, vault: vault, compartment: owner}
		if !bytes.Equal(link.bytes(2), next) || h.trusts(link.bytes(1)) {
			return errOpen
		}
		if err := verifyDetached(link.bytes(1), p, message, link.bytes(3)); err != nil {
			return err
		}
		h.old = append(h.old, link.bytes(1))
	}
	return nil
}

// trusts says whether key is the vault's, or was.
func (h *ownerHead) trusts(key []byte) bool {
	for _, k := range append([][]byte{h.key}, h.old...) {
		if bytes.Equal(k, key) {
			return true
		}
	}
	return false
}
