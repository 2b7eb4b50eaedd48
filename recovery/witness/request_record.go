package witness

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// requestRecord is a request as it is stored. All it needs of the policy is in it.
type requestRecord struct {
	Path      [16]byte         `cbor:"1,keyasint"`
	Policy    uint64           `cbor:"2,keyasint"`
	Key       []byte           `cbor:"3,keyasint"` // digest of the request's public key
	Opened    int64            `cbor:"4,keyasint"` // Unix milliseconds of the witness's time
	Until     int64            `cbor:"5,keyasint"`
	Rule      seal.PolicyRule  `cbor:"6,keyasint"`
	Agreed    []approverRecord `cbor:"7,keyasint"`
	Cancelled int64            `cbor:"8,keyasint,omitempty"`
	Served    bool             `cbor:"9,keyasint,omitempty"`
}

// approverRecord is somebody who agreed; who opened a request did.
type approverRecord struct {
	Worker       [16]byte `cbor:"1,keyasint"`
	Space        [16]byte `cbor:"2,keyasint"`
	Organisation [16]byte `cbor:"3,keyasint"`
	Key          []byte   `cbor:"4,keyasint"`
	Desk         bool     `cbor:"5,keyasint,omitempty"`
}

func requestPrefix(vault [16]byte) string { return requestTable + hexID(vault) + "/" }

func requestKey(vault, request [16]byte) string { return requestPrefix(vault) + hexID(request) }

func hexID(id [16]byte) string { return hex.EncodeToString(id[:]) }

func openRequest(tx *storage.Tx, vault, request [16]byte, now time.Time) (*requestRecord, error) {
	q := new(requestRecord)
	found, err := get(tx.Get, requestKey(vault, request), q)
	if err != nil {
		return nil, err
	}
	if !found || !q.open(now) {
		return nil, ErrRequest
	}
	return q, nil
}

func (q *requestRecord) open(now time.Time) bool {
	return q.Cancelled == 0 && now.UnixMilli() < q.Until
}

func (q *requestRecord) isAbout(a *seal.Approval) bool {
	return q.Path == a.Path && q.Policy == a.Policy && bytes.Equal(q.Key, a.Key)
}

// has says whether this person has agreed already.
func (q *requestRecord) has(by *seal.Approver) bool {
	return slices.ContainsFunc(q.Agreed, func(a approverRecord) bool {
		return a.Worker == by.Worker && a.Space == by.Space && bytes.Equal(a.Key, by.Key)
	})
}

// agree adds somebody, who must belong to a party of the rule, and be nobody who has
// agreed already: by their account, or by their key (F6).
func (q *requestRecord) agree(by *seal.Approver) error {
	i := slices.IndexFunc(q.Rule.Parties, func(p seal.PolicyParty) bool { return p.Space == by.Space })
	if i < 0 {
		return fmt.Errorf("%w: by nobody who helps in this path", ErrApproval)
	}
	party := q.Rule.Parties[i]
	if !by.Head.Trusts(party.Key) || party.Organisation != [16]byte{} && party.Organisation != by.Organisation {
		return fmt.Errorf("%w: by nobody who helps in this path", ErrApproval)
	}
	for _, a := range q.Agreed {
		switch {
		case a.Worker == by.Worker, bytes.Equal(a.Key, by.Key):
			return fmt.Errorf("%w: they have agreed already", ErrApproval)
		case a.Desk != party.Desk && a.Organisation == by.Organisation:
			return fmt.Errorf("%w: relay and desk are one organisation", ErrApproval) // F13
		}
	}
	q.Agreed = append(q.Agreed, approverRecord{Worker: by.Worker, Space: by.Space, Organisation: by.Organisation, Key: by.Key, Desk: party.Desk})
	return nil
}

func (q *requestRecord) agreed() (relay, desk int) {
	for _, a := range q.Agreed {
		if a.Desk {
			desk++
		} else {
			relay++
		}
	}
	return relay, desk
}

func (q *requestRecord) longest() (wait time.Duration) {
	for _, c := range q.Rule.Counters {
		wait = max(wait, time.Duration(c.Wait)*time.Millisecond)
	}
	return wait
}

// left is what is left to wait for a counter.
func (q *requestRecord) left(counter int, now time.Time) time.Duration {
	ready := time.UnixMilli(q.Opened).Add(time.Duration(q.Rule.Counters[counter].Wait) * time.Millisecond)
	return max(0, ready.Sub(now))
}

func (q *requestRecord) public(id [16]byte, now time.Time) Request {
	out := Request{ID: id, Path: q.Path, Policy: q.Policy, Opened: time.UnixMilli(q.Opened).UTC(), Until: time.UnixMilli(q.Until).UTC(), Needed: int(q.Rule.Approvals), Cancelled: q.Cancelled != 0, Served: q.Served}
	out.Relay, out.Desk = q.agreed()
	for i := range q.Rule.Counters {
		out.Ready = append(out.Ready, q.left(i, now))
	}
	return out
}

// roomForRequest counts those that are open. One by which the person came back in, after
// which the policy is a later one, stands in nobody's way: at most Private still waits in it.
func roomForRequest(tx *storage.Tx, vault [16]byte, policy uint64, now time.Time) error {
	all, err := tx.Scan(requestPrefix(vault), "", storage.MaxScan)
	if err != nil {
		return err
	}
	open := 0
	for _, rec := range all {
		q := new(requestRecord)
		if err := decode(rec, q); err != nil {
			return err
		}
		if completed := q.Served && policy > q.Policy; q.open(now) && !completed {
			open++
		}
	}
	if open >= maxRequests {
		return fmt.Errorf("%w: there are %d open ones already", ErrRequest, open)
	}
	return nil
}

// cancelAll ends the open requests of a vault that which picks.
func cancelAll(tx *storage.Tx, vault [16]byte, now time.Time, which func(*requestRecord) bool) error {
	all, err := tx.Scan(requestPrefix(vault), "", storage.MaxScan)
	if err != nil {
		return err
	}
	for _, rec := range all {
		q := new(requestRecord)
		if err := decode(rec, q); err != nil {
			return err
		}
		if !q.open(now) || !which(q) {
			continue
		}
		id, err := parseID(rec.Key[len(requestPrefix(vault)):])
		if err != nil {
			return err
		}
		q.Cancelled = now.UnixMilli()
		if err := putRequest(tx, vault, id, q, now); err != nil {
			return err
		}
	}
	return nil
}

// putRequest writes a request, and with it the time that dates it: after a crash time
// does not begin before it.
func putRequest(tx *storage.Tx, vault, request [16]byte, q *requestRecord, now time.Time) error {
	b, err := encode(q)
	if err != nil {
		return err
	}
	tx.Put(requestKey(vault, request), b)
	return put(tx, clockKey, clockRecord{Highest: now.UnixMilli()})
}

func parseID(text string) (id [16]byte, err error) {
	if hex.DecodedLen(len(text)) != len(id) {
		return id, fmt.Errorf("%w: a key of a request", ErrDamaged)
	}
	if _, err := hex.Decode(id[:], []byte(text)); err != nil {
		return id, fmt.Errorf("%w: a key of a request", ErrDamaged)
	}
	return id, nil
}
