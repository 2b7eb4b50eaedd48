package consent

import (
	"fmt"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// ClaimedAuthority returns the first key of the authority that a directory says it
// is of. Anybody can claim: it is for the authority's own machine, which compares it
// with the key that it has, and for showing.
func ClaimedAuthority(bytes []byte) (AuthorityKey, error) {
	var b bundle
	if len(bytes) > maxBundle {
		return AuthorityKey{}, fmt.Errorf("%w: a directory of %d bytes", vault.ErrTooMany, len(bytes))
	}
	if err := seal.Unmarshal(bytes, &b); err != nil {
		return AuthorityKey{}, tampered("directory")
	}
	_, clear, err := seal.ParseClear(b.Head)
	if err != nil {
		return AuthorityKey{}, tampered("directory head")
	}
	var h seal.OwnerHead
	if err := seal.Unmarshal(clear, &h); err != nil {
		return AuthorityKey{}, tampered("directory head")
	}
	key := h.Key
	if len(h.Succession) > 0 {
		key = h.Succession[0].Old
	}
	if seal.CheckPublic(key) != nil || !slices.Equal(h.Vault[:], idOf(key)) {
		return AuthorityKey{}, tampered("directory head")
	}
	return AuthorityKey(key), nil
}

func idOf(key []byte) []byte {
	id := DirectoryID(AuthorityKey(key))
	return id[:]
}
