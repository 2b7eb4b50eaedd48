package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"reconnect.example/internal/seal"
)

// LinkID names a link. It is no secret: its code is.
type LinkID [16]byte

// String returns the 26 characters of the id.
func (l LinkID) String() string { return idText.EncodeToString(l[:]) }

// IsZero reports whether the id names nothing.
func (l LinkID) IsZero() bool { return l == LinkID{} }

// MarshalText returns the 26 characters of the id.
func (l LinkID) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (l *LinkID) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLinkID(string(text))
	return err
}

// ParseLinkID reads what String wrote.
func ParseLinkID(s string) (LinkID, error) {
	id, err := ParseID(s)
	if err != nil {
		return LinkID{}, &InvalidError{Field: "link", Problem: "is not the id of a link"}
	}
	return LinkID(id), nil
}

// LinkKind says what a link is for.
type LinkKind string

// The kinds of links.
const (
	LinkDeposit LinkKind = "deposit" // to leave something in the inbox, and to see nothing
	LinkPaper   LinkKind = "paper"   // to read one paper
)

// The acts of links.
const (
	ActLinkMade    Act = "link.made"    // Detail "grant", "link" (its kind), "label"
	ActLinkEnded   Act = "link.ended"   // Detail "grant", "label", "by"
	ActLinkOpened  Act = "link.opened"  // somebody read the paper; Detail "grant"
	ActLinksListed Act = "links.listed" // with the state of the inbox
	ActInboxClosed Act = "inbox.closed"
	ActInboxOpened Act = "inbox.opened"
	ActLeftKept    Act = "inbox.kept" // what strangers left is the person's own from now on
)

// More ways in which a link ends.
const (
	EndedByPaper   EndedBy = "paper"   // the paper was changed, binned, destroyed, or made private or shared
	EndedByUse     EndedBy = "used"    // as often as it was made for
	EndedByKeys    EndedBy = "keys"    // the person has new keys
	EndedByRestore EndedBy = "restore" // a backup was put back
)

// Limits of links.
const (
	MaxLinks      = 20 // of a person, at a time
	MaxLinkLabel  = 60 // characters
	MaxLinkTimes  = 1000
	maxEndedLinks = 60 // that are kept for the person to see
	// maxEndedCounted is of how many of these it is known how often they were used: that is
	// written with every line of the journal.
	maxEndedCounted = 20
	maxLinkRecord   = 24 << 10
)

// NewLink is what a link is to be.
type NewLink struct {
	Kind  LinkKind
	Label string    // which the person knows it by, and who has the code sees, too; at most 60 characters
	Until time.Time // zero: until it is ended. To the millisecond
	Times int       // how often it can be used, at most 1000; 0: until it ends. A paper needs an Until or this
	Item  ItemID    // the document that a link to a paper shows, as it is now
}

// Link is a link as its person sees it.
type Link struct {
	ID      LinkID
	Kind    LinkKind
	Label   string
	Made    time.Time
	Until   time.Time // zero: until it is ended
	Times   int       // 0: without a number
	Used    int       // as far as is known
	Last    time.Time // when it was used last; zero: never
	Item    ItemID    // of a link to a paper
	Ended   time.Time // zero: in force. Where nobody wrote down when, the time of asking
	EndedBy EndedBy
	// Code is what is behind the # of its address and under its QR code. That of a link to
	// leave something is shown again; that of a link to a paper only by MakeLink.
	Code string
}

// MakeLink makes a link: to leave something, which shows nothing of the space, or to read one
// document. Who has the code of the second reads the paper without any other secret: so the
// person shows theirs again, and a session that was stolen shares nothing; the first kind
// takes nil. It is acknowledged only when the witness has the new owner head.
//
// A link to a paper is over as soon as the paper is changed, binned or moved, the person
// gets new keys, or a backup is put back; one to leave something goes on.
//
// Errors: InvalidError; ErrSecretAgain without a secret, ErrSignIn for a wrong one; ErrTooMany
// beyond [MaxLinks]; ErrNotFound; ErrNotAllowed to who is not the person; ErrClosing;
// ErrWitnessAway (nothing was changed), ErrUnconfirmed (it is in force).
func (v *Vault) MakeLink(ctx context.Context, n NewLink, secret *Secret) (Link, error) {
	n.Label = cleanName(n.Label)
	if err := n.check(v.service.now()); err != nil {
		return Link{}, err
	}
	if err := v.do(ctx, (*turn).asPerson); err != nil {
		return Link{}, err
	}
	if _, err := v.service.ask(ctx, v.id); err != nil {
		return Link{}, err
	}
	var p *proof
	if n.Kind == LinkPaper {
		if secret == nil {
			return Link{}, ErrSecretAgain
		}
		var err error
		if p, err = v.rootsAgain(ctx, *secret); err != nil {
			return Link{}, err
		}
	}
	code := newLinkCode()
	var out Link
	err := v.changeOwner(ctx, func(t *turn) error {
		if err := errors.Join(t.asPerson(), t.changing()); err != nil {
			return err
		}
		if p != nil {
			if err := t.proved(p); err != nil {
				return err
			}
		}
		k, err := t.makeLink(n, code)
		if err != nil {
			return err
		}
		out = t.publicLink(k, nil)
		return nil
	})
	if err != nil && !errors.Is(err, ErrUnconfirmed) {
		return Link{}, err
	}
	out.Code = code.text()
	return out, err
}

func (n *NewLink) check(now time.Time) error {
	problems := []error{checkName("label", n.Label), checkText("label", n.Label, MaxLinkLabel, false)}
	bad := func(is bool, field, problem string) {
		if is {
			problems = append(problems, &InvalidError{Field: field, Problem: problem})
		}
	}
	bad(n.Kind != LinkDeposit && n.Kind != LinkPaper, "kind", `is not "deposit" or "paper"`)
	bad(!n.Until.IsZero() && !n.Until.After(now), "until", "has passed already")
	bad(n.Times < 0 || n.Times > MaxLinkTimes, "times", fmt.Sprintf("is not from 1 to %d", MaxLinkTimes))
	bad(n.Kind == LinkPaper && n.Until.IsZero() && n.Times == 0, "until", "is missing: a link to a paper has an end, or a number of times")
	bad(n.Kind == LinkPaper && n.Item.IsZero(), "item", "is missing")
	bad(n.Kind == LinkDeposit && !n.Item.IsZero(), "item", "is of no use: nothing can be read with this link")
	return errors.Join(problems...)
}

// makeLink puts a link into the commit: record, where its code leads, digest in the owner
// head, paper, line.
func (t *turn) makeLink(n NewLink, code linkCode) (*keptLink, error) {
	if err := t.roomForLink(); err != nil {
		return nil, err
	}
	id, l := t.v.id, code.id()
	signer := seal.NewSigningKey()
	k := &keptLink{id: l, linkPaper: linkPaper{Kind: linkDeposit, Label: n.Label, Made: t.now.UnixMilli(), Until: millis(n.Until), Times: uint64(n.Times),
		Vault: t.heads.owner.Key, Restore: t.heads.owner.Restore}}
	body := linkBody{Kind: k.Kind, Label: n.Label, Until: k.Until, Times: k.Times, Vault: k.Vault, Signer: signer.Bytes(), Restore: k.Restore}
	if n.Kind == LinkPaper {
		paper, err := t.linkedPaper(n.Item)
		if err != nil {
			return nil, err
		}
		k.Kind, k.Item, k.Blobs = linkToPaper, n.Item[:], contentBlobs(paper.Parts)
		body.Kind, body.Paper = k.Kind, paper
	} else {
		k.Secret = code.secret[:]
	}
	said, err := seal.Marshal(linkCredential{Vault: k.Vault, Key: signer.Public(), Label: n.Label, Link: l})
	if err != nil {
		return nil, err
	}
	if body.Credential, err = t.signer.SignEnvelope(l.credential(id), said); err != nil {
		return nil, err
	}
	plain, err := seal.Marshal(body)
	if err != nil {
		return nil, err
	}
	record, err := code.key().Seal(l.in(id), nil, plain)
	if err != nil {
		return nil, err
	}
	if len(record) > maxLinkRecord {
		return nil, &InvalidError{Field: "item", Problem: "came in too many pieces for a link; add it again in one"}
	}
	digest := seal.Digest(record)
	k.Digest = digest[:]
	t.heads.owner.Grants, t.ownerDirty = append(t.heads.owner.Grants, k.Digest), true
	t.links = append(t.links, k)
	t.tx.PutUnique(id.link(l), record)
	t.tx.Put(linkKey(l), id[:])
	u, err := t.uses()
	if err != nil {
		return nil, err
	}
	u.Links = append(u.Links, linkUse{ID: l})
	var item *Item
	if n.Kind == LinkPaper {
		item = &Item{ID: n.Item}
	}
	t.note(ActLinkMade, item, map[string]string{detailGrant: l.String(), "link": string(n.Kind), "label": n.Label})
	return k, t.keepLink(k)
}

// linkedPaper is what a link shows: the document, and nothing of where it lies or who added it.
func (t *turn) linkedPaper(id ItemID) (*chosenItem, error) {
	r, err := t.document(id)
	if err != nil {
		return nil, err
	}
	if !r.item.Binned.IsZero() {
		return nil, &InvalidError{Field: "item", Problem: "is in the bin; take it out first"}
	}
	it := *r.item
	it.Folder, it.Origin = ItemID{}, Origin{At: it.Origin.At}
	facts, err := seal.Marshal(it.facts())
	if err != nil {
		return nil, err
	}
	return &chosenItem{Item: id, Revision: it.Revision, Facts: facts, Keys: r.keys, Parts: r.parts}, nil
}

// roomForLink refuses one link too many; what is over by itself is written down as ended,
// and the oldest of those is forgotten.
func (t *turn) roomForLink() error {
	if err := t.readLinks(); err != nil {
		return err
	}
	u, err := t.uses()
	if err != nil {
		return err
	}
	ended, on, counted := 0, 0, map[LinkID]bool{}
	for _, k := range slices.Backward(t.links) {
		by, err := t.linkOver(k, u)
		if err != nil {
			return err
		}
		if k.Ended == 0 && by != "" && ended < maxOver {
			if err := t.endLink(k, by); err != nil {
				return err
			}
		}
		if k.Ended == 0 {
			on++
		} else {
			ended++
		}
		if counted[k.id] = k.Ended == 0 || ended <= maxEndedCounted; k.Ended != 0 && ended > maxEndedLinks {
			if err := t.dropPaper(k.id); err != nil {
				return err
			}
		}
	}
	if on >= MaxLinks {
		return ErrTooMany
	}
	// How often the latest that are over were used stays, for the person to see.
	u.Links = slices.DeleteFunc(u.Links, func(x linkUse) bool { return !counted[x.ID] })
	return nil
}

// readLinks reads the papers of links, which come with those of grants.
func (t *turn) readLinks() error {
	if err := t.asPerson(); err != nil {
		return err
	}
	_, err := t.grants()
	return err
}

// linkOver says why a link that nobody has ended is over; "" if it is not.
func (t *turn) linkOver(k *keptLink, u *usesBody) (EndedBy, error) {
	n := u.of(k.id)
	switch {
	case k.Ended != 0:
		return k.EndedBy, nil
	case k.Until != 0 && t.now.UnixMilli() >= k.Until:
		return EndedByTime, nil
	case !isListed(t.heads.owner, k.Digest):
		return EndedByLoss, nil
	case k.Kind == linkToPaper && k.Restore != t.heads.owner.Restore:
		return EndedByRestore, nil
	case k.Kind == linkToPaper && !bytes.Equal(k.Vault, t.heads.owner.Key):
		return EndedByKeys, nil
	case k.Times > 0 && (n == nil || n.Used >= k.Times):
		return EndedByUse, nil
	case k.Kind != linkToPaper:
		return "", nil
	}
	rec, err := t.v.service.cfg.Store.Get(t.ctx, t.v.id.item(ItemID(k.Item)))
	if err != nil && !isNotFound(err) {
		return "", storageError(err)
	}
	clear, bad := parseRecordClear(rec.Value)
	if err != nil || bad != nil || !slices.Equal(contentBlobs(clear.Parts), k.Blobs) {
		return EndedByPaper, nil
	}
	return "", nil
}

// endLink ends a link: from this commit on it opens nothing, also in a transfer under way.
func (t *turn) endLink(k *keptLink, by EndedBy) error {
	t.unlistDigest(k.Digest)
	t.tx.Delete(t.v.id.link(k.id))
	t.tx.Delete(linkKey(k.id))
	k.Ended, k.EndedBy, k.Secret = t.now.UnixMilli(), by, nil
	t.note(ActLinkEnded, nil, map[string]string{detailGrant: k.id.String(), "label": k.Label, "by": string(by)})
	return t.keepLink(k)
}

// endLinksTo ends the links to a paper that goes into the bin.
func (t *turn) endLinksTo(item ItemID) error {
	if t.v.guest != nil || t.asPerson() != nil || len(t.heads.owner.Grants) == 0 {
		return nil
	}
	if err := t.readLinks(); err != nil {
		return err
	}
	for _, k := range t.links {
		if k.Ended == 0 && bytes.Equal(k.Item, item[:]) {
			if err := t.endLink(k, EndedByPaper); err != nil {
				return err
			}
		}
	}
	return nil
}

// EndLink ends a link, at a tap: it opens nothing from this commit on, also in a transfer
// under way. What was already read may have been kept; say so. It is done also while the
// witness is away: ErrUnconfirmed then says that the witness will be told later.
//
// Errors: ErrNotFound; ErrEnded if it is over already; ErrNotAllowed to who is not the person.
func (v *Vault) EndLink(ctx context.Context, id LinkID) error {
	return v.changeOwner(ctx, func(t *turn) error {
		if err := t.readLinks(); err != nil {
			return err
		}
		i := slices.IndexFunc(t.links, func(k *keptLink) bool { return k.id == id })
		if i < 0 {
			return ErrNotFound
		}
		if t.links[i].Ended != 0 {
			return ErrEnded
		}
		return t.endLink(t.links[i], EndedByPerson)
	})
}

// Links returns the links in force and the latest that are over, the newest first, and the
// state of the inbox. It is a line in the journal; what is over by itself is only shown so.
// ErrNotAllowed to who is not the person.
func (v *Vault) Links(ctx context.Context) (out []Link, inbox Inbox, err error) {
	err = v.do(ctx, func(t *turn) error {
		out = nil
		if err := t.readLinks(); err != nil {
			return err
		}
		u, err := t.linkUses()
		if err != nil {
			return err
		}
		for _, k := range slices.Backward(t.links) {
			by, err := t.linkOver(k, u)
			if err != nil {
				return err
			}
			l := t.publicLink(k, u)
			if l.EndedBy = by; by != "" && k.Ended == 0 {
				l.Ended, l.Code = t.now, ""
			}
			out = append(out, l)
		}
		inbox, err = t.inboxState(u)
		t.note(ActLinksListed, nil, nil)
		return err
	})
	return out, inbox, err
}

func (t *turn) publicLink(k *keptLink, u *usesBody) Link {
	l := Link{ID: k.id, Kind: LinkDeposit, Label: k.Label, Made: fromMillis(k.Made), Until: fromMillis(k.Until), Times: int(k.Times), Ended: fromMillis(k.Ended), EndedBy: k.EndedBy}
	if k.Kind == linkToPaper {
		l.Kind = LinkPaper
		copy(l.Item[:], k.Item)
	}
	if n := u.of(k.id); n != nil {
		l.Used, l.Last = int(n.Used), fromMillis(n.Last)
	}
	if len(k.Secret) == 16 && k.Ended == 0 {
		l.Code = linkCode{secret: [16]byte(k.Secret)}.text()
	}
	return l
}

// allowedByLink says whether a link was in force when something was left by it (LK6).
func (t *turn) allowedByLink(b *batch, l letter) (bool, error) {
	i := slices.IndexFunc(t.links, func(k *keptLink) bool { return k.id.String() == l.grant })
	if i < 0 {
		id, err := ParseLinkID(l.grant)
		if err != nil {
			return false, nil
		}
		_, _, found, err := t.lookup(Owner, id)
		if err == nil && found { // the store hides its paper: everything waits
			err = tampered("owner paper")
		}
		return false, err
	}
	k := t.links[i]
	switch {
	case k.Kind != linkDeposit || l.act != ActLeft || l.actor.ID != l.grant:
		return false, nil
	case k.Until != 0 && l.at.UnixMilli() >= k.Until, b.in.given[l.grant] > l.line:
		return false, nil
	}
	if ended, seen := b.in.ended[l.grant]; seen {
		return l.line < ended, nil
	}
	return k.Ended == 0 || b.in.open[l.grant] || l.at.UnixMilli() < k.Ended, nil
}
