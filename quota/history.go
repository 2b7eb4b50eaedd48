package quota

import (
	"slices"
	"time"

	"reconnect.example/storage"
)

// storedIncrease is the stored form of an [Increase], alone while it waits, and
// in a list once it is decided.
type storedIncrease struct {
	Number  uint64 `cbor:"1,keyasint"`
	Asked   int64  `cbor:"2,keyasint"` // Unix milliseconds
	Reason  []byte `cbor:"3,keyasint"`
	Limit   int64  `cbor:"4,keyasint"`
	State   uint8  `cbor:"5,keyasint"`
	Decided int64  `cbor:"6,keyasint"` // Unix milliseconds; without meaning while it waits
	By      string `cbor:"7,keyasint"`
	Why     string `cbor:"8,keyasint"`
}

type storedHistory struct {
	Increases []storedIncrease `cbor:"1,keyasint"`
}

func (i Increase) stored() storedIncrease {
	s := storedIncrease{
		Number: i.Number, Asked: i.Asked.UnixMilli(), Reason: i.Reason, Limit: i.Limit,
		State: uint8(i.State), By: i.By, Why: i.Why,
	}
	if i.State != Waiting {
		s.Decided = i.Decided.UnixMilli()
	}
	return s
}

func (s storedIncrease) public(owner string) Increase {
	i := Increase{
		Owner: owner, Number: s.Number, Asked: time.UnixMilli(s.Asked).UTC(), Reason: s.Reason, Limit: s.Limit,
		State: State(s.State), By: s.By, Why: s.Why,
	}
	if i.State != Waiting {
		i.Decided = time.UnixMilli(s.Decided).UTC()
	}
	return i
}

// check refuses what was never written under key.
func (s storedIncrease) check(key string, waiting bool) error {
	state := State(s.State)
	if s.Number == 0 || s.Limit < 0 || state < Waiting || state > Refused || waiting != (state == Waiting) {
		return damaged(key, "no such increase was ever asked for")
	}
	return nil
}

// pendingOf returns the request of the owner that waits, or nil.
func pendingOf(tx *storage.Tx, owner string) (*Increase, error) {
	var s storedIncrease
	found, err := get(tx, pendingKey(owner), &s)
	if err != nil || !found {
		return nil, err
	}
	inc := s.public(owner)
	return &inc, s.check(pendingKey(owner), true)
}

// historyOf returns the decided requests of the owner, the oldest first.
func historyOf(tx *storage.Tx, owner string) ([]Increase, error) {
	var h storedHistory
	if _, err := get(tx, historyKey(owner), &h); err != nil {
		return nil, err
	}
	var all []Increase
	for _, s := range h.Increases {
		if err := s.check(historyKey(owner), false); err != nil {
			return nil, err
		}
		all = append(all, s.public(owner))
	}
	return all, nil
}

// putHistory writes the history, whose last entry is new, and keeps it bounded:
// who asks a policy that always refuses again and again must not push out what
// people decided, and approvals, on which the limit rests, go last.
func putHistory(tx *storage.Tx, owner string, all []Increase) error {
	if n := len(all); n >= 2 && refusedByPolicy(all[n-2]) && refusedByPolicy(all[n-1]) {
		all = slices.Delete(all, n-2, n-1)
	}
	if len(all) > MaxIncreases {
		oldest := max(0, slices.IndexFunc(all[:len(all)-1], func(i Increase) bool { return i.State != Approved }))
		all = slices.Delete(all, oldest, oldest+1)
	}
	var h storedHistory
	for _, inc := range all {
		h.Increases = append(h.Increases, inc.stored())
	}
	return put(tx, historyKey(owner), h)
}

func refusedByPolicy(i Increase) bool { return i.State == Refused && i.By == ByPolicy }
