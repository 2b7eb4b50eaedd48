package consent

import "fmt"

// MakePartnerFile draws keys and makes the file at path, with mode 0600 and durable on
// return: the 32 bytes of the signing key (RFC 8032) and the 32 of the X-Wing key. A file
// that is there is never replaced (fs.ErrExist): with it, what was presented before could
// not be opened any more. It is for the machine of the partner, not for a server.
func MakePartnerFile(path string) (PartnerKeys, error) {
	k, err := NewPartnerKeys()
	if err != nil {
		return PartnerKeys{}, err
	}
	signer, boxes := k.Seeds()
	if err := makeSecretFile(path, append(signer, boxes[0]...)); err != nil {
		return PartnerKeys{}, fmt.Errorf("the key file of the partner cannot be made: %w", err)
	}
	return k, nil
}

// OpenPartnerFile reads what MakePartnerFile made; X-Wing keys of before may be written
// behind it, the newest first, at most 20. A file that others can read, or that is none, is
// vault.ErrInvalid.
func OpenPartnerFile(path string) (PartnerKeys, error) {
	raw, err := readSecretFile(path, "partner keys", 21*seedSize)
	if err != nil {
		return PartnerKeys{}, err
	}
	if len(raw) < 2*seedSize || len(raw) > 21*seedSize || len(raw)%seedSize != 0 {
		return PartnerKeys{}, invalid("partner keys", "are not the file of 64 bytes that refserver admin partner keys made")
	}
	var boxes [][]byte
	for at := seedSize; at < len(raw); at += seedSize {
		boxes = append(boxes, raw[at:at+seedSize])
	}
	return PartnerKeysFromSeeds(raw[:seedSize], boxes...)
}
