package vault

import (
	"bytes"

	"reconnect.example/internal/seal"
)

// ReadableLink is what the code of a link opens.
type ReadableLink struct {
	Link, Signer, Credential []byte
	Body                     linkBody
}

// ReadLink opens the record of a link as whoever has its code, who knows the key of the vault.
func ReadLink(code string, id ID, vault, record []byte) (l ReadableLink, err error) {
	c, err := parseLinkCode(code)
	if err != nil {
		return l, err
	}
	link := c.id()
	l.Link = link[:]
	_, plain, err := c.key().Open(link.in(id), record)
	if err == nil {
		err = seal.Unmarshal(plain, &l.Body)
	}
	if err != nil {
		return l, err
	}
	signer, err := seal.SigningKeyFromBytes(l.Body.Signer)
	if err != nil {
		return l, err
	}
	l.Signer, l.Credential = signer.Public(), l.Body.Credential
	who, err := authors{owner: &seal.OwnerHead{Vault: id, Key: vault}}.linkOf(signature{Key: l.Signer, Credential: l.Credential})
	if err != nil {
		return l, err
	}
	if who.Actor.ID != link.String() || !who.Named(l.Body.Label) || !bytes.Equal(l.Body.Vault, vault) {
		return l, ErrUntrustedKey
	}
	return l, nil
}
