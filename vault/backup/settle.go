package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Witness is what [Settle] needs of a witness, and may ask with the operator's
// credential. *witness.Witness and *witness.Client of recovery/witness have it.
type Witness interface {
	// Vaults returns the ids of vaults in order, also of erased ones.
	Vaults(ctx context.Context, after [16]byte, limit int) ([][16]byte, error)
	// Latest returns the checkpoints of a vault, as for [vault.Checkpoints].
	Latest(ctx context.Context, vault [16]byte) ([]vault.Checkpoint, error)
	// OwnerSide returns the latest owner head and the records that go with it;
	// no records if those of this head are not known.
	OwnerSide(ctx context.Context, vault [16]byte) (owner []byte, side []vault.Kept, err error)
	// Restore takes a statement of the operator and returns it countersigned.
	Restore(ctx context.Context, vault [16]byte, statement []byte) ([]byte, error)
}

// SettleConfig is what Settle works on.
type SettleConfig struct {
	Vaults  *vault.Vaults  // the service over the restored stores; nobody is signed in yet
	Store   *storage.Store // its records
	Witness Witness
	// Operator is the seed of the operator's restore key, 32 bytes.
	Operator []byte
	// Taken is the instant of the backup, Manifest.Taken: people are shown it.
	Taken time.Time
	// Everyone makes a statement for every vault, also where nothing seems to be
	// lost: for a witness that was put back from the same backup and therefore
	// does not know what happened since.
	Everyone bool
	Now      func() time.Time // nil: time.Now
	Progress Progress         // nil: nobody is told
}

// Settled counts what Settle did. It names nobody.
type Settled struct {
	Vaults    int // known to the witness
	Unchanged int // nothing had happened in them since the backup
	Stated    int // set back: their people are told at the next sign-in
	Erased    int // erased since the backup, and erased again
	Younger   int // made since the backup (part of Stated): their keys are back, their contents are lost
	Failed    int // see the error; the next Settle tries again
}

const settlePage = 500

// Settle makes a restore legitimate, vault by vault; see the package comment. It
// can stop anywhere and be called again. The error tells of at most ten vaults
// that failed.
func Settle(ctx context.Context, cfg SettleConfig) (Settled, error) {
	s := settling{SettleConfig: cfg, erased: map[vault.ID]bool{}}
	if s.Now == nil {
		s.Now = time.Now
	}
	var err error
	if s.key, err = seal.SigningKeyFromBytes(cfg.Operator); err != nil {
		return s.Settled, fmt.Errorf("settle: the operator's key: %w", err)
	}
	var failures []error
	seen := int64(0)
	for after := ([16]byte{}); ; {
		ids, err := s.Witness.Vaults(ctx, after, settlePage)
		if err != nil {
			return s.Settled, fmt.Errorf("settle: %w", err)
		}
		for _, id := range ids {
			after = id
			s.Progress.say(stepAccounts, seen, 0)
			seen++
			s.Settled.Vaults++
			if err := s.settle(ctx, id); err != nil {
				if ctx.Err() != nil {
					return s.Settled, ctx.Err()
				}
				if s.Failed++; len(failures) < 10 {
					failures = append(failures, fmt.Errorf("vault %s: %w", vault.ID(id), err))
				}
			}
		}
		if len(ids) < settlePage {
			return s.Settled, errors.Join(append(failures, cfg.Vaults.DropLeads(ctx, s.erased))...)
		}
	}
}

type settling struct {
	SettleConfig
	Settled
	key    seal.SigningKey
	erased map[vault.ID]bool
}

func (s *settling) settle(ctx context.Context, id vault.ID) error {
	owner, side, err := s.Witness.OwnerSide(ctx, id)
	if err != nil {
		return err
	}
	erased, err := s.SettleConfig.Vaults.PutBackOwner(ctx, id, owner, side)
	if err != nil {
		return err
	}
	if erased {
		s.Erased++
		s.erased[id] = true
		return nil
	}
	if isDirectory(id, owner) {
		// All of it is the owner side: nothing of it was set back, and it is nobody's
		// account.
		s.Settled.Vaults--
		return nil
	}
	known, err := s.Witness.Latest(ctx, id)
	if err != nil {
		return err
	}
	heads, err := vault.StoredHeads(ctx, s.Store, id)
	if err != nil {
		return err
	}
	epoch := slices.MaxFunc(known, func(a, b vault.Checkpoint) int { return cmp.Compare(a.Restore, b.Restore) }).Restore
	pending := epoch > find(known, "owner").Restore // a statement that the vault has not taken yet
	if pending && same(known, heads, epoch) || !pending && !s.Everyone && !setBack(known, heads, epoch) {
		s.Unchanged++
		return nil
	}
	r := &seal.Restore{Vault: id, Epoch: epoch + 1, Taken: s.Taken.UnixMilli(), Issued: s.Now().UnixMilli()}
	missing := 0
	for _, h := range heads {
		r.Heads = append(r.Heads, seal.RestoredHead{Head: h.Head, Version: h.Version, Hash: h.Hash})
		if h.Version == 0 {
			missing++
		}
	}
	statement, err := s.key.SealRestore(r)
	if err != nil {
		return err
	}
	// While the witness is away nobody could see the statement, and a sign-in
	// would write over the heads that it names.
	if err := s.SettleConfig.Vaults.AwaitRestore(ctx, id); err != nil {
		return err
	}
	if _, err := s.Witness.Restore(ctx, id, statement); err != nil {
		return err
	}
	s.Stated++
	if missing == len(heads) {
		s.Younger++
	}
	return nil
}

func isDirectory(id vault.ID, owner []byte) bool {
	h, err := seal.OpenOwnerHead(id, owner)
	return err == nil && h.Kind == seal.KindDirectory
}

// same says whether the witness remembers exactly these heads in an epoch: an
// earlier Settle has made the statement already.
func same(known, heads []vault.Checkpoint, epoch uint64) bool {
	return !slices.ContainsFunc(heads, func(h vault.Checkpoint) bool {
		k := find(known, h.Head)
		return k.Restore != epoch || k.Version != h.Version || k.Hash != h.Hash
	})
}

// setBack says whether the store has any head that is older than, or another
// than, what the witness remembers. One of an earlier epoch is older, whatever its
// version: the newer of two backups may come back after the older one.
func setBack(known, heads []vault.Checkpoint, epoch uint64) bool {
	return slices.ContainsFunc(heads, func(h vault.Checkpoint) bool {
		k := find(known, h.Head)
		return h.Restore < epoch || h.Version < k.Version || h.Version == k.Version && h.Hash != k.Hash
	})
}

// find returns the checkpoint of a head, or a zero one.
func find(list []vault.Checkpoint, head string) vault.Checkpoint {
	i := slices.IndexFunc(list, func(c vault.Checkpoint) bool { return c.Head == head })
	if i < 0 {
		return vault.Checkpoint{}
	}
	return list[i]
}
