package vault

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"reconnect.example/internal/seal"
)

// Representative is who represents a minor, as it was recorded. It gives no key
// and no access, and ends by itself: it is a fact that whoever helps the person
// should know of.
type Representative struct {
	Name       string    // required
	Relation   string    // "mother", "guardian", "the département", …; required
	RecordedBy string    // who recorded it and on what ground; required
	Until      Date      // the day on which the person is of age; required, in the future when it is recorded
	Recorded   time.Time // set by SetRepresentative
	Past       bool      // the day has come (in UTC)
}

// MaxRepresentatives is how many a vault holds, past ones too.
const MaxRepresentatives = 8

// Acts about representatives.
const (
	ActRepresentativeSet  Act = "representative.recorded"
	ActRepresentativeGone Act = "representative.removed"
)

// Representatives are one Owner paper of the kind paperRepresentatives under a
// fixed id, in the order in which they were recorded:
//
//	CBOR[{1: name, 2: relation, 3: recorded by, 4: until "2031-12-31", 5: recorded}]
type representativeBody struct {
	Name       string `cbor:"1,keyasint"`
	Relation   string `cbor:"2,keyasint"`
	RecordedBy string `cbor:"3,keyasint"`
	Until      Date   `cbor:"4,keyasint"`
	Recorded   int64  `cbor:"5,keyasint"` // unix milliseconds
}

var representativesPaper = [16]byte{15: paperRepresentatives}

// SetRepresentative records who represents the person, in the place of what was
// recorded under the same name. Where there is no more room, who has been past the
// longest goes; ErrTooMany if none is past. InvalidError names every problem.
func (v *Vault) SetRepresentative(ctx context.Context, r Representative) error {
	r.Name = cleanName(r.Name)
	if err := r.check(); err != nil {
		return err
	}
	return v.changeRepresentatives(ctx, func(t *turn, all []representativeBody) ([]representativeBody, error) {
		if r.Until.past(t.now) {
			return nil, &InvalidError{Field: "until", Problem: "is not in the future"}
		}
		all = without(all, r.Name)
		if len(all) >= MaxRepresentatives {
			slices.SortStableFunc(all, func(a, b representativeBody) int { return cmp.Compare(a.Until, b.Until) })
			if !all[0].Until.past(t.now) {
				return nil, ErrTooMany
			}
			all = all[1:]
		}
		t.note(ActRepresentativeSet, nil, map[string]string{"name": r.Name, "relation": r.Relation, "by": r.RecordedBy, "until": string(r.Until)})
		return append(all, representativeBody{r.Name, r.Relation, r.RecordedBy, r.Until, t.now.UnixMilli()}), nil
	})
}

// RemoveRepresentative takes back what was recorded under a name. ErrNotFound.
func (v *Vault) RemoveRepresentative(ctx context.Context, name string) error {
	name = cleanName(name)
	return v.changeRepresentatives(ctx, func(t *turn, all []representativeBody) ([]representativeBody, error) {
		left := without(all, name)
		if len(left) == len(all) {
			return nil, ErrNotFound
		}
		t.note(ActRepresentativeGone, nil, map[string]string{"name": name})
		return left, nil
	})
}

// Representatives returns who was recorded, past ones too, in the order in which
// they were. It is a line in the journal.
func (v *Vault) Representatives(ctx context.Context) (out []Representative, err error) {
	err = v.do(ctx, func(t *turn) error {
		if err := t.asPerson(); err != nil {
			return err
		}
		t.note(ActAccountRead, nil, nil)
		all, err := t.representatives()
		out = nil
		for _, b := range all {
			out = append(out, Representative{
				Name: b.Name, Relation: b.Relation, RecordedBy: b.RecordedBy, Until: b.Until,
				Recorded: time.UnixMilli(b.Recorded).UTC(), Past: b.Until.past(t.now),
			})
		}
		slices.SortStableFunc(out, func(a, b Representative) int { return a.Recorded.Compare(b.Recorded) })
		return err
	})
	return out, err
}

func (v *Vault) changeRepresentatives(ctx context.Context, change func(*turn, []representativeBody) ([]representativeBody, error)) error {
	return v.do(ctx, func(t *turn) error {
		if err := errors.Join(t.asPerson(), t.changing()); err != nil {
			return err
		}
		all, err := t.representatives()
		if err != nil && !errors.Is(err, ErrTampered) { // what was altered is gone; it can be recorded again
			return err
		}
		if all, err = change(t, all); err != nil {
			return err
		}
		return t.putFixedPaper(representativesPaper, paperRepresentatives, all)
	})
}

func (t *turn) representatives() (all []representativeBody, err error) {
	p, found, err := t.fixedPaper(representativesPaper, paperRepresentatives)
	if err != nil || !found {
		return nil, err
	}
	if seal.Unmarshal(p.Body, &all) != nil {
		return nil, tampered("owner paper")
	}
	return all, nil
}

func without(all []representativeBody, name string) []representativeBody {
	return slices.DeleteFunc(slices.Clone(all), func(b representativeBody) bool { return b.Name == name })
}

func (r *Representative) check() error {
	problems := []error{checkName("name", r.Name), checkName("relation", r.Relation), checkName("recordedBy", r.RecordedBy), r.Until.check("until")}
	if r.Until == "" {
		problems = append(problems, &InvalidError{Field: "until", Problem: "is empty"})
	}
	return errors.Join(problems...)
}

// past says whether a day has begun, in UTC.
func (d Date) past(now time.Time) bool {
	day, ok := d.Time(time.UTC)
	return ok && !now.Before(day)
}
