package witness_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// What a witness stores today every later version must read: these bytes never
// change. A new form gets a new number in front.
func TestStoredFormDoesNotDrift(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	clock := &testClock{now: noon}
	w := start(t, driver, witness.Config{Now: clock.Now})
	p := theSamePerson(t)
	h := p.head(7, restore(1))
	shared := witness.Checkpoint{Head: "shared", Restore: 1, Version: 300, Hash: [32]byte{0xaa}}
	_, err := w.Raise(t.Context(), p.vault, h.heads(shared), h.record, true)
	require.NoError(t, err)
	shared.Hash = [32]byte{0xbb}
	_, err = w.Raise(t.Context(), p.vault, []witness.Checkpoint{shared}, nil, true)
	require.NoError(t, err)
	for range 3 {
		_, err = w.Count(t.Context(), p.vault, password)
		require.NoError(t, err)
	}
	require.NoError(t, w.Reset(t.Context(), p.vault, password, p.reset(password, 2)))

	_, err = w.Evaluate(t.Context(), p.vault, card, pin, 0)
	require.NoError(t, err)

	var got []string
	for r, err := range storage.New(driver).All(t.Context(), "") {
		require.NoError(t, err)
		if strings.HasPrefix(r.Key, "count/") { // without its mark, 16 random bytes
			before, rest, found := bytes.Cut(r.Value, []byte{0x04, 0x50})
			require.True(t, found)
			r.Value = append(append(before, 0x04, 0x50), rest[16:]...)
		}
		if strings.HasPrefix(r.Key, "key/") { // and the key with 32
			require.Len(t, r.Value, 5+32)
			r.Value = r.Value[:5]
		}
		got = append(got, fmt.Sprintf("%s = %x", r.Key, r.Value))
	}
	vault, counter, zeros := hex.EncodeToString(p.vault[:]), hex.EncodeToString(password[:]), fmt.Sprintf("%062x", 0)
	key, ms := hex.EncodeToString(p.key().Public()), fmt.Sprintf("%016x", noon.UnixMilli())
	digest := seal.Digest(h.record)
	require.Equal(t, []string{
		"clock = 01a1011b" + ms,
		"count/" + vault + "/" + hex.EncodeToString(card[:]) + " = 01a5010102000" + "31b" + ms + "045005f5",
		"count/" + vault + "/" + counter + " = 01a4010302020" + "31b" + ms + "0450",
		"due/2026122112/" + vault + "/count/" + hex.EncodeToString(card[:]) + " = ",
		"due/2026122112/" + vault + "/count/" + counter + " = ",
		"fork/" + vault + "/shared/0 = 01a6010102" + "19012c" + "035820aa" + zeros + "045820bb" + zeros + "05f6" + "061b" + ms,
		"key = 01a1011b" + ms,
		"key/" + ms + " = 01a1015820",
		"owner/" + vault + " = 01" + hex.EncodeToString(h.record),
		"vault/" + vault + " = 01a7" + "015820" + key + "025820" + key + "035820" + key + "0401" + "0500" + "0600" +
			"0782" + "a4010002010307045820" + hex.EncodeToString(digest[:]) + "a4010102010319012c045820aa" + zeros,
	}, got)
}

func TestStoredFormOfRestoresDoesNotDrift(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	w := start(t, driver, witness.Config{Seed: witnessSeed, Operator: operatorKey.Public()})
	p := theSamePerson(t)
	h, side := p.sideOf(7, "side", restore(1))
	require.NoError(t, w.Keep(t.Context(), p.vault, h.record, side))
	_, err := w.Raise(t.Context(), p.vault, h.heads(), h.record, true)
	require.NoError(t, err)
	complete, err := w.Restore(t.Context(), p.vault, p.restored(2, at("shared", 5, 'd')))
	require.NoError(t, err)

	vault, kept := hex.EncodeToString(p.vault[:]), fmt.Sprintf("01%02x", 0x80+len(side))
	for _, k := range side {
		kept += fmt.Sprintf("a20178%02x%x02%02x%x", len(k.Key), k.Key, 0x40+len(k.Value), k.Value)
	}
	digest := seal.Digest(h.record)
	for key, want := range map[string]string{
		fmt.Sprintf("side/%s/00000000000000010000000000000007/%x/00", vault, digest): kept,
		"restore/" + vault: "01" + hex.EncodeToString(complete),
	} {
		r, err := driver.Get(t.Context(), key)
		require.NoError(t, err, key)
		require.Equal(t, want, hex.EncodeToString(r.Value))
	}
}

func TestDamagedRecordsAreToldApartFromMissingOnes(t *testing.T) {
	t.Parallel()
	p := theSamePerson(t)
	vault, counter := hex.EncodeToString(p.vault[:]), hex.EncodeToString(password[:])
	h := p.head(1, nil)
	for name, try := range map[string]struct {
		key, value string
		call       func(w *witness.Witness) error
	}{
		"vault of a later form": {"vault/" + vault, "02a0", func(w *witness.Witness) error {
			_, err := w.Latest(t.Context(), p.vault)
			return err
		}},
		"vault cut off": {"vault/" + vault, "01a701", func(w *witness.Witness) error {
			_, err := w.Raise(t.Context(), p.vault, h.heads(), h.record, true)
			return err
		}},
		"owner head emptied": {"owner/" + vault, "", func(w *witness.Witness) error {
			_, _, err := w.OwnerSide(t.Context(), p.vault)
			return err
		}},
		"statement of a later form": {"restore/" + vault, "02", func(w *witness.Witness) error {
			_, err := w.Restored(t.Context(), p.vault)
			return err
		}},
		"vault whose name is none": {"vault/xy", "01", func(w *witness.Witness) error {
			_, err := w.Vaults(t.Context(), [16]byte{}, 10)
			return err
		}},
		"vault whose name is no number": {"vault/" + strings.Repeat("x", 32), "01", func(w *witness.Witness) error {
			_, err := w.Vaults(t.Context(), [16]byte{}, 10)
			return err
		}},
		"fork": {"fork/" + vault + "/shared/0", "01", func(w *witness.Witness) error {
			_, err := w.Forks(t.Context(), p.vault)
			return err
		}},
		"fork of an unknown head": {"fork/" + vault + "/side/0", "01a60100020003582000000000000000000000000000000000000000000000000000000000000000000458200000000000000000000000000000000000000000000000000000000000000000" + "05f60600", func(w *witness.Witness) error {
			_, err := w.Forks(t.Context(), p.vault)
			return err
		}},
		"counter with more resets than tries": {"count/" + vault + "/" + counter, "01a3010102020300", func(w *witness.Witness) error {
			_, err := w.Count(t.Context(), p.vault, password)
			return err
		}},
		"key that is too short": {"key/0000000000000007", "01a1014101", func(w *witness.Witness) error {
			_, err := w.Evaluate(t.Context(), p.vault, card, pin, 7)
			return err
		}},
		"latest key of a later form": {"key", "02", func(w *witness.Witness) error {
			_, err := w.RenewKey(t.Context())
			return err
		}},
		"deadline of nobody": {"due/1999010100/nobody/count/" + counter, "", func(w *witness.Witness) error {
			_, err := w.Sweep(t.Context())
			return err
		}},
		"deadline of nothing": {"due/1999010100/" + vault + "/count/" + counter[1:] + "x", "", func(w *witness.Witness) error {
			_, err := w.Sweep(t.Context())
			return err
		}},
		"deadline without an hour": {"due/0", "", func(w *witness.Witness) error {
			_, err := w.Sweep(t.Context())
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			driver := memstore.New()
			value, err := hex.DecodeString(try.value)
			require.NoError(t, err)
			require.NoError(t, driver.Commit(t.Context(), nil, []storage.Write{{Key: try.key, Value: value}}))
			require.ErrorIs(t, try.call(start(t, driver, witness.Config{})), witness.ErrDamaged)
		})
	}
}

func TestDamagedOwnerSideIsNotGivenToARestore(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	h, side := p.sideOf(1, "side", nil)
	for _, damaged := range []string{"", "02", "01", "0180ff", "01f6"} {
		driver := memstore.New()
		w := start(t, driver, witness.Config{})
		require.NoError(t, w.Keep(t.Context(), p.vault, h.record, side))
		_, err := w.Raise(t.Context(), p.vault, h.heads(), h.record, true)
		require.NoError(t, err)
		value, err := hex.DecodeString(damaged)
		require.NoError(t, err)
		key := fmt.Sprintf("side/%x/%032x/%x/00", p.vault, 1, h.checkpoint.Hash)
		require.NoError(t, driver.Commit(t.Context(), nil, []storage.Write{{Key: key, Value: value}}))
		_, _, err = w.OwnerSide(t.Context(), p.vault)
		require.ErrorIs(t, err, witness.ErrDamaged, damaged)
	}
}

func TestDamagedClockStopsTheStart(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	require.NoError(t, driver.Commit(t.Context(), nil, []storage.Write{{Key: "clock", Value: []byte{9}}}))
	_, err := witness.New(witness.Config{Store: storage.New(driver)})
	require.ErrorIs(t, err, witness.ErrDamaged)
}

func TestOneDamagedVaultDoesNotKeepTheOthersFromBeingWritten(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	w := start(t, driver, witness.Config{})
	good, bad := newPerson(t), newPerson(t)
	for _, p := range []*person{good, bad} {
		register(t, w, p)
		_, err := w.Raise(t.Context(), p.vault, []witness.Checkpoint{at("shared", 3, 's')}, nil, false)
		require.NoError(t, err)
	}
	require.NoError(t, driver.Commit(t.Context(), nil, []storage.Write{{Key: "vault/" + hex.EncodeToString(bad.vault[:]), Value: []byte("?")}}))
	require.NoError(t, w.Close())
	latest, err := start(t, driver, witness.Config{}).Latest(t.Context(), good.vault)
	require.NoError(t, err)
	require.Equal(t, at("shared", 3, 's'), latest[1])
}

func TestSweepLeavesTheDeadlinesOfALaterVersion(t *testing.T) {
	t.Parallel()
	driver := memstore.New()
	key := "due/1999010100/00/wait/1"
	require.NoError(t, driver.Commit(t.Context(), nil, []storage.Write{{Key: key}}))
	dropped, err := start(t, driver, witness.Config{}).Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, dropped)
	_, err = driver.Get(t.Context(), key)
	require.NoError(t, err)
}
