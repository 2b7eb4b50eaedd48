package vault_test

import (
	"testing"

	"reconnect.example/storage"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

// watched is a stage of which every part can be counted and made to fail.
type watched struct {
	*vaulttest.Stage
	store   *storagetest.Faulty // records and blobs
	line    *line               // to the records alone
	witness *faultyWitness
	keeper  *faultyKeeper
	blobs   *knownBlobs
}

func newWatched(t testing.TB, opts *vaulttest.Options) *watched {
	t.Helper()
	w := &watched{}
	w.Stage = vaulttest.New(t, w.wraps(opts))
	return w
}

// watch starts a service over the data of another stage, of which every part
// can be counted and made to fail.
func watch(t testing.TB, stage *vaulttest.Stage, opts *vaulttest.Options) *watched {
	t.Helper()
	w := &watched{}
	w.Stage = stage.Another(t, w.wraps(opts))
	return w
}

func (w *watched) wraps(opts *vaulttest.Options) *vaulttest.Options {
	o := vaulttest.Options{}
	if opts != nil {
		o = *opts
	}
	w.witness = &faultyWitness{}
	o.Driver = func(d storage.Driver) storage.Driver {
		w.line = &line{Driver: d}
		w.store = storagetest.NewFaulty(w.line)
		return w.store
	}
	o.Blobs = func(b storage.Blobs) storage.Blobs {
		w.blobs = newKnownBlobs(b)
		return w.store.Blobs(w.blobs)
	}
	o.Keeper = func(k vault.Keeper) vault.Keeper {
		w.keeper = &faultyKeeper{Keeper: k}
		return w.keeper
	}
	o.Checkpoints = func(c vault.Checkpoints) vault.Checkpoints {
		w.witness.Checkpoints = c
		return w.witness
	}
	o.Limiter = func(l vault.Limiter) vault.Limiter {
		w.witness.Limiter = l
		return w.witness
	}
	return &o
}

// heal ends every fault and starts all counts again.
func (w *watched) heal() {
	w.store.Heal()
	w.line.cutAfter(0)
	w.witness.failAt(0, 0, storagetest.Before)
	w.keeper.failAt(0, 0, storagetest.Before)
	w.witness.away.Store(false)
	w.keeper.away.Store(false)
}

// failed says whether somebody was asked who had to fail.
func (w *watched) failed() bool {
	return w.store.Failed() || w.line.isCut() || w.witness.hasFailed() || w.keeper.hasFailed()
}
