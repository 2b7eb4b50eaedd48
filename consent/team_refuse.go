package consent

import (
	"context"
	"errors"
	"slices"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Refuse ends what somebody asked ([Post.Requests]): with its return nobody lets them in by
// it, and of who admits and who refuses at the same moment one side succeeds. They see that
// they are not in ([Worker.AskedRelays]), and can ask again with another code. The line in
// the relay's journal, with the name that they said, is in the same commit.
//
// Errors: ErrNotManager; vault.ErrNotFound if nobody of that id asks (any more). While the
// witness is away they are refused all the same, without the line: vault.ErrUnconfirmed (N10).
func (p *Post) Refuse(ctx context.Context, worker vault.ID) error {
	all, err := p.Requests(ctx)
	if errors.Is(err, vault.ErrWitnessAway) {
		return p.refuseAlone(ctx, worker)
	}
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(r JoinRequest) bool { return r.Worker == worker })
	if i < 0 {
		return vault.ErrNotFound
	}
	o, err := p.manage(ctx)
	if err != nil {
		return err
	}
	defer o.Close()
	return o.NoteRefusal(ctx, all[i].Name, func(tx *storage.Tx) error { return p.refuse(tx, worker) })
}

// refuseAlone is Refuse without the whole of the relay's space.
func (p *Post) refuseAlone(ctx context.Context, worker vault.ID) error {
	if err := p.mayManage(ctx); err != nil {
		return err
	}
	err := p.service().cfg.Store.Transact(ctx, func(tx *storage.Tx) error { return p.refuse(tx, worker) })
	if err != nil {
		return storageError(err)
	}
	return vault.ErrUnconfirmed
}

// refuse reads the request in the commit, as who admits does.
func (p *Post) refuse(tx *storage.Tx, worker vault.ID) error {
	_, err := tx.Get(askKey(p.relay.ID, worker))
	if errors.Is(err, storage.ErrNotFound) {
		return vault.ErrNotFound
	}
	tx.Delete(askKey(p.relay.ID, worker))
	return err
}

// mostCounted is how many requests are looked at to count them.
const mostCounted = 100

// Asking returns how many ask to be let in, up to 100, for a first screen: without opening
// the whole of the relay's space, and without a line in a journal. Who asked before the
// relay's keys changed may be missing; [Post.Requests] has them. ErrNotManager.
func (p *Post) Asking(ctx context.Context) (n int, err error) {
	if err := p.mayManage(ctx); err != nil {
		return 0, err
	}
	return p.countAsking(ctx, p.keys.Inboxes)
}

func (p *Post) countAsking(ctx context.Context, keys []seal.BoxKey) (n int, err error) {
	looked := 0
	for rec, err := range p.service().cfg.Store.All(ctx, askPrefix(p.relay.ID)) {
		if err != nil {
			return 0, storageError(err)
		}
		if looked++; looked > mostCounted {
			break
		}
		switch _, err := p.openAsk(ctx, rec, keys); {
		case err == nil:
			n++
		case !errors.Is(err, vault.ErrTampered):
			return 0, err
		}
	}
	return n, nil
}
