package quota

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Every record is one byte of format and deterministic CBOR. The byte comes
// first so that a later format need not be CBOR, nor begin with a version field.
const format = 1

// maxName bounds owners and ids, so that every key made of them fits.
const maxName = 128

const (
	increasePrefix = "increase/"
	dueWhat        = "q/" // of a due entry that is about a reservation
)

func ledgerKey(owner string) string          { return owner + "/q" }
func historyKey(owner string) string         { return owner + "/q/i" }
func pendingKey(owner string) string         { return increasePrefix + owner }
func reservationKey(owner, id string) string { return ReservationPrefix(owner) + id }

// ReservationPrefix begins the keys of an owner's reservations, which only
// [Quota.Sweep] may delete.
func ReservationPrefix(owner string) string { return owner + "/q/r/" }

// checkOwner refuses an owner whose keys could be taken for those of another or
// for an index.
func checkOwner(owner string) error {
	if owner == "due" || owner+"/" == increasePrefix {
		return invalid("%q is the name of an index, not of an owner", owner)
	}
	return checkName("owner", owner)
}

func checkName(what, name string) error {
	if len(name) == 0 || len(name) > maxName {
		return invalid("the %s has %d bytes, want 1 to %d", what, len(name), maxName)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '/' }) {
		return invalid("the %s has another character than printable ASCII without slash", what)
	}
	return nil
}

// get reads and decodes the record of key into v, which is zero. Where there is
// none, found is false. A record that does not decode is ErrLedger.
func get(tx *storage.Tx, key string, v any) (found bool, err error) {
	record, err := tx.Get(key)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, decode(key, record.Value, v)
}

func decode(key string, value []byte, v any) error {
	if len(value) == 0 || value[0] != format {
		return damaged(key, "unknown format")
	}
	if err := seal.Unmarshal(value[1:], v); err != nil {
		return damaged(key, "%v", err)
	}
	return nil
}

func encode(v any) ([]byte, error) {
	body, err := seal.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("quota: encode: %w", err)
	}
	return append([]byte{format}, body...), nil
}

// newMark makes the value of a record unique. Books are numbers, and two writers
// may come to the same ones: without a mark nobody could tell, after the answer
// to a commit was lost, whose commit it was ([storage.Tx.PutUnique]).
func newMark() []byte {
	mark := make([]byte, 16)
	rand.Read(mark) // never fails
	return mark
}

// putUnique encodes v, which holds a mark, and writes it under key.
func putUnique(tx *storage.Tx, key string, v any) error {
	value, err := encode(v)
	if err != nil {
		return err
	}
	tx.PutUnique(key, value)
	return nil
}

// put encodes v and writes it under key.
func put(tx *storage.Tx, key string, v any) error {
	value, err := encode(v)
	if err != nil {
		return err
	}
	tx.Put(key, value)
	return nil
}
