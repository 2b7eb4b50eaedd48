package witness

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"reconnect.example/storage"
)

// Evaluation is the answer to a try whose secret is too short to stand alone, as
// the PIN of a card is.
type Evaluation = struct {
	Output     [32]byte // zero where the try was refused
	Generation uint64   // of the witness's key that made it; 0 where the try was refused
	Tries      Tries
}

// mostFailed is the hard end of what is evaluated: six digits that may be tried
// twenty times are guessed once in fifty thousand cards. A password has no such
// end, since any stranger who knows a login could reach it (F11); who reaches
// this one has the card.
const mostFailed = 20

// Evaluate counts a try exactly as [Witness.Count] does and, if it was counted,
// evaluates the witness's pseudorandom function: HMAC-SHA256 (RFC 2104) over
// vault, counter and input, under a key that never leaves the witness. The input
// is itself a keyed hash, so that the witness learns nothing of the secret; and
// without the witness nobody can test a guess at it, whatever they have copied.
// The same vault, counter, input and generation always have the same output, and
// no other ones have it.
//
// After 20 tries since the latest reset the counter is spent: the answer says so,
// nothing is counted and nothing is ever evaluated until a reset statement that
// the vault's key signed. A counter of a registered vault that was evaluated is
// not forgotten while tries of it stand as failed.
//
// generation names the key: 0 is the latest, which is drawn at the first use.
// Earlier ones stay usable, see [Witness.RenewKey].
//
// The vault need not be registered, as in Count, but for a key that was put back after a
// loss: ErrUnregistered. Errors: ErrRuled for a counter that [Witness.EvaluateWithin] is
// for, ErrGeneration (none of these is counted), ErrErased, ErrUnavailable (it may have
// been counted), ErrDamaged, ErrClosed.
func (w *Witness) Evaluate(ctx context.Context, vault [16]byte, counter, input [32]byte, generation uint64) (Evaluation, error) {
	if w.pending.isClosed() {
		return Evaluation{}, ErrClosed
	}
	// The key first: a try that cannot be evaluated is not spent.
	key, err := w.evaluationKey(ctx, generation)
	if err != nil {
		return Evaluation{}, closedSet("evaluate", err)
	}
	tries, err := w.counted(ctx, vault, counter, key.generation)
	if err != nil {
		return Evaluation{}, closedSet("evaluate", err)
	}
	e := Evaluation{Tries: tries}
	if tries.Wait > 0 || tries.Spent {
		return e, nil
	}
	// Counted and durable before it is evaluated (F9).
	e.Generation, e.Output = key.generation, key.evaluate(vault, counter, input)
	return e, nil
}

// Tried returns the state of a counter as [Witness.Evaluate] would meet it,
// without counting anything: Wait is what is left of a wait.
//
// Errors: ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) Tried(ctx context.Context, vault [16]byte, counter [32]byte) (tries Tries, err error) {
	if w.pending.isClosed() {
		return Tries{}, ErrClosed
	}
	err = w.store.Transact(ctx, func(tx *storage.Tx) error {
		c, _, err := w.loadCounter(tx, vault, counter)
		if err != nil {
			return err
		}
		if tries = c.tries(); tries.Failed >= mostFailed {
			tries.Spent = true
		} else {
			tries.Wait = c.wait(w.clock.notBefore(time.UnixMilli(c.Last)))
		}
		return nil
	})
	if err != nil {
		return Tries{}, closedSet("tried", err)
	}
	return tries, nil
}

// evaluationKey is one generation of the key of Evaluate.
type evaluationKey struct {
	generation uint64
	key        []byte
}

// evaluationLabel keeps these evaluations apart from any other use of a key. All
// that follows it has a fixed length, so that nothing is ambiguous (I1).
const evaluationLabel = "reconnect witness evaluation 1"

func (k evaluationKey) evaluate(vault [16]byte, counter, input [32]byte) [32]byte {
	h := hmac.New(sha256.New, k.key)
	for _, part := range [][]byte{[]byte(evaluationLabel), vault[:], counter[:], input[:]} {
		_, _ = h.Write(part) // never fails
	}
	return [32]byte(h.Sum(nil))
}

// RenewKey draws a new generation of the key of [Witness.Evaluate], which from
// then on is the latest, and returns its number. What was made with earlier ones
// keeps working with them. It is an act of who runs the witness; no client can ask
// for it. Durable on return.
//
// Errors: ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) RenewKey(ctx context.Context) (generation uint64, err error) {
	if w.pending.isClosed() {
		return 0, ErrClosed
	}
	key, err := w.drawKey(ctx, true)
	return key.generation, closedSet("renew the key", err)
}

// evaluationKey returns a generation of the key; 0: the latest.
func (w *Witness) evaluationKey(ctx context.Context, generation uint64) (evaluationKey, error) {
	if generation == 0 {
		key, found, err := w.latestKey(reader(ctx, w.store))
		if err != nil || found {
			return key, err
		}
		return w.drawKey(ctx, false)
	}
	return readKey(reader(ctx, w.store), generation)
}

// latestKey follows the one record that names the latest generation.
func (w *Witness) latestKey(read func(key string) (storage.Record, error)) (key evaluationKey, found bool, err error) {
	var latest latestRecord
	if found, err = get(read, latestKeyKey, &latest); err != nil || !found {
		return key, false, err
	}
	key, err = readKey(read, latest.Generation)
	return key, true, err
}

func readKey(read func(key string) (storage.Record, error), generation uint64) (evaluationKey, error) {
	var record keyRecord
	found, err := get(read, keyKey(generation), &record)
	switch {
	case err != nil:
		return evaluationKey{}, err
	case !found:
		return evaluationKey{}, fmt.Errorf("%w: %d", ErrGeneration, generation)
	case len(record.Key) != keySize:
		return evaluationKey{}, fmt.Errorf("%w: %q", ErrDamaged, keyKey(generation))
	}
	return evaluationKey{generation: generation, key: record.Key}, nil
}

// drawKey makes a generation, or returns the one that another process was faster
// to make unless it must be a new one. Its number is the witness's time: a witness
// that lost its store and began anew does not give another key the number of a
// lost one, so that a card of before is told from a wrong PIN.
func (w *Witness) drawKey(ctx context.Context, fresh bool) (key evaluationKey, err error) {
	err = w.store.Transact(ctx, func(tx *storage.Tx) error {
		latest, found, err := w.latestKey(tx.Get)
		if err != nil {
			return err
		}
		if found && !fresh {
			key = latest
			return nil
		}
		key = newEvaluationKey(max(latest.generation+1, uint64(max(w.clock.read().UnixMilli(), 1))))
		return putKey(tx, key)
	})
	return key, err
}

func newEvaluationKey(generation uint64) evaluationKey {
	key := evaluationKey{generation: generation, key: make([]byte, keySize)}
	_, _ = rand.Read(key.key) // never fails
	return key
}

// putKey writes a generation, which is the latest from now on.
func putKey(tx *storage.Tx, key evaluationKey) error {
	b, err := encode(keyRecord{Key: key.key})
	if err != nil {
		return err
	}
	tx.PutUnique(keyKey(key.generation), b)
	return put(tx, latestKeyKey, latestRecord{Generation: key.generation})
}

const keySize = 32

// keyKey is where a generation lies; its number is written so that keys sort.
func keyKey(generation uint64) string {
	return fmt.Sprintf("%s%x", keyTable, binary.BigEndian.AppendUint64(nil, generation))
}
