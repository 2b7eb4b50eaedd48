package vault

import (
	"bytes"
	"slices"

	"reconnect.example/internal/seal"
)

// What the witness must know of the paths in which it takes part lies in V/policy,
// signed by the vault's key and numbered by the owner head. It goes to the witness
// with the owner side, so that no call of its own can get lost: from the moment when
// a head is raised, its rules hold. The owner head names its digest, so that the witness
// takes no head without the policy that belongs to it, nor an older one (C5).
func (id ID) policy() string { return id.key("policy") }

// renewPolicy brings the signed policy to where the paths and grants of this turn are,
// in the commit that changes them.
func (t *turn) renewPolicy() error {
	ix, reached := t.heads.indexes[Owner]
	if !reached || !t.ownerDirty && !ix.dirty || t.heads.owner.Erased != 0 || t.heads.owner.Kind != seal.KindPerson {
		return nil
	}
	rules, err := t.policyRules()
	if err != nil {
		return err
	}
	owner := t.heads.owner
	if len(rules) == 0 {
		if owner.Rules != nil {
			owner.Policy++
			owner.Rules = nil
			t.tx.Delete(t.v.id.policy())
		}
		return nil
	}
	rec, err := t.tx.Get(t.v.id.policy())
	if err != nil && !isNotFound(err) {
		return err
	}
	if t.samePolicy(rec.Value, rules) {
		return nil
	}
	owner.Policy++
	record, err := t.signer.SealPolicy(t.v.id, &seal.Policy{Number: owner.Policy, Rules: rules})
	if err != nil {
		return err
	}
	digest := seal.Digest(record)
	owner.Rules = digest[:]
	t.tx.PutUnique(t.v.id.policy(), record)
	return nil
}

// samePolicy says whether the policy that the owner head names has these rules.
func (t *turn) samePolicy(record []byte, rules []seal.PolicyRule) bool {
	digest := seal.Digest(record)
	if !bytes.Equal(digest[:], t.heads.owner.Rules) {
		return false
	}
	old, err := seal.OpenPolicy(t.heads.owner.Key, t.v.id, record)
	if err != nil {
		return false // by the key before: sign it anew
	}
	same, err := seal.Marshal(seal.Policy{Number: old.Number, Rules: rules})
	if err != nil {
		return false
	}
	is, err := seal.Marshal(old)
	return err == nil && bytes.Equal(is, same)
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

// helps says whether whom a grant is for holds a half of a path.
func (t *turn) helps(g *keptGrant, k *keptPath) bool {
	if g.Visit || g.Scope == ScopeTeam {
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
