package recovery_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/seal"
	"reconnect.example/recovery"
	"reconnect.example/recovery/recoverytest"
	"reconnect.example/storage"
	"reconnect.example/storage/sqlitestore"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

// storedSlot is a keyslot as docs/format.md has it, and storedRequest a request.
type storedSlot struct {
	Kind  uint8    `cbor:"1,keyasint"`
	KDF   seal.KDF `cbor:"2,keyasint"`
	Roots []struct {
		Compartment uint8  `cbor:"1,keyasint"`
		Envelope    []byte `cbor:"2,keyasint"`
	} `cbor:"3,keyasint"`
	Holder     []byte         `cbor:"4,keyasint,omitempty"`
	Pinned     []byte         `cbor:"5,keyasint,omitempty"`
	Generation uint64         `cbor:"6,keyasint,omitempty"`
	Card       []byte         `cbor:"7,keyasint,omitempty"`
	Path       []byte         `cbor:"8,keyasint,omitempty"`
	PathKind   vault.PathKind `cbor:"9,keyasint,omitempty"`
	Params     []byte         `cbor:"10,keyasint,omitempty"`
	Shown      []byte         `cbor:"11,keyasint,omitempty"`
	Locked     uint64         `cbor:"12,keyasint,omitempty"`
}

// slotOf opens the keyslot of a path around its roots, as who has the store, the
// service's keys and the key service can.
func (s *hostile) slotOf(t testing.TB, path vault.PathID) (slot storedSlot, id vault.ID) {
	t.Helper()
	get := func(key string) []byte {
		rec, err := s.Store.Get(t.Context(), key)
		require.NoError(t, err)
		return rec.Value
	}
	place := seal.Context{Type: seal.TypeWrappingKey, Vault: s.id(), Compartment: seal.Owner}
	_, raw, err := seal.OpenKeeper(place, get(s.id().String()+"/k/w"), func(sealed []byte) ([]byte, error) { return s.Keeper.Decrypt(t.Context(), sealed) })
	require.NoError(t, err)
	wrapping, err := seal.KeyFromBytes(raw)
	require.NoError(t, err)
	prefix := s.id().String() + "/s/"
	for rec, err := range s.Store.All(t.Context(), prefix) {
		require.NoError(t, err)
		id, err := vault.ParseID(strings.TrimPrefix(rec.Key, prefix))
		require.NoError(t, err)
		_, body, err := wrapping.Open(seal.Context{Type: seal.TypeKeyslot, Vault: s.id(), Compartment: seal.Owner, Object: id[:]}, rec.Value)
		require.NoError(t, err)
		var slot storedSlot
		require.NoError(t, seal.Unmarshal(body, &slot))
		if slices.Equal(slot.Path, path[:]) {
			return slot, id
		}
	}
	t.Fatal("no keyslot has this path")
	return storedSlot{}, vault.ID{}
}

// thief has a copy of everything but the witness, and the half of one who helps.
type thief struct {
	vault    vault.ID
	path     vault.PathID
	slotID   vault.ID
	slot     storedSlot
	params   storedParams
	half     vault.Half
	counters [32]byte
}

func (s *hostile) thief(t testing.TB, who *consenttest.Staff, kind vault.PathKind) *thief {
	t.Helper()
	w := &thief{vault: s.id(), path: s.path(t, kind)}
	w.slot, w.slotID = s.slotOf(t, w.path)
	require.NoError(t, seal.Unmarshal(w.slot.Params, &w.params))
	w.half = s.half(t, who, s.id(), w.path)
	w.counters = s.Vaults.PathCounter(s.id(), w.path, 0) // a keyed hash: the thief has that key
	return w
}

// opens tests what the person's part might come to against the keyslot.
func (w *thief) opens(own []byte) bool {
	label := slices.Concat(w.vault[:], w.path[:], []byte{uint8(w.slot.PathKind), 0})
	part := seal.DeriveKey(own, "recovery path, the person's part", label)
	key := seal.DeriveKey(slices.Concat(part.Bytes(), w.half.Shared), "recovery path", label)
	_, _, err := key.OpenCommitted(seal.Context{Type: seal.TypeRoot, Vault: w.vault, Compartment: seal.Owner, Object: w.slotID[:]}, w.slot.Roots[0].Envelope)
	return err == nil
}

// input is what the witness would be asked about for these answers, in normal form.
func (w *thief) input(answers [3]string) [32]byte {
	var all []byte
	for _, a := range answers {
		all = append(binary.BigEndian.AppendUint32(all, uint32(len(a))), a...)
	}
	key, err := w.params.KDF.Derive(all)
	if err != nil {
		return [32]byte{}
	}
	h := hmac.New(sha256.New, w.params.Secret)
	h.Write([]byte("reconnect recovery answers 1"))
	h.Write(key.Bytes())
	return [32]byte(h.Sum(nil))
}

// function is what the thief puts in the place of the witness's.
type function func(vault [16]byte, counter, input [32]byte) []byte

// witnessFunction is the witness's, for who has its key.
func witnessFunction(key []byte) function {
	return func(vault [16]byte, counter, input [32]byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write(slices.Concat([]byte("reconnect witness evaluation 1"), vault[:], counter[:], input[:]))
		return h.Sum(nil)
	}
}

// search tries every row of answers, with every function, on all processors. It returns
// what opened, by the name of the function.
func (w *thief) search(bits int, functions map[string]function) map[string][]int {
	found, mu := map[string][]int{}, sync.Mutex{}
	var all sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for first := range workers {
		all.Go(func() {
			for n := first; n < 1<<bits; n += workers {
				input := w.input(answersNumber(n, bits))
				for name, f := range functions {
					if w.opens(f(w.vault, w.counters, input)) {
						mu.Lock()
						found[name] = append(found[name], n)
						mu.Unlock()
					}
				}
			}
		})
	}
	all.Wait()
	return found
}

// answersNumber is one row of all that somebody might have answered to three questions:
// the thief knows them so well that so many bits are left.
func answersNumber(n, bits int) (out [3]string) {
	share := bits / 3
	parts := [3]int{n & (1<<share - 1), n >> share & (1<<share - 1), n >> (2 * share)}
	for i, stem := range []string{"berglinudo", "wharfimper", "jokustayge"} {
		out[i] = stem + string(rune('a'+parts[i]/26)) + string(rune('a'+parts[i]%26))
	}
	return out
}

// witnessKey takes the witness's key out of its file, next to the store.
func witnessKey(t testing.TB, folder string) []byte {
	t.Helper()
	copied := t.TempDir()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		b, err := os.ReadFile(filepath.Join(folder, local.WitnessFile+suffix))
		if err == nil {
			require.NoError(t, os.WriteFile(filepath.Join(copied, local.WitnessFile+suffix), b, 0o600))
		}
	}
	driver, err := sqlitestore.Open(t.Context(), filepath.Join(copied, local.WitnessFile), nil)
	require.NoError(t, err)
	defer driver.Close() //nolint:errcheck // a copy
	var record struct {
		Key []byte `cbor:"1,keyasint"`
	}
	for rec, err := range storage.New(driver).All(t.Context(), "key/") {
		require.NoError(t, err)
		require.NoError(t, seal.Unmarshal(rec.Value[1:], &record))
	}
	require.Len(t, record.Key, 32)
	return record.Key
}

// searchBits are how many bits of answers are searched. Twenty are what answers must be
// worth: the large size searches them all.
func searchBits() int {
	if os.Getenv("RECONNECT_TEST_ALL") == "1" {
		return 20
	}
	return 11
}

// With the store, the service's keys, the key service and the keys of relay or desk there
// is nothing to test a guess against: the same search with the witness's file finds the
// answers. So it is at another organisation where it counts.
func searchForAnswers(t *testing.T, _ *hostile) {
	folder := t.TempDir()
	opts := recoverytest.Options{}
	opts.Consent.Vault.Folder = folder
	s := hostileWith(t, opts)
	bits := searchBits()
	right := 1<<bits - 1<<bits/3
	var questions []recovery.Question
	for i, a := range answersNumber(right, bits) {
		questions = append(questions, recovery.Question{Text: fmt.Sprintf("Question %d?", i), Answer: a})
	}
	s.Enrol(t, recovery.Enrolment{Answers: &recovery.NewAnswers{Questions: questions, ByCall: true}})
	own := make([]byte, 32)
	_, _ = rand.Read(own)
	functions := map[string]function{
		"no witness":  func(_ [16]byte, _, input [32]byte) []byte { return input[:] },
		"the witness": witnessFunction(witnessKey(t, folder)),
	}
	found := s.thief(t, s.Samir, vault.PathAnswersRelay).search(bits, functions)
	require.Equal(t, map[string][]int{"the witness": {right}}, found, "with the relay")

	functions["a witness"] = witnessFunction(own) // of one's own
	// With the desk it is the same; enough of it is searched to see that.
	desk := s.thief(t, s.Lina, vault.PathAnswersDesk)
	for name, f := range functions {
		opened := desk.opens(f(desk.vault, desk.counters, desk.input(answersNumber(right, bits))))
		require.Equal(t, name == "the witness", opened, name)
	}
}

type storedRequest struct {
	Path       [16]byte `cbor:"1,keyasint"`
	State      uint8    `cbor:"2,keyasint"`
	Opened     int64    `cbor:"3,keyasint"`
	Until      int64    `cbor:"4,keyasint"`
	Public     []byte   `cbor:"5,keyasint"`
	Private    []byte   `cbor:"6,keyasint,omitempty"`
	Salt       []byte   `cbor:"7,keyasint"`
	Generation uint64   `cbor:"8,keyasint"`
	Opening    []byte   `cbor:"9,keyasint"`
	Owner      []byte   `cbor:"10,keyasint"`
	Pointer    string   `cbor:"11,keyasint,omitempty"`
	Ended      int64    `cbor:"12,keyasint,omitempty"`
	Later      bool     `cbor:"13,keyasint,omitempty"`
}

func (s *hostile) stored(t testing.TB, h recoverytest.Help) (r storedRequest) {
	t.Helper()
	request, _, _ := s.records(h)
	require.NoError(t, seal.Unmarshal(s.host.Record(request).Bytes(), &r))
	return r
}

// The code of a request has eight digits: who has the store and not the witness has
// nothing to try one against, either.
func searchForACode(t *testing.T, _ *hostile) {
	folder := t.TempDir()
	opts := recoverytest.Options{}
	opts.Consent.Vault.Folder = folder
	s := hostileWith(t, opts)
	s.withSheet(t)
	h := s.Begin(t, vault.PathSheetRelay)
	r := s.stored(t, h)
	code := strings.ReplaceAll(h.Code, " ", "")
	opens := func(code string, f function) bool {
		m := hmac.New(sha256.New, r.Salt)
		m.Write([]byte("hand-over code\x00" + code))
		id, request := s.id(), h.Request.ID
		output := f(id, s.calls.counter, [32]byte(m.Sum(nil))) // a keyed hash: the thief has that key
		key := seal.DeriveKey(append(output, code...), "hand-over code", append(id[:], request[:]...))
		_, _, err := key.OpenCommitted(seal.Context{Type: seal.TypeRequest, Vault: id, Object: request[:], Holder: []byte("private half")}, r.Private)
		return err == nil
	}
	drawn := make([]byte, 32)
	_, _ = rand.Read(drawn)
	functions := map[string]function{"a witness": witnessFunction(drawn), "the witness": witnessFunction(witnessKey(t, folder))}
	found := map[string][]string{}
	for last := range 1000 { // the thief has overheard five digits
		guess := code[:5] + fmt.Sprintf("%03d", last)
		for name, f := range functions {
			if opens(guess, f) {
				found[name] = append(found[name], guess)
			}
		}
	}
	require.Equal(t, map[string][]string{"the witness": {code}}, found)
}
