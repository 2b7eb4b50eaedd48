package witness

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// The policy of a vault says at which counters its witness evaluates only within a
// request to help the person back in. It comes with the owner side of the head that
// names it, closed to this witness alone, and is taken when that head is raised: no head is known here without its
// policy. A counter that once had a rule is never again evaluated without one, so that
// a path that was withdrawn does not open the vault that an old copy of the store has
// (C5).

// maxDead bounds the counters that are remembered as dead: each new path makes two.
const maxDead = 4096

// policyRecord is what is in force of one vault.
type policyRecord struct {
	Signed []byte   `cbor:"1,keyasint,omitempty"` // the policy, as the vault's key of then signed it; nil: none
	Key    []byte   `cbor:"2,keyasint,omitempty"` // that key
	Dead   [][]byte `cbor:"3,keyasint,omitempty"` // counters that had a rule
	Record []byte   `cbor:"4,keyasint,omitempty"` // digest of the record that it was closed in, which the owner head names
}

func policyKey(vault [16]byte) string { return policyTable + hexID(vault) }

// policy opens what is in force; nil if the witness helps nobody in.
func (p *policyRecord) policy(vault [16]byte) (*seal.Policy, error) {
	if p.Signed == nil {
		return nil, nil
	}
	policy, err := seal.OpenPolicy(p.Key, vault, p.Signed)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrDamaged, policyKey(vault))
	}
	return policy, nil
}

func (p *policyRecord) isDead(counter [32]byte) bool {
	return slices.ContainsFunc(p.Dead, func(d []byte) bool { return bytes.Equal(d, counter[:]) })
}

func loadPolicy(tx *storage.Tx, vault [16]byte) (record policyRecord, policy *seal.Policy, err error) {
	if _, err = get(tx.Get, policyKey(vault), &record); err != nil {
		return record, nil, err
	}
	policy, err = record.policy(vault)
	return record, policy, err
}

// ruled says whether a counter is evaluated within requests only, or not at all.
func ruled(tx *storage.Tx, vault [16]byte, counter [32]byte) (bool, error) {
	record, policy, err := loadPolicy(tx, vault)
	if err != nil {
		return false, err
	}
	if policy != nil {
		for _, r := range policy.Rules {
			if slices.ContainsFunc(r.Counters, func(c seal.PolicyCounter) bool { return c.Counter == counter }) {
				return true, nil
			}
		}
	}
	return record.isDead(counter), nil
}

// takePolicy takes the policy of an owner head that is raised, from its owner side.
func takePolicy(tx *storage.Tx, r *report, now time.Time) error {
	record, before, err := loadPolicy(tx, r.vault)
	if err != nil {
		return err
	}
	if bytes.Equal(record.Record, r.head.Rules) {
		return nil
	}
	next := policyRecord{Dead: record.Dead}
	var policy *seal.Policy
	if r.head.Rules != nil {
		closed, err := keptPolicy(tx, r)
		if err != nil {
			return err
		}
		if next.Signed, err = openPolicyRecord(tx, r.vault, closed); err != nil {
			return err
		}
		next.Key, next.Record = bytes.Clone(r.head.Key), bytes.Clone(r.head.Rules)
		policy, err = seal.OpenPolicy(r.head.Key, r.vault, next.Signed)
		if err != nil || policy.Number != r.head.Policy {
			return fmt.Errorf("%w: the policy of its owner head", ErrForged)
		}
	}
	next.bury(before, policy)
	if err := endOutdated(tx, r, record.Key, before, now); err != nil {
		return err
	}
	return put(tx, policyKey(r.vault), next)
}

// endOutdated cancels the requests of the policy before: whoever changed it is in by
// themselves, or came back in by one of them. Only what then still waits for Private goes on
// (N14). Otherwise a request of which the first key was evaluated, and which nobody
// completed, would open Private when its path was dead long ago: withdrawn, or lost with a
// recovery by another one (C5, F8).
func endOutdated(tx *storage.Tx, r *report, key []byte, before *seal.Policy, now time.Time) error {
	if before == nil {
		return nil
	}
	waits, err := leftForLater(tx, r, key)
	if err != nil {
		return err
	}
	return cancelAll(tx, r.vault, now, func(q *requestRecord) bool {
		goesOn := waits && q.Served && len(q.Rule.Counters) > 1
		return q.Policy == before.Number && !goesOn
	})
}

// leftForLater says whether the head that is raised is that of a recovery which left Private
// for later: another key, and the keyslot of a path is left that opens what is locked. Of a
// recovery by any other way none is left but those that were there.
func leftForLater(tx *storage.Tx, r *report, key []byte) (bool, error) {
	if bytes.Equal(key, r.head.Key) {
		return false, nil
	}
	last, err := spaceHead(tx, r.vault)
	if errors.Is(err, errNobody) {
		last, err = &seal.OwnerHead{}, nil
	}
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(r.head.Slots, func(e seal.SlotEntry) bool {
		return isForLater(e) && !slices.ContainsFunc(last.Slots, func(l seal.SlotEntry) bool { return l.ID == e.ID && isForLater(l) })
	}), nil
}

func isForLater(e seal.SlotEntry) bool {
	return e.Kind == seal.SlotPath && e.State == seal.SlotLocked
}

// bury remembers the counters that have no rule any more.
func (p *policyRecord) bury(before, now *seal.Policy) {
	if before == nil {
		return
	}
	alive := map[[32]byte]bool{}
	if now != nil {
		for _, r := range now.Rules {
			for _, c := range r.Counters {
				alive[c.Counter] = true
			}
		}
	}
	for _, r := range before.Rules {
		for _, c := range r.Counters {
			if !alive[c.Counter] {
				p.Dead = append(slices.Clone(p.Dead), bytes.Clone(c.Counter[:]))
			}
		}
	}
	p.Dead = p.Dead[max(0, len(p.Dead)-maxDead):]
}

// keptPolicy finds the policy that an owner head names in the owner side that was kept
// for it.
func keptPolicy(tx *storage.Tx, r *report) ([]byte, error) {
	chunks, err := tx.Scan(sidePrefix(r.vault, r.checkpoint()), "", maxSideChunks)
	if err != nil {
		return nil, err
	}
	side, err := readSide(chunks)
	if err != nil {
		return nil, err
	}
	for _, k := range side {
		if digest := seal.Digest(k.Value); bytes.Equal(digest[:], r.head.Rules) {
			return k.Value, nil
		}
	}
	return nil, fmt.Errorf("%w: the owner side of this head, with its policy, is to be kept first", ErrInvalid)
}

// spaceHead returns the latest owner head of the space of a relay or a desk, as far as
// the witness knows it. errNobody if it knows none.
func spaceHead(tx *storage.Tx, space [16]byte) (*seal.OwnerHead, error) {
	r, err := tx.Get(ownerKey(space))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, errNobody
	}
	if err != nil {
		return nil, err
	}
	raw, err := body(r)
	if err != nil {
		return nil, err
	}
	h, err := seal.OpenOwnerHead(space, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrDamaged, ownerKey(space))
	}
	if h.Erased != 0 {
		return nil, errNobody
	}
	return h, nil
}

var errNobody = errors.New("nobody whom the witness knows")

func ruleOf(p *seal.Policy, path [16]byte) *seal.PolicyRule {
	i := slices.IndexFunc(p.Rules, func(r seal.PolicyRule) bool { return r.Path == path })
	if i < 0 {
		return nil
	}
	return &p.Rules[i]
}
