package vault

import (
	"context"
	"errors"
)

// MoveFolderOptions are the extras of a move of a folder.
type MoveFolderOptions struct {
	// Progress, if not nil, is called after each item, with how many of how many are
	// moved. It must be quick, and is called by the goroutine that called MoveFolder.
	Progress func(moved, of int)
}

// MoveFolder makes everything in a folder private or shared, item by item as
// [Vault.Move] does, each a line in the journal and crash-safe in itself. The folder of
// the same name on the other side takes it all in, and is made if there is none;
// the folder itself stays, empty. What lies in the bin stays.
//
// It can stop anywhere, by a crash, an error or the end of ctx, and be called again
// for the rest; moved says how many it moved this time. A document whose stored
// bytes were altered stays and is named by the error, ErrTampered, after the others have
// moved. Errors: those of Move; ErrNotFound; ErrRevision if what is left is being
// changed all the time. Where the folder lies on that side already there is nothing to do.
func (v *Vault) MoveFolder(ctx context.Context, folder ItemID, to Compartment, opts *MoveFolderOptions) (moved int, err error) {
	if to != Shared && to != Private {
		return 0, &InvalidError{Field: "compartment", Problem: "is not private or shared"}
	}
	progress := func(int, int) {}
	if opts != nil && opts.Progress != nil {
		progress = opts.Progress
	}
	altered := map[ItemID]error{}
	for {
		left, err := v.inFolder(ctx, folder, to)
		if err != nil {
			return moved, err
		}
		before, missed, all := moved, error(nil), moved+len(left)
		for _, it := range left {
			_, err := v.Move(ctx, it.ID, it.Revision, to)
			switch {
			case err == nil:
				moved++
				progress(moved, all)
			case errors.Is(err, ErrTampered):
				altered[it.ID] = err
			case errors.Is(err, ErrRevision), errors.Is(err, ErrNotFound), errors.Is(err, ErrInvalid):
				missed = ErrRevision // changed, binned or gone since it was listed: look again
			default:
				return moved, err
			}
		}
		if missed == nil || moved == before {
			problems := []error{missed}
			for _, err := range altered {
				problems = append(problems, err)
			}
			return moved, errors.Join(problems...)
		}
	}
}

// inFolder lists what is to be moved, for the service's own use: nothing of it
// leaves but how many there are, so that the moves are the lines in the journal.
func (v *Vault) inFolder(ctx context.Context, folder ItemID, to Compartment) (left []Item, err error) {
	err = v.do(ctx, func(t *turn) error {
		left = nil
		f, err := t.find(folder)
		if err != nil {
			return err
		}
		if f.item.Kind != KindFolder {
			return &InvalidError{Field: "folder", Problem: "is not a folder"}
		}
		if _, reached := t.heads.indexes[to]; !reached {
			return &InvalidError{Field: "compartment", Problem: "cannot be reached in this session"}
		}
		if f.item.Compartment == to {
			return nil
		}
		all, err := t.all()
		for _, l := range all {
			if l.err == nil && l.record.item.Folder == folder && l.record.item.Binned.IsZero() {
				left = append(left, *l.record.item)
			}
		}
		return err
	})
	return left, err
}
