package vault

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/quota"
	"reconnect.example/storage"
)

// Space is how much room there is and what takes the most.
type Space struct {
	quota.Usage
	Largest []Item // documents, the largest first, at most ten
}

const largest = 10

// Space returns usage and the largest documents. It is a line in the journal.
func (v *Vault) Space(ctx context.Context) (Space, error) {
	var out Space
	err := v.do(ctx, func(t *turn) error {
		out = Space{}
		if err := t.asOwner(); err != nil { // what is used, less what is shared, is the size of Private
			return err
		}
		all, err := t.all()
		if err != nil {
			return err
		}
		for _, l := range all {
			if l.err == nil && l.record.item.Document != nil {
				out.Largest = append(out.Largest, *l.record.item)
			}
		}
		out.Usage, err = v.service.cfg.Quota.Usage(t.tx, v.id.String())
		t.note(ActSpaceViewed, nil, nil)
		return err
	})
	slices.SortFunc(out.Largest, func(a, b Item) int { return int(b.Document.Stored - a.Document.Stored) })
	out.Largest = out.Largest[:min(len(out.Largest), largest)]
	return out, err
}

// SpaceRequest is one request for more space, with its decision. Reason is what
// the person wrote; the sealed form of it in Increase is left out.
type SpaceRequest struct {
	quota.Increase
	Reason string
}

// A reason is sealed twice, so that only the person and the operator read it:
// to the operator's key in the quota's books, and as an Owner paper for the
// person. Both are bound to the vault.
type spacePaper struct {
	Asked  int64  `cbor:"1,keyasint"` // unix milliseconds, as in the quota's books
	Reason string `cbor:"2,keyasint"`
}

func reasonContext(id ID) seal.Context { return id.bind(seal.TypeIncrease, 0, 0, nil, 0) }

// AskForSpace asks for more room, with a reason in the person's own words for
// whoever decides. The policy may answer at once. quota.ErrPending if a request
// is waiting already.
func (v *Vault) AskForSpace(ctx context.Context, reason string) (SpaceRequest, error) {
	if err := checkText("reason", reason, MaxText, true); err != nil {
		return SpaceRequest{}, err
	}
	sealed, err := v.service.keys.operator.Public().Seal(reasonContext(v.id), nil, []byte(reason))
	if err != nil {
		return SpaceRequest{}, err
	}
	var out SpaceRequest
	err = v.do(ctx, func(t *turn) error {
		if err := errors.Join(t.asOwner(), t.changing()); err != nil {
			return err
		}
		inc, err := v.service.cfg.Quota.RequestIncrease(t.tx, v.id.String(), sealed)
		if err != nil {
			return err
		}
		inc.Reason = nil
		out = SpaceRequest{Increase: inc, Reason: reason}
		t.note(ActSpaceAsked, nil, map[string]string{"state": inc.State.String()})
		if err := t.forgetOldReasons(); err != nil {
			return err
		}
		return t.putPaper(newID(), 1, paperSpace, spacePaper{Asked: inc.Asked.UnixMilli(), Reason: reason})
	})
	return out, err
}

// reasonsKept is as many as the quota's books keep: a session that asks again
// and again must not fill the vault with papers.
const reasonsKept = 64

func (t *turn) forgetOldReasons() error {
	type kept struct {
		id [16]byte
		at int64
	}
	var all []kept
	err := t.eachPaper(paperSpace, func(id [16]byte, p ownerPaper) error {
		all = append(all, kept{id, p.At})
		return nil
	})
	if err != nil && !errors.Is(err, ErrTampered) {
		return err
	}
	slices.SortFunc(all, func(a, b kept) int { return cmp.Compare(a.at, b.at) })
	for len(all) >= reasonsKept {
		t.tx.Delete(t.v.id.paper(all[0].id))
		if err := t.strike(Owner, all[0].id); err != nil {
			return err
		}
		all = all[1:]
	}
	return nil
}

// SpaceRequests returns every request so far with who decided what and why,
// the newest last.
func (v *Vault) SpaceRequests(ctx context.Context) ([]SpaceRequest, error) {
	var out []SpaceRequest
	err := v.do(ctx, func(t *turn) error {
		out = nil
		reasons := map[int64]string{}
		err := t.eachPaper(paperSpace, func(_ [16]byte, p ownerPaper) error {
			var b spacePaper
			if seal.Unmarshal(p.Body, &b) != nil {
				return tampered("owner paper")
			}
			reasons[b.Asked] = b.Reason
			return nil
		})
		if err != nil && !errors.Is(err, ErrTampered) { // a reason that is gone does not hide the decision
			return err
		}
		t.note(ActSpaceViewed, nil, nil)
		all, err := v.service.cfg.Quota.Increases(t.tx, v.id.String())
		for _, inc := range all {
			inc.Reason = nil
			out = append(out, SpaceRequest{Increase: inc, Reason: reasons[inc.Asked.UnixMilli()]})
		}
		return err
	})
	return out, err
}

// PendingSpace is a request that waits for the operator's decision.
type PendingSpace struct {
	Vault  ID
	Number uint64 // of this vault's requests; quota.Decision names it
	Asked  time.Time
	Reason string
	Usage  quota.Usage
}

// PendingSpace yields the requests that wait, for the operator. The reason is
// what the person wrote to them; nothing else of the vault can be read.
func (s *Vaults) PendingSpace(ctx context.Context) iter.Seq2[PendingSpace, error] {
	return func(yield func(PendingSpace, error) bool) {
		for inc, err := range s.cfg.Quota.Pending(ctx, s.cfg.Store) {
			p := PendingSpace{}
			if err == nil {
				p, err = s.pendingSpace(ctx, inc)
			}
			if !yield(p, storageError(err)) {
				return
			}
		}
	}
}

func (s *Vaults) pendingSpace(ctx context.Context, inc quota.Increase) (p PendingSpace, err error) {
	if p.Vault, err = ParseID(inc.Owner); err != nil {
		return p, err
	}
	p.Number, p.Asked = inc.Number, inc.Asked
	if _, reason, err := s.keys.operator.Open(reasonContext(p.Vault), inc.Reason); err == nil {
		p.Reason = string(reason)
	}
	err = s.cfg.Store.Transact(ctx, func(tx *storage.Tx) (err error) {
		p.Usage, err = s.cfg.Quota.Usage(tx, inc.Owner)
		return err
	})
	return p, err
}

// DecideSpace approves or refuses the request that waits. By and Why are shown
// to the person and kept.
func (s *Vaults) DecideSpace(ctx context.Context, id ID, d quota.Decision) (quota.Increase, error) {
	var out quota.Increase
	err := s.cfg.Store.Transact(ctx, func(tx *storage.Tx) (err error) {
		out, err = s.cfg.Quota.Decide(tx, id.String(), d)
		out.Reason = nil
		return err
	})
	return out, storageError(err)
}
