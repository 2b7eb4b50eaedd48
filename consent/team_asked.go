package consent

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/storage"
	"reconnect.example/vault"
)

// What a worker's own space keeps of a relay that they asked to let them in, so that they
// are told afterwards how it stands. It opens nothing, and is theirs alone: neither the
// store nor the relay learns by it where they worked before.
type askedMark struct {
	Relay [16]byte `cbor:"1,keyasint"`
	At    int64    `cbor:"2,keyasint"` // unix milliseconds
}

const askedName = "asked"

// AskedRelay is a relay that a worker asked to let them in, and that they do not work for now.
type AskedRelay struct {
	Relay Relay // only its ID if the directory does not name it any more
	At    time.Time
	// Waiting: nobody has let them in yet. Otherwise they are not in: a manager refused what
	// they asked, or they were let in, and a manager took them out or suspended them, or they
	// left.
	Waiting bool
}

// noteAsked writes down whom the worker asks, in the commit that asks, and forgets what
// was written down of the same relay before.
func (w *Worker) noteAsked(ctx context.Context, relay RelayID, ask func(tx *storage.Tx) error) error {
	data, err := formAsked.pack(askedMark{Relay: relay, At: w.service.now().UnixMilli()})
	if err != nil {
		return err
	}
	before, err := w.askedMarks(ctx)
	if err != nil {
		return err
	}
	if _, err := w.own.TakeData(ctx, askedName, data, vault.Place{Compartment: vault.Private}, ask); err != nil {
		return storageError(err)
	}
	return w.forgetMarks(ctx, before, relay)
}

// keptMark is an askedMark with where it is kept.
type keptMark struct {
	askedMark
	item vault.Item
}

// askedMarks returns what is written down, the newest first.
func (w *Worker) askedMarks(ctx context.Context) (out []keptMark, err error) {
	all, err := w.own.List(ctx, &vault.ListOptions{Kind: vault.KindData, Compartment: vault.Private})
	if err != nil && !errors.Is(err, vault.ErrTampered) { // one that was altered hides no other
		return nil, err
	}
	for _, it := range all {
		k := keptMark{item: it}
		if it.Binned.IsZero() && formAsked.is(it.Data) && formAsked.unpack(it.Data, &k.askedMark) == nil {
			out = append(out, k)
		}
	}
	slices.SortStableFunc(out, func(a, b keptMark) int { return cmp.Compare(b.At, a.At) })
	return out, nil
}

func (w *Worker) forgetMarks(ctx context.Context, marks []keptMark, relay RelayID) error {
	for _, k := range marks {
		if k.Relay != relay {
			continue
		}
		if err := w.own.Destroy(ctx, k.item.ID, k.item.Revision); err != nil && !errors.Is(err, vault.ErrNotFound) {
			return err
		}
	}
	return nil
}

// AskedRelays returns the relays that the worker asked to let them in and does not work for,
// the last asked first: those that have not let them in yet, and those that they are out
// of. A relay that they founded is not among them. It is a line in the worker's own
// journal. Errors: those of vault.List.
func (w *Worker) AskedRelays(ctx context.Context) (out []AskedRelay, err error) {
	marks, err := w.askedMarks(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[RelayID]bool{}
	for _, k := range marks {
		id := RelayID(k.Relay)
		if seen[id] { // a crash came before the older one was forgotten
			continue
		}
		seen[id] = true
		if _, err := w.membership(ctx, id); err == nil || !errors.Is(err, ErrNotMember) {
			continue // in; what is wrong with it, Relays says
		}
		a := AskedRelay{Relay: Relay{ID: id}, At: fromUnixMilli(k.At)}
		_, err := w.service.cfg.Store.Get(ctx, askKey(id, w.ID()))
		if a.Waiting = err == nil; err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, storageError(err)
		}
		relay, err := w.service.cfg.Directory.Relay(ctx, id)
		switch {
		case err == nil:
			a.Relay = relay
		case !errors.Is(err, ErrNotNamed) && !errors.Is(err, ErrNoDirectory):
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// TakeBackAsk ends what the worker asked of a relay, and forgets that they did: nobody
// can let them in any more, unless they ask again. Of a relay that they are out of there
// is nothing to end, and it is forgotten. Who is in already stays: see [Post.Leave].
// vault.ErrNotFound if they did not ask.
func (w *Worker) TakeBackAsk(ctx context.Context, relay RelayID) error {
	marks, err := w.askedMarks(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(marks, func(k keptMark) bool { return k.Relay == relay }) {
		return vault.ErrNotFound
	}
	err = w.service.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		tx.Delete(askKey(relay, w.ID()))
		return nil
	})
	if err != nil {
		return storageError(err)
	}
	return w.forgetMarks(ctx, marks, relay)
}
