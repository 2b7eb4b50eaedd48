package vault

import (
	"context"
	"errors"
	"sync"
)

// disowned are creations of this process whose acknowledgement may or may not be
// in the store: Create answered with an error, nobody was told the login, and the
// record of an unfinished creation may be gone. Their keys are still at hand, so
// that the next sweep can erase them in order. If the process ends before, such a
// vault stays, empty, and nobody can open it.
type disowned struct {
	mu     sync.Mutex
	vaults []disownedVault
}

type disownedVault struct {
	vault *Vault
	login [32]byte
}

// maxDisowned bounds what is remembered; each has a few kilobytes.
const maxDisowned = 1000

func (d *disowned) add(v *Vault, login [32]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.vaults) < maxDisowned {
		d.vaults = append(d.vaults, disownedVault{v, login})
	}
}

func (d *disowned) take() []disownedVault {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := d.vaults
	d.vaults = nil
	return taken
}

// sweepDisowned erases them. What cannot be done now waits for the next sweep.
func (s *Vaults) sweepDisowned(ctx context.Context, r *SweepReport) (errs []error) {
	for _, d := range s.disowned.take() {
		err := d.vault.do(ctx, func(t *turn) error { return t.erase(d.login) })
		switch {
		case err == nil: // the sweeper has the rest to do, and tells the witness
			d.vault.Close()
		case errors.Is(err, ErrTampered), errors.Is(err, ErrSessionEnded): // there is none, or not any more
			d.vault.Close()
		default:
			r.Failed++
			errs = append(errs, storageError(err))
			s.disowned.add(d.vault, d.login)
		}
	}
	return errs
}
