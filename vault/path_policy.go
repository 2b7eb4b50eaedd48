package vault

import (
	"bytes"
	"errors"
	"slices"

	"reconnect.example/internal/seal"
)

// What the witness must know of the paths in which it takes part lies in V/policy,
// signed by the vault's key, numbered by the owner head, and closed to the witness: it
// names who helps, and the store is not to learn who follows whom (N20). It goes to the
// witness with the owner side, so that no call of its own can get lost: from the moment
// when a head is raised, its rules hold. The owner head names its digest, so that the
// witness takes no head without the policy that belongs to it, nor an older one (C5).
func (id ID) policy() string { return id.key("policy") }

// policyPaper is what the vault itself knows of the policy that it closed.
type policyPaper struct {
	Signed     [32]byte `cbor:"1,keyasint"` // digest of what was signed
	Generation uint64   `cbor:"2,keyasint"` // of the witness's key
	Public     []byte   `cbor:"3,keyasint"` // that key
}

var policyPaperID = [16]byte{15: paperPolicy}

// renewPolicy brings the signed policy to where the paths and grants of this turn are,
// in the commit that changes them. A witness that does not know the present head may
// be one that has lost its keys: it is given the policy anew.
func (t *turn) renewPolicy() error {
	ix, reached := t.heads.indexes[Owner]
	owner := t.heads.owner
	if !reached || owner.Erased != 0 || owner.Kind != seal.KindPerson {
		return nil
	}
	changing := t.ownerDirty || ix.dirty
	if !changing && (!t.ownerAhead || owner.Rules == nil) {
		return nil
	}
	rules, err := t.policyRules()
	if err != nil {
		return err
	}
	if len(rules) > 0 {
		return t.closePolicy(rules, changing)
	}
	if changing && owner.Rules != nil {
		// The paper stays: it names nobody, and fits no later number.
		owner.Policy++
		owner.Rules = nil
		t.tx.Delete(t.v.id.policy())
	}
	return nil
}

// closePolicy closes these rules to the witness, unless the policy that is there says
// the same to its present key. needed: the turn is not to pass without.
func (t *turn) closePolicy(rules []seal.PolicyRule, needed bool) error {
	kept, err := t.policyPaper()
	if err != nil {
		return err
	}
	inbox := t.v.service.policyInbox(t.ctx)
	switch {
	case inbox != nil:
	case kept.Public != nil: // who helps no more must not stay because the witness is away
		inbox = &seal.PolicyInbox{Generation: kept.Generation, Public: kept.Public}
	case needed:
		return ErrWitnessAway
	default:
		return nil
	}
	owner := t.heads.owner
	same, err := t.samePolicy(kept, rules, inbox)
	if err != nil || same {
		return err
	}
	owner.Policy++
	t.ownerDirty = true
	signed, err := t.signer.SignPolicy(t.v.id, &seal.Policy{Number: owner.Policy, Rules: rules})
	if err != nil {
		return err
	}
	record, err := inbox.SealPolicy(t.v.id, signed)
	if err != nil {
		return err
	}
	digest := seal.Digest(record)
	owner.Rules = digest[:]
	t.tx.PutUnique(t.v.id.policy(), record)
	if t.pagesLost {
		return nil // and closed anew by the next turn
	}
	return t.putFixedPaper(policyPaperID, paperPolicy, policyPaper{Signed: seal.Digest(signed), Generation: inbox.Generation, Public: inbox.Public})
}

// policyPaper reads what is known of the policy; nothing, where the paper was altered.
func (t *turn) policyPaper() (kept policyPaper, err error) {
	p, found, err := t.fixedPaper(policyPaperID, paperPolicy)
	if errors.Is(err, ErrTampered) {
		return kept, nil
	}
	if err != nil || !found {
		return kept, err
	}
	if seal.Unmarshal(p.Body, &kept) != nil {
		return policyPaper{}, nil
	}
	return kept, nil
}

// samePolicy says whether the policy that the owner head names has these rules, signed
// by the present key and closed to this one of the witness.
func (t *turn) samePolicy(kept policyPaper, rules []seal.PolicyRule, inbox *seal.PolicyInbox) (bool, error) {
	if kept.Generation != inbox.Generation || !bytes.Equal(kept.Public, inbox.Public) {
		return false, nil
	}
	rec, err := t.tx.Get(t.v.id.policy())
	if err != nil && !isNotFound(err) {
		return false, err
	}
	if digest := seal.Digest(rec.Value); !bytes.Equal(digest[:], t.heads.owner.Rules) {
		return false, nil
	}
	signed, err := t.signer.SignPolicy(t.v.id, &seal.Policy{Number: t.heads.owner.Policy, Rules: rules})
	return err == nil && seal.Digest(signed) == kept.Signed, err
}

func (t *turn) policyRules() (rules []seal.PolicyRule, err error) {
	all, err := t.paths()
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if !k.inForce() || !k.Kind.Witness() {
			continue
		}
		r := seal.PolicyRule{Path: k.Path}
		for class := range k.counters() {
			r.Counters = append(r.Counters, seal.PolicyCounter{Counter: t.v.service.pathCounter(t.v.id, k.Path, class), Wait: k.wait(class).Milliseconds()})
		}
		if r.Parties, err = t.parties(k); err != nil {
			return nil, err
		}
		if k.Kind == PathHelpers {
			r.Approvals = approvals
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// approvals is how many people of each side approve where nobody brings anything of
// the person's.
const approvals = 2

// counters is how many counters of the witness a path has: answers are evaluated
// once, whatever they open; what is waited for is one value for each key.
func (b *pathBody) counters() int {
	if b.Kind == PathHelpers && b.Private != nil {
		return 2
	}
	return 1
}

// pathCounter names a counter of a path at the witness.
func (s *Vaults) pathCounter(id ID, path PathID, class int) [32]byte {
	return seal.RequestCounter(s.keys.hash("recovery path", string(id[:])+string(path[:])+string([]byte{byte(class)})))
}

// parties are those who help in a path: they hold a half of it.
func (t *turn) parties(k *keptPath) (out []seal.PolicyParty, err error) {
	all, err := t.grants()
	if err != nil {
		return nil, err
	}
	for _, g := range all {
		if !g.inForce(t.now) || !t.helps(g, k) {
			continue
		}
		out = append(out, seal.PolicyParty{Space: g.Holder, Organisation: g.organisation(), Key: g.Pinned, Desk: g.Scope == ScopeHelp})
	}
	slices.SortFunc(out, func(a, b seal.PolicyParty) int { return bytes.Compare(a.Space[:], b.Space[:]) })
	return out, nil
}

// helpersOf are those who help in a path, as the directory has them now.
func (t *turn) helpersOf(path PathID, holders map[ID]holderNow) (map[ID]HolderKeys, error) {
	all, err := t.paths()
	if err != nil {
		return nil, err
	}
	out := map[ID]HolderKeys{}
	for _, k := range all {
		if PathID(k.Path) != path {
			continue
		}
		parties, err := t.parties(k)
		if err != nil {
			return nil, err
		}
		for _, p := range parties {
			if now := holders[p.Space]; now.ended == "" && !now.damaged && now.keys.Key != nil {
				out[p.Space] = now.keys
			}
		}
	}
	return out, nil
}

// helps says whether whom a grant is for holds a half of a path.
func (t *turn) helps(g *keptGrant, k *keptPath) bool {
	if g.Visit || g.Scope == ScopeTeam || g.Scope == ScopePartner {
		return false
	}
	if g.Scope == ScopeHelp {
		return k.Kind.Desk()
	}
	return k.Kind.Relay() && (k.Kind != PathHelpers || !t.besideDesk(g))
}

// besideDesk says whether a relay is of the organisation of the desk: together they
// would be one, and nobody's second (F13).
func (t *turn) besideDesk(g *keptGrant) bool {
	return slices.ContainsFunc(t.given, func(d *keptGrant) bool {
		return d.Scope == ScopeHelp && d.inForce(t.now) && bytes.Equal(d.Organisation, g.Organisation)
	})
}

func (g *grantPaper) organisation() (o [16]byte) {
	copy(o[:], g.Organisation)
	return o
}
