package vault

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// A link is what somebody may who has its code: leave something, or read one paper. As
// stored:
//
//	link/<link>  which vault it leads to: the 16 bytes of its id
//	V/ln/<link>  sealed under HKDF(secret): CBOR of linkBody
//	V/o/<link>   an Owner paper: CBOR of linkPaper, for the person
//	V/h/u        signed by the service: CBOR of usesBody
//
// <link> is HKDF(secret, "link id"). The owner head names the digest of V/ln/<link> among
// those of grants: a link whose digest is not there is over, whatever the store brings
// back (LK3), and a record that was exchanged opens nothing (LK4).
type linkBody struct {
	Kind       uint8       `cbor:"1,keyasint"`
	Label      string      `cbor:"2,keyasint"`
	Until      int64       `cbor:"3,keyasint,omitempty"` // unix milliseconds
	Times      uint64      `cbor:"4,keyasint,omitempty"`
	Vault      []byte      `cbor:"5,keyasint"`           // key of the vault when it was made
	Signer     []byte      `cbor:"6,keyasint"`           // Ed25519 seed: signs what is done with the link
	Credential []byte      `cbor:"7,keyasint"`           // says that it may
	Paper      *chosenItem `cbor:"8,keyasint,omitempty"` // that can be read
	Restore    uint64      `cbor:"9,keyasint,omitempty"` // restore epoch
}

// linkCredential is signed by the vault: whose key signs what comes by a link.
type linkCredential struct {
	Vault []byte   `cbor:"1,keyasint"` // key that signs this
	Key   []byte   `cbor:"2,keyasint"` // of the link
	Label string   `cbor:"3,keyasint"`
	Link  [16]byte `cbor:"4,keyasint"`
}

type linkPaper struct {
	Kind    uint8    `cbor:"1,keyasint"`
	Label   string   `cbor:"2,keyasint"`
	Made    int64    `cbor:"3,keyasint"`
	Until   int64    `cbor:"4,keyasint,omitempty"`
	Times   uint64   `cbor:"5,keyasint,omitempty"`
	Item    []byte   `cbor:"6,keyasint,omitempty"`
	Ended   int64    `cbor:"7,keyasint,omitempty"`
	EndedBy EndedBy  `cbor:"8,keyasint,omitempty"`
	Digest  []byte   `cbor:"9,keyasint"`            // of V/ln/<link>
	Vault   []byte   `cbor:"10,keyasint"`           // key of the vault when it was made
	Restore uint64   `cbor:"11,keyasint,omitempty"` // restore epoch
	Secret  []byte   `cbor:"12,keyasint,omitempty"` // of a link to leave something: it is shown again
	Blobs   []string `cbor:"13,keyasint,omitempty"` // of the paper, as it was
}

const (
	linkDeposit uint8 = 1
	linkToPaper uint8 = 2
)

// usesBody says how often links were used, and how much was left by them. It is written
// with every line of the journal, whose number and digest it names: a store that brings
// back an earlier count shows another journal than there is (LK2), and the journal's own
// head has its checkpoint at the witness (C1).
type usesBody struct {
	Count uint64    `cbor:"1,keyasint"` // lines of the journal
	Last  []byte    `cbor:"2,keyasint"` // digest of the last
	Links []linkUse `cbor:"3,keyasint,omitempty"`
	Left  int64     `cbor:"4,keyasint,omitempty"` // bytes that strangers left since Kept, and that are still there
	Kept  int64     `cbor:"5,keyasint,omitempty"` // unix milliseconds: what was left before is the person's own
}

type linkUse struct {
	ID    [16]byte `cbor:"1,keyasint"`
	Used  uint64   `cbor:"2,keyasint,omitempty"`
	Last  int64    `cbor:"3,keyasint,omitempty"` // unix milliseconds
	Day   int64    `cbor:"4,keyasint,omitempty"` // of Last, since 1970
	Today uint64   `cbor:"5,keyasint,omitempty"`
}

// usesPlace is where heads.raw has V/h/u: of no compartment.
const usesPlace Compartment = 254

const linkPrefix = "link/"

func linkKey(l LinkID) string          { return linkPrefix + l.String() }
func (id ID) link(l LinkID) string     { return id.key("ln/" + l.String()) }
func (id ID) uses() string             { return id.key("h/u") }
func (id ID) usesBind() seal.Context   { return id.bind(seal.TypeLink, Owner, 0, []byte("uses"), 0) }
func (l LinkID) in(id ID) seal.Context { return id.bind(seal.TypeLink, Owner, 0, l[:], 0) }

func (l LinkID) credential(id ID) seal.Context {
	c := l.in(id)
	c.Holder = []byte("credential")
	return c
}

// linkIn is the link whose record has this key.
func (id ID) linkIn(key string) (LinkID, bool) {
	text, ok := strings.CutPrefix(key, id.key("ln/"))
	if !ok {
		return LinkID{}, false
	}
	l, err := ParseLinkID(text)
	return l, err == nil
}

// dropLead deletes where the code of a link is looked for, whose record has this key, if it
// leads to this vault and not, by a record that the store put here, to another.
func dropLead(tx *storage.Tx, id ID, key string) error {
	link, ok := id.linkIn(key)
	if !ok {
		return nil
	}
	rec, err := tx.Get(linkKey(link))
	if isNotFound(err) {
		return nil
	}
	if err == nil && bytes.Equal(rec.Value, id[:]) {
		tx.Delete(linkKey(link))
	}
	return err
}

// dropLeads deletes those of many records.
func (s *Vaults) dropLeads(ctx context.Context, id ID, keys []string) error {
	return s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		for _, key := range keys {
			if err := dropLead(tx, id, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// isLinked says whether a record is that of a link which the head names.
func isLinked(id ID, head *seal.OwnerHead, key string, record []byte) bool {
	_, ok := id.linkIn(key)
	digest := seal.Digest(record)
	return ok && isListed(head, digest[:])
}

// closedMark is the digest that the owner head names while the inbox is closed.
func closedMark(id ID) []byte {
	digest := seal.Digest(append([]byte("reconnect inbox closed 1"), id[:]...))
	return digest[:]
}

func (t *turn) inboxClosed() bool { return isListed(t.heads.owner, closedMark(t.v.id)) }

// keptLink is a link as its person has it.
type keptLink struct {
	id       LinkID
	revision uint64
	linkPaper
}

func (t *turn) foundLink(e pageEntry, p ownerPaper) error {
	k := &keptLink{id: e.id, revision: e.revision}
	if seal.Unmarshal(p.Body, &k.linkPaper) != nil {
		return tampered("owner paper")
	}
	t.links = append(t.links, k)
	return nil
}

func (t *turn) keepLink(k *keptLink) error {
	k.revision++
	return t.putPaper(k.id, k.revision, paperLink, k.linkPaper)
}

// linkDigests are those that the owner head may name for links, once the papers were read.
func (t *turn) linkDigests() [][]byte {
	out := [][]byte{closedMark(t.v.id)}
	for _, k := range t.links {
		if k.Ended == 0 {
			out = append(out, k.Digest)
		}
	}
	return out
}

// listedLinks are those that it names now.
func (t *turn) listedLinks() [][]byte {
	known := t.linkDigests()
	return slices.DeleteFunc(slices.Clone(t.heads.owner.Grants), func(d []byte) bool {
		return !slices.ContainsFunc(known, func(k []byte) bool { return bytes.Equal(k, d) })
	})
}

// linkUses reads how often links were used. What is not of this very journal counts for
// nothing: then a link that could be used so many times is over, since it has no count.
func (t *turn) linkUses() (*usesBody, error) {
	raw := t.heads.raw[usesPlace]
	if t.used != nil || raw == nil {
		return t.used, nil
	}
	t.used = &usesBody{}
	var u usesBody
	body, err := seal.OpenSigned(t.heads.owner.Service, t.v.id.usesBind(), raw)
	if err == nil && seal.Unmarshal(body, &u) == nil && u.Count == t.heads.journal.Count && bytes.Equal(u.Last, t.heads.journal.Last) {
		t.used = &u
	}
	return t.used, nil
}

// keepUses writes it with the journal's head, if there are any.
func (t *turn) keepUses(u *usesBody) error {
	if u == nil {
		return nil
	}
	u.Count, u.Last = t.heads.journal.Count, t.heads.journal.Last
	body, err := seal.Marshal(u)
	if err != nil {
		return err
	}
	record, err := t.v.service.keys.signer.SignEnvelope(t.v.id.usesBind(), body)
	if err != nil {
		return err
	}
	t.heads.raw[usesPlace] = record
	t.tx.PutUnique(t.v.id.uses(), record)
	return nil
}

// uses is linkUses for who changes it.
func (t *turn) uses() (*usesBody, error) {
	u, err := t.linkUses()
	if u == nil && err == nil {
		t.used = &usesBody{}
		u = t.used
	}
	return u, err
}

func (u *usesBody) of(l LinkID) *linkUse {
	if u == nil {
		return nil
	}
	i := slices.IndexFunc(u.Links, func(x linkUse) bool { return x.ID == l })
	if i < 0 {
		return nil
	}
	return &u.Links[i]
}

// useLink counts one use. ErrEnded if there were as many as the link was made for, or
// nobody knows how many there were.
func (t *turn) useLink(l *openLink) (*linkUse, error) {
	u, err := t.uses()
	if err != nil {
		return nil, err
	}
	n := u.of(l.id)
	if n == nil {
		if l.Times > 0 {
			return nil, ErrEnded
		}
		u.Links = append(u.Links, linkUse{ID: l.id})
		n = &u.Links[len(u.Links)-1]
	}
	if l.Times > 0 && n.Used >= l.Times {
		return nil, ErrEnded
	}
	if day := t.now.UnixMilli() / (24 * time.Hour).Milliseconds(); n.Day != day {
		n.Day, n.Today = day, 0
	}
	n.Used, n.Today, n.Last = n.Used+1, n.Today+1, t.now.UnixMilli()
	return n, nil
}

// isLinkCredential tells the credential of a link from that of somebody of a directory.
func isLinkCredential(credential []byte) bool {
	kind, _, err := seal.ParseClear(credential)
	return err == nil && kind == seal.TypeLink
}

// linkOf says which link signed something, by the word of the vault.
func (a authors) linkOf(s signature) (*Signer, error) {
	var said linkCredential
	_, raw, err := seal.ParseClear(s.Credential)
	if err != nil || seal.Unmarshal(raw, &said) != nil || !a.owner.Trusts(said.Vault) || !bytes.Equal(said.Key, s.Key) {
		return nil, ErrUntrustedKey
	}
	l := LinkID(said.Link)
	if _, err := seal.OpenSigned(said.Vault, l.credential(a.owner.Vault), s.Credential); err != nil {
		return nil, ErrUntrustedKey
	}
	return &Signer{
		Actor: Actor{Kind: ActorLink, ID: l.String()}, Key: said.Key,
		Named: func(name string) bool { return name == said.Label },
	}, nil
}

// admit says whether a link is in force, for who has its code, by the head that this very
// commit is checked against.
func (l *openLink) admit(tx *storage.Tx, id ID, owner *seal.OwnerHead) error {
	rec, err := tx.Get(id.link(l.id))
	if isNotFound(err) {
		return ErrEnded
	}
	if err != nil {
		return err
	}
	digest := seal.Digest(rec.Value)
	if !bytes.Equal(digest[:], l.digest) || owner.Closing != 0 {
		return ErrEnded
	}
	if l.Kind != linkToPaper {
		return nil
	}
	// After a restore nobody knows any more how often it was opened; and who had the
	// secret before new keys were made may have made it.
	if owner.Restore != l.Restore || !bytes.Equal(owner.Key, l.Vault) {
		return ErrEnded
	}
	item, err := tx.Get(id.item(l.Paper.Item))
	if isNotFound(err) {
		return ErrEnded
	}
	if err != nil {
		return err
	}
	clear, err := parseRecordClear(item.Value)
	if err != nil || !slices.Equal(contentBlobs(clear.Parts), contentBlobs(l.Paper.Parts)) {
		return ErrEnded // it is another paper by now
	}
	return nil
}

func contentBlobs(parts []part) (out []string) {
	for _, p := range parts {
		if p.Role == roleContent {
			out = append(out, p.Blob)
		}
	}
	return out
}
