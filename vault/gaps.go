package vault

import (
	"context"
	"errors"
	"time"

	"reconnect.example/internal/seal"
)

// MissingDeposit is something that somebody left and the store lost or altered
// before it was taken in. Ask who left it for it again.
type MissingDeposit struct {
	Line uint64 // of the journal, that says that it was left
	At   time.Time
	By   Actor
	Kind string // "document", "note", …
	Item ItemID // that it would have been
}

// ActMissingConfirmed: the person knows of what is missing.
const ActMissingConfirmed Act = "deposit.missing-confirmed"

// Gaps are one Owner paper under a fixed id, the latest last:
//
//	CBOR{1: [{1: line, 2: at (unix ms), 3: by, 4: kind, 5: item}]}
type gapsBody struct {
	Gaps []gap `cbor:"1,keyasint"`
}

type gap struct {
	Line uint64   `cbor:"1,keyasint"`
	At   int64    `cbor:"2,keyasint"`
	By   Actor    `cbor:"3,keyasint"`
	Kind string   `cbor:"4,keyasint"`
	Item [16]byte `cbor:"5,keyasint"`
}

const paperGaps uint8 = 48

var gapsPaper = [16]byte{15: paperGaps}

// maxGaps is how many are kept for the person to see; the journal has all.
const maxGaps = 100

// gaps reads what is missing. altered: the store altered the paper that says it.
func (t *turn) gaps() (all []gap, altered bool, err error) {
	p, found, err := t.fixedPaper(gapsPaper, paperGaps)
	if errors.Is(err, ErrTampered) {
		return nil, true, nil
	}
	if err != nil || !found {
		return nil, false, err
	}
	var b gapsBody
	if seal.Unmarshal(p.Body, &b) != nil {
		return nil, true, nil
	}
	return b.Gaps, false, nil
}

func (t *turn) keepGaps(more []gap) error {
	if len(more) == 0 {
		return nil
	}
	all, _, err := t.gaps()
	if err != nil {
		return err
	}
	all = append(all, more...)
	return t.putFixedPaper(gapsPaper, paperGaps, gapsBody{Gaps: all[max(0, len(all)-maxGaps):]})
}

// MissingDeposits returns what is missing, at most the last hundred, until the person
// confirms to know of it. ErrTampered if the store altered that list; the journal
// has a line for each.
func (v *Vault) MissingDeposits(ctx context.Context) (out []MissingDeposit, err error) {
	err = v.do(ctx, func(t *turn) error {
		out = nil
		if err := t.asPerson(); err != nil {
			return err
		}
		all, altered, err := t.gaps()
		if err == nil && altered {
			err = tampered("owner paper")
		}
		for _, g := range all {
			out = append(out, MissingDeposit{Line: g.Line, At: fromMillis(g.At), By: g.By, Kind: g.Kind, Item: g.Item})
		}
		t.note(ActAccountRead, nil, nil)
		return err
	})
	return out, err
}

// ConfirmMissing notes that the person knows of everything that is missing: Overview
// does not show it any more.
func (v *Vault) ConfirmMissing(ctx context.Context) error {
	return v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		t.note(ActMissingConfirmed, nil, nil)
		return t.dropPaper(gapsPaper)
	})
}
