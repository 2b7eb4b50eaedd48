package main

import "bytes"

// tryCard opens a vault by access card and PIN. The key of the witness is in the
// vector: whoever has the card and no witness has nothing to hold a PIN against.
func tryCard(v *vector) ([]string, error) {
	card, err := readCard(v.text("card"))
	if err != nil {
		return nil, err
	}
	s := &safe{vector: v}
	if err := s.find(card.login); err != nil {
		return nil, err
	}
	if err := s.openOwner(); err != nil {
		return nil, err
	}
	roots, err := s.openSlot(kindCard, func(slot []byte, body object) (map[byte][]byte, error) {
		if !bytes.Equal(body.bytes(7), card.of("check", s.id, slot)) {
			return nil, refusal("sign-in")
		}
		counter := cardCounter(s.service.bytes(1), s.id, slot)
		output := evaluate(v.bytes("evaluation-key"), s.id, counter, card.input(s.id, slot, v.text("pin")))
		return s.committed(slot, body, card.opens(s.id, slot, output))
	})
	if err == nil {
		err = s.openRings(roots)
	}
	if err != nil {
		return nil, err
	}
	err = s.openRest()
	return s.shows, err
}
