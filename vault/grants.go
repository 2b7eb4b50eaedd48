package vault

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"reconnect.example/internal/seal"
)

// Grant is what a person allowed to somebody, also when it has ended.
type Grant struct {
	ID      GrantID
	Holder  ID
	Scope   Scope
	Given   time.Time
	Until   time.Time // zero: until it is withdrawn
	Ended   time.Time // zero: in force
	EndedBy EndedBy
	Visit   bool
	Items   []ItemID
	Facts   []byte
	Terms   []byte // as the vault signed them
	// Parts are the names of the blobs of each of Items, where this was given to a partner
	// just now; they are not kept.
	Parts [][]string
}

// EndedBy says how a grant ended.
type EndedBy string

// How a grant ended.
const (
	EndedByPerson    EndedBy = "person"    // withdrawn
	EndedByTime      EndedBy = "time"      // its time was over
	EndedByHolder    EndedBy = "holder"    // given up by whom it was for
	EndedByDirectory EndedBy = "directory" // whom it was for is not in the directory any more
	EndedByKey       EndedBy = "key"       // the directory named a key that does not follow the first one (D2)
	EndedBySession   EndedBy = "session"   // a visit: the person signed out, or changed keys
	EndedByLoss      EndedBy = "loss"      // the store lost or altered the paper that said whose it was
)

// Limits of what is allowed at a time (G10). What has ended is kept as far as it
// fits into what a witness keeps of a vault (MaxSideBytes there), with all the rest.
const (
	maxGrants     = 16 // of a person: new keys for all fit one commit
	maxMembers    = 40 // workers of a relay
	maxEnded      = 200
	maxEndedFacts = 1 << 20 // bytes of facts of them all
	maxFacts      = 16 << 10
	maxOver       = 8 // grants whose time is over that one commit ends
)

// grantPaper is a grant as Owner keeps it; the paper's id is the grant's.
type grantPaper struct {
	Holder  [16]byte   `cbor:"1,keyasint"`
	Pinned  []byte     `cbor:"2,keyasint"` // the holder's signing key at the first contact
	Terms   []byte     `cbor:"3,keyasint"` // signed, the latest
	Ended   int64      `cbor:"4,keyasint,omitempty"`
	EndedBy EndedBy    `cbor:"5,keyasint,omitempty"`
	Visit   bool       `cbor:"6,keyasint,omitempty"`
	Session []byte     `cbor:"7,keyasint,omitempty"` // that a visit ends with
	Items   [][16]byte `cbor:"8,keyasint,omitempty"`
	Facts   []byte     `cbor:"9,keyasint,omitempty"`
	Scope   Scope      `cbor:"10,keyasint"`
	Given   int64      `cbor:"11,keyasint"`
	Until   int64      `cbor:"12,keyasint,omitempty"`
	Held    uint64     `cbor:"13,keyasint,omitempty"` // the latest generation of Shared that went with it
	Both    bool       `cbor:"14,keyasint,omitempty"` // and the one before, until everything is sealed anew
	Subject []byte     `cbor:"15,keyasint,omitempty"`
	Note    string     `cbor:"16,keyasint,omitempty"` // key of a record of the holder's that goes with the grant

	Organisation []byte `cbor:"17,keyasint,omitempty"` // of the holder, as the directory had it; nil: nobody says
	Halves       bool   `cbor:"18,keyasint,omitempty"` // halves of paths back in went with it
	Under        []byte `cbor:"19,keyasint,omitempty"` // then: digest of the holder's inbox key to which they did
}

type keptGrant struct {
	id       GrantID
	revision uint64
	parts    [][]string // of what is given to a partner, by item
	grantPaper
}

func (k *keptGrant) public() Grant {
	g := Grant{ID: k.id, Holder: k.Holder, Scope: k.Scope, Given: fromMillis(k.Given), Until: fromMillis(k.Until), Ended: fromMillis(k.Ended), EndedBy: k.EndedBy, Visit: k.Visit, Facts: k.Facts, Terms: k.Terms, Parts: k.parts}
	for _, i := range k.Items {
		g.Items = append(g.Items, i)
	}
	return g
}

// inForce says whether a grant opens anything at a time, as far as its person knows.
func (k *keptGrant) inForce(now time.Time) bool {
	return k.Ended == 0 && (k.Until == 0 || now.Before(time.UnixMilli(k.Until)))
}

// grants are the papers of all grants, the latest last. They are read once in a
// turn: what it changes, it changes in them, because a paper that it has written
// cannot be read before the commit.
func (t *turn) grants() ([]*keptGrant, error) {
	if t.given != nil {
		return t.given, nil
	}
	if err := t.asOwner(); err != nil {
		return nil, err
	}
	if err := t.scanPapers(); err != nil {
		return nil, err
	}
	out := []*keptGrant{}
	t.links = nil
	for n := range t.heads.indexes[Owner].Pages {
		page, err := t.page(Owner, n)
		if errors.Is(err, ErrTampered) { // it must not keep anybody from signing out or changing keys
			t.papersLost, t.pagesLost = true, true
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range page.entries {
			p, err := t.openPaper(e)
			if errors.Is(err, ErrTampered) {
				t.papersLost = true // of whatever kind; see orphans
				continue
			}
			if err != nil {
				return nil, err
			}
			if p.Kind == paperLink {
				if err := t.foundLink(e, p); err != nil {
					return nil, err
				}
			}
			if p.Kind != paperGrant {
				continue
			}
			k := &keptGrant{id: e.id, revision: e.revision}
			if seal.Unmarshal(p.Body, &k.grantPaper) != nil {
				return nil, tampered("owner paper")
			}
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b *keptGrant) int { return cmp.Compare(a.Given, b.Given) })
	slices.SortFunc(t.links, func(a, b *keptLink) int { return cmp.Compare(a.Made, b.Made) })
	t.given = out
	return out, nil
}

func (t *turn) keepGrant(k *keptGrant) error {
	k.revision++
	return t.putPaper(k.id, k.revision, paperGrant, k.grantPaper)
}

// Grants returns everything that was ever allowed to anybody, the latest last, as
// far as it is kept: all that is in force and the last 200 that ended. It is a line
// in the journal. What its holder has given up it ends, as the next sign-in would.
// If the store hides who may see something, the rest is returned together with
// ErrTampered; the next sign-in takes it back from them.
func (v *Vault) Grants(ctx context.Context) (out []Grant, err error) {
	for range tendRounds {
		givenUp := false
		if out, givenUp, err = v.grantsNow(ctx); err != nil || !givenUp {
			return out, err
		}
		if err := v.changeOwner(ctx, (*turn).endGivenUp); err != nil && !errors.Is(err, ErrUnconfirmed) {
			return nil, err
		}
	}
	return nil, tampered("a grant, which comes and goes")
}

// grantsNow lists the grants, unless one was given up that is to be ended first.
func (v *Vault) grantsNow(ctx context.Context) (out []Grant, givenUp bool, err error) {
	hidden := false
	err = v.do(ctx, func(t *turn) error {
		out = nil
		all, err := t.grants()
		if err != nil {
			return err
		}
		if givenUp, err = t.givenUp(all); err != nil || givenUp {
			return err
		}
		for _, k := range all {
			out = append(out, k.public())
		}
		hidden = len(t.orphans(all)) > 0
		t.note(ActGrantsListed, nil, nil)
		return nil
	})
	if err == nil && hidden {
		err = tampered("the paper of a grant")
	}
	return out, givenUp, err
}

// givenUp says whether a grant was given up by whom it was for, and not yet ended.
func (t *turn) givenUp(all []*keptGrant) (bool, error) {
	for _, k := range all {
		if is, err := t.isGivenUp(k); err != nil || is {
			return is, err
		}
	}
	return false, nil
}

func (t *turn) isGivenUp(k *keptGrant) (bool, error) {
	if k.Ended != 0 || t.pagesLost || t.heads.owner.Kind != seal.KindPerson {
		return false, nil
	}
	by, err := t.over(k, nil)
	return by == EndedByHolder, err
}

// endGivenUp ends what was given up. It leaves the owner head, and is not only shown
// as over: a store that hides the record of a grant for a moment could otherwise have
// the person believe that nobody follows, and show the record to the holder again (C4).
func (t *turn) endGivenUp() error {
	all, err := t.grants()
	if err != nil {
		return err
	}
	for ended, i := 0, 0; i < len(all) && ended < maxOver; i++ {
		is, err := t.isGivenUp(all[i])
		if err != nil {
			return err
		}
		if is {
			ended++
			if err := t.end(all[i], EndedByHolder); err != nil {
				return err
			}
		}
	}
	return nil
}

// errOtherKeys: somebody has other keys than the directory said a moment ago.
var errOtherKeys = fmt.Errorf("%w: the keys of whom it is for", ErrRevision)

func (t *turn) unlist(k *keptGrant) {
	digest := seal.Digest(k.Terms)
	t.unlistDigest(digest[:])
}

func (t *turn) unlistDigest(digest []byte) {
	t.heads.owner.Grants = slices.DeleteFunc(slices.Clone(t.heads.owner.Grants), func(d []byte) bool { return slices.Equal(d, digest) })
	t.ownerDirty = true
}

func isListed(owner *seal.OwnerHead, digest []byte) bool {
	return slices.ContainsFunc(owner.Grants, func(d []byte) bool { return slices.Equal(d, digest) })
}

// end ends a grant: its terms leave the owner head, its record goes.
func (t *turn) end(k *keptGrant, by EndedBy) error {
	t.unlist(k)
	t.tx.Delete(t.v.id.grant(k.id))
	if k.Note != "" {
		t.tx.Delete(k.Note) // nothing of a visit is left with whom it was for
	}
	if k.Until != 0 {
		t.tx.Delete(t.v.id.grantDue(k))
	}
	if !k.Visit && (k.Held == t.rings[Shared].current().number || k.Halves) {
		t.owe() // also the halves of paths back in, which are made anew with the keys (N4)
	}
	k.Ended, k.EndedBy = t.now.UnixMilli(), by
	if err := t.endTold(ID(k.Holder)); err != nil {
		return err
	}
	t.note(ActGrantEnded, nil, map[string]string{"grant": k.id.String(), "holder": ID(k.Holder).String(), "by": string(by)})
	return t.keepGrant(k)
}

func (t *turn) grantInForce(id GrantID) (*keptGrant, error) {
	all, err := t.grants()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(k *keptGrant) bool { return k.id == id })
	if i < 0 {
		return nil, ErrNotFound
	}
	if all[i].Ended != 0 {
		return nil, ErrEnded
	}
	return all[i], nil
}

// End ends a grant, at a tap: who has it open is refused from this commit on, also
// in a download under way. What was already seen may have been kept; say so.
//
// So that a former holder with a copy of the store cannot read what comes, Shared
// gets new keys. That takes the secret: with one it is done now; without (nil) it
// is owed, and paid at the person's next sign-in. A visit asks for no new keys.
// As it only closes something, it is done also while the witness is away:
// ErrUnconfirmed then says that the witness will be told later (N10).
//
// Errors: ErrNotFound, ErrEnded if it has ended already, ErrSignIn for a wrong
// secret (nothing was changed), ErrUnconfirmed (it has ended; the witness will be
// told, or new keys be made, at the next sign-in).
func (v *Vault) End(ctx context.Context, id GrantID, secret *Secret) error {
	var p *proof
	if secret != nil {
		var err error
		if p, err = v.rootsAgain(ctx, *secret); err != nil {
			return err
		}
	}
	err := v.changeOwner(ctx, func(t *turn) error {
		k, err := t.grantInForce(id)
		if err != nil {
			return err
		}
		return t.end(k, EndedByPerson)
	})
	if err != nil && !errors.Is(err, ErrUnconfirmed) || p == nil {
		return err
	}
	if v.payGrants(ctx, p) != nil {
		return ErrUnconfirmed
	}
	return err
}

// endVisits ends the visits of the sessions that end. Of many the papers follow
// later: they are refused all the same.
func (t *turn) endVisits(ends func(session []byte) bool) error {
	all, err := t.grants()
	if err != nil {
		return err
	}
	// Of a visit whose paper the store hides nobody knows the session: it ends, too,
	// with whatever else is hidden, which the next sign-in would end.
	t.dropOrphans(all)
	ended := 0
	for _, k := range all {
		if k.Visit && k.Ended == 0 && len(k.Session) > 0 && ends(k.Session) && t.listed(k) {
			if ended++; ended > maxOver || t.pagesLost {
				t.unlist(k)
				continue
			}
			if err := t.end(k, EndedBySession); err != nil {
				return err
			}
		}
	}
	return nil
}
