package vault

import "reconnect.example/internal/seal"

// asPerson refuses what is the person's alone: to who has the vault open without
// Owner, and in a space that is no person's.
func (t *turn) asPerson() error {
	if _, owner := t.heads.indexes[Owner]; !owner || t.heads.owner.Kind != seal.KindPerson {
		return ErrNotAllowed
	}
	return nil
}

// fixedPaper reads the one Owner paper of a kind that has a fixed id, so that it is
// found without reading the others. ErrTampered if it was altered or is missing.
func (t *turn) fixedPaper(id [16]byte, kind uint8) (p ownerPaper, found bool, err error) {
	_, e, found, err := t.lookup(Owner, id)
	if err != nil || !found {
		return p, false, err
	}
	if p, err = t.openPaper(e); err == nil && p.Kind != kind {
		err = tampered("owner paper")
	}
	return p, err == nil, err
}

// putFixedPaper writes it, in the place of what was there, also of an altered one.
func (t *turn) putFixedPaper(id [16]byte, kind uint8, body any) error {
	_, e, _, err := t.lookup(Owner, id)
	if err != nil {
		return err
	}
	return t.putPaper(id, e.revision+1, kind, body)
}

// dropPaper removes a paper, if it is there.
func (t *turn) dropPaper(id [16]byte) error {
	t.tx.Delete(t.v.id.paper(id))
	return t.strike(Owner, id)
}
