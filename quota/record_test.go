package quota

import (
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// The stored bytes, so that no change of the code changes what old stores mean.
func TestFormatOfTheRecords(t *testing.T) {
	t.Parallel()
	inc := storedIncrease{
		Number: 1, Asked: 1_795_254_600_000, Reason: []byte("r"), Limit: 300, State: 2, Decided: 1_795_254_600_001, By: "b", Why: "w",
	}
	for name, c := range map[string]struct {
		record any
		expect string
	}{
		"ledger": {ledger{Used: 1, Reserved: 2, Live: 1, Granted: 300_000_000, Asked: 4, Mark: []byte{7}},
			"01a601010202030104" + "1a11e1a300" + "0504" + "064107"},
		"reservation": {reservation{Blob: "v1/b", Bytes: 10, Deadline: 1_795_254_600_000, Due: 1_795_258_200_000, Sweeping: true, Mark: []byte{7}},
			"01a6" + "016476312f62" + "020a" + "031b000001a1fd834140" + "041b000001a1fdba2fc0" + "05f5" + "064107"},
		"waiting or decided increase": {inc,
			"01a8" + "0101" + "021b000001a1fd834140" + "034172" + "0419012c" + "0502" + "061b000001a1fd834141" + "076162" + "086177"},
		"history": {storedHistory{Increases: []storedIncrease{inc}},
			"01a10181a8" + "0101" + "021b000001a1fd834140" + "034172" + "0419012c" + "0502" + "061b000001a1fd834141" + "076162" + "086177"},
	} {
		value, err := encode(c.record)
		require.NoError(t, err)
		require.Equal(t, c.expect, hex.EncodeToString(value), name)
	}
}

func TestOldRecordsAreRead(t *testing.T) {
	t.Parallel()
	value, err := hex.DecodeString("01a6016476312f62020a031b000001a1fd834140041b000001a1fdba2fc005f5064107")
	require.NoError(t, err)
	r, err := decodeReservation("v1/q/r/a", value)
	require.NoError(t, err)
	require.Equal(t, reservation{
		Blob: "v1/b", Bytes: 10, Deadline: 1_795_254_600_000, Due: 1_795_258_200_000, Sweeping: true, Mark: []byte{7},
	}, r)
}

// with runs fn on a store that holds one record of that content.
func with(t *testing.T, key string, value []byte, fn func(tx *storage.Tx) error) error {
	t.Helper()
	store := storage.New(memstore.New())
	require.NoError(t, store.Transact(t.Context(), func(tx *storage.Tx) error {
		tx.Put(key, value)
		return nil
	}))
	return store.Transact(t.Context(), fn)
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	value, err := encode(v)
	require.NoError(t, err)
	return value
}

func TestALedgerThatDoesNotAddUpIsRefused(t *testing.T) {
	t.Parallel()
	q, err := New(Config{})
	require.NoError(t, err)
	good := encoded(t, ledger{Used: 1})
	for name, value := range map[string][]byte{
		"empty":             {},
		"only a format":     {format},
		"another format":    append([]byte{2}, good[1:]...),
		"bytes behind":      append(append([]byte{}, good...), 0),
		"cut":               good[:len(good)-1],
		"negative used":     encoded(t, ledger{Used: -1}),
		"negative reserved": encoded(t, ledger{Reserved: -1, Live: 1}),
		"negative live":     encoded(t, ledger{Live: -1}),
		"negative granted":  encoded(t, ledger{Granted: -1}),
		"overflow":          encoded(t, ledger{Used: math.MaxInt64, Reserved: 1, Live: 1}),
		"reserved by none":  encoded(t, ledger{Reserved: 1}),
		"another record":    encoded(t, reservation{Blob: "b"}),
	} {
		for call, fn := range map[string]func(tx *storage.Tx) error{
			"Open":   func(tx *storage.Tx) error { return q.Open(tx, "v1") },
			"Charge": func(tx *storage.Tx) error { return q.Charge(tx, "v1", 1) },
			"Usage":  func(tx *storage.Tx) error { _, err := q.Usage(tx, "v1"); return err },
			"Reserve": func(tx *storage.Tx) error {
				_, err := q.Reserve(tx, "v1", Reservation{ID: "a", Blob: "b", Bytes: 1})
				return err
			},
			"RequestIncrease": func(tx *storage.Tx) error { _, err := q.RequestIncrease(tx, "v1", nil); return err },
			"Decide": func(tx *storage.Tx) error {
				_, err := q.Decide(tx, "v1", Decision{Number: 1, By: "Anne"})
				return err
			},
		} {
			err := with(t, "v1/q", value, fn)
			require.ErrorIs(t, err, ErrLedger, "%s, %s", name, call)
			require.ErrorContains(t, err, `"v1/q"`, "the record is named")
		}
		require.NoError(t, with(t, "v1/q", value, func(tx *storage.Tx) error { return q.Close(tx, "v1") }),
			"an owner can be erased all the same")
	}
}

func TestADamagedReservationIsRefused(t *testing.T) {
	t.Parallel()
	q, err := New(Config{})
	require.NoError(t, err)
	for name, value := range map[string][]byte{
		"empty":                 {},
		"negative":              encoded(t, reservation{Blob: "b", Bytes: -1}),
		"no blob":               encoded(t, reservation{}),
		"blob out of the store": encoded(t, reservation{Blob: "../b"}),
		"due before deadline":   encoded(t, reservation{Blob: "b", Deadline: 2, Due: 1}),
		"another record":        encoded(t, ledger{}),
	} {
		for call, fn := range map[string]func(tx *storage.Tx) error{
			"Renew":      func(tx *storage.Tx) error { _, err := q.Renew(tx, "v1", "a"); return err },
			"Grow":       func(tx *storage.Tx) error { _, err := q.Grow(tx, "v1", "a", 5); return err },
			"Settle":     func(tx *storage.Tx) error { return q.Settle(tx, "v1", "a", 0) },
			"Cancel":     func(tx *storage.Tx) error { return q.Cancel(tx, "v1", "a") },
			"BeginSweep": func(tx *storage.Tx) error { _, err := q.BeginSweep(tx, "v1", "a"); return err },
			"EndSweep":   func(tx *storage.Tx) error { return q.EndSweep(tx, "v1", "a") },
		} {
			require.ErrorIs(t, with(t, "v1/q/r/a", value, fn), ErrLedger, "%s, %s", name, call)
		}
	}
}

// More reserved by a reservation than the ledger knows of: whoever ends it must
// not bring the books below zero.
func TestAReservationThatTheLedgerDoesNotKnowIsRefused(t *testing.T) {
	t.Parallel()
	q, err := New(Config{})
	require.NoError(t, err)
	for _, books := range []ledger{{Used: 50}, {Used: 50, Reserved: 9, Live: 1}} {
		for call, fn := range map[string]func(tx *storage.Tx) error{
			"Settle":     func(tx *storage.Tx) error { return q.Settle(tx, "v1", "a", 10) },
			"Cancel":     func(tx *storage.Tx) error { return q.Cancel(tx, "v1", "a") },
			"BeginSweep": func(tx *storage.Tx) error { _, err := q.BeginSweep(tx, "v1", "a"); return err },
		} {
			err := with(t, "v1/q", encoded(t, books), func(tx *storage.Tx) error {
				tx.Put("v1/q/r/a", encoded(t, reservation{Blob: "b", Bytes: 10}))
				return fn(tx)
			})
			require.ErrorIs(t, err, ErrLedger, call)
		}
	}
}

func TestADamagedIncreaseIsRefusedAndDoesNotHideTheOthers(t *testing.T) {
	t.Parallel()
	q, err := New(Config{})
	require.NoError(t, err)
	waiting := storedIncrease{Number: 1, Limit: 5, State: uint8(Waiting)}
	decided := storedIncrease{Number: 1, Limit: 5, State: uint8(Approved)}
	for _, value := range [][]byte{{}, {format}, encoded(t, decided), encoded(t, storedIncrease{Number: 1, State: 9}),
		encoded(t, storedIncrease{State: uint8(Waiting)}), encoded(t, storedIncrease{Number: 1, Limit: -1, State: uint8(Waiting)})} {
		store := storage.New(memstore.New())
		require.NoError(t, store.Transact(t.Context(), func(tx *storage.Tx) error {
			tx.Put("increase/v1", value)
			tx.Put("increase/v2", encoded(t, waiting))
			return q.Open(tx, "v1")
		}))
		require.ErrorIs(t, store.Transact(t.Context(), func(tx *storage.Tx) error {
			_, err := q.RequestIncrease(tx, "v1", nil)
			return err
		}), ErrLedger)
		var good, bad []string
		for inc, err := range q.Pending(t.Context(), store) {
			if errors.Is(err, ErrLedger) {
				bad = append(bad, inc.Owner)
				continue
			}
			require.NoError(t, err)
			good = append(good, inc.Owner)
		}
		require.Equal(t, []string{"v1"}, bad)
		require.Equal(t, []string{"v2"}, good)
	}
	for _, value := range [][]byte{{}, encoded(t, decided), encoded(t, storedHistory{Increases: []storedIncrease{waiting}})} {
		require.ErrorIs(t, with(t, "v1/q/i", value, func(tx *storage.Tx) error {
			_, err := q.Increases(tx, "v1")
			return err
		}), ErrLedger)
	}
}

// Whatever a store hands out, the answer is a ledger that adds up or ErrLedger,
// and what is taken is written back as it was.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"01a6010102020301041a11e1a3000504064107", "01a6016476312f62020a031b000001a1fd834140041b000001a1fdba2fc005f5064107", "", "01", "02a0",
	} {
		value, err := hex.DecodeString(seed)
		require.NoError(f, err)
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var l ledger
		if err := decode("k", value, &l); err == nil {
			require.Equal(t, value, encoded(t, l))
			if err := l.check("k"); err != nil {
				require.ErrorIs(t, err, ErrLedger)
			} else {
				require.GreaterOrEqual(t, l.Used+l.Reserved, int64(0))
			}
		} else {
			require.ErrorIs(t, err, ErrLedger)
		}
		if r, err := decodeReservation("k", value); err == nil {
			require.Equal(t, value, encoded(t, r))
			require.True(t, strings.HasPrefix(r.dueKey("v1", "a"), "due/"))
		} else {
			require.ErrorIs(t, err, ErrLedger)
		}
	})
}
